"""Drawing pictures with Matplotlib, all in one style, without a display.

Only objects are used, never `pyplot`: no state is shared and no window is opened.
"""

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, NullLocator

from tallystick.figures import text
from tallystick.figures.labels import power_of_ten
from tallystick.figures.picture import Picture, Series

__all__ = ["STYLE", "Drawing", "drawn"]

STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": "black",
    "axes.formatter.limits": (-9, 9),
    "axes.formatter.useoffset": False,
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.dpi": 110,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "mathtext.fontset": "dejavusans",  # Of the ticks of a logarithmic axis alone.
    "path.simplify_threshold": 0.2,
    "svg.fonttype": "none",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}
"""The style of all figures; it holds while one is drawn, and for nothing else."""
SIZE = (5.5, 4.2)
COLORS = ("#2A80C4", "#D55E00", "#009E73")
"""After Okabe and Ito (2008), told apart by all kinds of colour vision; the blue is
lighter than theirs, so that it is seen on a dark page too."""
LINES = ("-", "--", "-.")
MARKERS = ("o", "s", "^")
"""In grey, curves differ by lines and markers."""
BAND = 2.0
"""Standard errors that are shaded."""
MOST_TICKS = 6
HANDLE = 4.6
"""Room of a handle of the legend, in sizes of its type."""
ROW = 330.0
"""Room of a row of the legend, in points."""


class Drawing(Figure):
    """A figure that a notebook shows as SVG, also where no back end is set up."""

    def _repr_svg_(self) -> str:
        from tallystick.figures.vector import svg

        return svg(self)


def drawn(picture: Picture, *, heading: bool = True) -> Figure:
    """A picture as a Matplotlib figure.

    Args:
        picture: What to draw.
        heading: Whether title and statement stand above.
    """
    with matplotlib.rc_context(STYLE):
        figure = Drawing(figsize=SIZE)
        figure.set_label(picture.name)
        top = 1.0
        if heading:
            top = text.heading(figure, picture.name, picture.statement)
        bottom = text.caption(figure, _full_caption(picture))
        rect = (0, bottom, 1, top - bottom)
        engine = ConstrainedLayoutEngine(rect=rect, h_pad=0.03, hspace=0.0)
        figure.set_layout_engine(engine)
        upper, lower = figure.subplots(
            2, 1, sharex=True, gridspec_kw={"height_ratios": (3, 1)}
        )
        for number, series in enumerate(picture.series):
            _draw(upper, lower, series, number, picture)
        _upper(upper, picture)
        _lower(lower, picture)
        figure.align_ylabels([upper, lower])
        # The places are fixed now: drawing again, elsewhere, must change nothing.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    return figure


def _draw(upper: Axes, lower: Axes, series: Series, number: int, picture: Picture):
    """One curve in both panels."""
    color, line = COLORS[number % 3], LINES[number % 3]
    marker: dict[str, Any] = {
        "linestyle": "none",
        "marker": MARKERS[number % 3],
        "markerfacecolor": "none",
        "markeredgewidth": 0.9,
        "color": color,
    }
    up, down = (10.0**-power for power in (_power(picture), _small_power(picture)))
    both = series.residual_error * down
    if picture.joined:
        upper.plot(series.line_x, series.line_y * up, color=color, linestyle=line)
    else:
        # A short stroke for each value: nothing is claimed between them.
        upper.plot(
            series.line_x,
            series.line_y * up,
            color=color,
            linestyle="none",
            marker="_",
            markersize=13,
            markeredgewidth=1.4,
        )
    for axes, y, bars in (
        (upper, series.y * up, (series.low * up, series.high * up)),
        (lower, series.residual * down, (both, both)),
    ):
        # One broken line for all bars; those of no length are not drawn.
        seen = np.any([np.nan_to_num(b) > 0 for b in bars], axis=0)
        if seen.any():
            gap = np.full(seen.sum(), np.nan)
            ends = np.stack([y[seen] - bars[0][seen], y[seen] + bars[1][seen], gap], 1)
            at = np.repeat(series.x[seen], 3)
            axes.plot(at, ends.ravel(), color=color, linestyle="-", linewidth=0.9)
        axes.plot(series.x, y, **marker)


def _upper(axes: Axes, picture: Picture) -> None:
    """Labels, scales and the legend of the main panel."""
    axes.set_ylabel(_short(picture.y_label) + _unit(_power(picture)))
    if picture.log_x:
        axes.set_xscale("log")
    if picture.log_y:
        axes.set_yscale("log")
    else:
        axes.yaxis.set_major_locator(MaxNLocator(MOST_TICKS, steps=[1, 2, 2.5, 5, 10]))
        _room(axes, picture)
    axes.margins(x=picture.margins)
    handles, labels = _legend(picture)
    legend = axes.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=len(handles) if _fit(labels) else 1,
        borderaxespad=0.1,
        borderpad=0.1,
        columnspacing=1.4,
        handlelength=2.4,
    )
    _as_it_is([*legend.get_texts(), axes.yaxis.label])


def _room(axes: Axes, picture: Picture) -> None:
    """A value that does not vary is drawn in the middle, not its noise magnified."""
    up = 10.0 ** -_power(picture)
    lines = np.concatenate([s.line_y for s in picture.series]) * up
    found = np.concatenate([s.y + s.high * np.sign(s.y) for s in picture.series]) * up
    lines, found = lines[np.isfinite(lines)], found[np.isfinite(found)]
    if len(lines) and np.ptp(lines) <= 1e-6 * np.abs(lines).max():
        middle = float(lines.mean())
        off = float(np.abs(found - middle).max(initial=0.0))
        noise = picture.band or off <= 1e-6 * abs(middle)
        if noise and (off < abs(middle) / 4 or not off):
            reach = abs(middle) / 2 or 1.0
            axes.set_ylim(middle - reach, middle + reach)


def _legend(picture: Picture) -> tuple[list[Line2D], list[str]]:
    """What the lines and markers are; with several curves, which is which."""
    joined = picture.joined

    def handle(number: int, line: bool, marker: bool) -> Line2D:
        shown = MARKERS[number] if marker else ("" if joined or not line else "_")
        return Line2D(
            [],
            [],
            color=COLORS[number],
            linestyle=LINES[number] if line and joined else "none",
            marker=shown,
            markersize=13 if shown == "_" else None,
            markerfacecolor="none",
            markeredgewidth=1.4 if shown == "_" else 0.9,
        )

    if len(picture.series) == 1:
        label = picture.series[0].label
        line = f"{picture.line_name}, {label}" if label else picture.line_name
        handles = [handle(0, True, False), handle(0, False, True)]
        return handles, [line, picture.measured_name]
    handles = [handle(n, True, True) for n in range(len(picture.series))]
    labels = [series.label for series in picture.series]
    if not _fit(labels):
        # What varies is named once: "weight variance = 1", "2", "3".
        first = labels[0].partition(" = ")
        short = [label.removeprefix(first[0] + first[1]) for label in labels[1:]]
        if _fit([labels[0], *short]):
            labels = [labels[0], *short]
    return handles, labels


def _fit(labels: Sequence[str]) -> bool:
    """Whether a legend fits in one row."""
    size = STYLE["legend.fontsize"]
    handles = len(labels) * HANDLE * size
    return sum(text.width(label, size) for label in labels) + handles <= ROW


def _lower(axes: Axes, picture: Picture) -> None:
    """Labels, scale and the shaded band of the residual panel."""
    power = _small_power(picture)
    axes.set_ylabel(_short(picture.residual_label, 14) + _unit(power))
    axes.set_xlabel(picture.x_label)
    _as_it_is([axes.xaxis.label])
    axes.axhline(0.0, color="black", linewidth=0.7)
    if picture.band:
        axes.axhspan(-BAND, BAND, color="black", alpha=0.09, linewidth=0)
    values = [s.residual for s in picture.series]
    values = np.abs(np.nan_to_num(np.concatenate(values))) * 10.0**-power
    least = 3.0 if picture.band else 0.0
    largest = max(float(values.max(initial=0.0)), least)
    if not largest:
        axes.set_ylim(-1, 1)
    elif picture.band:
        axes.set_ylim(-1.2 * largest, 1.2 * largest)
    else:
        axes.margins(y=0.18)
    axes.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    if not picture.ticks:
        return
    low, high = axes.get_xlim()
    inside = [t for t in picture.ticks if low <= t[0] <= high]
    if picture.ticks[0][1] == "0" and len(inside) < 3 and len(picture.ticks) == 5:
        return
    axes.xaxis.set_major_locator(FixedLocator([place for place, _ in inside]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks([p for p, _ in inside], [name for _, name in inside])
    _as_it_is(axes.get_xticklabels())
    if max((len(name) for _, name in inside), default=0) * len(inside) > 60:
        axes.tick_params("x", rotation=20)


def _as_it_is(texts: Iterable[Text]) -> None:
    """Names and values are no mathematics, whatever they contain."""
    for label in texts:
        label.set_parse_math(False)


def _power(picture: Picture) -> int:
    """The power of ten that the main panel is drawn in; 0 for none."""
    if picture.log_y:
        return 0
    shown = [
        np.concatenate([s.line_y, s.y - s.low, s.y + s.high]) for s in picture.series
    ]
    return _power_of(shown, 0.01)


def _small_power(picture: Picture) -> int:
    """The power of ten that the lower panel is drawn in; 0 for none."""
    values = [np.abs(s.residual) + s.residual_error for s in picture.series]
    return _power_of(values, 0.01)


def _power_of(values: Sequence[np.ndarray], least: float) -> int:
    largest = float(np.nan_to_num(np.abs(np.concatenate(values))).max(initial=0.0))
    if not largest or least <= largest < 1e4:
        return 0
    return math.floor(math.log10(largest))


def _unit(power: int) -> str:
    return f"\n/ {power_of_ten(power)}" if power else ""


def _short(label: str, width: int = 30) -> str:
    """A label in lines that fit beside its axis."""
    return "\n".join(textwrap.wrap(label, width))


def _full_caption(picture: Picture) -> str:
    """The caption; it tells lines from markers where the legend names curves."""
    if len(picture.series) == 1:
        return picture.caption
    what = f"lines: {picture.line_name}, markers: {picture.measured_name}"
    return f"{what}; {picture.caption}" if picture.caption else what
