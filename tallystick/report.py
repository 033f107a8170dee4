"""Reports: what a check found, as text, as JSON and back."""

import dataclasses
import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tallystick.advice import next_experiment
from tallystick.diagnosis.constants import with_error
from tallystick.errors import TallystickError
from tallystick.verdict import Verdict

__all__ = ["Refusal", "Report"]


@dataclass(frozen=True)
class Refusal:
    """Whether a wrong form was refused.

    Attributes:
        name: Which wrong form.
        kind: "control" or "erratum".
        verdict: What the check said of it.
        reason: Why, with the diagnosis if there is one.
    """

    name: str
    kind: str
    verdict: Verdict
    reason: str = ""

    @property
    def refused(self) -> bool:
        """A wrong form is refused if it is contradicted, or not even finite."""
        return self.verdict in (Verdict.DISAGREE, Verdict.INVALID)


@dataclass(frozen=True)
class Report:
    """What one check found. It has no truth value: there are more than two verdicts.

    Attributes:
        name: The claim, or the formula.
        experiment: The integrand, with its parameters.
        relation: The name of the relation.
        verdict: AGREE, DISAGREE, INCONCLUSIVE or INVALID.
        reason: One line; empty for AGREE.
        diagnosis: What would explain a disagreement; may be empty.
        suggestion: A corrected formula in words; may be empty, and is not printed.
        tolerance: What AGREE was decided against.
        detectable: Smallest error of one output that would have been noticed with
            probability 99 %, relative to max(|formula|, standard deviation of a draw);
            of a law a difference in probability, of an exponent one in the exponent.
        detectable_factor: The same for a factor common to all outputs.
        tightness: Of a bound: the closest draw, or mean, as a multiple of the bound.
        note: What else was measured: a fitted rate or exponent; may be empty.
        points: How many parameter points were checked.
        draws: How many draws were used at each, or outcomes summed.
        exact: Whether the measured side has no sampling error.
        worst: Where the halves differ most: the point, formula, measured, its error.
        false_alarm: Bound on the probability of DISAGREE for a true claim.
        seconds: Wall time.
        replay: The line that repeats the check.
        guaranteed: Why AGREE or DISAGREE holds for any number of draws, up to the error
            rates: "exact", or a certificate; empty if the verdict is asymptotic.
        refusals: What became of the controls and errata.
        where: File and line of the `check(...)` call, where a file that makes one was
            checked.
        overdue: Whether the check was given up, and may still run.
        subject: What was checked, for `plot`; it is not stored.
    """

    name: str
    experiment: str
    relation: str
    verdict: Verdict
    reason: str = ""
    diagnosis: str = ""
    suggestion: str = ""
    tolerance: float = math.nan
    detectable: float = math.nan
    detectable_factor: float = math.nan
    tightness: float = math.nan
    points: int = 0
    draws: int = 0
    exact: bool = False
    worst: dict[str, Any] | None = None
    false_alarm: float = 0.0
    seconds: float = 0.0
    replay: str = ""
    guaranteed: str = ""
    note: str = ""
    refusals: tuple[Refusal, ...] = field(default_factory=tuple)
    where: str = ""
    overdue: bool = False
    subject: Any = field(default=None, compare=False, repr=False)

    def __bool__(self) -> bool:
        raise TypeError(
            "a report has no truth value: a verdict may be AGREE, DISAGREE,"
            " INCONCLUSIVE or INVALID; compare report.verdict, or call"
            " report.assert_agrees()"
        )

    def assert_agrees(self) -> None:
        """Raise AssertionError, with the whole report, unless the verdict is AGREE."""
        if self.verdict is not Verdict.AGREE:
            raise AssertionError(str(self))

    @property
    def unrefused(self) -> tuple[Refusal, ...]:
        """Wrong forms that were not refused: the check has no power against them."""
        return tuple(r for r in self.refusals if not r.refused)

    def _repr_html_(self) -> str:
        from tallystick.page.card import card

        return card(self)

    def __str__(self) -> str:
        head = f"{self.verdict:<12} {self.headline()}"
        lines = [f"{head}   {self.seconds:.1f} s, {self.effort()}"]
        if self.diagnosis:
            lines.append(f"  {self.diagnosis}")
        elif self.reason:
            lines.append(f"  {self.reason}")
        if self.note:
            lines.append(f"  {self.note}")
        if self.verdict is Verdict.AGREE:
            lines.append(f"  {self.power()}")
        elif self.worst:
            lines.append(f"  {self.farthest()}")
        lines += [
            f"  the {wrong.kind} {wrong.name!r} was not refused"
            for wrong in self.unrefused
        ]
        if self.replay:
            lines.append(f"  replay: {self.replay}")
        return "\n".join(lines)

    def headline(self) -> str:
        """The verdict as a sentence, as in "f(x) is not E[g(x, z)]"."""
        said = {
            Verdict.AGREE: "is",
            Verdict.DISAGREE: "is not",
            Verdict.INCONCLUSIVE: "may or may not be",
            Verdict.INVALID: "cannot be compared with",
        }[self.verdict]
        return f"{self.name} {said} {self._claimed()}"

    def _claimed(self) -> str:
        if self.relation == "mean" and self.exact and self.draws == 1:
            return self.experiment  # Without noise.
        if self.relation == "mean":
            return f"E[{self.experiment}]"
        if self.relation == "limit":
            return f"the limit of E[{self.experiment}]"
        if self.relation == "mean_bound":
            return f"a bound of E[{self.experiment}]"
        if self.relation == "bound":
            return f"a bound of {self.experiment}"
        if self.relation == "law":
            return f"the law of {self.experiment}"
        if self.relation == "exponent":
            return f"the exponent of E[{self.experiment}]"
        return self.experiment

    def effort(self) -> str:
        """How many points and draws, and whether the verdict is exact or guaranteed."""
        points = f"{self.points} point{'s' * (self.points != 1)}"
        if self.exact:
            return f"{points}, exact"
        effort = f"{points}, {self.draws:,} draws"
        if self.guaranteed:
            return f"{effort}, guaranteed: {self.guaranteed}"
        decided = self.verdict in (Verdict.AGREE, Verdict.DISAGREE)
        sampled = self.relation not in ("identity", "bound")
        return f"{effort}, asymptotic" if decided and sampled else effort

    def power(self) -> str:
        """What AGREE would have noticed, in words."""
        if self.relation == "law":
            return (
                f"would have noticed a difference of {percent(self.detectable)} in a"
                f" probability; every one that was compared lies within"
                f" {percent(self.tolerance)}"
            )
        if self.relation == "exponent":
            error = f"{self.detectable:.2g}"
            return f"would have noticed an error of {error} in an exponent"
        if self.relation == "mean_bound":
            return (
                f"would have noticed a mean {percent(self.detectable)} past the bound"
                " (relative to max(|bound|, deviation of a draw)); the closest one is"
                f" at {self.tightness:.3g} x it"
            )
        if self.exact:
            if math.isfinite(self.tightness):
                return (
                    f"never crossed; the closest draw is at {self.tightness:.6g} x it"
                )
            return f"equal to within {self.tolerance:.0e}"
        text = (
            f"would have noticed an error of {percent(self.detectable)} in any output"
        )
        if math.isfinite(self.detectable_factor):
            text += f", or of {percent(self.detectable_factor)} common to all"
        text += " (relative to max(|formula|, deviation of a draw))"
        if self.guaranteed:
            return text
        return f"{text}; blind to events rarer than {3 / max(self.draws, 1):.0e}"

    def farthest(self) -> str:
        """Where the halves differ most, in words."""
        worst = self.worst or {}
        at = ", ".join(f"{n}={short(v)}" for n, v in worst["point"].items())
        where = f" at {at}" if at else ""
        entry = f" (output {worst['output']})" if worst.get("outputs", 1) > 1 else ""
        entry += f", {worst['place']}" if worst.get("place") else ""
        measured = with_error(worst["measured"], worst["error"])
        return (
            f"worst{where}{entry}: formula {worst['formula']:.6g}, measured {measured}"
        )

    def plot(self, along: str | None = None, **options: Any) -> Any:
        """Draw what was checked; see `tallystick.figures.draw`.

        Raises:
            TallystickError: The report was read from a file, or Matplotlib is missing.
        """
        from tallystick.figures import draw

        if self.subject is None:
            again = f", as in: {self.replay}" if self.replay else ""
            raise TallystickError(
                f"the report on {self.name} was stored without its formula, and cannot"
                f" be drawn: check again{again}"
            )
        subject = self.subject
        if not subject.statement:
            subject = dataclasses.replace(subject, statement=self.headline())
        return draw(subject, along, **options)

    def to_json(self) -> str:
        """The report as JSON; numbers that are not finite become null."""
        return json.dumps(self.as_dict(), indent=2)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, ready for JSON."""
        plain = _plain(dataclasses.asdict(dataclasses.replace(self, subject=None)))
        del plain["subject"]
        plain["next_experiment"] = next_experiment(self)
        for entry, wrong in zip(plain["refusals"], self.refusals, strict=True):
            entry["refused"] = wrong.refused
        return plain

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Report":
        """The inverse of `as_dict`."""
        known = {f.name: f for f in dataclasses.fields(cls) if f.name != "subject"}
        kept = {n: v for n, v in values.items() if n in known}
        for name, value in kept.items():
            if value is None and known[name].type is float:
                kept[name] = math.nan
        if kept.get("worst"):
            numbers = ("formula", "measured", "error")
            kept["worst"] = {
                n: math.nan if v is None and n in numbers else v
                for n, v in kept["worst"].items()
            }
        kept["verdict"] = Verdict(kept["verdict"])
        kept["refusals"] = tuple(
            Refusal(r["name"], r["kind"], Verdict(r["verdict"]), r["reason"])
            for r in kept.get("refusals", ())
        )
        return cls(**kept)


def percent(value: float) -> str:
    """A relative size, as a percentage with two digits."""
    if not math.isfinite(value):
        return "-"
    if value < 1e-6:
        return f"{value:.0e}"
    return f"{100 * value:.2g} %"


def short(value: Any, most: int = 8) -> str:
    """A parameter's value in a few characters."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        return repr(value)
    if array.size > most:
        return f"array of shape {array.shape}"
    text = np.array2string(array, precision=4, separator=", ", max_line_width=10**6)
    return text.replace("\n", "")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(v) for name, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, Verdict):
        return str(value)
    # A static parameter may be anything, a function for instance.
    known = value is None or isinstance(value, (str, int))
    return value if known else repr(value)
