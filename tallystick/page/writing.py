"""Writing the page: what would keep it from being written, its figures, the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallystick.errors import TallystickError
from tallystick.outcome import require_writable

if TYPE_CHECKING:
    from rich.console import Console

    from tallystick.entries import Broken, Entry
    from tallystick.report import Report

__all__ = ["require_page", "write_page"]


def require_page(option: str, path: Path, *, figures: bool) -> None:
    """Refuse what would keep the page from being written, before anything is computed.

    Args:
        option: What was given the path, for the message.
        path: The page.
        figures: Whether it shall have figures.

    Raises:
        TallystickError: The file cannot be written, or Matplotlib is missing.
    """
    if figures:
        from tallystick.figures import require_matplotlib

        try:
            require_matplotlib()
        except TallystickError as error:
            raise TallystickError(
                f"{error}; --no-figures makes the page without"
            ) from None
    require_writable(option, path)


def write_page(
    path: Path,
    reports: Sequence[Report],
    entries: Iterable[Entry],
    broken: Sequence[Broken],
    settings: Mapping[str, Any],
    console: Console,
    *,
    figures: bool = False,
) -> None:
    """Draw the claims that were checked, and write the page.

    Args:
        path: The page.
        reports: What was found, in the order of the page.
        entries: The claims.
        broken: Modules that could not be read.
        settings: The fields of `Settings`.
        console: Where progress is shown.
        figures: Whether to draw.
    """
    from tallystick.page import page

    checked = {report.name for report in reports if not report.where}
    shown = [entry for entry in entries if entry.name in checked]
    pictures = _pictures(shown, settings, console) if figures else {}
    text = page(reports, shown, figures=pictures, settings=settings, broken=broken)
    path.write_text(text, encoding="utf-8")
    size = path.stat().st_size / 1e6
    console.print(f"{path}: {size:.1f} MB", markup=False, highlight=False)


def _pictures(
    entries: Sequence[Entry], settings: Mapping[str, Any], console: Console
) -> dict[str, str]:
    """Figures of claims by name, with a bar that shows how far it is."""
    from rich.progress import track

    from tallystick.bench import DEFAULT_KEY, Settings
    from tallystick.page.figures import drawn

    seed = settings.get("seed")
    seeded = Settings(seed if isinstance(seed, int) else DEFAULT_KEY)
    steps = track(
        drawn(entries, seeded),
        description="drawing",
        total=len(entries),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    pictures: dict[str, str] = {}
    try:
        for drawing in steps:
            pictures.update([drawing])
    except KeyboardInterrupt:  # What was checked is worth a page all the same.
        console.print(f"interrupted: {len(pictures)} of {len(entries)} figures drawn")
    return pictures
