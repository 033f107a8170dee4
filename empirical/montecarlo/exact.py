"""The route without sampling: enumeration, else quadrature, else none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from empirical.montecarlo.enumeration import enumerated_mean, outcome_count
from empirical.montecarlo.evaluate import Layout
from empirical.montecarlo.quadrature import quadrature_mean

__all__ = ["Exact", "exact_mean"]


@dataclass(frozen=True)
class Exact:
    """A mean without sampling error.

    Attributes:
        mean: The mean at every point, shape (points, *value).
        evaluations: Outcomes or nodes that were summed.
        tolerance: Relative error that rounding, or the rule, may leave.
    """

    mean: np.ndarray
    evaluations: int
    tolerance: float


def exact_mean(layout: Layout, points: Mapping[str, Any]) -> Exact | None:
    """The mean without sampling, if the noise allows it; else None."""
    count = outcome_count(layout)
    if count is not None:
        return Exact(enumerated_mean(layout, points), count, tolerance=1e-9)
    found = quadrature_mean(layout, points)
    return None if found is None else Exact(*found, tolerance=1e-8)
