"""Slopes: how fast an integrand changes with its normal noise, at most.

Ranges of derivatives are carried through the program. If the norm of the gradient is at
most G, then E exp(t (Y - E Y)) <= exp(t^2 G^2 / 2), and a mean of n draws deviates by
more than G sqrt(2 L / n) to one side with probability at most exp(-L).

Source: Boucheron, Lugosi & Massart, "Concentration Inequalities", 2013, theorem 5.5.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn

from empirical.montecarlo.program import run
from tallystick.certificates.arithmetic import Interval
from tallystick.certificates.derivatives import DERIVATIVES, Sloped, sloped
from tallystick.certificates.intervals import evaluate

__all__ = ["MOST_SLOPES", "follow", "slopes", "variables"]

MOST_SLOPES = 2**20
"""Largest number of derivatives of one value that are followed."""


def slopes(
    program: ClosedJaxpr, ranges: Sequence[Interval], normal: Sequence[bool]
) -> np.ndarray | None:
    """Bounds on the norms of the gradients in all normal numbers.

    Args:
        program: The program of an integrand, with one output.
        ranges: The range of each of its inputs.
        normal: For each input whether it is made of normal numbers.

    Returns:
        Of the shape of the output; None if some value on the way may jump or be steep
        without bound, or if the program is too large to follow.
    """
    inputs = variables(ranges, normal)
    if inputs is None:
        return None
    try:
        (found,) = run(program, inputs, _follow_finite)
    except _SteepError:
        return None
    found = sloped(found)
    if found.slope is None:
        return np.zeros(found.value.low.shape)
    return np.sqrt((found.slope.size**2).sum(axis=0))


class _SteepError(Exception):
    """A value changes without bound: the rest need not be followed."""


def _follow_finite(equation: JaxprEqn, values: list[Any]) -> list[Sloped]:
    found = follow(equation, values)
    for value in found:
        finite = value.slope is None or np.isfinite(value.slope.size).all()
        if not (value.smooth and finite):
            raise _SteepError
    return found


def variables(
    ranges: Sequence[Interval], normal: Sequence[bool]
) -> list[Sloped] | None:
    """The inputs of a program, with the derivatives of the normal ones."""
    sizes = [r.low.size if n else 0 for r, n in zip(ranges, normal, strict=True)]
    count, start, inputs = sum(sizes), 0, []
    if count**2 > MOST_SLOPES:
        return None
    for interval, size in zip(ranges, sizes, strict=True):
        slope = None
        if size:
            unit = np.zeros((count, size))
            unit[start : start + size] = np.eye(size)
            slope = Interval.known(unit.reshape(count, *interval.low.shape))
        inputs.append(Sloped(interval, slope))
        start += size
    return inputs


def follow(equation: JaxprEqn, values: list[Any]) -> list[Sloped]:
    """The rule that carries ranges and derivatives through an equation."""
    given = [sloped(v) for v in values]
    ranges = list(evaluate(equation, [g.value for g in given]))
    if all(g.slope is None and g.smooth for g in given):
        return [Sloped(r) for r in ranges]
    name = equation.primitive.name
    count = max((len(g.slope.low) for g in given if g.slope is not None), default=0)
    known = name in DERIVATIVES and all(g.smooth for g in given)
    if not known or count * max(r.low.size for r in ranges) > MOST_SLOPES:
        return [Sloped(r, None, smooth=False) for r in ranges]
    with np.errstate(all="ignore"):
        found = DERIVATIVES[name](equation, given, ranges)
    if found is None:
        return [Sloped(r, None, smooth=False) for r in ranges]
    if not isinstance(found, list):
        found = [found]
    return [
        Sloped(r, Interval(_clean(s.low, -np.inf), _clean(s.high, np.inf)))
        if not s.fixed
        else Sloped(r, s)
        for r, s in zip(ranges, found, strict=True)
    ]


def _clean(ends: np.ndarray, nothing: float) -> np.ndarray:
    return np.where(np.isnan(ends), nothing, ends)
