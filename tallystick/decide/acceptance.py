"""AGREE for a sampled mean: equivalence of every output and of the common factor."""

import math
from dataclasses import dataclass

import numpy as np

from tallystick import levels
from tallystick.decide.looks import (
    Look,
    Looks,
    detectable,
    draws_wanted,
    ratio,
    rounding_beside,
)
from tallystick.decide.proof import Proof

__all__ = ["TOO_SKEWED", "Acceptance"]

TOO_SKEWED = "too skewed for so many draws: a heavy tail, or events too rare"
NEVER_DIFFERED = (
    "no draw differed from another where the closed form differs from them: the event"
    " that decides may be too rare, or the noise unused"
)
ROOM = 2.5
"""Draws that accept a right form with 98 %, over those that leave no room for a gap."""
MOST_DRAWS = 4 * levels.BUDGET
MOST_VALUES = 2**31
"""Draws of a look beyond the budget, and values of all outputs in it, at most."""


@dataclass(frozen=True)
class Acceptance:
    """What AGREE takes.

    Attributes:
        looks: The samples of the check.
        target: The closed form, flattened.
        tolerance: Of every output, and of a factor common to all.
        number: How many looks there may be.
        detectable: What error of one output must have been noticeable; infinite if that
            is left to the tolerance.
    """

    looks: Looks
    target: np.ndarray
    tolerance: float
    number: int
    detectable: float = math.inf

    @property
    def z(self) -> float:
        """Standard errors that must fit between a gap and the tolerance."""
        return levels.z_value(levels.ACCEPT_LEVEL / self.number)

    def objection(
        self, stage: tuple, look: Look, proof: Proof, *, factor: bool, screen: float
    ) -> tuple[str, str]:
        """Why a sample does not suffice for AGREE, and else what guarantees it.

        Args:
            stage: Names the noise of the tail probe.
            look: The sample.
            proof: What is known of the tails.
            factor: Whether a common factor could be wrong: not where the closed form
                is zero.
            screen: Threshold of the screen, for the words.

        Returns:
            The objection or an empty string; words of the proof, empty if asymptotic.
        """
        moments, target = look.moments, self.target
        scale = np.maximum(np.abs(target), moments.deviation)
        gaps = np.abs(moments.mean - target)
        constant = moments.second == 0
        if not self.same(look)[constant].all():
            return NEVER_DIFFERED, ""
        proven = proof.accepts(look, gaps, scale, self.tolerance)
        if not (proven or levels.enough_draws(moments).all()):
            return TOO_SKEWED, ""
        rare = self.looks.too_rare(moments.count)
        if rare:
            return rare, ""
        within = gaps + self.z * moments.standard_error <= self.tolerance * scale
        if not (within | constant).all():
            return self._needs(look, "one output", screen), ""
        noticed = detectable(look, target, screen)[0]
        if noticed > self.detectable:
            return draws_wanted(
                "one output", noticed, self.detectable, moments.count
            ), ""
        if factor and not look.factor_within(self.z, self.tolerance):
            return self._needs(look, "the common factor", screen), ""
        if not self.looks.tails_hold(stage, look.only(0, 0)):
            return "the mean depends on rare draws in the tails", ""
        return "", proof.words if proven else ""

    def same(self, look: Look) -> np.ndarray:
        """Which outputs equal the closed form to rounding."""
        rounding = rounding_beside(look.moments, self.target, self.looks.sampler.count)
        return np.abs(look.moments.mean - self.target) <= rounding

    def further_draws(self, look: Look, screen: float) -> int:
        """Size of a look beyond the budget that accepts a right form; 0 if none will.

        Args:
            look: The last look within the budget, with its contrasts.
            screen: Threshold of the screen.
        """
        scale = np.maximum(np.abs(self.target), look.moments.deviation)
        errors = ratio(look.moments.standard_error, scale)
        if "scale" in look.names:
            line = look.names.index("scale")
            errors = np.append(errors, look.lines.standard_error[line])
        noticed = detectable(look, self.target, screen)[0] / self.detectable
        share = max(ROOM * (self.z * errors.max() / self.tolerance) ** 2, noticed**2)
        if not share < MOST_DRAWS:
            return 0
        draws = 1 << math.ceil(math.log2(max(share * look.moments.count, 1)))
        most = min(MOST_DRAWS, MOST_VALUES // self.target.size)
        return draws if look.moments.count < draws <= most else 0

    def _needs(self, look: Look, what: str, screen: float) -> str:
        """How far from decided, in draws."""
        single, factor = detectable(look, self.target, screen)
        error = factor if what == "the common factor" else single
        return draws_wanted(what, error, self.tolerance, look.moments.count)
