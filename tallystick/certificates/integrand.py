"""Certificates of an integrand, found by following its program."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr

from empirical.montecarlo import (
    Bernoulli,
    Categorical,
    Law,
    Layout,
    Normal,
    Permutation,
    Rademacher,
    Sphere,
    Uniform,
)
from empirical.montecarlo.names import call_by_name
from empirical.montecarlo.program import run, trace
from tallystick.certificates.arithmetic import Interval, interval_of
from tallystick.certificates.bounds import (
    Bounded,
    Certificate,
    Lipschitz,
    Polynomial,
    VarianceBound,
)
from tallystick.certificates.degree import degree, largest_kurtosis
from tallystick.certificates.growth import moment_bounds
from tallystick.certificates.intervals import evaluate
from tallystick.certificates.lipschitz import slopes

__all__ = ["Traced", "certify", "traced"]

HIGHEST_DEGREE = 6
"""Beyond, the bound on the kurtosis is too large to be of use."""


@dataclass(frozen=True)
class Traced:
    """The program of an integrand at a batch of points, ready to be followed.

    Attributes:
        program: From the parameters and the noise to values of shape (points, outputs).
        laws: The law of each input; None for parameters.
        ranges: The range of each input.
    """

    program: ClosedJaxpr
    laws: list[Law | None]
    ranges: list[Interval]

    def are(self, *kinds: type[Law]) -> list[bool]:
        """For each input, whether it is noise of one of these kinds."""
        return [isinstance(law, kinds) for law in self.laws]


def certify(
    layout: Layout, points: Mapping[str, Any], variance_bound: float | None = None
) -> Certificate | None:
    """The strongest certificate that the program of an integrand gives.

    Args:
        layout: The integrand and the laws of its noise.
        points: The array parameters, with a leading axis for the points.
        variance_bound: Declared bound on the variance of every output; used where the
            program alone gives no radius.

    Returns:
        A certificate for the outputs at all points, flattened; None if the program
        cannot be followed. One without words knows nothing about the tails.
    """
    try:
        found = _from_program(layout, points, estimate=variance_bound is None)
    except Exception:  # Whatever a program does: it can be judged without certificate.
        found = None
    if variance_bound is None or isinstance(found, (Bounded, Lipschitz)):
        return found
    declared = np.sqrt(variance_bound)
    if isinstance(found, VarianceBound) and (found.deviation <= declared).all():
        return found
    count = len(next(iter(points.values()))) if points else 1
    deviation, fourth = np.full(count * layout.value_size, declared), None
    if isinstance(found, VarianceBound):
        deviation = np.minimum(deviation, found.deviation)
        fourth = found.fourth
    words = f"variance at most {variance_bound:g}, declared"
    low, high = (found.low, found.high) if found else (None, None)
    return VarianceBound(words, deviation, fourth, low=low, high=high)


def _from_program(
    layout: Layout, points: Mapping[str, Any], *, estimate: bool
) -> Certificate | None:
    whole = traced(layout, points)
    if whole is None:
        return None
    with np.errstate(all="ignore"):
        (found,) = run(whole.program, whole.ranges, evaluate)
        interval = interval_of(found)
        certificate = _of_tails(whole, interval, estimate=estimate) or Certificate("")
        return replace(
            certificate, low=interval.low.ravel(), high=interval.high.ravel()
        )


def _of_tails(
    whole: Traced, interval: Interval, *, estimate: bool
) -> Certificate | None:
    """The strongest certificate about the tails, given the ranges of the outputs."""
    if np.isfinite(interval.low).all() and np.isfinite(interval.high).all():
        low, high = interval.low.min(), interval.high.max()
        return Bounded(
            f"bounded in [{_short(low)}, {_short(high)}]",
            (interval.high - interval.low).ravel(),
        )
    noise = sum(law is not None for law in whole.laws)
    order = None
    if sum(whole.are(Normal, Rademacher)) == noise:
        order = degree(whole.program, whole.are(Normal, Rademacher))
    # A polynomial of a higher degree has no bounded gradient.
    if sum(whole.are(Normal)) == noise and order in (None, 0, 1):
        slope = slopes(whole.program, whole.ranges, whole.are(Normal))
        if slope is not None:
            most = f"slope at most {slope.max():.3g} in normal noise"
            return Lipschitz(most, slope.ravel())
    if estimate and order is not None and order <= HIGHEST_DEGREE:
        normal = sum(whole.are(Normal)) == noise
        kurtosis = largest_kurtosis(order, normal=normal)
        return Polynomial(f"a polynomial of degree {order}", kurtosis)
    bounds = moment_bounds(whole.program, whole.ranges, whole.are(Normal))
    if bounds is not None and np.isfinite(bounds).all():
        most = f"standard deviation at most {bounds[0].max():.3g}"
        return VarianceBound(most, *(b.ravel() for b in bounds))
    return None


def traced(layout: Layout, points: Mapping[str, Any]) -> Traced | None:
    """The program of an integrand with the ranges of its inputs.

    Returns:
        None if some noise has no range, as a key.
    """
    count = len(next(iter(points.values()))) if points else 1
    inputs: dict[str, Any] = {}
    ranges: dict[str, Interval] = {}
    axes: dict[str, int | None] = {}
    for name, value in points.items():
        array = np.asarray(value)
        inputs[name] = jax.ShapeDtypeStruct(array.shape, array.dtype)
        ranges[name], axes[name] = Interval.known(array), 0
    laws = layout.expectation.laws
    for name, law in laws.items():
        shape = layout.shapes[name]
        rows = range(count if law.settings else 1)
        ends = [_ends(law, shape, layout, points, row) for row in rows]
        if ends[0] is None:
            return None
        whole = isinstance(law, (Categorical, Permutation))
        # The range of a law with settings may depend on the point.
        lead = (count,) if law.settings else ()
        bounds = np.array(ends if law.settings else ends[0]).T
        low, high = (
            np.broadcast_to(b.reshape((*lead, *(1,) * len(shape))), (*lead, *shape))
            for b in bounds
        )
        ranges[name] = Interval(low, high)
        axes[name] = 0 if law.settings else None
        inputs[name] = jax.ShapeDtypeStruct(
            (*lead, *shape), np.int32 if whole else np.float64
        )

    def one(values: Mapping[str, Any]) -> jax.Array:
        value = layout.expectation(**layout.static, **values)
        return jnp.ravel(value).astype(jnp.float64)

    over_points = jax.vmap(one, (axes,), axis_size=count)
    program = trace(lambda **values: over_points(values), inputs)
    names = sorted(inputs)
    return Traced(program, [laws.get(n) for n in names], [ranges[n] for n in names])


def _ends(
    law: Law,
    shape: tuple[int, ...],
    layout: Layout,
    points: Mapping[str, Any],
    row: int,
) -> tuple[float, float] | None:
    """Least and largest value of one element of the noise, at one point."""
    if isinstance(law, Normal):
        return -np.inf, np.inf
    if isinstance(law, (Rademacher, Sphere)):
        return -1.0, 1.0
    if isinstance(law, Bernoulli):
        return 0.0, 1.0
    if isinstance(law, Categorical):
        return 0.0, float(law.probabilities.size - 1)
    if isinstance(law, Permutation):
        return 0.0, float(shape[0] - 1)
    if isinstance(law, Uniform):
        point = {name: value[row] for name, value in points.items()}
        given = {**layout.static, **point}
        with jax.enable_x64(True):
            low, high = (float(call_by_name(s, given)) for s in law.settings)
        return min(low, high), max(low, high)
    return None


def _short(number: float) -> str:
    """An end without the margin of its rounding, and without the sign of a zero."""
    return f"{float(f'{number:.6g}') + 0.0:.4g}"
