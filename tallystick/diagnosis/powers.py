"""The wrong power of a norm or of a scalar parameter, or of the formula as a whole.

The logarithm of measured / formula is regressed on the logarithms of the sizes of the
parameters over the points; exponents near a multiple of 1/2 are then tried on all
outputs. A factor that varies with a parameter shows here, and nowhere as one factor.
A wrong constant inside of an exponential makes the mean a power of the formula.
"""

import fractions
import itertools
import math

import numpy as np

from tallystick.diagnosis.evidence import REACH, Evidence, fit
from tallystick.diagnosis.explanation import (
    Explanation,
    number,
    parameter_cost,
    settled,
)

__all__ = ["features", "powers", "whole_power"]

CLEAR = 5.0
"""Outputs enter the regression if they are this many errors from zero."""
LARGEST_POWER = 4.0
MOST_FEATURES = 6
WHOLE_POWERS = {
    **{float(n): str(n) for n in (2, 3, 4)},
    **{float(-n): f"(-{n})" for n in (1, 2)},
    **{1 / n: f"(1/{n})" for n in (2, 3, 4)},
    **{a / b: f"({a}/{b})" for a, b in ((2, 3), (3, 2), (-1, 2))},
}
"""Powers of the formula that are tried, by value."""
LEAST_GAP = 1 / 12
"""Between two of them."""
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


def whole_power(evidence: Evidence) -> list[Explanation]:
    """The means are a power of the formula, as if it were exp(2 f) and not exp(f)."""
    mean, target = evidence.mean.ravel(), evidence.target.ravel()
    clear = np.minimum(mean, target) > CLEAR * evidence.scale
    if not (target > 0).all() or clear.sum() < 4:
        return []
    logs, error = np.log(target[clear]), evidence.scale[clear] / mean[clear]
    design = np.column_stack([logs, np.ones(len(logs))])
    if np.linalg.cond(design) > 1e6:
        return []
    gains = np.linalg.pinv(design / error[:, None])
    slope = float((gains @ (np.log(mean[clear]) / error))[0])
    reach = REACH * float(np.linalg.norm(gains[0]))
    nearest = min(WHOLE_POWERS, key=lambda k: abs(k - slope))
    if reach > LEAST_GAP or abs(nearest - slope) > 0.02 + reach:
        return []
    column = target**nearest
    found = fit(evidence, column)
    # With a factor as well it would be two mistakes at once, which much else can be.
    if found is None or not found.good or not found.near(1.0):
        return []
    kept, _ = settled(evidence, found, column)
    power = f"formula^{WHOLE_POWERS[nearest]}"
    text = (
        f"empirical = {power} at every point: as from a wrong factor"
        f" {_fraction(1 / nearest)} in an exponent"
    )
    suggestion = f"take {power}: multiply what is in an exponent by"
    suggestion += f" {WHOLE_POWERS[nearest].strip('()')}"
    cost = 3.0 + math.log(len(WHOLE_POWERS))
    return [Explanation("power", f"a power, {power}", text, suggestion, cost, kept)]


def _fraction(value: float) -> str:
    """A simple ratio in words."""
    return str(fractions.Fraction(value).limit_denominator(4))


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
