"""Curves of one case: the closed form on a line, and the measured points."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tallystick.domain import Case
from tallystick.figures.labels import number, quantity, symbol
from tallystick.figures.measuring import Measured, Stage, difference
from tallystick.figures.picture import (
    MOST_SERIES,
    Picture,
    Series,
    chosen_entries,
)
from tallystick.figures.slices import Slicer, choices
from tallystick.relations import Bound, Exponent, Limit, MeanBound

__all__ = ["Curve", "CurveSet", "picture_of"]

FINE = 121
"""Points of a line."""
MANY_DECADES = 1e3
"""Ratio of the largest to the smallest value from which an axis is logarithmic."""
UNLIKE = 12.0
"""Curves whose ranges differ by more than this factor do not share an axis."""


class Curve:
    """One case of a slice: the closed form on a line, and the measured points.

    Args:
        stage: The subject.
        case: The static values.
        name: What the slice moves; None for its one point that moves nothing.
        points: How many points are measured along it.

    Attributes:
        found: What was measured, once it is.
    """

    def __init__(self, stage: Stage, case: Case, name: str | None, points: int):
        self.stage, self.case = stage, case
        self.slicer: Slicer = stage.slicer(case)
        self.direction = None
        fine, coarse = np.zeros(0), np.zeros(1)
        if name is not None:
            every = {d.name: d for d in self.slicer.directions()}
            self.direction = every[name]
            fine, coarse = (self.direction.parts(n) for n in (FINE, points))
        both = np.concatenate([fine, coarse])
        rows = self.slicer.rows(self.direction, both)
        every_target = stage.line(case, rows)
        self.line, self.target = every_target[: len(fine)], every_target[len(fine) :]
        self.prepared = stage.prepared(
            case, {n: v[len(fine) :] for n, v in rows.items()}
        )
        self.shape = self.prepared.form_shape
        self.outputs = self.target.shape[1]
        if self.direction is not None:
            at = self.slicer.abscissae(self.direction, both)
            self.line_x, self.x = at[: len(fine)], at[len(fine) :]
        self.entries = chosen_entries(every_target)
        self.found: Any = None

    @property
    def scale(self) -> np.ndarray:
        """The largest size of each output on the slice."""
        both = np.concatenate([self.line, self.target])
        return np.abs(np.nan_to_num(both, posinf=0, neginf=0)).max(axis=0)

    @property
    def reach(self) -> float:
        """From the smallest value to the largest one."""
        both = np.nan_to_num(np.append(self.line, self.target))
        return float(np.ptp(both))

    def measure(self, *, sample: bool = False) -> None:
        """Measure it; see `Stage.measured`."""
        self.found = self.stage.measured(self.prepared, self.target, sample=sample)

    def series(self, entry: int, label: str) -> Series:
        """One output along the slice."""
        gaps = difference(self.found, self.target, self.scale, self.stage.relation)
        return Series(
            label,
            self.line_x,
            self.line[:, entry],
            self.x,
            self.found.value[:, entry],
            self.found.low[:, entry],
            self.found.high[:, entry],
            gaps[:, entry],
            np.zeros(len(self.x)),
        )


class CurveSet:
    """The curves of a figure: one case, or the values of a choice.

    Args:
        stage: The subject.
        name: As for `Curve`.
        points: As for `Curve`.
        most_outputs: Values of more outputs are drawn for the first case only.
    """

    def __init__(
        self, stage: Stage, name: str | None, points: int, most_outputs: float
    ):
        self.stage = stage
        self.static = next(iter(choices(stage.subject.domain)), None)
        cases = [stage.cases[0]]
        if self.static is not None:
            values = choices(stage.subject.domain)[self.static][:MOST_SERIES]
            first = cases[0]
            cases = [
                Case({**first.static, self.static: value}, first.sizes)
                for value in values
            ]
        first = Curve(stage, cases[0], name, points)
        self.curves = [first]
        if first.outputs <= most_outputs:
            others = [Curve(stage, case, name, points) for case in cases[1:]]
            self.curves += [curve for curve in others if _alike(first, curve)]
        if len(self.curves) == 1:
            self.static = None
        measure_alike(self.curves)

    def label(self, curve: Curve) -> str:
        """What tells one case from the others."""
        if self.static is None:
            return ""
        return f"{symbol(self.static)} = {number(curve.case.static[self.static])}"

    @property
    def without(self) -> tuple[str, ...]:
        """What the labels say, and the caption need not."""
        return (self.static,) if self.static is not None else ()


def measure_alike(curves: Sequence[Curve]) -> None:
    """Measure all curves in one way: a figure has one kind of residual."""
    for curve in curves:
        curve.measure()
    if len({curve.found.exact for curve in curves}) > 1:
        for curve in curves:
            if curve.found.exact:
                curve.measure(sample=True)


def _alike(first: Curve, other: Curve) -> bool:
    """Whether two curves have the same shape, and none is lost beside the other."""
    low, high = sorted((first.reach, other.reach))
    return first.shape == other.shape and high <= UNLIKE * low


def picture_of(
    stage: Stage,
    series: Sequence[Series],
    found: Measured,
    notes: Sequence[str],
    **options: Any,
) -> Picture:
    """The picture of some curves; labels and scales follow from the relation.

    Args:
        stage: The subject.
        series: The curves.
        found: How they were measured.
        notes: Sentences of the caption; empty ones are left out.
        options: Further attributes of `Picture`.
    """
    subject, relation = stage.subject, stage.relation
    line, measured = "closed form", "measured"
    residual = "rel. diff." if found.exact else "std. errors"
    if isinstance(relation, (Bound, MeanBound)):
        line, measured = f"{relation.side} bound", "measured"
        residual = "rel. slack" if found.exact else "slack in s.e."
    shown = quantity(stage.form)
    if isinstance(relation, Limit):
        first, second = relation.towards[-2:]
        measured = (
            f"measured at {symbol(relation.size)} {first:g}, {second:g}, extrapolated"
        )
    if isinstance(relation, Exponent):
        shown, measured = f"exponent of {shown}", "fitted"
    lines = np.concatenate([np.append(s.line_y, s.y) for s in series])
    lines = lines[np.isfinite(lines)]
    positive = len(lines) > 0 and lines.min() > 0
    return Picture(
        subject.name,
        subject.statement,
        tuple(series),
        y_label=shown,
        residual_label=residual,
        line_name=line,
        measured_name=measured,
        caption="; ".join(note for note in notes if note),
        log_y=bool(positive and lines.max() > MANY_DECADES * lines.min()),
        band=not found.exact,
        **options,
    )
