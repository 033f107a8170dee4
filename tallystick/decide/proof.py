"""What a certificate adds to the decision on a mean: bounds for any number of draws.

The asymptotic rule decides first. Where a certificate holds and its own bounds are
passed as well, the verdict no longer rests on the normal law, and skewness does not
matter.
"""

import math
from dataclasses import dataclass

import numpy as np

from empirical.montecarlo import Moments
from tallystick import levels
from tallystick.certificates import Certificate, influence_scale
from tallystick.decide.looks import Look

__all__ = ["ConvictionProof", "Proof", "Suspect"]


BEYOND = 1e3
"""By how many times rounding a mean must leave the range of all draws: 1e-6 of it, so
that single precision is enough."""


@dataclass(frozen=True)
class Suspect:
    """A linear combination of the outputs that a look flagged.

    Attributes:
        weights: Its coefficients; a positive value is evidence against the target.
        deviation: Its sample standard deviation on that look.
        count: How many draws the look had.
        rivals: Among how many combinations it was chosen; they were all fixed before
            the look was taken.
    """

    weights: np.ndarray
    deviation: float
    count: int
    rivals: int


class Proof:
    """The non-asymptotic side of one check.

    Args:
        certificate: What is known of the tails, or None.
        looks: The largest number of looks.
    """

    def __init__(self, certificate: Certificate | None, looks: int):
        self.certificate = certificate or Certificate("")
        self.looks = looks
        self.words = self.certificate.words

    def could_convict(
        self, gaps: np.ndarray, moments: Moments, weights: np.ndarray | None = None
    ) -> np.ndarray:
        """Whether twice the draws would prove gaps of this size.

        Args:
            gaps: What was measured beyond the slack, of each quantity.
            moments: Of the same quantities.
            weights: The quantities as combinations of the outputs; see `Certificate`.
        """
        level = levels.proven_level(self.looks)
        return np.abs(gaps) > self.certificate.radius(
            moments.deviation, 2 * moments.count, level, weights
        )

    def accepts(
        self, look: Look, gaps: np.ndarray, scale: np.ndarray, tolerance: float
    ) -> bool:
        """Whether a certificate alone puts outputs and common factor in tolerance.

        Args:
            look: A sample, with the direction of the common factor if there is one.
            gaps: Differences of its means from the target.
            scale: What the tolerance of each output is relative to.
            tolerance: See `Mean`.
        """
        level = levels.ACCEPT_LEVEL / self.looks
        radii = [
            self.certificate.radius(part.deviation, part.count, level, weights)
            for part, weights in ((look.moments, None), (look.lines, look.directions))
        ]
        if not (gaps + radii[0] <= tolerance * scale).all():
            return False
        if "scale" not in look.names:
            return True
        line = look.names.index("scale")
        return bool(abs(look.lines.mean[line] - 1) + radii[1][line] <= tolerance)

    def outside(self, means: np.ndarray, rounding: np.ndarray, slack=0.0) -> int | None:
        """Which mean lies furthest outside the range of all draws, if one does.

        Args:
            means: Of all outputs.
            rounding: What rounding may leave of each.
            slack: What else is no disagreement.
        """
        beyond = self.certificate.outside(means) - BEYOND * rounding - slack
        worst = int(np.argmax(beyond))
        return worst if beyond[worst] > 0 else None

    def range_of(self, output: int) -> str:
        """Between which ends every draw of one output lies, in words."""
        low, high = self.certificate.low, self.certificate.high
        assert low is not None
        assert high is not None
        return f"every draw lies in [{low[output]:.6g}, {high[output]:.6g}]"

    def false_alarm(self, *, proven: bool) -> float:
        """Bound on DISAGREE for a true claim: of a proof, or of both ways together."""
        if proven:
            return levels.PROVEN_ALARM
        return levels.false_alarm_bound() + levels.PROVEN_ALARM * bool(self.words)

    def about(self, suspect: Suspect) -> "ConvictionProof":
        """What has to be exceeded on fresh draws, fixed before they are taken."""
        level = levels.proven_level(self.looks)
        weights, failing = suspect.weights, 1.0
        if self.certificate.estimates:
            # Half of level^2 for the variance, which serves both samples, and half for
            # the two tests.
            failing, level = level**2 / 2 / suspect.rivals, level / math.sqrt(2)
        variance = self.certificate.variance(
            weights, suspect.deviation, suspect.count, failing
        )
        return ConvictionProof(self.certificate, weights, variance, level)


@dataclass(frozen=True)
class ConvictionProof:
    """The non-asymptotic test of one frozen combination.

    Attributes:
        certificate: What is known of the tails.
        weights: The combination.
        variance: Upper bound on its variance; infinite if none is known.
        level: Probability that one test alone errs.
    """

    certificate: Certificate
    weights: np.ndarray
    variance: float
    level: float

    def squash(self, center: float, draws: int) -> tuple[float, float] | None:
        """Centre and scale of the influence function, if the test is based on it.

        Args:
            center: The largest mean that is no disagreement.
            draws: How many are about to be taken.
        """
        if not 0 < self.variance < math.inf:
            return None
        return center, influence_scale(self.variance, draws, self.level)

    def holds(self, look: Look, gap: float, squash: tuple[float, float] | None) -> bool:
        """Whether a sample proves that the mean exceeds the centre.

        Args:
            look: The sample; its first direction is the combination.
            gap: Its mean less the centre.
            squash: What `squash` gave for the sample.
        """
        count, deviation = look.lines.count, look.lines.deviation[:1]
        radius = self.certificate.radius(
            deviation, count, self.level, self.weights[None]
        )
        if gap > radius[0]:
            return True
        if squash is None:
            return False
        scale, logarithm = squash[1], -math.log(self.level)
        bound = scale * self.variance / 2 + logarithm / (scale * count)
        return look.squashed / scale > bound
