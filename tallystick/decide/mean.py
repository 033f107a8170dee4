"""The decision for sampled means: screen, convict with fresh noise, accept, or neither.

Looks of growing size screen all contrasts. The most suspicious one is frozen and tried
on two fresh samples: both must exceed a moderate threshold for DISAGREE, so outputs,
looks and search cost no multiplicity there. AGREE is an equivalence test of every
output. Where a certificate holds and its own bounds are passed too, the verdict is
guaranteed for every number of draws.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from empirical.montecarlo import Moments, Sampler, stream_key
from tallystick import levels
from tallystick.certificates import Certificate
from tallystick.decide.acceptance import NEVER_DIFFERED, TOO_SKEWED, Acceptance
from tallystick.decide.contrasts import Contrasts, whitening
from tallystick.decide.exact import ZERO_VARIANCE
from tallystick.decide.looks import (
    ROUNDING,
    Look,
    Looks,
    beyond,
    detectable,
    made_of_heavy,
    ratio,
    rounding_beside,
)
from tallystick.decide.proof import Proof, Suspect
from tallystick.verdict import Decision, Verdict, Worst

__all__ = ["MOST_WHITENED", "decide_mean"]

UNUSED_NOISE_LOOKS = 2
"""Looks without any variance after which the noise counts as unused."""
OUT_OF_RANGE = "the closed form lies where no draw can be"
NOT_FINITE = "a draw of the integrand is not finite"
MOST_WHITENED = 640
"""Largest number of outputs whose correlation matrix is measured."""


def decide_mean(
    sampler: Sampler,
    target: np.ndarray,
    *,
    tolerance: float,
    budget: int | None,
    seed: tuple,
    bias: float = 0.0,
    noticed: float | None = None,
    certificate: Certificate | None = None,
    memory: dict[Any, Any] | None = None,
) -> Decision:
    """Decide whether the mean of the draws is the target.

    Args:
        sampler: Draws the experiment at a batch of points.
        target: The closed form there, shape (points, outputs), finite.
        tolerance: See `Mean`.
        budget: Largest number of draws of one look. None for the default, and a last
            look beyond it where that will do for AGREE.
        seed: Names the noise; the same seed gives the same decision.
        bias: Relative error of the target that is not a disagreement, as a limit has
            at finite size.
        noticed: See `Mean.detectable`.
        certificate: What is known of the tails of the outputs, flattened; without one
            every verdict is asymptotic.
        memory: Where first looks are kept, which are the same for every target of one
            sampler and seed.
    """
    flat = target.ravel()
    first = levels.first_look(noticed, flat.size) if noticed else levels.FIRST_LOOK
    most = levels.looks_within(budget or levels.BUDGET, first)
    looks = Looks(sampler, seed)
    number = most + (budget is None)
    acceptance = Acceptance(looks, flat, tolerance, number, noticed or math.inf)
    trial = _Trial(acceptance, first, most, bias, certificate)
    trial.further = budget is None
    if memory is not None:
        trial.memory = memory
    return trial.run()


class _Trial:
    def __init__(self, acceptance: Acceptance, first, most, bias, certificate):
        self.acceptance, self.looks = acceptance, acceptance.looks
        self.sampler, self.target = self.looks.sampler, acceptance.target
        # Draws of the first look, and how many there are.
        self.first, self.most_looks = first, most
        # Rounding, and what a limit leaves, for each output.
        self.slack = (ROUNDING + bias) * np.abs(self.target)
        # Whitened weights have both signs: a small bias of each output could add up to
        # anything. Where a bias is allowed, the weights stay positive.
        self.most_whitened = 0 if bias else MOST_WHITENED
        self.further = False  # Whether a look beyond the budget may accept.
        self.proof = Proof(certificate, self.most_looks)
        self.guaranteed = self.reason = ""
        self.contrasts: Contrasts | None = None
        # Outputs that will pass the skewness gate at the next look, as far as is known.
        self.light = np.ones(self.target.size, bool)
        self.memory: dict[Any, Any] = {}

    def run(self) -> Decision:
        mean = self.target
        look = None
        for number in range(self.most_looks):
            look = self._look(number, mean)
            mean = look.moments.mean
            self.light = levels.enough_draws(look.moments, 8)
            if not np.isfinite(look.moments.second).all():
                first = int(np.argmin(np.isfinite(look.moments.second)))
                return self._invalid(NOT_FINITE, look, first)
            impossible = self._impossible(look)
            if impossible is not None:
                return impossible
            if not (look.moments.second > 0).any():
                same = self.acceptance.same(look).all()
                if number >= UNUSED_NOISE_LOOKS and same:
                    gaps = np.abs(look.moments.mean - self.target)
                    return self._invalid(ZERO_VARIANCE, look, int(np.argmax(gaps)))
                self.reason = ZERO_VARIANCE if same else NEVER_DIFFERED
                continue
            convicted = self._convict(number, look)
            if convicted is not None:
                return convicted
            if self._acceptable(number, look):
                return self._decision(Verdict.AGREE, look)
        assert look is not None
        return self._last(look)

    def _last(self, look: Look) -> Decision:
        """A look beyond the budget that can only accept, or INCONCLUSIVE."""
        number, draws = self.most_looks, 0
        if self.further and self.contrasts is not None:
            draws = self.acceptance.further_draws(look, self._screen_z(look))
        if draws:
            look = self._look(number, look.moments.mean, draws)
            quiet = self._most_suspicious(look) is None
            if quiet and self._acceptable(number, look):
                return self._decision(Verdict.AGREE, look)
        return self._decision(Verdict.INCONCLUSIVE, look, reason=self.reason)

    def _acceptable(self, number: int, look: Look) -> bool:
        """Whether the look suffices for AGREE; sets the reason, or the guarantee."""
        assert self.contrasts is not None
        self.reason, words = self.acceptance.objection(
            ("accept", number),
            look,
            self.proof,
            factor="scale" in self.contrasts.patterns,
            screen=self._screen_z(look),
        )
        if not self.reason:
            self.guaranteed = words
        return not self.reason

    # --- looks -----------------------------------------------------------------------

    def _look(self, number: int, mean: np.ndarray, draws: int = 0) -> Look:
        """The next look; the first one with any variance fixes the contrasts."""
        draws = draws or self.first * 4**number
        if self.contrasts is not None:
            patterns = {**self.contrasts.patterns, "learned": mean - self.target}
            directions = self._directions(patterns)
            return self.looks.take(("look", number), draws, list(patterns), directions)
        key = stream_key(*self.looks.seed, number, self.most_whitened)
        if key not in self.memory:
            look, products = self.looks.take_first(
                ("look", number), draws, cross=self.target.size <= self.most_whitened
            )
            self.memory[key] = look, whitening(look.moments, products)
        else:
            self.looks.draws += self.memory[key][0].moments.count
        look, solve = self.memory[key]
        if (look.moments.second > 0).any():
            self.contrasts = Contrasts.build(
                look.moments, solve, self.target, self.sampler.value_shape
            )
        return look

    def _directions(self, patterns: dict[str, np.ndarray]) -> np.ndarray:
        assert self.contrasts is not None
        return np.stack(
            [self.contrasts.direction(p, self.light) for p in patterns.values()]
        )

    # --- conviction ------------------------------------------------------------------

    def _convict(self, number: int, look: Look) -> Decision | None:
        """Try the most suspicious contrast on two fresh samples."""
        suspect = self._most_suspicious(look)
        if suspect is None:
            return None
        assert self.contrasts is not None
        chosen, proof = suspect.weights, self.proof.about(suspect)
        center = chosen @ self.target + np.abs(chosen) @ self.slack
        patterns = self.contrasts.patterns
        names = ["suspect", *patterns]
        directions = np.stack([chosen, *self._directions(patterns)])
        draws = self.first * 4**number
        normal = proven = True
        for factor in (2, 4):
            stage = ("conviction", number, factor)
            squash = proof.squash(center, factor * draws)
            fresh = self.looks.take(
                stage, factor * draws, names, directions, squash=squash
            )
            gap = fresh.lines.mean[0] - center
            error = fresh.lines.standard_error[0]
            if not (error > 0 and gap > levels.CONVICTION_Z * error):
                return None
            light = levels.enough_draws(fresh.lines)[0]
            light &= not made_of_heavy(fresh.lines, fresh.moments, directions)[0]
            normal = normal and bool(light)
            proven = proven and proof.holds(fresh, gap, squash)
            if not (normal or proven):
                self.reason = TOO_SKEWED
                return None
            self.reason = self.looks.too_rare(fresh.moments.count)
            if self.reason:
                return None
        if not self.looks.tails_hold(("tail", number), fresh.only(0, 1)):
            self.reason = "the measured error depends on rare draws in the tails"
            return None
        self.guaranteed = self.proof.words if proven else ""
        return self._decision(
            Verdict.DISAGREE,
            fresh.only(1),
            reason="the closed form is not the mean of the draws",
        )

    def _most_suspicious(self, look: Look) -> Suspect | None:
        """The contrast with the largest statistic, signed, if it passes the screen."""
        lines, target = look.directions, self.target
        gaps = beyond(look.moments.mean - target, self.slack)
        line_gaps = beyond(look.lines.mean - lines @ target, np.abs(lines) @ self.slack)
        every = np.concatenate(
            [
                self._scores(gaps, look.moments),
                self._scores(line_gaps, look.lines, look.moments, lines),
            ]
        )
        best = int(np.argmax(np.abs(every)))
        if not abs(every[best]) > self._screen_z(look):
            return None
        if best < gaps.size:
            chosen = np.zeros(gaps.size)
            chosen[best] = 1.0
        else:
            chosen = lines[best - gaps.size]
        deviations = np.concatenate([look.moments.deviation, look.lines.deviation])
        return Suspect(
            chosen * np.sign(every[best]),
            float(deviations[best]),
            look.moments.count,
            every.size,
        )

    def _scores(self, gaps, moments: Moments, outputs=None, weights=None) -> np.ndarray:
        """Statistics; what fresh samples could not convict must not hide the rest."""
        open_to = levels.enough_draws(moments, 2)
        if weights is not None and outputs is not None:
            open_to &= ~made_of_heavy(moments, outputs, weights, 2)
        open_to |= self.proof.could_convict(gaps, moments, weights)
        return np.where(open_to, ratio(gaps, moments.standard_error), 0.0)

    def _screen_z(self, look: Look) -> float:
        live = int((look.moments.second > 0).sum()) + len(look.names)
        return levels.z_value(
            levels.SCREEN_LEVEL / (2 * max(live, 1) * self.most_looks)
        )

    def _impossible(self, look: Look) -> Decision | None:
        """DISAGREE where the closed form lies outside the range of all draws."""
        rounding = self._rounding(look.moments)
        if self.proof.outside(look.moments.mean, rounding) is not None:
            # Then the certificate is what is wrong: nothing may rest on it.
            self.proof = Proof(None, self.most_looks)
        worst = self.proof.outside(self.target, rounding, self.slack)
        if worst is None:
            return None
        self.guaranteed = self.proof.range_of(worst)
        found = self._decision(Verdict.DISAGREE, look, reason=OUT_OF_RANGE)
        return replace(found, worst=self._at(worst, look), false_alarm=0.0)

    def _rounding(self, moments: Moments) -> np.ndarray:
        return rounding_beside(moments, self.target, self.sampler.count)

    # --- results ---------------------------------------------------------------------

    def _decision(self, verdict, look: Look, reason="") -> Decision:
        single, factor = detectable(look, self.target, self._screen_z(look))
        convicted = verdict is Verdict.DISAGREE and bool(self.guaranteed)
        moments = look.moments
        scores = np.abs(ratio(moments.mean - self.target, moments.standard_error))
        return Decision(
            verdict,
            reason=reason,
            draws=self.looks.draws,
            detectable=single,
            detectable_factor=factor,
            worst=self._at(int(np.argmax(scores)), look),
            false_alarm=self.proof.false_alarm(proven=convicted),
            guaranteed=self.guaranteed,
        )

    def _invalid(self, reason: str, look: Look, index: int) -> Decision:
        return Decision(
            Verdict.INVALID,
            reason=reason,
            draws=self.looks.draws,
            worst=self._at(index, look),
        )

    def _at(self, index: int, look: Look) -> Worst:
        return look.at(index, self.target, self.sampler.layout.value_size)
