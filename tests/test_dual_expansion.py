import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst
from mpmath import mpf
from normal_pairs import broken_mean, compare, scalars, smooth_mean

from analytic import dual_activation, dual_expansion as analytic
from analytic._duals import CLOSED, SMOOTH
from claims.dual_expansion import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import dual_expansion as empirical

POINTS = [(1.0, 0.5, 0.3), (3.0, 2.0, -2.25), (0.03, 1.5, 0.125)]
FUNCTIONS = {
    "tanh": mpmath.tanh,
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "softplus": lambda z: mpmath.log(1 + mpmath.exp(z)),
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
    "elu": lambda z: z if z > 0 else mpmath.expm1(z),
}
# Worst error over the points above, in ulp of E[|phi(u) phi(v)|]. Measured 12, as the
# terms of one sign are many; the mean of elu is known to 15 digits only.
QUADRATURE_ULPS = 64
# Error of the Hermite sum in ulp of its value at |rho|. Measured 0.8.
HERMITE_ULPS = 3
# Error of a mean product of slopes in ulp of E[|phi'(u) phi'(v)|]; the mean of kinked
# functions is known to 15 digits only.
PRICE_ULPS = 3  # Measured 1.3.


@pytest.mark.parametrize("name", FUNCTIONS)
def test_quadrature(name):
    function = FUNCTIONS[name]
    worst = Worst("dual_expansion.quadrature", "E[|phi(u) phi(v)|]", name)
    for row in POINTS[:1] if name == "elu" else POINTS:
        with mpmath.workdps(20):
            if name == "elu":
                exact = broken_mean(function, function, *row)
            else:
                fine = 2 if name == "tanh" else 1
                exact = smooth_mean(function, function, *row, fine=fine)
        for dtype in ("float32", "float64"):
            with jax.enable_x64(dtype == "float64"):
                given = [jnp.asarray(v, dtype) for v in row]
                value = analytic.quadrature(*given, name)
                assert value.dtype == dtype
                size = analytic.quadrature(*given, lambda z: abs(SMOOTH[name](z)))
                worst.add(value, exact, float(size), at=row)
    worst.check(QUADRATURE_ULPS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_quadrature_at_its_ends(name):
    """Perfect correlation and a zero variance are regular; so are all slopes."""
    with jax.enable_x64(True):
        one, zero = scalars(1.0, 0.0)
        function = jax.jit(lambda a, b, c: analytic.quadrature(a, b, c, name))
        slopes = jax.jit(jax.grad(function, argnums=(0, 1, 2)))
        nodes, weights = np.polynomial.hermite_e.hermegauss(200)
        weights = weights / weights.sum()
        phi = SMOOTH[name]
        values = phi(jnp.asarray(nodes))
        # Beyond a kink of the second derivative Gauss-Hermite is good to 1e-5.
        tolerance = 1e-4 if name == "elu" else 1e-10
        square, plain = (float(np.sum(weights * values**k)) for k in (2, 1))
        assert abs(function(one, one, one) - square) < tolerance
        middle = float(phi(jnp.zeros(())))
        assert abs(function(one, zero, zero) - middle * plain) < tolerance
        for point in [(one, one, one), (one, one, -one), (one, zero, zero)]:
            assert all(map(jnp.isfinite, slopes(*point)))
        # The change of E[phi(u)^2] in the variance: all three slopes together.
        step = 1e-4
        up, down = (function(v, v, v) for v in (one + step, one - step))
        total = sum(slopes(one, one, one))
        assert abs(total - (up - down) / (2 * step)) < 1e-7
        # Price's theorem, by differences.
        moved = [function(one, one, jnp.array(0.3 + s * step)) for s in (1, -1)]
        slope = slopes(one, one, jnp.array(0.3))[2]
        assert abs(slope - (moved[0] - moved[1]) / (2 * step)) < 1e-8


# One over the mean square at variance 1, as the tables print it.
GAINS = {"tanh": 2.5361754, "softplus": 1.0854866}


@pytest.mark.parametrize("name", GAINS)
def test_gain_that_keeps_a_variance_of_one(name):
    ones = jnp.ones(())
    gain = 1 / analytic.quadrature(ones, ones, ones, name)
    assert jnp.allclose(gain, GAINS[name], rtol=QUADRATURE_ULPS * jnp.finfo(gain).eps)


def test_quadrature_of_a_function_agrees_with_a_closed_form():
    point = scalars(1.0, 0.5, 0.3)
    value = analytic.quadrature(*point, gelu)
    assert jnp.allclose(value, dual_activation.gelu(*point), rtol=1e-5)
    draw = empirical.quadrature(*point, gelu, normals=jnp.ones(2))
    assert jnp.isfinite(draw)


def gelu(z):
    return jax.nn.gelu(z, approximate=False)


@pytest.mark.parametrize("name", ["relu", "erf", "gelu", "sign"])
@pytest.mark.parametrize("terms", [1, 6, 30])
def test_hermite_series(name, terms, precision):
    kind = np.dtype(precision).type
    points = [jnp.asarray(np.array([-1, -0.9, -1e-3, 0, 0.4, 1], kind))]
    known = {
        "relu": lambda z: max(z, 0),
        "erf": mpmath.erf,
        "gelu": lambda z: z * mpmath.ncdf(z),
        "sign": mpmath.sign,
    }[name]
    # E[phi(z) h_k(z)] at its definition; 64 and 25 digits would be slow beyond k = 6.
    if terms == 30:
        value = analytic.hermite(jnp.asarray(kind(0.4)), name, terms)
        dual = getattr(dual_activation, name)(kind(1), kind(1), kind(0.4))
        # What is left out is below rho^terms, as the squares sum to 1 at most.
        rest = 8 * float(jnp.finfo(precision).eps) * abs(float(dual)) + 0.4**terms
        assert abs(float(value) - float(dual)) <= rest
        return
    with mpmath.workdps(DIGITS):
        squares = [square(known, k) for k in range(terms)]

    def reference(rho):
        exact, scale = (
            mpmath.fsum(v * base**k for k, v in enumerate(squares))
            for base in (rho, abs(rho))
        )
        return exact, scale or mpf(1)

    worst = Worst("dual_expansion.hermite", "its value at |rho|", name)
    compare(worst, lambda r: analytic.hermite(r, name, terms), reference, points)
    worst.check(HERMITE_ULPS)


def square(function, k):
    """Square of the coefficient of the normalized polynomial of degree k."""
    moment = mpmath.quad(
        lambda z: function(z) * mpmath.hermite(k, z / mpmath.sqrt(2)) * mpmath.npdf(z),
        [-24, -12, -6, -2, 0, 2, 6, 12, 24],
    )
    # What vanishes by symmetry is exactly 0.
    return moment**2 / (2**k * mpmath.factorial(k)) if abs(moment) > 1e-30 else mpf(0)


def test_hermite_beyond_one_is_nan():
    assert jnp.isnan(analytic.hermite(jnp.array(1.001), "relu", 4))
    draw = empirical.hermite(jnp.array(1.001), "relu", 4, normals=jnp.ones(2))
    assert jnp.isnan(draw)


PRICED = {
    "erf": lambda z: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-z * z),
    "gelu": lambda z: mpmath.ncdf(z) + z * mpmath.npdf(z),
    "probit": mpmath.npdf,
    "cos": lambda z: -mpmath.sin(z),
    "relu": lambda z: int(z > 0),
    "abs": mpmath.sign,
}


@pytest.mark.parametrize("name", PRICED)
def test_price_is_the_mean_product_of_slopes(name):
    mean = broken_mean if name in ("relu", "abs") else smooth_mean
    worst = Worst("dual_expansion.price", "E[|phi'(u) phi'(v)|]", name)
    with mpmath.workdps(20):
        slope = PRICED[name]
        for row in POINTS:
            exact = mean(slope, slope, *row)
            size = broken_mean(*[lambda z: abs(slope(z))] * 2, *row)
            for dtype in ("float32", "float64"):
                with jax.enable_x64(dtype == "float64"):
                    given = [jnp.asarray(v, dtype) for v in row]
                    value = analytic.price(*given, name)
                worst.add(value, exact, size, at=row)
    worst.check(PRICE_ULPS)


@pytest.mark.parametrize("name", CLOSED)
def test_price_is_the_slope_of_the_dual(name):
    point = scalars(1.5, 0.75, -0.5)
    slope = jax.grad(CLOSED[name], argnums=2)(*point)
    value = analytic.price(*point, name)
    assert jnp.allclose(value, slope, rtol=16 * jnp.finfo(value.dtype).eps)


def test_rejects():
    point, noise = scalars(1.0, 1.0, 0.5), {"normals": jnp.ones(2)}
    for side, more in ((analytic, {}), (empirical, noise)):
        for name in ("price", "quadrature"):
            with pytest.raises(ValueError, match="activation must be one of"):
                getattr(side, name)(*point, "swish", **more)
            known = {"price": "relu", "quadrature": "tanh"}[name]
            with pytest.raises(ValueError, match="variance_y must be a scalar"):
                getattr(side, name)(point[0], jnp.ones(2), point[2], known, **more)
        with pytest.raises(ValueError, match="correlation must be a scalar"):
            side.hermite(jnp.ones(2), "relu", 4, **more)
        with pytest.raises(ValueError, match="terms must be at least 1, got terms=0"):
            side.hermite(jnp.ones(()), "relu", 0, **more)
        with pytest.raises(ValueError, match="must be one of"):
            side.hermite(jnp.ones(()), "swish", 4, **more)
