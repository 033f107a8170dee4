import functools
import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst
from hypothesis import given, settings, strategies as st

from analytic import arc_cosine as analytic
from claims.arc_cosine import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import arc_cosine as empirical

DTYPES = ["float32", "float64"]
DEGREES = [0, 1, 2]
ANGLES = [1e-7, 1e-5, 1e-3, 0.03, 0.5, 1.0, 1.5, 1.6, 2.0, 2.6, 3.1]
NORMS = [(1.0, 1.0), (1e-3, 1e3), (700.0, 0.03)]
# Worst error over the pairs below, in ulp of |x|^n |y|^n. Measured 0.7, 1.7 and 6.2;
# the kernel of degree 2 reaches 3 on that scale, the others 1.
KERNEL_ULPS = {0: 1.5, 1: 3.5, 2: 13}
# Likewise for the gradient, in ulp of |x|^(n-1) |y|^n. Measured 1.3 and 8.0; the
# largest gradients are 1 and 6 on that scale.
GRADIENT_ULPS = {1: 3, 2: 16}
# Likewise for the series, in ulp of its value at |z|. Measured 0.7.
SERIES_ULPS = 1.5


def pairs(dtype):
    """Pairs of vectors in space with the angles and norms above, batched."""
    angles = np.array([*ANGLES, *(np.pi - a for a in ANGLES[:4])])
    frames = itertools.cycle([np.eye(3)[:2], np.array([[2, -3, 6], [6, -2, -3]]) / 7])
    rows = [
        (norm_x * u, norm_y * (np.cos(angle) * u + np.sin(angle) * v))
        for (norm_x, norm_y), angle, (u, v) in zip(
            NORMS * len(angles), np.repeat(angles, len(NORMS)), frames, strict=False
        )
    ]
    x, y = np.moveaxis(np.array(rows, dtype), 1, 0)
    return jnp.asarray(x), jnp.asarray(y)


def exact(vector):
    return mpmath.matrix([float(entry) for entry in vector])


def exact_angle(x, y):
    cosine = mpmath.fdot(x, y) / (mpmath.norm(x) * mpmath.norm(y))
    return mpmath.acos(max(-1, min(1, cosine)))


def angular_moment(theta, power_x, power_y):
    """Mean of (u.w)_+^p (v.w)_+^q over a circle of w, for units u, v; unnormalized."""
    return mpmath.quad(
        lambda t: mpmath.cos(t) ** power_x * mpmath.cos(t - theta) ** power_y,
        [theta - mpmath.pi / 2, mpmath.pi / 2],
        method="gauss-legendre",
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("degree", DEGREES)
def test_kernel_is_the_defining_integral(dtype, degree):
    with jax.enable_x64(dtype == "float64"):
        x, y = pairs(dtype)
        values = jax.jit(jax.vmap(lambda x, y: analytic.kernel(x, y, degree)))(x, y)
        assert values.dtype == dtype
    worst = Worst("arc_cosine.kernel", "|x|^n |y|^n", f"degree {degree}")
    with mpmath.workdps(DIGITS):
        # 2 E[r^2n] over the radius of two normal numbers, by hand.
        radial = 2**degree * mpmath.factorial(degree) / mpmath.pi
        for value, u, v in zip(values, map(exact, x), map(exact, y), strict=True):
            scale = (mpmath.norm(u) * mpmath.norm(v)) ** degree
            mean = radial * angular_moment(exact_angle(u, v), degree, degree)
            worst.add(value, scale * mean, scale, x=u, y=v)
    worst.check(KERNEL_ULPS[degree])


@pytest.mark.parametrize("degree", [1, 2])
def test_gradient_is_the_defining_integral(degree):
    with jax.enable_x64(True):
        x, y = pairs("float64")
        slope = jax.grad(lambda x, y: analytic.kernel(x, y, degree))
        gradient = jax.jit(jax.vmap(slope))(x, y)
    worst = Worst(
        "arc_cosine.kernel", "|x|^(n-1) |y|^n", f"degree {degree}", slope=True
    )
    with mpmath.workdps(DIGITS):
        radial = 2**degree * mpmath.factorial(degree) / mpmath.pi
        for values, x_i, y_i in zip(
            gradient, map(exact, x), map(exact, y), strict=True
        ):
            # E[n (u.w)_+^(n-1) (v.w)_+^n w] by the angle: w turns from u, towards v.
            u, v = x_i / mpmath.norm(x_i), y_i / mpmath.norm(y_i)
            theta = exact_angle(u, v)
            across = v - mpmath.cos(theta) * u
            along = angular_moment(theta, degree, degree)
            mixed = angular_moment(theta, degree - 1, degree + 1)
            # cos(t - theta) = cos t cos theta + sin t sin theta gives the sine moment.
            sine = (mixed - mpmath.cos(theta) * along) / mpmath.sin(theta)
            direction = along * u + sine * across / mpmath.norm(across)
            scale = mpmath.norm(x_i) ** (degree - 1) * mpmath.norm(y_i) ** degree
            for value, entry in zip(values, radial * degree * direction, strict=True):
                worst.add(value, scale * entry, scale, x=x_i, y=y_i)
    worst.check(GRADIENT_ULPS[degree])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("degree", DEGREES)
def test_series_has_the_squared_hermite_coefficients(dtype, degree):
    terms = 5
    cosines = np.array([-1, -0.97, -0.4, -1e-3, 0, 1e-7, 0.1, 0.7, 1], dtype)
    with jax.enable_x64(dtype == "float64"):
        points = jnp.asarray(cosines)
        values = jax.vmap(analytic.series, (0, None, None))(points, degree, terms)
        assert values.dtype == dtype
    worst = Worst("arc_cosine.series", "its value at |z|", f"degree {degree}")
    with mpmath.workdps(DIGITS):
        coefficients = [hermite(degree, k) for k in range(2 * terms + degree)]
        for value, cosine in zip(values, cosines, strict=True):
            z = mpmath.mpf(float(cosine))
            reference, scale = (
                mpmath.fsum(c * base**k for k, c in enumerate(coefficients))
                for base in (z, abs(z))
            )
            worst.add(value, reference, scale, z=z)
    worst.check(SERIES_ULPS)


@functools.cache
def hermite(degree, k):
    """Square of the Hermite coefficient number k of sqrt(2) z_+^n, by its integral."""
    moment = mpmath.quad(
        lambda z: (
            z**degree * mpmath.hermite(k, z / mpmath.sqrt(2)) * mpmath.exp(-z * z / 2)
        ),
        [0, 2, 6, 12, 20],
    )
    return moment**2 / (mpmath.pi * 2**k * mpmath.factorial(k))


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("terms", [1, 32])
def test_series_nears_the_kernel_as_promised(degree, terms):
    z = jnp.array([0.3, 0.8, 1.0])
    x = jnp.broadcast_to(jnp.array([1.0, 0]), (3, 2))
    y = jnp.stack([z, jnp.sqrt(1 - z * z)], axis=1)
    limit = jax.vmap(analytic.kernel, (0, 0, None))(x, y, degree)
    rest = limit - jax.vmap(analytic.series, (0, None, None))(z, degree, terms)
    bound = z ** (2 * terms + 1 + degree) * terms ** (-0.5 - degree)
    rounding = KERNEL_ULPS[degree] * jnp.finfo(z.dtype).eps
    assert jnp.all((rest >= -rounding) & (rest <= bound + rounding))


def test_series_beyond_one_is_nan():
    assert jnp.isfinite(analytic.series(jnp.array(-1.0), 1, 3))
    for side in (analytic.series, lambda *a: empirical.series(*a, weight=jnp.ones(2))):
        assert jnp.isnan(side(jnp.array(1.001), 1, 3))


@pytest.mark.parametrize("degree", DEGREES)
def test_zero_input(degree):
    zero, one = jnp.zeros(3), jnp.array([1.0, -2, 2])
    for x, y in [(zero, one), (one, zero), (zero, zero)]:
        assert analytic.kernel(x, y, degree) == 0
        assert empirical.kernel(x, y, degree, weight=jnp.ones(3)) == 0
        for argument in (0, 1):
            slope = jax.grad(analytic.kernel, argument)(x, y, degree)
            assert jnp.array_equal(slope, zero)


@pytest.mark.parametrize("factor", [1.0, 4.0, -1.0, -0.25])
def test_gradient_at_parallel_and_opposite_inputs(factor):
    x = jnp.array([0.3, -1.0, 2.0])
    y = factor * x
    ahead = max(factor, 0)
    # Degree 0 has a kink; k_1 = x . y and k_2 = 3 (x . y)^2 for parallel inputs.
    expected = [jnp.zeros(3), ahead * x, 6 * ahead**2 * jnp.sum(x * x) * x]
    for degree, slope in enumerate(expected):
        actual = jax.grad(analytic.kernel)(x, y, degree)
        atol = 32 * jnp.finfo(x.dtype).eps * jnp.linalg.norm(y) ** degree * 6
        assert jnp.allclose(actual, slope, rtol=0, atol=atol)


@pytest.mark.parametrize(
    ("length", "degree", "message"),
    [(2, 1, r"x and y must be vectors alike"), (3, 3, "degree must be 0, 1 or 2, got")],
)
def test_kernel_rejects(length, degree, message):
    with pytest.raises(ValueError, match=message):
        analytic.kernel(jnp.ones(3), jnp.ones(length), degree)
    with pytest.raises(ValueError, match=message):
        empirical.kernel(jnp.ones(3), jnp.ones(length), degree, weight=jnp.ones(3))


@pytest.mark.parametrize(
    ("shape", "degree", "terms", "message"),
    [
        ((2,), 0, 3, "cosine must be a scalar"),
        ((), 3, 3, "degree must be 0, 1 or 2, got degree=3"),
        ((), 0, 0, "terms must be at least 1, got terms=0"),
    ],
)
def test_series_rejects(shape, degree, terms, message):
    with pytest.raises(ValueError, match=message):
        analytic.series(jnp.zeros(shape), degree, terms)
    with pytest.raises(ValueError, match=message):
        empirical.series(jnp.zeros(shape), degree, terms, weight=jnp.ones(2))


numbers = st.floats(-9, 9, width=16)
inputs = st.lists(numbers, min_size=3, max_size=3).map(jnp.array)


@settings(deadline=None)
@given(inputs, inputs, st.sampled_from(DEGREES))
def test_symmetry_homogeneity_and_diagonal(x, y, degree):
    value = analytic.kernel(x, y, degree)
    scale = (jnp.linalg.norm(x) * jnp.linalg.norm(y)) ** degree
    assert analytic.kernel(y, x, degree) == value
    # Powers of two change no digit.
    assert analytic.kernel(4 * x, y / 2, degree) == 2**degree * value
    double_factorial = [1, 1, 3][degree] * bool(jnp.any(x != 0))
    square = jnp.sum(x * x) ** degree * double_factorial
    atol = KERNEL_ULPS[degree] * jnp.finfo(x.dtype).eps
    assert jnp.allclose(analytic.kernel(x, x, degree), square, rtol=2 * atol, atol=0)
    assert -atol * scale <= value


# Worst error of the angle and of its supplement, each in ulp of itself. Measured 1.1;
# the arccosine of the inner product is off by 0.15 at an angle of 1e-3 in float32.
ANGLE_ULPS = 6


def test_angles_keep_their_digits(precision):
    x, y = pairs(precision)
    found = jax.jit(jax.vmap(analytic.angle))(x, y)
    assert found.dtype == precision
    worst = Worst("arc_cosine.angle", "itself")
    with mpmath.workdps(DIGITS):
        for values, u, v in zip(found, map(exact, x), map(exact, y), strict=True):
            theta = exact_angle(u, v)
            for value, reference in zip(
                values, (theta, mpmath.pi - theta), strict=True
            ):
                worst.add(value, reference, reference, x=u, y=v)
    worst.check(ANGLE_ULPS)


def test_arccosine_loses_the_digits_that_the_angle_keeps():
    x = jnp.array([1.0, 0.0])
    y = jnp.array([np.cos(1e-3), np.sin(1e-3)], "float32")
    naive = float(jnp.arccos(jnp.sum(x * y) / jnp.linalg.norm(y)))
    assert abs(naive / 1e-3 - 1) > 0.01
    assert abs(float(analytic.angle(x, y)[0]) / 1e-3 - 1) < 1e-5


def test_angle_of_parallel_opposite_and_zero_vectors():
    x, zero = jnp.array([0.3, -1.0, 2.0]), jnp.zeros(3)
    for other, theta in [(2 * x, 0), (-2 * x, np.pi), (zero, np.pi / 2)]:
        expected = jnp.array([theta, np.pi - theta])
        for side in (analytic, empirical):
            assert jnp.allclose(side.angle(x, other), expected, atol=1e-6)
        slopes = jax.jacrev(analytic.angle, (0, 1))(x, other)
        assert all(jnp.array_equal(s, jnp.zeros((2, 3))) for s in slopes)
    for side in (analytic, empirical):
        with pytest.raises(ValueError, match="x and y must be vectors alike"):
            side.angle(x, jnp.ones(2))


@pytest.mark.parametrize("degree", DEGREES)
def test_biased_is_the_kernel_of_longer_inputs(degree, precision):
    x, y = (v[::4] for v in pairs(precision))
    weight, bias = (jnp.asarray(v, precision) for v in (1.5, 0.25))
    form = jax.jit(jax.vmap(lambda u, v: analytic.biased(u, v, degree, weight, bias)))
    values = form(x, y)
    assert values.dtype == precision
    lengths = "|x|^n |y|^n of the longer inputs"
    worst = Worst("arc_cosine.biased", lengths, f"degree {degree}")
    with mpmath.workdps(DIGITS):
        for value, u, v in zip(values, map(exact, x), map(exact, y), strict=True):
            # The mean over weights and bias depends on the covariance matrix alone.
            a, b, c = (
                mpmath.mpf(1.5) * mpmath.fdot(*w) / 3 + mpmath.mpf(0.25)
                for w in ((u, u), (v, v), (u, v))
            )
            theta = mpmath.atan2(mpmath.sqrt(a * b - c * c), c)
            scale = mpmath.sqrt(a * b) ** degree
            radial = 2**degree * mpmath.factorial(degree) / mpmath.pi
            mean = scale * radial * angular_moment(theta, degree, degree)
            worst.add(value, mean, scale, x=u, y=v)
    worst.check(KERNEL_ULPS[degree])


@pytest.mark.parametrize("degree", DEGREES)
def test_slope_in_a_bias_of_zero_is_that_from_above(degree):
    x = jnp.array([0.3, -2.0, 0.7])
    others = [jnp.array([1.0, 0.5, 2.0]), -x, 2 * x, x, 0 * x]
    with jax.enable_x64(True):
        slope = jax.jit(jax.grad(lambda *a: analytic.biased(*a[:2], degree, *a[2:]), 3))
        weight, none, small = (jnp.asarray(v) for v in (1.5, 0.0, 1e-9))
        for other in others:
            u, v = (jnp.asarray(w, "float64") for w in (x, other))
            found, near = (float(slope(u, v, weight, b)) for b in (none, small))
            if abs(near) > 1e3:  # Infinite at 0: a zero input, or the kink of a step.
                assert found == 0
            else:
                assert found == pytest.approx(near, rel=1e-4, abs=1e-4)
        zero = jnp.zeros(3)
        assert slope(zero, zero, weight, none) == (degree == 1)


def test_biased_at_zero():
    zero, one = jnp.zeros(3), jnp.array([1.0, -2, 2])
    weight, bias, none = jnp.array(2.0), jnp.array(0.5), jnp.array(0.0)
    # Units that see their bias alone: 2 E[(b^(1/2) z)_+^2] = b.
    assert jnp.allclose(analytic.biased(zero, zero, 1, weight, bias), bias)
    assert analytic.biased(zero, one, 1, weight, none) == 0
    expected = analytic.kernel(one, 2 * one, 1) * 2 / 3
    assert jnp.allclose(analytic.biased(one, 2 * one, 1, weight, none), expected)
    slopes = jax.grad(analytic.biased, (0, 1, 3, 4))(zero, one, 1, weight, none)
    assert all(jnp.isfinite(s).all() for s in slopes)
    assert slopes[3] == 0
    assert jnp.isnan(analytic.biased(one, one, 1, weight, -bias))
    noise = {"weight": jnp.ones(3), "bias": jnp.ones(())}
    draw = empirical.biased(zero, zero, 1, weight, bias, **noise)
    assert jnp.allclose(draw, 2 * bias)
    for side, more in ((analytic, {}), (empirical, noise)):
        with pytest.raises(ValueError, match="degree must be 0, 1 or 2, got"):
            side.biased(one, one, 3, weight, bias, **more)
        with pytest.raises(ValueError, match="x and y must be vectors alike"):
            side.biased(one, jnp.ones(2), 1, weight, bias, **more)
