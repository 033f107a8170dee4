"""Claims: the contrast that independent component analysis climbs, and its sign."""

import jax.numpy as jnp

from analytic import ica as analytic
from empirical import ica as empirical
from tallystick import Choice, Claim, Control, Domain, Erratum, Scalar

__all__ = ["CLAIMS"]


def _excess(alignment, signal_to_noise, contrast):
    """What the spike adds to the Gaussian value of the contrast."""
    return analytic.population_loss(
        alignment, signal_to_noise, contrast
    ) - analytic.population_loss(0 * alignment, signal_to_noise, contrast)


def _quartic(signal, probability):
    """The fourth moment for a given variance of the latent's part of the projection."""
    return 3 + (1 / (probability * (1 - probability)) - 6) * signal**2


CLAIMS = (
    Claim(
        "ica.population_loss",
        statement="E[G(w . x)] = sum_k c_k(G) c_k(l) alpha^k / k!, alpha = w . v",
        analytic=analytic.population_loss,
        empirical=empirical.population_loss,
        domain=Domain(
            alignment=Scalar(-1, 1),
            signal_to_noise=Scalar(1, 10),
            contrast=Choice("exp", "quartic", "logcosh"),
        ),
        source="Ricci, Bardone & Goldt, ICML 2025; Hyvarinen & Oja 2000, section 4",
        controls=(
            Control(
                "kurtosis of the wrong sign",
                lambda alignment, signal_to_noise, contrast: (
                    analytic.population_loss(alignment, signal_to_noise, contrast)
                    - 2 * _excess(alignment, signal_to_noise, contrast)
                ),
            ),
            Control(
                "without 1 / k!",
                lambda alignment, signal_to_noise, contrast: (
                    analytic.population_loss(alignment, signal_to_noise, contrast)
                    + 23 * _excess(alignment, signal_to_noise, contrast)
                ),
            ),
            Control(
                "|alpha| in place of alpha^2 as the spike's share",
                lambda alignment, signal_to_noise, contrast: analytic.population_loss(
                    jnp.sqrt(jnp.abs(alignment)), signal_to_noise, contrast
                ),
            ),
        ),
    ),
    Claim(
        "ica.quartic_loss",
        statement="E[(w . x)^4] = 3 + kappa gamma^2 alpha^4, kappa the excess "
        "kurtosis of the latent, gamma = beta / (1 + beta)",
        analytic=analytic.quartic_loss,
        empirical=empirical.quartic_loss,
        domain=Domain(
            alignment=Scalar(-1, 1),
            signal_to_noise=Scalar(1, 10),
            # Kurtosis from 5.1 (at both ends) through 0 to -2 (in the middle).
            probability=Scalar(0.1, 0.9),
        ),
        source="Ricci, Bardone & Goldt, ICML 2025; Hyvarinen & Oja 2000, section 4.2",
        controls=(
            Control(
                "beta in place of gamma",
                lambda alignment, signal_to_noise, probability: _quartic(
                    signal_to_noise * alignment**2, probability
                ),
            ),
            Control(
                "alpha^2 in place of alpha^4",
                lambda alignment, signal_to_noise, probability: _quartic(
                    signal_to_noise / (1 + signal_to_noise) * jnp.abs(alignment),
                    probability,
                ),
            ),
            Control(
                "the fourth moment of the latent in place of its kurtosis",
                lambda alignment, signal_to_noise, probability: (
                    analytic.quartic_loss(alignment, signal_to_noise, probability)
                    + 3 * (signal_to_noise / (1 + signal_to_noise) * alignment**2) ** 2
                ),
            ),
        ),
        errata=(
            Erratum(
                "E9",
                where="the objective of independent component analysis",
                printed="maximize E[G(w . x)]: alignment raises the contrast, "
                "E[(w . x)^4] = 3 + |kappa| gamma^2 alpha^4",
                corrected="alignment raises it only if kappa > 0; for a sign it falls, "
                "from 3 to 3 - 2 gamma^2 (1.611 at gamma = 5/6), so that the spike is "
                "the minimum: maximize |E[G(w . x)] - E[G(z)]|",
                form=lambda alignment, signal_to_noise, probability: (
                    3
                    + jnp.abs(
                        analytic.quartic_loss(alignment, signal_to_noise, probability)
                        - 3
                    )
                ),
                at={"alignment": 1.0, "signal_to_noise": 5.0, "probability": 0.5},
            ),
        ),
    ),
)
