"""`tallystick plot`: claims as figures, the closed form beside what was measured."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tallystick.commands.arguments import add_effort, add_names, settings_of
from tallystick.outcome import USAGE

__all__ = ["add"]

QUICK = {"points": 13, "draws": 2**14}
"""What `--quick` measures."""


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "plot", help="draw claims: the closed form, and what was measured"
    )
    add_names(parser, required=True)
    add_effort(parser)
    parser.add_argument(
        "--out",
        metavar="PATH",
        default="",
        help="a file that ends in .png, .svg or .pdf, or a folder for one file a claim;"
        " by default ID.png in this folder",
    )
    parser.add_argument(
        "--along",
        metavar="NAME",
        help="what varies: a parameter, a size, 'angle' between vectors, 'entries'",
    )
    parser.set_defaults(run=_plot)


def _plot(options: argparse.Namespace) -> int:
    from tallystick.catalogue import find
    from tallystick.compilation import keep_programs
    from tallystick.errors import TallystickError
    from tallystick.figures import require_matplotlib, save

    require_matplotlib()
    place = _place(options.out)
    keep_programs()
    found = find(options.names)
    plots = {entry.name: entry.claim.plot for entry in found.entries}
    plots |= {report.name: report.plot for report in found.reports}
    targets = _targets([*plots], place)
    measured: dict[str, Any] = dict(QUICK) if options.quick else {}
    code = USAGE if found.broken else 0
    for module in found.broken:
        _complain(f"{module.topic}: {module.message}")
    for name, plot in plots.items():
        try:
            figure = plot(options.along, settings=settings_of(options), **measured)
        except TallystickError as error:
            if len(plots) == 1:
                raise
            _complain(f"{name}: {error}")
            code = USAGE
            continue
        save(figure, targets[name])
        print(targets[name])  # noqa: T201
    return code


def _complain(text: str) -> None:
    print(f"tallystick: {text}", file=sys.stderr)  # noqa: T201


def _place(out: str) -> Path:
    """The file or folder to write to; a folder is made if it does not exist.

    Raises:
        TallystickError: It cannot be written.
    """
    from tallystick.errors import TallystickError
    from tallystick.figures import require_target

    path = Path(out)
    if path.suffix and not path.is_dir() and not out.endswith(("/", "\\")):
        return require_target(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TallystickError(f"{path} cannot be made: {error.strerror}") from None
    return path


def _targets(names: Sequence[str], place: Path) -> dict[str, Path]:
    """Where each figure goes.

    Raises:
        TallystickError: There are several and one file, or a file cannot be written.
    """
    from tallystick.errors import TallystickError
    from tallystick.figures import require_target

    if not place.is_dir():
        if len(names) > 1:
            raise TallystickError(
                f"{len(names)} figures need a folder: give one, as in --out figures/,"
                f" got {str(place)!r}"
            )
        return dict.fromkeys(names, place)
    return {name: require_target(place / f"{_stem(name)}.png") for name in names}


def _stem(name: str) -> str:
    """A name as the stem of a file."""
    return re.sub(r"[^\w.+-]+", "_", name).strip("._") or "figure"
