"""Simple constants, recognized within an error bar, and numbers with their errors.

A constant is named only if it is the one simple candidate in the interval and the
interval is so short that a number at random would seldom hit one as simple.
"""

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Constant", "Recognized", "recognize", "with_error"]

WIDTH = 4.0
"""Half the interval, in standard errors; `REACH` of the evidence."""
BY_CHANCE = 0.05
"""Largest expected number of candidates as simple as the one named, in an interval of
that length anywhere within a factor of 1.5."""
AS_SIMPLE = 1.5
"""Candidates less complex than the simplest plus this are rivals."""


@dataclass(frozen=True)
class Constant:
    """A constant with a name.

    Attributes:
        name: How it is written.
        value: Its value; at the sizes in use, if it depends on them.
        complexity: Roughly the logarithm of how many are as simple.
        sizes: The size that it depends on and that size's value, or None.
        of: The constant as a function of that size.
    """

    name: str
    value: float
    complexity: float
    size: tuple[str, int] | None = None
    of: Callable[[int], float] | None = None


@dataclass(frozen=True)
class Recognized:
    """What a measured number may be.

    Attributes:
        best: The constant, if one can be named.
        fits: The simplest one that fits, if none can be named.
        sized: Constants that depend on a size and fit too.
        sharper: By what factor the error must shrink to tell `fits` from its rival.
    """

    best: Constant | None = None
    fits: Constant | None = None
    sized: tuple[Constant, ...] = ()
    sharper: float = math.nan

    @property
    def cost(self) -> float | None:
        """Complexity of what is named, or None."""
        found = self.best or (self.sized[0] if self.sized and not self.fits else None)
        return None if found is None else found.complexity


# Bases with their complexity; each comes with small multiples and fractions.
_BASES = {
    "pi": (math.pi, 1.2),
    "sqrt(2)": (math.sqrt(2), 1.4),
    "sqrt(pi)": (math.sqrt(math.pi), 1.8),
    "sqrt(2 pi)": (math.sqrt(2 * math.pi), 1.8),
    "sqrt(3)": (math.sqrt(3), 2.5),
    "pi^2": (math.pi**2, 2.2),
    "e": (math.e, 2.5),
    "log(2)": (math.log(2), 3.0),
}
# Functions of a size n: name, name of the inverse, function, complexity.
_SIZED: tuple[tuple[str, str, Callable[[int], float], float], ...] = (
    ("{n}", "1/{n}", lambda n: n, 1.0),
    ("sqrt({n})", "1/sqrt({n})", lambda n: math.sqrt(n), 1.5),
    ("({n} - 1)", "1/({n} - 1)", lambda n: n - 1, 1.6),
    ("({n} + 1)", "1/({n} + 1)", lambda n: n + 1, 1.6),
    ("({n} + 2)", "1/({n} + 2)", lambda n: n + 2, 2.0),
    ("{n}^2", "1/{n}^2", lambda n: n**2, 1.8),
    ("{n}/({n} - 1)", "({n} - 1)/{n}", lambda n: n / (n - 1), 1.6),
    ("{n}/({n} + 1)", "({n} + 1)/{n}", lambda n: n / (n + 1), 2.2),
    ("{n}/({n} + 2)", "({n} + 2)/{n}", lambda n: n / (n + 2), 2.4),
    ("{n}!", "1/{n}!", lambda n: math.factorial(min(n, 20)), 2.4),
    ("2^{n}", "1/2^{n}", lambda n: 2.0 ** min(n, 64), 2.4),
)


@functools.cache
def _plain() -> tuple[Constant, ...]:
    found: dict[float, Constant] = {}

    def add(name: str, value: float, complexity: float) -> None:
        key = float(f"{value:.12g}")
        if key not in found or found[key].complexity > complexity:
            found[key] = Constant(name, value, complexity)

    for top in (*range(1, 17), 20, 24, 32, 48, 64, 100, 1000):
        for bottom in (*range(1, 17), 20, 24, 32, 48, 64, 100, 1000):
            if math.gcd(top, bottom) > 1 or (top > 16 and bottom > 16):
                continue
            complexity = math.log(top) + math.log(bottom)
            if top in (10, 100, 1000) and bottom == 1:
                complexity = 2.2 + 0.3 * math.log10(top)
            rational = f"{top}/{bottom}" if bottom > 1 else str(top)
            add(rational, top / bottom, complexity)
            if top * bottom > 16:
                continue
            for name, (base, extra) in _BASES.items():
                above = name if top == 1 else f"{top} {name}"
                below = name if bottom == 1 else f"({bottom} {name})"
                over = above if bottom == 1 else f"{above}/{bottom}"
                add(over, top * base / bottom, complexity + extra)
                add(f"{top}/{below}", top / (bottom * base), complexity + extra)
    return tuple(found.values())


def _sized(sizes: Mapping[str, int]) -> list[Constant]:
    found = []
    for size, n in sizes.items():
        if n < 2:
            continue  # Too many functions of one are one.
        for name, inverse, of, complexity in _SIZED:
            if of(n) == 1.0:
                continue
            here = (size, n)
            found += [
                Constant(name.format(n=size), of(n), complexity, here, of),
                Constant(
                    inverse.format(n=size), 1 / of(n), complexity, here, _inverse(of)
                ),
            ]
    return found


def _inverse(of: Callable[[int], float]) -> Callable[[int], float]:
    return lambda n: 1 / of(n)


def recognize(
    value: float,
    error: float,
    sizes: Mapping[str, int] | None = None,
    neutral: float = 1.0,
) -> Recognized:
    """The one simple constant within four errors of a value, with its sign.

    Args:
        value: The number.
        error: Its standard error.
        sizes: Sizes that it may depend on.
        neutral: The value that would change nothing: 1 for a factor, 0 for a constant.
    """
    size, reach = abs(value), WIDTH * error + 1e-9 * abs(value)
    if not (math.isfinite(value) and math.isfinite(error)) or reach >= size / 4:
        return Recognized()
    plain = [c for c in _plain() if abs(c.value - size) <= reach]
    sized = [c for c in _sized(sizes or {}) if abs(c.value - size) <= reach]
    sized.sort(key=lambda c: c.complexity)
    plain.sort(key=lambda c: c.complexity)
    width = math.log1p(2 * reach / size) / math.log(2.25)
    signed = tuple(_signed(c, value) for c in sized if _few(c, width, size))
    if not plain:
        return Recognized(sized=signed)
    best = plain[0]
    if abs(value - neutral) <= reach:
        return Recognized()  # No change at all is among what fits.
    rivals = [
        c
        for c in _plain()
        if c is not best and c.complexity < best.complexity + AS_SIMPLE
    ]
    gap = min(abs(c.value - best.value) for c in rivals)
    alone = all(abs(c.value - size) > reach for c in rivals)
    if alone and _few(best, width, size):
        return Recognized(best=_signed(best, value), sized=signed)
    if best.complexity > 4.0:
        return Recognized(sized=signed)
    count = width * _as_simple(best.complexity, size) / BY_CHANCE
    return Recognized(
        fits=_signed(best, value),
        sized=signed,
        sharper=max(count, 2 * reach / gap, 1.0),
    )


def _few(constant: Constant, width: float, size: float) -> bool:
    """Whether chance would seldom put a constant as simple into the interval."""
    return width * _as_simple(constant.complexity, size) <= BY_CHANCE


def _as_simple(complexity: float, size: float) -> int:
    """How many constants of that complexity or less lie within a factor of 1.5."""
    near = (c for c in _plain() if size / 1.5 <= c.value <= size * 1.5)
    return max(sum(c.complexity <= complexity + 1e-9 for c in near), 1)


def _signed(constant: Constant, value: float) -> Constant:
    if value >= 0:
        return constant
    of = constant.of
    negative = None if of is None else lambda n: -of(n)
    return Constant(
        f"-{constant.name}",
        -constant.value,
        constant.complexity + 0.3,
        constant.size,
        negative,
    )


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
