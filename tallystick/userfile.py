"""A user's file: its claims, and the reports of the checks that it makes itself."""

import contextlib
import importlib.util
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tallystick.deadline import LIMIT, READ_LIMIT, OverdueError, deadline
from tallystick.entries import Broken, Entry, claims_in, one_line
from tallystick.errors import UnknownClaimError
from tallystick.recording import Recorder, recording
from tallystick.report import Report

__all__ = ["UserFile", "load_file"]


@dataclass(frozen=True)
class UserFile:
    """What a file holds.

    Attributes:
        entries: Its global claims.
        reports: Of the `check(...)` calls that it made while it was read.
        broken: At most one: where it stopped, if not at the end.
    """

    entries: list[Entry]
    reports: list[Report]
    broken: list[Broken]


def load_file(path: Path, *, limit: float | None = None) -> UserFile:
    """Run a Python file, and keep its claims and the reports of its checks.

    What the file prints goes to standard error: standard output is the report's.

    Args:
        path: The file.
        limit: Seconds that one of its checks may take, and what lies between them;
            600 and 60 if not given.

    Raises:
        UnknownClaimError: The file does not exist, does not import, or has neither a
            claim nor a check.
        OverdueError: It takes too long.
    """
    if path.is_dir():
        raise UnknownClaimError(f"{path} is a folder: give a Python file")
    if not path.is_file():
        raise UnknownClaimError(f"there is no file {path}")
    if path.suffix != ".py":
        raise UnknownClaimError(f"{path} must be a Python file, named *.py")
    name = f"tallystick_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UnknownClaimError(f"{path} must be a Python file")
    module = importlib.util.module_from_spec(spec)
    broken: list[Broken] = []
    between, one_check = limit or READ_LIMIT, limit or LIMIT
    with deadline(path, between) as clock:
        recorder = Recorder(
            path, lambda: clock.renew(one_check), lambda: clock.renew(between)
        )
        try:
            with recording(recorder), _as_script(path, recorder):
                sys.modules[name] = module
                spec.loader.exec_module(module)
        except OverdueError:
            raise
        except (Exception, SystemExit) as error:
            if not recorder.reports:
                raise UnknownClaimError(one_line(error, path)) from error
            # A report that asserts has said what is wrong: it is among the reports.
            if not isinstance(error, AssertionError):
                broken.append(Broken(path.stem, one_line(error, path)))
    entries = [Entry(claim, path.stem, path, True) for claim in claims_in(module)]
    if not entries and not recorder.reports:
        raise UnknownClaimError(
            f"{path} has no claims: it must define a global Claim, a list of them, or"
            " call check(...) outside of functions and of `if __name__ == ...`"
        )
    return UserFile(entries, recorder.reports, broken)


@contextlib.contextmanager
def _as_script(path: Path, recorder: Recorder) -> Iterator[None]:
    """The file's folder comes first in the search for modules, as for a script."""
    folder = str(path.parent.resolve())
    sys.path.insert(0, folder)
    try:
        with contextlib.redirect_stdout(_Printed(recorder)):
            yield
    finally:
        with contextlib.suppress(ValueError):  # The file may have taken it out.
            sys.path.remove(folder)


class _Printed(io.TextIOBase):
    """What a file prints, on standard error; but not the reports, which are shown."""

    def __init__(self, recorder: Recorder):
        self.recorder, self.skipped = recorder, False

    def write(self, text: str) -> int:
        """Print a piece of text, unless it is a report or the end of its line."""
        known = text.strip() in map(str, self.recorder.reports) and text.strip() != ""
        if not known and not (self.skipped and text == "\n"):
            sys.stderr.write(text)
        self.skipped = known
        return len(text)
