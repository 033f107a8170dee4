"""Promises that every closed form keeps, tested at the points of its claim's domain."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tallystick import Distribution
from tallystick.catalogue import load_catalogue

ENTRIES = {entry.claim.name: entry.claim for entry in load_catalogue()[0]}
# Not differentiable at a zero vector, where the slope depends on the direction from
# which zero is approached: nan there and nowhere else, in these parameters only.
KINKED_AT_ZERO = {
    "gate.mean": {"weight"},
    "relu2.kernel": {"x", "y"},
    "relu1.loss": {"student"},
}
# A value of order one keeps about this many units in the last place under jit and vmap.
ULPS = 64


def points_of(claim, count=4):
    """The static parameters, and a few points with all corners among them."""
    case = claim.domain.cases()[0]
    points = claim.domain.points(case, 0, count)
    if isinstance(claim.relation, Distribution):
        # A distribution function of a number takes a value besides.
        rows = len(next(iter(points.values())))
        points[claim.relation.argument] = np.linspace(-0.5, 0.5, rows)
    return case.static, points


def differentiable(points):
    return {n: v for n, v in points.items() if v.dtype.kind == "f"}


@pytest.mark.parametrize("name", ENTRIES)
def test_dtype_follows_the_inputs_and_jit_and_vmap_change_nothing(name, precision):
    claim = ENTRIES[name]
    static, points = points_of(claim)
    points = {
        n: jnp.asarray(v, precision if v.dtype.kind == "f" else None)
        for n, v in points.items()
    }

    def form(point):
        return claim.analytic(**static, **point)

    count = len(next(iter(points.values()))) if points else 1
    batched = jax.jit(jax.vmap(form, axis_size=count))(points)
    if points:
        assert batched.dtype == precision or batched.dtype.kind in "iub"
    eps = np.finfo(precision).eps
    for row in (0, count - 1):
        point = {n: v[row] for n, v in points.items()}
        alone = np.asarray(form(point), np.float64)
        scale = max(np.abs(alone).max(initial=0.0), np.finfo(precision).tiny)
        gap = np.abs(np.asarray(batched[row], np.float64) - alone)
        assert (gap <= ULPS * eps * max(scale, 1.0)).all()


@pytest.mark.parametrize("name", ENTRIES)
def test_gradients_are_finite_at_every_corner(name, precision):
    claim = ENTRIES[name]
    static, points = points_of(claim)
    points = {n: jnp.asarray(v, precision) for n, v in differentiable(points).items()}
    value = jax.eval_shape(
        lambda point: claim.analytic(**static, **point),
        {n: v[0] for n, v in points.items()},
    )
    if not points or value.dtype.kind != "f":
        # Nothing to differentiate: an integer, or no array among the parameters.
        numbers = ("sphere.relu_eigs", "sphere.times_t", "sphere.circle")
        numbers += ("sphere.decay", "hermite.information_exponent")
        numbers += ("hermite.derivative", "hermite.coefficient_table")
        assert name in (*numbers, "hermite.coefficients")
        return

    def total(point):
        return jnp.sum(claim.analytic(**static, **point))

    gradients = jax.jit(jax.vmap(jax.grad(total)))(points)
    for parameter, gradient in gradients.items():
        finite = jnp.isfinite(gradient.reshape(len(gradient), -1)).all(axis=1)
        if parameter in KINKED_AT_ZERO.get(name, ()):
            zero = jnp.linalg.norm(points[parameter], axis=1) == 0
            assert (finite == ~zero).all(), parameter
            assert zero.any(), "the corner is missing"
        else:
            assert finite.all(), parameter
