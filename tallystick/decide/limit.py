"""Limits as means: the leading error term is removed by extrapolation, and fitted."""

from dataclasses import replace

import numpy as np

from empirical.montecarlo import Exact, Expectation, Moments, Sampler, stream_key
from tallystick import levels
from tallystick.decide.power import RESOLVED, slope_weights
from tallystick.decide.sizes import at_sizes
from tallystick.diagnosis.constants import with_error
from tallystick.relations import Limit
from tallystick.verdict import Decision, Verdict, Worst

__all__ = ["decide_exact_limit", "extrapolated", "with_exact_rate", "with_rate"]

ROUNDING = 1e-9
"""Numerical slack of a deterministic error, relative to the closed form."""
SHARP = 0.1
"""Error of a fitted rate, relative to the stated one, that is small enough."""
LEAST_DRAWS = 2**16
WRONG_RATE = "the error does not shrink at the stated rate"


def extrapolated(expectation: Expectation, relation: Limit) -> Expectation:
    """The expectation whose mean has lost the leading error term in the size.

    The two sizes nearest to the limit have independent noise; see `Limit` for the
    combination.
    """
    sizes = relation.towards[-2:]
    growth = (sizes[1] / sizes[0]) ** relation.rate

    def combine(draws):
        first, second = draws
        return (growth * second - first) / (growth - 1)

    name = f"{expectation.name}, extrapolated in {relation.size}"
    return at_sizes(expectation, relation.size, sizes, combine, name)


def decide_exact_limit(
    exact: Exact, target: np.ndarray, *, relation: Limit, tolerance: float
) -> Decision:
    """Decide about a limit whose extrapolated value has no sampling error.

    Args:
        exact: The extrapolated value.
        target: The closed form, shape (points, outputs), finite.
        relation: The bias that the next term of the expansion may leave.
        tolerance: See `Limit`.
    """
    gaps = np.abs(exact.mean - target)
    scale = np.maximum(np.abs(target), np.abs(exact.mean)).max(axis=-1, keepdims=True)
    scale = np.maximum(scale, 1e-4 * (float(np.median(scale)) or 1.0))
    relative = np.where(np.isfinite(gaps), gaps, np.inf) / scale
    index = np.unravel_index(int(np.argmax(relative)), relative.shape)
    largest = float(relative[index])
    verdict, reason = Verdict.AGREE, ""
    if not np.isfinite(largest):
        verdict, reason = Verdict.INVALID, "the measured value is not finite"
    elif largest > relation.bias:
        verdict, reason = Verdict.DISAGREE, "the closed form is not the limit"
    elif largest > tolerance:
        verdict = Verdict.INCONCLUSIVE
        reason = f"the limit is known to {largest:.2g} only, within the bias allowed"
    return Decision(
        verdict,
        reason=reason,
        draws=exact.evaluations,
        detectable=relation.bias,
        detectable_factor=relation.bias,
        worst=Worst(
            int(index[0]),
            int(index[1]),
            float(target[index]),
            float(exact.mean[index]),
        ),
        exact=True,
    )


def with_exact_rate(
    decision: Decision, exact: Exact, target: np.ndarray, relation: Limit
) -> Decision:
    """Add the fitted rate of an experiment without noise to a decision.

    Args:
        decision: About the limit; if it is no contradiction, the rate may be one.
        exact: The values at all sizes, along the first axis of a value.
        target: The closed form, shape (points, outputs).
        relation: The sizes, the rate, and what the next term may change of it.
    """
    sizes = relation.towards
    errors = exact.mean.reshape(len(target), len(sizes), -1) - target[:, None]
    # Every point counts by its relative error at the size farthest from the limit.
    scale = np.abs(target).max(axis=-1, keepdims=True) + np.abs(errors[:, 0])
    pattern = errors[:, 0] / np.where(scale > 0, scale, 1.0) ** 2
    along = np.einsum("pso,po->s", errors, pattern)
    floor = ROUNDING * float((np.abs(pattern) * scale).sum())
    kept = along > floor
    if kept.sum() < 2:
        worst = sizes[int(np.argmin(kept))]
        note = f"rate not resolved: the error at {relation.size} {worst:g} is rounding"
        return replace(decision, note=note)
    used = [s for s, k in zip(sizes, kept, strict=True) if k]
    slopes = slope_weights(used, np.zeros(len(used)))
    rate = -float(slopes @ np.log(along[kept]))
    decision = replace(decision, note=_note(rate, 0.0, used, relation))
    if abs(rate - relation.rate) > relation.allowance * abs(relation.rate):
        return replace(decision, verdict=Verdict.DISAGREE, reason=WRONG_RATE)
    return decision


def with_rate(
    decision: Decision,
    sampler: Sampler,
    target: np.ndarray,
    *,
    relation: Limit,
    budget: int,
    seed: tuple,
) -> Decision:
    """Add the fitted rate to a decision about a limit that was sampled.

    Args:
        decision: About the limit; if it is no contradiction, the rate may be one.
        sampler: Draws the experiment at all sizes, along the first axis of a value.
        target: The closed form, shape (points, outputs).
        relation: The sizes, the rate, and what the next term may change of it.
        budget: Largest number of draws of one look; the fit also uses no more than
            the decision did, or 65,536.
        seed: Names the noise.
    """
    most = min(budget, max(decision.draws, LEAST_DRAWS))
    return _Rate(sampler, target, relation, most, seed).added_to(decision)


class _Rate:
    """The errors at all sizes, projected on the pattern that they have."""

    def __init__(self, sampler, target, relation, most, seed):
        self.sampler, self.target, self.relation = sampler, target, relation
        self.sizes, self.seed = relation.towards, seed
        self.looks = levels.looks_within(most)
        self.draws = 0
        self.note = ""

    def added_to(self, decision: Decision) -> Decision:
        contradicted = self._contradicted()
        decision = replace(
            decision,
            draws=decision.draws + self.draws,
            note=self.note,
            false_alarm=decision.false_alarm + levels.false_alarm_bound(),
        )
        if contradicted:
            decision = replace(decision, verdict=Verdict.DISAGREE, reason=WRONG_RATE)
        return decision

    def _contradicted(self) -> bool:
        pattern = self._pattern(self._take(("pilot",), levels.FIRST_LOOK)[0])
        for number in range(self.looks):
            draws = levels.FIRST_LOOK * 4**number
            moments, lines = self._take(("look", number), draws, pattern)
            errors, spread = self._errors(lines, pattern)
            kept = self._resolved(errors, spread, lines)
            if kept.sum() < 2:
                pattern = self._pattern(moments)
                continue
            used = [s for s, k in zip(self.sizes, kept, strict=True) if k]
            slopes = slope_weights(used, (spread / errors)[kept])
            rate, error = _rate(slopes, errors[kept], spread[kept])
            self.note = _note(rate, error, used, self.relation)
            if self._off(rate) > self._screen_z * error:
                return self._convicted(number, pattern, kept, slopes, rate)
            if error <= SHARP * abs(self.relation.rate):
                break
        return False

    def _convicted(self, number, pattern, kept, slopes, screened) -> bool:
        """Whether two fresh samples contradict the rate on the same side."""
        side = np.sign(screened - self.relation.rate)
        for factor in (2, 4):
            draws = factor * levels.FIRST_LOOK * 4**number
            stage = ("conviction", number, factor)
            _, lines = self._take(stage, draws, pattern)
            errors, spread = self._errors(lines, pattern)
            if not self._resolved(errors, spread, lines)[kept].all():
                return False
            rate, error = _rate(slopes, errors[kept], spread[kept])
            same_side = np.sign(rate - self.relation.rate) == side
            if not (same_side and self._off(rate) > levels.CONVICTION_Z * error):
                return False
            used = [s for s, k in zip(self.sizes, kept, strict=True) if k]
            self.note = _note(rate, error, used, self.relation)
        return True

    def _off(self, rate: float) -> float:
        """How far a fitted rate is off, beyond what the next term may change."""
        allowed = self.relation.allowance * abs(self.relation.rate)
        return abs(rate - self.relation.rate) - allowed

    @property
    def _screen_z(self) -> float:
        return levels.z_value(levels.SCREEN_LEVEL / (2 * self.looks))

    # --- samples ---------------------------------------------------------------------

    def _take(
        self, stage: tuple, draws: int, pattern: np.ndarray | None = None
    ) -> tuple[Moments, Moments]:
        """Moments at every size, and of the projections at every size."""
        directions = None
        if pattern is not None:
            points, outputs = pattern.shape
            directions = np.zeros((len(self.sizes), points, len(self.sizes), outputs))
            for number in range(len(self.sizes)):
                directions[number, :, number] = pattern
            directions = directions.reshape(len(self.sizes), -1)
        key = stream_key(*self.seed, "rate", *stage)
        moments, lines, _ = self.sampler.moments_and_directions(key, draws, directions)
        self.draws += moments.count
        return moments, lines

    def _pattern(self, moments: Moments) -> np.ndarray:
        """The error at the size farthest from the limit, by how well it is known."""
        shape = len(self.target), len(self.sizes), -1
        gap = moments.mean.reshape(shape)[:, 0] - self.target
        variance = moments.deviation.reshape(shape)[:, 0] ** 2
        weights = np.divide(gap, variance, out=np.zeros_like(gap), where=variance > 0)
        size = np.abs(weights).max()
        return weights / size if size > 0 else weights

    def _errors(self, lines: Moments, pattern) -> tuple[np.ndarray, np.ndarray]:
        """The projected error at every size, and its standard error."""
        return lines.mean - (pattern * self.target).sum(), lines.standard_error

    def _resolved(self, errors, spread, lines: Moments) -> np.ndarray:
        """At which sizes the error counts; else sets the note."""
        ratios = errors / np.where(spread > 0, spread, np.inf)
        kept = (ratios > RESOLVED) & levels.enough_draws(lines)
        if kept.sum() < 2:
            place = int(np.argmin(np.where(kept, np.inf, ratios)))
            self.note = (
                f"rate not resolved: the error at {self.relation.size}"
                f" {self.sizes[place]:g} is {abs(ratios[place]):.1f} standard errors"
            )
        return kept


def _rate(slopes, errors, spread) -> tuple[float, float]:
    """The rate at which errors shrink, with its standard error."""
    error = np.sqrt((slopes**2 * (spread / errors) ** 2).sum())
    return -float(slopes @ np.log(errors)), float(error)


def _note(rate: float, error: float, used: list[float], relation: Limit) -> str:
    """The fitted rate beside the stated one."""
    sizes = ", ".join(f"{size:g}" for size in used)
    return (
        f"rate {with_error(rate, error)} at {relation.size} {sizes}, stated"
        f" {relation.rate:g}"
    )
