"""The journal: finished checks on disk, so that an interrupted run loses none."""

import contextlib
import dataclasses
import functools
import hashlib
import inspect
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jax

import empirical
import tallystick
from tallystick.bench import Settings
from tallystick.claim import as_expectation
from tallystick.entries import Entry
from tallystick.report import Report

__all__ = ["Journal", "fingerprints"]


class Journal:
    """A file with one line for each finished check.

    Args:
        path: The file; its folder is made. A file that cannot be written is given up
            with a warning through `warn`: a check needs no journal.
        resume: Whether to keep what is there; otherwise the file starts anew.
        warn: Called with a message.
    """

    def __init__(self, path: Path, *, resume: bool, warn: Callable[[str], Any]):
        self.path: Path | None = path
        self.done: dict[str, Report] = {}
        self.seconds: dict[str, float] = {}
        """What claims took in the last run, by name."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            before = _read(path) if path.exists() else {}
            self.seconds = {r.name: r.seconds for r in before.values()}
            if resume and path.exists():
                self.done = before
                with path.open("a") as file:
                    file.write("\n")  # A line torn by a kill must not eat the next.
            else:
                path.write_text("")
        except OSError as error:
            warn(f"no journal, so --resume will find nothing: {error}")
            self.path = None

    def __contains__(self, mark: str) -> bool:
        return mark in self.done

    def __getitem__(self, mark: str) -> Report:
        return self.done[mark]

    def add(self, mark: str, report: Report) -> None:
        """Write one finished check; it is on disk when this returns."""
        self.done[mark] = report
        if self.path is None:
            return
        line = json.dumps({"mark": mark, "report": report.as_dict()})
        with self.path.open("a") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())


def fingerprints(entries: Iterable[Entry], settings: Settings) -> dict[str, str]:
    """What each result depends on: the claim, its code, the settings, the versions."""
    # Read once a run, not once a process: files may change between runs.
    digest = functools.cache(_digest)
    packages = {Path(inspect.getfile(package)) for package in (tallystick, empirical)}
    marks = {}
    for entry in entries:
        claim = entry.claim
        files = {entry.path, *packages}
        for half in (claim.analytic, as_expectation(claim.empirical).integrand):
            with contextlib.suppress(TypeError):  # A callable object has no file.
                file = Path(inspect.getfile(inspect.unwrap(half)))
                files |= {file} if file.is_file() else set()
        parts = [claim.name, dataclasses.astuple(settings), jax.__version__]
        parts += sorted(digest(file) for file in files)
        marks[claim.name] = hashlib.sha256(repr(parts).encode()).hexdigest()
    return marks


def _digest(path: Path) -> str:
    """Hash of a file; of a package's module, of all modules of the package."""
    group = [path]
    if (path.parent / "__init__.py").exists():
        group = sorted(path.parent.rglob("*.py"))
    found = hashlib.sha256()
    for file in group:
        found.update(file.read_bytes())
    return found.hexdigest()


def _read(path: Path) -> dict[str, Report]:
    done = {}
    for line in path.read_text(errors="replace").splitlines():
        try:
            entry = json.loads(line)
            done[entry["mark"]] = Report.from_dict(entry["report"])
        except (ValueError, KeyError, TypeError):
            continue  # The line that was being written when the run was killed.
    return done
