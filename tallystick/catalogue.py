"""The catalogue: finding claims in packages and files, and choosing among them."""

import difflib
import fnmatch
import importlib
import importlib.util
import itertools
import pkgutil
import sys
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from tallystick.claim import Claim
from tallystick.errors import UnknownClaimError

__all__ = ["Broken", "Entry", "claims_in", "find", "load_catalogue", "load_file"]
__all__ += ["one_line"]

GROUP = "tallystick.claims"


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


def load_catalogue() -> tuple[list[Entry], list[Broken]]:
    """All claims of all packages that the entry-point group names.

    A package is searched by listing its modules. A module that does not import is
    reported beside the rest.
    """
    entries: list[Entry] = []
    broken: list[Broken] = []
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.value):
        for name in _modules(point.value, broken):
            topic = name.rpartition(".")[2]
            try:
                module = importlib.import_module(name)
            except Exception as error:
                broken.append(Broken(topic, one_line(error)))
                continue
            path = Path(module.__file__ or name)
            entries += [Entry(claim, topic, path) for claim in claims_in(module)]
    return _without_twice_named(entries, broken), broken


def load_file(path: Path) -> list[Entry]:
    """Claims of a Python file.

    Raises:
        UnknownClaimError: The file does not exist, does not import, or has no claim.
    """
    if not path.is_file():
        raise UnknownClaimError(f"there is no file {path}")
    name = f"tallystick_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UnknownClaimError(f"{path} must be a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UnknownClaimError(one_line(error, path)) from error
    finally:
        sys.path.remove(str(path.parent.resolve()))
    entries = [Entry(claim, path.stem, path, True) for claim in claims_in(module)]
    if not entries:
        raise UnknownClaimError(
            f"{path} has no claims: it must define a global Claim, or a list of them"
        )
    return entries


def find(names: Iterable[str]) -> tuple[list[Entry], list[Broken]]:
    """Claims by id, glob, topic, family (the part before the dot) or file.

    One claim of a file is named as `file.py::name`.

    No name means the whole catalogue.

    Raises:
        UnknownClaimError: A name fits nothing; the message suggests the nearest.
    """
    names = list(names)
    files = [n for n in names if ".py" in n or "/" in n]
    chosen: list[Entry] = []
    for name in files:
        path, _, part = name.partition("::")
        loaded = load_file(Path(path))
        found = [e for e in loaded if not part or _fits(part, e)]
        if not found:
            raise UnknownClaimError(_suggestion(part, loaded, []))
        chosen += found
    others = [n for n in names if n not in files]
    if names and not others:
        return _distinct(chosen), []
    catalogue, broken = load_catalogue()
    if not others:
        return catalogue, broken
    broken_topics = {b.topic for b in broken}
    for name in others:
        found = [e for e in catalogue if _fits(name, e)]
        if not found and name not in broken_topics:
            raise UnknownClaimError(_suggestion(name, catalogue, broken))
        chosen += [e for e in found if e not in chosen]
    return _distinct(chosen), [b for b in broken if b.topic in others]


def _distinct(entries: list[Entry]) -> list[Entry]:
    """The same entries, each name once.

    Raises:
        UnknownClaimError: Two claims have one name: their results would be confused.
    """
    for first, second in itertools.combinations(entries, 2):
        if first.name == second.name and first.claim is not second.claim:
            raise UnknownClaimError(
                f"two claims are called {first.name!r}, in {first.path} and"
                f" {second.path}: give one of them another name"
            )
    return entries


def _fits(name: str, entry: Entry) -> bool:
    family = entry.claim.name.partition(".")[0]
    return name in (entry.topic, family) or fnmatch.fnmatchcase(entry.claim.name, name)


def _suggestion(name: str, catalogue: list[Entry], broken: list[Broken]) -> str:
    known = {e.claim.name for e in catalogue} | {e.topic for e in catalogue}
    near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else "see `tallystick list`"
    lost = "; ".join(f"{b.topic}: {b.message}" for b in broken)
    return f"no claim is called {name!r}: {hint}" + (
        f" (broken: {lost})" if lost else ""
    )


def _modules(name: str, broken: list[Broken]) -> list[str]:
    """A module, or all modules of a package."""
    try:
        module = importlib.import_module(name)
    except Exception as error:
        broken.append(Broken(name, one_line(error)))
        return []
    path = getattr(module, "__path__", None)
    if path is None:
        return [name]
    found = sorted(m.name for m in pkgutil.iter_modules(path))
    return [f"{name}.{m}" for m in found if not m.startswith("_")]


def _without_twice_named(entries: list[Entry], broken: list[Broken]) -> list[Entry]:
    """Entries with distinct names; a second one of a name is reported as broken."""
    kept: dict[str, Entry] = {}
    for entry in entries:
        first = kept.setdefault(entry.claim.name, entry)
        if first is not entry:
            broken.append(
                Broken(entry.topic, f"{entry.claim.name} is also in {first.topic}")
            )
    return list(kept.values())


def one_line(error: BaseException, path: Path | None = None) -> str:
    """An error in one line, with the last place that belongs to the caller's file."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: SyntaxError: {error.msg}"
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
