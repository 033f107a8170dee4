"""Pictures along a slice that moves a parameter."""

from collections.abc import Sequence

import numpy as np

from tallystick.domain import Case
from tallystick.figures.curves import CurveSet, picture_of
from tallystick.figures.directions import Direction
from tallystick.figures.labels import held_text
from tallystick.figures.measuring import Stage
from tallystick.figures.picture import Picture, entries_note, entry_label

__all__ = ["along_direction", "telling"]

STILL = 1e-3
"""A form that varies by less along a slice, relatively, is not worth that slice."""


def telling(stage: Stage, case: Case, candidates: Sequence[Direction]) -> Direction:
    """The first slice along which the closed form varies; the first one if none does.

    All are evaluated at once, so that the form is compiled once.
    """
    if len(candidates) == 1:
        return candidates[0]
    slicer = stage.slicer(case)
    parts = 9
    rows = [slicer.rows(d, d.parts(parts)) for d in candidates]
    points = {n: np.concatenate([row[n] for row in rows]) for n in rows[0]}
    values = stage.line(case, points).reshape(len(candidates), parts, -1)
    for direction, value in zip(candidates, values, strict=True):
        known = value[np.isfinite(value).all(axis=1)]
        if len(known) > parts // 2:
            spread = np.ptp(known, axis=0).max()
            if spread > STILL * np.abs(known).max():
                return direction
    return candidates[0]


def along_direction(stage: Stage, direction: Direction, points: int) -> Picture:
    """A figure along a slice that moves a parameter.

    Its curves are the outputs that vary most, or, of one output, the values of a
    choice.
    """
    chosen = CurveSet(stage, direction.name, points, most_outputs=1)
    first = chosen.curves[0]
    series = []
    for curve in chosen.curves:
        for entry in curve.entries:
            label = chosen.label(curve)
            if first.outputs > 1:
                label = entry_label(entry, curve.shape)
            series.append(curve.series(entry, label))
    notes = [
        first.found.how,
        entries_note(first.entries, first.outputs),
        held_text(first.slicer.held_values(direction, chosen.without)),
    ]
    return picture_of(
        stage,
        series,
        first.found,
        notes,
        x_label=direction.label,
        ticks=direction.ticks,
        log_x=direction.log,
    )
