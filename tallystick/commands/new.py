"""`tallystick new`: the files of a new result."""

import argparse
from pathlib import Path
from typing import Any

__all__ = ["add"]


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("new", help="write the files of a new result")
    parser.add_argument("name", metavar="TOPIC.RESULT", help="as in pooling.mean")
    parser.add_argument(
        "--here",
        action="store_true",
        help="one file of your own in place of the four of the catalogue",
    )
    parser.add_argument(
        "--root", type=Path, default=Path(), help="folder with analytic/, claims/, ..."
    )
    parser.set_defaults(run=_new)


def _new(options: argparse.Namespace) -> int:
    from tallystick.scaffold import write_file, write_files

    write = write_file if options.here else write_files
    for path in write(options.root, options.name):
        print(path)  # noqa: T201
    return 0
