import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst
from hypothesis import given, settings, strategies as st

from analytic import hermite as analytic
from claims.hermite import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import hermite as empirical

DTYPES = ["float32", "float64"]
TABULATED = ["tanh", "log_cosh", "sigmoid", "softplus", "silu"]
# Worst errors in ulp of the scales that the docstrings state, in either dtype.
MOMENT_ULPS = 2.5  # Measured 1.2.
KERNEL_ULPS = 3.5  # Measured 1.7.
COEFFICIENT_ULPS = 1.6  # Measured 0.8.
# Second derivative of the kernel, in ulp of 1 + x^2 + y^2 + x^2 y^2.
CURVATURE_ULPS = 1  # Measured 0.

ELEMENTARY = ["sign", "exp", "sin", "cos", "erf", "tanh"]
LINKS = {name: getattr(mpmath, name) for name in ELEMENTARY}
LINKS |= {
    "relu": lambda z: max(z, 0),
    "abs": abs,
    "step": lambda z: int(z > 0),
    "gaussian": lambda z: mpmath.exp(-z * z / 2),
    "x_gaussian": lambda z: z * mpmath.exp(-z * z / 2),
    "x2_exp": lambda z: z**2 * mpmath.exp(-z * z),
    "normal_cdf": mpmath.ncdf,
    "gelu": lambda z: z * mpmath.ncdf(z),
    "power_8": lambda z: z**8,
    "hermite_4": lambda z: z**4 - 6 * z**2 + 3,
    "log_cosh": lambda z: mpmath.log(mpmath.cosh(z)),
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
}

CLOSED = [name for name in LINKS if name not in TABULATED]


def polynomials(z, order):
    """h_0(z) to h_order(z) from the recurrence, exactly or at the working precision."""
    values = [1, z]
    for k in range(1, order):
        values.append(z * values[-1] - k * values[-2])
    return values[: order + 1]


@pytest.fixture(scope="module")
def rule():
    """Gauss-Legendre nodes on unit panels of [-20, 20], and weights times h_k."""
    with mpmath.workdps(DIGITS):
        legendre = mpmath.calculus.quadrature.GaussLegendre(mpmath.mp)
        panel = legendre.calc_nodes(5, mpmath.mp.prec)
        nodes, rows = [], []
        for left in range(-20, 20):
            for node, weight in panel:
                z = left + (node + 1) / 2
                mass = weight / 2 * mpmath.npdf(z)
                nodes.append(z)
                rows.append([mass * h for h in polynomials(z, 10)])
        return nodes, list(zip(*rows, strict=True))


@pytest.mark.parametrize("function", [*CLOSED, *TABULATED])
def test_coefficients_equal_the_defining_integral(rule, function):
    nodes, columns = rule
    with mpmath.workdps(DIGITS):
        values = [LINKS[function](z) for z in nodes]
        exact = [mpmath.fdot(values, column) for column in columns]
    worst = Worst("hermite.coefficients", "itself")
    for x64 in (False, True):
        with jax.enable_x64(x64):
            found = analytic.coefficients(function, 10)
        assert found.dtype == ("float64" if x64 else "float32")
        for k, (value, reference) in enumerate(
            zip(np.asarray(found), exact, strict=True)
        ):
            # Where the coefficient vanishes nothing but 0 will do.
            scale = max(abs(reference), mpmath.mpf(10) ** -25)
            worst.add(value, reference, scale, function=function, k=k)
    worst.check(COEFFICIENT_ULPS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("correlation", [-1, -0.7, -1e-3, 0, 1e-7, 0.3, 0.999, 1])
def test_cross_moments_equal_the_mean_over_a_pair(correlation, dtype):
    with jax.enable_x64(True):
        rho = jnp.asarray(correlation, dtype)
        found = np.asarray(analytic.cross_moments(rho, 5))
    assert found.dtype == dtype
    assert not found[~np.eye(6, dtype=bool)].any()

    # A Gauss rule, exact up to degree 13. Twice the digits, as the sums cancel.
    with mpmath.workdps(2 * DIGITS):
        jacobi = mpmath.zeros(7)
        for k in range(1, 7):
            jacobi[k - 1, k] = jacobi[k, k - 1] = mpmath.sqrt(k)
        nodes, vectors = mpmath.eigsy(jacobi)
        normal = [(node, vectors[0, i] ** 2) for i, node in enumerate(nodes)]
        exact, r = [0] * 6, mpmath.mpf(float(rho))
        worst = Worst("hermite.cross_moments", "itself")
        for (u, first), (z, second) in itertools.product(normal, repeat=2):
            v = r * u + mpmath.sqrt(1 - r * r) * z
            pairs = zip(polynomials(u, 5), polynomials(v, 5), strict=True)
            for k, (p, q) in enumerate(pairs):
                exact[k] += first * second * p * q
        for value, reference in zip(np.diag(found), exact, strict=True):
            scale = max(abs(reference), mpmath.mpf(10) ** -60)
            worst.add(value, reference, scale, rho=r)
    worst.check(MOMENT_ULPS)


def exact_kernel(x, y, rho):
    square = 1 - rho * rho
    exponent = -(rho**2 * (x**2 + y**2) - 2 * rho * x * y) / (2 * square)
    return mpmath.exp(exponent) / mpmath.sqrt(square)


@pytest.mark.parametrize("rho", [-0.7, 0.01, 0.8])
@pytest.mark.parametrize(("x", "y"), [(0.5, 0.5), (1.5, -2.0), (0.0, 3.0)])
def test_the_oracle_of_the_kernel_equals_the_series(x, y, rho):
    with mpmath.workdps(DIGITS):
        x, y, rho = map(mpmath.mpf, (x, y, rho))
        products = zip(polynomials(x, 900), polynomials(y, 900), strict=True)
        total = mpmath.fsum(
            rho**k * p * q / mpmath.factorial(k) for k, (p, q) in enumerate(products)
        )
        assert abs(total / exact_kernel(x, y, rho) - 1) < 1e-40


@pytest.mark.parametrize("dtype", DTYPES)
def test_kernel_to_rounding(dtype):
    # 0.7 and 0.701 stay probable as a pair as the correlation nears 1.
    points = [-5.0, -0.7, 0.0, 1e-3, 0.7, 0.701, 2.3]
    rhos = [0.0, 1e-7, 1e-3, 0.5, 0.9, 0.9999, 1 - 1e-6]
    rhos += [-rho for rho in rhos]
    grid = np.array(list(itertools.product(points, points, rhos)), dtype)
    with jax.enable_x64(True):
        found = np.asarray(jax.jit(jax.vmap(analytic.kernel))(*jnp.asarray(grid.T)))
    assert found.dtype == dtype
    worst = Worst("hermite.kernel", "itself times 1 + the exponent's terms")
    with mpmath.workdps(DIGITS):
        for value, row in zip(found, grid, strict=True):
            x, y, rho = (mpmath.mpf(float(entry)) for entry in row)
            sign = -1 if rho < 0 else 1
            a = rho * x * y / (1 + abs(rho))
            b = (rho * (x - sign * y)) ** 2 / (2 * (1 - rho * rho))
            exact = exact_kernel(x, y, rho)
            if b <= 80:  # Within the range of float32.
                worst.add(value, exact, exact * (1 + abs(a) + b), x=x, y=y, rho=rho)
    worst.check(KERNEL_ULPS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("x", "y"), [(0.5, 0.5), (1.5, -2.0), (0.0, 3.0)])
def test_kernel_has_the_derivatives_of_its_series_at_zero(x, y, dtype):
    with jax.enable_x64(True):
        x, y, rho = (jnp.asarray(value, dtype) for value in (x, y, 0))
        slope = jax.grad(analytic.kernel, 2)(x, y, rho)
        curvature = jax.grad(jax.grad(analytic.kernel, 2), 2)(x, y, rho)
        assert slope == x * y
        exact = float((x**2 - 1) * (y**2 - 1))
        scale = float(1 + x**2 + y**2 + (x * y) ** 2)
        terms = "1 + x^2 + y^2 + x^2 y^2"
        worst = Worst("hermite.kernel", terms, "second, in rho, at 0", slope=True)
        worst.add(curvature, exact, scale, x=x, y=y, rho=0)
        worst.check(CURVATURE_ULPS)


@pytest.mark.parametrize("rho", [-1.0, 0.0, 1.0])
def test_cross_moments_have_their_derivatives(rho):
    slope = jax.jacobian(analytic.cross_moments)(jnp.asarray(rho), 3)
    assert jnp.array_equal(slope, jnp.diag(jnp.array([0, 1, 4 * rho, 18 * rho**2])))


@pytest.mark.parametrize("rho", [-1.0001, 1.5, jnp.inf])
def test_cross_moments_outside_are_nan(rho):
    rho, one = jnp.asarray(rho), jnp.ones(())
    assert jnp.all(jnp.isnan(analytic.cross_moments(rho, 2)))
    draw = empirical.cross_moments(rho, 2, first=one, second=one)
    assert jnp.all(jnp.isnan(draw[:, 1:]))


@pytest.mark.parametrize("rho", [-1.0, 1.0])
def test_at_correlation_one_the_pair_is_one_number(rho):
    first = jnp.asarray(1.5)
    draws = [
        empirical.cross_moments(jnp.asarray(rho), 2, first=first, second=second)
        for second in (jnp.asarray(0.0), jnp.asarray(3.0))
    ]
    h = jnp.array([1, 1.5, 1.25])
    assert jnp.array_equal(draws[0], jnp.outer(h, h * jnp.array([1, rho, 1])))
    assert jnp.array_equal(*draws)


@pytest.mark.parametrize("side", [analytic, empirical])
def test_kernel_at_its_edges(side):
    x, y = jnp.asarray(0.5), jnp.asarray(-2.0)
    assert side.kernel(x, y, jnp.asarray(0.0)) == 1
    for rho in (-1.0, 1.0, 1.5, -2.0):
        assert jnp.isnan(side.kernel(x, y, jnp.asarray(rho)))


def test_order_zero_and_the_largest_order():
    assert analytic.coefficients("relu", 0).shape == (1,)
    with jax.enable_x64(True):
        moments = jax.jit(analytic.cross_moments, static_argnums=1)(jnp.ones(()), 100)
        assert jnp.all(jnp.isfinite(moments))
        for function in CLOSED:
            assert jnp.all(jnp.isfinite(analytic.coefficients(function, 100)))


EXPONENTS = {
    1: "relu sign step tanh sigmoid softplus exp gelu silu normal_cdf erf sin power_3",
    2: "abs power_2 power_4 cos log_cosh gaussian",
    4: "x2_exp",
    9: "hermite_9",
}


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_information_exponent(exponent):
    functions = EXPONENTS[exponent].split()
    found = [analytic.information_exponent(function) for function in functions]
    found += [empirical.information_exponent(function) for function in functions[-1:]]
    for value in found:
        assert jnp.issubdtype(value.dtype, jnp.integer)
        assert value == exponent


def test_the_search_for_an_exponent_ends():
    assert empirical.information_exponent("hermite_13") == 0


@pytest.mark.parametrize("function", [*CLOSED, *TABULATED])
def test_a_draw_of_the_coefficients_is_a_product(function):
    draw = empirical.coefficients(function, 3, sample=jnp.asarray(0.75))
    link = float(LINKS[function](mpmath.mpf(0.75)))
    assert np.allclose(draw, np.multiply(polynomials(0.75, 3), link), rtol=1e-5)


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(["relu step", "log_cosh tanh", "sin cos"]), st.integers(0, 9))
def test_a_derivative_shifts_the_coefficients(pair, order):
    function, derivative = pair.split()
    shifted = analytic.coefficients(function, order + 1)[1:]
    assert jnp.allclose(analytic.coefficients(derivative, order), shifted, rtol=1e-6)


@settings(deadline=None, max_examples=30)
@given(*[st.floats(-3, 3, width=16)] * 2, st.floats(-0.75, 0.75, width=16))
def test_kernel_is_symmetric_and_even(x, y, rho):
    x, y, rho = map(jnp.asarray, (x, y, rho))
    kernel = jax.jit(analytic.kernel)
    assert kernel(x, y, rho) == kernel(y, x, rho)
    assert kernel(x, y, rho) == kernel(-x, -y, rho) == kernel(x, -y, -rho)


@pytest.mark.parametrize("order", [-1, 101])
def test_rejects_an_order(order):
    one, four = jnp.ones(()), jnp.ones(4)
    message = f"order must be from 0 to 100, got {order=}"
    with pytest.raises(ValueError, match=message):
        analytic.cross_moments(one, order)
    with pytest.raises(ValueError, match=message):
        empirical.cross_moments(one, order, first=four, second=four)


@pytest.mark.parametrize(
    ("function", "largest", "order"),
    [("relu", 100, -1), ("relu", 100, 101), *((name, 10, 11) for name in TABULATED)],
)
def test_rejects_an_order_beyond_the_table(function, largest, order):
    message = f"order must be from 0 to {largest} for {function}, got {order=}"
    with pytest.raises(ValueError, match=message):
        analytic.coefficients(function, order)
    with pytest.raises(ValueError, match=message):
        empirical.coefficients(function, order, sample=jnp.ones(()))


@pytest.mark.parametrize("function", ["elu", "power_0", "power_100", "hermite_"])
def test_rejects_a_function(function):
    message = f"function must be one of relu, .*, got {function=}"
    one = jnp.ones(())
    for call in (
        analytic.information_exponent,
        empirical.information_exponent,
        lambda name: analytic.coefficients(name, 2),
        lambda name: empirical.coefficients(name, 2, sample=one),
    ):
        with pytest.raises(ValueError, match=message):
            call(function)


def test_rejects_vectors():
    one, pair, four = jnp.ones(()), jnp.ones(2), jnp.ones(4)
    message = r"correlation must be a scalar, got correlation\.shape="
    with pytest.raises(ValueError, match=message):
        analytic.cross_moments(pair, 2)
    with pytest.raises(ValueError, match=message):
        empirical.cross_moments(pair, 2, first=four, second=four)
    for arguments in itertools.permutations([pair, one, one]):
        for side in (analytic, empirical):
            with pytest.raises(ValueError, match=r"must be scalars, got x\.shape="):
                side.kernel(*arguments)
