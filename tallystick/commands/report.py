"""`tallystick report`: check claims and write what was found as one HTML page."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallystick.commands.arguments import add_effort, add_names, settings_of
from tallystick.commands.check import Run, add_running, check_all
from tallystick.errors import TallystickError
from tallystick.outcome import leave

if TYPE_CHECKING:
    from tallystick.bench import Settings

__all__ = ["add"]

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


def _report(options: argparse.Namespace) -> int:
    from rich.console import Console

    from tallystick.page.writing import require_page, write_page

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
