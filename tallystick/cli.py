"""The command line: `tallystick check`, `mutate`, `list`, `show`, `errata`, `new`."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tallystick import __version__
from tallystick.distributed.place import add_arguments, located
from tallystick.outcome import (
    INTERRUPTED,
    USAGE,
    exit_code,
    leave,
    require_writable,
    write_json,
)

__all__ = ["main"]

JOURNAL = Path(".tallystick") / "journal.jsonl"


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
        self.exit(USAGE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="tallystick",
        description="Check closed forms against independent experiments.",
        epilog="Exit codes: 0 all agree, 1 some disagree, 2 some inconclusive,"
        " 3 usage or invalid claim, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")

    check = commands.add_parser("check", help="check claims, and refuse wrong forms")
    _add_names(check)
    check.add_argument("--quick", action="store_true", help="looser and much faster")
    check.add_argument(
        "--seed", type=_integer, default=None, help="seed of all randomness"
    )
    check.add_argument("--json", metavar="FILE", help="write the reports there as JSON")
    check.add_argument(
        "--resume", action="store_true", help="keep what an interrupted run finished"
    )
    check.add_argument(
        "--jobs",
        type=_positive,
        default=None,
        help="claims checked at a time; one for each core by default",
    )
    add_arguments(check)
    check.set_defaults(run=_check)

    mutate = commands.add_parser(
        "mutate", help="make wrong variants of closed forms: which are refused?"
    )
    mutate.add_argument("names", nargs="+", metavar="NAME", help="as for check")
    mutate.add_argument("--quick", action="store_true", help="looser and much faster")
    mutate.add_argument("--seed", type=_integer, default=None, help="as for check")
    mutate.add_argument("--json", metavar="FILE", help="write the reports there")
    mutate.add_argument(
        "--most", type=_positive, default=200, help="mutants of one form, at most"
    )
    mutate.add_argument(
        "--further",
        type=_count,
        default=0,
        help="looks beyond those of the form itself",
    )
    mutate.set_defaults(run=_mutate)

    listing = commands.add_parser("list", help="list the claims")
    _add_names(listing)
    listing.add_argument(
        "--markdown", action="store_true", help="as the table of the README"
    )
    listing.set_defaults(run=_list)

    show = commands.add_parser("show", help="one claim in words")
    show.add_argument("names", nargs="+", metavar="ID")
    show.set_defaults(run=_show)

    errata = commands.add_parser("errata", help="printed forms that are refuted")
    _add_names(errata)
    errata.set_defaults(run=_errata)

    new = commands.add_parser("new", help="write the four files of a new result")
    new.add_argument("name", metavar="TOPIC.RESULT", help="as in pooling.maximum_mean")
    new.add_argument(
        "--root", type=Path, default=Path(), help="folder with analytic/, claims/, ..."
    )
    new.set_defaults(run=_new)
    return parser


def _add_names(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="claim id, glob, topic, family or Python file; without names, all claims",
    )


def _integer(text: str) -> int:
    return int(text, 0)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must not be negative, got {value}")
    return value


def _check(options: argparse.Namespace) -> int:
    place = located(options)
    from tallystick.bench import DEFAULT_KEY, Settings
    from tallystick.compilation import keep_programs

    keep_programs()

    seed = DEFAULT_KEY if options.seed is None else options.seed
    settings = Settings.quick(seed) if options.quick else Settings(seed)
    jobs = options.jobs or os.cpu_count() or 1
    if place is None or place.size == 1:
        return _check_all(options, settings, jobs)
    if place.index:
        from tallystick.distributed.worker import work

        return work(place, options.names, settings, jobs)
    from tallystick.distributed.hub import Hub

    with Hub(place) as hub:
        return _check_all(options, settings, jobs, hub)


def _check_all(options: argparse.Namespace, settings, jobs: int, hub=None) -> int:
    """Check claims and print the report, with the processes that join a hub if any."""
    from rich.console import Console

    from tallystick.catalogue import find
    from tallystick.console import Monitor, print_results
    from tallystick.journal import Journal, fingerprints
    from tallystick.running import run

    to_stdout = options.json == "-"
    console = Console(stderr=to_stdout)
    if options.json and not to_stdout:
        require_writable(Path(options.json))
    start = time.perf_counter()
    entries, broken = find(options.names)

    def warn(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    journal = Journal(JOURNAL, resume=options.resume, warn=warn)
    marks = fingerprints(entries, settings)
    reports = {}
    spread = None
    interrupted = False
    with Monitor(console, len(entries)) as monitor:
        waiting = []
        for entry in entries:
            name = entry.claim.name
            if marks[name] in journal:
                reports[name] = journal[marks[name]]
                monitor.finished(reports[name], resumed=True)
            else:
                waiting.append(entry)
        try:
            if hub is None:
                checks = run(waiting, settings, jobs)
            else:
                from tallystick.distributed.spreading import Spread

                spread = Spread(
                    hub, entries, waiting, settings, jobs, marks, journal.seconds, warn
                )
                checks = spread.reports()
            for report in checks:
                reports[report.name] = report
                if report.verdict != "INVALID":  # It may have been the machine's fault.
                    journal.add(marks[report.name], report)
                monitor.finished(report)
        except KeyboardInterrupt:
            interrupted = True
    order = [e.claim.name for e in entries if e.claim.name in reports]
    done = [reports[name] for name in order]
    print_results(console, done, broken, time.perf_counter() - start)
    if options.json:
        write_json(options.json, done, broken, settings)
    if interrupted:
        left = len(entries) - len(done)
        console.print(f"interrupted with {left} claims left: go on with --resume")
    code = INTERRUPTED if interrupted else exit_code(done, broken)
    if spread is not None:
        spread.close(interrupted=interrupted)
    if interrupted or (spread is not None and spread.unfinished):
        leave(code)
    return code


def _mutate(options: argparse.Namespace) -> int:
    from tallystick.compilation import keep_programs
    from tallystick.mutation.command import run_mutations

    keep_programs()
    if options.json and options.json != "-":
        require_writable(Path(options.json))
    return run_mutations(options)


def _list(options: argparse.Namespace) -> int:
    from rich.console import Console

    from tallystick.catalogue import find
    from tallystick.console import print_broken, print_list
    from tallystick.readme import catalogue_table

    entries, broken = find(options.names)
    console = Console()
    if options.markdown:
        print(catalogue_table(entries))  # noqa: T201
    else:
        print_list(console, entries)
    print_broken(console, broken)
    return USAGE if broken else 0


def _show(options: argparse.Namespace) -> int:
    from rich.console import Console

    from tallystick.catalogue import find
    from tallystick.console import print_show

    entries, _ = find(options.names)
    for entry in entries:
        print_show(Console(), entry)
    return 0


def _errata(options: argparse.Namespace) -> int:
    from rich.console import Console

    from tallystick.catalogue import find
    from tallystick.console import print_errata

    entries, _ = find(options.names)
    print_errata(Console(), entries)
    return 0


def _new(options: argparse.Namespace) -> int:
    from tallystick.scaffold import write_files

    for path in write_files(options.root, options.name):
        print(path)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
