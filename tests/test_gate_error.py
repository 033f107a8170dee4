"""Averages of gated inputs: oracles from integrals over the plane, and edges."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst, assert_near
from hypothesis import given, settings, strategies as st
from mpmath import fdot, mpf, norm
from relu_plane import exact, gated_reference, in_plane, pairs, plane_mean, relu

from analytic import gate_error as analytic, relu_gradient
from claims.gate_error import CLAIMS  # noqa: F401  # collected by the plugin
from empirical import gate_error as empirical

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
ANGLES = [0.0, 1e-6, 0.01, 0.5, 1.0, 1.5707, 1.8, 2.5, 3.0, 3.14, 3.14159]
X, ZERO = jnp.array([0.3, -2.0, 1.0]), jnp.zeros(3)

numbers = st.floats(-9, 9, width=16)
vectors = st.lists(numbers, min_size=3, max_size=3).filter(any).map(jnp.array)


def moment_reference(gate, weight):
    """E of the squared gated input; of the squared radius, mean 2, the mean is 8."""
    _, e, w = in_plane(gate, weight)

    def drive(x):
        return relu(fdot(w, x)) ** 2 if fdot(e, x) > 0 else mpf(0)

    return (4 + len(gate) - 2) * plane_mean(drive, [e, w])


def at_angle(angle):
    """Gate and weight in the plane, of length 1."""
    return [mpf(1), mpf(0)], [mpmath.cos(angle), mpmath.sin(angle)]


@DTYPES
def test_second_moment_against_the_defining_integral(dtype):
    worst = Worst("gate_error.second_moment", "itself")
    with jax.enable_x64(dtype == "float64"), mpmath.workdps(DIGITS):
        points = [*pairs(dtype)]
        x, y = map(np.stack, zip(*points, strict=True))
        values = np.asarray(jax.jit(jax.vmap(analytic.second_moment))(x, y))
        for value, (a, b) in zip(values, points, strict=True):
            truth = moment_reference(exact(a), exact(b))
            if truth > 1e-30 * float(norm(exact(b))) ** 2:
                worst.add(value, truth, truth, gate=a, weight=b)
            else:  # Opposite to rounding.
                assert value < 1e-20 * (b @ b)
    worst.check(12)


@DTYPES
def test_forms_of_the_angle_against_the_defining_integrals(dtype):
    worst_variance = Worst("gate_error.relative_variance", "itself")
    worst_mean = Worst("gate_error.dense_mean", "itself")
    with jax.enable_x64(dtype == "float64"), mpmath.workdps(DIGITS):
        angles = np.array(ANGLES, dtype)
        variance = jax.jit(jax.vmap(lambda t: analytic.relative_variance(t, 5, 7)))
        values, means = variance(angles), jax.jit(jax.vmap(analytic.dense_mean))(angles)
        for angle, value, mean in zip(angles, values, np.asarray(means), strict=True):
            gate, weight = at_angle(mpf(float(angle)))
            truth = gated_reference(gate, weight)
            square = fdot(truth, truth)
            # The plane holds 2 of the 5 directions.
            moment = moment_reference(gate, weight) * mpf(7) / 4
            relative = (moment / square - 1) / 7
            worst_variance.add(value, relative, relative, angle=angle)
            for part, exact_part in zip(mean, truth, strict=True):
                if exact_part:
                    worst_mean.add(part, exact_part, exact_part, angle=angle)
                else:
                    assert part == 0
    worst_variance.check(12)
    worst_mean.check(12)


def test_forms_agree_on_what_they_share():
    with jax.enable_x64(True):
        for angle in (0.0, 0.7, 2.0, 3.0):
            gate = jnp.array([2.0, 0.0, 0.0])
            weight = jnp.array([jnp.cos(angle), jnp.sin(angle), 0.0])
            mean = relu_gradient.gated_mean(gate, weight)
            assert_near(mean[:2], analytic.dense_mean(jnp.asarray(angle)), 1e-15)
            square = relu_gradient.gated_mean_squared(gate, weight)
            relative = (analytic.second_moment(gate, weight) / square - 1) / 7
            value = analytic.relative_variance(jnp.asarray(angle), 3, 7)
            assert_near(value, relative, 0, 1e-13)


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (X, X, X @ X * 5 / 2),
        (X, -X, 0),
        (X, ZERO, 0),
        (ZERO, X, jnp.nan),
        (ZERO, ZERO, 0),
    ],
)
def test_special_positions(x, y, expected):
    assert_near(analytic.second_moment(x, y), expected, 0, 1e-6)
    slopes = jax.grad(analytic.second_moment, (0, 1))(x, y)
    assert jnp.isfinite(jnp.stack(slopes)).all() == (not np.isnan(expected))
    if expected == 0:
        for seed in range(8):
            draw = jax.random.normal(jax.random.key(seed), (3,))
            assert not empirical.second_moment(x, y, inputs=draw)
    assert not empirical.second_moment(ZERO, y, inputs=X)


def test_special_angles(precision):
    zero, pi = jnp.zeros((), precision), jnp.asarray(jnp.pi, precision)
    assert_near(analytic.relative_variance(zero, 5, 2), 13 / 2, 0, 1e-6)
    assert_near(analytic.dense_mean(zero), [0.5, 0.0], 1e-7)
    for outside in (-1.0, 3.2):
        angle = jnp.asarray(outside, precision)
        assert jnp.isnan(analytic.relative_variance(angle, 5, 2))
        assert jnp.isnan(analytic.dense_mean(angle)).all()
    # The float nearest pi is below it in double precision, above it in single.
    if precision == "float64":
        assert analytic.relative_variance(pi, 5, 2) > 1e16
        assert_near(analytic.dense_mean(pi), [0, 0], 1e-30)
    draw = jnp.asarray(np.random.default_rng(0).normal(size=8), precision)
    opposite = empirical.dense_mean(pi, dimension=8, inputs=draw)
    assert_near(opposite, [0, 0], 1e-5)


@settings(deadline=None, max_examples=50)
@given(vectors, vectors)
def test_moments_of_the_two_half_spaces_add_up(x, y):
    square, value = y @ y, analytic.second_moment(x, y)
    # Either side of the gate has half of E (w.x)^2 |x|^2 = (d + 2) |w|^2, float32.
    both = value + analytic.second_moment(-x, y)
    assert_near(both / square, 5 / 2, 4e-6)
    assert_near(analytic.second_moment(8 * x, 4 * y) / square, 16 * value / square, 0)
    mean = relu_gradient.gated_mean_squared(x, y)
    assert value / square >= mean / square - 1e-6  # A variance is not negative.


@settings(deadline=None, max_examples=50)
@given(st.floats(0, 3.1), st.floats(0, 3.1), st.integers(2, 50), st.integers(1, 50))
def test_the_error_grows_with_the_angle(first, second, dimension, samples):
    low, high = sorted([first, second])
    with jax.enable_x64(True):
        errors = [
            analytic.relative_variance(jnp.asarray(a), dimension, samples)
            for a in (low, high)
        ]
        assert errors[0] <= errors[1] * (1 + 1e-12)  # Rounding, a few eps.
        one = analytic.relative_variance(jnp.asarray(low), dimension, 1)
        assert_near(errors[0] * samples, one, 0, 1e-14)


def test_rejects_vectors_unlike():
    for shape in [(2,), (1, 3), ()]:
        for side, noise in ((analytic, {}), (empirical, {"inputs": X})):
            with pytest.raises(ValueError, match="gate and weight must be vectors ali"):
                side.second_moment(X, jnp.ones(shape), **noise)


@pytest.mark.parametrize(
    ("shape", "dimension", "samples"), [((1,), 3, 2), ((), 0, 2), ((), 3, 0)]
)
def test_rejects_sizes(shape, dimension, samples):
    angle = jnp.ones(shape)
    for side, noise in ((analytic, {}), (empirical, {"inputs": jnp.ones((2, 3))})):
        with pytest.raises(ValueError, match="angle must be a scalar, dimension"):
            side.relative_variance(angle, dimension, samples, **noise)


def test_rejects_angles_that_are_no_scalar_and_odd_dimensions():
    with pytest.raises(ValueError, match="angle must be a scalar"):
        analytic.dense_mean(jnp.ones(1))
    for shape, dimension in [((1,), 4), ((), 3)]:
        with pytest.raises(ValueError, match="angle must be a scalar and dimension ev"):
            empirical.dense_mean(
                jnp.ones(shape), dimension=dimension, inputs=jnp.ones(dimension)
            )
