"""Curvature of the loss of ReLU networks: oracles from the defining averages, edges."""

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
    exact,
    gated_reference,
    in_plane,
    pairs,
    plane_mean,
    relu,
)

from analytic import relu_curvature as analytic, relu_gradient
from claims.relu_curvature import CLAIMS  # noqa: F401  # collected by the plugin
from empirical import relu_curvature as empirical, relu_gradient as single

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
PAIRS = ["gate_slope", "weight_slope"]
X, ZERO = jnp.array([0.3, -2.0, 1.0]), jnp.zeros(3)
EYE, NONE, NANS = jnp.eye(3), jnp.zeros((3, 3)), jnp.full((3, 3), jnp.nan)

numbers = st.floats(-9, 9, width=16)
vectors = st.lists(numbers, min_size=3, max_size=3).filter(any).map(jnp.array)

# For programs that run once, and are dear to compile.
once = functools.partial(
    jax.jit, compiler_options={"xla_backend_optimization_level": 0}
)
HESSIAN = jax.jit(analytic.hessian)
SLOPES = {name: jax.jit(getattr(analytic, name)) for name in PAIRS}


def network(dtype, width=4, seed=0):
    rng = np.random.default_rng(seed)
    shapes = [(3, width), (3,), (2, width), (2,)]
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


@pytest.fixture
def double():
    with jax.enable_x64(True):
        yield


def moved(vector, direction, step):
    return [a + step * b for a, b in zip(vector, direction, strict=True)]


def edge_reference(gate, weight, direction):
    """Change of the gated mean as the gate moves, to 25 digits."""
    step = mpf("1e-20") * norm(gate) / norm(direction)
    ahead, back = (
        gated_reference(moved(gate, direction, side), weight) for side in (step, -step)
    )
    return [(p - q) / (2 * step) for p, q in zip(ahead, back, strict=True)]


def outer_reference(gate, weight, direction):
    """E 1{e.x > 0} 1{w.x > 0} x (x . direction): in the plane, and across it."""
    basis, e, w = in_plane(gate, weight)

    def both(x):
        return mpf(fdot(e, x) > 0 and fdot(w, x) > 0)

    axes = [*zip(*basis, strict=True)]
    shares = [fdot(axis, direction) for axis in axes]
    inside = [
        plane_mean(lambda x, i=i: both(x) * x[i] * fdot(shares, x), [e, w])
        for i in (0, 1)
    ]
    share = plane_mean(both, [e, w]) / 2  # of degree 0, where the squared radius is 1
    rest = [c - fdot(row, shares) for c, row in zip(direction, basis, strict=True)]
    return [fdot(row, inside) + share * c for row, c in zip(basis, rest, strict=True)]


@DTYPES
@pytest.mark.parametrize("name", PAIRS)
def test_slopes_against_the_defining_integrals(name, dtype):
    form = getattr(analytic, name)
    reference = {"gate_slope": edge_reference, "weight_slope": outer_reference}[name]
    worst = Worst(
        f"relu_curvature.{name}", "|w| / |e|" if name == "gate_slope" else "1"
    )
    with jax.enable_x64(dtype == "float64"), mpmath.workdps(DIGITS):
        points = [*pairs(dtype)][::3]
        slopes = jax.jit(jax.vmap(form))(*map(np.stack, zip(*points, strict=True)))
        for slope, (x, y) in zip(np.asarray(slopes), points, strict=True):
            gate, weight = exact(x), exact(y)
            scale = norm(weight) / norm(gate) if name == "gate_slope" else mpf(1)
            for direction in (weight, gate[::-1]):
                length = norm(direction)
                unit = [c / length for c in direction]
                value = [fdot(exact(row), unit) for row in slope]
                truth = reference(gate, weight, unit)
                error = max(abs(p - q) for p, q in zip(value, truth, strict=True))
                error = float(error / scale) / float(np.finfo(dtype).eps)
                worst.put(error, dtype, gate=x, weight=y)
    worst.check(1.6)  # Measured at most 0.8.


@DTYPES
def test_slope_at_zero_against_the_defining_integral(dtype):
    with jax.enable_x64(dtype == "float64"), mpmath.workdps(DIGITS):
        students, outputs, teachers, wanted = network(dtype, width=2)
        nodes = students[:2], outputs[:2], teachers[:1], wanted[:1]
        direction, output = jnp.asarray(nodes[0][0][::-1]), jnp.asarray(nodes[1][0])
        value = analytic.zero_slope(direction, output, *nodes)
        rows = [exact(row) for row in (*nodes[0], *nodes[2])]
        signs = exact([*nodes[1], *-nodes[3]])
        u, a = exact(direction), mpf(float(output))

        def rise(x):
            residual = fdot(signs, [relu(fdot(row, x)) for row in rows])
            return a * residual * relu(fdot(u, x))

        scale = abs(a) * norm(u) * fdot(map(abs, signs), map(norm, rows))
        worst = Worst("relu_curvature.zero_slope", "|a| |u| sum_l |c_l| |v_l|")
        worst.add(value, plane_mean(rise, [u, *rows]), scale, direction=u)
    worst.check(0.6)  # Measured at most 0.3.


@pytest.mark.usefixtures("double")
def test_hessian_is_the_slope_of_the_gradient():
    nodes = network("float64")
    hessian = HESSIAN(*nodes)
    flat = hessian.reshape(12, 12)
    assert_near(flat, flat.T, 1e-15)
    # Autodiff of the gradient and of the loss: other paths through the same angles.
    assert_near(once(jax.jacobian(relu_gradient.gradient))(*nodes), hessian, 1e-14)
    assert_near(once(jax.hessian(relu_gradient.loss))(*nodes), hessian, 1e-14)
    # Differences of the gradient: an error of order step^2, and eps / step of rounding.
    step = 1e-5 * nodes[0][::-1]
    slope = once(relu_gradient.gradient)
    ahead, back = (slope(nodes[0] + s * step, *nodes[1:]) for s in (1, -1))
    assert_near(jnp.tensordot(hessian, 2 * step, 2), ahead - back, 1e-13)


@DTYPES
def test_hessian_against_the_defining_integrals(dtype):
    """Of networks of two and one: on the diagonal the gate moves, too."""
    worst = Worst(
        "relu_curvature.hessian", "|a_i a_j| + [i = j] sum_l |a_i c_l| |v_l| / |w_i|"
    )
    with jax.enable_x64(dtype == "float64"), mpmath.workdps(DIGITS):
        students, outputs, teachers, wanted = network(dtype)
        nodes = students[:2], outputs[:2], teachers[:1], wanted[:1]
        value = np.asarray(HESSIAN(*nodes))
        rows = [exact(row) for row in (*nodes[0], *nodes[2])]
        a = exact([*nodes[1], *-nodes[3]])
        total = fdot(map(abs, a), map(norm, rows))
        for i, j in np.ndindex(2, 2):
            direction = rows[1 - j]
            length = norm(direction)
            unit = [c / length for c in direction]
            truth = [a[i] * a[j] * p for p in outer_reference(rows[i], rows[j], unit)]
            scale = abs(a[i] * a[j])
            if i == j:
                scale += abs(a[i]) * total / norm(rows[i])
                for c, row in zip(a, rows, strict=True):
                    if row is not rows[i]:
                        edge = edge_reference(rows[i], row, unit)
                        truth = [
                            p + a[i] * c * q for p, q in zip(truth, edge, strict=True)
                        ]
            found = [fdot(exact(row), unit) for row in value[i, :, j]]
            error = max(abs(p - q) for p, q in zip(found, truth, strict=True))
            error = float(error / scale) / float(np.finfo(dtype).eps)
            worst.put(error, dtype, block=f"({i}, {j})")
    worst.check(1.2)


def test_hessian_in_single_precision():
    single_, (k, d) = network("float32"), (3, 4)
    value = np.asarray(HESSIAN(*single_))
    with jax.enable_x64(True):
        wide = HESSIAN(*(a.astype("float64") for a in single_))
    a, lengths = np.abs(single_[1]), np.linalg.norm(single_[0], axis=1)
    total = a @ lengths + np.abs(single_[3]) @ np.linalg.norm(single_[2], axis=1)
    scale = np.outer(a, a) + np.diag(a * total / lengths)
    error = np.abs(value - np.asarray(wide)) / scale[:, None, :, None]
    assert value.shape == (k, d, k, d)
    assert error.max() <= 1.2 * np.finfo("float32").eps  # Measured 0.6.


@pytest.mark.usefixtures("double")
def test_the_mean_of_the_hessians_of_single_inputs_misses_the_kinks():
    students, outputs, teachers, wanted = network("float64", width=2)
    nodes = students[:2], outputs[:2], teachers[:1], wanted[:1]
    inputs = np.random.default_rng(0).normal(size=(2**12, 2))
    one = jax.hessian(single.loss.integrand)
    draws = jax.jit(jax.vmap(lambda x: one(*nodes, inputs=x)))(inputs)
    mean, error = draws.mean(axis=0), draws.std(axis=0) / 2**6
    smooth = HESSIAN(*nodes[:2], *nodes[:2])
    # 16 entries at 5 standard errors: one run in 1e5 beyond, if the seed were free.
    assert (np.abs(mean - smooth) <= 5 * error + 1e-12).all()
    assert (np.abs(mean - HESSIAN(*nodes)) > 10 * error + 1e-12).any()


@pytest.mark.usefixtures("double")
def test_only_active_pairs_are_left_at_the_teacher():
    _, _, teachers, wanted = network("float64")
    blocks = HESSIAN(teachers, wanted, teachers, wanted)
    for i, j in np.ndindex(2, 2):
        slope = SLOPES["weight_slope"](teachers[i], teachers[j])
        block = wanted[i] * wanted[j] * slope
        assert_near(blocks[i, :, j], block, 1e-15)
    one = HESSIAN(teachers[:1], jnp.ones(1), teachers[:1], jnp.ones(1))
    assert_near(one[0, :, 0], np.eye(4) / 2, 1e-15)


SPECIAL = [
    (analytic.gate_slope, X, 2 * X, NONE),
    (analytic.gate_slope, X, -X, NONE),
    (analytic.gate_slope, X, ZERO, NONE),
    (analytic.gate_slope, ZERO, X, NANS),
    (analytic.gate_slope, ZERO, ZERO, NONE),
    (analytic.weight_slope, X, 2 * X, EYE / 2),
    (analytic.weight_slope, X, -4 * X, NONE),
    (analytic.weight_slope, X, ZERO, NANS),
    (analytic.weight_slope, ZERO, X, NANS),
]


@pytest.mark.parametrize(("form", "x", "y", "expected"), SPECIAL)
def test_special_positions(form, x, y, expected):
    assert_near(form(x, y), expected)


@pytest.mark.parametrize("name", PAIRS)
def test_slopes_of_the_slopes_are_finite_in_special_positions(name):
    slopes = jax.jit(jax.vmap(jax.jacobian(getattr(analytic, name), (0, 1))))
    ones, factors = jnp.ones(3), jnp.array([1.0, 2.0, -1.0])
    assert jnp.isfinite(
        jnp.stack(slopes(jnp.outer(ones, X), jnp.outer(factors, X)))
    ).all()


def test_students_of_weight_zero():
    students, *rest = network("float32")
    present = np.array([1, 0, 1])
    value = HESSIAN(students * present[:, None], *rest)
    missing = np.isnan(np.asarray(value)).any(axis=(1, 3))
    np.testing.assert_array_equal(missing, np.outer(present, present) == 0)
    u, a = jnp.ones(4), jnp.asarray(1.0)
    assert not analytic.zero_slope(0 * u, a, students, *rest)
    assert not empirical.zero_slope(0 * u, a, students, *rest, step=0.5, inputs=u)
    zero = jax.jit(empirical.hessian)(0 * students, *rest, inputs=u)
    assert np.isnan(zero).any()


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize(("x", "y"), [(X, -X), (X, ZERO)])
def test_experiments_that_are_zero(name, x, y):
    for seed in range(8):
        draw = jax.random.normal(jax.random.key(seed), (3,))
        assert_near(getattr(empirical, name)(x, y, inputs=draw), NONE, 1e-5)


def test_experiments_with_a_zero_gate():
    assert not empirical.weight_slope(ZERO, X, inputs=X).any()
    assert jnp.isnan(empirical.gate_slope(ZERO, X, inputs=X)).any()


@settings(deadline=None, max_examples=50)
@given(vectors, vectors)
def test_identities(x, y):
    edge_slope, outer_slope = SLOPES.values()
    edge, both = edge_slope(x, y), outer_slope(x, y)
    ratio = jnp.linalg.norm(y) / jnp.linalg.norm(x)
    # Rounding: a few ulp of the scale, float32.
    near = functools.partial(assert_near, absolute=4e-6)
    near(edge / ratio, edge.T / ratio)
    near(both, both.T)
    near(edge @ x / jnp.linalg.norm(x) / ratio, ZERO)  # F ignores the gate's length
    near(
        both @ y, relu_gradient.gated_mean(x, y), absolute=4e-6 * jnp.linalg.norm(y)
    )  # Euler
    near(both, outer_slope(y, x))
    near(both + outer_slope(-x, y), EYE / 2)
    assert_near(edge_slope(8 * x, 4 * y), edge / 2, 0)
    np.testing.assert_array_equal(outer_slope(8 * x, 4 * y), both)
    cosine = x @ y / jnp.linalg.norm(x) / jnp.linalg.norm(y)
    gap = jnp.pi - jnp.arccos(jnp.clip(cosine, -1, 1))
    # The arccosine loses half the digits.
    near(jnp.trace(both), 3 * gap / (2 * jnp.pi), absolute=2e-3)
    assert np.linalg.eigvalsh(both).min() >= -1e-6
    assert np.linalg.eigvalsh(edge).min() >= -1e-6 * ratio


@settings(deadline=None, max_examples=30)
@given(vectors, vectors, st.integers(0, 99))
def test_a_rotation_turns_the_slopes(x, y, seed):
    turn = jnp.asarray(
        np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0], x.dtype
    )
    ratio = jnp.linalg.norm(y) / jnp.linalg.norm(x)
    for form, scale in zip(SLOPES.values(), (ratio, 1.0), strict=True):
        # Rounding of the turned vectors moves theta by a few eps.
        turned = form(turn @ x, turn @ y)
        assert_near(turned / scale, turn @ form(x, y) @ turn.T / scale, 4e-6)


def assert_both_reject(name, message, *args, **noise):
    for side, more in ((analytic, {}), (empirical, noise)):
        with pytest.raises(ValueError, match=message):
            getattr(side, name)(*args, **more)


@pytest.mark.parametrize("name", PAIRS)
def test_rejects_vectors_unlike(name):
    for shape in [(2,), (1, 3), ()]:
        message = r"gate and weight must be vectors alike, got \{"
        assert_both_reject(name, message, jnp.ones(3), jnp.ones(shape), inputs=X)


def test_rejects_networks_unlike():
    message = r"must have shapes \(k, d\), \(k,\), \(m, d\), \(m,\), got"
    for shapes in [
        [(3, 5), (2,), (2, 5), (2,)],
        [(3, 5), (3,), (2, 4), (2,)],
        [(3,), (3,), (2,), (2,)],
    ]:
        nodes = [*map(jnp.ones, shapes)]
        assert_both_reject("hessian", message, *nodes, inputs=jnp.ones(5))
        start = jnp.ones(5), jnp.asarray(1.0)
        noise = {"step": 0.5, "inputs": jnp.ones(5)}
        assert_both_reject("zero_slope", message, *start, *nodes, **noise)


def test_rejects_directions_that_do_not_fit():
    nodes = network("float32")
    noise = {"step": 0.5, "inputs": jnp.ones(4)}
    for direction, output in [((3,), ()), ((4, 1), ()), ((4,), (1,))]:
        start = jnp.ones(direction), jnp.ones(output)
        message = r"direction must have shape \(4,\) and output be a scalar, got"
        assert_both_reject("zero_slope", message, *start, *nodes, **noise)
