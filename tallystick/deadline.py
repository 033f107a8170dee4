"""Time limits for code that is not ours: a user's file may never end."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tallystick.errors import TallystickError
from tallystick.outcome import USAGE

__all__ = ["LIMIT", "READ_LIMIT", "Deadline", "OverdueError", "deadline"]

LIMIT, READ_LIMIT = 600.0, 60.0
"""Seconds that one claim may take, and what a file does between its checks."""
GRACE = 5.0
"""Seconds between the interruption and the end of the process."""


class OverdueError(TallystickError):
    """Something did not finish in time."""


class Deadline:
    """Time that is left, for one file at a time.

    Python code is interrupted by an `OverdueError`. Compiled code cannot be: a few
    seconds later the process ends, with the same message.

    Args:
        path: The file that is read, for the message.
        seconds: How long it may take; it can be renewed.
    """

    def __init__(self, path: Path, seconds: float):
        self.path, self.seconds = path, seconds
        self._watchdog: threading.Timer | None = None
        # Signals reach the main thread only.
        main = threading.current_thread() is threading.main_thread()
        self._signals = main and hasattr(signal, "setitimer")

    def renew(self, seconds: float) -> None:
        """Start anew, with so many seconds."""
        self.cancel()
        self.seconds = seconds
        if self._signals:
            signal.setitimer(signal.ITIMER_REAL, seconds)
        self._watchdog = threading.Timer(seconds + GRACE, self._end_process)
        self._watchdog.daemon = True
        self._watchdog.start()

    def cancel(self) -> None:
        """Stop counting."""
        if self._watchdog is not None:
            self._watchdog.cancel()
        if self._signals:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def ring(self, _: int, frame: FrameType | None) -> None:
        """Interrupt the main thread, naming the line of the file it is at.

        Raises:
            OverdueError: Always.
        """
        from tallystick.entries import line_in

        line = line_in(frame, self.path)
        stopped = f"; it was stopped at line {line}" if line else ""
        raise OverdueError(f"{self._message()}{stopped}")

    def _message(self) -> str:
        return (
            f"{self.path} did not finish within {self.seconds:g} s: does it loop for"
            f" ever? --limit gives it more time"
        )

    def _end_process(self) -> None:
        print(f"tallystick: {self._message()}", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(USAGE)


@contextmanager
def deadline(path: Path, seconds: float) -> Iterator[Deadline]:
    """Limit the time that reading a file may take.

    Args:
        path: The file.
        seconds: How long.

    Raises:
        OverdueError: It took longer.
    """
    limit = Deadline(path, seconds)
    before: Any = None
    if limit._signals:
        before = signal.signal(signal.SIGALRM, limit.ring)
    try:
        limit.renew(seconds)
        yield limit
    finally:
        limit.cancel()
        if before is not None:
            signal.signal(signal.SIGALRM, before)
