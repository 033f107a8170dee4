"""`tallystick watch`: check a file whenever it is saved."""

import argparse
import time
from pathlib import Path
from typing import Any

from tallystick.commands.arguments import add_effort
from tallystick.commands.check import add_running
from tallystick.outcome import INTERRUPTED

__all__ = ["add"]

PAUSE = 0.2
"""Seconds between two looks at the file."""


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("watch", help="check a file whenever it is saved")
    parser.add_argument("names", nargs=1, metavar="FILE", help="a Python file")
    add_effort(parser)
    add_running(parser)
    parser.set_defaults(run=_watch)


def _watch(options: argparse.Namespace) -> int:
    from rich.console import Console

    from tallystick.catalogue import split_target
    from tallystick.compilation import keep_programs
    from tallystick.errors import TallystickError

    path = split_target(options.names[0])[0]
    if not path.is_file():
        raise TallystickError(f"there is no file {path}")
    keep_programs()
    console = Console()
    seen: tuple[int, int] | None = None
    try:
        while True:
            mark = _mark(path)
            if mark is None and seen is not None:
                console.print(f"{path} is gone: waiting for it", style="dim")
                seen = None
            if mark is None or mark == seen:
                time.sleep(PAUSE)
                continue
            seen = mark
            _once(options, console)
            console.print(
                f"watching {path}: save it to check it again, Ctrl-C to stop",
                style="dim",
                soft_wrap=True,
            )
    except KeyboardInterrupt:
        return INTERRUPTED


def _once(options: argparse.Namespace, console: Any) -> None:
    """Check the file as it is now; a mistake in it is a line, not the end."""
    from tallystick.commands.arguments import settings_of
    from tallystick.commands.check import check_all
    from tallystick.console import print_results
    from tallystick.errors import TallystickError

    console.rule(time.strftime("%H:%M:%S"))
    try:
        run = check_all(options, settings_of(options), console)
    except TallystickError as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return
    print_results(console, run.reports, run.broken, run.seconds)
    if run.interrupted:
        raise KeyboardInterrupt


def _mark(path: Path) -> tuple[int, int] | None:
    """What changes when the file is saved; None while an editor replaces it."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
