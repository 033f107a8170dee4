"""Degrees of polynomials: what the program of an integrand says about its moments.

A polynomial Y of degree k in independent normal numbers and signs has
E (Y - E Y)^4 <= 9^k Var(Y)^2. For normal numbers alone the factor is 3 if k = 1 (Y is
normal) and 15 if k = 2: in rotated coordinates Y - E Y is a sum of independent terms
a (z^2 - 1) + b z, each with the variance v = 2 a^2 + b^2 and the fourth cumulant
48 a^2 (a^2 + b^2) <= 12 v^2. For k = 1 it is 3 with signs as well, since their fourth
cumulant is negative.

Source: O'Donnell, "Analysis of Boolean Functions", 2014, theorem 9.21 (Bonami's lemma
for signs) and section 11.1 (for normal numbers).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn

from empirical.montecarlo.program import run
from tallystick.certificates.shaping import SHAPING, kind_of

__all__ = ["degree", "largest_kurtosis"]

_LINEAR = {"add", "add_any", "neg", "pad", "sub", *SHAPING}
# Linear in the first input, with indices that must not depend on the noise.
_READS = {"dynamic_slice", "gather"}


@dataclass(frozen=True)
class _Degree:
    value: float


def degree(program: ClosedJaxpr, noisy: Sequence[bool]) -> int | None:
    """The degree of the outputs of a program as polynomials in some of its inputs.

    Args:
        program: The program.
        noisy: For each input whether it is a variable of the polynomial.

    Returns:
        An upper bound of the degree; None if an output need not be a polynomial.
    """
    found = run(program, [_Degree(float(n)) for n in noisy], _rule)
    most = max((_value(d) for d in found), default=0.0)
    return int(most) if math.isfinite(most) else None


def largest_kurtosis(degree: int, *, normal: bool) -> float:
    """Bound on E (Y - E Y)^4 / Var(Y)^2 for a polynomial Y.

    Args:
        degree: Its degree.
        normal: Whether all its variables are normal; if not, some are signs.
    """
    if degree <= 1:
        return 3.0
    return 15.0 if normal and degree == 2 else 9.0**degree


def _value(known: Any) -> float:
    return known.value if isinstance(known, _Degree) else 0.0


def _rule(equation: JaxprEqn, values: list[Any]) -> list[_Degree]:
    degrees = [_value(v) for v in values]
    found = _of(equation, degrees) if any(degrees) else 0.0
    return [_Degree(found)] * len(equation.outvars)


def _of(equation: JaxprEqn, degrees: list[float]) -> float:
    name, options = equation.primitive.name, equation.params
    if name in _LINEAR:
        return max(degrees)
    if name == "convert_element_type":
        exact = np.dtype(options["new_dtype"]) == np.float64
        return degrees[0] if exact else math.inf
    if name in ("mul", "dot_general"):
        return sum(degrees)
    if name == "reduce_prod":
        shape, axes = kind_of(equation.invars[0]).shape, options["axes"]
        return degrees[0] * math.prod(shape[a] for a in axes)
    if name == "square":
        return 2 * degrees[0]
    if name == "integer_pow" and options["y"] > 0:
        return int(options["y"]) * degrees[0]
    if name == "div" and degrees[1] == 0:
        return degrees[0]
    # The cases may differ where the choice does not depend on the noise.
    if name == "select_n" and degrees[0] == 0:
        return max(degrees)
    if name in _READS and not any(degrees[1:]):
        return degrees[0]
    return math.inf
