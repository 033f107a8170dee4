"""Judges: which decision procedure judges which relation on which evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from empirical.montecarlo import Expectation, exact_mean, stream_key
from tallystick import levels
from tallystick.decide.average import decide_mean_bound
from tallystick.decide.exact import decide_bound, decide_equal, unused_noise
from tallystick.decide.exponent import decide_exact_exponent, decide_exponent
from tallystick.decide.law import decide_law
from tallystick.decide.limit import decide_exact_limit, with_exact_rate, with_rate
from tallystick.decide.mean import decide_mean
from tallystick.decide.reference import decide_same_law
from tallystick.errors import ClaimError
from tallystick.forms import Form, evaluate_probabilities
from tallystick.relations import (
    Bound,
    Distribution,
    Exponent,
    Identity,
    Limit,
    MeanBound,
)
from tallystick.verdict import Decision, Verdict, Worst

if TYPE_CHECKING:
    from tallystick.bench import Prepared

__all__ = ["decide", "decide_form_law", "with_fitted_rate"]


def decide(prepared: Prepared, target: np.ndarray) -> Decision:
    """Decide about a closed form given at the points, for every relation but laws.

    Args:
        prepared: The case.
        target: The closed form there, shape (points, outputs).
    """
    bad = ~np.isfinite(target)
    if bad.any():
        point, output = np.unravel_index(int(np.argmax(bad)), bad.shape)
        worst = Worst(int(point), int(output), float(target[point, output]), np.nan)
        return Decision(
            Verdict.INVALID, reason="the closed form is not finite", worst=worst
        )
    relation, tolerance = prepared.relation, prepared.tolerance
    if isinstance(relation, Bound):
        random = bool(prepared.sampler.layout.sizes)
        return decide_bound(prepared.values, target, relation, random=random)
    if isinstance(relation, Identity):
        values = prepared.values
        return decide_equal(values, target, tolerance=tolerance, draws=len(values))
    exact = prepared.exact
    if isinstance(relation, MeanBound):
        return decide_mean_bound(
            prepared.sampler,
            target,
            relation=relation,
            tolerance=tolerance,
            exact=exact,
            budget=prepared.settings.budget or levels.BUDGET,
            seed=prepared.seed,
            certificate=prepared.certificate,
        )
    if exact is None:
        return _decide_sampled(prepared, target)
    if prepared.sampler.layout.sizes and not exact.varies:
        return unused_noise(exact.evaluations)
    if isinstance(relation, Exponent):
        return decide_exact_exponent(
            exact, target, relation=relation, tolerance=tolerance
        )
    if isinstance(relation, Limit):
        return decide_exact_limit(exact, target, relation=relation, tolerance=tolerance)
    return decide_equal(
        exact.mean[None],
        target,
        tolerance=tolerance,
        draws=exact.evaluations,
        size=exact.size,
    )


def _decide_sampled(prepared: Prepared, target: np.ndarray) -> Decision:
    relation, budget = prepared.relation, prepared.settings.budget
    if isinstance(relation, Exponent):
        return decide_exponent(
            prepared.sampler,
            target,
            relation=relation,
            tolerance=prepared.tolerance,
            budget=budget or levels.BUDGET,
            seed=prepared.seed,
        )
    return decide_mean(
        prepared.sampler,
        target,
        tolerance=prepared.tolerance,
        budget=budget,
        seed=prepared.seed,
        bias=relation.bias if isinstance(relation, Limit) else 0.0,
        noticed=prepared.noticed,
        certificate=prepared.certificate,
        memory=prepared.memory,
    )


def decide_form_law(prepared: Prepared, form: Form, relation: Distribution) -> Decision:
    """Decide whether the draws have the law that a form states.

    Args:
        prepared: The case.
        form: A distribution function, or another experiment.
        relation: Its tolerance and what else is claimed.

    Raises:
        ClaimError: The form's value has another shape or dtype than it must.
    """
    budget = prepared.settings.budget or levels.BUDGET
    tolerance = prepared.tolerance
    if isinstance(form, Expectation):
        other = prepared.measure(form)
        shape = prepared.sampler.value_shape
        if other.value_shape != shape:
            raise ClaimError(
                f"{form.name} must return values of the shape {shape}, as its"
                f" experiment does, got {other.value_shape}"
            )
        return decide_same_law(
            prepared.sampler,
            other,
            relation=relation,
            tolerance=tolerance,
            budget=budget,
            seed=prepared.seed,
        )

    def probability(values: np.ndarray) -> np.ndarray:
        return evaluate_probabilities(
            form, prepared.case, prepared.points, relation.argument, values
        )

    return decide_law(
        prepared.sampler,
        probability,
        relation=relation,
        tolerance=tolerance,
        budget=budget,
        seed=prepared.seed,
    )


def with_fitted_rate(
    prepared: Prepared, decision: Decision, target: np.ndarray, relation: Limit
) -> Decision:
    """A decision about a limit, with the rate that three sizes or more show.

    A form that is refused anyway, or cannot be compared, has no rate.
    """
    doubted = decision.verdict in (Verdict.DISAGREE, Verdict.INVALID)
    if doubted or len(relation.sizes) < 3:
        return decision
    if prepared.exact is not None:
        exact = exact_mean(prepared.every_size, stream_key(*prepared.seed, "sizes"))
        assert exact is not None
        return with_exact_rate(decision, exact, target, relation)
    return with_rate(
        decision,
        prepared.every_size,
        target,
        relation=relation,
        budget=prepared.settings.budget or levels.BUDGET,
        seed=prepared.seed,
    )
