"""What to do next about a report, in one line; for scripts, assistants and readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.verdict import Verdict

if TYPE_CHECKING:
    from tallystick.report import Report

__all__ = ["next_experiment"]

# What a reason says, and what would settle it; the first that fits is taken.
_UNDECIDED = (
    (
        "too skewed",
        "compare a quantity with lighter tails: truncate the integrand on both sides,"
        " shrink the domain, or sample from a wider law and weight the draws",
    ),
    (
        "rare draws",
        "sample from a wider law and weight the draws by the ratio of the densities, or"
        " shrink the domain until the rare draws stop to matter",
    ),
    (
        "no draw differed",
        "choose parameters where the event happens more often, or condition on it",
    ),
    (
        "too rare",
        "choose parameters where the event happens more often, or condition on it",
    ),
    (
        "still changes",
        "leave out the smallest sizes: a power law must hold over all that are given",
    ),
)


def next_experiment(report: Report) -> str:
    """What to try next; empty where nothing is left to try.

    Args:
        report: What a check found.
    """
    verdict = report.verdict
    if verdict is Verdict.AGREE:
        if report.unrefused:
            names = ", ".join(repr(wrong.name) for wrong in report.unrefused)
            return f"choose a domain that tells {names} from the formula"
        if report.exact or report.relation != "mean":
            return ""
        return (
            f"errors below {report.detectable:.1g} may hide: to look closer, give"
            f" tolerance={report.tolerance / 4:.2g} (16 times the draws)"
        )
    if verdict is Verdict.DISAGREE:
        if report.suggestion:
            return f"{report.suggestion}, and check again"
        if report.worst:
            return "evaluate both halves by hand at the worst point, one term at a time"
        return "evaluate both halves by hand at one point, one term at a time"
    if verdict is Verdict.INVALID:
        if report.overdue:
            return "check it alone, with a larger --limit, or mend the loop"
        if report.worst:
            return "mend the value at the worst point, or leave it out of the domain"
        return "mend what the reason names, and check again"
    for words, advice in _UNDECIDED:
        if words in report.reason:
            return advice
    return f"allow for more draws, as in check(..., budget={4 * max(report.draws, 1)})"
