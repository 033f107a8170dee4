"""Gradients at the corners of the claims' domains are those of the closed forms.

Automatic differentiation is compared with differences of the form itself, in double
precision: at a kink with the mean of the slopes that meet there, which is what the
docstrings promise, and at an end of the domain from inside.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from domain_points import KINKED_AT_ZERO, NUMBERS, points_of

from analytic import arc_cosine, neural_tangent, relu_gradient
from benchmarks.accuracy import corners
from tallystick.catalogue import load_catalogue

CLAIMS = {entry.claim.name: entry.claim for entry in load_catalogue()[0]}
STEP = 1e-6
OFFSETS = STEP * np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
# The slopes are relative to the size of a parameter, and their errors relative to
# themselves or to the largest value: for central differences, and for those from
# inside, which are worse by the root of the step where the form ends in a power 3/2.
CENTRAL, INSIDE = (1e-4, 3e-6), (1e-3, 3e-4)

# In a zero vector there is no slope, and the docstrings say what is returned.
ZERO_AT_ZERO = {
    "arccos.kernel": {"x", "y"},
    "arccos.angle": {"x", "y"},
    "ntk.first_layer": {"x", "y"},
    "ntk.both_layers": {"x", "y"},
    "ntk.backprop": {"x"},  # As differentiating the units gives.
}
# In a zero variance the slopes of kinked activations are infinite or depend on the way.
KINKED = ("step", "sign", "relu", "relu_power", "abrelu", "abs")
ZERO_AT_ZERO |= {
    f"dual.{name}{end}": {"variance_x", "variance_y"}
    for name in KINKED
    for end in ("", "_derivative")
}
# No differences at all, for a reason.
LEFT_OUT = {
    "ntk.deep_float32": "computed in float32, in which differences are lost",
    "relu1.basin": "jumps where student and teacher are opposite",
}
# Larger programs, or second derivatives of what the others test.
SLOW = {"gram.covariance", "gram.tangent", "relu2.h1", "relu2.h2", "relu2.hessian"}
SLOW |= {"cntk.circular1d"}
SLOW |= {name for name in CLAIMS if name.startswith("dual.")}


def smooth_parameters(claim):
    """The parameters that a form can be differentiated in; none if it is an integer."""
    static, points = points_of(claim)
    one = {n: jax.ShapeDtypeStruct(v.shape[1:], v.dtype) for n, v in points.items()}
    value = jax.eval_shape(lambda p: claim.analytic(**static, **p), one)
    return [n for n in one if one[n].dtype.kind == "f" and value.dtype.kind == "f"]


def directions_of(points):
    """A direction for each parameter at each point, of the parameter's own size."""
    rng = np.random.default_rng(0)
    found = {}
    for name, value in points.items():
        direction = rng.normal(size=value.shape)
        axes = tuple(range(1, value.ndim))
        size, length = (
            np.sqrt(np.sum(v**2, axis=axes, keepdims=True)) for v in (value, direction)
        )
        found[name] = direction / length * np.where(size > 0, size, 1)
    return found


def slopes_and_values(claim):
    """Points, slopes along each direction and values at the offsets, by parameter."""
    static, points = points_of(claim)
    names = smooth_parameters(claim)
    rest = {n: jnp.asarray(v) for n, v in points.items() if n not in names}
    points = {n: np.asarray(points[n], float) for n in names}

    def total(point, rest):
        values = jnp.ravel(claim.analytic(**static, **point, **rest))
        # Unlike weights: some sums of outputs do not depend on the input.
        return jnp.sum(values * jnp.cos(jnp.arange(values.size, dtype=float)))

    def one(point, direction, rest):
        def along(name, step):
            return total(point | {name: point[name] + step * direction[name]}, rest)

        slopes = jax.grad(total)(point, rest)
        return {
            name: (
                jnp.sum(slopes[name] * direction[name]),
                jax.vmap(functools.partial(along, name))(jnp.asarray(OFFSETS)),
            )
            for name in point
        }

    # The programs run once: what optimization would gain is less than what it costs.
    form = jax.jit(
        jax.vmap(one), compiler_options={"xla_backend_optimization_level": 0}
    )
    found = form(points, directions_of(points), rest)
    return points, jax.tree.map(np.asarray, found)


def difference(values):
    """Slope at the middle of five values: central, or from inside at an end."""
    far_back, back, middle, ahead, far_ahead = values
    for slope in (
        (ahead - back) / 2,
        (4 * ahead - 3 * middle - far_ahead) / 2,
        (3 * middle - 4 * back + far_back) / 2,
    ):
        if np.isfinite(slope):
            return slope / STEP
    return np.nan  # The domain is a point in this direction.


CASES = [
    pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
    for name in CLAIMS
    if name not in NUMBERS | set(LEFT_OUT)
]


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_numbers_have_nothing_to_differentiate(name):
    assert not smooth_parameters(CLAIMS[name])


@pytest.mark.parametrize("name", CASES)
def test_gradient_is_that_of_the_form(name):
    with jax.enable_x64(True):
        points, found = slopes_and_values(CLAIMS[name])
    largest = max(np.nanmax(np.abs(values)) for _, values in found.values())
    for parameter, (slopes, lines) in found.items():
        for value, slope, line in zip(points[parameter], slopes, lines, strict=True):
            if not value.any() and parameter in KINKED_AT_ZERO.get(name, ()):
                # Unless the other is 0, too.
                assert np.isnan(slope) or slope == 0
            elif not value.any() and parameter in ZERO_AT_ZERO.get(name, ()):
                assert slope == 0
            else:
                expected = difference(line)
                share, rest = CENTRAL if np.isfinite(line).all() else INSIDE
                near = share * max(abs(slope), abs(expected)) + rest * largest
                assert np.isfinite(slope), (parameter, value)
                if np.isfinite(expected):
                    gap = abs(slope - expected)
                    assert gap <= near, (parameter, value, slope, expected)


# To the last digits also where the gradient vanishes; that of the ReLU loss is not.
EXACT = {
    "arc_cosine.kernel": ("product", lambda x, y: arc_cosine.kernel(x, y, 1) / 2),
    "neural_tangent.both_layers": ("tangent", neural_tangent.both_layers),
}


@pytest.mark.parametrize("name", EXACT)
def test_kernels_where_the_arccosine_fails(name, precision):
    kernel, form = EXACT[name]
    eps, failed = float(jnp.finfo(precision).eps), set()
    for place, pair in corners.points().items():
        u, v = (jnp.asarray(w, precision) for w in pair)
        found = {
            side: corners.error(np.asarray(jax.grad(f)(u, v)), kernel, *pair)
            for side, f in (("ours", form), ("arccos", corners.naive(kernel)))
        }
        assert found["ours"] is not None, place
        assert found["ours"] <= 8 * eps, place
        if found["arccos"] is None or found["arccos"] > 1e3 * eps:
            failed.add(place)
    assert {"u = v", "u = 2v", "u = -v", "u = 0", "pi - theta = 1e-3"} <= failed


SMOOTH = {
    "relu2.kernel": relu_gradient.kernel,
    "arc_cosine 1": functools.partial(arc_cosine.kernel, degree=1),
    "arc_cosine 2": functools.partial(arc_cosine.kernel, degree=2),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_hessians_at_parallel_and_opposite_inputs(name):
    """Twice differentiable there: against differences of the gradient."""
    with jax.enable_x64(True):
        x, steps = jnp.array([0.3, -1.0, 2.0]), 1e-6 * jnp.eye(3)
        slope = jax.jit(jax.grad(SMOOTH[name]))
        second = jax.jit(jax.jacfwd(slope, (0, 1)))
        for y in (x, 2 * x, -x, -x / 2, jnp.array([1.0, 0.5, 0.2])):
            differences = [
                [(slope(x + e, y) - slope(x - e, y)) / 2e-6 for e in steps],
                [(slope(x, y + e) - slope(x, y - e)) / 2e-6 for e in steps],
            ]
            for block, rows in zip(second(x, y), differences, strict=True):
                # The third derivative has a kink.
                expected = jnp.stack(rows, axis=1)
                np.testing.assert_allclose(block, expected, rtol=1e-6, atol=3e-6)
        zero = 0 * x
        for pair in ((x, zero), (zero, x), (zero, zero)):
            finite = all(jnp.isfinite(block).all() for block in second(*pair))
            # See the docstring of the form for what is returned there.
            assert finite or name == "relu2.kernel"
