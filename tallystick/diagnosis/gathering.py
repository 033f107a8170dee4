"""Gathering evidence: the measured side once more, from fresh draws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from empirical.montecarlo import Exact, stream_key
from tallystick.decide.mean import MOST_WHITENED
from tallystick.diagnosis.evidence import Evidence
from tallystick.forms import Form
from tallystick.relations import Identity, Limit

if TYPE_CHECKING:
    from tallystick.bench import Prepared

__all__ = ["gather"]

DIAGNOSIS_DRAWS = 2**18
"""Draws, at least, of the sample that explains a disagreement."""


def gather(prepared: Prepared, form: Form, target: np.ndarray, draws: int) -> Evidence:
    """The evidence about a form that was refused.

    Args:
        prepared: The case; its relation is `Mean`, `Limit` or `Identity`.
        form: The form.
        target: The form at the points, shape (points, outputs).
        draws: How many draws the decision took.
    """
    exact = None if isinstance(prepared.relation, Identity) else prepared.exact
    correlation = None
    if isinstance(prepared.relation, Identity):
        mean, error = _identical(prepared.values, prepared.tolerance)
    elif exact is not None:
        mean, error = _summed(exact, prepared)
    else:
        mean, error, correlation, draws = _sampled(prepared, target, draws)
    return Evidence(
        form,
        prepared.case.static,
        prepared.points,
        prepared.sampler.value_shape,
        target,
        mean,
        np.broadcast_to(error, mean.shape),
        correlation,
        draws,
        exact is not None or isinstance(prepared.relation, Identity),
        prepared.case.sizes,
        lambda: _elsewhere(prepared, form, draws),
    )


def _identical(values: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    error = tolerance * np.abs(values).max(axis=(0, 2))[:, None]
    # Where the draws differ, no form can equal them all.
    return values.mean(axis=0), np.maximum(error, np.ptp(values, axis=0))


def _summed(exact: Exact, prepared: Prepared) -> tuple[np.ndarray, np.ndarray]:
    error = exact.tolerance * exact.size
    if isinstance(prepared.relation, Limit):
        error = error + prepared.relation.bias * np.abs(exact.mean)
    return exact.mean, error


def _sampled(prepared: Prepared, target: np.ndarray, draws: int):
    """Means, their errors and correlation from fresh draws, and how many these were."""
    moments, _, products = prepared.sampler.moments_and_directions(
        stream_key(*prepared.seed, "diagnosis"),
        max(draws, DIAGNOSIS_DRAWS),
        cross=target.size <= MOST_WHITENED,
    )
    error, correlation = moments.standard_error, None
    if products is not None:
        spread = np.sqrt(moments.second.ravel())
        scale = np.where(spread > 0, spread, 1.0)
        correlation = products / np.outer(scale, scale)
    if isinstance(prepared.relation, Limit):
        # What the next term of the expansion may leave, at random.
        bias = prepared.relation.bias * np.abs(moments.mean)
        total = np.hypot(error, bias)
        shrink = (error / np.where(total > 0, total, 1.0)).ravel()
        if correlation is not None:
            correlation = correlation * np.outer(shrink, shrink)
        error = total
    return moments.mean, error, correlation, moments.count


def _elsewhere(prepared: Prepared, form: Form, draws: int) -> Iterator[Evidence]:
    """The same form measured in the other cases of the domain, one by one."""
    for case in prepared.bench.cases():
        other = prepared.bench.prepared(case)
        if other is not prepared:
            yield gather(other, form, other.target(form), draws)
