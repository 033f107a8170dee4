"""Loss and gradient of ReLU networks: oracles from the defining averages, and edges."""

import functools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst, assert_near
from hypothesis import given, settings, strategies as st
from mpmath import fdot, mpf, norm
from relu_plane import (
    add_each,
    exact,
    gated_reference,
    in_plane,
    pairs,
    plane_gradient,
    plane_mean,
    relu,
)

from analytic import relu_gradient as analytic
from claims.relu_gradient import CLAIMS  # noqa: F401  # collected by the plugin
from empirical import relu_gradient as empirical

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
PAIRS = ["gated_mean", "gated_mean_squared", "kernel", "node_gradient", "node_loss"]
X, ZERO, NAN = jnp.array([0.3, -2.0, 1.0]), jnp.zeros(3), jnp.full(3, jnp.nan)
EYE, NANS = jnp.eye(3), jnp.full((3, 3), jnp.nan)

numbers = st.floats(-9, 9, width=16)
vectors = st.lists(numbers, min_size=3, max_size=3).filter(any).map(jnp.array)


LOSS, GRADIENT = jax.jit(analytic.loss), jax.jit(analytic.gradient)
SLOPES = jax.jit(jax.grad(analytic.loss))


def jit_vmap(function):
    return jax.jit(jax.vmap(function))


def references(x, y):
    """Value and scale of the error of each function of two vectors."""
    basis, e, w = in_plane(x, y)

    def residual(x):
        return relu(fdot(e, x)) - relu(fdot(w, x))

    mean = gated_reference(x, y)
    both = plane_mean(lambda x: relu(fdot(e, x)) * relu(fdot(w, x)), [e, w])
    slope = plane_gradient(residual, e, [e, w])
    loss = plane_mean(lambda x: residual(x) ** 2 / 2, [e, w])
    distance = norm([a - b for a, b in zip(x, y, strict=True)])
    return {
        "gated_mean": (mean, norm(y)),
        "gated_mean_squared": ([fdot(mean, mean)], norm(y) ** 2),
        "kernel": ([both], norm(x) * norm(y)),
        "node_gradient": ([fdot(slope, row) for row in basis], distance),
        "node_loss": ([loss], loss),
    }


@DTYPES
def test_vectors_against_the_defining_integrals(dtype):
    scales = dict(
        zip(PAIRS, ["|w|", "|w|^2", "|x| |y|", "|w - w*|", "itself"], strict=True)
    )
    worst = {n: Worst(f"relu_gradient.{n}", scale) for n, scale in scales.items()}
    with jax.enable_x64(dtype == "float64"), mpmath.workdps(DIGITS):
        points = [*pairs(dtype)]
        x, y = map(np.stack, zip(*points, strict=True))
        values = {n: np.asarray(jit_vmap(getattr(analytic, n))(x, y)) for n in worst}
        for number, (a, b) in enumerate(points):
            for name, (truth, scale) in references(exact(a), exact(b)).items():
                add_each(worst[name], values[name][number], truth, scale, x=a, y=b)
    # Measured at most: 2.4 for the loss, relative though it falls to 1e-8, else 0.6.
    for name, errors in worst.items():
        errors.check(4.8 if name == "node_loss" else 1.2)


def network(dtype, width=2):
    rng = np.random.default_rng(0)
    shapes = [(3, width), (3,), (2, width), (2,)]
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


@DTYPES
def test_networks_against_the_defining_integrals(dtype):
    with jax.enable_x64(dtype == "float64"), mpmath.workdps(DIGITS):
        nodes = network(dtype)
        loss, gradient = LOSS(*nodes), np.asarray(GRADIENT(*nodes))
        rows = [exact(row) for row in (*nodes[0], *nodes[2])]
        signs = exact([*nodes[1], *-nodes[3]])

        @functools.cache
        def residual(x):
            return fdot(signs, [relu(fdot(row, x)) for row in rows])

        size = fdot(map(abs, signs), map(norm, rows))
        truth = plane_mean(lambda x: residual(x) ** 2 / 2, rows)
        worst = Worst("relu_gradient.loss", "(sum_i |c_i| |v_i|)^2")
        worst.add(loss, truth, size**2)
        worst_slope = Worst("relu_gradient.gradient", "|a_i| sum_j |c_j| |v_j|")
        for slope, a, row in zip(gradient, signs[:3], rows[:3], strict=True):
            truths = [a * part for part in plane_gradient(residual, row, rows)]
            add_each(worst_slope, slope, truths, abs(a) * size, student=row)
    worst.check(0.6)  # Measured at most 0.3.
    worst_slope.check(0.6)


@DTYPES
def test_slopes_of_the_gated_mean(dtype):
    step = mpf("1e-20")
    worst = Worst("relu_gradient.gated_mean", "|w|", "along a vector", slope=True)
    with jax.enable_x64(dtype == "float64"), mpmath.workdps(DIGITS):
        jacobians = jax.jit(jax.jacobian(analytic.gated_mean, (0, 1)))
        for point in [*pairs(dtype)][::2]:
            for number, jacobian in enumerate(jacobians(*point)):
                # Along the vector reversed: a direction of the length of the vector.
                ends = []
                for side in (step, -step):
                    moved = [exact(vector) for vector in point]
                    turned = [side * entry for entry in reversed(moved[number])]
                    moved[number] = [*map(sum, zip(moved[number], turned, strict=True))]
                    ends.append(gated_reference(*moved))
                truth = [(p - q) / (2 * step) for p, q in zip(*ends, strict=True)]
                value = np.asarray(jacobian) @ point[number][::-1]
                size = norm(exact(point[1]))
                add_each(worst, value, truth, size, gate=point[0], weight=point[1])
    worst.check(0.8)  # Measured at most 0.4.


@DTYPES
def test_the_opposite_limit_to_rounding(dtype):
    with jax.enable_x64(dtype == "float64"), mpmath.workdps(DIGITS):
        worst = Worst("relu_gradient.opposite_limit", "itself")
        for _, weight in pairs(dtype):
            size = norm(exact(weight)) / (2 * mpmath.pi)
            for value, truth in zip(
                analytic.opposite_limit(jnp.asarray(weight)),
                (size / 3, size),
                strict=True,
            ):
                worst.add(value, truth, truth, weight=weight)
    worst.check(3)


@pytest.fixture
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.usefixtures("double")
def test_one_node_is_a_network_of_one():
    x, y = map(np.stack, zip(*pairs("float64"), strict=True))
    one, scale = np.ones((len(x), 1)), np.linalg.norm(abs(x) + abs(y), axis=1)
    nodes = x[:, None], one, y[:, None], one
    value, slope = jit_vmap(jax.value_and_grad(analytic.node_loss))(x, y)
    assert_near(value / scale**2, jit_vmap(analytic.loss)(*nodes) / scale**2, 1e-15)
    assert_near(slope, jit_vmap(analytic.gradient)(*nodes)[:, 0], 1e-12)
    assert_near(slope, jit_vmap(analytic.node_gradient)(x, y), 1e-12)


@pytest.mark.usefixtures("double")
def test_derivatives_of_the_network_loss():
    students, *rest = network("float64", width=4)
    assert_near(SLOPES(students, *rest), GRADIENT(students, *rest), 1e-14)
    # The Hessian knows of the inputs on the kinks, as the mean of Hessians does not.
    step = 1e-5 * students[::-1]
    ahead, back = (GRADIENT(students + s * step, *rest) for s in (1, -1))
    hessian = jax.jit(jax.hessian(analytic.loss))(students, *rest)
    assert_near(jnp.tensordot(hessian, 2 * step, 2), ahead - back, 1e-13)


@pytest.mark.usefixtures("double")
def test_the_gate_near_the_opposite_of_the_weight():
    ahead, side = jnp.array([0.8, -0.6]), jnp.array([0.6, 0.8])
    for gap in (1e-2, 1e-3):
        cos, sin = jnp.cos(gap), jnp.sin(gap)
        gate, across = sin * side - cos * ahead, cos * side + sin * ahead
        mean = analytic.gated_mean(gate, 3 * ahead)
        parts = jnp.stack([mean @ gate / gap**3, mean @ across / gap**2])
        assert_near(parts, analytic.opposite_limit(3 * ahead), 0, gap**2 / 5)
    assert not analytic.opposite_limit(jnp.zeros(2)).any()


SLOPE = jax.jacobian
SPECIAL = [
    (analytic.gated_mean, X, 2 * X, X),
    (analytic.gated_mean, X, -4 * X, ZERO),
    (analytic.gated_mean, X, ZERO, ZERO),
    (analytic.gated_mean, ZERO, X, NAN),
    (analytic.gated_mean, ZERO, ZERO, ZERO),
    (SLOPE(analytic.gated_mean, (0, 1)), X, X, [0 * EYE, EYE / 2]),
    (SLOPE(analytic.gated_mean, (0, 1)), X, -X, [0 * EYE, 0 * EYE]),
    (SLOPE(analytic.gated_mean, (0, 1)), X, ZERO, [0 * EYE, NANS]),
    (SLOPE(analytic.gated_mean, (0, 1)), ZERO, X, [NANS, NANS]),
    (analytic.gated_mean_squared, X, X, X @ X / 4),
    (analytic.gated_mean_squared, X, -X, 0),
    (analytic.gated_mean_squared, X, ZERO, 0),
    (analytic.gated_mean_squared, ZERO, X, jnp.nan),
    (analytic.gated_mean_squared, ZERO, ZERO, 0),
    (SLOPE(analytic.gated_mean_squared, (0, 1)), X, X, [ZERO, X / 2]),
    (SLOPE(analytic.gated_mean_squared, (0, 1)), X, -X, [ZERO, ZERO]),
    (analytic.kernel, X, X, X @ X / 2),
    (analytic.kernel, X, -X, 0),
    (analytic.kernel, ZERO, X, 0),
    (SLOPE(analytic.kernel, (0, 1)), X, 2 * X, [X, X / 2]),
    (SLOPE(analytic.kernel, (0, 1)), X, -X, [ZERO, ZERO]),
    (SLOPE(analytic.kernel, (0, 1)), ZERO, X, [NAN, ZERO]),
    (SLOPE(analytic.kernel, (0, 1)), ZERO, ZERO, [ZERO, ZERO]),
    (analytic.node_loss, X, X, 0),
    (analytic.node_loss, ZERO, X, X @ X / 4),
    (SLOPE(analytic.node_loss), ZERO, X, NAN),
    (SLOPE(analytic.node_loss), ZERO, ZERO, ZERO),
    (analytic.node_gradient, X, X, ZERO),
    (analytic.node_gradient, X, -X, X / 2),
    (analytic.node_gradient, X, ZERO, X / 2),
    (analytic.node_gradient, ZERO, X, NAN),
    (analytic.node_gradient, ZERO, ZERO, ZERO),
    (SLOPE(analytic.node_gradient, (0, 1)), X, X, [EYE / 2, -EYE / 2]),
    (SLOPE(analytic.node_gradient, (0, 1)), X, -X, [EYE / 2, 0 * EYE]),
    (SLOPE(analytic.node_gradient), ZERO, X, NANS),
]


@pytest.mark.parametrize(("form", "x", "y", "expected"), SPECIAL)
def test_special_positions(form, x, y, expected):
    assert_near(jnp.asarray(form(x, y)), jnp.asarray(expected))


@pytest.mark.usefixtures("double")
def test_a_student_of_weight_zero():
    students, outputs, teachers, wanted = network("float64")
    present, zero, nodes = (
        np.array([1, 0, 1]),
        0 * students,
        (outputs, teachers, wanted),
    )
    students *= present[:, None]
    start = LOSS(students, *nodes)
    assert_near(start, LOSS(students, present * outputs, teachers, wanted))
    for slopes in (GRADIENT, SLOPES):
        assert np.isnan(slopes(students, *nodes)).any(axis=1).tolist() == [0, 1, 0]
    pulls = jit_vmap(analytic.kernel)
    for u in np.array([[0.6, 0.8], [-0.6, -0.8]]):
        everyone = np.concatenate([students, teachers])
        signs = np.concatenate([present * outputs, -wanted])
        slope = outputs[1] * (signs @ pulls(u + 0 * everyone, everyone))
        moved = LOSS(students + 1e-6 * np.outer(1 - present, u), *nodes)
        assert_near((moved - start) / 1e-6, slope, 1e-5)
    assert not GRADIENT(zero, outputs, 0 * teachers, wanted).any()


def experiment(name, *args, fill=jnp.zeros):
    """One draw of a twin."""
    shapes = {"inputs": (2, 4, 3) if name == "gated_mean_squared" else (3,)}
    shapes |= {"plane": (2,), "fraction": ()}
    noise = {n: fill(shapes[n]) for n in getattr(empirical, name).laws}
    gap = {"gap": 0.1} if name == "opposite_limit" else {}
    return getattr(empirical, name)(*args, **noise, **gap)


@pytest.mark.parametrize("name", PAIRS[:3])
@pytest.mark.parametrize(("x", "y"), [(X, -X), (X, ZERO), (ZERO, X)])
def test_experiments_that_are_always_zero(name, x, y):
    for seed in range(8):
        fill = functools.partial(jax.random.normal, jax.random.key(seed))
        assert not experiment(name, x, y, fill=fill).any()


def test_experiments_with_zero_weights():
    ones = functools.partial(experiment, fill=jnp.ones)
    nodes = 0 * X[None], jnp.ones(1), jnp.stack([X, -X]), jnp.ones(2)
    half_square = jnp.sum(X) ** 2 / 2
    assert_near(ones("loss", *nodes), half_square)
    assert_near(ones("node_loss", ZERO, -X), half_square)
    assert not ones("gradient", *nodes).any()
    assert not ones("node_gradient", ZERO, X).any()
    assert not ones("opposite_limit", ZERO).any()


@settings(deadline=None, max_examples=50)
@given(vectors, vectors)
def test_identities(x, y):
    mean, length = analytic.gated_mean(x, y), jnp.linalg.norm(y)
    near = functools.partial(assert_near, absolute=4e-6 * length)
    near(mean + analytic.gated_mean(-x, y), y / 2)  # either gate has half the inputs
    near(mean - analytic.gated_mean(x, -y), y / 2)
    near(analytic.gated_mean_squared(x, y) / length, mean @ mean / length)
    kernel = analytic.kernel(x, y)
    near(mean @ x / jnp.linalg.norm(x), kernel / jnp.linalg.norm(x))  # Euler
    assert_near(analytic.gated_mean(8 * x, 4 * y), 4 * mean, 0)
    assert kernel == analytic.kernel(y, x)
    assert analytic.node_loss(x, y) >= 0


def assert_both_reject(name, message, *args):
    for side in (getattr(analytic, name), functools.partial(experiment, name)):
        with pytest.raises(ValueError, match=message):
            side(*args)


@pytest.mark.parametrize("name", PAIRS)
def test_rejects_vectors_unlike(name):
    for shape in [(2,), (1, 3), ()]:
        message = r"must be vectors alike, got \{"
        assert_both_reject(name, message, jnp.ones(3), jnp.ones(shape))
    assert_both_reject(name, message, jnp.ones((2, 3)), jnp.ones((2, 3)))


def test_rejects_weights_without_a_plane():
    for shape in [(1,), (2, 2), ()]:
        message = r"vector of 2 or more, got weight\.shape="
        assert_both_reject("opposite_limit", message, jnp.ones(shape))


@pytest.mark.parametrize("name", ["gradient", "loss"])
def test_rejects_networks_unlike(name):
    for shapes in [
        [(3, 5), (2,), (2, 5), (2,)],
        [(3, 5), (3,), (2, 4), (2,)],
        [(3, 5), (3,), (2, 5), (1,)],
        [(3,), (3,), (2,), (2,)],
        [(3, 5), (3,), (2, 5), (1, 2)],
        [(), (), (), ()],
    ]:
        message = r"must have shapes \(k, d\), \(k,\), \(m, d\), \(m,\), got"
        assert_both_reject(name, message, *map(jnp.ones, shapes))
