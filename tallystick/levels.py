"""The numbers that fix the error rates of a check, in one place.

A check of a true claim says DISAGREE only if a screening look flags it and then two
independent samples both exceed the same moderate threshold. The screen contributes
SCREEN_LEVEL, each conviction the normal tail at CONVICTION_Z; both are inflated by what
skewed draws were measured to add once the skewness gate is passed. Where a certificate
holds, both samples can be judged by bounds that need no normal law; they have their own
level.
"""

import math

import numpy as np
import scipy

from empirical.montecarlo import Moments

__all__ = [
    "ACCEPT_LEVEL",
    "BUDGET",
    "CONVICTION_Z",
    "FIRST_LOOK",
    "POWER_Z",
    "PROVEN_ALARM",
    "SCREEN_LEVEL",
    "SKEW_FACTOR",
    "enough_draws",
    "false_alarm_bound",
    "first_look",
    "looks_within",
    "proven_level",
    "z_value",
]

FIRST_LOOK = 4096
"""Draws of the first look; each later look has four times as many."""
BUDGET = 2**24
"""Draws of the largest look, if the user gives no budget."""
MOST_LOOKS = 8
OTHERS = 16
"""Contrasts beside the outputs, at most."""
ROOM = 1.03
"""For a deviation that is a little larger in one look than in another."""
SCREEN_LEVEL = 1e-3
"""Probability that any look flags a true claim, two-sided, over all contrasts."""
CONVICTION_Z = 4.5
"""Threshold of each of the two convictions. No tail beyond it is ever trusted."""
ACCEPT_LEVEL = 1e-3
"""Probability of AGREE where one output is off by exactly the tolerance."""
SKEW_FACTOR = 300.0
"""Draws must be at least this many times the squared skewness of what is tested."""
POWER_Z = 2.33
"""One-sided 99 % point of the normal law: the power of the detectable error."""
SCREEN_INFLATION = 100.0
CONVICTION_INFLATION = 30.0
"""Excess over the normal tails that skewed draws may have past the gate. The product of
the three stages, not each by itself, is what was measured: for the worst laws of five
families, up to 10,000 contrasts, it stays below these (`docs/verdict.md`)."""

PROVEN_ALARM = 4e-11
"""Probability that a certificate's own bounds let a check of a true claim say DISAGREE,
for any number of draws. It adds little to the asymptotic bound."""


def enough_draws(moments: Moments, factor: float = 1.0) -> np.ndarray:
    """Whether `factor` times the draws pass the skewness gate, for each quantity."""
    return factor * moments.count >= SKEW_FACTOR * moments.skewness**2


def z_value(level: float) -> float:
    """The upper quantile of the standard normal law."""
    return float(-scipy.special.ndtri(level))


def first_look(error: float, outputs: int) -> int:
    """Draws of the first look, so that a later one is just large enough for an error.

    Args:
        error: What the screen shall notice, relative to the deviation of a draw.
        outputs: How many outputs there are, over all points.
    """
    z = z_value(SCREEN_LEVEL / (2 * (outputs + OTHERS) * MOST_LOOKS)) + POWER_Z
    draws = ROOM * (z / error) ** 2
    while draws >= 4 * FIRST_LOOK:
        draws /= 4
    return max(FIRST_LOOK, math.ceil(draws))


def looks_within(budget: int, first: int = FIRST_LOOK) -> int:
    """How many looks fit, the last one having at most `budget` draws."""
    count = 1
    while count < MOST_LOOKS and first * 4**count <= budget:
        count += 1
    return count


def false_alarm_bound() -> float:
    """Bound on the probability that one check of a true claim says DISAGREE."""
    conviction = CONVICTION_INFLATION * float(scipy.special.ndtr(-CONVICTION_Z))
    return SCREEN_INFLATION * SCREEN_LEVEL * conviction**2


def proven_level(looks: int) -> float:
    """Level of each of two tests on independent samples, at any of some looks."""
    return float(np.sqrt(PROVEN_ALARM / looks))
