"""Pictures: what a figure shows, as numbers, before anything is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Picture", "Series", "chosen_entries", "entries_note", "entry_label"]

MOST_SERIES = 3
"""Curves of one figure: more are not told apart."""
SAME = 1e-6
"""Curves closer than this, relative to the largest value, are one curve."""


@dataclass(frozen=True)
class Series:
    """One curve: a line of the closed form, and what was measured.

    Attributes:
        label: What tells it from the others.
        line_x: Abscissae of the line.
        line_y: The closed form there.
        x: Abscissae of the measured values.
        y: The measured values.
        low: How far their error bars reach down.
        high: How far they reach up.
        residual: What the lower panel shows at each of them.
        residual_error: Half length of error bars there; zeros if there are none.
    """

    label: str
    line_x: np.ndarray
    line_y: np.ndarray
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray
    high: np.ndarray
    residual: np.ndarray
    residual_error: np.ndarray


@dataclass(frozen=True)
class Picture:
    """All that a figure shows.

    Attributes:
        name: The title.
        statement: What stands below it in small type.
        series: The curves.
        x_label: In Matplotlib's markup, as the next two.
        y_label: What the upper panel shows.
        residual_label: What the lower panel shows.
        line_name: What the lines are.
        measured_name: What the markers are.
        caption: How it was measured, and what is held fixed.
        log_x: Whether the horizontal axis is logarithmic.
        log_y: Whether the vertical one of the upper panel is.
        ticks: Places and labels of horizontal ticks; empty for the usual ones.
        joined: Whether the values belong to a continuum: the line is then joined.
        band: Whether to shade two standard errors in the lower panel.
        margins: Blank space left and right, as a part of the axis.
    """

    name: str
    statement: str
    series: tuple[Series, ...]
    x_label: str
    y_label: str
    residual_label: str
    line_name: str = "closed form"
    measured_name: str = "measured"
    caption: str = ""
    log_x: bool = False
    log_y: bool = False
    ticks: tuple[tuple[float, str], ...] = field(default=())
    joined: bool = True
    band: bool = False
    margins: float = 0.03


def chosen_entries(values: np.ndarray) -> list[int]:
    """The outputs that vary most, a few, no two of them alike.

    Args:
        values: Shape (points, outputs).

    Returns:
        Their flat indices in increasing order; at least one.
    """
    finite = np.where(np.isfinite(values), values, 0.0)
    spread, size = np.ptp(finite, axis=0), np.abs(finite).max(axis=0)
    scale = size.max() or 1.0
    still = bool(spread.max() <= SAME * scale)
    kept: list[int] = []
    # Where nothing varies, the largest ones say most.
    for index in np.argsort(-(size if still else spread), kind="stable"):
        if kept and not still and spread[index] <= SAME * scale:
            break
        gaps = [np.abs(finite[:, index] - finite[:, k]).max() for k in kept]
        if all(gap > SAME * scale for gap in gaps):
            kept.append(int(index))
        if len(kept) == MOST_SERIES:
            break
    return sorted(kept)


def entry_label(index: int, shape: tuple[int, ...]) -> str:
    """An output by its index: "entry 2", "entry (0, 1)"."""
    place = tuple(int(i) for i in np.unravel_index(index, shape)) if shape else ()
    return f"entry {place[0] if len(place) == 1 else place}"


def entries_note(kept: Sequence[int], outputs: int) -> str:
    """How many of the outputs are drawn, for the caption."""
    if outputs == len(kept):
        return ""
    return f"{len(kept)} of {outputs} entries, those that vary most"
