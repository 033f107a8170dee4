"""Streaming moments: count, mean and central sums, merged without cancellation.

Source: Chan, Golub & LeVeque 1983 (second moment); Pebay 2008 (third).
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["Moments"]


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
    def of(cls, values: jax.Array) -> "Moments":
        """Moments over the first axis of a block of values, in two passes."""
        mean = jnp.mean(values, axis=0)
        gap = values - mean[None]
        square = gap * gap
        return cls(
            jnp.asarray(float(values.shape[0])),
            mean,
            jnp.sum(square, axis=0),
            jnp.sum(square * gap, axis=0),
        )

    def merge(self, other: "Moments") -> "Moments":
        """Moments of both sets of draws together."""
        n, m = self.count, other.count
        total = n + m
        gap = other.mean - self.mean
        mean = self.mean + gap * (m / total)
        second = self.second + other.second + gap**2 * (n * m / total)
        third = (
            self.third
            + other.third
            + gap**3 * (n * m * (n - m) / total**2)
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
