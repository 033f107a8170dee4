"""Measuring along a slice: the engine's values there, and how far the form is off."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from empirical.montecarlo import Layout, Sampler, stream_key
from tallystick.bench import Bench, Prepared, Settings
from tallystick.claim import Claim, as_expectation
from tallystick.decide.power import PowerFit, PowerWeights
from tallystick.domain import Case
from tallystick.figures.slices import Slicer
from tallystick.figures.subject import Subject
from tallystick.forms import evaluate_forms
from tallystick.relations import Bound, Exponent, Identity, MeanBound

__all__ = ["Measured", "Stage", "difference"]

ROUNDING = 1e-9
"""Smallest standard error that counts, relative to the largest value."""


@dataclass(frozen=True)
class Measured:
    """Values at the points of a slice, arrays of shape (points, outputs).

    Attributes:
        value: What was measured.
        low: How far error bars reach down.
        high: How far they reach up.
        exact: Whether there is no sampling error.
        how: How it was measured, in words.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    exact: bool
    how: str


class Stage:
    """A subject with its bench, ready to be measured at points of any slice.

    Args:
        subject: What is drawn.
        settings: The seed, and how experiments are compiled.
        draws: Draws at each point where the mean is sampled.
    """

    def __init__(self, subject: Subject | Claim, settings: Settings, draws: int):
        self.subject, self.settings, self.draws = subject, settings, draws
        empirical = as_expectation(subject.empirical)
        self.form, self.relation = subject.analytic, subject.relation
        self.bench = Bench(
            subject.name,
            empirical,
            subject.domain,
            subject.relation,
            settings,
            [subject.analytic],
        )
        self.cases = [case for case in subject.domain.cases() if case.main]

    def slicer(self, case: Case) -> Slicer:
        """The slices of one case; arrays of one shape are the same in all cases."""
        key = stream_key(self.settings.seed, self.subject.name, "slices")
        return Slicer(self.subject.domain, case, key)

    def prepared(self, case: Case, points: Mapping[str, np.ndarray]) -> Prepared:
        """The points of a slice, made ready as those of a check are."""
        layout = Layout(self.bench.experiment, points, case.static)
        seed = (self.settings.seed, self.subject.name, "slice", case.label())
        return Prepared(self.bench, case, layout, points, seed)

    def line(self, case: Case, points: Mapping[str, np.ndarray]) -> np.ndarray:
        """The closed form at any number of points, shape (points, outputs)."""
        layout = Layout(self.bench.experiment, points, case.static)
        sampler = Sampler(layout, points)
        shape = sampler.value_shape
        if isinstance(self.relation, Exponent):
            shape = shape[1:]
        return evaluate_forms([self.form], case, points, sampler, shape)[0]

    def measured(
        self, prepared: Prepared, target: np.ndarray, *, sample: bool = False
    ) -> Measured:
        """What the experiment gives at the points.

        Args:
            prepared: The points.
            target: The closed form there, shape (points, outputs).
            sample: Whether to sample a mean also where it could be had exactly.
        """
        if isinstance(self.relation, Bound):
            return _closest(prepared.values, self.relation)
        if isinstance(self.relation, Identity):
            return _farthest(prepared.values, target)
        exact = None if sample else prepared.exact
        if exact is not None:
            mean, error, how = exact.mean, np.zeros(exact.mean.shape), ""
            how = f"exact: {exact.method}"
            if not prepared.sampler.layout.sizes:
                how = "no noise"
        else:
            key = stream_key(*prepared.seed, "figure")
            moments = prepared.sampler.moments(key, self.draws)
            mean, error = moments.mean, moments.standard_error
            how = f"{moments.count:,} draws a point, the same for all points"
        if isinstance(self.relation, Exponent):
            mean, error = _slopes(mean, error, self.relation, target.shape)
        return Measured(mean, error, error, exact is not None, how)


def difference(
    found: Measured, target: np.ndarray, scale: np.ndarray, relation: Any
) -> np.ndarray:
    """What the lower panel shows: standard errors, or relative where there are none.

    Of a bound it is how far the closest draw lies on the right side.

    Args:
        found: What was measured, shape (points, outputs).
        target: The closed form there.
        scale: Largest size of each output on the slice.
        relation: The relation.
    """
    gap = found.value - target
    if isinstance(relation, (Bound, MeanBound)) and relation.side == "upper":
        gap = -gap
    if found.exact:
        return gap / np.where(scale > 0, scale, 1.0)
    return gap / np.maximum(found.high, ROUNDING * np.where(scale > 0, scale, 1.0))


def _closest(values: np.ndarray, relation: Bound) -> Measured:
    """The draw closest to the bound, with a bar to the median."""
    lower = relation.side == "lower"
    value = values.min(axis=0) if lower else values.max(axis=0)
    reach = np.abs(np.median(values, axis=0) - value)
    none = np.zeros(value.shape)
    low, high = (none, reach) if lower else (reach, none)
    how = "no noise"
    if len(values) > 1:
        how = f"the closest of {len(values)} draws, bars to their median"
    return Measured(value, low, high, True, how)


def _farthest(values: np.ndarray, target: np.ndarray) -> Measured:
    """The draw that differs most from the form, with a bar over all draws."""
    index = np.abs(values - target).argmax(axis=0)[None]
    value = np.take_along_axis(values, index, axis=0)[0]
    low, high = value - values.min(axis=0), values.max(axis=0) - value
    how = "no noise"
    if len(values) > 1:
        how = f"the farthest of {len(values)} draws"
    return Measured(value, low, high, True, how)


def _slopes(mean, error, relation: Exponent, shape) -> tuple[np.ndarray, np.ndarray]:
    """Fitted exponents and their errors, the sizes along the first axis of a value."""
    by_size = len(mean), len(relation.towards), -1
    mean, error = (np.moveaxis(a.reshape(by_size), 1, 2) for a in (mean, error))
    with np.errstate(all="ignore"):  # A mean may be zero or negative.
        weights = PowerWeights.of(relation.towards, error / mean)
        fit = PowerFit.of(weights, mean, error)
    return fit.slope.reshape(shape), fit.error.reshape(shape)
