"""Arguments that several commands take."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tallystick.bench import Settings

__all__ = ["add_effort", "add_names", "count", "integer", "positive", "seconds"]
__all__ += ["settings_of"]


def add_names(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Which claims."""
    every = "" if required else "; without names, all claims"
    parser.add_argument(
        "names",
        nargs="+" if required else "*",
        metavar="NAME",
        help=f"claim id, glob, topic, family or Python file{every}",
    )


def add_effort(parser: argparse.ArgumentParser) -> None:
    """How hard to try."""
    parser.add_argument("--quick", action="store_true", help="looser and much faster")
    parser.add_argument(
        "--seed", type=integer, default=None, help="seed of all randomness"
    )


def settings_of(options: argparse.Namespace) -> Settings:
    """What `add_effort` was given."""
    from tallystick.bench import DEFAULT_KEY, Settings

    seed = DEFAULT_KEY if options.seed is None else options.seed
    return Settings.quick(seed) if options.quick else Settings(seed)


def integer(text: str) -> int:
    """An integer, also in hexadecimal, as a report prints seeds."""
    return int(text, 0)


def positive(text: str) -> int:
    """An integer of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


def count(text: str) -> int:
    """An integer that is not negative."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must not be negative, got {value}")
    return value


def seconds(text: str) -> float:
    """A positive number of seconds."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be positive and finite, got {text}")
    return value
