"""Pictures of limits and of exponents: the means at several sizes."""

import math
from collections.abc import Sequence

import numpy as np

from empirical.montecarlo import Sampler, exact_mean, stream_key
from tallystick.bench import Prepared
from tallystick.decide.sizes import side_by_side
from tallystick.diagnosis.constants import with_error
from tallystick.errors import TallystickError
from tallystick.figures.along import telling
from tallystick.figures.directions import Direction
from tallystick.figures.labels import MINUS, held_text, number, quantity, symbol
from tallystick.figures.measuring import Stage
from tallystick.figures.picture import (
    Picture,
    Series,
    chosen_entries,
    entry_label,
)
from tallystick.figures.slices import Slicer
from tallystick.relations import Exponent, Limit

__all__ = ["along_sizes", "some_points"]

PARTS = (0.15, 0.5, 0.85)
"""Where on a slice the curves of a figure stand that is not drawn along it."""
ALONE = 0.35
"""Where, if there is room for one place only."""
NEAR = 0.05
"""Ticks nearer than this, as a part of the axis, would overlap."""


def some_points(
    stage: Stage, slicer: Slicer, outputs: int
) -> tuple[dict[str, np.ndarray], list[str], Direction | None]:
    """A few points of the most telling slice, with their labels, and the slice.

    A value with several outputs is shown at one point only.
    """
    directions = slicer.directions()
    if not directions:
        return slicer.rows(None, [0.0]), [""], None
    direction = telling(stage, slicer.case, directions)
    parts = PARTS if outputs == 1 else (ALONE,)
    first, last = direction.first, direction.last
    chosen = [first + part * (last - first) for part in parts]
    at = slicer.abscissae(direction, chosen)
    labels = [direction.position(float(value)) for value in at]
    return slicer.rows(direction, chosen), labels, direction


def along_sizes(stage: Stage) -> Picture:
    """The means at several sizes, and what the claim says of them."""
    relation = stage.relation
    assert isinstance(relation, (Limit, Exponent))
    # The last case of a limit: the deepest network, where more is to be seen.
    last = isinstance(relation, Limit)
    slicer = stage.slicer(stage.cases[-1 if last else 0])
    outputs = stage.line(slicer.case, slicer.rows(None, [0.0])).shape[1]
    points, labels, direction = some_points(stage, slicer, outputs)
    if isinstance(relation, Limit):
        return _limit(stage, relation, slicer, points, labels, direction)
    return _exponent(stage, relation, slicer, points, labels, direction)


def _limit(
    stage: Stage,
    relation: Limit,
    slicer: Slicer,
    points: dict[str, np.ndarray],
    labels: Sequence[str],
    direction: Direction | None,
) -> Picture:
    """Means against size^-rate: they meet the axis at the limit, in a straight line.

    Leftmost is the combination of the two sizes that the claim is decided by.
    """
    prepared = stage.prepared(slicer.case, points)
    target = prepared.target(stage.form)
    extrapolated = stage.measured(prepared, target)
    sizes, sampler = _at_sizes(stage, prepared, relation)
    key = stream_key(*prepared.seed, "sizes")
    exact = exact_mean(sampler, key) if extrapolated.exact else None
    if exact is not None:
        mean, error = exact.mean, np.zeros(exact.mean.shape)
    else:
        moments = sampler.moments(key, stage.draws)
        mean, error = moments.mean, moments.standard_error
    shape = len(target), len(sizes), -1
    mean = np.concatenate([mean.reshape(shape), extrapolated.value[:, None]], axis=1)
    error = np.concatenate([error.reshape(shape), extrapolated.high[:, None]], axis=1)
    x = np.append(np.asarray(sizes, float) ** -relation.rate, 0.0)
    series = []
    kept = [0] if len(labels) > 1 else chosen_entries(mean[0])
    for place, label in enumerate(labels):
        for entry in kept:
            limit = target[place, entry]
            scale = abs(limit) or 1.0
            y, bar = mean[place, :, entry], error[place, :, entry]
            named = entry_label(entry, prepared.form_shape) if len(kept) > 1 else label
            gap = (y - limit) / scale
            line = np.array([0.0, x.max()]), np.full(2, limit)
            series.append(Series(named, *line, x, y, bar, bar, gap, bar / scale))
    size = symbol(relation.size)
    end = "∞" if relation.rate > 0 else "0"
    ticks = _apart([(0.0, end), *zip(x[:-1], (f"{s:g}" for s in sizes), strict=True)])
    how = "no noise" if exact is not None else f"{stage.draws:,} draws or more each"
    first, second = relation.towards[-2:]
    note = f"leftmost: extrapolated from {size} {first:g} and {second:g}"
    axis = f"{size} (on a scale of its power {number(-relation.rate)})"
    return Picture(
        stage.subject.name,
        stage.subject.statement,
        tuple(series),
        x_label=axis,
        y_label=quantity(stage.form),
        residual_label="rel. diff.",
        line_name="limit",
        measured_name="measured",
        caption="; ".join([how, note, *_held(slicer, direction, labels)]),
        ticks=ticks,
    )


def _exponent(
    stage: Stage,
    relation: Exponent,
    slicer: Slicer,
    points: dict[str, np.ndarray],
    labels: Sequence[str],
    direction: Direction | None,
) -> Picture:
    """Means against sizes on logarithmic axes, with lines of the stated slope."""
    prepared = stage.prepared(slicer.case, points)
    target = prepared.target(stage.form)
    fitted = stage.measured(prepared, target)
    exact = prepared.exact
    if exact is not None:
        mean, error = exact.mean, np.zeros(exact.mean.shape)
    else:
        key = stream_key(*prepared.seed, "figure")
        moments = prepared.sampler.moments(key, stage.draws)
        mean, error = moments.mean, moments.standard_error
    x = np.asarray(relation.towards, float)
    shape = len(target), len(x), -1
    mean, error = mean.reshape(shape), error.reshape(shape)
    kept = [0] if len(labels) > 1 else chosen_entries(mean[0])
    series = []
    line_name, measured_name = "stated powers", "measured"
    for place, label in enumerate(labels):
        for entry in kept:
            y, bar = mean[place, :, entry], error[place, :, entry]
            power = target[place, entry]
            known = y > 0
            if not known.any():
                raise TallystickError(
                    f"{stage.subject.name} cannot be drawn over {relation.size}: the"
                    " mean is positive at no size"
                )
            start = np.mean(np.log(y[known]) - power * np.log(x[known]))
            line = np.exp(start + power * np.log(x))
            slope = fitted.value[place, entry], fitted.high[place, entry]
            named = entry_label(entry, prepared.form_shape) if len(kept) > 1 else label
            fit = with_error(*map(float, slope)).replace("-", MINUS)
            stated = f"{power:.4g}".replace("-", MINUS)
            if len(labels) * len(kept) == 1:
                line_name, measured_name = f"power {stated}", f"measured: {fit}"
            else:
                named = f"{named}: fitted {fit}, stated {stated}"
            gap = y / line - 1
            series.append(Series(named, x, line, x, y, bar, bar, gap, bar / line))
    return Picture(
        stage.subject.name,
        stage.subject.statement,
        tuple(series),
        x_label=symbol(relation.size),
        y_label=quantity(stage.bench.empirical),
        residual_label="rel. diff.",
        line_name=line_name,
        measured_name=measured_name,
        caption="; ".join([fitted.how, *_held(slicer, direction, labels)]),
        log_x=True,
        log_y=True,
        ticks=tuple((float(s), f"{s:g}") for s in x),
    )


def _held(slicer: Slicer, direction: Direction | None, labels) -> list[str]:
    """What the caption says of the points."""
    moved = direction if len(labels) > 1 else None
    held = slicer.held_values(moved)
    if len(labels) == 1 and direction is not None and labels[0]:
        held = {n: v for n, v in held.items() if n not in direction.moved}
        return [*filter(None, [f"at {labels[0]}", held_text(held)])]
    meaning = direction.meaning if direction else ""
    return [*filter(None, [meaning, held_text(held)])]


def _middle(relation: Limit) -> float | None:
    """A size between the two of a claim that has two, as even as they are."""
    if len(relation.towards) > 2:
        return None
    low, high = sorted(relation.towards)
    middle = math.sqrt(low * high)
    if not (isinstance(low, int) and isinstance(high, int)):
        return float(f"{middle:.3g}")
    for step in (math.gcd(low, high), math.gcd(low, high, 2), 1):
        size = step * round(middle / step)
        if low < size < high:
            return size
    return None


def _at_sizes(
    stage: Stage, prepared: Prepared, relation: Limit
) -> tuple[tuple[float, ...], Sampler]:
    """The sizes of a figure, and what draws the experiment at all of them."""
    sizes, middle = relation.towards, _middle(relation)
    tries = [sizes] if middle is None else [(sizes[0], middle, sizes[1]), sizes]
    for attempt, tried in enumerate(tries, 1):
        together = side_by_side(stage.bench.empirical, relation.size, tried)
        try:
            return tried, prepared.measure(together, directions=len(tried))
        except (TypeError, ValueError):  # The experiment may refuse other sizes.
            if attempt == len(tries):
                raise
    raise AssertionError("the sizes of the claim were not tried")


def _apart(ticks) -> tuple[tuple[float, str], ...]:
    """The ticks without those that would overlap; the first one stays."""
    reach = max(place for place, _ in ticks)
    kept: list[tuple[float, str]] = []
    for place, text in sorted(ticks, key=lambda tick: tick[0]):
        if not kept or place - kept[-1][0] > NEAR * reach:
            kept.append((float(place), text))
    return tuple(kept)
