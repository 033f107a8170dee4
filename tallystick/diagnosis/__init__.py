"""Diagnosis: what would explain a disagreement, with its error bar.

Runs only after conviction and never changes the verdict. An explanation is given only
if it accounts for every output: what is left must look like noise.
"""

import numpy as np

from tallystick.diagnosis.constants import constant_name, with_error
from tallystick.diagnosis.evidence import Evidence, fit

__all__ = ["Evidence", "diagnose"]


def diagnose(evidence: Evidence) -> str:
    """Explain why the measured means are not the closed form, or ""."""
    target = evidence.target.ravel()
    factor = fit(evidence, target[:, None])
    if factor is not None and factor.good:
        return _factor_text(float(factor.coefficients[0]), float(factor.errors[0]))
    offset = fit(evidence, np.ones((target.size, 1)), target)
    if offset is not None and offset.good:
        return _offset_text(float(offset.coefficients[0]), float(offset.errors[0]))
    return ""


def _factor_text(value: float, error: float) -> str:
    number = with_error(value, error)
    if abs(value) <= 3 * error:
        return f"empirical = {number} x formula: the mean is zero"
    if abs(value + 1) <= 3 * error:
        return f"empirical = {number} x formula at every point: the sign is wrong"
    name = constant_name(value, error)
    cause = f"off by the factor {name}" if name else "off by a constant factor"
    return f"empirical = {number} x formula at every point: {cause}"


def _offset_text(value: float, error: float) -> str:
    name = constant_name(value, error)
    cause = f"off by the constant {name}" if name else "off by an additive constant"
    sign = "+" if value >= 0 else "-"
    number = with_error(abs(value), error)
    return f"empirical = formula {sign} {number} at every point: {cause}"
