"""The ledger: what a whole run decided, and how likely it is to have lied."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tallystick.report import Report, percent
from tallystick.verdict import Verdict

__all__ = ["Ledger"]


@dataclass(frozen=True)
class Ledger:
    """The sum over the reports of a run.

    Attributes:
        verdicts: How many reports have each verdict.
        refused: How many wrong forms were refused.
        wrong: How many wrong forms were tried.
        false_alarm: Bound on the probability that any true claim was called wrong.
        weakest: Name of the claim with the largest detectable error, and that error.
    """

    verdicts: dict[Verdict, int]
    refused: int
    wrong: int
    false_alarm: float
    weakest: tuple[str, float] | None

    @classmethod
    def of(cls, reports: Iterable[Report]) -> "Ledger":
        """Add up reports."""
        reports = list(reports)
        refusals = [r for report in reports for r in report.refusals]
        known = [(r.name, r.detectable) for r in reports if math.isfinite(r.detectable)]
        return cls(
            verdicts=dict(Counter(r.verdict for r in reports)),
            refused=sum(r.refused for r in refusals),
            wrong=len(refusals),
            false_alarm=sum(r.false_alarm for r in reports),
            weakest=max(known, key=lambda pair: pair[1], default=None),
        )

    def __str__(self) -> str:
        counts = ", ".join(f"{self.verdicts.get(v, 0)} {v}" for v in Verdict)
        text = (
            f"{counts}; {self.refused} of {self.wrong} wrong forms refused;"
            f" false-alarm bound {self.false_alarm:.1e}"
        )
        if self.weakest:
            name, size = self.weakest
            text += f"; weakest detectable error {percent(size)} ({name})"
        return text
