import hypothesis
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import Worst
from hypothesis import settings, strategies as st
from mpmath import mpf
from normal_pairs import compare, points, scalars, smooth_mean

from analytic import dual_polynomial as analytic
from claims.dual_polynomial import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import dual_polynomial as empirical

COEFFICIENTS = (0.5, -1.25, 0.75, 0.25)
EXTRA = {
    "monomial": (5,),
    "monomial_pair": (2, 4),
    "polynomial": (COEFFICIENTS,),
    "hermite_poly": (4,),
}
NAMES = list(EXTRA)
VARIANCES = [(1.0, 1.0), (1e-3, 8.0), (1.7, 0.3), (1e-6, 1e-6)]
# Worst error over the points below, of the dual and of its derivative, in ulp of the
# sum of the sizes of the terms. Measured at most 1.5.
ULPS = 5


def given(name):
    """The parameters as the closed forms take them."""
    extra = EXTRA[name]
    return (jnp.array(extra[0]),) if name == "polynomial" else extra


def form(name, slope=False):
    whole = getattr(analytic, name)
    return whole.derivative if slope else whole


def hermite_powers(degree):
    """Coefficients of h_n, lowest power first."""
    return np.polynomial.hermite_e.herme2poly([0] * degree + [1])


def polynomials(name, slope):
    """The two polynomials whose product is averaged, lowest power first."""
    match name:
        case "monomial" | "monomial_pair":
            degrees = EXTRA[name] * (2 if name == "monomial" else 1)
            found = [[0] * n + [1] for n in degrees]
        case "polynomial":
            found = [COEFFICIENTS] * 2
        case _:
            found = [hermite_powers(4)] * 2
    return [np.polynomial.polynomial.polyder(p) if slope else p for p in found]


def moment(a, b, c, n, m):
    """E[u^n v^m] by E[u f] = a E[f_u] + c E[f_v] (Stein), one power at a time."""
    if n == 0:
        return mpmath.fac2(m - 1) * b ** (m // 2) if m % 2 == 0 else mpf(0)
    rest = (n - 1) * a * moment(a, b, c, n - 2, m) if n > 1 else 0
    return rest + (m * c * moment(a, b, c, n - 1, m - 1) if m else 0)


def reference(name, slope):
    """The exact value, and the sum of the sizes of the terms of the closed form."""
    first, second = polynomials(name, slope)

    def value(a, b, c):
        terms = [
            (mpf(float(p)) * mpf(float(q)), moment(a, b, c, i, j), i, j)
            for i, p in enumerate(first)
            for j, q in enumerate(second)
            if p and q
        ]
        exact = mpmath.fsum(p * m for p, m, *_ in terms)
        if name == "hermite_poly":
            n = EXTRA[name][0] - slope
            product = abs((a - 1) * (b - 1)) / 4
            scale = mpmath.fsum(
                mpmath.factorial(n) ** 2
                * product ** ((n - k) // 2)
                * abs(c) ** k
                / mpmath.factorial((n - k) // 2) ** 2
                / mpmath.factorial(k)
                for k in range(n % 2, n + 1, 2)
            ) * (n + 1) ** (2 * slope)
            # The differences a - 1 and b - 1 are exact, but what they cancel is not.
            return exact, scale
        return exact, mpmath.fsum(abs(p * m) for p, m, *_ in terms)

    return value


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("slope", [False, True])
def test_reference_is_the_defining_mean(name, slope):
    first, second = ([mpf(float(v)) for v in p] for p in polynomials(name, slope))
    with mpmath.workdps(25):
        exact = reference(name, slope)(mpf(0.25), mpf(1.5), mpf(-0.55))[0]
        mean = smooth_mean(
            lambda z: mpmath.fsum(p * z**k for k, p in enumerate(first)),
            lambda z: mpmath.fsum(p * z**k for k, p in enumerate(second)),
            *(0.25, 1.5, -0.55),
        )
        assert abs(mean - exact) < 1e-14 * max(abs(exact), 1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("slope", [False, True])
def test_value(name, slope, precision):
    arguments = points(precision, VARIANCES)
    if name == "hermite_poly":  # The rounding of a near 1 is no error of the form.
        arguments = [v[: -2 or None] for v in arguments]
    extra = given(name)
    if name == "polynomial":
        extra = (extra[0].astype(precision),)
    exact = reference(name, slope)
    scale = "itself" if name.startswith("mono") else "the sum of the sizes of its terms"
    what = "derivative" if slope else ""
    worst = Worst(f"dual_polynomial.{name}", scale, what)
    compare(worst, lambda *row: form(name, slope)(*row, *extra), exact, arguments)
    worst.check(ULPS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("point", [(1.5, 0.5, 0.3), (0.2, 3.0, -0.7), (0.0, 1.0, 0.0)])
def test_price_identity_and_finite_slopes(name, point):
    arguments = [*scalars(*point), *given(name)]
    slopes = jax.grad(form(name), argnums=(0, 1, 2))(*arguments)
    assert all(map(jnp.isfinite, slopes))
    expected = form(name, True)(*arguments)
    eps = jnp.finfo(expected.dtype).eps
    assert jnp.allclose(slopes[2], expected, rtol=64 * eps, atol=64 * eps)


@pytest.mark.parametrize("name", NAMES)
def test_impossible_covariances_are_nan(name):
    for point in [(1.0, 1.0, 1.001), (-1.0, 1.0, 0.0), (0.0, 1.0, 0.1)]:
        assert jnp.isnan(form(name)(*scalars(*point), *given(name)))
        twin = getattr(empirical, name)
        assert jnp.isnan(twin(*scalars(*point), *given(name), normals=jnp.ones(2)))


@pytest.mark.parametrize("degree", [0, 1, 2, 7])
def test_known_values(degree):
    one, half = scalars(1.0, 0.5)
    double_factorial = float(mpmath.fac2(2 * degree - 1))
    assert analytic.monomial(one, one, one, degree) == double_factorial
    expected = float(mpmath.factorial(degree)) * 0.5**degree
    assert jnp.allclose(analytic.hermite_poly(one, one, half, degree), expected)
    assert analytic.monomial_pair(one, one, half, degree, degree + 1) == 0
    slope = analytic.monomial.derivative(one, one, one, degree)
    assert (slope == 0) == (degree == 0)


def test_rejects():
    point = scalars(1.0, 1.0, 0.5)
    with pytest.raises(ValueError, match="degree must be at least 0, got degree=-1"):
        analytic.monomial(*point, -1)
    with pytest.raises(
        ValueError, match="degree_y must be at least 0, got degree_y=-2"
    ):
        analytic.monomial_pair(*point, 1, -2)
    with pytest.raises(ValueError, match="degree must be at least 0, got degree=-1"):
        analytic.hermite_poly.derivative(*point, -1)
    noise = {"normals": jnp.ones(2)}
    for name, bad in [("monomial", (-1,)), ("hermite_poly", (-1,))]:
        with pytest.raises(ValueError, match="degree must be at least 0"):
            getattr(empirical, name)(*point, *bad, **noise)
    for shape in [(0,), (2, 2)]:
        with pytest.raises(ValueError, match="coefficients must be a vector"):
            analytic.polynomial(*point, jnp.ones(shape))
        with pytest.raises(ValueError, match="coefficients must be a vector"):
            empirical.polynomial(*point, jnp.ones(shape), **noise)


variances = st.floats(0.125, 4, width=16)


@settings(deadline=None, max_examples=30)
@hypothesis.given(variances, variances, st.floats(-1, 1, width=16))
def test_symmetry_and_definiteness(a, b, correlation):
    a, b, c = scalars(a, b, correlation * (a * b) ** 0.5)
    eps = jnp.finfo(c.dtype).eps
    for name in ("monomial", "polynomial", "hermite_poly"):
        function, extra = form(name), given(name)
        first, second = (function(v, v, v, *extra) for v in (a, b))
        # No sum of terms, of degree 5 at most, exceeds the last of these moments.
        largest = analytic.monomial(*[a + b + 2] * 3, 5)
        slack = 16 * eps * largest
        value = function(a, b, c, *extra)
        assert jnp.allclose(value, function(b, a, c, *extra), rtol=0, atol=slack)
        # The Gram matrix of the two is positive semi-definite.
        assert value**2 <= first * second + slack * (first + second + slack)
    # A polynomial with one coefficient is a monomial.
    unit = jnp.array([0.0, 0, 0, 1])
    value, expected = analytic.polynomial(a, b, c, unit), analytic.monomial(a, b, c, 3)
    assert jnp.allclose(value, expected, rtol=4 * eps)
