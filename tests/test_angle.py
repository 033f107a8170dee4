"""The private helpers of the ReLU kernels, against mpmath."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, ulps

from analytic._angle import (
    angles,
    double_angle_residual,
    kinked,
    polar,
    sine,
    sine_residual,
)

DTYPES = ["float32", "float64"]


def exact(vector):
    return [mpmath.mpf(float(entry)) for entry in vector]


def pairs(dtype, count=60):
    """Pairs of vectors at angles down to 1e-9 from 0 and pi, of very unlike norms."""
    rng = np.random.default_rng(1)
    for _ in range(count):
        x = rng.normal(size=5)
        away = 10 ** rng.uniform(-9, 0) * rng.normal(size=5)
        y = rng.choice([-1, 1]) * 10 ** rng.uniform(-18, 18) * (x + away)
        x *= 10 ** rng.uniform(-18, 18)
        yield jnp.asarray(x, dtype), jnp.asarray(y, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_norm_direction_and_angles(dtype):
    worst = dict.fromkeys(("norm", "direction", "theta", "gap", "sine"), 0.0)
    with jax.enable_x64(dtype == "float64"), mpmath.workdps(DIGITS):
        for x, y in pairs(dtype):
            norm, direction = polar(x)
            theta, gap = angles(x, y)
            u, v = exact(x), exact(y)
            length = mpmath.norm(u)
            angle = mpmath.acos(mpmath.fdot(u, v) / (length * mpmath.norm(v)))
            errors = {
                "norm": ulps(norm, length, length),
                "direction": max(
                    ulps(a, b / length, 1) for a, b in zip(direction, u, strict=True)
                ),
                "theta": ulps(theta, angle, 1),
                "gap": ulps(gap, mpmath.pi - angle, 1),
                "sine": ulps(sine(theta, gap), mpmath.sin(angle), 1),
            }
            worst = {name: max(worst[name], errors[name]) for name in worst}
    # Measured at most: norm 0.7, direction 0.7, theta 1.1, gap 1.1, sine 0.6.
    assert max(worst.values()) <= 2.5, worst


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("function", "reference"),
    [
        (sine_residual, lambda a: mpmath.sin(a) - a * mpmath.cos(a)),
        (
            double_angle_residual,
            lambda a: a * (2 + mpmath.cos(2 * a)) - 1.5 * mpmath.sin(2 * a),
        ),
    ],
)
def test_residuals(function, reference, dtype):
    switches = np.array([1.0, 1.4])
    near = np.concatenate([np.nextafter(switches, 0), switches])
    points = [np.logspace(-7, 0, 150), np.linspace(1e-3, 3.14159, 400), near]
    with jax.enable_x64(dtype == "float64"), mpmath.workdps(DIGITS):
        grid = jnp.asarray(np.concatenate(points), dtype)
        values = jax.vmap(function)(grid)
        slopes = jax.vmap(jax.grad(function))(grid)
        worst = 0.0
        for number, (a, value) in enumerate(zip(exact(grid), values, strict=True)):
            worst = max(worst, ulps(value, reference(a), reference(a)))
            if number % 8 == 0:  # the reference of the slope is slow
                slope = mpmath.diff(reference, a)
                # Relative, except where sin a is small because a is near pi.
                worst = max(worst, ulps(slopes[number], slope, max(slope, a**2)))
        odd = function(-grid) + values
    assert worst <= 4.2  # Measured at most 2.1.
    assert not odd.any()


def test_zero_vectors():
    zero, one = jnp.zeros(3), jnp.ones(3)
    assert [a.tolist() for a in polar(zero)] == [0, [0, 0, 0]]
    for slope in jax.jacobian(polar)(zero):
        assert not slope.any()
    for x, y in [(zero, zero), (zero, one), (one, zero)]:
        assert all(a == pytest.approx(np.pi / 2) for a in angles(x, y))
        for slope in jax.tree.leaves(jax.jacobian(angles, (0, 1))(x, y)):
            assert not slope.any()


@pytest.mark.parametrize("factor", [1, 8, -1, -0.25])
def test_parallel_and_opposite(factor):
    x = jnp.array([0.3, -2.0, 0.7])
    theta, gap = angles(x, factor * x)
    assert (theta if factor > 0 else gap) == 0
    assert sine(theta, gap) == 0
    for slope in jax.tree.leaves(jax.jacobian(angles, (0, 1))(x, factor * x)):
        assert not slope.any()


def test_extreme_entries():
    largest = float(jnp.finfo("float32").max)
    for entry in (largest / 2, 1.2e-38):
        norm, direction = polar(jnp.full(3, entry))
        assert norm == pytest.approx(3**0.5 * entry, rel=1e-6)
        assert direction == pytest.approx(3**-0.5, rel=1e-6)
    assert jnp.isnan(polar(jnp.array([jnp.inf, 1.0]))[1]).any()


def test_angle_slope_is_that_of_the_angle():
    x, y = jnp.array([1.0, 2.0, -0.5]), jnp.array([0.3, -1.0, 2.0])
    cosine = x @ y / jnp.linalg.norm(x) / jnp.linalg.norm(y)
    with_arccos = -(y / jnp.linalg.norm(y) - cosine * x / jnp.linalg.norm(x))
    expected = with_arccos / jnp.sqrt(1 - cosine**2) / jnp.linalg.norm(x)
    slopes = jax.jacobian(angles)(x, y)
    assert jnp.allclose(slopes[0], expected, rtol=1e-5)
    assert jnp.allclose(slopes[1], -expected, rtol=1e-5)


def test_kinked_has_no_slope_at_zero():
    assert jnp.array_equal(jax.jacobian(kinked)(jnp.ones(2)), jnp.eye(2))
    assert jnp.isnan(jax.jacobian(kinked)(jnp.zeros(2))).all()
    assert not kinked(jnp.zeros(2)).any()
