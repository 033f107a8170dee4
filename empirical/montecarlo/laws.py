"""Laws of noise: what is random, declared so that the engine may choose how to draw it.

A law turns base numbers (standard normals, uniforms on [0, 1), or random words) into
one draw. Only the engine makes base numbers, so one compiled generator serves every
law, and a discrete law can be enumerated instead of drawn.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np

from empirical.montecarlo.names import NoiseError, call_by_name

__all__ = [
    "Bernoulli",
    "Categorical",
    "Key",
    "Law",
    "Normal",
    "Permutation",
    "Rademacher",
    "Sphere",
    "Uniform",
]

Axis = int | str
Source = Literal["normal", "uniform", "words"]
Number = float | Callable[..., Any]


class Law:
    """A law of noise with the axes of one draw; the base of all laws below.

    Args:
        axes: Lengths, or names of axes of the integrand's array parameters, or names of
            its integer parameters. No axis means a scalar.

    Raises:
        NoiseError: An axis is neither a positive integer nor a name.
    """

    source: ClassVar[Source]
    settings: tuple[Number, ...] = ()
    """Numbers or functions of the integrand's parameters that the law depends on."""
    coin: float | None = None
    """If all that a draw asks of each base number is whether it lies below a number
    that is known beforehand: that number, above 0 and below 1."""

    def __init__(self, *axes: Axis):
        for axis in axes:
            positive = isinstance(axis, int) and not isinstance(axis, bool) and axis > 0
            if not positive and not (isinstance(axis, str) and axis.isidentifier()):
                raise NoiseError(
                    f"axes of {type(self).__name__} must be positive integers or names,"
                    f" got {axis!r}"
                )
        self.axes = axes

    def __repr__(self) -> str:
        given = [f"{getattr(s, '__name__', s)}" for s in self.settings]
        return f"{type(self).__name__}({', '.join([*given, *map(repr, self.axes)])})"

    def base_size(self, shape: tuple[int, ...]) -> int:
        """How many base numbers make one draw of this shape."""
        return math.prod(shape)

    def transform(
        self, base: jax.Array, shape: tuple[int, ...], parameters: Mapping[str, Any]
    ) -> jax.Array:
        """Turn `base_size(shape)` base numbers into one draw."""
        raise NotImplementedError  # Every law below defines its own.

    def outcome_count(self, shape: tuple[int, ...]) -> int | None:
        """How many values a draw can take, or None if they cannot be listed."""
        del shape
        return None

    def rarest(self, parameters: Mapping[str, Any]) -> float:
        """Smallest positive probability of a value of one element; 1 if continuous."""
        del parameters
        return 1.0

    def outcome(
        self, index: jax.Array, shape: tuple[int, ...], parameters: Mapping[str, Any]
    ) -> tuple[jax.Array, jax.Array]:
        """The value number `index` and its probability; for discrete laws only."""
        raise NotImplementedError  # Reached only where outcome_count is not None.


class Normal(Law):
    """Independent standard normal numbers."""

    source = "normal"

    def transform(self, base, shape, parameters):
        """Base normals, in the shape of the draw."""
        del parameters
        return base.reshape(shape)


class Sphere(Law):
    """Uniform on the unit sphere of the last axis."""

    source = "normal"

    def __init__(self, *axes: Axis):
        super().__init__(*axes)
        if not axes:
            raise NoiseError("Sphere must have at least one axis, got none")

    def transform(self, base, shape, parameters):
        """Normal vectors divided by their norms."""
        del parameters
        vectors = base.reshape(shape)
        return vectors / jnp.linalg.norm(vectors, axis=-1, keepdims=True)


class Uniform(Law):
    """Independent uniform numbers on [low, high).

    Args:
        axes: As for every law.
        low: Lower end: a number, or a function of the integrand's parameters.
        high: Upper end, likewise.
    """

    source = "uniform"

    def __init__(self, *axes: Axis, low: Number = 0.0, high: Number = 1.0):
        super().__init__(*axes)
        if not callable(low) and not callable(high) and not low < high:
            raise NoiseError(f"low must be less than high, got {low=}, {high=}")
        self.settings = (low, high)

    def transform(self, base, shape, parameters):
        """An affine map of base uniforms."""
        low, high = (call_by_name(s, parameters) for s in self.settings)
        return (low + (high - low) * base).reshape(shape)


class Rademacher(Law):
    """Independent signs, -1 or 1 with probability 1/2 each."""

    source = "uniform"
    coin = 0.5

    def transform(self, base, shape, parameters):
        """The sign of each base uniform about 1/2."""
        del parameters
        return jnp.where(base < 0.5, -1, 1).astype(base.dtype).reshape(shape)

    def outcome_count(self, shape):
        """Two to the number of signs."""
        return 2 ** math.prod(shape)

    def outcome(self, index, shape, parameters):
        """The signs are the binary digits of the index."""
        del parameters
        size = math.prod(shape)
        signs = 2.0 * _digits(index, 2, size) - 1
        return signs.reshape(shape), jnp.asarray(0.5**size)


class Bernoulli(Law):
    """Independent indicators: 1 with probability p, else 0, as floating-point numbers.

    The probability of independent draws is exactly the double p if p is a number; if it
    is a function, the next multiple of 2^-53 above it.

    Args:
        p: The probability: a number, or a function of the integrand's parameters, whose
            own parameter names say which.
        axes: As for every law.

    Raises:
        NoiseError: p is a number outside [0, 1].
    """

    source = "uniform"

    def __init__(self, p: Number, *axes: Axis):
        super().__init__(*axes)
        if not callable(p) and not 0 <= p <= 1:
            raise NoiseError(f"p of Bernoulli must lie in [0, 1], got {p=}")
        self.settings = (p,)
        if isinstance(p, float) and 0 < p < 1:
            self.coin = float(p)

    def transform(self, base, shape, parameters):
        """Whether each base uniform lies below p."""
        p = call_by_name(self.settings[0], parameters)
        return (base < p).astype(base.dtype).reshape(shape)

    def rarest(self, parameters):
        """The smaller of p and 1 - p that is not zero."""
        p = float(call_by_name(self.settings[0], parameters))
        return min((q for q in (p, 1 - p) if q > 0), default=1.0)

    def outcome_count(self, shape):
        """Two to the number of indicators."""
        return 2 ** math.prod(shape)

    def outcome(self, index, shape, parameters):
        """The indicators are the binary digits of the index."""
        p = call_by_name(self.settings[0], parameters)
        ones = 1.0 * _digits(index, 2, math.prod(shape))
        return ones.reshape(shape), jnp.prod(jnp.where(ones > 0, p, 1.0 - p))


class Categorical(Law):
    """Independent integers 0, 1, ..., with given probabilities.

    Args:
        probabilities: One probability a category: a sequence that sums to 1.
        axes: As for every law.

    Raises:
        NoiseError: The probabilities are negative or do not sum to 1.
    """

    source = "uniform"

    def __init__(self, probabilities: Sequence[float], *axes: Axis):
        super().__init__(*axes)
        table = np.asarray(probabilities, dtype=np.float64)
        if table.ndim != 1 or not table.size or (table < 0).any():
            raise NoiseError(
                "probabilities must be a sequence of numbers >= 0,"
                f" got {probabilities!r}"
            )
        if abs(table.sum() - 1) > 1e-6:
            raise NoiseError(f"probabilities must sum to 1, got {table.sum()}")
        self.probabilities = table / table.sum()

    def transform(self, base, shape, parameters):
        """Invert the cumulative distribution; the last bin takes the rounding."""
        del parameters
        edges = jnp.asarray(np.cumsum(self.probabilities)[:-1], base.dtype)
        found = jnp.searchsorted(edges, base, side="right")
        return found.astype(jnp.int32).reshape(shape)

    def rarest(self, parameters):
        """The smallest positive probability."""
        del parameters
        return float(self.probabilities[self.probabilities > 0].min())

    def outcome_count(self, shape):
        """The number of categories to the number of draws."""
        return self.probabilities.size ** math.prod(shape)

    def outcome(self, index, shape, parameters):
        """The categories are the digits of the index."""
        del parameters
        digits = _digits(index, self.probabilities.size, math.prod(shape))
        chance = jnp.prod(jnp.asarray(self.probabilities)[digits])
        return digits.astype(jnp.int32).reshape(shape), chance


class Permutation(Law):
    """A uniform permutation of 0, ..., n - 1, as integers.

    Args:
        n: How many are permuted: an integer or the name of an axis.
    """

    source = "uniform"

    def __init__(self, n: Axis):
        super().__init__(n)

    def transform(self, base, shape, parameters):
        """The order that sorts base uniforms."""
        del parameters, shape
        return jnp.argsort(base).astype(jnp.int32)

    def outcome_count(self, shape):
        """The factorial of n."""
        return math.factorial(shape[0])

    def outcome(self, index, shape, parameters):
        """Decode the index in the factorial number system."""
        del parameters
        remaining = jnp.arange(shape[0], dtype=jnp.int32)
        chosen = []
        for left in range(shape[0], 0, -1):
            index, place = index // left, index % left
            chosen.append(remaining[place])
            keep = jnp.arange(left - 1)
            remaining = remaining[keep + (keep >= place)]
        return jnp.stack(chosen), jnp.asarray(1 / math.factorial(shape[0]))


class Key(Law):
    """A fresh `jax.random` key, for algorithms that bring their own randomness."""

    source = "words"

    def __init__(self):
        super().__init__()

    def base_size(self, shape):
        """Two words make a threefry key."""
        del shape
        return 2

    def transform(self, base, shape, parameters):
        """Wrap two random words as a key."""
        del shape, parameters
        return jax.random.wrap_key_data(base.astype(jnp.uint32), impl="threefry2x32")


def _digits(index: jax.Array, radix: int, count: int) -> jax.Array:
    """The first `count` digits of `index` in base `radix`, least significant first."""
    return index // radix ** jnp.arange(count) % radix
