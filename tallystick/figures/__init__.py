"""Figures of claims: the closed form as a line, what was measured as markers.

    from tallystick.figures import draw, save, svg

Matplotlib is an optional extra; it is imported when something is drawn.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tallystick.errors import TallystickError
from tallystick.figures.subject import Subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tallystick.bench import Settings
    from tallystick.claim import Claim

__all__ = ["Subject", "draw", "require_matplotlib", "require_target", "save", "svg"]

FORMATS = (".png", ".svg", ".pdf")
DRAWS = 2**17
"""Draws at each point, where a mean is sampled."""


def draw(
    subject: Claim | Subject,
    along: str | None = None,
    *,
    settings: Settings | None = None,
    points: int = 25,
    draws: int = DRAWS,
    heading: bool = True,
) -> Figure:
    """Draw a claim along a slice of its domain.

    Args:
        subject: A claim, or a formula with its experiment and domain.
        along: What varies: a parameter, the size of a limit or of an exponent, "angle"
            for the angle between two vectors, or "entries" for those of a value. If not
            given, what tells most: sizes, angles, numbers, lengths, in this order.
        settings: The seed; how hard a check tries plays no role.
        points: How many values are measured along the slice.
        draws: How many draws at each, where a mean is sampled.
        heading: Whether name and statement stand above the axes.

    Returns:
        A Matplotlib figure that needs no display.

    Raises:
        TallystickError: Matplotlib is not installed, or the closed form is finite
            nowhere on the slice.
        DomainError: There is nothing of that name to draw along.
    """
    require_matplotlib()
    from tallystick.figures.drawing import drawn
    from tallystick.figures.planning import planned

    if points < 2 or draws < 2:
        raise TallystickError(
            f"points and draws must be 2 or more, got {points=}, {draws=}"
        )
    return drawn(planned(subject, along, settings, points, draws), heading=heading)


def svg(figure: Figure) -> str:
    """A figure as one <svg> element for a page; see `tallystick.figures.vector`."""
    from tallystick.figures.vector import svg

    return svg(figure)


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure to a file; its ending says in which format.

    Raises:
        TallystickError: The ending is none of .png, .svg and .pdf, or the file cannot
            be written.
    """
    import matplotlib

    from tallystick.figures.drawing import STYLE

    path = require_target(path)
    if path.suffix == ".svg":
        path.write_text(svg(figure) + "\n", encoding="utf-8")
        return
    with matplotlib.rc_context(STYLE):
        stamp = {"CreationDate": None} if path.suffix == ".pdf" else {"Software": None}
        figure.savefig(path, dpi=200, metadata=stamp)


def require_matplotlib() -> None:
    """Refuse to go on without Matplotlib, before anything is computed.

    Raises:
        TallystickError: It is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise TallystickError(
            f'figures need Matplotlib: pip install "tallystick[plots]" ({error})'
        ) from None


def require_target(path: str | Path) -> Path:
    """Refuse a file that cannot be written, before anything is computed.

    Raises:
        TallystickError: Its ending is not known, or it cannot be written.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise TallystickError(
            f"a figure must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]},"
            f" got {str(path)!r}"
        )
    from tallystick.outcome import require_writable  # It imports the version.

    require_writable("figure", path)
    return path
