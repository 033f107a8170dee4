"""One draw of an expectation at one point, as a function of base numbers."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr

from empirical.montecarlo.expectation import Expectation, NoiseError
from empirical.montecarlo.lazy import lazy
from empirical.montecarlo.tracing import program_of, require_pure, traceable

__all__ = ["Layout"]


class Layout:
    """How many base numbers of each source one draw takes, and what it makes of them.

    It depends on the shapes of the parameters only, so one layout serves any number of
    points.

    Args:
        expectation: What is averaged.
        points: Array parameters, with a leading axis for the points.
        static: The other parameters.

    Raises:
        NoiseError: The integrand's value is not one real array.
    """

    def __init__(
        self,
        expectation: Expectation,
        points: Mapping[str, Any],
        static: Mapping[str, Any],
    ):
        self.expectation = expectation
        self.static = dict(static)
        first = self.first = {
            name: jax.ShapeDtypeStruct(np.shape(value)[1:], value.dtype)
            for name, value in points.items()
        }
        self.shapes = expectation.noise_shapes({**first, **static})
        self.sizes: dict[str, int] = {}
        self.slices: dict[str, slice] = {}
        coins: list[tuple[int, int, float]] = []
        for noise, law in expectation.laws.items():
            size = law.base_size(self.shapes[noise])
            start = self.sizes.get(law.source, 0)
            self.slices[noise] = slice(start, start + size)
            self.sizes[law.source] = start + size
            if law.coin is not None and size:
                coins.append((start, start + size, law.coin))
        self.coins = tuple(coins)
        base = self.base = {
            source: jax.ShapeDtypeStruct((size,), _DTYPES[source])
            for source, size in self.sizes.items()
        }
        with jax.enable_x64(True), traceable(expectation.name):
            value = jax.eval_shape(self._raw, first, base)
        kind = getattr(getattr(value, "dtype", None), "kind", None)
        if kind not in ("f", "i", "u", "b"):
            shown = value.dtype if kind else type(value).__name__
            raise NoiseError(
                f"{expectation.name} must return one real array, got {shown}"
            )
        if math.prod(value.shape) == 0:
            raise NoiseError(
                f"{expectation.name} must return at least one number, got an array of"
                f" shape {value.shape}"
            )
        self.value_dtype = value.dtype
        self.value_shape: tuple[int, ...] = value.shape
        self.value_size = math.prod(value.shape)

    def require_pure(self) -> None:
        """Refuse an integrand that draws noise of its own, or keeps a state.

        Raises:
            NoiseError: It is another function when it is traced again.
        """
        require_pure(self.expectation.name, self.program, self._traced())

    @lazy
    def program(self) -> ClosedJaxpr:
        """What one draw at one point does."""
        return self._traced()

    def _traced(self) -> ClosedJaxpr:
        return program_of(self.expectation.name, self._raw, self.first, self.base)

    def noise(
        self, parameters: Mapping[str, Any], base: Mapping[str, jax.Array]
    ) -> dict[str, jax.Array]:
        """One draw of every noise variable."""
        return {
            noise: law.transform(
                base[law.source][self.slices[noise]], self.shapes[noise], parameters
            )
            for noise, law in self.expectation.laws.items()
        }

    def rarest(self, points: Mapping[str, Any]) -> tuple[str, float]:
        """Name and probability of the rarest declared value of discrete noise."""
        count = next((len(value) for value in points.values()), 1)
        found = ("", 1.0)
        for noise, law in self.expectation.laws.items():
            # Only a law with settings depends on the point.
            for row in range(count if law.settings else 1):
                point = {name: value[row] for name, value in points.items()}
                chance = law.rarest({**self.static, **point})
                found = min(found, (noise, chance), key=lambda pair: pair[1])
        return found

    def draw(
        self,
        point: Mapping[str, Any],
        base: Mapping[str, jax.Array],
        dtype: Any = jnp.float64,
    ) -> jax.Array:
        """One draw of the integrand at one point, flattened, in double precision."""
        return jnp.ravel(self._raw(point, base)).astype(dtype)

    def _raw(self, point, base):
        parameters = {**self.static, **point}
        return self.expectation(**parameters, **self.noise(parameters, base))


_DTYPES = {"normal": jnp.float64, "uniform": jnp.float64, "words": jnp.uint32}
