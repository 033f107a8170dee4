"""The catalogue: finding claims in packages and files, and choosing among them."""

import difflib
import fnmatch
import importlib
import itertools
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path

from tallystick.entries import Broken, Entry, claims_in, one_line
from tallystick.errors import UnknownClaimError
from tallystick.report import Report
from tallystick.userfile import load_file

__all__ = ["Found", "find", "load_catalogue", "split_target"]

GROUP = "tallystick.claims"


@dataclass(frozen=True)
class Found:
    """What names on the command line stand for.

    Attributes:
        entries: Claims, still to be checked.
        broken: Modules that could not be read.
        reports: Of the `check(...)` calls that files made while they were read.
    """

    entries: list[Entry] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)

    def claims(self, command: str) -> list[Entry]:
        """The claims, for a command that can do nothing without one.

        Raises:
            UnknownClaimError: There are only `check(...)` calls.
        """
        if self.reports and not self.entries:
            file = self.reports[0].where.partition(":")[0]
            raise UnknownClaimError(
                f"{file} makes check(...) calls but holds no Claim, and {command} needs"
                " one: `tallystick new NAME --here` writes one to start from"
            )
        return self.entries


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


def find(names: Iterable[str], *, limit: float | None = None) -> Found:
    """Claims by id, glob, topic, family (the part before the dot) or file.

    One claim of a file is named as `file.py::name`. No name means the whole catalogue.

    Args:
        names: The names.
        limit: Seconds that reading a file may take; see `load_file`.

    Raises:
        UnknownClaimError: A name fits nothing; the message suggests the nearest.
        OverdueError: A file takes too long.
    """
    names = list(names)
    files = [n for n in names if ".py" in n or "/" in n or Path(n).is_file()]
    found = Found()
    for name in files:
        path, part = split_target(name)
        loaded = load_file(path, limit=limit)
        chosen = [e for e in loaded.entries if not part or _fits(part, e)]
        reports = [r for r in loaded.reports if not part or part in r.name]
        if not chosen and not reports:
            known = [e.name for e in loaded.entries] + [r.name for r in loaded.reports]
            raise UnknownClaimError(
                f"{path} has no {part!r}: it has {', '.join(known)}"
            )
        found.entries.extend(chosen)
        found.reports.extend(reports)
        found.broken.extend(loaded.broken)
    others = [n for n in names if n not in files]
    if not names or others:
        _choose(others, found)
    _require_distinct(found.entries)
    return found


def split_target(name: str) -> tuple[Path, str]:
    """The file and the claim in it that `file.py::name` stands for."""
    path, _, part = name.partition("::")
    return Path(path), part


def _choose(names: list[str], found: Found) -> None:
    """Add claims of the catalogue."""
    catalogue, broken = load_catalogue()
    if not names:
        found.entries.extend(catalogue)
        found.broken.extend(broken)
        return
    broken_topics = {b.topic for b in broken}
    for name in names:
        chosen = [e for e in catalogue if _fits(name, e)]
        if not chosen and name not in broken_topics:
            raise UnknownClaimError(_suggestion(name, catalogue, broken))
        found.entries.extend(e for e in chosen if e not in found.entries)
    found.broken.extend(b for b in broken if b.topic in names)


def _require_distinct(entries: list[Entry]) -> None:
    """Refuse two claims of one name.

    Raises:
        UnknownClaimError: Two claims have one name: their results would be confused.
    """
    for first, second in itertools.combinations(entries, 2):
        if first.name == second.name and first.claim is not second.claim:
            raise UnknownClaimError(
                f"two claims are called {first.name!r}, in {first.path} and"
                f" {second.path}: give one of them another name"
            )


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
