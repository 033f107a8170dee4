"""Claims: spiked inputs are white, and what their likelihood ratio still shows."""

import jax.numpy as jnp
from jax.scipy.special import factorial

from analytic import spiked_cumulant as analytic
from empirical import spiked_cumulant as empirical
from tallystick import (
    Axis,
    Choice,
    Claim,
    Control,
    Domain,
    Identity,
    Mean,
    Scalar,
    Vector,
)

__all__ = ["CLAIMS"]


def _gamma(signal_to_noise):
    """The share of the variance along the spike that is the latent's."""
    return signal_to_noise / (1 + signal_to_noise)


def _covariance(direction, excess):
    """Zero mean, and a covariance with the given excess variance along the spike."""
    spike = direction / jnp.linalg.norm(direction)
    covariance = jnp.eye(spike.size) + excess * jnp.outer(spike, spike)
    return jnp.concatenate([jnp.zeros((1, spike.size)), covariance])


def _rescaled(direction, signal_to_noise, latent, order, factor):
    """The coefficients, that of degree k times factor(k)."""
    degrees = jnp.arange(order + 1)
    return factor(degrees) * analytic.likelihood_coefficients(
        direction, signal_to_noise, latent, order
    )


def _with_share(direction, share):
    """I minus a share of the projection on the spike."""
    spike = direction / jnp.linalg.norm(direction)
    return jnp.eye(spike.size) - share * spike[:, None] * spike[None]


def _cumulants(direction, projection, signal_to_noise, latent, order, factor):
    """The cumulants, that of degree m >= 3 times factor(m)."""
    degrees = jnp.arange(1, order + 1)
    factors = jnp.where(degrees < 3, 1, factor(degrees))
    return factors * analytic.cumulants(
        direction, projection, signal_to_noise, latent, order
    )


CLAIMS = (
    Claim(
        "spiked.model",
        statement="(I + beta v v^T)^(-1/2) = I - beta / (1 + beta + sqrt(1 + beta)) "
        "v v^T",
        analytic=analytic.whitening,
        empirical=empirical.whitening,
        domain=Domain(
            direction=Vector("d"), signal_to_noise=Scalar(0, 20), d=Axis(4, 1)
        ),
        relation=Identity(tolerance=1e-12),
        source="Ricci, Bardone & Goldt, ICML 2025; Szekely, Bardone, Gerace & Goldt, "
        "NeurIPS 2024, section 2",
        controls=(
            Control(
                "the inverse, not its root",
                lambda direction, signal_to_noise: _with_share(
                    direction, signal_to_noise / (1 + signal_to_noise)
                ),
            ),
            Control(
                "the root, not its inverse",
                lambda direction, signal_to_noise: _with_share(
                    direction, 1 - jnp.sqrt(1 + signal_to_noise)
                ),
            ),
            Control(
                "without the root in the denominator",
                lambda direction, signal_to_noise: _with_share(
                    direction, signal_to_noise / (2 + signal_to_noise)
                ),
            ),
        ),
    ),
    Claim(
        "spiked.cumulants",
        statement="kappa_m(w . x) = (w . v)^m gamma^(m/2) kappa_m(nu) for m >= 3, "
        "gamma = beta / (1 + beta)",
        analytic=analytic.cumulants,
        empirical=empirical.cumulants,
        domain=Domain(
            direction=Vector("d"),
            projection=Vector("d"),
            signal_to_noise=Scalar(0.5, 20),
            latent=Choice("rademacher", "uniform", "skewed"),
            order=5,
            d=Axis(4),
        ),
        source="Ricci, Bardone & Goldt, ICML 2025; McCullagh, Tensor Methods in "
        "Statistics 1987, chapter 2",
        controls=(
            Control(
                "gamma^m in place of gamma^(m/2)",
                lambda direction, projection, signal_to_noise, latent, order: (
                    _cumulants(
                        direction,
                        projection,
                        signal_to_noise,
                        latent,
                        order,
                        lambda m: _gamma(signal_to_noise) ** (m / 2),
                    )
                ),
            ),
            Control(
                "the spike itself in place of the projection",
                lambda direction, projection, signal_to_noise, latent, order: (
                    analytic.cumulants(
                        direction, direction, signal_to_noise, latent, order
                    )
                ),
            ),
            Control(
                "beta in place of gamma",
                lambda direction, projection, signal_to_noise, latent, order: (
                    _cumulants(
                        direction,
                        projection,
                        signal_to_noise,
                        latent,
                        order,
                        lambda m: (1 + signal_to_noise) ** (m / 2),
                    )
                ),
            ),
        ),
        notes="laplace is left to the oracle of tests/test_spiked_cumulant.py: its "
        "draws have heavy tails.",
    ),
    Claim(
        "spiked.white",
        statement="E[x] = 0 and E[x x^T] = I for x = S (sqrt(beta) nu v + z), "
        "S = (I + beta v v^T)^(-1/2)",
        analytic=analytic.moments,
        empirical=empirical.moments,
        domain=Domain(
            direction=Vector("d"),
            signal_to_noise=Scalar(0.5, 10),
            latent=Choice("rademacher", "uniform", "skewed"),
            d=Axis(4, 1),
        ),
        relation=Mean(detectable=0.003),
        source="Szekely, Bardone, Gerace & Goldt, NeurIPS 2024, section 2",
        controls=(
            Control(
                "without whitening",
                lambda direction, signal_to_noise, latent: _covariance(
                    direction, signal_to_noise
                ),
            ),
            Control(
                "whitened by the inverse, not by its root",
                lambda direction, signal_to_noise, latent: _covariance(
                    direction, -_gamma(signal_to_noise)
                ),
            ),
            Control(
                "a latent on [-1, 1], of variance 1/3",
                lambda direction, signal_to_noise, latent: _covariance(
                    direction, -2 / 3 * _gamma(signal_to_noise)
                ),
            ),
        ),
    ),
    Claim(
        "spiked.lr_coefficients",
        statement="E[h_k(v . x)] = gamma^(k/2) E[h_k(nu)], gamma = beta / (1 + beta)",
        analytic=analytic.likelihood_coefficients,
        empirical=empirical.likelihood_coefficients,
        domain=Domain(
            direction=Vector("d"),
            # A weaker spike would hide the coefficients in the spread of h_4.
            signal_to_noise=Scalar(2, 20),
            latent=Choice("rademacher", "uniform", "skewed"),
            order=4,
            d=Axis(4, 1),
        ),
        source="Szekely, Bardone, Gerace & Goldt, NeurIPS 2024, section 2; "
        "Ricci, Bardone & Goldt, ICML 2025",
        controls=(
            Control(
                "gamma^k in place of gamma^(k/2)",
                lambda direction, signal_to_noise, latent, order: _rescaled(
                    direction,
                    signal_to_noise,
                    latent,
                    order,
                    lambda k: _gamma(signal_to_noise) ** (k / 2),
                ),
            ),
            Control(
                "beta in place of gamma",
                lambda direction, signal_to_noise, latent, order: _rescaled(
                    direction,
                    signal_to_noise,
                    latent,
                    order,
                    lambda k: (1 + signal_to_noise) ** (k / 2),
                ),
            ),
            Control(
                "divided by k!",
                lambda direction, signal_to_noise, latent, order: _rescaled(
                    direction,
                    signal_to_noise,
                    latent,
                    order,
                    lambda k: 1 / factorial(k),
                ),
            ),
        ),
    ),
)
