"""Text around the axes: wrapped by measured widths, title above, caption below."""

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

__all__ = ["caption", "heading", "width", "wrapped"]

EDGE = 4.0
"""Margin in points."""
TITLE, SMALL, CAPTION = 10.5, 7.5, 6.8
"""Sizes of type: title, statement, caption."""
SPACING = 1.25
"""Lines of text, in sizes of type."""
MOST_LINES, MOST_CAPTION = 3, 2
ELLIPSIS = " …"
_WIDTHS = TextToPath()


def heading(figure: Figure, title: str, statement: str) -> float:
    """Write title and statement.

    Returns:
        Where they end, as a part of the height, from below.
    """
    wide, height = figure.get_size_inches() * 72
    y = height - EDGE
    _write(figure, title, y, TITLE, weight="bold")
    y -= 1.5 * TITLE
    lines = wrapped(statement, wide - 2 * EDGE, SMALL, MOST_LINES)
    if lines:
        _write(figure, "\n".join(lines), y, SMALL)
        y -= SPACING * (len(lines) + 0.3) * SMALL
    return y / height


def caption(figure: Figure, text: str) -> float:
    """Write the small type below.

    Returns:
        Where it ends, as a part of the height, from below.
    """
    wide, height = figure.get_size_inches() * 72
    lines = wrapped(text, wide - 2 * EDGE, CAPTION, MOST_CAPTION)
    if not lines:
        return 0.0
    top = EDGE + SPACING * len(lines) * CAPTION
    _write(figure, "\n".join(lines), top, CAPTION, alpha=0.75)
    return (top + 0.3 * CAPTION) / height


def _write(figure: Figure, text: str, top: float, size: float, **options) -> None:
    wide, height = figure.get_size_inches() * 72
    figure.text(
        EDGE / wide,
        top / height,
        text,
        va="top",
        ha="left",
        parse_math=False,
        fontsize=size,
        linespacing=SPACING,
        **options,
    )


def width(text: str, size: float) -> float:
    """Width of a line in points."""
    font = FontProperties(family="DejaVu Sans", size=size)
    return _WIDTHS.get_text_width_height_descent(text, font, False)[0]


def wrapped(text: str, room: float, size: float, most: int) -> list[str]:
    """Lines that fit; what is more than fits ends in an ellipsis.

    Args:
        text: Any text.
        room: Width of a line, in points.
        size: Of the type, in points.
        most: How many lines.
    """

    def fits(line: str) -> bool:
        return width(line, size) <= room

    lines: list[str] = []
    words = text.split()
    while words and len(lines) < most:
        line = words.pop(0)
        while words and fits(f"{line} {words[0]}"):
            line = f"{line} {words.pop(0)}"
        if words and len(lines) == most - 1:
            while line and not fits(line + ELLIPSIS):
                line = line[:-1]
            line = line.rstrip() + ELLIPSIS
        lines.append(line)
    return lines
