"""Interval arithmetic on arrays.

An end that is infinite means that nothing is known on that side; the values themselves
are finite, so that zero times unbounded is zero. Computed ends are rounded outwards.

Source: Moore, Kearfott & Cloud, "Introduction to Interval Analysis", SIAM 2009,
chapters 2 and 5.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tallystick.certificates.shaping import SHAPING, matrices

__all__ = [
    "Interval",
    "absolute",
    "add",
    "complement",
    "convert",
    "cosine",
    "divide",
    "equal",
    "interval_of",
    "less",
    "less_equal",
    "multiply",
    "multiply_all",
    "negative",
    "outwards",
    "power",
    "product",
    "running_total",
    "select",
    "sine",
    "summed",
    "total",
]

OUTWARDS = 1e-9
"""Relative rounding of computed ends: far more than double precision needs."""


@dataclass(frozen=True)
class Interval:
    """Arrays of lower and upper ends; one and the same array if the value is known."""

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def known(cls, value: Any) -> "Interval":
        """The interval of a value that does not depend on the noise."""
        array = np.asarray(value)
        if array.dtype.kind == "c":
            return cls.unbounded(array.shape)
        if array.dtype.kind in "iu" and (np.abs(array.astype(float)) >= 2**53).any():
            return cls.unbounded(array.shape)  # Too large to be followed exactly.
        array = array if array.dtype == bool else array.astype(np.float64)
        return cls(array, array)

    @classmethod
    def unbounded(cls, shape: tuple[int, ...]) -> "Interval":
        """Nothing is known."""
        return cls(np.full(shape, -np.inf), np.full(shape, np.inf))

    @property
    def fixed(self) -> bool:
        """Whether the value does not depend on the noise."""
        return self.low is self.high

    @property
    def size(self) -> np.ndarray:
        """Largest absolute value."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    def scaled(self, factor: float) -> "Interval":
        """The interval times a positive number."""
        return Interval(factor * self.low, factor * self.high)


def interval_of(value: Any) -> Interval:
    """An interval, of a constant too."""
    return value if isinstance(value, Interval) else Interval.known(value)


def multiply(left: Interval, right: Interval) -> Interval:
    """The range of a product of two values."""
    with np.errstate(all="ignore"):
        ends = [
            np.nan_to_num(a * b, nan=0.0, posinf=np.inf, neginf=-np.inf)
            for a in (left.low, left.high)
            for b in (right.low, right.high)
        ]
    return outwards(
        functools.reduce(np.minimum, ends), functools.reduce(np.maximum, ends)
    )


def divide(left: Interval, right: Interval) -> Interval:
    """The range of a quotient; unbounded where the divisor may be zero."""
    with np.errstate(all="ignore"):
        safe = (right.low > 0) | (right.high < 0)
        inverse = Interval(
            np.where(safe, 1 / right.high, -np.inf),
            np.where(safe, 1 / right.low, np.inf),
        )
    found = multiply(left, inverse)
    return Interval(
        np.where(safe, found.low, -np.inf), np.where(safe, found.high, np.inf)
    )


def product(options: dict[str, Any], left: Interval, right: Interval) -> Interval:
    """The range of a `dot_general`; its terms are taken to be independent."""
    lows = matrices(options, left.low, right.low)
    highs = matrices(options, left.high, right.high)
    stack, rows, inner = lows[0].shape
    low = high = size = np.zeros((stack, rows, lows[1].shape[2]))
    for term in range(inner):
        part = multiply(
            Interval(lows[0][:, :, term, None], highs[0][:, :, term, None]),
            Interval(lows[1][:, term, None], highs[1][:, term, None]),
        )
        low, high, size = low + part.low, high + part.high, size + part.size
    return summed(low, high, size, lows[2])


def summed(low, high, size, shape) -> Interval:
    """A sum, rounded outwards relative to the size of its terms."""
    slack = np.where(np.isfinite(size), 1e-3 * OUTWARDS * size, 0.0)
    below = np.where(low >= 0, np.maximum(low - slack, 0), low - slack)
    above = np.where(high <= 0, np.minimum(high + slack, 0), high + slack)
    return outwards(below.reshape(shape), above.reshape(shape))


def add(left: Interval, right: Interval) -> Interval:
    """The range of a sum."""
    return outwards(left.low + right.low, left.high + right.high)


def negative(value: Interval) -> Interval:
    """The range of minus a value."""
    return Interval(-value.high, -value.low)


def total(axes: tuple[int, ...], value: Interval) -> Interval:
    """The range of a sum over axes."""
    parts = (a.sum(axis=axes) for a in (value.low, value.high, value.size))
    low, high, size = parts
    return summed(low, high, size, low.shape)


def running_total(options: dict[str, Any], value: Interval) -> Interval:
    """The range of a cumulative sum."""
    parts = (value.low, value.high, value.size)
    low, high, size = (SHAPING["cumsum"](options, a) for a in parts)
    return summed(low, high, size, low.shape)


def multiply_all(axes: tuple[int, ...], value: Interval) -> Interval:
    """The range of a product over axes."""
    low, high = (
        np.moveaxis(a, axes, range(len(axes))) for a in (value.low, value.high)
    )
    shape = low.shape[len(axes) :]
    low, high = low.reshape(-1, *shape), high.reshape(-1, *shape)
    factors = (Interval(*pair) for pair in zip(low, high, strict=True))
    return functools.reduce(multiply, factors, Interval(np.ones(shape), np.ones(shape)))


def power(value: Interval, exponent: int) -> Interval:
    """The range of an integer power."""
    if exponent < 0:
        one = Interval.known(np.ones(()))
        return divide(one, power(value, -exponent))
    ends = value.low ** float(exponent), value.high ** float(exponent)
    low, high = np.minimum(*ends), np.maximum(*ends)
    if exponent % 2 == 0:
        low = np.where((value.low <= 0) & (value.high >= 0), 0.0, low)
    return outwards(low, high)


def absolute(value: Interval) -> Interval:
    """The range of the size of a value."""
    ends = np.abs(value.low), np.abs(value.high)
    through = (value.low <= 0) & (value.high >= 0)
    return Interval(np.where(through, 0.0, np.minimum(*ends)), np.maximum(*ends))


def cosine(value: Interval) -> Interval:
    """The range of a cosine."""
    return _wave(np.cos, 0.0, value)


def sine(value: Interval) -> Interval:
    """The range of a sine."""
    return _wave(np.sin, math.pi / 2, value)


def _wave(
    function: Callable[..., np.ndarray], peak: float, value: Interval
) -> Interval:
    """That of the ends, unless a peak or a trough lies between them."""
    usable = value.size < 1e6  # Beyond, the phase is no longer known well enough.
    low, high = np.where(usable, value.low, 0.0), np.where(usable, value.high, 7.0)

    def meets(place: float) -> np.ndarray:
        period = 2 * math.pi
        # A margin: the ends may lie a rounding error off the place.
        below, above = (low - place) / period - 1e-7, (high - place) / period + 1e-7
        return np.floor(above) >= np.ceil(below)

    ends = function(low), function(high)
    found = outwards(np.minimum(*ends), np.maximum(*ends))
    return Interval(
        np.where(meets(peak - math.pi), -1.0, np.maximum(found.low, -1.0)),
        np.where(meets(peak), 1.0, np.minimum(found.high, 1.0)),
    )


def select(which: Interval, *cases: Interval) -> Interval:
    """The case that is known to be taken, else the hull of all."""
    low = functools.reduce(np.minimum, [case.low for case in cases])
    high = functools.reduce(np.maximum, [case.high for case in cases])
    for number, case in enumerate(cases):
        taken = (which.low == number) & (which.high == number)
        low, high = np.where(taken, case.low, low), np.where(taken, case.high, high)
    return Interval(low, high)


def convert(kind: np.dtype, value: Interval) -> Interval:
    """The range after a change of type."""
    if kind.kind == "b":
        zero = Interval.known(np.zeros(()))
        return complement(equal(value, zero))
    if kind.kind in "iu":
        return Interval(np.trunc(value.low), np.trunc(value.high))
    return value  # The rounding of narrow formats is added where ends are checked.


def less(left: Interval, right: Interval) -> Interval:
    """Whether one value is less: [0, 0], [1, 1] or [0, 1]."""
    return Interval(left.high < right.low, left.low < right.high)


def less_equal(left: Interval, right: Interval) -> Interval:
    """Whether one value is at most another."""
    return Interval(left.high <= right.low, left.low <= right.high)


def equal(left: Interval, right: Interval) -> Interval:
    """Whether two values are equal."""
    apart = (left.high < right.low) | (right.high < left.low)
    single = (left.low == left.high) & (right.low == right.high)
    return Interval(single & (left.low == right.low), ~apart)


def complement(value: Interval) -> Interval:
    """The range of a negation."""
    high = value.high.astype(bool)
    return Interval(~high, ~value.low.astype(bool))


def outwards(low: np.ndarray, high: np.ndarray) -> Interval:
    """An interval with its ends rounded outwards."""
    return Interval(
        low - OUTWARDS * np.where(np.isfinite(low), np.abs(low), 0.0),
        high + OUTWARDS * np.where(np.isfinite(high), np.abs(high), 0.0),
    )
