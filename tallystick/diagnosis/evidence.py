"""The evidence after a conviction: what was claimed, what was measured, how well."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax.extend.core import ClosedJaxpr

from empirical.montecarlo.lazy import lazy
from empirical.montecarlo.program import trace
from tallystick import levels
from tallystick.decide.looks import ROUNDING, rounding_floor
from tallystick.forms import Form

__all__ = ["FIT_LEVEL", "REACH", "Evidence", "Fit", "fit"]

FIT_LEVEL = levels.SCREEN_LEVEL
"""Probability that a true explanation is turned down: half of it for the largest
deviation of an output, half for the whitened sum of squares."""
RIDGE = 0.01
"""Added to the correlation matrix: outputs that are copies of each other stay apart."""
REACH = 4.0
"""Half the interval of a coefficient, in standard errors."""
CONSTANT = 1e-10
"""Relative error of an output that no draw changes."""
EXACT_LIMIT = 2.0
"""Largest deviation, in units of what rounding and quadrature may leave."""


@dataclass(frozen=True)
class Fit:
    """Measured means as a combination of columns.

    Attributes:
        coefficients: One for each column.
        covariance: Of the coefficients.
        left: Largest remaining deviation of an output, in standard errors.
        misfit: Sum of the whitened squares of what is left.
        good: Whether what is left looks like noise.
        prediction: What the means should be, flattened.
        free: The prediction at the fitted coefficients, if `prediction` has others.
    """

    coefficients: np.ndarray
    covariance: np.ndarray
    left: float
    misfit: float
    good: bool
    prediction: np.ndarray
    free: np.ndarray | None = None

    @property
    def value(self) -> float:
        """The first coefficient."""
        return float(self.coefficients[0])

    @property
    def error(self) -> float:
        """Its standard error."""
        return float(np.sqrt(max(self.covariance[0, 0], 0.0)))

    def near(self, value: float) -> bool:
        """Whether a value lies in the interval of the first coefficient."""
        return abs(self.value - value) <= REACH * self.error + 1e-12 * abs(value)


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
        sizes: Lengths of the named axes.
        elsewhere: Measures the same form in the other cases of the domain.
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
    sizes: Mapping[str, int] = field(default_factory=dict)
    elsewhere: Callable[[], Iterable["Evidence"]] = tuple

    @property
    def usable(self) -> bool:
        """Whether there is anything to explain: numbers, not all of them zero."""
        numbers = (self.target, self.mean, self.error)
        size = max((float(np.abs(n).max(initial=0.0)) for n in numbers[:2]), default=0)
        return (
            all(np.isfinite(n).all() for n in numbers)
            and 1e-280 < size < 1e280
            and float(self.error.max(initial=0.0)) < 1e280
        )

    @lazy
    def scale(self) -> np.ndarray:
        """The errors, flattened, no smaller than what rounding may leave."""
        size = np.maximum(np.abs(self.mean), np.abs(self.target))
        floor = np.maximum(rounding_floor(size), 1e-3 * ROUNDING * size.max())
        # No draw changes such an output: it is compared like an exact value.
        still = self.error < ROUNDING * size
        error = np.where(still, np.maximum(self.error, CONSTANT * size), self.error)
        return np.maximum(error, floor).ravel()

    @lazy
    def gap(self) -> np.ndarray:
        """Measured minus formula in standard errors, flattened."""
        return (self.mean - self.target).ravel() / self.scale

    @lazy
    def limit(self) -> float:
        """Largest deviation of an output that looks like noise."""
        if self.exact:
            return EXACT_LIMIT
        return levels.z_value(FIT_LEVEL / (4 * self.target.size))

    @lazy
    def whitening(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The matrix that decorrelates the outputs, and their correlation after it."""
        return None if self.correlation is None else _whitening(self.correlation)

    def leaves_noise(self, prediction: np.ndarray, among: np.ndarray) -> Fit:
        """A prediction tried on some of the outputs alone; the others are as they are.

        The whole could not be tried: what is taken from the measurement carries its
        noise, and the noise of the others would miss its companions.
        """
        rest = ((self.mean.ravel() - prediction) / self.scale)[among]
        left = float(np.abs(rest).max(initial=0.0))
        good, misfit = left <= self.limit, float(rest @ rest)
        if self.correlation is not None and good:
            solve, spread = _whitening(self.correlation[np.ix_(among, among)])
            misfit = float(((solve @ rest) ** 2).sum())
            nothing = np.zeros((len(rest), 0))
            good = _looks_like_noise(misfit, spread, nothing, np.zeros((0, 0)))
        nothing = np.zeros(0)
        return Fit(nothing, np.zeros((0, 0)), left, misfit, good, prediction)

    @lazy
    def program(self) -> ClosedJaxpr:
        """The closed form as a flat program of the points, by sorted names."""
        return trace(
            lambda **point: jnp.asarray(self.form(**self.static, **point)),
            {
                n: jax.ShapeDtypeStruct(v.shape[1:], v.dtype)
                for n, v in self.points.items()
            },
        )

    def at(self, variants: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray:
        """The closed form at changed points, shape (variants, points * outputs)."""
        names = list(self.points)
        stacked = {n: np.concatenate([v[n] for v in variants]) for n in names}
        return self.evaluated(self.form, self.static, stacked).reshape(
            len(variants), -1
        )

    def evaluated(
        self,
        form: Form,
        static: Mapping[str, Any],
        points: Mapping[str, np.ndarray] | None = None,
    ) -> np.ndarray:
        """Any form at the points, or at others, flattened."""
        points = self.points if points is None else points
        with jax.enable_x64(True):
            if not points:
                return np.asarray(form(**static), np.float64).ravel()
            values = jax.jit(jax.vmap(lambda p: form(**static, **p)))(dict(points))
            return np.asarray(values, np.float64).ravel()


def fit(
    evidence: Evidence,
    columns: np.ndarray | None = None,
    start: np.ndarray | None = None,
) -> Fit | None:
    """Fit coefficients of columns, so that start + columns @ coefficients = mean.

    Generalized least squares: whitened with the measured correlation of the outputs.
    Where that is not known, the errors of the coefficients allow for any correlation.

    Args:
        evidence: The measured means.
        columns: Shape (outputs of all points, coefficients), or one column; none by
            default.
        start: What is added with the coefficient 1; zero by default.

    Returns:
        The fit; None if the columns do not determine the coefficients.
    """
    scale, count = evidence.scale, evidence.target.size
    columns = np.zeros((count, 0)) if columns is None else columns.reshape(count, -1)
    base = np.zeros(count) if start is None else start
    if not (np.isfinite(columns).all() and np.isfinite(base).all()):
        return None
    with np.errstate(all="ignore"):
        scaled, goal = columns / scale[:, None], (evidence.mean.ravel() - base) / scale
        size = np.linalg.norm(scaled, axis=0)
    if not (np.isfinite(size).all() and (size > 0).all() and np.isfinite(goal).all()):
        return None
    scaled = scaled / size
    whitening = evidence.whitening
    weighted, weighted_goal = scaled, goal
    if whitening is not None:
        weighted, weighted_goal = whitening[0] @ scaled, whitening[0] @ goal
    basis, triangle = np.linalg.qr(weighted)
    if columns.shape[1] and np.linalg.cond(triangle) > 1e6:
        return None
    solution = np.linalg.solve(triangle, basis.T @ weighted_goal)
    rest = goal - scaled @ solution
    left = float(np.abs(rest).max(initial=0.0))
    weighted_rest = weighted_goal - weighted @ solution
    misfit = float(weighted_rest @ weighted_rest)
    good = left <= evidence.limit
    inverse = np.linalg.inv(triangle)
    if whitening is None:
        # Rounding, or unknown correlation: the worst case of all signs.
        bound = np.abs(inverse @ basis.T).sum(axis=1)
        if evidence.exact:
            bound = bound * np.clip(left, 1e-3, 1.0)
        covariance = np.diag(bound**2)
    else:
        inner = basis.T @ whitening[1] @ basis
        covariance = inverse @ inner @ inverse.T
        good = good and _looks_like_noise(misfit, whitening[1], basis, inner)
    return Fit(
        solution / size,
        covariance / np.outer(size, size),
        left,
        misfit,
        bool(good),
        base + columns @ (solution / size),
    )


def _whitening(correlation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    filled = np.array(correlation)
    np.fill_diagonal(filled, 1.0)
    solve = np.linalg.inv(np.linalg.cholesky(filled + RIDGE * np.eye(len(filled))))
    return solve, solve @ filled @ solve.T


def _looks_like_noise(misfit, spread, basis, inner) -> bool:
    """A sum of squares beside its law, approximated by a multiple of chi squared."""
    mean = np.trace(spread) - np.trace(inner)
    variance = 2 * (
        (spread**2).sum() - 2 * ((spread @ basis) ** 2).sum() + (inner**2).sum()
    )
    if mean <= 1e-6 or variance <= 1e-6:
        return True  # As many coefficients as outputs: nothing is left.
    tail = scipy.special.chdtrc(2 * mean**2 / variance, 2 * mean * misfit / variance)
    return float(tail) > FIT_LEVEL / 2
