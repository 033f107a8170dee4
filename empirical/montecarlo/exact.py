"""The route without sampling: sums over outcomes, quadrature, wedges, or none."""

from dataclasses import dataclass

import numpy as np

from empirical.montecarlo.enumeration import enumerated_sums, outcome_count
from empirical.montecarlo.quadrature import quadrature_sums
from empirical.montecarlo.quasi.wedges import wedge_sums
from empirical.montecarlo.sampler import Sampler, stream_key

__all__ = ["Exact", "exact_mean"]


@dataclass(frozen=True)
class Exact:
    """A mean without sampling error.

    Attributes:
        mean: The mean at every point, shape (points, outputs).
        size: The mean size of a draw: what rounding is relative to.
        varies: Whether any output at any point depends on the noise.
        evaluations: Outcomes or nodes that were summed.
        tolerance: Error that rounding, or the rule, may leave, relative to `size`.
        method: How it was found, in words.
    """

    mean: np.ndarray
    size: np.ndarray
    varies: bool
    evaluations: int
    tolerance: float
    method: str


CONFIRMING_DRAWS = 2**16
CONFIRMING_Z = 6.0
"""A converged rule may have missed a narrow feature: draws must not contradict it."""


def exact_mean(sampler: Sampler, key: tuple[int, int]) -> Exact | None:
    """The mean without sampling, if the noise allows it; else None.

    Args:
        sampler: The experiment at its points; a few of its draws confirm a quadrature.
        key: Names the noise of these draws.
    """
    layout, points = sampler.layout, sampler.points
    count = outcome_count(layout)
    if count is not None:
        sums = enumerated_sums(layout, points)
        text = f"sum over {count:,} outcomes"
        return Exact(*_moments(*sums), count, tolerance=1e-9, method=text)
    method = "quadrature along the directions that matter"
    found = quadrature_sums(layout, points, stream_key(*key, "directions"))
    if found is None:
        method = "quadrature between the kinks in a plane"
        found = wedge_sums(layout, points, stream_key(*key, "wedges"))
    if found is None:
        return None
    sums, nodes = found
    mean, size, varies = _moments(*sums)
    drawn = sampler.moments(stream_key(*key, "confirm"), CONFIRMING_DRAWS)
    limit = CONFIRMING_Z * drawn.standard_error + 1e-8 * size
    if not (np.abs(drawn.mean - mean) <= limit).all():
        return None
    return Exact(mean, size, varies, nodes, tolerance=1e-8, method=method)


def _moments(mean, size, change) -> tuple[np.ndarray, np.ndarray, bool]:
    """Mean, mean size, and whether anything varies, from three sums."""
    # Not finite is not the same: the value at the origin may be 0/0.
    return mean, size, bool((~(change <= 1e-12 * size)).any())
