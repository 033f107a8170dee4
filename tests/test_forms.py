"""Promises that every closed form keeps, tested at the points of its claim's domain."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from domain_points import KINKED_AT_ZERO, NUMBERS, points_of

from tallystick.catalogue import load_catalogue

ENTRIES = {entry.claim.name: entry.claim for entry in load_catalogue()[0]}
# Computed in single precision, whatever is asked for: so are its roundings.
SINGLE = {"ntk.deep_float32"}
# A value of order one keeps about this many units in the last place under jit and vmap.
ULPS = 64


def unoptimized(function):
    """Compiled for one run: what optimization would gain is less than what it costs.

    What is rewritten above the level of machine code stays as it is.
    """
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})


def given(claim, precision):
    """The form as a function of one point, the points, and their number."""
    static, points = points_of(claim)
    points = {
        n: jnp.asarray(v, precision if v.dtype.kind == "f" else None)
        for n, v in points.items()
    }

    def form(point):
        return claim.analytic(**static, **point)

    count = len(next(iter(points.values()))) if points else 1
    return form, points, count


def ends(function, points):
    """A function at the first and at the last point, one by one."""
    return [function({n: v[row] for n, v in points.items()}) for row in (0, -1)]


def values_and_gradients(form, points, count):
    """Both at all points; no gradients where there is nothing to differentiate."""
    first = {n: v[0] for n, v in points.items()}
    floats = {n for n, v in points.items() if v.dtype.kind == "f"}
    smooth = floats and jax.eval_shape(form, first).dtype.kind == "f"

    def both(point):
        value, gradients = form(point), None
        if smooth:
            rest = {n: v for n, v in point.items() if n not in floats}
            gradients = jax.grad(lambda part: jnp.sum(form(part | rest)))(
                {n: point[n] for n in floats}
            )
        return value, gradients

    return unoptimized(jax.vmap(both, axis_size=count))(points)


@pytest.mark.parametrize("name", ENTRIES)
def test_jit_and_vmap_change_nothing_and_gradients_are_finite(name, precision):
    form, points, count = given(ENTRIES[name], precision)
    values, gradients = values_and_gradients(form, points, count)
    # Outside of jit each operation is compiled by itself: the dearest part of all.
    single = form if precision == "float64" else unoptimized(form)
    rounded = "float32" if name in SINGLE else precision
    require_the_same(values, ends(single, points), rounded)
    # The dtype follows the inputs.
    if points:
        assert values.dtype == precision or values.dtype.kind in "iub"
    if gradients is None:
        assert name in NUMBERS
    else:
        require_finite(gradients, points, KINKED_AT_ZERO.get(name, ()))


@pytest.mark.slow
@pytest.mark.parametrize("name", ENTRIES)
def test_jit_and_vmap_change_nothing_in_single_precision_either(name):
    form, points, count = given(ENTRIES[name], "float32")
    values = jax.jit(jax.vmap(form, axis_size=count))(points)
    require_the_same(values, ends(form, points), "float32")


def require_the_same(values, alone, precision):
    """Under jit and vmap the first and the last value are as they are without."""
    eps = np.finfo(precision).eps
    for batched, single in zip((values[0], values[-1]), alone, strict=True):
        single = np.asarray(single, np.float64)
        scale = max(np.abs(single).max(initial=0.0), np.finfo(precision).tiny)
        gap = np.abs(np.asarray(batched, np.float64) - single)
        assert (gap <= ULPS * eps * max(scale, 1.0)).all()


def require_finite(gradients, points, kinked):
    """Gradients are finite at every corner, but for known kinks."""
    for parameter, gradient in gradients.items():
        finite = jnp.isfinite(gradient.reshape(len(gradient), -1)).all(axis=1)
        if parameter in kinked:
            zero = jnp.linalg.norm(points[parameter], axis=1) == 0
            assert (finite == ~zero).all(), parameter
            assert zero.any(), "the corner is missing"
        else:
            assert finite.all(), parameter
