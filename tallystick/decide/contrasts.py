"""Contrasts: directions in the space of all outputs in which an error is looked for.

The outputs of all points are correlated, since they see the same noise. Whitening with
the correlation that the first look measured turns a pattern (everything off by one
factor, by one constant, ...) into the linear combination that shows it best.
"""

from dataclasses import dataclass

import numpy as np

from empirical.montecarlo import Moments

__all__ = ["Contrasts", "whitening"]

RIDGE = 0.1
"""Added to the correlation matrix: more than the noise of its eigenvalues."""


@dataclass(frozen=True)
class Contrasts:
    """Patterns of error and their best linear combinations.

    Attributes:
        deviation: Standard deviation of each output, flattened; zero if constant.
        solve: Matrix that applies the inverse correlation, or None for the identity.
        patterns: Named patterns of error, flattened.
    """

    deviation: np.ndarray
    solve: np.ndarray | None
    patterns: dict[str, np.ndarray]

    @classmethod
    def build(
        cls,
        moments: Moments,
        solve: np.ndarray | None,
        target: np.ndarray,
        value_shape: tuple[int, ...],
    ) -> "Contrasts":
        """Contrasts for a flattened target, from the first look and its whitening."""
        deviation = moments.deviation
        return cls(deviation, solve, _patterns(target, deviation, value_shape))

    def direction(self, pattern: np.ndarray, light: np.ndarray) -> np.ndarray:
        """The linear combination that shows a multiple of the pattern best.

        Args:
            pattern: The pattern.
            light: Which outputs may take part: those whose tails are light enough for
                the draws at hand. Without any, all do.
        """
        live = self.deviation > 0
        if (live & light).any():
            live = live & light
        scale = np.where(live, self.deviation, 1.0)
        weights = np.where(live, pattern / scale, 0.0)
        if self.solve is not None:
            weights = self.solve @ weights
        weights = np.where(live, weights / scale, 0.0)
        size = np.abs(weights @ pattern)
        return weights / size if size > 0 else weights


def whitening(moments: Moments, products: np.ndarray | None) -> np.ndarray | None:
    """The inverse correlation of the outputs, from their cross sums."""
    if products is None:
        return None
    deviation = moments.deviation
    scale = np.where(deviation > 0, deviation, 1.0)
    correlation = products / (moments.count - 1) / np.outer(scale, scale)
    return np.linalg.inv(correlation + RIDGE * np.eye(len(scale)))


def _patterns(
    target: np.ndarray, deviation: np.ndarray, value_shape: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """Scale and offset; for square matrices also the diagonal and the transpose."""
    # An offset of the size of the draws, whatever their unit.
    offset = np.full(target.size, deviation.max(initial=0.0))
    patterns = {"scale": target, "offset": offset}
    if len(value_shape) >= 2 and value_shape[-1] == value_shape[-2] > 1:
        matrices = target.reshape(-1, *value_shape)
        eye = np.eye(value_shape[-1])
        patterns["diagonal"] = (matrices * eye).ravel()
        patterns["transpose"] = (matrices - np.swapaxes(matrices, -1, -2)).ravel()
    # What is only rounding beside the spread of the draws is no pattern.
    return {
        name: pattern
        for name, pattern in patterns.items()
        if (np.abs(pattern) > 1e-9 * deviation)[deviation > 0].any()
    }
