"""Ranges of derivatives: forward differentiation on intervals.

Every value carries the range of its derivative in each normal number of the noise. The
rules for smooth functions and for kinks (a maximum, a size) give the range of the
generalised gradient; what may jump has no rule.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax.extend.core import JaxprEqn

from tallystick.certificates.arithmetic import (
    Interval,
    add,
    divide,
    interval_of,
    multiply,
    negative,
    power,
    product,
    summed,
)
from tallystick.certificates.shaping import SHAPING, dot

__all__ = ["DERIVATIVES", "Sloped", "sloped"]


@dataclass(frozen=True)
class Sloped:
    """A value with its derivatives.

    Attributes:
        value: Its range.
        slope: The ranges of its derivatives, with a leading axis for the normal
            numbers; None if it does not depend on them.
        smooth: Whether the derivatives say all: False if the value may jump.
    """

    value: Interval
    slope: Interval | None = None
    smooth: bool = True


def sloped(value: Any) -> Sloped:
    """A value with its derivatives, of a constant too."""
    return value if isinstance(value, Sloped) else Sloped(interval_of(value))


Slope = Interval | list[Interval] | None


def _lifted(slope: Interval, shape: tuple[int, ...]) -> Interval:
    """Derivatives of a number, where it is broadcast against an array."""
    missing = len(shape) + 1 - slope.low.ndim
    if missing <= 0:
        return slope
    return _each(lambda a: a.reshape(len(a), *(1,) * missing, *a.shape[1:]), slope)


def _each(function: Callable[..., np.ndarray], *slope: Interval) -> Interval:
    """A rising function of both ends, or of the one value if it is known."""
    low = function(*(s.low for s in slope))
    if all(s.fixed for s in slope):
        return Interval(low, low)
    return Interval(low, function(*(s.high for s in slope)))


def _times(left: Interval, right: Interval) -> Interval:
    if left.fixed and right.fixed:
        return Interval.known(left.low * right.low)
    return multiply(left, right)


def _plus(left: Interval | None, right: Interval | None) -> Interval | None:
    if left is None or right is None:
        return right if left is None else left
    if left.fixed and right.fixed:
        return Interval.known(left.low + right.low)
    return add(left, right)


def _minus(slope: Interval | None) -> Interval | None:
    if slope is None:
        return None
    return Interval.known(-slope.low) if slope.fixed else negative(slope)


def _shaped(equation: JaxprEqn, given: list[Sloped], ranges) -> Slope:
    """Linear operations act on each derivative as on the value."""
    shape = SHAPING[equation.primitive.name]
    slope = _filled(given)

    def act(*arrays: np.ndarray) -> Any:
        rows = [shape(equation.params, *row) for row in zip(*arrays, strict=True)]
        if len(ranges) == 1:
            return np.stack(rows)
        return [np.stack(parts) for parts in zip(*rows, strict=True)]

    if len(ranges) == 1:
        return _each(act, *slope)
    ends = [act(*(s.low for s in slope)), act(*(s.high for s in slope))]
    return [Interval(*pair) for pair in zip(*ends, strict=True)]


def _filled(given: list[Sloped]) -> list[Interval]:
    """The derivatives of all inputs, zero for those that do not depend on the noise."""
    count = next(len(g.slope.low) for g in given if g.slope is not None)
    return [
        Interval.known(np.zeros((count, *g.value.low.shape)))
        if g.slope is None
        else g.slope
        for g in given
    ]


def _sum(equation, given: list[Sloped], ranges: list[Interval]) -> Slope:
    sign = _minus if equation.primitive.name == "sub" else (lambda slope: slope)
    left, right = (
        None if g.slope is None else _lifted(g.slope, ranges[0].low.shape)
        for g in given
    )
    return _full(_plus(left, sign(right)), ranges)


def _full(slope: Interval | None, ranges: list[Interval]) -> Slope:
    """With the whole shape, where a number was broadcast."""
    assert slope is not None
    shape = (len(slope.low), *ranges[0].low.shape)
    return _each(lambda a: np.broadcast_to(a, shape), slope)


def _mul(equation, given: list[Sloped], ranges: list[Interval]) -> Slope:
    left, right = given
    if equation.invars[0] is equation.invars[1]:
        assert left.slope is not None
        return _times(left.value.scaled(2), left.slope)
    shape, parts = ranges[0].low.shape, []
    for mine, other in ((left, right), (right, left)):
        if mine.slope is None:
            parts.append(None)
        else:
            parts.append(_times(_lifted(mine.slope, shape), other.value))
    return _full(_plus(*parts), ranges)


def _div(equation, given: list[Sloped], ranges: list[Interval]) -> Slope:
    upper, lower = given
    inverse = divide(Interval.known(np.ones(())), lower.value)
    if lower.value.fixed:
        inverse = Interval.known(1 / lower.value.low)
    shape = ranges[0].low.shape
    parts: list[Interval | None] = [None, None]
    if upper.slope is not None:
        parts[0] = _times(_lifted(upper.slope, shape), inverse)
    if lower.slope is not None:
        factor = multiply(ranges[0], inverse)
        parts[1] = _minus(multiply(_lifted(lower.slope, shape), factor))
    return _full(_plus(*parts), ranges)


def _dot(equation, given: list[Sloped], ranges: list[Interval]) -> Slope:
    del ranges
    left, right = given
    parts = [
        _dot_rows(equation.params, left.slope, right.value, first=True),
        _dot_rows(equation.params, right.slope, left.value, first=False),
    ]
    return _plus(*parts)


def _dot_rows(
    options: dict[str, Any], slope: Interval | None, other: Interval, *, first: bool
) -> Interval | None:
    """The derivatives of one factor, each in a product with the other factor."""
    if slope is None:
        return None

    def along(rows: np.ndarray, value: np.ndarray) -> np.ndarray:
        pairs = ((r, value) if first else (value, r) for r in rows)
        return np.stack([dot(options, *pair) for pair in pairs])

    if not other.fixed:
        rows = (Interval(*ends) for ends in zip(slope.low, slope.high, strict=True))
        found = [product(options, *((r, other) if first else (other, r))) for r in rows]
        return Interval(
            np.stack([f.low for f in found]), np.stack([f.high for f in found])
        )
    if slope.fixed:
        return Interval.known(along(slope.low, other.low))
    # Infinite ends would make zero times infinity: they are left to the caller.
    above, below = np.maximum(other.low, 0), np.minimum(other.low, 0)
    low = along(slope.low, above) + along(slope.high, below)
    high = along(slope.high, above) + along(slope.low, below)
    return summed(low, high, along(slope.size, np.abs(other.low)), low.shape)


def _hull(equation, given: list[Sloped], ranges: list[Interval]) -> Slope:
    """A generalised gradient of a maximum lies between those of its parts."""
    del equation
    parts = [_lifted(s, ranges[0].low.shape) for s in _filled(given)]
    low = np.minimum(parts[0].low, parts[1].low)
    return _full(Interval(low, np.maximum(parts[0].high, parts[1].high)), ranges)


def _extreme(equation, given: list[Sloped], ranges) -> Slope:
    del ranges
    slope = given[0].slope
    assert slope is not None
    axes = tuple(int(a) + 1 for a in equation.params["axes"])
    return Interval(slope.low.min(axis=axes), slope.high.max(axis=axes))


def _select(equation, given: list[Sloped], ranges: list[Interval]) -> Slope:
    """A choice that the noise does not make."""
    del equation
    if not given[0].value.fixed:
        return None
    which = given[0].value.low.astype(int)
    parts = [_lifted(s, ranges[0].low.shape) for s in _filled(given[1:])]
    shape = parts[0].low.shape
    whole = np.broadcast_to(which, shape)
    return _each(lambda *arrays: np.choose(whole, arrays), *parts)


def _convert(equation, given: list[Sloped], ranges) -> Slope:
    del ranges
    exact = np.dtype(equation.params["new_dtype"]) == np.float64
    return given[0].slope if exact else None


def _through(derivative: Callable[[JaxprEqn, Interval, Interval], Interval]):
    """The chain rule, for a function of one number."""

    def rule(equation, given: list[Sloped], ranges: list[Interval]) -> Slope:
        slope = given[0].slope
        assert slope is not None
        return multiply(derivative(equation, given[0].value, ranges[0]), slope)

    return rule


def _within(low: float, high: float):
    return _through(
        lambda e, value, result: Interval(
            np.full(value.low.shape, low), np.full(value.low.shape, high)
        )
    )


def _power(equation: JaxprEqn, value: Interval, result: Interval) -> Interval:
    del result
    exponent = int(equation.params.get("y", 2))
    if exponent < 0:
        return Interval.unbounded(value.low.shape)
    lower = power(value, exponent - 1) if exponent > 1 else None
    one = Interval.known(np.ones(value.low.shape))
    return (lower or one).scaled(float(exponent)) if exponent else one.scaled(0.0)


def _inverse(equation: JaxprEqn, value: Interval, result: Interval) -> Interval:
    del equation, result
    return divide(Interval.known(np.ones(())), value)


DERIVATIVES: dict[str, Callable[[JaxprEqn, list[Sloped], list[Interval]], Slope]] = {
    "abs": _within(-1, 1),
    "add": _sum,
    "add_any": _sum,
    "asinh": _within(0, 1),
    "atan": _within(0, 1),
    "convert_element_type": _convert,
    "cos": _within(-1, 1),
    "div": _div,
    "dot_general": _dot,
    "erf": _within(0, 2 / math.sqrt(math.pi)),
    "exp": _through(lambda e, value, result: result),
    "integer_pow": _through(_power),
    "log": _through(_inverse),
    "logistic": _within(0, 0.25),
    "max": _hull,
    "min": _hull,
    "mul": _mul,
    "neg": lambda e, given, ranges: _minus(given[0].slope),
    "reduce_max": _extreme,
    "reduce_min": _extreme,
    "select_n": _select,
    "sin": _within(-1, 1),
    "sqrt": _through(lambda e, value, result: _inverse(e, result.scaled(2), result)),
    "square": _through(_power),
    "sub": _sum,
    "tanh": _within(0, 1),
    **dict.fromkeys(SHAPING, _shaped),
}
"""From a primitive's name to the derivatives of its output; None if it may jump."""
