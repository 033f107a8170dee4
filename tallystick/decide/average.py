"""The decision on bounds of means and of probabilities.

As for means: a look screens, two fresh samples convict, and AGREE is a test of every
output that needs no more than the room which the bound leaves. Where the draws have a
known range, as indicators have, its inequalities serve where the normal law does not: a
probability of which no draw is seen.
"""

import math
from dataclasses import dataclass

import numpy as np

from empirical.montecarlo import Exact, Sampler
from tallystick import levels
from tallystick.certificates import Certificate
from tallystick.decide.exact import unused_noise
from tallystick.decide.looks import Look, Looks, draws_wanted, ratio
from tallystick.decide.mean import NOT_FINITE
from tallystick.relations import MeanBound
from tallystick.verdict import Decision, Verdict, Worst

__all__ = ["decide_mean_bound"]

CROSSED = "a mean is past the {side} bound"


def decide_mean_bound(
    sampler: Sampler,
    target: np.ndarray,
    *,
    relation: MeanBound,
    tolerance: float,
    exact: Exact | None,
    budget: int,
    seed: tuple,
    certificate: Certificate | None = None,
) -> Decision:
    """Decide whether no mean of the draws crosses the bound.

    Args:
        sampler: Draws the experiment at a batch of points.
        target: The bound there, shape (points, outputs), finite.
        relation: Which side it is on.
        tolerance: See `MeanBound`.
        exact: The means without sampling error, if they are known.
        budget: Largest number of draws of one look.
        seed: Names the noise; the same seed gives the same decision.
        certificate: What is known of the tails of the outputs.
    """
    trial = _Trial(sampler, target.ravel(), relation, tolerance, budget, seed)
    if exact is not None:
        return trial.compare(exact)
    return trial.run(certificate or Certificate(""))


@dataclass
class _Trial:
    sampler: Sampler
    target: np.ndarray
    relation: MeanBound
    tolerance: float
    budget: int
    seed: tuple

    def __post_init__(self):
        self.sign = 1.0 if self.relation.side == "upper" else -1.0
        self.looks = Looks(self.sampler, self.seed)
        self.most = levels.looks_within(self.budget)

    def excess(self, mean: np.ndarray) -> np.ndarray:
        """How far means lie past the bound; negative within."""
        return self.sign * (mean - self.target)

    def compare(self, exact: Exact) -> Decision:
        """The verdict where the means are known."""
        if self.sampler.layout.sizes and not exact.varies:
            return unused_noise(exact.evaluations)
        mean = exact.mean.ravel()
        size = np.maximum(np.abs(self.target), exact.size.ravel())
        past = self.excess(mean) > exact.tolerance * size
        worst = int(np.argmax(self.excess(mean) / np.where(size > 0, size, 1.0)))
        return Decision(
            Verdict.DISAGREE if past.any() else Verdict.AGREE,
            reason=self._crossed() if past.any() else "",
            draws=exact.evaluations,
            detectable=exact.tolerance,
            worst=Worst(
                *divmod(worst, self.sampler.layout.value_size),
                float(self.target[worst]),
                float(mean[worst]),
            ),
            exact=True,
            tightness=self._tightness(mean),
        )

    def run(self, certificate: Certificate) -> Decision:
        """The verdict from draws."""
        reason, look = "", None
        for number in range(self.most):
            look = self._take(("look", number), levels.FIRST_LOOK * 4**number)
            if not np.isfinite(look.moments.second).all():
                bad = int(np.argmin(np.isfinite(look.moments.second)))
                return Decision(
                    Verdict.INVALID,
                    reason=NOT_FINITE,
                    draws=self.looks.draws,
                    worst=self._at(bad, look),
                )
            suspect = self._suspect(look, certificate)
            if suspect is not None:
                proof = self._convicted(number, suspect, certificate)
                if proof is not None:
                    return self._decision(
                        Verdict.DISAGREE, look, self._crossed(), proof, suspect
                    )
            reason, proven = self._objection(number, look, certificate)
            if not reason:
                words = certificate.words if proven else ""
                return self._decision(Verdict.AGREE, look, guaranteed=words)
        assert look is not None
        return self._decision(Verdict.INCONCLUSIVE, look, reason)

    def _take(self, stage: tuple, draws: int) -> Look:
        nothing = np.zeros((0, self.target.size))
        return self.looks.take(stage, draws, [], nothing)

    def _suspect(self, look: Look, certificate: Certificate) -> int | None:
        """The output that is furthest past its bound, if that is no small chance."""
        past = self.excess(look.moments.mean)
        z = levels.z_value(levels.SCREEN_LEVEL / self.target.size / self.most)
        open_to = levels.enough_draws(look.moments, 2) & (look.moments.second > 0)
        flagged = open_to & (past > z * look.moments.standard_error)
        flagged |= past > self._radius(
            look, certificate, levels.proven_level(self.most)
        )
        if not flagged.any():
            return None
        scores = past / np.maximum(look.moments.standard_error, 1e-300)
        return int(np.argmax(np.where(flagged, scores, -math.inf)))

    def _convicted(
        self, number: int, suspect: int, certificate: Certificate
    ) -> str | None:
        """What two fresh samples convict by; None if they do not."""
        direction = np.zeros((1, self.target.size))
        direction[0, suspect] = 1.0
        draws = levels.FIRST_LOOK * 4**number
        normal = proven = True
        fresh = None
        for factor in (2, 4):
            fresh = self.looks.take(
                ("conviction", number, factor), factor * draws, ["suspect"], direction
            )
            moments = fresh.moments
            past = self.excess(moments.mean)[suspect]
            error = moments.standard_error[suspect]
            beyond = error > 0 and past > levels.CONVICTION_Z * error
            normal &= bool(beyond and levels.enough_draws(moments)[suspect])
            level = levels.proven_level(self.most)
            proven &= bool(past > self._radius(fresh, certificate, level)[suspect])
            if not (normal or proven):
                return None
        assert fresh is not None
        if not proven and not self.looks.tails_hold(("tail", number), fresh):
            return None
        return certificate.words if proven else ""

    def _objection(
        self, number: int, look: Look, certificate: Certificate
    ) -> tuple[str, bool]:
        """Why the look does not suffice for AGREE; and whether a certificate did it."""
        moments = look.moments
        scale = np.maximum(np.abs(self.target), moments.deviation)
        room = self.tolerance * scale - self.excess(moments.mean)
        level = levels.ACCEPT_LEVEL / self.most
        proven = self._radius(look, certificate, level) <= room
        if proven.all():
            return "", True
        live = levels.enough_draws(moments) & (moments.second > 0)
        within = live & (levels.z_value(level) * moments.standard_error <= room)
        if not (proven | within).all():
            if not (live | proven).all():
                return (
                    "too skewed for so many draws: a heavy tail, or rare events",
                    False,
                )
            worst = int(np.argmin(np.where(proven | within, math.inf, room)))
            error = levels.z_value(level) * moments.standard_error[worst]
            return (
                draws_wanted("a mean", float(error), float(room[worst]), moments.count)
                if room[worst] > 0
                else "a mean lies past the bound, but fresh draws did not confirm it"
            ), False
        if not self.looks.tails_hold(("accept", number), look):
            return "the mean depends on rare draws in the tails", False
        return "", False

    def _radius(self, look: Look, certificate: Certificate, level: float) -> np.ndarray:
        return certificate.radius(look.moments.deviation, look.moments.count, level)

    def _decision(
        self, verdict, look: Look, reason="", guaranteed="", worst: int | None = None
    ) -> Decision:
        moments = look.moments
        mean, error = moments.mean, moments.standard_error
        if worst is None:
            scores = ratio(self.excess(mean), error)
            worst = int(np.argmax(np.where(error > 0, scores, self.excess(mean))))
        scale = np.maximum(np.abs(self.target), moments.deviation)
        z = levels.z_value(levels.SCREEN_LEVEL) + levels.POWER_Z
        return Decision(
            verdict,
            reason=reason,
            draws=self.looks.draws,
            detectable=float(np.max(ratio(z * error, scale))),
            worst=self._at(worst, look),
            false_alarm=levels.false_alarm_bound()
            + levels.PROVEN_ALARM * bool(guaranteed),
            guaranteed=guaranteed,
            tightness=self._tightness(mean),
        )

    def _tightness(self, mean: np.ndarray) -> float:
        """The mean that comes closest to its bound, as a multiple of it."""
        known = self.target != 0
        if not known.any():
            return math.nan
        multiples = mean[known] / self.target[known]
        closest = np.argmax(self.excess(mean)[known] / np.abs(self.target[known]))
        return float(multiples[closest])

    def _crossed(self) -> str:
        return CROSSED.format(side=self.relation.side)

    def _at(self, index: int, look: Look) -> Worst:
        return look.at(index, self.target, self.sampler.layout.value_size)
