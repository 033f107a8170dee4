import functools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst
from mpmath import mpf

from analytic import sphere_spectrum as analytic
from claims.sphere_spectrum import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import sphere_spectrum as empirical

# Of every eigenvalue itself; measured 5.6 for the kernel itself and 2.7 for the others.
ULPS = 8


def arc_cosine(theta, n):
    """The kernel of unit vectors; the table of Cho & Saul."""
    gap = mpmath.pi - theta
    sine, cosine = mpmath.sin(theta), mpmath.cos(theta)
    table = [gap, sine + gap * cosine, 3 * sine * cosine + gap * (1 + 2 * cosine**2)]
    return table[n] / mpmath.pi


def polynomial(k, dimension, t):
    """Gegenbauer polynomial with value 1 at 1; on the circle, Chebyshev's."""
    if dimension == 2:
        return mpmath.chebyt(k, t)
    half = mpf(dimension - 2) / 2
    return mpmath.gegenbauer(k, half, t) / mpmath.gegenbauer(k, half, 1)


def projection(function, k, dimension):
    """E[f(theta) P_k(cos theta)] for two uniform vectors, at the definition."""

    def weight(theta):
        return mpmath.sin(theta) ** (dimension - 2)

    pieces = mpmath.linspace(0, mpmath.pi, 3)
    total = mpmath.quad(
        lambda s: function(s) * polynomial(k, dimension, mpmath.cos(s)) * weight(s),
        pieces,
        method="gauss-legendre",
    )
    return total / mpmath.quad(weight, pieces, method="gauss-legendre")


def assert_close(form, what, values, exact):
    worst = Worst(f"sphere_spectrum.{form}", "itself", what)
    for k, (value, reference) in enumerate(zip(values, exact, strict=True)):
        if abs(reference) < mpf(10) ** -30:
            assert value == 0
        else:
            worst.add(value, reference, reference, k=k)
    worst.check(ULPS)


@pytest.mark.parametrize("dimension", [2, 3, 10])
@pytest.mark.parametrize("degree", [0, 1, 2])
def test_relu_eigenvalues(dimension, degree, precision):
    values = analytic.relu_eigenvalues(dimension, degree, 7)
    assert values.dtype == precision
    exact = exact_relu(dimension, degree)
    assert_close("relu_eigenvalues", f"degree {degree}", values, exact)
    if dimension == 2 and degree < 2:
        values = analytic.circle_coefficients(degree, 7)
        assert values.dtype == precision
        assert_close("circle_coefficients", f"degree {degree}", values, exact)


@functools.cache
def exact_relu(dimension, degree):
    with mpmath.workdps(DIGITS):
        kernel = functools.partial(arc_cosine, n=degree)
        return [projection(kernel, k, dimension) for k in range(8)]


@pytest.mark.parametrize("dimension", [2, 5])
def test_first_layer_eigenvalues(dimension, precision):
    with mpmath.workdps(DIGITS):
        exact = [
            projection(
                lambda s: mpmath.cos(s) * (mpmath.pi - s) / (2 * mpmath.pi),
                k,
                dimension,
            )
            for k in range(6)
        ]
    values = analytic.first_layer_eigenvalues(dimension, 5)
    assert values.dtype == precision
    assert_close("first_layer_eigenvalues", "", values, exact)
    assert values[3] == values[5] == 0


@pytest.mark.parametrize("degree", [0, 1])
def test_circle_is_the_case_of_two_dimensions(degree):
    with jax.enable_x64(True):
        values = analytic.circle_coefficients(degree, 9)
        other = analytic.relu_eigenvalues(2, degree, 9)
        assert jnp.allclose(values, other, rtol=1e-14, atol=0)
        # The series, at theta = 0 and at pi / 2, where its terms alternate in pairs.
        known = analytic.circle_coefficients(degree, 4000)
        waves = 2 * np.cos(np.arange(4001) * np.pi / 2)
        waves[0] = 1
        expected = [0.5, 1 / np.pi][degree]
        assert abs(float(known @ waves) - expected) < 1e-6


@pytest.mark.parametrize("dimension", [3, 4, 9])
@pytest.mark.parametrize("degree", [0, 1, 2])
def test_trace_and_decay(dimension, degree):
    """The eigenvalues with multiplicities add up to k(1); the last ones follow a power.

    The multiplicity of degree k grows like k^(D-2), so the sum from k on is of the
    order of k^(-2n-1); it is added from the power law.
    """
    with jax.enable_x64(True):
        values = np.asarray(analytic.relu_eigenvalues(dimension, degree, 1601))
        exponent = float(analytic.decay_exponent(dimension, degree))
    assert exponent == -(dimension + 2 * degree)
    # 400 and 1600, of the parity that does not vanish.
    low, high = (k + (k + degree + 1) % 2 for k in (400, 1600))
    shift = (dimension - 2) / 2
    slope = np.log(values[high] / values[low])
    slope /= np.log((high + shift) / (low + shift))
    assert abs(slope - exponent) < 1e-3
    terms = [
        values[k] * multiplicity(k, dimension) for k in range(len(values)) if values[k]
    ]
    rest = terms[-1] * (len(values) / 2) / (2 * degree + 1)
    total = sum(terms) + rest
    assert abs(total / [1, 1, 3][degree] - 1) < 1e-5


def multiplicity(k, dimension):
    """Number of independent harmonics of degree k."""
    if k == 0:
        return 1
    choose = mpmath.binomial(k + dimension - 3, dimension - 2)
    return float((2 * k + dimension - 2) / mpf(k) * choose)


@pytest.mark.parametrize("kernel", ["exp", "step", "relu", "squared_relu"])
def test_funk_hecke(kernel, precision):
    dimension, order = 4, 3
    x = jnp.asarray(np.array([0.6, 0.0, 0.48, 0.64]), precision)
    values = analytic.funk_hecke(x, kernel, order)
    assert values.dtype == precision
    with mpmath.workdps(DIGITS):
        names = ["step", "relu", "squared_relu"]
        function = (
            (lambda s: mpmath.exp(mpmath.cos(s)))
            if kernel == "exp"
            else functools.partial(arc_cosine, n=names.index(kernel))
        )
        worst = Worst("sphere_spectrum.funk_hecke", "the eigenvalue m_k", kernel)
        for k, value in enumerate(values):
            eigenvalue = projection(function, k, dimension)
            harmonic = mpf(float(x[0])) ** k  # the second entry is 0
            if abs(eigenvalue) < mpf(10) ** -30:
                assert value == 0
            else:
                worst.add(value, eigenvalue * harmonic, eigenvalue, k=k)
        worst.check(ULPS)


def test_harmonics_are_harmonic_on_the_plane():
    x = jnp.array([0.6, 0.8])
    angle = np.arctan2(0.8, 0.6)
    eigenvalues = analytic.relu_eigenvalues(2, 1, 4)
    values = analytic.funk_hecke(x, "relu", 4)
    expected = eigenvalues * np.cos(np.arange(5) * angle)
    assert jnp.allclose(values, expected, rtol=1e-5, atol=1e-7)
    draw = empirical.funk_hecke(x, "step", 4, y=jnp.array([1.0, 0]), weight=x)
    assert jnp.allclose(draw, 2)


@pytest.mark.parametrize("order", [0, 1])
def test_short_lists(order):
    assert analytic.relu_eigenvalues(3, 2, order).shape == (order + 1,)
    assert analytic.circle_coefficients(1, order).shape == (order + 1,)
    assert analytic.first_layer_eigenvalues(3, order).shape == (order + 1,)
    assert empirical.relu_eigenvalues(3, 2, order).shape == (order + 1,)


def test_rejects():
    x = jnp.array([0.6, 0.8])
    noise = {"y": x, "weight": x}
    for side, more in ((analytic, {}), (empirical, noise)):
        with pytest.raises(ValueError, match="x must be a vector of two entries"):
            side.funk_hecke(jnp.ones(1), "relu", 2, **more)
        with pytest.raises(ValueError, match="kernel must be one of exp, step"):
            side.funk_hecke(x, "gelu", 2, **more)
        with pytest.raises(ValueError, match="order must be at least 0, got order=-1"):
            side.funk_hecke(x, "relu", -1, **more)
        with pytest.raises(ValueError, match="dimension must be at least 2"):
            side.relu_eigenvalues(1, 0, 3)
        with pytest.raises(ValueError, match="degree must be 0, 1 or 2, got degree=3"):
            side.relu_eigenvalues(3, 3, 3)
        with pytest.raises(ValueError, match="dimension must be at least 2"):
            side.first_layer_eigenvalues(1, 3)
        with pytest.raises(ValueError, match="degree must be 0 or 1, got degree=2"):
            side.circle_coefficients(2, 3)
    with pytest.raises(ValueError, match="degree must be 0, 1 or 2"):
        analytic.decay_exponent(3, 4)
    with pytest.raises(ValueError, match="dimension must be even"):
        empirical.decay_exponent(3, 0, index=9)
