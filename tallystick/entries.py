"""Claims as they are found: in which module, and which modules are broken."""

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType

from tallystick.claim import Claim

__all__ = ["Broken", "Entry", "claims_in", "line_in", "one_line"]


@dataclass(frozen=True)
class Entry:
    """A claim and where it stands.

    Attributes:
        claim: The claim.
        topic: Last part of the name of its module.
        path: File of that module.
        file: Whether it is a file of the user's and not part of the catalogue.
    """

    claim: Claim
    topic: str
    path: Path
    file: bool = False

    @property
    def target(self) -> str:
        """What names the claim on the command line."""
        return f"{self.path}::{self.name}" if self.file else self.name

    @property
    def name(self) -> str:
        """The claim's id."""
        return self.claim.name


@dataclass(frozen=True)
class Broken:
    """A module that could not be read.

    Attributes:
        topic: Its name.
        message: One line: the error and the line of the module that raised it.
    """

    topic: str
    message: str


def claims_in(module: ModuleType) -> Iterator[Claim]:
    """Claims among a module's globals, also inside lists and tuples, each once."""
    seen: set[int] = set()
    for name, value in vars(module).items():
        if name.startswith("__"):
            continue
        group = value if isinstance(value, (list, tuple)) else (value,)
        for claim in group:
            if isinstance(claim, Claim) and id(claim) not in seen:
                seen.add(id(claim))
                yield claim


def line_in(frame: FrameType | None, path: Path) -> int:
    """The line of a file that has led to a frame; 0 if none has."""
    path = path.resolve()
    while frame is not None:
        if Path(frame.f_code.co_filename).resolve() == path:
            return frame.f_lineno
        frame = frame.f_back
    return 0


def one_line(error: BaseException, path: Path | None = None) -> str:
    """An error in one line, with the last place that belongs to the caller's file."""
    if isinstance(error, SyntaxError):
        file = error.filename or path
        return f"{file}:{error.lineno or 1}: SyntaxError: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    if path is not None:
        same = [f for f in frames if Path(f.filename).resolve() == path.resolve()]
        frames = same or frames
    text = str(error).strip().splitlines() or [""]
    kind = type(error).__name__
    if not frames:
        return f"{kind}: {text[0]}"
    last = frames[-1]
    return f"{last.filename}:{last.lineno}: {kind}: {text[0]}"
