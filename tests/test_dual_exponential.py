import jax
import jax.numpy as jnp
import mpmath
import pytest
from accuracy import Worst
from hypothesis import given, settings, strategies as st
from mpmath import mpf
from normal_pairs import compare, points, scalars, smooth_mean

from analytic import dual_exponential as analytic
from claims.dual_exponential import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import dual_exponential as empirical

NAMES = analytic.__all__
EXTRA = {"sin": (1.25, 0.5), "exp": (-0.75,), "gaussian": (0.5,)}
VARIANCES = [(1.0, 1.0), (1e-3, 8.0), (1.7, 0.3), (6.0, 6.0), (1e-6, 1e-6)]
# Worst error over the points below, of the dual and of its derivative, in ulp of the
# scale that the references state. Measured at most 1.9.
ULPS = {"cos": 4, "exp": 4, "gaussian": 4, "rbf": 4, "sin": 4}
FUNCTIONS = {
    "cos": (mpmath.cos, mpmath.sin),
    "rbf": (
        lambda z: mpmath.sqrt(2) * mpmath.sin(z + mpmath.pi / 4),
        lambda z: mpmath.sqrt(2) * mpmath.cos(z + mpmath.pi / 4),
    ),
    "sin": (
        lambda z: mpmath.sin(z * 5 / 4 + mpf(1) / 2),
        lambda z: mpmath.cos(z * 5 / 4 + mpf(1) / 2) * 5 / 4,
    ),
    "exp": (
        lambda z: mpmath.exp(-3 * z / 4),
        lambda z: -mpmath.exp(-3 * z / 4) * 3 / 4,
    ),
    "gaussian": (
        lambda z: mpmath.exp(-z * z / 2),
        lambda z: -z * mpmath.exp(-z * z / 2),
    ),
}


def form(name, slope=False):
    whole = getattr(analytic, name)
    return whole.derivative if slope else whole


def reference(name, slope):
    """The exact value, and the scale of its error."""

    def value(a, b, c, *extra):
        extra = tuple(map(mpf, extra))
        if name == "gaussian":
            (k,) = extra
            square = (1 + 2 * k * a) * (1 + 2 * k * b) - 4 * (k * c) ** 2
            exact = 4 * k**2 * c * square**-1.5 if slope else 1 / mpmath.sqrt(square)
            return exact, abs(exact)
        if name == "exp":
            exponent = extra[0] ** 2 * (a + b + 2 * c) / 2
            exact = mpmath.exp(exponent) * (extra[0] ** 2 if slope else 1)
            return exact, exact * max(1, exponent)
        frequency, phase = {
            "sin": extra,
            "cos": (1, mpmath.pi / 2),
            "rbf": (1, mpmath.pi / 4),
        }[name]
        low, high = (frequency**2 * (a + b + 2 * s * c) / 2 for s in (-1, 1))
        first, second = mpmath.exp(-low), mpmath.cos(2 * phase) * mpmath.exp(-high)
        exact = (first + second if slope else first - second) / 2
        factor = (frequency**2 if slope else 1) * (2 if name == "rbf" else 1)
        scale = max(first * max(1, low), abs(second) * max(1, high)) / 2
        if name == "cos":
            # No difference of the two terms costs digits, of equal size or not.
            scale = exact if not slope else abs(exact)
            scale *= max(1, low, high if c < 0 else low)
        return factor * exact, factor * scale

    return value


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("slope", [False, True])
def test_reference_is_the_defining_mean(name, slope):
    function, point = FUNCTIONS[name][slope], (0.25, 1.5, -0.55)
    with mpmath.workdps(25):
        exact = reference(name, slope)(*map(mpf, point), *EXTRA.get(name, ()))[0]
        assert abs(smooth_mean(function, function, *point) - exact) < 1e-17


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("slope", [False, True])
def test_value(name, slope, precision):
    arguments = points(precision, VARIANCES)
    exact, extra = reference(name, slope), EXTRA.get(name, ())
    exponent = "times its exponent, if above 1"
    scale = "itself" if name == "gaussian" else f"itself {exponent}"
    if name in ("sin", "rbf"):
        scale = f"the larger of its two terms {exponent}"
    what = "derivative" if slope else ""
    worst = Worst(f"dual_exponential.{name}", scale, what)
    compare(worst, form(name, slope), exact, arguments, extra)
    worst.check(ULPS[name])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("point", [(1.5, 0.5, 0.3), (0.2, 3.0, -0.7), (1.0, 1.0, 0.0)])
def test_price_identity(name, point):
    arguments = [*scalars(*point), *EXTRA.get(name, ())]
    derivative = jax.grad(form(name), argnums=2)(*arguments)
    expected = form(name, True)(*arguments)
    eps = jnp.finfo(expected.dtype).eps
    assert jnp.allclose(derivative, expected, rtol=16 * eps, atol=eps)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sign", [1, -1])
def test_perfect_correlation_and_a_zero_variance(name, sign):
    extra = EXTRA.get(name, ())
    function, twin = form(name), getattr(empirical, name)
    eps = jnp.finfo(jnp.float32).eps
    # All of the means are regular there, and so are their slopes.
    for point in [(0.25, 4.0, sign * 1.0), (0.0, 1.5, 0.0), (0.0, 0.0, 0.0)]:
        exact = reference(name, False)(*map(mpf, point), *extra)[0]
        value = function(*scalars(*point), *extra)
        assert jnp.allclose(value, float(exact), rtol=8 * eps, atol=eps)
        slopes = jax.grad(function, argnums=(0, 1, 2))(*scalars(*point), *extra)
        assert all(map(jnp.isfinite, slopes))
    for point in [(1.0, 1.0, 1.001 * sign), (-1.0, 1.0, 0.0), (0.0, 1.0, 0.1)]:
        assert jnp.isnan(function(*scalars(*point), *extra))
        assert jnp.isnan(twin(*scalars(*point), *extra, normals=jnp.ones(2)))


def test_a_large_covariance_does_not_overflow():
    # exp(2 c) would, in e_- - e_+ = e_+ (exp(2 c) - 1).
    value = analytic.sin(*scalars(100.0, 100.0, 100.0), 1.0, 0.0)
    assert jnp.allclose(value, 0.5)
    assert jnp.allclose(analytic.sin(*scalars(100.0, 100.0, -100.0), 1.0, 0.0), -0.5)


# One over the mean square at variance 1, as the tables of the sources print it.
GAINS = {"rbf": 1.0, "cos": 2 / (1 + mpmath.exp(-2)), "exp": mpmath.exp(-2 * 0.75**2)}
GAINS |= {"gaussian": mpmath.sqrt(3)}


@pytest.mark.parametrize("name", GAINS)
def test_gain_that_keeps_a_variance_of_one(name):
    ones = jnp.ones(())
    value = form(name)(ones, ones, ones, *EXTRA.get(name, ()))
    rtol = 8 * jnp.finfo(value.dtype).eps
    assert jnp.allclose(1 / value, float(GAINS[name]), rtol=rtol)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_rejects(position):
    arguments = scalars(1.0, 1.0, 0.5)
    arguments[position] = jnp.ones(2)
    message = f"{['variance_x', 'variance_y', 'covariance'][position]} must be a scalar"
    with pytest.raises(ValueError, match=message):
        analytic.cos(*arguments)
    with pytest.raises(ValueError, match=message):
        empirical.cos(*arguments, normals=jnp.ones(2))


variances = st.floats(0.125, 4, width=16)


@settings(deadline=None, max_examples=40)
@given(variances, variances, st.floats(-1, 1, width=16))
def test_symmetry_and_sums(a, b, correlation):
    a, b, c = scalars(a, b, correlation * (a * b) ** 0.5)
    eps = jnp.finfo(c.dtype).eps
    for name in NAMES:
        function, extra = form(name), EXTRA.get(name, ())
        value = function(a, b, c, *extra)
        assert jnp.allclose(value, function(b, a, c, *extra), rtol=4 * eps, atol=eps)
        # The Gram matrix of the two is positive semi-definite.
        first, second = (function(v, v, v, *extra) for v in (a, b))
        assert value**2 <= first * second * (1 + 32 * eps) + eps
    # cos u cos v + sin u sin v = cos(u - v), of the mean that the Fourier kernel has.
    total = analytic.cos(a, b, c) + analytic.sin(a, b, c, 1.0, 0.0)
    assert jnp.allclose(total, analytic.rbf(a, b, c), rtol=16 * eps, atol=eps)
