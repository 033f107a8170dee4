"""Recording: the reports of the `check(...)` calls that a file makes while it is read.

A recorder holds for the code that runs inside its `with`, and for nothing else.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path

from tallystick.report import Report

__all__ = ["Recorder", "recorded", "recording"]

_RECORDER: ContextVar["Recorder | None"] = ContextVar("recorder", default=None)


class Recorder:
    """What a file has checked so far.

    Args:
        path: The file.
        began: Called before each check.
        ended: Called after it.

    Attributes:
        reports: One for each call, in order; each knows the line of its call.
    """

    def __init__(
        self, path: Path, began: Callable[[], None], ended: Callable[[], None]
    ):
        self.path, self.began, self.ended = path, began, ended
        self.reports: list[Report] = []


@contextmanager
def recording(recorder: Recorder) -> Iterator[Recorder]:
    """Let a recorder see all checks."""
    token = _RECORDER.set(recorder)
    try:
        yield recorder
    finally:
        _RECORDER.reset(token)


def recorded(check: Callable[[], Report], where: Callable[[Path], str]) -> Report:
    """Run a check; a recorder, if there is one, keeps its report.

    Args:
        check: Runs the check.
        where: Says from which line of a file it was called.
    """
    recorder = _RECORDER.get()
    if recorder is None:
        return check()
    recorder.began()
    try:
        report = replace(check(), where=where(recorder.path))
    finally:
        recorder.ended()
    recorder.reports.append(report)
    return report
