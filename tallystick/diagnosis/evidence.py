"""The evidence after a conviction: what was claimed, what was measured, how well."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tallystick import levels
from tallystick.forms import Form

__all__ = ["Evidence", "Fit", "fit"]

RIDGE = 0.1
"""Added to the correlation matrix: more than the noise of its eigenvalues."""


@dataclass(frozen=True)
class Evidence:
    """A fresh measurement at the points of one case, beside a closed form.

    Attributes:
        form: The closed form that was refused.
        static: Its static parameters.
        points: Its array parameters, with a leading axis for the points.
        value_shape: Shape of one value.
        target: The closed form at the points, shape (points, outputs).
        mean: The measured means, of the same shape.
        error: Their standard errors; where nothing was sampled, what rounding and
            quadrature may leave.
        correlation: Correlation of the means of all outputs, flattened; None if it is
            not known, or nothing was sampled.
        draws: How many draws were averaged.
        exact: Whether nothing was sampled.
        evaluate: Another form at the same points.
    """

    form: Form
    static: Mapping[str, Any]
    points: Mapping[str, np.ndarray]
    value_shape: tuple[int, ...]
    target: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    correlation: np.ndarray | None
    draws: int
    exact: bool
    evaluate: Callable[[Form], np.ndarray]


@dataclass(frozen=True)
class Fit:
    """Measured means as a combination of columns.

    Attributes:
        coefficients: One for each column.
        covariance: Of the coefficients.
        left: Largest remaining deviation of an output, in standard errors.
        good: Whether what is left looks like noise.
    """

    coefficients: np.ndarray
    covariance: np.ndarray
    left: float
    good: bool

    @property
    def errors(self) -> np.ndarray:
        """Standard errors of the coefficients."""
        return np.sqrt(np.diag(self.covariance))


def fit(
    evidence: Evidence, columns: np.ndarray, start: np.ndarray | None = None
) -> Fit | None:
    """Fit coefficients of columns, so that start + columns @ coefficients = mean.

    Whitened with the measured correlation of the outputs.

    Args:
        evidence: The measured means.
        columns: Shape (outputs of all points, coefficients).
        start: What is added with the coefficient 1; zero by default.

    Returns:
        The fit; None if the columns do not determine the coefficients.
    """
    error = evidence.error.ravel()
    goal = evidence.mean.ravel() - (0.0 if start is None else start)
    live = error > 0
    scaled = columns[live] / error[live, None]
    scaled_goal = goal[live] / error[live]
    size = np.linalg.norm(scaled, axis=0)
    if not (size > 0).all():
        return None
    scaled = scaled / size
    correlation = np.eye(len(scaled))
    weighted = scaled
    if evidence.correlation is not None:
        correlation = evidence.correlation[np.ix_(live, live)]
        weighted = np.linalg.solve(correlation + RIDGE * np.eye(len(scaled)), scaled)
    normal = weighted.T @ scaled
    if np.linalg.cond(normal) > 1e10:
        return None
    gains = np.linalg.solve(normal, weighted.T)
    coefficients = gains @ scaled_goal
    covariance = gains @ correlation @ gains.T
    rest = np.abs(goal - columns @ (coefficients / size))
    still = rest[~live] <= 1e-9 * np.abs(evidence.mean.ravel()[~live])
    left = float((rest[live] / error[live]).max(initial=0.0))
    limit = levels.z_value(levels.SCREEN_LEVEL / (2 * max(live.sum(), 1)))
    return Fit(
        coefficients / size,
        covariance / np.outer(size, size),
        left,
        bool(left <= limit and still.all()),
    )
