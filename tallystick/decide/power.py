"""Powers: the slope of a logarithm against a logarithm, with its error."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tallystick import levels
from tallystick.verdict import Worst

__all__ = ["RESOLVED", "PowerFit", "PowerWeights", "slope_weights"]

RESOLVED = 20.0
"""Standard errors that a quantity must lie from zero before its logarithm counts: there
the error of the logarithm is normal up to a factor 5 in its tail at four deviations,
which the bound on false alarms allows for."""


def slope_weights(sizes: Sequence[float], errors: np.ndarray) -> np.ndarray:
    """Coefficients of the logarithms in the slope of weighted least squares.

    Args:
        sizes: Positive, different.
        errors: Standard errors of the logarithms, along the last axis; where all are
            zero the weights are equal.

    Returns:
        Of the shape of `errors`: their sum is 0, and with log sizes 1.
    """
    logs = np.broadcast_to(np.log(np.asarray(sizes, float)), errors.shape)
    # No size may weigh more than a hundred times as much as another.
    largest = errors.max(axis=-1, keepdims=True)
    known = np.where(largest > 0, np.maximum(errors, largest / 10), 1.0)
    weights = known**-2.0
    weights = weights / weights.sum(axis=-1, keepdims=True)
    centered = logs - (weights * logs).sum(axis=-1, keepdims=True)
    return weights * centered / (weights * centered**2).sum(axis=-1, keepdims=True)


def _half_weights(
    sizes: Sequence[float], errors: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of the slopes over the first and over the second half of the sizes.

    A middle size belongs to both halves.
    """
    half = (len(sizes) + 1) // 2
    first, second = np.zeros(errors.shape), np.zeros(errors.shape)
    first[..., :half] = slope_weights(sizes[:half], errors[..., :half])
    second[..., -half:] = slope_weights(sizes[-half:], errors[..., -half:])
    return first, second


@dataclass(frozen=True)
class PowerWeights:
    """Coefficients of the logarithms, the sizes along the last axis."""

    slope: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @classmethod
    def of(cls, sizes, errors: np.ndarray) -> "PowerWeights":
        """Of slopes over all sizes and over both halves, for errors of logarithms."""
        return cls(slope_weights(sizes, errors), *_half_weights(sizes, errors))

    def __getitem__(self, index) -> "PowerWeights":
        """Of some of the quantities."""
        return PowerWeights(self.slope[index], self.first[index], self.second[index])


@dataclass(frozen=True)
class PowerFit:
    """Slopes of log mean against log size, shape (points, outputs).

    Attributes:
        slope: Over all sizes.
        error: Its standard error.
        first: Over the smaller half of the sizes.
        second: Over the larger half.
        change_error: Standard error of the difference of both.
    """

    slope: np.ndarray
    error: np.ndarray
    first: np.ndarray
    second: np.ndarray
    change_error: np.ndarray

    @classmethod
    def of(
        cls, weights: PowerWeights, mean: np.ndarray, error: np.ndarray
    ) -> "PowerFit":
        """From means and errors, the sizes along the last axis."""
        logs, relative = np.log(mean), error / mean
        values = (
            (w * logs).sum(axis=-1)
            for w in (weights.slope, weights.first, weights.second)
        )
        slope, first, second = values
        errors = (
            np.sqrt((w**2 * relative**2).sum(axis=-1))
            for w in (weights.slope, weights.second - weights.first)
        )
        error, change_error = errors
        return cls(slope, error, first, second, change_error)

    def change(self, tolerance: float) -> np.ndarray:
        """By how much the slope changes where that is more than tolerance and noise."""
        change = np.abs(self.second - self.first)
        z = levels.z_value(levels.ACCEPT_LEVEL)
        return np.where(change > tolerance + z * self.change_error, change, 0.0)

    def changes(self, tolerance: float) -> str:
        """The largest change in words."""
        index = np.unravel_index(
            int(np.argmax(self.change(tolerance))), self.slope.shape
        )
        return (
            f"the exponent still changes: {self.first[index]:.3g} to"
            f" {self.second[index]:.3g}"
        )

    def worst(self, target: np.ndarray) -> Worst:
        """Where it is farthest from the stated exponent."""
        scores = np.abs(self.slope - target) / np.maximum(self.error, 1e-12)
        point, output = np.unravel_index(int(np.argmax(scores)), scores.shape)
        return Worst(
            int(point),
            int(output),
            float(target[point, output]),
            float(self.slope[point, output]),
            float(self.error[point, output]),
        )
