"""Reports of mutations: which wrong variants were refused, and which were not."""

import dataclasses
import enum
import json
import math
from dataclasses import dataclass, field
from typing import Any

from tallystick.report import percent
from tallystick.verdict import Verdict

__all__ = ["LARGE", "ROUNDED", "Mutant", "Mutation", "Status", "rate_text"]

LARGE = 0.01
"""Errors of this size or more are those that the kill rate of record counts."""


ROUNDED = 1 - 1e-9
"""Slack on the size above: rounding of the factor 1.01 must not decide."""


class Status(enum.StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    INVALID = "invalid"
    SURVIVED = "survived"
    WITHIN = "within tolerance"
    EQUIVALENT = "equivalent"


@dataclass(frozen=True)
class Mutant:
    """A wrong variant of a formula.

    Attributes:
        operator: What was changed.
        location: Where, as "file:line: code".
        status: "killed" if the check disagrees with it, "invalid" if its value is not
            finite, "survived" if it is not refused; "within tolerance" if it is smaller
            than what the check has to notice, and not judged; "equivalent" if it is the
            formula again, to rounding, at all points.
        size: Largest error of an output, relative to the larger of its size and the
            standard deviation of a draw, or the distance from one of the factor that
            fits it best, if that is larger; infinite if it is not finite.
        accepted: Whether the check agrees with it; else a survivor is undecided, after
            as many draws as the formula took.
        hidden: Whether it differs only where no draw varies: the check cannot agree
            with such a survivor, and cannot contradict it.
        missed: Whether it survived although it is larger than the error that the check
            says it would notice.
        judging: Processor seconds of judging after which it was refused.
    """

    operator: str
    location: str
    status: Status
    size: float
    accepted: bool = False
    hidden: bool = False
    missed: bool = False
    judging: float = 0.0

    @property
    def refused(self) -> bool:
        """Whether the check refuses it."""
        return self.status in (Status.KILLED, Status.INVALID)


@dataclass(frozen=True)
class Mutation:
    """What became of the mutants of one formula.

    Attributes:
        name: The claim, or the formula.
        verdict: What the check says of the formula itself: mutants are judged only if
            it is AGREE or INCONCLUSIVE.
        reason: Why it is not AGREE.
        mutants: The mutants that were judged.
        made: How many could be made; more than were judged if the cap was reached.
        tolerance: Of the claim.
        detectable: Smallest error of one output that the check would notice.
        detectable_factor: The same for a factor common to all outputs.
        exact: Whether the measured side has no sampling error.
        draws: Draws that the formula itself took, at each point.
        seconds: Wall time.
        judging: Processor seconds of evaluating and judging the mutants; the first
            time, compilation is among them.
        replay: The line that repeats it.
        skipped: Why nothing was tried; empty if something was.
    """

    name: str
    verdict: Verdict = Verdict.INCONCLUSIVE
    reason: str = ""
    mutants: tuple[Mutant, ...] = field(default_factory=tuple)
    made: int = 0
    tolerance: float = math.nan
    detectable: float = math.nan
    detectable_factor: float = math.nan
    exact: bool = False
    draws: int = 0
    seconds: float = 0.0
    judging: float = 0.0
    replay: str = ""
    skipped: str = ""

    def __bool__(self) -> bool:
        raise TypeError(
            "a mutation report has no truth value: compare report.kill_rate, or look"
            " at report.survivors and report.missed"
        )

    def count(self, status: Status) -> int:
        """How many mutants have a status."""
        return sum(m.status is status for m in self.mutants)

    @property
    def different(self) -> tuple[Mutant, ...]:
        """The mutants that are not equivalent, not even within the tolerance."""
        same = (Status.EQUIVALENT, Status.WITHIN)
        return tuple(m for m in self.mutants if m.status not in same)

    @property
    def large(self) -> tuple[Mutant, ...]:
        """Those whose error is 1 % at least."""
        return tuple(m for m in self.different if m.size >= LARGE * ROUNDED)

    @property
    def survivors(self) -> tuple[Mutant, ...]:
        """Those that were not refused, the largest first."""
        alive = (m for m in self.mutants if m.status is Status.SURVIVED)
        return tuple(sorted(alive, key=lambda m: -m.size))

    @property
    def missed(self) -> tuple[Mutant, ...]:
        """Survivors that the check says it would notice: a bug of the verdict."""
        return tuple(m for m in self.survivors if m.missed)

    @property
    def kill_rate(self) -> float:
        """Share of the mutants that are not equivalent which are refused."""
        return _share(self.different)

    @property
    def kill_rate_large(self) -> float:
        """The same among those whose error is 1 % at least."""
        return _share(self.large)

    def __str__(self) -> str:
        if self.skipped:
            return f"{self.name}: {self.skipped}"
        if self.verdict in (Verdict.DISAGREE, Verdict.INVALID):
            return (
                f"{self.name}: no mutants, the formula itself is refused"
                f" ({self.verdict}): {self.reason}"
            )
        lines = [f"{self.name}   {self.seconds:.1f} s, {self._numbers()}"]
        if self.verdict is not Verdict.AGREE:
            lines.append(f"  the formula itself is {self.verdict}: {self.reason}")
        if not self.different:
            lines.append("  nothing to judge: every variant equals the formula")
        else:
            refused = sum(m.refused for m in self.different)
            large = sum(m.refused for m in self.large)
            lines.append(
                f"  {refused} of {len(self.different)} refused"
                f" ({rate_text(self.kill_rate)}), of those of 1 % or more {large} of"
                f" {len(self.large)} ({rate_text(self.kill_rate_large)})"
            )
        lines.append(f"  {self._power()}")
        lines += [f"  {_line(m)}" for m in self.survivors]
        if self.missed:
            lines.append(
                f"  BUG OF THE VERDICT: {len(self.missed)} survived although larger"
                " than the error that the check says it would notice"
            )
        if self.replay:
            lines.append(f"  replay: {self.replay}")
        return "\n".join(lines)

    def _numbers(self) -> str:
        """How many mutants there are, of each kind."""
        text = f"{len(self.mutants)} mutants"
        if self.made > len(self.mutants):
            text += f" of {self.made} (evenly chosen)"
        return text + "".join(f", {self.count(s)} {s}" for s in Status if self.count(s))

    def _power(self) -> str:
        """What the check of the formula would notice."""
        if not math.isfinite(self.detectable):
            return "the check does not say how small an error it would notice"
        text = f"would notice an error of {percent(self.detectable)} in any output"
        if math.isfinite(self.detectable_factor):
            text += f", or of {percent(self.detectable_factor)} common to all"
        return text

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, ready for JSON; what is not finite is null."""
        plain = {
            f.name: _plain(getattr(self, f.name))
            for f in dataclasses.fields(self)
            if f.name != "mutants"
        }
        plain |= {
            "kill_rate": _plain(self.kill_rate),
            "kill_rate_large": _plain(self.kill_rate_large),
            "missed": len(self.missed),
        }
        plain["mutants"] = [
            {n: _plain(v) for n, v in dataclasses.asdict(m).items()}
            for m in self.mutants
        ]
        return plain

    def to_json(self) -> str:
        """The report as JSON."""
        return json.dumps(self.as_dict(), indent=2)


def _line(mutant: Mutant) -> str:
    """A mutant in one line."""
    missed = "MISSED" if mutant.missed else str(mutant.status)
    known = "accepted" if mutant.accepted else "undecided"
    known = "differs where no draw varies" if mutant.hidden else known
    return (
        f"{missed}  {mutant.operator}  (size {_size_text(mutant.size)}, {known})"
        f"  {mutant.location}"
    )


def _size_text(value: float) -> str:
    """The size of a mutant: a percentage, or a multiple if that is large."""
    return f"{value:.3g} x" if 1 <= value < math.inf else percent(value)


def rate_text(rate: float) -> str:
    """A kill rate as a percentage; "-" if there was nothing to kill."""
    return f"{100 * rate:.1f} %" if math.isfinite(rate) else "-"


def _share(mutants: tuple[Mutant, ...]) -> float:
    if not mutants:
        return math.nan
    return sum(m.refused for m in mutants) / len(mutants)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, enum.StrEnum) else value
