import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst

from analytic import fastica_threshold as analytic, hermite, spiked_cumulant
from claims.fastica_threshold import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import fastica_threshold as empirical

DTYPES = ["float32", "float64"]
CONTRASTS = ["exp", "quartic", "logcosh", "cubic"]
LATENTS = ["rademacher", "uniform", "laplace", "skewed"]
# Worst error of the constant, in ulp of itself.
CONSTANT_ULPS = 5  # Measured 2.4.

LOSSES = {
    "exp": lambda s: -mpmath.exp(-s * s / 2),
    "quartic": lambda s: s**4 / 4,
    "logcosh": lambda s: mpmath.log(mpmath.cosh(s)),
    "cubic": lambda s: s**3 / 3,
}
SLOPES = {
    "exp": lambda s: s * mpmath.exp(-s * s / 2),
    "quartic": lambda s: s**3,
    "logcosh": mpmath.tanh,
    "cubic": lambda s: s * s,
}
# Raw moments of degree 3 and 4.
MOMENTS = {
    "rademacher": (0, 1),
    "uniform": (0, mpmath.mpf(9) / 5),
    "laplace": (0, 6),
    "skewed": (mpmath.mpf(3) / 2, mpmath.mpf(13) / 4),
}


@pytest.mark.parametrize("contrast", CONTRASTS)
def test_constant_from_the_defining_integrals(contrast):
    with mpmath.workdps(DIGITS):
        # At this step the trapezoid rule for the normal law is exact to 50 digits.
        rule = [
            (z, mpmath.npdf(z) / 16)
            for z in (mpmath.mpf(i) / 16 for i in range(-288, 289))
        ]
        square = mpmath.fsum(m * SLOPES[contrast](z) ** 2 for z, m in rule)
        h = {3: lambda z: z**3 - 3 * z, 4: lambda z: z**4 - 6 * z**2 + 3}
        k = 3 if contrast == "cubic" else 4
        own = mpmath.fsum(m * LOSSES[contrast](z) * h[k](z) for z, m in rule)
    worst = Worst("fastica_threshold.constant", "itself", contrast)
    for latent, beta, dtype in itertools.product(LATENTS, (1e-3, 0.7, 50.0), DTYPES):
        with jax.enable_x64(True):
            given = jnp.asarray(beta, dtype)
            found = analytic.constant(given, contrast, latent)
            slope = jax.grad(analytic.constant)(given, contrast, latent)
        assert found.dtype == dtype
        third, fourth = MOMENTS[latent]
        mean = third if k == 3 else fourth - 3
        if mean == 0:
            assert np.isinf(found)
            continue
        assert np.isfinite(slope)
        with mpmath.workdps(DIGITS):
            b = mpmath.mpf(float(given))
            ratio = mean * mpmath.sqrt(b / (1 + b)) ** k
            exact = mpmath.factorial(k - 1) ** 2 * square / (own * ratio) ** 2
            worst.add(found, exact, exact, latent=latent, beta=beta)
    worst.check(CONSTANT_ULPS)


@pytest.mark.parametrize(
    ("contrast", "link"), [("exp", "gaussian"), ("logcosh", "log_cosh")]
)
@pytest.mark.parametrize("latent", LATENTS)
def test_exponent_is_the_first_product_that_is_not_zero(contrast, link, latent):
    beta = jnp.asarray(2.0)
    own = hermite.coefficients(link, 8)
    ratio = spiked_cumulant.likelihood_coefficients(jnp.ones(2), beta, latent, 8)
    first = 1 + int(jnp.argmax((own * ratio)[1:] != 0))
    assert analytic.exponent(beta, contrast, latent) == first == 4


def test_exponent_of_a_skewed_problem():
    beta = jnp.asarray(2.0)
    assert analytic.exponent(beta, "cubic", "skewed") == 3
    for latent in LATENTS[:3]:
        assert analytic.exponent(beta, "cubic", latent) == jnp.inf
        assert analytic.constant(beta, "cubic", latent) == jnp.inf
    for dtype in DTYPES:
        with jax.enable_x64(True):
            found = analytic.exponent(jnp.asarray(2, dtype), "exp", "uniform")
        assert found.dtype == dtype


def test_the_printed_constants():
    """36 3^(-3/2) / ((9/32) c_4^2) for exp and 15 / c_4^2 for quartic."""
    beta, gamma = jnp.asarray(5.0), 5 / 6
    for latent, kurtosis in (("rademacher", -2), ("uniform", -1.2), ("laplace", 3)):
        square = (kurtosis * gamma**2) ** 2
        exp, quartic = (analytic.constant(beta, c, latent) for c in ("exp", "quartic"))
        assert jnp.isclose(exp, 36 * 3**-1.5 / (9 / 32 * square), rtol=1e-5)
        assert jnp.isclose(quartic, 15 / square, rtol=1e-5)


def test_the_measured_samples_of_quartic():
    """L' = -2 gamma^2 alpha^3 exactly, and E[s^6] is 15 - 30 q^2 + 16 q^3."""
    with jax.enable_x64(True):
        dimension, gamma = 25, 0.75
        found = empirical.exponent(
            jnp.asarray(3.0), "quartic", "rademacher", dimension=dimension
        )
        alpha, q = dimension**-0.5, gamma / dimension
        noise = 15 - 30 * q**2 + 16 * q**3
        exact = dimension * noise / (2 * gamma**2 * alpha**3) ** 2
        assert np.isclose(found, exact, rtol=1e-10)


def test_outside_and_rejected():
    pair, one = jnp.ones(2), jnp.ones(())
    for name, size in itertools.product(("exponent", "constant"), (0.0, -2.0)):
        beta = jnp.asarray(size)
        assert jnp.isnan(getattr(analytic, name)(beta, "exp", "uniform"))
        draw = getattr(empirical, name)(beta, "exp", "uniform", dimension=9)
        assert jnp.isnan(draw)
    for name in ("exponent", "constant"):
        for beta, contrast, latent, message in (
            (pair, "exp", "uniform", "signal_to_noise must be a scalar"),
            (one, "tanh", "uniform", "contrast must be one of exp, quartic, logcosh"),
            (one, "exp", "cauchy", "latent must be one of rademacher, uniform, lap"),
        ):
            with pytest.raises(ValueError, match=message):
                getattr(analytic, name)(beta, contrast, latent)
            with pytest.raises(ValueError, match=message):
                getattr(empirical, name)(beta, contrast, latent, dimension=9)
