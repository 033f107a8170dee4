"""Verdicts, and what is known when one is reached."""

import enum
import math
from dataclasses import dataclass

__all__ = ["Decision", "Verdict", "Worst", "guarantee_of", "worst_of"]


class Verdict(enum.StrEnum):
    """What a check found; ordered by how loudly it must be said."""

    AGREE = "AGREE"
    INCONCLUSIVE = "INCONCLUSIVE"
    DISAGREE = "DISAGREE"
    INVALID = "INVALID"

    @property
    def rank(self) -> int:
        """Position in the order above."""
        return list(Verdict).index(self)


@dataclass(frozen=True)
class Worst:
    """Where the halves differ most.

    Attributes:
        point: Index of the parameter point.
        output: Index of the output in the flattened value.
        formula: The closed form there.
        measured: The measured value there.
        error: Standard error of the measured value.
        place: What was compared, in words, where it is not an output itself.
    """

    point: int
    output: int
    formula: float
    measured: float
    error: float = 0.0
    place: str = ""


@dataclass(frozen=True)
class Decision:
    """A verdict on one case, with the evidence.

    Attributes:
        verdict: The verdict.
        reason: One line: why it is not AGREE; empty for AGREE.
        diagnosis: What would explain a disagreement, with its error bar; or empty.
        suggestion: A corrected formula in words; or empty.
        draws: How many draws were used, or outcomes summed.
        detectable: Smallest error of one output that would have been noticed with
            probability 99 %, relative to the larger of its size and the standard
            deviation of a draw; nan if no such statement can be made.
        detectable_factor: The same for a factor common to all outputs.
        worst: Where the halves differ most; None if they never do.
        exact: Whether the measured side has no sampling error.
        false_alarm: Bound on the probability of DISAGREE for a true claim.
        tightness: Of a bound: how close the draws come, as a ratio.
        guaranteed: What the verdict is certain by for every number of draws, up to its
            stated error rates: a certificate in words; empty if it is asymptotic.
        note: What else was measured, whatever the verdict: a fitted rate or exponent.
    """

    verdict: Verdict
    reason: str = ""
    diagnosis: str = ""
    suggestion: str = ""
    draws: int = 0
    detectable: float = math.nan
    detectable_factor: float = math.nan
    worst: Worst | None = None
    exact: bool = False
    false_alarm: float = 0.0
    tightness: float = math.nan
    guaranteed: str = ""
    note: str = ""


def worst_of(decisions: list[Decision]) -> Decision:
    """The decision that speaks for all cases: the loudest one."""
    return max(decisions, key=lambda d: d.verdict.rank)


def guarantee_of(decisions: list[Decision]) -> str:
    """What the verdict over all cases is guaranteed by; empty if it is asymptotic.

    AGREE has to be guaranteed in every case, DISAGREE in one.
    """
    verdict = worst_of(decisions).verdict
    if verdict not in (Verdict.AGREE, Verdict.DISAGREE):
        return ""
    same = [d for d in decisions if d.verdict is verdict]
    words = ["exact" if d.exact else d.guaranteed for d in same]
    if verdict is Verdict.AGREE and not all(words):
        return ""
    return "; ".join(dict.fromkeys(filter(None, words)))
