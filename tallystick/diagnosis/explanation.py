"""Explanations and the choice among them.

Each kind of explanation is tried on its own. Those that account for every output are
compared by description length: what they leave, plus what it takes to state them. One
is named only if it beats every other that predicts something else by odds of a
thousand; otherwise all of them are listed, with the draws that would decide.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tallystick.diagnosis.constants import Constant, Recognized, recognize, with_error
from tallystick.diagnosis.evidence import Evidence, Fit, fit

__all__ = [
    "DECISIVE",
    "Diagnosis",
    "Explanation",
    "choose",
    "number",
    "parameter_cost",
    "settled",
]

DECISIVE = math.log(1e3)
"""How much better, in natural logarithms of odds, than any rival."""
ROUNDED = 1e-7
"""In units of what rounding and quadrature may leave: as exact as doubles are."""
SHOWN = 3


@dataclass(frozen=True)
class Diagnosis:
    """What would explain a disagreement.

    Attributes:
        kind: "factor", "offset", "sign", "argument", "power", "term", "missing",
            "outputs", "region"; "undecided" if several fit, "none" if none does.
        text: One line, with an error bar.
        suggestion: A corrected formula in words; empty if there is none.
    """

    kind: str
    text: str
    suggestion: str = ""


@dataclass(frozen=True)
class Explanation:
    """One candidate that accounts for every output.

    Attributes:
        kind: See `Diagnosis`.
        short: A few words, for a list of candidates.
        text: The whole line.
        suggestion: A corrected formula in words.
        cost: Length of its description, in natural logarithms.
        fit: What it predicts and leaves.
    """

    kind: str
    short: str
    text: str
    suggestion: str
    cost: float
    fit: Fit


def parameter_cost(value: float, error: float, found: Recognized) -> float:
    """What it takes to state a coefficient: its name, or its digits."""
    digits = math.log(max(abs(value), 1e-3) / max(error, 1e-12)) if error > 0 else 25.0
    digits = min(max(digits, 2.0), 25.0)
    return digits if found.cost is None else min(found.cost, digits)


def settled(
    evidence: Evidence,
    found: Fit,
    column: np.ndarray,
    start: np.ndarray | None = None,
    sizes: Mapping[str, int] | None = None,
    neutral: float = 1.0,
) -> tuple[Fit, Recognized]:
    """The coefficient of one column at its simple value, if that fits all outputs too.

    Args:
        evidence: The measured means.
        found: The fit of that column.
        column: What has the coefficient.
        start: What is added to it.
        sizes: Sizes that the coefficient may depend on.
        neutral: The coefficient that changes nothing.

    Returns:
        The fit at the simple value, or the given one; and what the value may be.
    """
    guess = recognize(found.value, found.error, sizes, neutral)
    simple: Constant | None = guess.best
    if simple is None and guess.sized and guess.fits is None:
        simple = guess.sized[0]
    if neutral and found.near(0.0) and found.error < 0.1:
        simple = Constant("0", 0.0, 0.3)
        guess = Recognized(best=simple)
    elif found.near(-1.0) and found.error < 0.1:
        simple = Constant("-1", -1.0, 0.3)
        guess = Recognized(best=simple)
    if simple is None:
        return found, guess
    base = simple.value * column.ravel() + (0.0 if start is None else start)
    exact = fit(evidence, None, base)
    if exact is None or not exact.good:
        return found, Recognized()
    kept = Fit(
        found.coefficients,
        found.covariance,
        exact.left,
        exact.misfit,
        True,
        exact.prediction,
        found.prediction,
    )
    return kept, guess


def number(evidence: Evidence, value: float, error: float) -> str:
    """A value with its error bar; without one where nothing was sampled."""
    known = evidence.exact or error < 1e-8 * abs(value)
    return f"{value:.6g}" if known else with_error(value, error)


def choose(evidence: Evidence, found: list[Explanation]) -> Diagnosis | None:
    """The explanation that beats all others, or the list of those left."""
    if not found:
        return None
    least = max(min(e.fit.left for e in found), ROUNDED)

    def length(explanation: Explanation) -> float:
        if evidence.exact:
            return explanation.cost + (explanation.fit.left / least) ** 2 / 2
        return explanation.cost + explanation.fit.misfit / 2

    ranked = sorted(found, key=length)
    best = ranked[0]
    same = 10 * least if evidence.exact else 1e-2
    # Of those that come to the same, the simplest kind; they are given in that order.
    best = next(e for e in found if _apart(best, e, evidence) <= same)
    rivals = [
        e
        for e in ranked
        if length(e) < length(best) + DECISIVE
        and min(_apart(best, e, evidence), _apart_free(best, e, evidence)) > same
    ]
    if not rivals:
        return Diagnosis(best.kind, best.text, best.suggestion)
    listed = [best, *rivals][:SHOWN]
    text = "; or ".join(e.short for e in listed)
    more = len(rivals) + 1 - len(listed)
    text += f"; or {more} more" if more > 0 else ""
    advice = "other points would tell them apart"
    if not evidence.exact:
        draws = evidence.draws * max(_growth(evidence, best, e) for e in rivals)
        if draws < 1e12:
            advice = f"about {draws:.0e} draws would tell them apart"
    return Diagnosis("undecided", f"undecided: {text}: {advice}")


def _apart(first: Explanation, second: Explanation, evidence: Evidence) -> float:
    """Largest difference of two predictions, in standard errors."""
    gap = np.abs(first.fit.prediction - second.fit.prediction) / evidence.scale
    return float(gap.max(initial=0.0))


def _apart_free(first: Explanation, second: Explanation, evidence: Evidence) -> float:
    """The same before coefficients took their simple values."""
    if first.fit.free is None and second.fit.free is None:
        return math.inf
    a, b = (
        e.fit.prediction if e.fit.free is None else e.fit.free for e in (first, second)
    )
    return float((np.abs(a - b) / evidence.scale).max(initial=0.0))


def _growth(evidence: Evidence, first: Explanation, second: Explanation) -> float:
    """How many times the draws would give the odds, were the first one true."""
    gap = (first.fit.prediction - second.fit.prediction) / evidence.scale
    if evidence.whitening is not None:
        gap = evidence.whitening[0] @ gap
    return max(4 * DECISIVE / max(float(gap @ gap), 1e-12), 2.0)
