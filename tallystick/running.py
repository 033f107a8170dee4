"""Running many checks at a time; whatever one of them raises, the rest goes on."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace

from tallystick.bench import Settings
from tallystick.catalogue import Entry, one_line
from tallystick.checking import check_claim
from tallystick.report import Report
from tallystick.verdict import Verdict

__all__ = ["run"]


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
        futures = [pool.submit(_report, entry, settings) for entry in entries]
        for future in as_completed(futures):
            yield future.result()
    finally:
        # After an interruption nobody waits for the claims that are not finished.
        pool.shutdown(wait=False, cancel_futures=True)


def _report(entry: Entry, settings: Settings) -> Report:
    """Check one claim; an error makes it INVALID."""
    quick = " --quick" if settings == Settings.quick(settings.seed) else ""
    replay = f"tallystick check {entry.target} --seed {settings.seed:#x}{quick}"
    try:
        return replace(check_claim(entry.claim, settings), replay=replay)
    except Exception as error:
        return Report(
            name=entry.name,
            experiment=getattr(entry.claim.empirical, "name", "experiment"),
            relation=entry.claim.relation.name,
            verdict=Verdict.INVALID,
            reason=one_line(error, entry.path),
            replay=replay,
        )
