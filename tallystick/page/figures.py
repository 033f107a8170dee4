"""Figures for the page: one that cannot be drawn leaves a sentence in its place."""

import re
from collections.abc import Callable, Iterable, Iterator
from html import escape

from tallystick.bench import Settings
from tallystick.entries import Entry, one_line
from tallystick.figures import draw, svg

__all__ = ["drawn", "embedded"]

_ACTIVE = re.compile(r"<script|<foreignObject|\son\w+\s*=|javascript:", re.IGNORECASE)


def drawn(
    entries: Iterable[Entry],
    settings: Settings | None = None,
    *,
    picture: Callable[[Entry, Settings | None], str] | None = None,
) -> Iterator[tuple[str, str]]:
    """Names of claims and the HTML of their figures, one after the other.

    Args:
        entries: The claims.
        settings: The seed of the draws.
        picture: Gives the SVG of a claim; by default `tallystick.figures` does.
    """
    picture = picture or _picture
    for entry in entries:
        try:
            html = embedded(picture(entry, settings))
        except Exception as error:
            said = escape(one_line(error))
            html = f'<p class="absent">This claim could not be drawn: {said}</p>'
        yield entry.name, html


def _picture(entry: Entry, settings: Settings | None) -> str:
    return svg(draw(entry.claim, settings=settings, heading=False))


def embedded(picture: str) -> str:
    """An SVG as a figure of the page.

    Raises:
        ValueError: It is no SVG, or something in it runs.
    """
    if not picture.startswith("<svg") or _ACTIVE.search(picture):
        raise ValueError("the picture must be a plain <svg> element without scripts")
    return f'<figure class="plot">{picture}</figure>'
