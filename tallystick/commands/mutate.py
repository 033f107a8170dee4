"""`tallystick mutate`: which slightly wrong formulas would be noticed?"""

import argparse
from pathlib import Path
from typing import Any

from tallystick.commands.arguments import add_effort, add_names, count, positive
from tallystick.outcome import require_writable

__all__ = ["add"]


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "mutate", help="make wrong variants of closed forms: which are refused?"
    )
    add_names(parser, required=True)
    add_effort(parser)
    parser.add_argument("--json", metavar="FILE", help="write the reports there")
    parser.add_argument(
        "--most", type=positive, default=200, help="mutants of one form, at most"
    )
    parser.add_argument(
        "--further", type=count, default=0, help="looks beyond those of the form itself"
    )
    parser.set_defaults(run=_mutate)


def _mutate(options: argparse.Namespace) -> int:
    from tallystick.compilation import keep_programs
    from tallystick.mutation.command import run_mutations

    keep_programs()
    if options.json and options.json != "-":
        require_writable("--json", Path(options.json))
    return run_mutations(options)
