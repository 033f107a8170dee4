import jax
import jax.numpy as jnp
import mpmath
import pytest
from accuracy import DIGITS, Worst
from hypothesis import given, settings, strategies as st
from mpmath import mpf
from normal_pairs import broken_mean, compare, points, scalars, smooth_mean

from analytic import dual_activation as analytic
from claims.dual_activation import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import dual_activation as empirical

NAMES = analytic.__all__
EXTRA = {"relu_power": (3,), "abrelu": (0.25, -1.5)}
VARIANCES = [(1.0, 1.0), (1e-6, 1e6), (1.7, 0.3), (1e6, 1e6), (1e-6, 1e-6)]
# Worst error over the points below, of the dual and of its derivative, in ulp of the
# scale that the references state: the value itself, or the larger term. Measured 1.1
# and 1.0, 1.5 and 1.0, 2.7 and 1.1, 3.4 and 4.2, 2.0 and 1.1, 1.4 and 1.5, 1.3 and 1.0,
# 1.1 and 0.8, 1.4 and 1.5.
ULPS = {
    "step": (2.5, 2),
    "sign": (3, 2),
    "relu": (6, 2.5),
    "relu_power": (7, 8),
    "abrelu": (4, 2.5),
    "abs": (3, 3),
    "erf": (3, 2),
    "probit": (2.5, 2),
    "gelu": (3, 3),
}
# Likewise for the three slopes, each in ulp of itself or of the larger term. Measured
# 1.1, 1.0, 3.5, 2.3, 0.9 and 2.2.
SLOPE_ULPS = {"step": 3, "relu": 2, "erf": 7, "probit": 5, "abs": 2, "relu_power": 5}


def form(name, slope=False):
    whole = getattr(analytic, name)
    return whole.derivative if slope else whole


def errors(name, what="", slope=False):
    """The errors of a dual, in ulp of the scale that its reference states."""
    two = name in ("abrelu", "gelu")
    scale = "the larger of its two terms" if two else "itself"
    return Worst(f"dual_activation.{name}", scale, what, slope=slope)


def angle(a, b, c):
    return mpmath.atan2(mpmath.sqrt(a * b - c * c), c)


def relu_moment(a, b, c, degree=1):
    """E[(u_+ v_+)^n]: a mean over the circle, times the mean of the radius to 2n."""
    gap = mpmath.pi - angle(a, b, c)  # the length of the arc where both are positive
    angular = gap ** (2 * degree + 1) * mpmath.quad(
        lambda t: (mpmath.sin(gap * t) * mpmath.sin(gap * (1 - t)) / gap**2) ** degree,
        [0, 1],  # of order one, as the rule stops at an absolute error
        method="gauss-legendre",
    )
    radial = 2**degree * mpmath.factorial(degree)
    return mpmath.sqrt(a * b) ** degree * radial * angular / (2 * mpmath.pi)


def exact_step(a, b, c):
    return (mpmath.pi - angle(a, b, c)) / (2 * mpmath.pi)


def exact_gelu(a, b, c):
    root = mpmath.sqrt((1 + a) * (1 + b) - c * c)
    active = mpmath.atan2(root, -c) / (2 * mpmath.pi)
    rest = a * b + c * c * (1 / (1 + a) + 1 / (1 + b) - 1)
    return c * active, rest / (2 * mpmath.pi * root)


def reference(name, slope):
    """The exact value, and the scale of its error."""

    def own(value):
        return value, abs(value)

    def value(a, b, c, *extra):
        root = mpmath.sqrt(a * b - c * c)
        match name, slope:
            case ("step", True):
                return own(1 / (2 * mpmath.pi * root))
            case ("step", False) | ("relu", True):
                return own(exact_step(a, b, c))
            case ("sign", True):
                return own(2 / (mpmath.pi * root))
            case ("sign", False) | ("abs", True):
                return own(2 / mpmath.pi * mpmath.atan2(c, root))
            case ("relu", False):
                return own(relu_moment(a, b, c))
            case ("relu_power", _):
                degree = extra[0] - slope
                return own(relu_moment(a, b, c, degree) * extra[0] ** (2 * slope))
            case ("abrelu", _):
                low, high = map(mpf, extra)
                first = low * high * (1 if slope else c)
                mean = exact_step(a, b, c) if slope else relu_moment(a, b, c)
                second = (high - low) ** 2 * mean
                return first + second, max(abs(first), second)
            case ("abs", False):
                return own(4 * relu_moment(a, b, c) - c)
            case ("erf", _):
                square = (1 + 2 * a) * (1 + 2 * b)
                if slope:
                    return own(4 / mpmath.pi / mpmath.sqrt(square - 4 * c * c))
                return own(2 / mpmath.pi * mpmath.asin(2 * c / mpmath.sqrt(square)))
            case ("probit", _):
                square = (1 + a) * (1 + b)
                if slope:
                    return own(1 / (2 * mpmath.pi * mpmath.sqrt(square - c * c)))
                arcsine = mpmath.asin(c / mpmath.sqrt(square))
                return own(mpf(1) / 4 + arcsine / (2 * mpmath.pi))
            case ("gelu", False):
                first, second = exact_gelu(a, b, c)
                return first + second, max(abs(first), second)
            case _:
                square = (1 + a) * (1 + b) - c * c
                first = mpmath.atan2(mpmath.sqrt(square), -c) / (2 * mpmath.pi)
                second = c * (1 / (1 + a) + 1 / (1 + b) + 1 / square)
                second /= 2 * mpmath.pi * mpmath.sqrt(square)
                return first + second, max(first, abs(second))

    return value


DEFINITIONS = {
    "erf": (mpmath.erf, lambda z: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-z * z)),
    "probit": (mpmath.ncdf, mpmath.npdf),
    "gelu": (
        lambda z: z * mpmath.ncdf(z),
        lambda z: mpmath.ncdf(z) + z * mpmath.npdf(z),
    ),
    "abs": (abs, mpmath.sign),
    "abrelu": (
        lambda z: z * (mpf(1) / 4 if z < 0 else -mpf(3) / 2),
        lambda z: mpf(1) / 4 if z < 0 else -mpf(3) / 2,
    ),
}


@pytest.mark.parametrize("name", DEFINITIONS)
@pytest.mark.parametrize("slope", [False, True])
def test_reference_is_the_defining_mean(name, slope):
    function, point = DEFINITIONS[name][slope], (0.25, 1.5, -0.55)
    mean = broken_mean if name.startswith("ab") else smooth_mean
    with mpmath.workdps(20):
        exact = reference(name, slope)(*map(mpf, point), *EXTRA.get(name, ()))[0]
        assert abs(mean(function, function, *point) - exact) < 1e-14


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("slope", [False, True])
def test_value(name, slope, precision):
    arguments = points(precision, VARIANCES)
    exact, extra = reference(name, slope), EXTRA.get(name, ())
    worst = errors(name, "derivative" if slope else "")
    compare(worst, form(name, slope), exact, arguments, extra)
    worst.check(ULPS[name][slope])


@pytest.mark.parametrize("degree", [1, 2, 5])
def test_powers(degree, precision):
    arguments = [v[::2] for v in points(precision, VARIANCES[:3])]
    exact = reference("relu_power", False)
    worst = errors("relu_power")
    compare(worst, analytic.relu_power, exact, arguments, (degree,))
    worst.check(ULPS["relu_power"][0])


@pytest.mark.parametrize("name", SLOPE_ULPS)
def test_slopes(name):
    extra = EXTRA.get(name, ())
    with jax.enable_x64(True):
        arguments = [v[::3] for v in points("float64", VARIANCES)]

        def one(*row):
            return form(name)(*row, *extra)

        slopes = jax.jit(jax.vmap(jax.grad(one, argnums=(0, 1, 2))))(*arguments)
    worst = errors(name, slope=True)
    with mpmath.workdps(2 * DIGITS):  # half of them go into the difference quotient
        for *values, a, b, c in zip(*slopes, *arguments, strict=True):
            row = [mpf(float(v)) for v in (a, b, c)]
            a, b, c = row
            step = (a * b - c * c) / (1 + a + b) ** 2 / mpf(10) ** 20
            for k, value in enumerate(values):
                moved = [
                    reference(name, False)(
                        *(v + sign * step * (i == k) for i, v in enumerate(row)), *extra
                    )[0]
                    for sign in (-1, 1)
                ]
                exact = (moved[1] - moved[0]) / (2 * step)
                scale = abs(exact)
                if name == "relu_power" and k < 2:  # a difference of two terms
                    first = 3 * reference(name, False)(a, b, c, 3)[0]
                    second = abs(c) * reference(name, True)(a, b, c, 3)[0]
                    scale = max(first, second) / (2 * row[k])
                worst.add(value, exact, scale, at=row)
    worst.check(SLOPE_ULPS[name])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("point", [(1.5, 0.5, 0.3), (0.2, 3.0, -0.7), (1.0, 4.0, 1.9)])
def test_price_identity(name, point):
    arguments = [*scalars(*point), *EXTRA.get(name, ())]
    derivative = jax.grad(form(name), argnums=2)(*arguments)
    expected = form(name, True)(*arguments)
    eps = jnp.finfo(expected.dtype).eps
    # Both are built of the same few operations; measured 4 ulp.
    assert jnp.allclose(derivative, expected, rtol=16 * eps, atol=eps)


# One over the mean square at variance 1, as the tables of the sources print it.
GAINS = {"step": 2, "sign": 1, "relu": 2, "relu_power": 2 / 15, "abs": 1, "probit": 3}
GAINS |= {"erf": 2.1525788606, "gelu": 2.3517156141, "abrelu": 2 / (0.25**2 + 1.5**2)}


@pytest.mark.parametrize("name", NAMES)
def test_gain_that_keeps_a_variance_of_one(name):
    ones = jnp.ones(())
    value = form(name)(ones, ones, ones, *EXTRA.get(name, ()))
    assert jnp.allclose(1 / value, GAINS[name], rtol=8 * jnp.finfo(value.dtype).eps)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sign", [1, -1])
def test_perfect_correlation_and_beyond(name, sign):
    a, b, c = scalars(0.25, 4.0, sign * 1.0)
    extra = EXTRA.get(name, ())
    with mpmath.workdps(DIGITS):  # just inside, where the reference is defined
        near = mpf(sign) * (1 - mpf(10) ** -40)
        expected = float(reference(name, False)(mpf(0.25), mpf(4), near, *extra)[0])
    function = form(name)
    eps = jnp.finfo(c.dtype).eps
    # Two ulp of c are four of its square: beyond the limit, but by rounding only.
    for covariance in (c, c * (1 + eps)):
        value = function(a, b, covariance, *extra)
        assert jnp.allclose(value, expected, rtol=8 * eps, atol=2 * eps)
    noise = {"normals": jnp.array([0.5, -0.3])}
    twin = getattr(empirical, name)
    assert jnp.isfinite(twin(a, b, c * (1 + eps), *extra, **noise))
    assert jnp.isnan(function(a, b, c * (1 + 8 * eps), *extra))
    assert jnp.isnan(twin(a, b, c * (1 + 8 * eps), *extra, **noise))
    slopes = jax.grad(function, argnums=(0, 1, 2))(a, b, c, *extra)
    assert all(map(jnp.isfinite, slopes))
    if name in ("step", "sign"):
        assert slopes == (0, 0, 0)
        assert jnp.isinf(function.derivative(a, b, c))


@pytest.mark.parametrize("name", NAMES)
def test_zero_variance(name):
    function, twin = form(name), getattr(empirical, name)
    b, extra = 1.5, EXTRA.get(name, ())
    expected = 0.25 if name == "probit" else 0
    for point in [(0.0, b, 0.0), (b, 0.0, 0.0), (0.0, 0.0, 0.0)]:
        assert jnp.allclose(function(*scalars(*point), *extra), expected)
        slopes = jax.grad(function, argnums=(0, 1, 2))(*scalars(*point), *extra)
        assert all(map(jnp.isfinite, slopes))
        if expected == 0:
            draw = twin(*scalars(*point), *extra, normals=jnp.ones(2))
            assert draw == 0
    for point in [(0.0, b, 0.1), (-1.0, b, 0.0), (b, -1.0, 0.0), (-1.0, -1.0, 0.5)]:
        assert jnp.isnan(function(*scalars(*point), *extra))
        assert jnp.isnan(twin(*scalars(*point), *extra, normals=jnp.ones(2)))


def test_slope_in_vectors_at_a_kink():
    def kernel(x, y):
        return analytic.relu(jnp.sum(x * x), jnp.sum(y * y), jnp.sum(x * y))

    x = jnp.array([0.3, -1.0, 2.0])
    # E[(w.x)_+ (w.y)_+] = x.y / 2 for parallel x and y, and 0 for opposite ones.
    for factor, expected in [(2, x), (-2, jnp.zeros(3))]:
        slope = jax.grad(kernel)(x, factor * x)
        assert jnp.allclose(slope, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_rejects(position):
    arguments = scalars(1.0, 1.0, 0.5)
    arguments[position] = jnp.ones(2)
    message = f"{['variance_x', 'variance_y', 'covariance'][position]} must be a scalar"
    for name in ("relu", "gelu"):
        for function in (form(name), form(name, True)):
            with pytest.raises(ValueError, match=message):
                function(*arguments)
        twin = getattr(empirical, name)
        for function in (twin, twin.derivative):
            with pytest.raises(ValueError, match=message):
                function(*arguments, normals=jnp.ones(2))


def test_rejects_a_degree():
    for function in (analytic.relu_power, analytic.relu_power.derivative):
        with pytest.raises(ValueError, match="degree must be at least 1, got degree=0"):
            function(*scalars(1.0, 1.0, 0.5), 0)


variances = st.floats(0.125, 8, width=16)


@settings(deadline=None, max_examples=40)
@given(variances, variances, st.floats(-1, 1, width=16))
def test_symmetry_homogeneity_and_halves(a, b, correlation):
    a, b, c = scalars(a, b, correlation * (a * b) ** 0.5)
    eps = jnp.finfo(c.dtype).eps
    for name in NAMES:
        function, extra = form(name), EXTRA.get(name, ())
        value = function(a, b, c, *extra)
        assert jnp.allclose(value, function(b, a, c, *extra), rtol=4 * eps, atol=eps)
        # The Gram matrix of the two is positive semi-definite.
        first, second = (function(v, v, v, *extra) for v in (a, b))
        assert value**2 <= first * second * (1 + 32 * eps)
    assert analytic.relu(4 * a, 4 * b, 4 * c) == 4 * analytic.relu(a, b, c)
    # u_+ v_+ - (-u)_+ v_+ = u v_+, of mean c / 2; so for the step, of mean 1/2.
    odd = analytic.relu(a, b, c) - analytic.relu(a, b, -c)
    assert jnp.allclose(odd, c / 2, rtol=0, atol=8 * eps * jnp.sqrt(a * b))
    steps = analytic.step(a, b, c) + analytic.step(a, b, -c)
    assert jnp.allclose(steps, 0.5, rtol=0, atol=4 * eps)
    assert analytic.erf(a, b, -c) == -analytic.erf(a, b, c)
    # |z| = z_+ + (-z)_+ and Phi(z) = (1 + erf(z / sqrt 2)) / 2.
    both = 2 * (analytic.relu(a, b, c) + analytic.relu(a, b, -c))
    assert jnp.allclose(analytic.abs(a, b, c), both, rtol=8 * eps)
    halves = (1 + analytic.erf(a / 2, b / 2, c / 2)) / 4
    assert jnp.allclose(analytic.probit(a, b, c), halves, rtol=0, atol=4 * eps)
