"""The figures of docs/verdict.md, drawn from the results; needs matplotlib."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from benchmarks.verdict.records import load
from tallystick import levels

mpl.use("Agg")
import matplotlib.pyplot as plt  # The backend is chosen first.

__all__ = ["FIGURES", "main"]

FIGURES = Path(__file__).parents[2] / "docs" / "figures"
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "figure.dpi": 150,
}
INK = {
    # Told apart by shade and by dashes, so also in print without colour.
    "check": {"color": "#08306b", "linestyle": "-", "linewidth": 2.6},
    "allclose": {"color": "#d94801", "linestyle": "--"},
    "retried": {"color": "#fd8d3c", "linestyle": ":", "linewidth": 2.0},
    "3 sigma": {"color": "#636363", "linestyle": "-."},
    "Hoeffding": {"color": "#31a354", "linestyle": (0, (6, 1, 1, 1, 1, 1))},
}
LABELS = {
    "check": "tallystick",
    "allclose": "allclose(rtol=1e-2)",
    "retried": "the same, best of 3 tries",
    "3 sigma": "3 standard errors",
    "Hoeffding": "Hoeffding at 1e-9 (bounded law)",
}


def _power() -> None:
    """False alarms and power against draws, one column a law."""
    found = load("power")
    sizes = np.array(found["sizes"])
    shown = {"0.0": "true formula", "0.01": "1 % too large", "0.05": "5 % too large"}
    grid, axes = plt.subplots(
        len(shown), len(found["laws"]), figsize=(9.2, 5.6), sharex=True, sharey=True
    )
    for column, (name, law) in enumerate(found["laws"].items()):
        for row, (error, label) in enumerate(shown.items()):
            axis = axes[row, column]
            for method, rates in law["others"].items():
                axis.plot(sizes, rates[error], **INK[method], label=LABELS[method])
            curve = law["checks"]["default"][error]["curve"]
            axis.plot(sizes, curve, **INK["check"], label=LABELS["check"])
            axis.set_xscale("log")
            axis.set_ylim(-0.04, 1.04)
            if row == 0:
                axis.set_title(name)
            if column == 0:
                axis.set_ylabel(f"{label}:\nshare refused")
            if row == len(shown) - 1:
                axis.set_xlabel("draws")
                axis.set_xticks([1e3, 1e5, 1e7])
    lines, labels = axes[0, 0].get_legend_handles_labels()
    grid.legend(lines, labels, loc="lower center", ncols=3)
    grid.tight_layout(rect=(0, 0.08, 1, 1))
    _save(grid, "power")


def _characteristic() -> None:
    """Verdicts against the size of the error."""
    found = load("power")["characteristic"]
    errors = np.array(found["errors"]) * 100
    shares = found["shares"]
    grid, axis = plt.subplots(figsize=(5.2, 2.9))
    axis.plot(errors, shares["AGREE"], "-", color="#08306b", label="AGREE", lw=2.2)
    axis.plot(errors, shares["INCONCLUSIVE"], ":", color="#636363", lw=2)
    axis.plot(errors, shares["DISAGREE"], "--", color="#d94801", lw=2.2)
    axis.axvline(1.0, color="0.75", lw=1, zorder=0)
    axis.text(1.04, 0.5, "tolerance", color="0.45", rotation=90, va="center")
    axis.set_xscale("log")
    axis.set_xticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
    axis.minorticks_off()
    axis.set_xlabel("error of the formula, % of the mean")
    axis.set_ylabel("share of checks")
    axis.text(0.11, 0.93, "AGREE", color="#08306b", va="top")
    axis.text(9.5, 0.93, "DISAGREE", color="#d94801", va="top", ha="right")
    axis.text(9.5, 0.06, "INCONCLUSIVE", color="#636363", ha="right")
    grid.tight_layout()
    _save(grid, "verdicts")


def _stages() -> None:
    """Excess over the normal tail of a conviction against the distance to the gate."""
    found = load("stage_levels")
    grid, axis = plt.subplots(figsize=(6.2, 3.6))
    marks = dict(zip(found["families"], "osD^v", strict=True))
    for family, mark in marks.items():
        rows = found["families"][family]["rows"]
        points = [
            (factor * t["look"] / (levels.SKEW_FACTOR * row["skewness"] ** 2), t[stage])
            for row in rows
            for t in row["tails"]
            for factor, stage in ((2, "first"), (4, "second"))
            if t[stage] > 0
        ]
        axis.plot(
            *zip(*points, strict=True),
            mark,
            ms=3.5,
            mfc="none",
            mew=0.8,
            label=family,
            color={"o": "#08306b", "s": "#d94801", "D": "#31a354"}.get(mark, "0.45"),
        )
    reach = np.geomspace(0.7, 1e3, 200)
    skew = 1 / np.sqrt(levels.SKEW_FACTOR * reach)
    z = levels.CONVICTION_Z
    axis.plot(reach, np.exp(z**3 * skew / 3), "k-", lw=1, label="exp(z³ skew / 3√n)")
    axis.axvline(1.0, color="0.75", lw=1, zorder=0)
    axis.axhline(1.0, color="0.85", lw=1, zorder=0)
    axis.text(0.7, 29.7, "gate", color="0.45", va="top", ha="right")
    axis.set(xscale="log", xlim=(1e-7, 1e3), ylim=(0, 30))
    axis.set_xlabel("draws / (300 skewness²), skewness of the law")
    axis.set_ylabel("level of a conviction / nominal")
    axis.legend(fontsize=8, loc="upper right", bbox_to_anchor=(1.0, 0.9))
    grid.tight_layout()
    _save(grid, "stages")


def _save(grid, name: str) -> None:
    FIGURES.mkdir(parents=True, exist_ok=True)
    grid.savefig(FIGURES / f"{name}.png", metadata={"Software": None})
    plt.close(grid)


def main() -> None:
    """Draw every figure."""
    with plt.rc_context(STYLE):
        _power()
        _characteristic()
        _stages()
