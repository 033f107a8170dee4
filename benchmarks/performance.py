"""The numbers and figures of docs/performance.md: `python -m benchmarks.performance`.

Names: page (fills the page and draws its figures from the results; needs matplotlib),
check (fails if the page and the results differ).
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.pages import DOCS, differences, fill, table, whole

__all__ = ["PARTS", "main"]

PAGE = "performance.md"
RESULTS = Path(__file__).parent / "results"
SMALL, LARGE = "0.0001", "1e-05"
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "legend.frameon": False,
    "figure.dpi": 150,
}
METHODS = {
    # Told apart by shade and by dashes, so also in print without colour.
    "plain": {"color": "#636363", "linestyle": "--"},
    "sobol": {"color": "#fd8d3c", "linestyle": ":", "marker": "s"},
    "rotated": {"color": "#6baed6", "linestyle": "-.", "marker": "^"},
    "stretched": {"color": "#08306b", "linestyle": "-", "marker": "o"},
}


def _load(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text())


def check_table() -> str:
    """Seconds of single checks."""
    rows = []
    for name, row in _load("checks")["seconds"].items():
        verdict = max(row["verdicts"], key=row["verdicts"].get)
        rows.append(
            [
                name,
                f"{row['cold']:.2f}",
                f"{row['median']:.2f}",
                whole(row["draws"]),
                f"{verdict}, {row['diagnosis']}" if row["diagnosis"] else verdict,
            ]
        )
    head = ["check", "first, s", "again, s", "draws", "verdict"]
    return table(head, rows)


def suite_table() -> str:
    """A suite of 100 checks, with and without compiled programs on disk."""
    rows = [
        [
            name,
            f"{row['seconds']:.0f}",
            f"{row['first']:.1f}",
            whole(row["compiled"]),
            whole(row["loaded"]),
            f"{1e3 * row['example']['median']:.2f}",
        ]
        for name, row in _load("suite")["runs"].items()
    ]
    head = ["cache", "all checks, s", "first verdict, s", "compiled", "loaded"]
    return table([*head, "one more example of a property, ms"], rows)


BASES = {
    "words": "words: jax.random.bits",
    "normal": "normal: jax.random.normal",
    "normal float64": "normal float64: jax.random.normal",
    "mask 1/2": "mask 1/2: jax.random.bernoulli",
    "mask 0.3": "mask 0.3: jax.random.bernoulli",
}
"""What a generator of its kind is compared with."""


def noise_table() -> str:
    """Million numbers a second of the generators."""
    found = _load("noise")["generators"]
    rows = []
    for name, row in found.items():
        base = found[BASES[name.partition(":")[0]]]
        rows.append(
            [
                name,
                f"{row['per CPU']:.0f}",
                f"{row['per CPU'] / base['per CPU']:.1f}x",
                f"{row['wall']:.0f}",
            ]
        )
    return table(["generator", "M/s and CPU", "beside jax.random", "M/s, wall"], rows)


def estimate_table() -> str:
    """Million draws of the ReLU gradient a second, and its share of the generator."""
    found = _load("noise")["gradient"]
    names = [name for name in next(iter(found.values())) if name != "generator"]
    rows = []
    for name in names:
        cells = [name]
        for case in found.values():
            base, row = case["JAX, naive"], case[name]
            cells.append(
                f"{row['per CPU']:.3g} ({row['per CPU'] / base['per CPU']:.1f}x)"
            )
        rows.append(cells)
    shares = [
        f"{100 * case['engine float32']['share of the generator']:.0f} %"
        for case in found.values()
    ]
    rows.append(["engine float32, of the generator alone", *shares])
    if "torch, chunked" in next(iter(found.values())):
        ratios = [
            f"{case['engine float32']['wall'] / case['torch, chunked']['wall']:.1f}x"
            for case in found.values()
        ]
        rows.append(["engine float32 beside torch, both on all cores, wall", *ratios])
    return table(["M draws/s and CPU", *(f"d = {d}" for d in found)], rows)


def dropout_table() -> str:
    """Million draws of a loss with dropout a second."""
    found = _load("noise")["dropout"]
    rows = []
    for name in next(iter(found.values())):
        cells = [name]
        for case in found.values():
            rate, base = (case[n]["per CPU"] for n in (name, "JAX, naive"))
            cells.append(f"{rate:.3g} ({rate / base:.1f}x)")
        rows.append(cells)
    return table(["M draws/s and CPU", *(f"p = {p}" for p in found)], rows)


def memory() -> str:
    """Memory of many draws, in words."""
    found = _load("noise")["memory"]
    return (
        f"{found['draws']:.0e} draws in {found['seconds']:.0f} s: the process grew by"
        f" {found['growth MiB']:.1f} MiB, and the program's temporaries take"
        f" {found['temporaries MiB']:.1f} MiB"
    )


def layout_line() -> str:
    """Processes x devices whose moments are the same to the last bit."""
    found = _load("layouts")
    layouts = {f"{row['processes']} x {row['devices']}": 0 for row in found["rows"]}
    same = "the same" if len({row["moments"] for row in found["rows"]}) == 1 else "NOT"
    return f"{', '.join(layouts)}: {same}, over {whole(found['draws'])} draws"


def fewer_table() -> str:
    """Draws that a relative error takes, plain and by the chosen method."""
    found = _load("estimators")
    rows = []
    for name, row in found["work"].items():
        gains = {m: x["gain"] for m, x in row.items() if m not in ("choice", "plain")}
        best = max(gains, key=lambda m: gains[m][LARGE])
        cover = found["coverage"].get(name.partition(",")[0])
        shown = f"{100 * cover['coverage']:.1f} %" if cover and "d = 8" in name else ""
        rows.append(
            [
                name,
                f"{row['plain'][LARGE]:.1e}",
                f"{gains['sobol'][LARGE]:,.0f}",
                f"{gains[best][LARGE]:,.0f} ({best})",
                shown,
            ]
        )
    head = ["integrand", "plain draws to 1e-5", "times fewer: Sobol", "best"]
    return table([*head, "coverage of 95 % intervals"], rows)


def many_table() -> str:
    """Gains where many numbers matter."""
    found = _load("estimators")["controls"]
    rows = [
        [name, *(f"{gain:,.1f}" for gain in row.values())]
        for name, row in found.items()
    ]
    return table(["integrand", *next(iter(found.values()))], rows)


def wedge_table() -> str:
    """Errors of the quadrature between kinks."""
    rows = [
        [name, f"{row['error']:.0e}", str(row["nodes"]), whole(row["spent"])]
        for name, row in _load("estimators")["wedges"].items()
    ]
    head = ["integrand", "relative error", "evaluations of the rule"]
    return table([*head, "with tests and the confirming rule"], rows)


def kernel_table() -> str:
    """Gram matrices beside neural-tangents."""
    rows = []
    for row in _load("kernels")["rows"]:
        ours, theirs = (row["cases"][name] for name in ("gram", "neural-tangents"))
        rows.append(
            [
                whole(row["size"]),
                str(row["depth"]),
                f"{ours['cpu_ms']:.1f}",
                f"{theirs['cpu_ms']:.0f}",
                f"{theirs['times_gram_cpu']:.1f}x",
                f"{max(ours['errors'].values()):.0e}",
                f"{max(theirs['errors'].values()):.0e}",
            ]
        )
    head = ["inputs", "depth", "ours, ms of CPU", "neural-tangents", "ratio"]
    return table([*head, "our largest error", "theirs"], rows)


def machine() -> str:
    """Where it was measured."""
    found = _load("checks")
    versions = found["versions"]
    return (
        f"{found['machine']}, {found['cores']} cores, Python {versions['python']},"
        f" JAX {versions['jax']}, NumPy {versions['numpy']}"
    )


PARTS: dict[str, Callable[[], str]] = {
    part.__name__: part
    for part in (
        check_table,
        suite_table,
        noise_table,
        estimate_table,
        dropout_table,
        memory,
        layout_line,
        fewer_table,
        many_table,
        wedge_table,
        kernel_table,
        machine,
    )
}


def _noise_picture(plt: Any) -> None:
    """Draws of the ReLU gradient a second, by method and dimension."""
    found = _load("noise")["gradient"]
    shown = {
        "engine float32": "#08306b",
        "engine float64": "#6baed6",
        "torch, chunked": "#fdd0a2",
        "NumPy, chunked": "#fd8d3c",
        "JAX, streaming": "#969696",
        "JAX, naive": "#d9d9d9",
    }
    grid, axes = plt.subplots(1, len(found), figsize=(9.2, 2.6))
    for axis, (dimension, case) in zip(axes, found.items(), strict=True):
        names = [name for name in shown if name in case]
        rates = [case[name]["per CPU"] for name in names]
        places = range(len(names))[::-1]
        colors = [shown[name] for name in names]
        axis.barh(places, rates, color=colors, edgecolor="black", linewidth=0.4)
        axis.set_yticks(places, names if axis is axes[0] else [""] * len(names))
        axis.set(title=f"d = {dimension}", xlabel="million draws a second and CPU")
    grid.tight_layout()
    grid.savefig(DOCS / "figures" / "throughput.png")
    plt.close(grid)


def _fewer_picture(plt: Any) -> None:
    """Error against draws."""
    shown = ("relu_gradient, d = 8", "tanh_pair, d = 8", "relu_network, d = 64")
    found = _load("estimators")
    work, sizes = found["work"], found["sizes"]
    grid, axes = plt.subplots(1, len(shown), figsize=(9.2, 2.9), sharey=True)
    for axis, name in zip(axes, shown, strict=True):
        row = work[name]
        # Plain draws: the error falls with the square root, from its draws to 1e-5.
        errors = [1e-5 * (row["plain"][LARGE] / size) ** 0.5 for size in sizes]
        axis.plot(sizes, errors, label="plain", **METHODS["plain"])
        for method in ("sobol", "rotated", "stretched"):
            if method in row:
                axis.plot(sizes, row[method]["errors"], label=method, **METHODS[method])
        axis.set(xscale="log", yscale="log", xlabel="draws", title=name)
    axes[0].set_ylabel("relative standard error")
    axes[0].legend(loc="lower left")
    grid.tight_layout()
    grid.savefig(DOCS / "figures" / "fewer.png")
    plt.close(grid)


def _kernel_picture(plt: Any) -> None:
    """Errors of tangent-kernel entries, near and far inputs."""
    row = next(r for r in _load("kernels")["rows"] if r["depth"] == 10)
    places = ["drawn", "close 0.1", "close 0.01", "close 0.001", "close 0.0001"]
    places.append("diagonal")
    labels = ["drawn", "1e-1", "1e-2", "1e-3", "1e-4", "diagonal"]
    styles = {
        "neural-tangents": ("#fd8d3c", "s", "--"),
        "arccos": ("#636363", "^", ":"),
        "gram": ("#08306b", "o", "-"),
    }
    grid, axis = plt.subplots(figsize=(5.4, 2.9))
    for name, (color, marker, line) in styles.items():
        errors = [row["cases"][name]["errors"][place] for place in places]
        label = {"gram": "tallystick", "arccos": "arccos in JAX"}.get(name, name)
        axis.plot(labels, errors, line, color=color, marker=marker, label=label)
    axis.set(yscale="log", xlabel="distance of the inputs", ylabel="relative error")
    axis.set_title("tangent kernel of depth 10 in float32")
    axis.legend(loc="center right")
    grid.tight_layout()
    grid.savefig(DOCS / "figures" / "kernels.png")
    plt.close(grid)


def main() -> int:
    """Fill the page, or compare it."""
    parser = argparse.ArgumentParser(description="Numbers of docs/performance.md.")
    parser.add_argument("name", choices=["page", "check"])
    if parser.parse_args().name == "page":
        import matplotlib as mpl

        mpl.use("Agg")
        import matplotlib.pyplot as plt  # The backend is chosen first.

        with plt.rc_context(STYLE):
            _noise_picture(plt)
            _fewer_picture(plt)
            _kernel_picture(plt)
        fill(PAGE, PARTS)
        return 0
    wrong = differences(PAGE, PARTS)
    for name in wrong:
        print(f"{PAGE}: {name} is not what the results say")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
