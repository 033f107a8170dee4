"""Diagnosis: what would explain a disagreement, with its error bar.

Runs only after conviction and never changes the verdict. An explanation is given only
if it accounts for every output: what is left must look like noise.
"""

import math
from dataclasses import dataclass

import numpy as np

from tallystick import levels
from tallystick.decide.looks import Look

__all__ = ["constant_name", "diagnose", "diagnose_exact", "with_error"]

_RATIONAL = {
    f"{top}/{bottom}" if bottom > 1 else str(top): top / bottom
    for bottom in (1, 2, 3, 4, 6, 8)
    for top in (1, 2, 3, 4, 6, 8)
    if math.gcd(top, bottom) == 1 and top != bottom
}
_IRRATIONAL = {
    "pi": math.pi,
    "2 pi": 2 * math.pi,
    "pi/2": math.pi / 2,
    "sqrt(2)": math.sqrt(2),
    "sqrt(pi)": math.sqrt(math.pi),
    "sqrt(2 pi)": math.sqrt(2 * math.pi),
    "sqrt(pi/2)": math.sqrt(math.pi / 2),
    "10": 10.0,
}
_NAMED = {
    **_RATIONAL,
    **_IRRATIONAL,
    **{f"1/({name})": 1 / value for name, value in _IRRATIONAL.items()},
}


@dataclass(frozen=True)
class _Fit:
    """A fitted constant: value, standard error, largest remaining deviation in z."""

    value: float
    error: float
    left: float


def constant_name(value: float, error: float) -> str:
    """The one simple constant within three errors of a value, with its sign, or "".

    A value that is known to less than one percent could be almost anything.
    """
    if 3 * error > 0.01 * abs(value):
        return ""
    sign = "-" if value < 0 else ""
    inside = [
        name
        for name, constant in _NAMED.items()
        if abs(abs(value) - constant) <= 3 * error + 1e-9 * constant
    ]
    if abs(abs(value) - 1) <= 3 * error:
        inside.append("1")
    return sign + inside[0] if len(inside) == 1 else ""


def with_error(value: float, error: float) -> str:
    """A number with its standard error in the last digits, as in 0.5000(2)."""
    if not (error > 0 and math.isfinite(error) and math.isfinite(value)):
        return f"{value:.6g}"
    digits = -math.floor(math.log10(error))
    if digits < 0 or digits > 12:
        return f"{value:.4g} +- {error:.1g}"
    last = round(error * 10**digits)
    if last == 10:
        digits, last = digits - 1, 1
    return f"{value:.{max(digits, 0)}f}({last})"


def diagnose(target: np.ndarray, look: Look) -> str:
    """Explain why the measured means are not the target.

    Args:
        target: The closed form, flattened.
        look: A fresh sample, with the directions of the patterns.
    """
    names, directions, lines = look.names, look.directions, look.lines
    mean, error = look.moments.mean, look.moments.standard_error
    limit = levels.z_value(levels.SCREEN_LEVEL / (2 * target.size))

    def left(residual: np.ndarray) -> float:
        live = error > 0
        if not live.any():
            return math.inf
        return float(np.abs(residual[live] / error[live]).max())

    if "scale" in names:
        line = names.index("scale")
        unit = float(directions[line] @ target)
        factor = _Fit(
            float(lines.mean[line]) / unit,
            float(lines.standard_error[line]) / abs(unit),
            left(mean - float(lines.mean[line]) / unit * target),
        )
        if factor.left <= limit:
            return _factor_text(factor)
    if "offset" in names:
        line = names.index("offset")
        unit = float(directions[line].sum())
        shift = float(lines.mean[line] - directions[line] @ target) / unit
        offset = _Fit(
            shift,
            float(lines.standard_error[line]) / abs(unit),
            left(mean - target - shift),
        )
        if offset.left <= limit:
            return _offset_text(offset)
    return ""


def diagnose_exact(target: np.ndarray, measured: np.ndarray) -> str:
    """The same for a measured side without sampling error."""
    scale = float(np.abs(measured).max())
    shift = float(np.mean(measured - target))
    left = float(np.abs(measured - target - shift).max())
    if np.any(target):
        factor = float(target @ measured / (target @ target))
        rest = float(np.abs(measured - factor * target).max())
        if rest <= min(1e-9 * scale, left) and abs(factor - 1) > 1e-9:
            return _factor_text(_Fit(factor, 0.0, 0.0))
    if left <= 1e-9 * max(scale, abs(shift)) and abs(shift) > 2 * left:
        return _offset_text(_Fit(shift, 0.0, 0.0))
    return ""


def _factor_text(fit: _Fit) -> str:
    number = with_error(fit.value, fit.error)
    if abs(fit.value) <= 3 * fit.error:
        return f"empirical = {number} x formula: the mean is zero"
    if abs(fit.value + 1) <= 3 * fit.error + 1e-9:
        return f"empirical = {number} x formula at every point: the sign is wrong"
    name = constant_name(fit.value, fit.error)
    cause = f"off by the factor {name}" if name else "off by a constant factor"
    return f"empirical = {number} x formula at every point: {cause}"


def _offset_text(fit: _Fit) -> str:
    name = constant_name(fit.value, fit.error)
    cause = f"off by the constant {name}" if name else "off by an additive constant"
    sign = "+" if fit.value >= 0 else "-"
    number = with_error(abs(fit.value), fit.error)
    return f"empirical = formula {sign} {number} at every point: {cause}"
