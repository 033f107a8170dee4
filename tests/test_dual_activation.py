import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, ulps
from hypothesis import given, settings, strategies as st

from analytic import dual_activation as analytic
from claims.dual_activation import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import dual_activation as empirical

DTYPES = ["float32", "float64"]
NAMES = ["relu", "relu_derivative", "erf", "erf_derivative"]
ANGLES = [1e-7, 1e-5, 1e-3, 0.03, 0.5, 1.0, 1.5, 1.6, 2.0, 2.6, 3.1]
VARIANCES = [(1.0, 1.0), (1e-6, 1e6), (1.7, 0.3), (1e6, 1e6), (1e-6, 1e-6)]
# Worst error over the points below, in ulp of the value itself. Measured 2.8, 1.2, 1.4
# and 1.0.
VALUE_ULPS = {"relu": 6, "relu_derivative": 2.5, "erf": 3, "erf_derivative": 2}
# Likewise for the three slopes, each in ulp of itself. Measured 1.0, 1.5, 3.5 and 3.5.
SLOPE_ULPS = {"relu": 2, "relu_derivative": 3, "erf": 7, "erf_derivative": 7}


def points(dtype):
    """Variances and covariances with the angles above, as far as rounding allows."""
    kind = np.dtype(dtype).type
    angles = [*ANGLES, *(np.pi - a for a in ANGLES[:4])]
    rows = [
        (kind(a), kind(b), kind(np.sqrt(a * b) * np.cos(angle)))
        for (a, b), angle in itertools.product(VARIANCES, angles)
    ]
    # One ulp from perfect correlation, where a b - c^2 is all rounding if done naively.
    eps = np.finfo(kind).eps
    one = kind(1)
    rows += [(one + 3 * eps, one, one + eps), (one, one, -one + eps / 2)]
    with mpmath.workdps(DIGITS):
        exact = [[mpmath.mpf(float(v)) for v in row] for row in rows]
        inside = [r for r, (a, b, c) in zip(rows, exact, strict=True) if a * b > c * c]
    return [jnp.asarray(column) for column in np.array(inside, dtype).T]


def reference(name, a, b, c):
    """The dual at 50 digits; its erf rows are tested against the definition below."""
    theta = mpmath.atan2(mpmath.sqrt(a * b - c * c), c)
    match name:
        case "relu":  # mean square radius 2, times the mean over the circle
            angular = mpmath.quad(
                lambda t: mpmath.cos(t) * mpmath.cos(t - theta),
                [theta - mpmath.pi / 2, mpmath.pi / 2],
                method="gauss-legendre",
            )
            return mpmath.sqrt(a * b) * 2 * angular / (2 * mpmath.pi)
        case "relu_derivative":  # the part of the circle where both are positive
            return (mpmath.pi - theta) / (2 * mpmath.pi)
        case "erf":
            ratio = 2 * c / mpmath.sqrt((1 + 2 * a) * (1 + 2 * b))
            return 2 / mpmath.pi * mpmath.asin(ratio)
        case _:
            radicand = (1 + 2 * a) * (1 + 2 * b) - 4 * c * c
            return 4 / mpmath.pi / mpmath.sqrt(radicand)


@pytest.mark.parametrize("name", ["erf", "erf_derivative"])
@pytest.mark.parametrize("point", [(1.0, 0.5, 0.3), (0.25, 1.5, -0.55)])
def test_reference_is_the_defining_mean(name, point):
    function = {
        "erf": mpmath.erf,
        "erf_derivative": lambda z: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-z * z),
    }[name]
    with mpmath.workdps(25):
        a, b, c = map(mpmath.mpf, point)
        # The trapezoidal rule is exponentially accurate for a normal mean.
        step = mpmath.mpf(1) / 5
        nodes = [step * k for k in range(-48, 49)]
        weights = [step * mpmath.npdf(z) for z in nodes]
        scale, spread = mpmath.sqrt(a), mpmath.sqrt(b - c * c / a)
        mean = mpmath.fsum(
            weight_1
            * function(scale * z_1)
            * mpmath.fsum(
                weight_2 * function(c / scale * z_1 + spread * z_2)
                for weight_2, z_2 in zip(weights, nodes, strict=True)
            )
            for weight_1, z_1 in zip(weights, nodes, strict=True)
        )
        assert abs(mean - reference(name, a, b, c)) < mpmath.mpf(10) ** -18


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_value(name, dtype):
    with jax.enable_x64(dtype == "float64"):
        arguments = points(dtype)
        values = jax.jit(jax.vmap(getattr(analytic, name)))(*arguments)
        assert values.dtype == dtype
    worst = 0
    with mpmath.workdps(DIGITS):
        for value, *row in zip(values, *arguments, strict=True):
            exact = reference(name, *(mpmath.mpf(float(v)) for v in row))
            worst = max(worst, ulps(value, exact, exact))
    assert worst <= VALUE_ULPS[name]


@pytest.mark.parametrize("name", NAMES)
def test_slopes(name):
    with jax.enable_x64(True):
        arguments = [v[::3] for v in points("float64")]
        function = jax.grad(getattr(analytic, name), argnums=(0, 1, 2))
        slopes = jax.jit(jax.vmap(function))(*arguments)
    worst = 0
    with mpmath.workdps(2 * DIGITS):  # half of them go into the difference quotient
        for *values, a, b, c in zip(*slopes, *arguments, strict=True):
            row = [mpmath.mpf(float(v)) for v in (a, b, c)]
            a, b, c = row
            step = (a * b - c * c) / (1 + a + b) ** 2 / mpmath.mpf(10) ** 20
            for k, value in enumerate(values):
                moved = [
                    reference(
                        name, *(v + sign * step * (i == k) for i, v in enumerate(row))
                    )
                    for sign in (-1, 1)
                ]
                exact = (moved[1] - moved[0]) / (2 * step)
                worst = max(worst, ulps(value, exact, exact))
    assert worst <= SLOPE_ULPS[name]


def scalars(*values):
    return [jnp.array(v) for v in values]


@pytest.mark.parametrize(("function", "slope"), [NAMES[:2], NAMES[2:]])
@pytest.mark.parametrize("point", [(1.5, 0.5, 0.3), (0.2, 3.0, -0.7), (1.0, 4.0, 1.9)])
def test_price_identity(function, slope, point):
    arguments = scalars(*point)
    derivative = jax.grad(getattr(analytic, function), argnums=2)(*arguments)
    expected = getattr(analytic, slope)(*arguments)
    rtol = SLOPE_ULPS[function] * jnp.finfo(expected.dtype).eps
    assert jnp.allclose(derivative, expected, rtol=rtol, atol=0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sign", [1, -1])
def test_perfect_correlation_and_beyond(name, sign):
    a, b, c = scalars(0.25, 4.0, sign * 1.0)
    both = sign > 0
    expected = {
        "relu": 0.5 * both,
        "relu_derivative": 0.5 * both,
        "erf": sign * 2 / np.pi * np.arcsin(2 / np.sqrt(1.5 * 9)),
        "erf_derivative": 4 / np.pi / np.sqrt(1 + 2 * 4.25),
    }[name]
    function = getattr(analytic, name)
    eps = jnp.finfo(c.dtype).eps
    # Two ulp of c are four of its square: beyond the limit, but by rounding only.
    for covariance in (c, c * (1 + eps)):
        value = function(a, b, covariance)
        assert jnp.allclose(value, expected, rtol=4 * eps, atol=eps)
    noise = {"normals": jnp.array([0.5, -0.3])}
    measured = getattr(empirical, name)(a, b, c * (1 + eps), **noise)
    assert jnp.isfinite(measured)
    assert jnp.isnan(function(a, b, c * (1 + 8 * eps)))
    assert jnp.isnan(getattr(empirical, name)(a, b, c * (1 + 8 * eps), **noise))
    slopes = jax.grad(function, argnums=(0, 1, 2))(a, b, c)
    assert all(map(jnp.isfinite, slopes))
    match name:
        case "relu":
            assert jnp.allclose(jnp.array(slopes), jnp.array([0, 0, 0.5 * both]))
        case "relu_derivative":
            assert slopes == (0, 0, 0)


@pytest.mark.parametrize("name", NAMES)
def test_zero_variance(name):
    function, twin = getattr(analytic, name), getattr(empirical, name)
    b = 1.5
    # erf' is 2 / sqrt(pi) at zero, and its mean at v is that over sqrt(1 + 2b).
    expected = 4 / np.pi / np.sqrt(1 + 2 * b) if name == "erf_derivative" else 0
    for point in [(0.0, b, 0.0), (b, 0.0, 0.0)]:
        assert jnp.allclose(function(*scalars(*point)), expected)
        slopes = jax.grad(function, argnums=(0, 1, 2))(*scalars(*point))
        assert all(map(jnp.isfinite, slopes))
        if name.startswith("relu"):
            assert slopes == (0, 0, 0)
            assert twin(*scalars(*point), normals=jnp.ones(2)) == 0
    assert jnp.isfinite(function(*scalars(0.0, 0.0, 0.0)))
    for point in [(0.0, b, 0.1), (-1.0, b, 0.0), (b, -1.0, 0.0), (-1.0, -1.0, 0.5)]:
        assert jnp.isnan(function(*scalars(*point)))
        assert jnp.isnan(twin(*scalars(*point), normals=jnp.ones(2)))


def test_slope_in_vectors_at_a_kink():
    def kernel(x, y):
        return analytic.relu(jnp.sum(x * x), jnp.sum(y * y), jnp.sum(x * y))

    x = jnp.array([0.3, -1.0, 2.0])
    # E[(w.x)_+ (w.y)_+] = x.y / 2 for parallel x and y, and 0 for opposite ones.
    for factor, expected in [(2, x), (-2, jnp.zeros(3))]:
        slope = jax.grad(kernel)(x, factor * x)
        assert jnp.allclose(slope, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("position", [0, 1, 2])
def test_rejects(name, position):
    arguments = scalars(1.0, 1.0, 0.5)
    arguments[position] = jnp.ones(2)
    message = f"{['variance_x', 'variance_y', 'covariance'][position]} must be a scalar"
    with pytest.raises(ValueError, match=message):
        getattr(analytic, name)(*arguments)
    with pytest.raises(ValueError, match=message):
        getattr(empirical, name)(*arguments, normals=jnp.ones(2))


variances = st.floats(0.125, 8, width=16)


@settings(deadline=None)
@given(variances, variances, st.floats(-1, 1, width=16))
def test_symmetry_homogeneity_and_halves(a, b, correlation):
    a, b, c = scalars(a, b, correlation * (a * b) ** 0.5)
    for name in NAMES:
        function = getattr(analytic, name)
        assert function(a, b, c) == function(b, a, c)
    assert analytic.relu(4 * a, 4 * b, 4 * c) == 4 * analytic.relu(a, b, c)
    # u_+ v_+ - (-u)_+ v_+ = u v_+, of mean c / 2; so for the step, of mean 1/2.
    eps = jnp.finfo(c.dtype).eps
    odd = analytic.relu(a, b, c) - analytic.relu(a, b, -c)
    assert jnp.allclose(odd, c / 2, rtol=0, atol=8 * eps * jnp.sqrt(a * b))
    steps = analytic.relu_derivative(a, b, c) + analytic.relu_derivative(a, b, -c)
    assert jnp.allclose(steps, 0.5, rtol=0, atol=4 * eps)
    assert analytic.erf(a, b, -c) == -analytic.erf(a, b, c)
