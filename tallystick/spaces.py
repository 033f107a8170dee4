"""Spaces: where one parameter of a claim lives.

A space draws values, lists its corners, and rejects values outside it. Drawing is done
on the host: a check needs a few dozen points, and nothing has to be compiled for them.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from empirical.montecarlo import Law
from tallystick.errors import DomainError

__all__ = ["Angle", "Axis", "Choice", "Fixed", "Matrix", "Noise", "Scalar", "Space"]
__all__ += ["Vector", "as_space"]

Number = float | Callable[..., float]
Values = Mapping[str, Any]
Sizes = Mapping[str, int]


class Space:
    """Where one parameter lives; the base of all spaces below."""

    axes: tuple[str | int, ...] = ()
    """Axes of a value: lengths, or names that the domain gives a length."""
    static: bool = False
    """Whether each value is compiled in, as an integer or a name is."""

    def needs(self) -> tuple[str, ...]:
        """Other parameters that must be known first."""
        return ()

    def shape(self, sizes: Sizes) -> tuple[int, ...]:
        """Shape of one value."""
        return tuple(sizes[a] if isinstance(a, str) else a for a in self.axes)

    def draw(self, rng: np.random.Generator, sizes: Sizes, others: Values) -> Any:
        """One random value."""
        raise NotImplementedError  # Every space below defines its own.

    def corners(self, rng: np.random.Generator, sizes: Sizes, others: Values) -> list:
        """Values at the edge of the space."""
        del rng, sizes, others
        return []

    def complaint(self, value: Any, others: Values) -> str | None:
        """What is wrong with a value of the right shape, or None."""
        del value, others
        return None

    def describe(self) -> str:
        """The space in words, for documentation and messages."""
        raise NotImplementedError  # Every space below defines its own.


class Vector(Space):
    """A vector of random direction, its norm log-uniform.

    Args:
        axis: Length, or name of the axis.
        zero: Whether the zero vector belongs to the domain; it is then a corner.
        norm: Smallest and largest norm of the other vectors; both are corners.
    """

    def __init__(
        self,
        axis: str | int,
        *,
        zero: bool = False,
        norm: tuple[float, float] = (0.5, 2.0),
    ):
        low, high = norm
        if not 0 < low <= high < math.inf:
            raise DomainError(f"norm must be 0 < low <= high, got {norm=}")
        self.axes, self.zero, self.norm = (axis,), zero, (float(low), float(high))

    def draw(self, rng, sizes, others):
        """Uniform direction, log-uniform norm."""
        return self.direction(rng, sizes) * self.length(rng)

    def direction(self, rng, sizes):
        """A uniform unit vector."""
        normal = rng.standard_normal(self.shape(sizes))
        return normal / np.linalg.norm(normal)

    def length(self, rng):
        """A log-uniform norm."""
        low, high = self.norm
        return low * (high / low) ** rng.uniform()

    def corners(self, rng, sizes, others):
        """Both ends of the norm, and zero where allowed."""
        ends = [self.direction(rng, sizes) * norm for norm in sorted({*self.norm})]
        return ends + [np.zeros(self.shape(sizes))] * self.zero

    def complaint(self, value, others):
        """The norm must lie in its range (to rounding), or be zero where allowed."""
        size, (low, high) = float(np.linalg.norm(value)), self.norm
        if (size == 0 and self.zero) or low * (1 - 1e-6) <= size <= high * (1 + 1e-6):
            return None
        return f"norm {size:.6g} is outside {self.describe()}"

    def describe(self):
        """Axis, norm range and zero."""
        low, high = self.norm
        zero = " or zero" if self.zero else ""
        return f"vector of axis {self.axes[0]}, norm {low:g} to {high:g}{zero}"


class Matrix(Space):
    """An array of independent normal entries, any number of axes.

    Args:
        axes: Lengths or names of the axes.
        scale: Standard deviation of an entry.
        zero: Whether the zero array is a corner.
    """

    def __init__(self, *axes: str | int, scale: float = 1.0, zero: bool = False):
        if not axes:
            raise DomainError("Matrix must have at least one axis, got none")
        if not 0 < scale < math.inf:
            raise DomainError(f"scale must be positive and finite, got {scale=}")
        self.axes, self.scale, self.zero = axes, scale, zero

    def draw(self, rng, sizes, others):
        """Independent normal entries."""
        return self.scale * rng.standard_normal(self.shape(sizes))

    def corners(self, rng, sizes, others):
        """Zero where allowed."""
        return [np.zeros(self.shape(sizes))] * self.zero

    def describe(self):
        """Axes."""
        return f"array of axes {', '.join(map(str, self.axes))}"


class Scalar(Space):
    """A number in a closed interval, both ends of which are corners.

    Args:
        low: Lower end: a number, or a function of other parameters, named as they are.
        high: Upper end, likewise.
        log: Whether to draw log-uniformly; the interval must then be positive.
    """

    def __init__(self, low: Number, high: Number, *, log: bool = False):
        if not callable(low) and not callable(high):
            if not -math.inf < low <= high < math.inf:
                raise DomainError(f"low must be at most high, got {low=}, {high=}")
            if log and low <= 0:
                raise DomainError(f"low must be positive with log=True, got {low=}")
        self.low, self.high, self.log = low, high, log

    def needs(self):
        """The parameters that the ends depend on."""
        ends = filter(callable, (self.low, self.high))
        return tuple(n for end in ends for n in inspect.signature(end).parameters)

    def ends(self, others: Values) -> tuple[float, float]:
        """The interval at given values of the other parameters."""

        def number(end: Number) -> float:
            if not callable(end):
                return float(end)
            return float(
                end(**{n: others[n] for n in inspect.signature(end).parameters})
            )

        return number(self.low), number(self.high)

    def draw(self, rng, sizes, others):
        """Uniform, or log-uniform."""
        low, high = self.ends(others)
        if self.log:
            return np.float64(low * (high / low) ** rng.uniform())
        return np.float64(rng.uniform(low, high))

    def corners(self, rng, sizes, others):
        """Both ends."""
        return [np.float64(end) for end in self.ends(others)]

    def complaint(self, value, others):
        """The value must lie in the interval, to rounding."""
        low, high = self.ends(others)
        slack = 1e-6 * max(abs(low), abs(high))
        if low - slack <= float(value) <= high + slack:
            return None
        return f"{float(value):.6g} is outside [{low:g}, {high:g}]"

    def describe(self):
        """The interval."""

        def text(end: Number) -> str:
            if not callable(end):
                return f"{end:g}"
            return f"f({', '.join(inspect.signature(end).parameters)})"

        return f"number in [{text(self.low)}, {text(self.high)}]"


class Angle(Scalar):
    """An angle in [0, pi]."""

    def __init__(self):
        super().__init__(0.0, math.pi)

    def describe(self):
        """The interval."""
        return "angle in [0, pi]"


class Choice(Space):
    """One of a few static values: integers, names, flags. Each is compiled in.

    Args:
        values: The values.
    """

    static = True

    def __init__(self, *values: Any):
        if not values:
            raise DomainError("Choice must have at least one value, got none")
        self.values = values

    def complaint(self, value, others):
        """The value must be one of those listed."""
        if value in self.values:
            return None
        return f"{value!r} is none of {', '.join(map(repr, self.values))}"

    def describe(self):
        """The values."""
        return "one of " + ", ".join(map(repr, self.values))


class Fixed(Space):
    """One given array or number, the same at every point."""

    def __init__(self, value: Any):
        self.value = np.asarray(value)
        if self.value.dtype.kind not in "fiub":
            raise DomainError(f"a fixed value must be real, got {value!r}")
        if self.value.dtype.kind == "f":
            self.value = self.value.astype(np.float64)
        self.axes = self.value.shape

    def draw(self, rng, sizes, others):
        """The value."""
        return self.value

    def describe(self):
        """The value, or its shape."""
        size = self.value.size
        return f"fixed at {self.value}" if size <= 4 else f"fixed, shape {self.axes}"


class Noise(Space):
    """A law of noise as a space: parameters drawn as noise would be."""

    def __init__(self, law: Law):
        self.law, self.axes = law, law.axes

    def draw(self, rng, sizes, others):
        """One draw of the law."""
        shape = self.shape(sizes)
        size = self.law.base_size(shape)
        base = {
            "normal": lambda: rng.standard_normal(size),
            "uniform": lambda: rng.uniform(size=size),
            "words": lambda: rng.integers(2**32, size=size, dtype=np.uint32),
        }[self.law.source]()
        with jax.enable_x64(True):
            value = self.law.transform(jax.numpy.asarray(base), shape, others)
        return np.asarray(value)

    def describe(self):
        """The law."""
        return f"drawn from {self.law!r}"


class Axis:
    """Lengths of a named axis: the main one, then others that are visited as corners.

    Args:
        lengths: Positive integers.
    """

    def __init__(self, *lengths: int):
        if not lengths or any(not isinstance(n, int) or n < 1 for n in lengths):
            raise DomainError(f"an Axis must have positive lengths, got {lengths}")
        self.lengths = lengths


def as_space(name: str, value: Any) -> Space:
    """A space from what a caller may write: a space, a law, or a constant.

    Raises:
        DomainError: It is none of these.
    """
    if isinstance(value, Space):
        return value
    if isinstance(value, Law):
        if value.source == "words":
            raise DomainError(f"{name} cannot be drawn from {value!r}: keys are noise")
        return Noise(value)
    if isinstance(value, (bool, int, str, np.integer)):
        return Choice(int(value) if isinstance(value, np.integer) else value)
    error = f"{name} must be a space, a law of noise or a constant, got {value!r}"
    if isinstance(value, (tuple, list, range)):
        raise DomainError(
            f"{error}: a range is Scalar(low, high), a vector jnp.array([...])"
        )
    try:
        return Fixed(value)
    except (TypeError, ValueError):
        raise DomainError(error) from None
