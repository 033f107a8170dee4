import functools
import itertools
import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst
from hypothesis import given, settings, strategies as st

from analytic import hermite, hermite_rules as analytic
from claims.hermite_rules import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import hermite_rules as empirical

DTYPES = ["float32", "float64"]
# Worst errors in ulp of the scales that the docstrings state, in either dtype.
SMOOTHED_ULPS = 2.5  # Measured 1.2.
TRANSFORMED_ULPS = 1.6  # Measured 0.8.
SCALED_ULPS = 1  # Measured 0.5.
TABLE_ULPS = 1.6  # Measured 0.8.
ORDER = 7

LINKS = {
    "relu": lambda z: max(z, 0),
    "x2_exp": lambda z: z**2 * mpmath.exp(-z * z),
    "gelu": lambda z: z * mpmath.ncdf(z),
    "tanh": mpmath.tanh,
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
}
SLOPES = {
    "relu": lambda z: int(z > 0),
    "x2_exp": lambda z: (2 * z - 2 * z**3) * mpmath.exp(-z * z),
    "gelu": lambda z: mpmath.ncdf(z) + z * mpmath.npdf(z),
    "tanh": lambda z: mpmath.sech(z) ** 2,
    "silu": lambda z: (1 + mpmath.exp(-z) * (1 + z)) / (1 + mpmath.exp(-z)) ** 2,
}
SCALED = {
    "gaussian": lambda r, z: mpmath.exp(-r * z * z / 2),
    "erf": lambda r, z: mpmath.erf(r * z),
    "sin": lambda r, z: mpmath.sin(r * z),
    "cos": lambda r, z: mpmath.cos(r * z),
    "exp": lambda r, z: mpmath.exp(r * z),
}


def polynomials(z, order):
    """h_0(z) to h_order(z) from the recurrence, exactly or at the working precision."""
    values = [1, z]
    for k in range(1, order):
        values.append(z * values[-1] - k * values[-2])
    return values[: order + 1]


@pytest.fixture(scope="module")
def rule():
    """Gauss-Legendre nodes on unit panels of [-24, 24], and weights times h_k."""
    with mpmath.workdps(DIGITS):
        legendre = mpmath.calculus.quadrature.GaussLegendre(mpmath.mp)
        panel = legendre.calc_nodes(5, mpmath.mp.prec)
        nodes, rows = [], []
        for left in range(-24, 24):
            for node, weight in panel:
                z = left + (node + 1) / 2
                mass = weight / 2 * mpmath.npdf(z)
                nodes.append(z)
                rows.append([mass * h for h in polynomials(z, ORDER)])
        return nodes, list(zip(*rows, strict=True))


def coefficients(rule, function):
    nodes, columns = rule
    values = [function(z) for z in nodes]
    return [mpmath.fdot(values, column) for column in columns]


@pytest.mark.parametrize("dtype", DTYPES)
def test_smoothed_equals_the_mean_over_the_noise(dtype):
    grid = np.array(
        list(itertools.product([-3, -0.5, 0, 1.7], [-1, -0.6, 0, 1e-3, 0.999])), dtype
    )
    form = jax.jit(jax.vmap(lambda y, r: analytic.smoothed(y, r, ORDER)))
    with jax.enable_x64(True):
        found = np.asarray(form(*jnp.asarray(grid.T)))
    assert found.dtype == dtype
    worst = Worst("hermite_rules.smoothed", "|rho|^k times the terms of h_k")
    with mpmath.workdps(2 * DIGITS):
        # Moments of the noise: h_k is a polynomial, so no integral is left.
        powers = [mpmath.fac2(m - 1) if m % 2 == 0 else 0 for m in range(ORDER + 1)]
        for values, row in zip(found, grid, strict=True):
            y, rho = (mpmath.mpf(float(entry)) for entry in row)
            spread = mpmath.sqrt(1 - rho**2)
            for k, value in enumerate(values):
                exact, scale = mpmath.mpf(0), mpmath.mpf(0)
                for j in range(k // 2 + 1):
                    m = k - 2 * j
                    ways = mpmath.fac(k) / (2**j * mpmath.fac(j) * mpmath.fac(m))
                    mean = mpmath.fsum(
                        mpmath.binomial(m, i)
                        * (rho * y) ** (m - i)
                        * spread**i
                        * powers[i]
                        for i in range(m + 1)
                    )
                    exact += (-1) ** j * ways * mean
                    scale += ways * abs(y) ** m * abs(rho) ** k
                scale = max(scale, mpmath.mpf(10) ** -40)
                worst.add(value, exact, scale, point=y, rho=rho, k=k)
    worst.check(SMOOTHED_ULPS)


@pytest.mark.parametrize("function", LINKS)
def test_transformed_equals_the_defining_integrals(rule, function):
    with mpmath.workdps(DIGITS):
        f = LINKS[function]
        exact = [
            coefficients(rule, g)
            for g in (SLOPES[function], lambda z: z * f(z), lambda z: z * z * f(z))
        ]
        c = [abs(v) for v in coefficients(rule, f)]
        c += [abs(v) for v in exact[0][ORDER:]] + [0]
    worst = Worst("hermite_rules.transformed", "the sum of the sizes of its terms")
    for x64 in (False, True):
        with jax.enable_x64(x64):
            found = np.asarray(analytic.transformed(function, ORDER))
        assert found.dtype == ("float64" if x64 else "float32")
        for k in range(ORDER + 1):
            next_above = float(c[k + 2]) if k + 2 <= ORDER else abs(float(exact[0][k]))
            scales = [
                float(c[k + 1]),
                float(c[k + 1]) + (k * float(c[k - 1]) if k else 0),
                next_above
                + (2 * k + 1) * float(c[k])
                + (k * (k - 1) * float(c[k - 2]) if k > 1 else 0),
            ]
            for row in range(3):
                scale = max(scales[row], 1e-25)
                at = {"function": function, "row": row, "k": k}
                worst.add(found[row, k], exact[row][k], scale, **at)
    worst.check(TRANSFORMED_ULPS)


@pytest.mark.parametrize(("function", "jump"), [("sign", 2), ("step", 1)])
def test_the_derivative_of_a_jump_is_a_point_mass(function, jump):
    with jax.enable_x64(True):
        found = analytic.transformed(function, 8)[0]
        exact = jump * np.asarray(polynomials(0.0, 8)) / math.sqrt(2 * math.pi)
        assert np.allclose(found, exact, rtol=1e-14, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rate", [-0.5, 0.0, 1e-3, 0.7, 1.5])
def test_scaled_equals_the_defining_integral(rule, rate, dtype):
    with jax.enable_x64(True):
        rate = jnp.asarray(rate, dtype)
        found = np.asarray(analytic.scaled(rate, ORDER))
    assert found.dtype == dtype
    worst = Worst("hermite_rules.scaled", "(1 + k + r^2) times itself")
    with mpmath.workdps(DIGITS):
        r = mpmath.mpf(float(rate))
        for row, name in enumerate(analytic.SCALED):
            exact = coefficients(rule, lambda z, name=name: SCALED[name](r, z))
            for k, (value, reference) in enumerate(zip(found[row], exact, strict=True)):
                if abs(reference) < 1e-25:
                    # Beyond the digits of the rule; 0 at the other parity.
                    assert abs(value) < 1e-20
                else:
                    scale = (1 + k + r * r) * abs(reference)
                    worst.add(value, reference, scale, function=name, rate=r, k=k)
    worst.check(SCALED_ULPS)


def test_slopes_of_the_scaled_links():
    """The slope in the rate, against a difference at twice the digits."""
    with jax.enable_x64(True):
        rate = jnp.asarray(0.7)
        found = np.asarray(jax.jacobian(analytic.scaled)(rate, 4))
        sides = [np.asarray(analytic.scaled(rate + s * 1e-5, 4)) for s in (-1, 1)]
        assert np.allclose(found, (sides[1] - sides[0]) / 2e-5, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("rate", [-1.0, -1.5])
def test_a_bump_that_grows_too_fast_has_no_coefficients(rate):
    rate, one = jnp.asarray(rate), jnp.ones(())
    found = analytic.scaled(rate, 3)
    assert jnp.all(jnp.isnan(found[0]))
    assert jnp.all(jnp.isfinite(found[1:]))
    draw = empirical.scaled(rate, 3, sample=one)
    assert jnp.all(jnp.isnan(draw[0]))
    assert jnp.all(jnp.isfinite(draw[1:]))


@pytest.mark.parametrize("rho", [1.01, -3.0])
def test_smoothing_beyond_correlation_one_is_nan(rho):
    rho, one = jnp.asarray(rho), jnp.ones(())
    assert jnp.all(jnp.isnan(analytic.smoothed(one, rho, 3)))
    assert jnp.all(jnp.isnan(empirical.smoothed(one, rho, 3, noise=one)[1:]))


def test_smoothing_at_the_ends():
    y = jnp.asarray(1.5)
    h = jnp.asarray(polynomials(1.5, 4))
    signs = (-1.0) ** jnp.arange(5)
    assert jnp.allclose(analytic.smoothed(y, jnp.ones(()), 4), h)
    assert jnp.allclose(analytic.smoothed(y, -jnp.ones(()), 4), signs * h)
    assert jnp.array_equal(analytic.smoothed(y, jnp.zeros(()), 4), jnp.eye(5)[0])
    for noise in (0.0, 2.0):
        draw = empirical.smoothed(y, jnp.ones(()), 4, noise=jnp.asarray(noise))
        assert jnp.allclose(draw, h, rtol=1e-5)


@settings(deadline=None, max_examples=30)
@given(*[st.floats(-1, 1, width=16)] * 2, st.floats(-3, 3, width=16))
def test_smoothing_twice_multiplies_the_correlations(first, second, y):
    """A semigroup, to a few ulp of the sum of terms, which is below 800 here."""
    y = jnp.asarray(y)
    one = jnp.asarray(first * second)
    k = jnp.arange(6)
    twice = jnp.asarray(first) ** k * analytic.smoothed(y, jnp.asarray(second), 5)
    assert jnp.allclose(analytic.smoothed(y, one, 5), twice, rtol=1e-5, atol=1e-3)


TABLE = LINKS | {name: functools.partial(f, 1) for name, f in SCALED.items()}
TABLE |= {
    "abs": abs,
    "sign": mpmath.sign,
    "step": lambda z: int(z > 0),
    "x_gaussian": lambda z: z * mpmath.exp(-z * z / 2),
    "normal_cdf": mpmath.ncdf,
    "log_cosh": lambda z: mpmath.log(mpmath.cosh(z)),
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
}
TABLE |= {f"power_{n}": lambda z, n=n: z**n for n in range(1, 5)}
TABLE |= {f"hermite_{n}": lambda z, n=n: polynomials(z, 4)[n] for n in range(1, 5)}


@pytest.mark.parametrize("family", ["kinked", "smooth"])
def test_table_equals_the_defining_integrals(rule, family):
    names = {"kinked": analytic.KINKED, "smooth": analytic.SMOOTH}[family]
    with mpmath.workdps(DIGITS):
        exact = {name: coefficients(rule, TABLE[name]) for name in names}
    worst = Worst("hermite_rules.coefficient_table", "itself", family)
    for dtype in DTYPES:
        with jax.enable_x64(dtype == "float64"):
            table = np.asarray(analytic.coefficient_table(family, ORDER))
        assert table.dtype == dtype
        for name, row in zip(names, table, strict=True):
            for k, value in enumerate(row):
                # Where the coefficient vanishes nothing but 0 will do.
                scale = max(abs(exact[name][k]), mpmath.mpf(10) ** -25)
                worst.add(value, exact[name][k], scale, function=name, k=k)
    worst.check(TABLE_ULPS)


def test_scaled_at_rate_one_and_the_table_are_the_coefficients():
    found = analytic.scaled(jnp.ones(()), 8)
    for row, name in enumerate(analytic.SCALED):
        assert jnp.allclose(found[row], hermite.coefficients(name, 8), rtol=3e-6)
    for family, names in (("kinked", analytic.KINKED), ("smooth", analytic.SMOOTH)):
        table = analytic.coefficient_table(family, 8)
        assert table.shape == (len(names), 9)
        for row, name in enumerate(names):
            assert jnp.array_equal(table[row], hermite.coefficients(name, 8))


def test_draws_are_products():
    z = jnp.asarray(0.75)
    h = np.asarray(polynomials(0.75, 3))
    draw = empirical.transformed("tanh", 3, sample=z)
    f, slope = math.tanh(0.75), 1 / math.cosh(0.75) ** 2
    expected = np.outer([slope, 0.75 * f, 0.75**2 * f], h)
    assert np.allclose(draw, expected, rtol=1e-5)
    draw = empirical.scaled(jnp.asarray(0.5), 3, sample=z)
    with mpmath.workdps(DIGITS):
        values = [float(SCALED[name](0.5, 0.75)) for name in analytic.SCALED]
    assert np.allclose(draw, np.outer(values, h), rtol=1e-5)


def test_the_largest_orders_are_finite():
    with jax.enable_x64(True):
        for function in ("relu", "gelu"):
            assert jnp.all(jnp.isfinite(analytic.transformed(function, 98)))
        assert jnp.all(jnp.isfinite(analytic.transformed("tanh", 8)))
        assert jnp.all(jnp.isfinite(analytic.scaled(jnp.asarray(1.5), 40)))
    assert analytic.smoothed(jnp.ones(()), jnp.ones(()), 0).shape == (1,)
    assert analytic.transformed("abs", 0).shape == (3, 1)


def test_rejects_an_order():
    one = jnp.ones(())
    for order in (-1, 101):
        message = f"order must be from 0 to 100, got {order=}"
        for call in (
            lambda n: analytic.smoothed(one, one, n),
            lambda n: empirical.smoothed(one, one, n, noise=one),
            lambda n: analytic.scaled(one, n),
            lambda n: empirical.scaled(one, n, sample=one),
        ):
            with pytest.raises(ValueError, match=message):
                call(order)
    for function, largest, order in (
        ("relu", 98, -1),
        ("relu", 98, 99),
        ("tanh", 8, 9),
    ):
        message = f"order must be from 0 to {largest} for {function}, got {order=}"
        with pytest.raises(ValueError, match=message):
            analytic.transformed(function, order)
        with pytest.raises(ValueError, match=message):
            empirical.transformed(function, order, sample=one)
    for order in (-1, 11):
        message = f"order must be from 0 to 10, got {order=}"
        with pytest.raises(ValueError, match=message):
            analytic.coefficient_table("smooth", order)
        with pytest.raises(ValueError, match=message):
            empirical.coefficient_table("smooth", order, sample=one)


def test_rejects_names():
    one = jnp.ones(())
    message = "function must be one of relu, .*, got function='elu'"
    with pytest.raises(ValueError, match=message):
        analytic.transformed("elu", 2)
    with pytest.raises(ValueError, match=message):
        empirical.transformed("elu", 2, sample=one)
    with pytest.raises(ValueError, match="function must not jump, got function='sign'"):
        empirical.transformed("sign", 2, sample=one)
    message = "family must be kinked or smooth, got family='flat'"
    with pytest.raises(ValueError, match=message):
        analytic.coefficient_table("flat", 2)
    with pytest.raises(ValueError, match=message):
        empirical.coefficient_table("flat", 2, sample=one)


def test_rejects_vectors():
    one, pair = jnp.ones(()), jnp.ones(2)
    for point, correlation in ((one, pair), (pair, one)):
        message = r"point and correlation must be scalars, got point\.shape="
        with pytest.raises(ValueError, match=message):
            analytic.smoothed(point, correlation, 2)
        with pytest.raises(ValueError, match=message):
            empirical.smoothed(point, correlation, 2, noise=one)
    message = r"rate must be a scalar, got rate\.shape="
    with pytest.raises(ValueError, match=message):
        analytic.scaled(pair, 2)
    with pytest.raises(ValueError, match=message):
        empirical.scaled(pair, 2, sample=one)
