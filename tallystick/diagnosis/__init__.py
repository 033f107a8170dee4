"""Diagnosis: what would explain a disagreement, with its error bar.

Runs only after conviction and never changes the verdict. An explanation is given only
if it accounts for every output: what is left must look like noise. A true explanation
is turned down with probability `FIT_LEVEL` = 1e-3; it is named only if it beats every
other that predicts something else by odds of a thousand, whatever their number, since
its own cost counts how many of its kind were tried.
"""

from collections.abc import Callable

from tallystick.diagnosis.arguments import angles, arguments, indices, orders
from tallystick.diagnosis.evidence import Evidence, Fit, fit
from tallystick.diagnosis.explanation import Diagnosis, Explanation, choose
from tallystick.diagnosis.factors import factors
from tallystick.diagnosis.powers import powers, whole_power
from tallystick.diagnosis.precision import Float32Error, float32_error
from tallystick.diagnosis.regions import regions, spread_of
from tallystick.diagnosis.terms import missing, terms

__all__ = [
    "Diagnosis",
    "Evidence",
    "Fit",
    "Float32Error",
    "diagnose",
    "fit",
    "float32_error",
]

KINDS: tuple[Callable[[Evidence], list[Explanation]], ...] = (
    factors,
    orders,
    arguments,
    indices,
    regions,
    powers,
    whole_power,
    angles,
    terms,
    missing,
)
"""The simplest first: of two that come to the same the first is named."""


def diagnose(evidence: Evidence) -> Diagnosis:
    """Explain why the measured means are not the closed form.

    Args:
        evidence: A fresh measurement at the points of one case.

    Returns:
        One explanation, a list of those that fit equally well (kind "undecided"), or
        what can be said without one (kind "none").
    """
    if not evidence.usable:
        return Diagnosis("none", "no explanation: nothing but zeros, or not finite")
    as_claimed = fit(evidence, None, evidence.target.ravel())
    if as_claimed is not None and as_claimed.good:
        return Diagnosis("none", "further draws show no difference")
    found: list[Explanation] = []
    for kind in KINDS:
        found += kind(evidence)
    chosen = choose(evidence, found)
    if chosen is not None:
        return chosen
    return Diagnosis("none", f"no simple explanation: {spread_of(evidence)}")
