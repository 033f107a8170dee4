"""Running many checks at a time; whatever one of them raises, the rest goes on."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace

from empirical.montecarlo.fleet import Fleet, FleetError
from tallystick.bench import Settings
from tallystick.catalogue import Entry, one_line
from tallystick.checking import bench_of, check_claim
from tallystick.report import Report
from tallystick.verdict import Verdict

__all__ = ["report_of", "run"]


def run(entries: Sequence[Entry], settings: Settings, jobs: int) -> Iterator[Report]:
    """Reports as they are finished, in any order.

    Args:
        entries: The claims.
        settings: How hard to try.
        jobs: How many claims are checked at a time, in threads: while one compiles,
            another one draws.
    """
    pool = ThreadPoolExecutor(jobs)
    try:
        futures = [pool.submit(report_of, entry, settings) for entry in entries]
        for future in as_completed(futures):
            yield future.result()
    finally:
        # After an interruption nobody waits for the claims that are not finished.
        pool.shutdown(wait=False, cancel_futures=True)


def report_of(entry: Entry, settings: Settings, fleet: Fleet | None = None) -> Report:
    """Check one claim; an error makes it INVALID.

    Args:
        entry: The claim.
        settings: How hard to try.
        fleet: The processes that share the draws, if it is not checked here alone.

    Raises:
        FleetError: One of these processes is gone: what was drawn is incomplete.
    """
    quick = " --quick" if settings == Settings.quick(settings.seed) else ""
    replay = f"tallystick check {entry.target} --seed {settings.seed:#x}{quick}"
    try:
        bench = bench_of(entry.claim, settings, fleet)
        return replace(check_claim(entry.claim, settings, bench=bench), replay=replay)
    except FleetError:
        raise
    except Exception as error:
        return Report(
            name=entry.name,
            experiment=getattr(entry.claim.empirical, "name", "experiment"),
            relation=entry.claim.relation.name,
            verdict=Verdict.INVALID,
            reason=one_line(error, entry.path),
            replay=replay,
        )
