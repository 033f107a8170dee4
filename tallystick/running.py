"""Running many checks at a time; whatever one of them raises, the rest goes on."""

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

from empirical.montecarlo.fleet import Fleet, FleetError
from tallystick.bench import Settings
from tallystick.checking import bench_of, check_claim
from tallystick.entries import Entry, one_line
from tallystick.report import Report
from tallystick.verdict import Verdict

__all__ = ["report_of", "run"]

_DECOMPOSING = threading.Lock()
"""Held by the claim that decomposes matrices. On CPUs a decomposition waits for other
threads of the one pool that all programs share: two at a time can wait for ever."""


def run(
    entries: Sequence[Entry], settings: Settings, jobs: int, limit: float = 1e9
) -> Iterator[Report]:
    """Reports as they are finished, in any order.

    Args:
        entries: The claims.
        settings: How hard to try.
        jobs: How many claims are checked at a time, in threads: while one compiles,
            another one draws.
        limit: Seconds that one claim may take. What takes longer is INVALID; its thread
            cannot be stopped, so its report is `overdue` and its place is given to
            another claim.
    """
    waiting, alone = deque(entries), jobs == 1 or len(entries) == 1
    running: dict[str, tuple[Entry, float]] = {}
    results: queue.SimpleQueue[tuple[Entry, Report]] = queue.SimpleQueue()

    def work(entry: Entry) -> None:
        results.put((entry, report_of(entry, settings, alone=alone)))

    while waiting or running:
        while waiting and len(running) < jobs:
            entry = waiting.popleft()
            running[entry.name] = entry, time.monotonic()
            # After an interruption nobody waits for what is not finished.
            threading.Thread(target=work, args=(entry,), daemon=True).start()
        oldest, start = min(running.values(), key=lambda pair: pair[1])
        left = start + limit - time.monotonic()
        try:
            entry, report = results.get(timeout=max(left, 0.0))
        except queue.Empty:
            del running[oldest.name]
            yield _overdue(oldest, settings, limit)
            continue
        if running.pop(entry.name, None) is not None:
            yield report


def report_of(
    entry: Entry,
    settings: Settings,
    fleet: Fleet | None = None,
    *,
    alone: bool = False,
) -> Report:
    """Check one claim; an error makes it INVALID.

    Args:
        entry: The claim.
        settings: How hard to try.
        fleet: The processes that share the draws, if it is not checked here alone.
        alone: Whether no other claim is checked in this process meanwhile.

    Raises:
        FleetError: One of these processes is gone: what was drawn is incomplete.
    """
    try:
        bench = bench_of(entry.claim, settings, fleet)
        waits = not alone and bench.decomposes
        with _DECOMPOSING if waits else contextlib.nullcontext():
            report = check_claim(entry.claim, settings, bench=bench)
        return replace(report, replay=_replay(entry, settings))
    except FleetError:
        raise
    except Exception as error:
        return _invalid(entry, settings, one_line(error, entry.path))


def _overdue(entry: Entry, settings: Settings, limit: float) -> Report:
    reason = (
        f"it did not finish within {limit:g} s: does it loop for ever? --limit gives"
        " it more time"
    )
    return replace(_invalid(entry, settings, reason), seconds=limit, overdue=True)


def _invalid(entry: Entry, settings: Settings, reason: str) -> Report:
    return Report(
        name=entry.name,
        experiment=getattr(entry.claim.empirical, "name", "experiment"),
        relation=entry.claim.relation.name,
        verdict=Verdict.INVALID,
        reason=reason,
        replay=_replay(entry, settings),
    )


def _replay(entry: Entry, settings: Settings) -> str:
    quick = " --quick" if settings == Settings.quick(settings.seed) else ""
    return f"tallystick check {entry.target} --seed {settings.seed:#x}{quick}"
