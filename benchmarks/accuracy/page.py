"""The numbers of docs/accuracy.md: filled in from the results, and compared."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.accuracy.corners import KERNELS
from benchmarks.accuracy.oracles import DTYPES, forms
from benchmarks.pages import differences, fill, table, whole

__all__ = ["EXACT", "PARTS", "REASONS", "RESULTS", "check", "main", "wrong"]

PAGE = "accuracy.md"
RESULTS = Path(__file__).parents[1] / "results" / "accuracy.json"
FEW = 16
"""More ulp than these need a reason."""

EXACT = {
    "fastica_threshold.exponent": "an integer, or inf",
    "hermite.information_exponent": "an integer",
    "ica.favoured": "a sign",
    "relu_node.limit_point": "the teacher or 0, unchanged",
    "sphere_spectrum.decay_exponent": "an integer",
    "spiked_cumulant.moments": "zeros and ones",
}
"""Closed forms whose values need no rounding; the tests compare them exactly."""

REASONS = {
    "fastica.one_step_law": (
        "a quadrature, promised to 1e-8 in float64 and measured against one of another"
        " order, not against 50 digits"
    ),
    "neural_tangent.first_layer_variance": (
        "the gradient of p (1 - p), whose two terms cancel in part"
    ),
    "relu_node.hit_probability": (
        "the power of d multiplies errors by d: d / 2 ulp are promised beyond d = 20"
    ),
}
"""Why an error may exceed `FEW` ulp, as the docstring of the form says."""


def _load() -> dict[str, Any]:
    return json.loads(RESULTS.read_text())


def _largest(row: dict[str, Any]) -> float:
    return max(row[dtype]["worst"] for dtype in DTYPES if dtype in row)


def _ulp(row: dict[str, Any], dtype: str) -> str:
    if dtype not in row:
        return ""
    worst = row[dtype]["worst"]
    return f"{worst:.1e}" if worst >= 1000 else f"{worst:.2g}"


def _where(row: dict[str, Any]) -> str:
    """The point of the larger error."""
    dtype = max((d for d in DTYPES if d in row), key=lambda d: row[d]["worst"])
    return row[dtype]["at"]


def _cell(text: str) -> str:
    """Vertical bars are no columns."""
    return text.replace("|", "\\|")


def _rows(rows: Iterable[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        name = f"`{row['form'].partition('.')[2]}`"
        name += f", {row['what']}" if row["what"] else ""
        points = sum(row[dtype]["points"] for dtype in DTYPES if dtype in row)
        bound = row["bound"]
        cells = [name, row["scale"], _ulp(row, "float32"), _ulp(row, "float64")]
        cells += [f"{bound:.1e}" if bound >= 1000 else f"{bound:g}", whole(points)]
        lines.append([_cell(c) for c in (*cells, _where(row))])
    head = ["form", "ulp of", "float32", "float64", "refused above", "numbers"]
    return table([*head, "worst at"], lines)


def _topics(slope: bool) -> str:
    """A table for each topic."""
    found = [row for row in _load()["errors"] if row["slope"] == slope]
    parts = []
    for topic in sorted({row["form"].partition(".")[0] for row in found}):
        rows = [row for row in found if row["form"].startswith(f"{topic}.")]
        parts.append(f"\n### {topic}{', slopes' if slope else ''}\n{_rows(rows)}")
    return "\n" + "".join(parts)


def value_tables() -> str:
    """Errors of values."""
    return _topics(slope=False)


def slope_tables() -> str:
    """Errors of derivatives by automatic differentiation."""
    return _topics(slope=True)


def summary() -> str:
    """How many numbers were compared, and how large the errors are."""
    rows = _load()["errors"]
    points = sum(row[d]["points"] for row in rows for d in DTYPES if d in row)
    errors = [_largest(row) for row in rows]
    shares = [f"{sum(e <= limit for e in errors)} up to {limit}" for limit in (1, 2, 4)]
    shares += [f"{sum(e <= FEW for e in errors)} up to {FEW}"]
    return (
        f"{whole(points)} numbers of {len({row['form'] for row in rows})} closed forms"
        f" in {len(rows)} rows. Of the rows, {', '.join(shares)} ulp"
    )


def exceptions() -> str:
    """Forms beyond a few ulp, with the reason."""
    lines = [
        [
            f"`{row['form']}`" + (f", {row['what']}" if row["what"] else ""),
            f"{_largest(row):.3g}",
            REASONS[row["form"]],
        ]
        for row in _load()["errors"]
        if _largest(row) > FEW
    ]
    return table(["form", "ulp", "why"], lines)


def exact() -> str:
    """Forms that need no rounding."""
    return table(["form", "value"], [[f"`{name}`", why] for name, why in EXACT.items()])


def _error(value: float | None) -> str:
    return "nan" if value is None else "0" if value == 0 else f"{value:.0e}"


def _corner_table(kernel: str) -> str:
    found = _load()["corners"][kernel]
    columns = [name for name in found if not name.endswith("second")]
    lines = [
        [place, *(_error(found[name][place]) for name in columns)]
        for place in found[columns[0]]
    ]
    return table(["gradient at", *columns], lines)


def product_corners() -> str:
    """Gradients of the mean product of ReLU features."""
    return _corner_table(KERNELS[0])


def tangent_corners() -> str:
    """Gradients of the tangent kernel of two layers."""
    return _corner_table(KERNELS[1])


def second_corners() -> str:
    """Where second derivatives are not finite."""
    parts = []
    for name in ("ours", "arccos"):
        places = {
            place: None
            for kernel in KERNELS
            for dtype in DTYPES
            for place, finite in _load()["corners"][kernel][
                f"{name} {dtype}, second"
            ].items()
            if not finite
        }
        parts.append(f"{name}: {', '.join(places) if places else 'nowhere'}")
    return "; ".join(parts)


def machine() -> str:
    """Where it was measured."""
    found = _load()
    versions = found["versions"]
    return (
        f"{found['machine']}, Python {versions['python']}, JAX {versions['jax']},"
        f" NumPy {versions['numpy']}"
    )


PARTS: dict[str, Callable[[], str]] = {
    part.__name__: part
    for part in (
        exact,
        exceptions,
        machine,
        product_corners,
        second_corners,
        slope_tables,
        summary,
        tangent_corners,
        value_tables,
    )
}


def wrong() -> list[str]:
    """What the results lack: forms without errors, errors without a reason."""
    rows = _load()["errors"]
    named = {row["form"] for row in rows}
    listed, public = named | set(EXACT), set(forms())
    found = [f"{name} has no row" for name in sorted(public - listed)]
    found += [f"{name} is no closed form" for name in sorted(listed - public)]
    found += [f"{name} is exact and has a row" for name in sorted(named & set(EXACT))]
    for row in rows:
        if _largest(row) > row["bound"]:
            found.append(f"{row['form']} {row['what']} is above its bound")
        if _largest(row) > FEW and row["form"] not in REASONS:
            found.append(f"{row['form']} {row['what']} has no reason")
    large = {row["form"] for row in rows if _largest(row) > FEW}
    return found + [f"{name} needs no reason" for name in set(REASONS) - large]


def main() -> None:
    """Fill the page."""
    fill(PAGE, PARTS)


def check() -> int:
    """1 if the page is not what the results say, or these are incomplete."""
    found = [
        f"{PAGE}: {n} is not what the results say" for n in differences(PAGE, PARTS)
    ]
    found += wrong()
    for line in found:
        print(line)
    return 1 if found else 0
