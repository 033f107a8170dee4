"""Small line charts as SVG, in the colours of the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Curve", "chart"]

WIDTH, HEIGHT = 420, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 14, 42
DASHES = ("", "7 4", "1.5 4", "9 3 2 3")
"""Told apart by dashes and by the words at the lines, so also without colour."""


@dataclass(frozen=True)
class Curve:
    """A line.

    Attributes:
        label: Its name.
        values: One for each place of the axis, between 0 and 1.
        mark: Where its name stands: the place, and the height.
        anchor: On which side of that place: "start", "middle" or "end".
    """

    label: str
    values: Sequence[float]
    mark: tuple[float, float]
    anchor: str = "start"


def chart(
    places: Sequence[float],
    curves: Sequence[Curve],
    *,
    title: str,
    across: str,
    upwards: str,
    ticks: Sequence[tuple[float, str]],
    line: tuple[float, str] | None = None,
) -> str:
    """Shares against a positive quantity on a logarithmic axis.

    Args:
        places: The quantity; ascending.
        curves: The lines.
        title: What the chart shows, for those who do not see it.
        across: Name of the horizontal axis.
        upwards: Name of the vertical axis.
        ticks: Places of the horizontal axis with a number, and how it is written.
        line: A place with a vertical line, and its name.
    """
    low, high = math.log(places[0]), math.log(places[-1])

    def x(place: float) -> float:
        share = (math.log(place) - low) / (high - low)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(share: float) -> float:
        return round(TOP + (1 - share) * (HEIGHT - TOP - BOTTOM), 1)

    parts = [
        f'<path class="axis" d="M{LEFT} {TOP}V{y(0)}H{WIDTH - RIGHT}"/>',
        _text(WIDTH / 2 + 15, HEIGHT - 6, across, "middle"),
        f'<g transform="rotate(-90 12 {HEIGHT / 2 - 12})">'
        + _text(12, HEIGHT / 2 - 12, upwards, "middle")
        + "</g>",
    ]
    for share in (0, 0.5, 1):
        parts.append(f'<path class="axis" d="M{LEFT - 4} {y(share)}h4"/>')
        parts.append(_text(LEFT - 7, y(share) + 4, f"{share:g}", "end"))
    for place, said in ticks:
        parts.append(f'<path class="axis" d="M{x(place)} {y(0)}v4"/>')
        parts.append(_text(x(place), y(0) + 17, said, "middle"))
    if line:
        parts.append(f'<path class="rule" d="M{x(line[0])} {TOP}V{y(0)}"/>')
        parts.append(_text(x(line[0]) + 5, y(0.5), line[1], "start"))
    for number, (curve, dash) in enumerate(zip(curves, DASHES, strict=False)):
        points = " ".join(
            f"{x(p)},{y(v)}" for p, v in zip(places, curve.values, strict=True)
        )
        parts.append(
            f'<polyline class="curve c{number}" stroke-dasharray="{dash}"'
            f' points="{points}"/>'
        )
        place, share = curve.mark
        parts.append(_text(x(place), y(share), curve.label, curve.anchor, f"c{number}"))
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return (
        f'<text{named} x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'
    )
