"""The decision for sampled means: screen, convict with fresh noise, accept, or neither.

Looks of growing size screen all contrasts. The most suspicious one is frozen and tried
on two fresh samples: both must exceed a moderate threshold for DISAGREE, so outputs,
looks and search cost no multiplicity there. AGREE is an equivalence test of every
output.
"""

import functools
import math

import numpy as np

from empirical.montecarlo import Moments, Sampler
from tallystick import levels
from tallystick.decide.contrasts import Contrasts
from tallystick.decide.exact import ZERO_VARIANCE
from tallystick.decide.looks import (
    ROUNDING,
    Look,
    Looks,
    beyond,
    detectable,
    ratio,
    rounding_floor,
)
from tallystick.verdict import Decision, Verdict, Worst

__all__ = ["MOST_WHITENED", "decide_mean"]

UNUSED_NOISE_LOOKS = 2
"""Looks without any variance after which the noise counts as unused."""
NEVER_DIFFERED = (
    "no draw differed from another where the closed form differs from them: the event"
    " that decides may be too rare, or the noise unused"
)
TOO_SKEWED = (
    "the draws are too skewed for their number: a heavy tail, or events too rare"
)
RARE_DRAWS = 30
"""How often each declared value of discrete noise must be expected among the draws."""
NOT_FINITE = "a draw of the integrand is not finite"
MOST_WHITENED = 640
"""Largest number of outputs whose correlation matrix is measured."""


def decide_mean(
    sampler: Sampler,
    target: np.ndarray,
    *,
    tolerance: float,
    budget: int,
    seed: tuple,
    bias: float = 0.0,
) -> Decision:
    """Decide whether the mean of the draws is the target.

    Args:
        sampler: Draws the experiment at a batch of points.
        target: The closed form there, shape (points, outputs), finite.
        tolerance: See `Mean`.
        budget: Largest number of draws of one look.
        seed: Names the noise; the same seed gives the same decision.
        bias: Relative error of the target that is not a disagreement, as a limit has
            at finite size.
    """
    trial = _Trial(sampler, target.ravel(), tolerance, budget, seed, bias)
    return trial.run()


class _Trial:
    def __init__(self, sampler, target, tolerance, budget, seed, bias):
        self.sampler, self.target, self.tolerance = sampler, target, tolerance
        # Rounding, and what a limit leaves, for each output.
        self.slack = (ROUNDING + bias) * np.abs(target)
        # Whitened weights have both signs: a small bias of each output could add up to
        # anything. Where a bias is allowed, the weights stay positive.
        self.most_whitened = 0 if bias else MOST_WHITENED
        self.most_looks = levels.looks_within(budget)
        self.looks = Looks(sampler, seed)
        self.reason = ""
        self.contrasts: Contrasts | None = None

    def run(self) -> Decision:
        mean = self.target
        look = None
        for number in range(self.most_looks):
            look = self._look(number, mean)
            mean = look.moments.mean
            if not np.isfinite(look.moments.second).all():
                first = int(np.argmin(np.isfinite(look.moments.second)))
                return self._invalid(NOT_FINITE, look, first)
            if not (look.moments.second > 0).any():
                if number >= UNUSED_NOISE_LOOKS and self._same(look.moments).all():
                    gaps = np.abs(look.moments.mean - self.target)
                    return self._invalid(ZERO_VARIANCE, look, int(np.argmax(gaps)))
                self.reason = NEVER_DIFFERED
                continue
            convicted = self._convict(number, look)
            if convicted is not None:
                return convicted
            if self._acceptable(number, look):
                return self._decision(Verdict.AGREE, look)
        assert look is not None
        return self._decision(Verdict.INCONCLUSIVE, look, reason=self.reason)

    # --- looks -----------------------------------------------------------------------

    def _look(self, number: int, mean: np.ndarray) -> Look:
        """The next look; the first one with any variance fixes the contrasts."""
        draws = levels.FIRST_LOOK * 4**number
        if self.contrasts is not None:
            patterns = {**self.contrasts.patterns, "learned": mean - self.target}
            directions = self._directions(patterns)
            return self.looks.take(("look", number), draws, list(patterns), directions)
        look, products = self.looks.take_first(
            ("look", number), draws, cross=self.target.size <= self.most_whitened
        )
        if (look.moments.second > 0).any():
            self.contrasts = Contrasts.build(
                look.moments, products, self.target, self.sampler.value_shape
            )
        return look

    def _directions(self, patterns: dict[str, np.ndarray]) -> np.ndarray:
        assert self.contrasts is not None
        return np.stack([self.contrasts.direction(p) for p in patterns.values()])

    # --- conviction ------------------------------------------------------------------

    def _convict(self, number: int, look: Look) -> Decision | None:
        """Try the most suspicious contrast on two fresh samples."""
        chosen = self._most_suspicious(look)
        if chosen is None:
            return None
        assert self.contrasts is not None
        patterns = self.contrasts.patterns
        names = ["suspect", *patterns]
        directions = np.stack([chosen, *self._directions(patterns)])
        draws = levels.FIRST_LOOK * 4**number
        for factor in (2, 4):
            stage = ("conviction", number, factor)
            fresh = self.looks.take(stage, factor * draws, names, directions)
            gap = fresh.lines.mean[0] - chosen @ self.target
            slack = np.abs(chosen) @ self.slack
            error = fresh.lines.standard_error[0]
            if not (error > 0 and gap - slack > levels.CONVICTION_Z * error):
                return None
            if not levels.enough_draws(fresh.lines)[0]:
                self.reason = TOO_SKEWED
                return None
            if not self._rare_values_seen(fresh.moments.count):
                return None
        if not self.looks.tails_hold(("tail", number), fresh.only(0, 1)):
            self.reason = "the measured error depends on rare draws in the tails"
            return None
        return self._decision(
            Verdict.DISAGREE,
            fresh.only(1),
            reason="the closed form is not the mean of the draws",
        )

    def _most_suspicious(self, look: Look) -> np.ndarray | None:
        """The contrast with the largest statistic, signed, if it passes the screen."""
        gaps = beyond(look.moments.mean - self.target, self.slack)
        scores = ratio(gaps, look.moments.standard_error)
        # What the fresh samples could not convict must not hide what they could.
        scores = np.where(levels.enough_draws(look.moments, 2), scores, 0.0)
        line_gaps = beyond(
            look.lines.mean - look.directions @ self.target,
            np.abs(look.directions) @ self.slack,
        )
        line_scores = ratio(line_gaps, look.lines.standard_error)
        line_scores = np.where(levels.enough_draws(look.lines, 2), line_scores, 0.0)
        every = np.concatenate([scores, line_scores])
        best = int(np.argmax(np.abs(every)))
        if not abs(every[best]) > self._screen_z(look):
            return None
        if best < scores.size:
            chosen = np.zeros(scores.size)
            chosen[best] = 1.0
        else:
            chosen = look.directions[best - scores.size]
        return chosen * np.sign(every[best])

    def _screen_z(self, look: Look) -> float:
        live = int((look.moments.second > 0).sum()) + len(look.names)
        return levels.z_value(
            levels.SCREEN_LEVEL / (2 * max(live, 1) * self.most_looks)
        )

    # --- acceptance ------------------------------------------------------------------

    def _acceptable(self, number: int, look: Look) -> bool:
        """Equivalence of every output and of the common factor; sets the reason."""
        moments, target = look.moments, self.target
        z = levels.z_value(levels.ACCEPT_LEVEL / self.most_looks)
        scale = np.maximum(np.abs(target), moments.deviation)
        gaps = np.abs(moments.mean - target)
        constant = moments.second == 0
        if not self._same(moments)[constant].all():
            self.reason = NEVER_DIFFERED
            return False
        if not levels.enough_draws(moments).all():
            self.reason = TOO_SKEWED
            return False
        if not self._rare_values_seen(moments.count):
            return False
        within = gaps + z * moments.standard_error <= self.tolerance * scale
        if not (within | constant).all():
            self.reason = self._needs(look, "one output")
            return False
        if not self._factor_known(look, z):
            self.reason = self._needs(look, "the common factor")
            return False
        if not self.looks.tails_hold(("accept", number), look.only(0, 0)):
            self.reason = "the mean depends on rare draws in the tails"
            return False
        return True

    def _rare_values_seen(self, draws: int) -> bool:
        """Whether every declared value of discrete noise was drawn often enough."""
        noise, chance = self._rarest
        if draws * chance >= RARE_DRAWS:
            return True
        self.reason = (
            f"a value of the noise {noise!r} has the probability {chance:.1g}, too rare"
            f" for {draws:,} draws"
        )
        return False

    @functools.cached_property
    def _rarest(self) -> tuple[str, float]:
        return self.sampler.layout.rarest(self.sampler.points)

    def _same(self, moments: Moments) -> np.ndarray:
        """Which outputs equal the closed form to rounding."""
        size = np.maximum(np.abs(self.target), np.abs(moments.mean) + moments.deviation)
        floor = rounding_floor(size.reshape(self.sampler.count, -1)).ravel()
        gaps = np.abs(moments.mean - self.target)
        return gaps <= 1e-9 * np.abs(self.target) + floor

    def _factor_known(self, look: Look, z: float) -> bool:
        """Whether a factor common to all outputs is one, within the tolerance."""
        assert self.contrasts is not None
        if "scale" not in self.contrasts.patterns:
            return True  # The closed form is zero: no factor could be wrong.
        if "scale" not in look.names:
            return False
        line = look.names.index("scale")
        gap = abs(look.lines.mean[line] - 1)
        return bool(gap + z * look.lines.standard_error[line] <= self.tolerance)

    def _needs(self, look: Look, what: str) -> str:
        """How far from decided, in draws."""
        single, factor = detectable(look, self.target, self._screen_z(look))
        error = factor if what == "the common factor" else single
        if not math.isfinite(error):
            return f"{what} is not known to {self.tolerance:.2g} yet"
        if error <= self.tolerance:
            return (
                f"{what} differs by more than the tolerance {self.tolerance:.2g}, but"
                " fresh draws did not confirm it"
            )
        draws = look.moments.count * (error / self.tolerance) ** 2
        return (
            f"{what} is known to {error:.2g} only, the tolerance is"
            f" {self.tolerance:.2g}: about {draws:.1g} draws would decide"
        )

    # --- results ---------------------------------------------------------------------

    def _decision(self, verdict, look: Look, reason="") -> Decision:
        single, factor = detectable(look, self.target, self._screen_z(look))
        moments = look.moments
        scores = np.abs(ratio(moments.mean - self.target, moments.standard_error))
        return Decision(
            verdict,
            reason=reason,
            draws=self.looks.draws,
            detectable=single,
            detectable_factor=factor,
            worst=self._at(int(np.argmax(scores)), look),
            false_alarm=levels.false_alarm_bound(),
        )

    def _invalid(self, reason: str, look: Look, index: int) -> Decision:
        return Decision(
            Verdict.INVALID,
            reason=reason,
            draws=self.looks.draws,
            worst=self._at(index, look),
        )

    def _at(self, index: int, look: Look) -> Worst:
        size = self.sampler.layout.value_size
        return Worst(
            index // size,
            index % size,
            float(self.target[index]),
            float(look.moments.mean[index]),
            float(look.moments.standard_error[index]),
        )
