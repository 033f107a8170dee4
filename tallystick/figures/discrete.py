"""Pictures over the values of a choice, and over the entries of a value."""

import numpy as np

from tallystick.domain import Case
from tallystick.figures.curves import Curve, CurveSet, measure_alike, picture_of
from tallystick.figures.labels import held_text, number, symbol
from tallystick.figures.measuring import Measured, Stage, difference
from tallystick.figures.picture import (
    MOST_SERIES,
    Picture,
    Series,
    chosen_entries,
    entries_note,
    entry_label,
)
from tallystick.figures.slices import choices

__all__ = ["along_choice", "along_entries"]

MOST_TICKS = 12
"""Entries that have a tick each."""


def along_choice(stage: Stage, name: str) -> Picture:
    """A figure over the values of a static parameter."""
    values = choices(stage.subject.domain)[name]
    first = stage.cases[0]
    cases = [Case({**first.static, name: v}, first.sizes) for v in values]
    curves = [Curve(stage, case, None, 1) for case in cases]
    measure_alike(curves)
    # Where the values differ in shape, the entries are those that all have.
    outputs = min(curve.outputs for curve in curves)
    target = np.concatenate([c.target[:, :outputs] for c in curves])
    value, low, high = (
        np.concatenate([getattr(c.found, part)[:, :outputs] for c in curves])
        for part in ("value", "low", "high")
    )
    found = Measured(value, low, high, curves[0].found.exact, curves[0].found.how)
    gaps = difference(found, target, np.abs(target).max(axis=0), stage.relation)
    numbers = all(isinstance(v, (int, float)) for v in values)
    x = np.asarray(values if numbers else range(len(values)), float)
    kept, shape = chosen_entries(target), curves[0].shape
    series = [
        Series(
            entry_label(entry, shape) if outputs > 1 else "",
            x,
            target[:, entry],
            x,
            value[:, entry],
            low[:, entry],
            high[:, entry],
            gaps[:, entry],
            np.zeros(len(x)),
        )
        for entry in kept
    ]
    notes = [
        found.how,
        entries_note(kept, outputs),
        held_text(curves[0].slicer.held_values(None, (name,))),
    ]
    return picture_of(
        stage,
        series,
        found,
        notes,
        x_label=symbol(name),
        ticks=tuple((float(a), number(v)) for a, v in zip(x, values, strict=True)),
        joined=False,
    )


def along_entries(stage: Stage) -> Picture:
    """A figure over the entries of a value.

    Its curves are the values of a choice, or, of an array of several axes, the rows
    along the last one that differ most.
    """
    chosen = CurveSet(stage, None, 1, most_outputs=np.inf)
    shape = chosen.curves[0].shape
    if len(shape) > 1:
        chosen = CurveSet(stage, None, 1, most_outputs=0)
    series = []
    for curve in chosen.curves:
        gaps = difference(
            curve.found,
            curve.target,
            np.full(curve.outputs, curve.scale.max()),
            stage.relation,
        )
        found = curve.found
        parts = [
            array[0].reshape(-1, shape[-1] if shape else 1)
            for array in (curve.target, found.value, found.low, found.high, gaps)
        ]
        x = np.arange(parts[0].shape[1], dtype=float)
        rows = _rows(parts[0]) if len(shape) > 1 else [0]
        for row in rows:
            label = chosen.label(curve)
            if len(shape) > 1:
                place = np.unravel_index(row, shape[:-1])
                label = f"row {', '.join(str(int(i)) for i in place)}"
            target, value, low, high, gap = (part[row] for part in parts)
            none = np.zeros(len(x))
            series.append(Series(label, x, target, x, value, low, high, gap, none))
    first = chosen.curves[0]
    count = len(series[0].x)
    notes = [
        first.found.how,
        f"{len(series)} of {first.outputs // count} rows" if len(shape) > 1 else "",
        held_text(first.slicer.held_values(None, chosen.without)),
    ]
    ticks = tuple((float(i), str(i)) for i in range(count))
    return picture_of(
        stage,
        series,
        first.found,
        notes,
        x_label="last index" if len(shape) > 1 else "index",
        ticks=ticks if count <= MOST_TICKS else (),
        joined=False,
    )


def _rows(values: np.ndarray) -> list[int]:
    """The rows that vary most."""
    spread = np.ptp(np.nan_to_num(values), axis=1)
    return sorted(int(i) for i in np.argsort(-spread, kind="stable")[:MOST_SERIES])
