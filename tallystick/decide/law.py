"""The decision for laws: a distribution function against draws, at many probes.

At a probe t the number of draws Y <= t is binomial, whatever the law, with the claimed
probability F(t) if the claim is true. So every tail below is exact for every number of
draws. A pilot sample chooses the probes; looks of growing size screen all of them; the
most suspicious one is frozen and tried on two fresh samples.
"""

import math
from collections.abc import Callable

import numpy as np
import scipy

from empirical.montecarlo import Sampler
from tallystick import levels
from tallystick.decide.probes import (
    NotFiniteError,
    blocks,
    count_below,
    count_joint,
    edges,
    intervals,
    joint_probes,
    probe_count,
    until_decided,
)
from tallystick.relations import Distribution
from tallystick.verdict import Decision, Verdict, Worst

__all__ = ["conviction_level", "decide_law", "law_decision", "law_needs", "pilot_draws"]

ROUNDING = 1e-9
"""Numerical slack of a claimed probability, as of an exact mean."""
PILOT_PER_PROBE = 32


def decide_law(
    sampler: Sampler,
    probability: Callable[[np.ndarray], np.ndarray],
    *,
    relation: Distribution,
    tolerance: float,
    budget: int,
    seed: tuple,
) -> Decision:
    """Decide whether the draws have the claimed distribution function.

    Args:
        sampler: Draws the experiment at a batch of points.
        probability: The claimed P(Y <= value) for values of shape (points, probes,
            *shape of a draw), of shape (points, probes).
        relation: Name of the argument, and the bias allowed.
        tolerance: AGREE needs every probability within it.
        budget: Largest number of draws of one look.
        seed: Names the noise; the same seed gives the same decision.
    """
    return _Trial(sampler, probability, relation, tolerance, budget, seed).run()


def conviction_level() -> float:
    """Level of one conviction, as for means: the normal tail at its threshold."""
    return float(scipy.special.ndtr(-levels.CONVICTION_Z))


def pilot_draws(tolerance: float, budget: int) -> int:
    """Draws that choose the probes: few beside those that decide."""
    most = max(budget // 4, levels.FIRST_LOOK)
    return min(PILOT_PER_PROBE * probe_count(tolerance), most)


class _Trial:
    def __init__(self, sampler, probability, relation, tolerance, budget, seed):
        self.sampler, self.probability, self.relation = sampler, probability, relation
        self.tolerance, self.budget, self.seed = tolerance, budget, seed
        self.slack = ROUNDING + relation.bias
        self.most_looks = levels.looks_within(budget)
        self.size = math.prod(sampler.value_shape)
        self.draws = 0
        self.probes = self.claimed = np.zeros(0)

    def run(self) -> Decision:
        try:
            self._choose_probes()
            complaint = self._complaint()
            if complaint is not None:
                return complaint
            return until_decided(self._look, self.most_looks)
        except NotFiniteError as error:
            return Decision(Verdict.INVALID, reason=str(error), draws=self.draws)

    def _look(self, number: int) -> Decision:
        """What one more sample, and those that confirm it, say."""
        draws = levels.FIRST_LOOK * 4**number
        counts, draws = self._counts(("look", number), draws)
        convicted = self._convict(number, counts, draws)
        if convicted is not None:
            return convicted
        doubt = self._doubt(counts, draws)
        verdict = Verdict.INCONCLUSIVE if doubt else Verdict.AGREE
        return self._decision(verdict, counts, draws, doubt)

    # --- draws and probes ------------------------------------------------------------

    def _blocks(self, stage: tuple, draws: int):
        for block in blocks(self.sampler, (*self.seed, *stage), draws):
            self.draws += len(block)
            yield block

    def _choose_probes(self) -> None:
        pilot = pilot_draws(self.tolerance, self.budget)
        draws = np.concatenate(list(self._blocks(("pilot",), pilot)))
        if self.size == 1:
            self.probes = edges(draws[..., 0], probe_count(self.tolerance))
        else:
            self.probes = joint_probes(draws)
        values = self.probes.reshape(*self.probes.shape[:2], *self.sampler.value_shape)
        self.claimed = self.probability(values)

    def _counts(self, stage: tuple, draws: int) -> tuple[np.ndarray, int]:
        """How many draws lie below each probe, shape (points, probes)."""
        before, counts = self.draws, np.zeros(self.claimed.shape, np.int64)
        for block in self._blocks(stage, draws):
            if self.size == 1:
                counts += count_below(block[..., 0], self.probes)
            else:
                counts += count_joint(block, self.probes)
        return counts, self.draws - before

    # --- verdicts --------------------------------------------------------------------

    def _complaint(self) -> Decision | None:
        """INVALID where the closed form is no distribution function."""
        claimed = self.claimed
        outside = ~((claimed >= -ROUNDING) & (claimed <= 1 + ROUNDING))
        if outside.any():
            reason = "the closed form is no probability"
            if not np.isfinite(claimed).all():
                outside, reason = ~np.isfinite(claimed), "the closed form is not finite"
            return self._invalid(reason, int(np.argmax(outside)))
        if self.size == 1:
            order = np.argsort(self.probes, axis=1, kind="stable")
            steps = np.diff(np.take_along_axis(claimed, order, axis=1), axis=1)
            if (steps < -ROUNDING).any():
                point, place = divmod(int(np.argmin(steps)), steps.shape[1])
                index = point * len(order[point]) + order[point, place + 1]
                reason = "the closed form is no distribution function: it decreases"
                return self._invalid(reason, int(index))
        self.claimed = np.clip(claimed, 0.0, 1.0)
        return None

    def _convict(self, number: int, counts: np.ndarray, draws: int) -> Decision | None:
        """Try the most suspicious probe on two fresh samples."""
        most, least = self._bounds(self.claimed)
        over, under = _tails(counts, draws, most, least)
        tails = np.minimum(over, under)
        index = int(np.argmin(tails))
        if not tails.flat[index] < self._screen_level:
            return None
        point, place = np.unravel_index(index, tails.shape)
        high = bool(over.flat[index] <= under.flat[index])
        where = self.probes[point, place]
        bounds = most[point, place], least[point, place]
        hits = total = 0
        for factor in (2, 4):
            hits = total = 0
            for block in self._blocks(("conviction", number, factor), factor * draws):
                below = block[:, point] <= where
                hits, total = hits + int(below.all(axis=1).sum()), total + len(block)
            tail = _tails(np.array(hits), total, *map(np.array, bounds))[1 - high]
            if not tail < conviction_level():
                return None
        worst = self._worst(index, hits, total)
        return self._decision(
            Verdict.DISAGREE,
            counts,
            draws,
            f"the draws do not have this law: {worst.place} is not {worst.formula:.6g}",
            worst,
        )

    def _bounds(self, claimed):
        """The largest and the smallest probability that is no disagreement."""
        return (
            np.minimum(claimed + self.slack, 1.0),
            np.maximum(claimed - self.slack, 0.0),
        )

    @property
    def _screen_level(self) -> float:
        return levels.SCREEN_LEVEL / (2 * self.claimed.size * self.most_looks)

    def _doubt(self, counts: np.ndarray, draws: int) -> str:
        """What keeps the laws from being within the tolerance; "" if nothing does.

        If the laws differ by more than the tolerance anywhere, then one fixed test
        below has to fail, so each of them may have the whole level.
        """
        if self.size == 1:
            low, high = intervals(self.claimed, 1.0)
            fewest, most = intervals(counts, draws)
        else:
            low = high = self.claimed
            fewest = most = counts
        level = levels.ACCEPT_LEVEL / self.most_looks
        at_most, at_least = low + self.tolerance, high - self.tolerance
        good = (at_most >= 1) | (
            scipy.stats.binom.cdf(most, draws, np.minimum(at_most, 1)) < level
        )
        good &= (at_least <= 0) | (
            scipy.stats.binom.sf(fewest - 1, draws, np.maximum(at_least, 0)) < level
        )
        if good.all():
            return ""
        gaps = np.maximum(most / draws - low, high - fewest / draws)[~good]
        z = levels.z_value(self._screen_level)
        return law_needs(
            float(gaps.max()), self._error(draws), z, draws, self.tolerance
        )

    def _error(self, draws: int) -> float:
        """The largest standard error of a frequency."""
        return float(np.sqrt(self.claimed * (1 - self.claimed) / draws).max())

    def _decision(self, verdict, counts, draws, reason="", worst=None) -> Decision:
        spread = np.maximum(self.claimed * (1 - self.claimed), ROUNDING)
        errors = np.sqrt(spread / draws)
        scores = np.abs(counts / draws - self.claimed) / errors
        index = int(np.argmax(scores))
        return law_decision(
            verdict,
            reason,
            self.draws,
            self._error(draws),
            self._screen_level,
            worst or self._worst(index, counts.flat[index], draws),
            ""
            if verdict is Verdict.INCONCLUSIVE
            else "counts below a value are binomial",
        )

    def _worst(self, index: int, hits: float, draws: int) -> Worst:
        point, place = np.unravel_index(index, self.claimed.shape)
        share = float(hits / draws)
        if self.size == 1:
            # Just below a value, and at it.
            at = self.probes[point, place | 1]
            sign = "<=" if place % 2 else "<"
            shown = f"{sign} {at:.6g}"
        else:
            entries = (f"{entry:.4g}" for entry in self.probes[point, place])
            shown = f"<= [{', '.join(entries)}]"
        return Worst(
            int(point),
            0,
            float(self.claimed[point, place]),
            share,
            math.sqrt(share * (1 - share) / draws),
            place=f"P({self.relation.argument} {shown})",
        )

    def _invalid(self, reason: str, index: int) -> Decision:
        return Decision(
            Verdict.INVALID,
            reason=reason,
            draws=self.draws,
            worst=self._worst(index, math.nan, 1),
        )


def law_decision(
    verdict: Verdict,
    reason: str,
    draws: int,
    error: float,
    screen_level: float,
    worst: Worst,
    certain: str,
) -> Decision:
    """A decision on laws; `error` is the largest standard error of the last look."""
    z = levels.z_value(screen_level) + levels.POWER_Z
    return Decision(
        verdict,
        reason=reason,
        draws=draws,
        detectable=z * error,
        worst=worst,
        false_alarm=levels.SCREEN_LEVEL * conviction_level() ** 2,
        guaranteed=certain,
    )


def law_needs(gap: float, error: float, z: float, draws: int, tolerance: float) -> str:
    """How far from decided, in draws, given the threshold `z` of the screen."""
    known = gap + levels.z_value(levels.ACCEPT_LEVEL) * error
    if gap - z * error > tolerance:
        return (
            f"a probability differs by {gap:.2g}, more than the tolerance"
            f" {tolerance:.2g}, but fresh draws did not confirm it"
        )
    more = draws * max((known / tolerance) ** 2, 1.5)
    return (
        f"the probabilities are known to {known:.2g} only, the tolerance is"
        f" {tolerance:.2g}: about {more:.1g} draws would decide"
    )


def _tails(counts, draws, most, least) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of as many draws or more, and of as few or fewer."""
    return scipy.stats.binom.sf(counts - 1, draws, most), scipy.stats.binom.cdf(
        counts, draws, least
    )
