"""The decision for exponents: the slope of log mean against log size."""

from dataclasses import replace

import numpy as np

from empirical.montecarlo import Exact, Sampler
from tallystick import levels
from tallystick.decide.exact import ZERO_VARIANCE
from tallystick.decide.looks import Look, Looks, beyond, ratio
from tallystick.decide.power import RESOLVED, PowerFit, PowerWeights
from tallystick.diagnosis.constants import with_error
from tallystick.relations import Exponent
from tallystick.verdict import Decision, Verdict, Worst

__all__ = ["decide_exact_exponent", "decide_exponent"]

NEGATIVE_Z = 6.0
"""Standard errors below zero at which a mean counts as negative."""
ROUNDING = 1e-9
"""Numerical slack of an exponent."""
NOT_POSITIVE = "the measured value is not positive"
NOT_STATED = (
    "the fitted exponent is not the stated one; what finite sizes change of it, the"
    " relation's bias may allow for"
)
TOO_SKEWED = (
    "the draws are too skewed for their number: a heavy tail, or events too rare"
)


def _note(worst: Worst, relation: Exponent) -> str:
    """The fitted exponent beside the stated one."""
    number = with_error(worst.measured, worst.error)
    first, last = relation.towards[0], relation.towards[-1]
    return (
        f"exponent {number} over {relation.size} = {first:g} to {last:g}, stated"
        f" {worst.formula:.6g}"
    )


def decide_exponent(
    sampler: Sampler,
    target: np.ndarray,
    *,
    relation: Exponent,
    tolerance: float,
    budget: int,
    seed: tuple,
) -> Decision:
    """Decide whether the means at the sizes grow with the stated exponent.

    Args:
        sampler: Draws the experiment at all sizes, along the first axis of a value.
        target: The stated exponent, shape (points, outputs), finite.
        relation: The sizes and the bias allowed.
        tolerance: See `Exponent`.
        budget: Largest number of draws of one look.
        seed: Names the noise; the same seed gives the same decision.
    """
    return _Trial(sampler, target, relation, tolerance, budget, seed).run()


class _Trial:
    def __init__(self, sampler, target, relation, tolerance, budget, seed):
        self.sampler, self.target, self.relation = sampler, target, relation
        self.tolerance = tolerance
        self.most_looks = levels.looks_within(budget)
        self.looks = Looks(sampler, seed)
        self.weights: PowerWeights | None = None
        self.reason = ""

    def run(self) -> Decision:
        fit = None
        for number in range(self.most_looks):
            draws = levels.FIRST_LOOK * 4**number
            look, mean, error = self._look(("look", number), draws)
            if not np.isfinite(look.moments.second).all():
                return self._invalid("a draw is not finite", ~np.isfinite(mean), mean)
            if number and not (error > 0).any():
                draws = self.looks.draws
                return Decision(Verdict.INVALID, reason=ZERO_VARIANCE, draws=draws)
            negative = mean < -NEGATIVE_Z * error
            if negative.any():
                return self._invalid(NOT_POSITIVE, negative, mean)
            if not (error > 0).any() or not self._resolved(mean, error):
                continue
            if self.weights is None:
                self.weights = PowerWeights.of(self.relation.towards, error / mean)
            fit = PowerFit.of(self.weights, mean, error)
            convicted = self._convict(number, fit)
            if convicted is not None:
                return convicted
            if self._settled(fit):
                break
            if self._acceptable(number, look, fit):
                return self._decision(Verdict.AGREE, fit)
        if fit is not None and fit.change(self.tolerance).any():
            self.reason = fit.changes(self.tolerance)
        return self._decision(Verdict.INCONCLUSIVE, fit, self.reason)

    def _look(self, stage: tuple, draws: int) -> tuple[Look, np.ndarray, np.ndarray]:
        """A sample, and its means and errors of shape (points, outputs, sizes)."""
        look, _ = self.looks.take_first(stage, draws, cross=False)
        mean, error = look.moments.mean, look.moments.standard_error
        return look, self._by_size(mean), self._by_size(error)

    def _by_size(self, values: np.ndarray) -> np.ndarray:
        shape = len(self.target), len(self.relation.towards), -1
        return np.moveaxis(values.reshape(shape), 1, 2)

    def _resolved(self, mean: np.ndarray, error: np.ndarray) -> bool:
        clear = mean > RESOLVED * error
        if clear.all():
            return True
        ratios = np.where(clear, np.inf, mean / np.where(error > 0, error, 1.0))
        index = np.unravel_index(int(np.argmin(ratios)), mean.shape)
        size = self.relation.towards[int(index[2])]
        self.reason = (
            f"the mean at {self.relation.size} = {size:g} is"
            f" {with_error(float(mean[index]), float(error[index]))}: its logarithm"
            f" counts from {RESOLVED:.0f} standard errors on"
        )
        return False

    # --- verdicts --------------------------------------------------------------------

    def _convict(self, number: int, fit: PowerFit) -> Decision | None:
        """Try the most suspicious exponent on two fresh samples."""
        assert self.weights is not None
        allowed = self.relation.bias + ROUNDING + fit.change(self.tolerance)
        gaps = beyond(fit.slope - self.target, allowed)
        scores = np.abs(ratio(gaps, fit.error))
        index = np.unravel_index(int(np.argmax(scores)), scores.shape)
        if not scores[index] > self._screen_z:
            return None
        sign, found, look = np.sign(gaps[index]), None, None
        for factor in (2, 4):
            draws = factor * levels.FIRST_LOOK * 4**number
            look, mean, error = self._look(("conviction", number, factor), draws)
            enough = self._by_size(levels.enough_draws(look.moments))
            if not enough[index].all():
                self.reason = TOO_SKEWED
                return None
            if not self._resolved(mean[index][None, None], error[index][None, None]):
                return None
            found = PowerFit.of(self.weights[index], mean[index], error[index])
            gap = sign * (found.slope - self.target[index]) - allowed[index]
            if not (found.error > 0 and gap > levels.CONVICTION_Z * found.error):
                return None
        assert found is not None
        assert look is not None
        if not self.looks.tails_hold(("tail", number), look):
            self.reason = "the means depend on rare draws in the tails"
            return None
        worst = Worst(
            int(index[0]),
            int(index[1]),
            float(self.target[index]),
            float(found.slope),
            float(found.error),
        )
        return self._decision(Verdict.DISAGREE, fit, NOT_STATED, worst)

    @property
    def _screen_z(self) -> float:
        tests = 2 * self.target.size * self.most_looks
        return levels.z_value(levels.SCREEN_LEVEL / tests)

    def _settled(self, fit: PowerFit) -> bool:
        """Whether the exponent changes for certain, by more than it could be off."""
        z = levels.CONVICTION_Z
        certain = np.abs(fit.second - fit.first) - 2 * z * fit.change_error
        gap = np.abs(fit.slope - self.target) + z * fit.error
        allowed = self.relation.bias + fit.change(self.tolerance)
        return bool(((certain > self.tolerance) & (gap < allowed)).any())

    def _acceptable(self, number: int, look: Look, fit: PowerFit) -> bool:
        """Equivalence of every exponent, and one power; sets the reason."""
        if not levels.enough_draws(look.moments).all():
            self.reason = TOO_SKEWED
            return False
        z = levels.z_value(levels.ACCEPT_LEVEL / self.most_looks)
        known = np.abs(fit.slope - self.target) + z * fit.error
        if not (known <= self.tolerance).all():
            self.reason = (
                f"an exponent is known to {float(known.max()):.2g} only, the tolerance"
                f" is {self.tolerance:.2g}"
            )
            return False
        if fit.change(self.tolerance).any():
            self.reason = fit.changes(self.tolerance)
            return False
        if not self.looks.tails_hold(("accept", number), look):
            self.reason = "the means depend on rare draws in the tails"
            return False
        return True

    def _decision(
        self, verdict, fit: PowerFit | None, reason="", worst=None
    ) -> Decision:
        if fit is None:
            return Decision(verdict, reason=reason, draws=self.looks.draws)
        worst = worst or fit.worst(self.target)
        return Decision(
            verdict,
            reason=reason,
            draws=self.looks.draws,
            detectable=float(((self._screen_z + levels.POWER_Z) * fit.error).max()),
            worst=worst,
            false_alarm=levels.false_alarm_bound(),
            note=_note(worst, self.relation),
        )

    def _invalid(self, reason: str, bad: np.ndarray, mean: np.ndarray) -> Decision:
        return _invalid(reason, bad, mean, self.target, self.relation, self.looks.draws)


def decide_exact_exponent(
    exact: Exact, target: np.ndarray, *, relation: Exponent, tolerance: float
) -> Decision:
    """Decide the same where the means have no sampling error.

    Args:
        exact: The means, the sizes along the first axis of a value.
        target: The stated exponent, shape (points, outputs), finite.
        relation: The sizes and the bias allowed.
        tolerance: See `Exponent`.
    """
    shape = len(target), len(relation.towards), -1
    mean, size = (np.moveaxis(a.reshape(shape), 1, 2) for a in (exact.mean, exact.size))
    for reason, bad in (
        ("the measured value is not finite", ~np.isfinite(mean)),
        (NOT_POSITIVE, mean <= exact.tolerance * size),
    ):
        if bad.any():
            draws = exact.evaluations
            found = _invalid(reason, bad, mean, target, relation, draws)
            return replace(found, exact=True)
    weights = PowerWeights.of(relation.towards, np.zeros(mean.shape))
    fit = PowerFit.of(weights, mean, np.zeros(mean.shape))
    rounding = (np.abs(weights.slope) * exact.tolerance * size / mean).sum(axis=-1)
    gap, change = np.abs(fit.slope - target), fit.change(tolerance)
    worst = fit.worst(target)
    verdict, reason = Verdict.AGREE, ""
    if (gap > relation.bias + change + rounding).any():
        verdict, reason = Verdict.DISAGREE, NOT_STATED
    elif change.any():
        verdict, reason = Verdict.INCONCLUSIVE, fit.changes(tolerance)
    elif (gap > tolerance).any():
        verdict = Verdict.INCONCLUSIVE
        reason = f"an exponent is off by {gap.max():.2g}, more than the tolerance"
    return Decision(
        verdict,
        reason=reason,
        draws=exact.evaluations,
        detectable=relation.bias + float(rounding.max()),
        worst=worst,
        exact=True,
        note=_note(worst, relation),
    )


def _invalid(reason, bad, mean, target, relation: Exponent, draws: int) -> Decision:
    point, output, place = np.unravel_index(int(np.argmax(bad)), bad.shape)
    size = relation.towards[int(place)]
    value = float(mean[point, output, place])
    return Decision(
        Verdict.INVALID,
        reason=f"{reason}: {value:.4g} at {relation.size} = {size:g}",
        draws=draws,
        worst=Worst(int(point), int(output), float(target[point, output]), value),
    )
