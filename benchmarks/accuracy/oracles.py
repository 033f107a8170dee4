"""Errors that the tests find against 50 digits.

The oracles stay in the tests, which refuse errors above a bound. Here the tests that
measure are found and run, and what they found is added up.
"""

import ast
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

__all__ = ["added", "forms", "measured", "measuring_tests", "replaced"]

ROOT = Path(__file__).parents[2]
RECORDER = "Worst"
"""The class of tests/accuracy.py that keeps errors."""
DTYPES = ("float32", "float64")


def forms() -> list[str]:
    """Topic and name of every public closed form."""
    topics = sorted(path.stem for path in (ROOT / "analytic").glob("[a-z]*.py"))
    return [
        f"{topic}.{name}"
        for topic in topics
        for name in importlib.import_module(f"analytic.{topic}").__all__
    ]


def measuring_tests() -> Iterator[str]:
    """The tests that compare with 50 digits, as pytest names them."""
    for path in sorted((ROOT / "tests").glob("test_*.py")):
        tree = ast.parse(path.read_text())
        names = {
            node.name: {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            for node in tree.body
            if isinstance(node, ast.FunctionDef)
        }
        # By way of helpers of the module, too.
        found = {RECORDER}
        while more := {n for n, used in names.items() if used & found} - found:
            found |= more
        for name in names:
            if name in found and name.startswith("test_"):
                yield f"{path.relative_to(ROOT)}::{name}"


def measured(topics: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Run the tests: a row for each form, part and scale, sorted.

    Args:
        topics: Whose tests are run; by default all.

    Raises:
        ValueError: No test of these topics measures.
        CalledProcessError: A test failed.
    """
    files = {f"tests/test_{topic}.py" for topic in topics}
    tests = [
        t for t in measuring_tests() if not topics or t.partition("::")[0] in files
    ]
    if not tests:
        raise ValueError(f"no test of {', '.join(topics)} compares with 50 digits")
    with tempfile.TemporaryDirectory() as folder:
        records = Path(folder) / "records"
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *tests],
            cwd=ROOT,
            env=os.environ | {"TALLYSTICK_ACCURACY": str(records)},
            check=True,
        )
        lines = [json.loads(line) for line in records.read_text().splitlines()]
    return added(lines)


def replaced(
    rows: list[dict[str, Any]], fresh: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The rows, those that were measured again in their place; sorted."""

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        return row["form"], row["what"], row["slope"], row["scale"]

    found = {key(row): row for row in (*rows, *fresh)}
    return [found[name] for name in sorted(found)]


def added(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for all lines of one form, part and scale: the worst, all points."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for line in lines:
        names = {k: line[k] for k in ("form", "what", "slope", "scale")}
        row = rows.setdefault(tuple(names.values()), names | {"bound": 0.0})
        row["bound"] = max(row["bound"], line["bound"])
        cell = row.setdefault(line["dtype"], {"worst": -1.0, "points": 0, "at": ""})
        cell["points"] += line["points"]
        if line["worst"] > cell["worst"]:
            cell |= {"worst": line["worst"], "at": line["at"]}
    for row in rows.values():
        for dtype in DTYPES:
            if dtype in row:
                row[dtype]["worst"] = float(f"{row[dtype]['worst']:.3g}")
    return [rows[key] for key in sorted(rows)]
