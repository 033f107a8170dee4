"""Streaming moments: count, mean and central sums, merged without cancellation.

Source: Chan, Golub & LeVeque 1983 (second moment); Pebay 2008 (third).
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

__all__ = ["Moments"]

LANES = 16
"""Sums are halved down to this length: vectors to the end, and pairwise rounding."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Moments:
    """Count, mean, and sums of the squared and cubed deviations, per quantity.

    The arithmetic is the same for NumPy arrays and, inside a compiled loop, JAX arrays.
    """

    count: Any
    mean: Any
    second: Any
    """Sum over draws of (value - mean)^2."""
    third: Any
    """Sum over draws of (value - mean)^3."""

    @classmethod
    def of(cls, values: jax.Array, axis: int = 0) -> "Moments":
        """Moments over one axis of a block of values, in two passes.

        The values are taken relative to the first of them, so that an offset which they
        share costs no precision; the results are double where JAX allows it.
        """
        values = jnp.moveaxis(values, axis, -1)
        origin = values[..., :1]
        gap = values - origin
        mean = _total(gap) / values.shape[-1]
        gap = gap - mean[..., None]
        square = gap * gap
        wide = jax.dtypes.canonicalize_dtype(jnp.float64)
        return cls(
            jnp.asarray(float(values.shape[-1])),
            origin[..., 0].astype(wide) + mean.astype(wide),
            _total(square).astype(wide),
            _total(square * gap).astype(wide),
        )

    def merge(self, other: "Moments") -> "Moments":
        """Moments of both sets of draws together."""
        n, m = self.count, other.count
        total = n + m
        gap = other.mean - self.mean
        mean = self.mean + gap * (m / total)
        square = gap * gap
        second = self.second + other.second + square * (n * m / total)
        third = (
            self.third
            + other.third
            + square * gap * (n * m * (n - m) / (total * total))
            + 3 * gap * (n * other.second - m * self.second) / total
        )
        return Moments(total, mean, second, third)

    def __getitem__(self, index: Any) -> "Moments":
        """Moments of some of the quantities."""
        return Moments(
            self.count, self.mean[index], self.second[index], self.third[index]
        )

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation of one draw."""
        return np.sqrt(self.second / max(self.count - 1, 1))

    @property
    def standard_error(self) -> np.ndarray:
        """Standard error of the mean."""
        return self.deviation / np.sqrt(self.count)

    @property
    def skewness(self) -> np.ndarray:
        """Skewness of one draw; zero where the draws do not vary."""
        spread = np.where(self.second > 0, self.second, 1.0)
        skew = self.third / spread * np.sqrt(self.count / spread)
        return np.where(self.second > 0, skew, 0.0)


def _total(values: jax.Array) -> jax.Array:
    """The sum over the last axis, pairwise.

    XLA adds up the entries of a row one after the other on CPU; halves are added as
    vectors. A product with ones ends it, which is not fused with what is before.
    """
    while values.shape[-1] > LANES and values.shape[-1] % 2 == 0:
        middle = values.shape[-1] // 2
        values = values[..., :middle] + values[..., middle:]
    ones = jnp.ones(values.shape[-1], values.dtype)
    return jnp.matmul(values, ones, precision=lax.Precision.HIGHEST)
