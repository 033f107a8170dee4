"""The wrong power of a norm or of a scalar parameter, with a constant factor.

The logarithm of measured / formula is regressed on the logarithms of the sizes of the
parameters over the points; exponents near a multiple of 1/2 are then tried on all
outputs. A factor that varies with a parameter shows here, and nowhere as one factor.
"""

import itertools
import math

import numpy as np

from tallystick.diagnosis.evidence import Evidence, fit
from tallystick.diagnosis.explanation import (
    Explanation,
    number,
    parameter_cost,
    settled,
)

__all__ = ["features", "powers"]

CLEAR = 5.0
"""Outputs enter the regression if they are this many errors from zero."""
LARGEST_POWER = 4.0
MOST_FEATURES = 6
SPREAD = 0.05
"""Least deviation of a feature's logarithm over the points."""


def features(evidence: Evidence) -> dict[str, np.ndarray]:
    """Norms of the arrays, scalars p and 1 - p, one value a point, not negative."""
    found = {}
    for name, values in evidence.points.items():
        if values.dtype.kind != "f":
            continue
        if values.ndim > 1:
            flat = values.reshape(len(values), -1)
            found[f"|{name}|"] = np.linalg.norm(flat, axis=1)
            continue
        low, high = float(values.min()), float(values.max())
        found[name if low >= 0 else f"|{name}|"] = np.abs(values)
        if low >= 0 and high <= 1:
            found[f"(1 - {name})"] = 1 - values
    return dict(itertools.islice(found.items(), MOST_FEATURES))


def powers(evidence: Evidence) -> list[Explanation]:
    """One parameter's power is wrong, or the powers of two."""
    ratios = _log_ratios(evidence)
    if ratios is None:
        return []
    point = ratios[0]
    known = {
        name: values
        for name, values in features(evidence).items()
        if (values[point] > 0).all() and np.log(values[point]).std() > SPREAD
    }
    single = list(itertools.combinations(known, 1))
    found = [_power(evidence, known, names, ratios, len(known)) for names in single]
    good = [e for e in found if e is not None]
    if good:
        return good
    pairs = list(itertools.combinations(known, 2))
    found = [_power(evidence, known, names, ratios, len(pairs)) for names in pairs]
    return [e for e in found if e is not None]


def _log_ratios(evidence: Evidence):
    """Point number, log ratio and its error, for the outputs where both are clear."""
    mean, target = evidence.mean.ravel(), evidence.target.ravel()
    clear = (np.abs(mean) > CLEAR * evidence.scale) & (
        np.abs(target) > CLEAR * evidence.scale
    )
    if clear.sum() < 4:
        return None
    ratio = mean[clear] / target[clear]
    if (ratio > 0).any() and (ratio < 0).any():
        return None
    point = np.repeat(np.arange(len(evidence.mean)), evidence.mean.shape[1])[clear]
    error = evidence.scale[clear] / np.abs(mean[clear])
    return point, np.log(np.abs(ratio)), np.maximum(error, 1e-12)


def _power(evidence, known, names, ratios, count) -> Explanation | None:
    point, log_ratio, error = ratios
    # Equal weights: the error bars matter less than the spread of the parameters.
    columns = np.stack([np.log(known[n][point]) for n in names], axis=1)
    design = np.column_stack([columns, np.ones(len(point))])
    if len(point) < design.shape[1] + 2 or np.linalg.cond(design) > 1e6:
        return None
    gains = np.linalg.pinv(design / error[:, None])
    slopes = (gains @ (log_ratio / error))[: len(names)]
    errors = np.linalg.norm(gains, axis=1)[: len(names)]
    exponents = np.round(2 * slopes) / 2
    near = np.abs(slopes - exponents) <= 0.05 + 4 * errors
    sizes = np.abs(exponents)
    if not near.all() or (sizes < 0.5).any() or (sizes > LARGEST_POWER).any():
        return None
    with np.errstate(all="ignore"):
        scale = np.prod(
            [known[n] ** k for n, k in zip(names, exponents, strict=True)], 0
        )
    # Where the factor is not defined, the formula must be zero as it stands.
    column = evidence.target * np.where(np.isfinite(scale), scale, 0.0)[:, None]
    found = fit(evidence, column.ravel())
    if found is None or not found.good:
        return None
    kept, guess = settled(evidence, found, column)
    if found.near(0.0):
        return None
    power = " ".join(_powered(n, k) for n, k in zip(names, exponents, strict=True))
    shown = " ".join(
        f"{n}^{number(evidence, float(s), float(e))}"
        for n, s, e in zip(names, slopes, errors, strict=True)
    )
    value, error_bar = found.value, found.error
    factor = number(evidence, value, error_bar)
    constant = guess.best.name if guess.best else factor
    one = found.near(1.0)
    extra = "" if one else f" and by the factor {constant}"
    text = f"empirical / formula varies as {shown}: off by {power}{extra}"
    times = power if one else f"{constant} {power}"
    cost = 3.0 + math.log(max(count, 1)) + float(np.log(2 * sizes + 1).sum())
    if not one:
        cost += parameter_cost(value, error_bar, guess)
    suggestion = f"multiply the formula by {times}"
    return Explanation("power", f"off by {power}{extra}", text, suggestion, cost, kept)


def _powered(name: str, exponent: float) -> str:
    if exponent == 1:
        return name
    whole = f"{exponent:g}" if exponent > 0 else f"({exponent:g})"
    return f"{name}^{whole}"
