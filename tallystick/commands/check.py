"""`tallystick check`: decide claims, and refuse wrong forms."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallystick.commands.arguments import (
    add_effort,
    add_names,
    positive,
    seconds,
    settings_of,
)
from tallystick.deadline import LIMIT, READ_LIMIT
from tallystick.distributed.place import add_arguments, located
from tallystick.outcome import (
    INTERRUPTED,
    exit_code,
    leave,
    require_writable,
    write_json,
)

if TYPE_CHECKING:
    from rich.console import Console

    from tallystick.bench import Settings
    from tallystick.catalogue import Broken, Entry
    from tallystick.distributed.hub import Hub
    from tallystick.report import Report

__all__ = ["Run", "add", "add_running", "check_all"]

JOURNAL = Path(".tallystick") / "journal.jsonl"


@dataclass
class Run:
    """What a run of checks came to.

    Attributes:
        entries: The claims that were asked for.
        reports: Of those that were finished, in the order of the claims; then those of
            the `check(...)` calls of files.
        broken: Modules that could not be read.
        seconds: Wall time.
        interrupted: Whether claims are left.
        lingering: Whether work goes on in threads that nobody waits for.
    """

    entries: Sequence[Entry] = ()
    reports: list[Report] = field(default_factory=list)
    broken: Sequence[Broken] = ()
    seconds: float = 0.0
    interrupted: bool = False
    lingering: bool = False

    @property
    def code(self) -> int:
        """The exit code; see `tallystick.cli.main`."""
        return INTERRUPTED if self.interrupted else exit_code(self.reports, self.broken)


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("check", help="check claims, and refuse wrong forms")
    add_names(parser)
    add_effort(parser)
    add_running(parser)
    parser.add_argument("--json", metavar="FILE", help="write the reports there")
    parser.add_argument("--junit", metavar="FILE", help="write them as JUnit XML")
    parser.add_argument(
        "--html", metavar="FILE", help="write them as a page; `report` adds figures"
    )
    add_arguments(parser)
    parser.set_defaults(run=_check)


def add_running(parser: argparse.ArgumentParser) -> None:
    """Options of every command that checks claims."""
    parser.add_argument(
        "--resume", action="store_true", help="keep what an interrupted run finished"
    )
    parser.add_argument(
        "--jobs",
        type=positive,
        default=None,
        help="claims checked at a time; one for each core by default",
    )
    parser.add_argument(
        "--limit",
        type=seconds,
        metavar="SECONDS",
        default=None,
        help=f"time that one claim, or reading one file, may take; {LIMIT:.0f} and"
        f" {READ_LIMIT:.0f} by default",
    )


def _check(options: argparse.Namespace) -> int:
    place = located(options)
    from rich.console import Console

    from tallystick.compilation import keep_programs
    from tallystick.console import print_results

    keep_programs()
    settings = settings_of(options)
    if place is not None and place.index:
        from tallystick.distributed.worker import work

        work(place, options.names, settings, options.jobs or os.cpu_count() or 1)
    to_stdout = options.json == "-"
    for option in ("json", "junit"):
        target = getattr(options, option)
        if target is not None and (option, target) != ("json", "-"):
            require_writable(f"--{option}", Path(target))
    if options.html:
        from tallystick.page.writing import require_page

        require_page("--html", Path(options.html), figures=False)
    with contextlib.ExitStack() as stack:
        hub = None
        if place is not None and place.size > 1:
            from tallystick.distributed.hub import Hub

            hub = stack.enter_context(Hub(place))
        if to_stdout:  # Whatever a claim prints must not stand between the braces.
            stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        console = Console(stderr=to_stdout)
        run = check_all(options, settings, console, hub)
        print_results(console, run.reports, run.broken, run.seconds)
        if run.interrupted:
            left = len(run.entries) - sum(1 for r in run.reports if not r.where)
            console.print(f"interrupted with {left} claims left: go on with --resume")
    if options.json:
        write_json(options.json, run.reports, run.broken, settings)
    if options.junit:
        from tallystick.junit import junit

        Path(options.junit).write_text(junit(run.reports, run.broken))
    if options.html:
        from tallystick.page.writing import write_page

        plain = asdict(settings)
        write_page(
            Path(options.html), run.reports, run.entries, run.broken, plain, console
        )
    if run.lingering:
        leave(run.code)
    return run.code


def check_all(
    options: argparse.Namespace,
    settings: Settings,
    console: Console,
    hub: Hub | None = None,
) -> Run:
    """Check claims, with the processes that join a hub if there is one.

    Args:
        options: The names, and what `add_running` was given.
        settings: How hard to try.
        console: Where progress is shown.
        hub: Process 0 of several.
    """
    from tallystick.catalogue import find
    from tallystick.console import Monitor
    from tallystick.journal import Journal, fingerprints
    from tallystick.running import run

    start = time.perf_counter()
    jobs = options.jobs or os.cpu_count() or 1
    found = find(options.names, limit=options.limit)
    entries = found.entries

    def warn(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    result = Run(entries, broken=found.broken)
    journal = Journal(JOURNAL, resume=options.resume, warn=warn)
    marks = fingerprints(entries, settings)
    done: dict[str, Report] = {}
    spread = None
    with Monitor(console, len(entries) + len(found.reports)) as monitor:
        for report in found.reports:
            monitor.finished(report)
        waiting = []
        for entry in entries:
            if marks[entry.name] in journal:
                done[entry.name] = journal[marks[entry.name]]
                monitor.finished(done[entry.name], resumed=True)
            else:
                waiting.append(entry)
        try:
            if hub is None:
                checks = run(waiting, settings, jobs, options.limit or LIMIT)
            else:
                from tallystick.distributed.spreading import Spread

                spread = Spread(
                    hub, entries, waiting, settings, jobs, marks, journal.seconds, warn
                )
                checks = spread.reports()
            for report in checks:
                done[report.name] = report
                if report.verdict != "INVALID":  # It may have been the machine's fault.
                    journal.add(marks[report.name], report)
                result.lingering |= report.overdue
                monitor.finished(report)
        except KeyboardInterrupt:
            result.interrupted = result.lingering = True
    result.reports = [done[e.name] for e in entries if e.name in done] + found.reports
    result.seconds = time.perf_counter() - start
    if spread is not None:
        spread.close(interrupted=result.interrupted)
        result.lingering |= bool(spread.unfinished)
    return result
