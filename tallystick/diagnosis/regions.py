"""Only some outputs are wrong, or only some points.

A place is named only if everything outside it agrees, everything inside disagrees, and
an error of the size seen inside would have been noticed everywhere outside: an error
that merely shrinks with a parameter is not one that is confined to a region.
"""

import math

import numpy as np

from tallystick.diagnosis.constants import with_error
from tallystick.diagnosis.evidence import Evidence, Fit, fit
from tallystick.diagnosis.explanation import (
    Explanation,
    number,
    parameter_cost,
    settled,
)
from tallystick.diagnosis.powers import features

__all__ = ["regions"]

MARGIN = 5.0
"""How many errors an error of the size seen inside must be, outside."""
ANGLE = 1e-6
FEWEST_ROWS = 2
FEWEST_POINTS = 4
"""Points outside that must agree for a region to be named."""


def regions(evidence: Evidence) -> list[Explanation]:
    """Explanations by a place outside which the formula is right."""
    wrong = np.abs(evidence.gap) > evidence.limit
    if not wrong.any() or wrong.all():
        return []
    shape = evidence.mean.shape
    places = [("outputs", n, m) for n, m in _outputs(evidence.value_shape)]
    inside = [(k, n, np.broadcast_to(m, shape)) for k, n, m in places]
    points = np.asarray(wrong.reshape(shape).any(axis=1))
    for name, at in _points(evidence, points):
        inside.append(("region", name, np.broadcast_to(at[:, None], shape)))
    found = [_confined(evidence, *place, len(inside)) for place in inside]
    return [e for e in found if e is not None]


def _outputs(shape: tuple[int, ...]):
    """Names and masks of groups of outputs, flattened."""
    if len(shape) == 2:
        rows, columns = np.indices(shape)
        if shape[0] == shape[1] > 1:
            yield "on the diagonal", (rows == columns).ravel()
            yield "off the diagonal", (rows != columns).ravel()
            yield "below the diagonal", (rows > columns).ravel()
            yield "above the diagonal", (rows < columns).ravel()
        if shape[0] >= FEWEST_ROWS and shape[1] > 1:
            for row in range(min(shape[0], 16)):
                yield f"in row {row}", (rows == row).ravel()
        if shape[1] >= FEWEST_ROWS and shape[0] > 1:
            for column in range(min(shape[1], 16)):
                yield f"in column {column}", (columns == column).ravel()
    size = math.prod(shape)
    for output in range(size) if 1 < size <= 256 else ():
        index = [int(i) for i in np.unravel_index(output, shape)]
        shown = index[0] if len(index) == 1 else index
        yield f"in output {shown}", np.arange(size) == output


def _points(evidence: Evidence, wrong: np.ndarray):
    """Names and masks of groups of points."""
    if wrong.all() or not wrong.any():
        return
    for name, values in evidence.points.items():
        if values.ndim > 1:
            zero = ~np.any(values.reshape(len(values), -1), axis=1)
            if zero.any() and not zero.all():
                yield f"where {name} is zero", zero
    angle, pair = _angle(evidence)
    if angle is not None:
        for name, mask in {
            "zero": angle < ANGLE,
            "pi": angle > math.pi - ANGLE,
            "zero or pi": np.minimum(angle, math.pi - angle) < ANGLE,
            "a right angle": np.abs(angle - math.pi / 2) < ANGLE,
        }.items():
            if mask.any() and not mask.all():
                yield f"where the angle between {pair} is {name}", mask
        yield from _ends(f"the angle between {pair}", angle, wrong)
    ordered = {n: v for n, v in features(evidence).items() if not n.startswith("(1 -")}
    signed = {
        n: v for n, v in evidence.points.items() if v.ndim == 1 and v.dtype.kind == "f"
    }
    for name, values in {**ordered, **signed}.items():
        yield from _ends(name, values, wrong)


def _angle(evidence: Evidence):
    """The angle between the first two vectors alike, nan where one is zero."""
    vectors = [
        (n, v)
        for n, v in evidence.points.items()
        if v.ndim == 2 and v.shape[1] > 1 and v.dtype.kind == "f"
    ]
    if len(vectors) < 2 or vectors[0][1].shape != vectors[1][1].shape:
        return None, ""
    (a, x), (b, y) = vectors[:2]
    with np.errstate(all="ignore"):
        u = x / np.linalg.norm(x, axis=1, keepdims=True)
        v = y / np.linalg.norm(y, axis=1, keepdims=True)
        # Exact near 0 and pi, where arccos is not.
        angle = 2 * np.arctan2(
            np.linalg.norm(u - v, axis=1), np.linalg.norm(u + v, axis=1)
        )
    return angle, f"{a} and {b}"


def _ends(name: str, values: np.ndarray, wrong: np.ndarray):
    """The wrong points, if they are those above or below a threshold."""
    known = np.isfinite(values)
    inside, outside = values[wrong & known], values[~wrong & known]
    if not known[wrong].all() or not inside.size:
        return
    if np.unique(outside).size < FEWEST_POINTS:
        return  # An error that vanishes at the end of a range has no region.
    if inside.min() > outside.max():
        yield _rule(name, ">", outside.max(), inside.min()), wrong
    elif inside.max() < outside.min():
        yield _rule(name, "<", inside.max(), outside.min()), wrong


def _rule(name: str, sign: str, low: float, high: float) -> str:
    """A threshold between two values, with no more digits than it needs."""
    middle = (low + high) / 2
    for digits in range(1, 8):
        rounded = float(f"{middle:.{digits}g}")
        if low < rounded < high:
            return f"where {name} {sign} {rounded:g}"
    return f"where {name} {sign} {middle:.6g}"


def _confined(
    evidence: Evidence, kind: str, name: str, mask: np.ndarray, count: int
) -> Explanation | None:
    inside, gap = mask.ravel(), np.abs(evidence.gap)
    target = evidence.target.ravel()
    limit = evidence.limit
    if inside.all() or not inside.any() or (gap[~inside] > limit).any():
        return None
    # Inside: wrong at every point of a group of outputs, or in some output of a point.
    axis = 1 if kind == "region" else 0
    held = np.where(mask, gap.reshape(mask.shape), 0.0)
    some = mask.any(axis=axis)
    wrong = held.max(axis=axis)[some] > limit
    if not wrong.all():
        return None
    if not _noticeable(evidence, mask, axis):
        return None
    indicator = inside.astype(float)
    # Everything inside is free, so that what is outside decides.
    free = np.where(inside, evidence.mean.ravel(), target)
    outside = evidence.leaves_noise(free, ~inside)
    if not outside.good:
        return None
    best: tuple[float, str, str, Fit] | None = None
    for noun, column, start in (
        ("factor", target * indicator, target * (1 - indicator)),
        ("constant", indicator, target),
    ):
        found = fit(evidence, column, start)
        if found is None or not found.good or inside.sum() < 2:
            continue
        neutral = 1.0 if noun == "factor" else 0.0
        kept, guess = settled(evidence, found, column, start, neutral=neutral)
        value, error = found.value, found.error
        shown = number(evidence, value, error)
        known = guess.best.name if guess.best else ""
        if noun == "factor":
            how = f", off by the factor {known or shown}"
            advice = f"multiply it by {known or shown} there"
        else:
            how = f", off by the constant {known or shown}"
            advice = f"add {known or shown} there"
        cost = parameter_cost(value, error, guess)
        if best is None or cost + kept.misfit / 2 < best[0] + best[3].misfit / 2:
            best = cost, how, advice, kept
    cost, how, advice, kept = best or (
        4.0 * min(int(inside.sum()), 10),
        "",
        "look at the formula there",
        outside,
    )
    right = _others(evidence, kind, mask)
    text = f"wrong only {name}{how}; {right}"
    cost += 3.0 + math.log(count)
    return Explanation(
        kind, f"only {name}{how}", text, f"{advice} ({name})", cost, kept
    )


def _others(evidence: Evidence, kind: str, mask: np.ndarray) -> str:
    if kind == "region":
        count, total = int((~mask.any(axis=1)).sum()), len(mask)
        return f"agrees at the other {count} of {total} points"
    del evidence
    count, total = int((~mask[0]).sum()), mask.shape[1]
    return f"the other {count} of {total} outputs agree"


def _noticeable(evidence: Evidence, mask: np.ndarray, axis: int) -> bool:
    """Whether an error as large as the least inside would be seen everywhere outside.

    Relative to the size of a point (or of an output, over the points); where both sides
    are zero nothing can be said.
    """
    size = np.maximum(np.abs(evidence.target), np.abs(evidence.mean))
    scale = evidence.scale.reshape(size.shape)
    gap = np.abs(evidence.gap).reshape(size.shape) * scale

    def pooled(values: np.ndarray, at: np.ndarray) -> np.ndarray:
        return np.sqrt((np.where(at, values, 0.0) ** 2).sum(axis=axis))

    with np.errstate(all="ignore"):
        seen = pooled(gap, mask) / pooled(size, mask)
        resolution = pooled(scale, ~mask) / pooled(size, ~mask)
    inside, outside = mask.any(axis=axis), (~mask).any(axis=axis)
    clear = outside & (resolution < 1 / MARGIN)
    if clear.sum() < max(outside.sum() / 2, 1):
        return False
    if axis == 1 and clear.sum() < FEWEST_POINTS:
        return False
    return bool(seen[inside].min() > 2 * MARGIN * resolution[clear].max())


def spread_of(evidence: Evidence) -> str:
    """How many points agree, and between what the ratio runs: when nothing explains."""
    agree = (np.abs(evidence.gap) <= evidence.limit).reshape(evidence.mean.shape)
    count, total = int(agree.all(axis=1).sum()), len(agree)
    text = f"agrees at {count} of {total} points"
    clear = np.abs(evidence.target.ravel()) > MARGIN * evidence.scale
    if clear.any():
        with np.errstate(all="ignore"):
            ratio = evidence.mean.ravel()[clear] / evidence.target.ravel()[clear]
            error = evidence.scale[clear] / np.abs(evidence.target.ravel()[clear])
        low, high = int(np.argmin(ratio)), int(np.argmax(ratio))
        ends = (
            f"{r:.4g}" if evidence.exact else with_error(float(r), float(e))
            for r, e in ((ratio[low], error[low]), (ratio[high], error[high]))
        )
        text += f"; the ratio empirical / formula runs from {' to '.join(ends)}"
    return text
