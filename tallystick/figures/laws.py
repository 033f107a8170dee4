"""Pictures of laws: the stated distribution function, and how many draws lie below."""

import numpy as np

from empirical.montecarlo import Expectation, Sampler
from tallystick.decide.probes import blocks
from tallystick.figures.directions import Direction
from tallystick.figures.labels import held_text, symbol
from tallystick.figures.measuring import Stage
from tallystick.figures.picture import Picture, Series
from tallystick.figures.slices import Slicer
from tallystick.forms import evaluate_probabilities
from tallystick.relations import Distribution

__all__ = ["along_values"]

LAW_DRAWS = 4096
FINE = 121
PARTS = (0.1, 0.9)
"""Where the curves of a figure stand on a slice."""
BEYOND = 0.05
"""How far the axis reaches beyond the draws, as a part of it."""


def along_values(stage: Stage, points: int, direction: Direction | None) -> Picture:
    """A distribution function against the value, with the share of draws below it.

    Where a draw has several entries, all of them count as below or not.

    Args:
        stage: The subject; its relation is `Distribution`.
        points: Measured places of each curve.
        direction: What differs between the curves; None for the first that there is.
    """
    relation = stage.relation
    assert isinstance(relation, Distribution)
    slicer = stage.slicer(stage.cases[0])
    places, labels, direction = _places(stage, slicer, direction)
    prepared = stage.prepared(slicer.case, places)
    draws = _draws(prepared.sampler, (*prepared.seed, "figure"), stage.draws)
    reference = None
    if isinstance(stage.form, Expectation):
        other = prepared.measure(stage.form)
        reference = _draws(other, (*prepared.seed, "other"), stage.draws)
    shape, count = prepared.sampler.value_shape, len(draws)

    def claimed(values: np.ndarray) -> np.ndarray:
        """The stated law at values, shape (points, values)."""
        if reference is not None:
            return np.stack(
                [_share(r, v) for r, v in zip(reference.T, values, strict=True)]
            )
        wide = np.broadcast_to(
            values[(...,) + (None,) * len(shape)], (*values.shape, *shape)
        )
        return evaluate_probabilities(
            stage.form, slicer.case, places, relation.argument, np.array(wide)
        )

    shown = np.linspace(0.5, points - 0.5, points) / points
    probes = np.quantile(draws, shown, axis=0, method="inverted_cdf").T
    low, high = draws.min(axis=0), draws.max(axis=0)
    reach = BEYOND * np.where(high > low, high - low, 1.0)
    fine = np.linspace(low - reach, high + reach, FINE).T
    line, target = claimed(fine), claimed(probes)
    series = []
    for number, label in enumerate(labels):
        share = _share(draws[:, number], probes[number])
        spread = target[number] * (1 - target[number])
        error = np.sqrt(np.maximum(spread, 1 / count) / count)
        if reference is not None:
            error = error * np.sqrt(1 + count / len(reference))
        series.append(
            Series(
                label,
                fine[number],
                line[number],
                probes[number],
                share,
                error,
                error,
                (share - target[number]) / error,
                np.zeros(len(share)),
            )
        )
    name = symbol(relation.argument)
    every = f"every entry ≤ {name}" if shape else f"draw ≤ {name}"
    held = slicer.held_values(direction if len(labels) > 1 else None)
    meaning = direction.meaning if direction else ""
    return Picture(
        stage.subject.name,
        stage.subject.statement,
        tuple(series),
        x_label=name,
        y_label=f"P({every})",
        residual_label="std. errors",
        line_name="stated law" if reference is None else "reference",
        measured_name="draws",
        caption="; ".join(
            [f"{count:,} draws", *filter(None, [meaning, held_text(held)])]
        ),
        band=True,
    )


def _places(stage: Stage, slicer: Slicer, direction: Direction | None):
    """Points of the domain for two curves, their labels, and what moves."""
    directions = slicer.directions()
    if direction is None and directions:
        direction = directions[0]
    if direction is None:
        return slicer.rows(None, [0.0]), [""], None
    first, last = direction.first, direction.last
    chosen = [first + part * (last - first) for part in PARTS]
    at = slicer.abscissae(direction, chosen)
    labels = [direction.position(float(value)) for value in at]
    return slicer.rows(direction, chosen), labels, direction


def _draws(sampler: Sampler, key: tuple, most: int) -> np.ndarray:
    """The largest entry of every draw, shape (draws, points)."""
    found = [b.max(axis=-1) for b in blocks(sampler, key, min(LAW_DRAWS, most))]
    return np.concatenate(found)


def _share(draws: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Which part of some draws is at most each value."""
    return np.searchsorted(np.sort(draws), values, side="right") / len(draws)
