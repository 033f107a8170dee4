"""Claims: the samples that a FastICA step needs, as a power of d with a factor."""

import jax.numpy as jnp

from analytic import fastica_threshold as analytic
from empirical import fastica_threshold as empirical
from tallystick import Choice, Claim, Control, Domain, Exponent, Limit, Scalar

__all__ = ["CLAIMS"]

RICCI = "Ricci, Bardone & Goldt, ICML 2025"

CLAIMS = (
    Claim(
        "ica.fastica_threshold",
        statement="n with L'^2 = d E[G'^2] / n at alpha = d^(-1/2) grows like d^k, "
        "k = min{k >= 1: c_k(G) c_k(l) != 0}",
        analytic=analytic.exponent,
        empirical=empirical.exponent,
        domain=Domain(
            signal_to_noise=Scalar(2, 10),
            contrast=Choice("exp", "quartic", "logcosh", "cubic"),
            # Its third cumulant is what cubic sees; the others see the fourth.
            latent="skewed",
        ),
        # The next term of L' is smaller by d, and changes the slope by 1 %.
        relation=Exponent("dimension", (1e3, 1e4, 1e5), tolerance=0.02, bias=0.01),
        source=RICCI,
        controls=(
            Control(
                "d^(k - 1), as for online gradient descent",
                lambda signal_to_noise, contrast, latent: (
                    analytic.exponent(signal_to_noise, contrast, latent) - 1
                ),
            ),
            Control(
                "4 for every contrast",
                lambda signal_to_noise, contrast, latent: jnp.full_like(
                    signal_to_noise, 4.0
                ),
            ),
            Control(
                "d^(k / 2), as for smoothed gradients",
                lambda signal_to_noise, contrast, latent: (
                    analytic.exponent(signal_to_noise, contrast, latent) / 2
                ),
            ),
        ),
    ),
    Claim(
        "ica.fastica_threshold_constant",
        statement="n / d^k -> ((k - 1)!)^2 E[G'(z)^2] / (c_k(G) c_k(l))^2 for the n of "
        "ica.fastica_threshold",
        analytic=analytic.constant,
        empirical=empirical.constant,
        domain=Domain(
            signal_to_noise=Scalar(2, 10),
            contrast=Choice("exp", "quartic", "logcosh"),
            latent=Choice("rademacher", "uniform"),
        ),
        # Two sizes: the error of quartic falls like d^-2, the others' like 1 / d.
        relation=Limit("dimension", (1000, 5000), rate=1),
        source=RICCI + "; the factor is derived",
        controls=(
            Control(
                "without ((k - 1)!)^2",
                lambda signal_to_noise, contrast, latent: (
                    analytic.constant(signal_to_noise, contrast, latent) / 36
                ),
            ),
            Control(
                "k! in place of (k - 1)!",
                lambda signal_to_noise, contrast, latent: (
                    analytic.constant(signal_to_noise, contrast, latent) * 16
                ),
            ),
            Control(
                "a latent without noise, gamma = 1",
                lambda signal_to_noise, contrast, latent: analytic.constant(
                    jnp.full_like(signal_to_noise, jnp.inf), contrast, latent
                ),
            ),
        ),
    ),
)
