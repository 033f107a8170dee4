"""`tallystick list`, `show` and `errata`: claims in words."""

import argparse
from typing import Any

from tallystick.commands.arguments import add_names
from tallystick.outcome import USAGE

__all__ = ["add"]


def add(commands: Any) -> None:
    """Register the three commands."""
    listing = commands.add_parser("list", help="list the claims")
    add_names(listing)
    listing.add_argument(
        "--markdown", action="store_true", help="as the table of the README"
    )
    listing.set_defaults(run=_list)

    show = commands.add_parser("show", help="one claim in words")
    add_names(show, required=True)
    show.set_defaults(run=_show)

    errata = commands.add_parser("errata", help="printed forms that are refuted")
    add_names(errata)
    errata.set_defaults(run=_errata)


def _list(options: argparse.Namespace) -> int:
    from rich.console import Console

    from tallystick.catalogue import find
    from tallystick.console import print_broken, print_list
    from tallystick.readme import catalogue_table

    found = find(options.names)
    console = Console()
    if options.markdown:
        print(catalogue_table(found.entries))  # noqa: T201
    else:
        print_list(console, found.entries)
    print_broken(console, found.broken)
    return USAGE if found.broken else 0


def _show(options: argparse.Namespace) -> int:
    from rich.console import Console

    from tallystick.catalogue import find
    from tallystick.console import print_show

    for entry in find(options.names).claims("show"):
        print_show(Console(), entry)
    return 0


def _errata(options: argparse.Namespace) -> int:
    from rich.console import Console

    from tallystick.catalogue import find
    from tallystick.console import print_errata

    print_errata(Console(), find(options.names).entries)
    return 0
