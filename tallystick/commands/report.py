"""`tallystick report`: check claims and write what was found as one HTML page."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallystick.commands.arguments import add_effort, add_names, settings_of
from tallystick.commands.check import Run, add_running, check_all
from tallystick.errors import TallystickError
from tallystick.outcome import leave, require_writable

if TYPE_CHECKING:
    from rich.console import Console

    from tallystick.bench import Settings
    from tallystick.entries import Broken, Entry
    from tallystick.report import Report

__all__ = ["add", "require_page", "write_page"]

OUT = Path("report.html")


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("report", help="write one HTML page about claims")
    add_names(parser)
    parser.add_argument(
        "--out", type=Path, default=OUT, metavar="FILE", help=f"the page; {OUT}"
    )
    parser.add_argument(
        "--no-figures", action="store_true", help="leave out the figures of the claims"
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FILE",
        help="what `tallystick check --json FILE` found, instead of checking again",
    )
    add_effort(parser)
    add_running(parser)
    parser.set_defaults(run=_report)


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
    new = not path.exists()
    require_writable(option, path)
    if new:  # Whatever fails from here on leaves no empty page behind.
        path.unlink()


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


def _report(options: argparse.Namespace) -> int:
    from rich.console import Console

    require_page("--out", options.out, figures=not options.no_figures)
    from tallystick.compilation import keep_programs
    from tallystick.console import print_results

    keep_programs()
    console = Console()
    if options.source is None:
        settings: Settings = settings_of(options)
        run, plain = check_all(options, settings, console), asdict(settings)
        print_results(console, run.reports, run.broken, run.seconds)
        if run.interrupted:
            console.print("interrupted: the page holds what was finished; see --resume")
    else:
        run, plain = _stored(options.source, options.names)
    write_page(
        options.out,
        run.reports,
        run.entries,
        run.broken,
        plain,
        console,
        figures=not options.no_figures and not run.interrupted,
    )
    if run.lingering:
        leave(run.code)
    return run.code


def _stored(path: Path, names: Sequence[str]) -> tuple[Run, dict[str, Any]]:
    """A run that was stored with `tallystick check --json`, and its settings.

    Args:
        path: The file.
        names: Which of its claims; all if there are none.

    Raises:
        TallystickError: It is no such file.
    """
    from tallystick.catalogue import find
    from tallystick.entries import Broken
    from tallystick.report import Report

    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        reports = [Report.from_dict(values) for values in stored["reports"]]
        broken = [Broken(b["topic"], b["message"]) for b in stored["broken"]]
        settings = dict(stored["settings"])
    except OSError as error:
        raise TallystickError(f"--from {path} cannot be read: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TallystickError(
            f"--from {path} must be what `tallystick check --json` wrote:"
            f" {type(error).__name__}: {error}"
        ) from None
    found = find(names)
    if names:
        known = {entry.name for entry in found.entries}
        reports = [report for report in reports if report.name in known]
        missing = sorted(known - {report.name for report in reports})
        if missing:
            raise TallystickError(f"--from {path} has no report on {missing[0]}")
    return Run(found.entries, reports, broken), settings
