"""The command line: one parser for the commands of `tallystick.commands`."""

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from tallystick import __version__
from tallystick.commands import catalogue, check, mutate, new, plot, report, watch
from tallystick.outcome import INTERRUPTED, USAGE

__all__ = ["main"]

COMMANDS = (check, watch, report, plot, mutate, catalogue, new)
"""Their modules, in the order in which help lists them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 if all claims agree and all wrong forms were refused, 1 if some disagree,
        2 if some are inconclusive, 3 for usage errors and invalid claims, 130 if
        interrupted.
    """
    options = _parser().parse_args(arguments)
    from tallystick.errors import TallystickError

    try:
        return options.run(options)
    except TallystickError as error:
        print(f"tallystick: {error}", file=sys.stderr)  # noqa: T201
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # The reader of our output has gone: nothing to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return USAGE


class _Parser(argparse.ArgumentParser):
    """A parser whose usage errors exit with 3: 2 means inconclusive."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}{self._meant(message)}\n")

    def _meant(self, message: str) -> str:
        """What a misspelt command or option may have been meant to be."""
        known: set[str] = set()
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                known.update(action.choices)
                for parser in action.choices.values():
                    known.update(parser._option_string_actions)
        wrong = message.partition(": ")[2].partition(" (")[0].split()
        for word in (word.strip("'") for word in wrong):
            near = difflib.get_close_matches(word, known, 1)
            if near and word not in known:
                return f"; did you mean {near[0]}?"
        return ""


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="tallystick",
        description="Check closed forms against independent experiments.",
        epilog="Exit codes: 0 all agree, 1 some disagree, 2 some inconclusive,"
        " 3 usage or invalid claim, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for module in COMMANDS:
        module.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
