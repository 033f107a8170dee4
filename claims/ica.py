"""Claims: the contrast that independent component analysis climbs, and its sign."""

import jax.numpy as jnp

from analytic import ica as analytic
from empirical import ica as empirical
from tallystick import Choice, Claim, Control, Domain, Erratum, Identity, Mean, Scalar

__all__ = ["CLAIMS"]


def _excess(alignment, signal_to_noise, contrast):
    """What the spike adds to the Gaussian value of the contrast."""
    return analytic.population_loss(
        alignment, signal_to_noise, contrast
    ) - analytic.population_loss(0 * alignment, signal_to_noise, contrast)


def _quartic(signal, probability):
    """The fourth moment for a given variance of the latent's part of the projection."""
    return 3 + (1 / (probability * (1 - probability)) - 6) * signal**2


def _first_slope(alignment, signal_to_noise):
    """Factors that leave the first term alone of the slope of exp_loss."""
    signal = signal_to_noise / (1 + signal_to_noise) * alignment**2
    # L' = L [q - 2q / D] / (alpha D), of which q / (alpha D) has the other sign.
    return jnp.stack([jnp.ones_like(signal), 1 - 2 / jnp.where(signal > 0, signal, 1)])


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
        relation=Mean(detectable=0.003),
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
        relation=Mean(detectable=0.003),
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
    Claim(
        "ica.exp_loss",
        statement="L(alpha) = E[-exp(-(w.x)^2 / 2)] = -D^(-1/2) exp(-gamma alpha^2 / "
        "(2D)), L' = -gamma^2 alpha^3 L / D^2, D = 2 - gamma alpha^2",
        analytic=analytic.exp_loss,
        empirical=empirical.exp_loss,
        # At the ends the overlap is no coordinate: a draw has no derivative there.
        domain=Domain(alignment=Scalar(-0.99, 0.99), signal_to_noise=Scalar(0, 10)),
        source="derived from Ricci, Bardone & Goldt, ICML 2025; normal integral",
        controls=(
            Control(
                "the slope without the exponent's part",
                lambda alignment, signal_to_noise: (
                    analytic.exp_loss(alignment, signal_to_noise)
                    * _first_slope(alignment, signal_to_noise)
                ),
            ),
            Control(
                "the slope of the leading term gamma^2 alpha^4 / (16 sqrt(2))",
                lambda alignment, signal_to_noise: jnp.stack(
                    [
                        analytic.exp_loss(alignment, signal_to_noise)[0],
                        (signal_to_noise / (1 + signal_to_noise)) ** 2
                        * alignment**3
                        / (4 * 2**0.5),
                    ]
                ),
            ),
            Control(
                "half of beta",
                lambda alignment, signal_to_noise: analytic.exp_loss(
                    alignment, signal_to_noise / 2
                ),
            ),
        ),
    ),
    Claim(
        "ica.sign",
        statement="ascent on E[G(w . x)] approaches the spike if c_4(G) c_4(l) > 0, "
        "and leaves it if c_4(G) c_4(l) < 0",
        analytic=analytic.favoured,
        empirical=empirical.favoured,
        domain=Domain(
            signal_to_noise=Scalar(1, 10),
            contrast=Choice("exp", "quartic", "logcosh"),
            latent=Choice("rademacher", "laplace"),
        ),
        relation=Identity(),
        source="Hyvarinen & Oja 2000, section 4; Ricci, Bardone & Goldt, ICML 2025",
        controls=(
            Control(
                "always towards the spike",
                lambda signal_to_noise, contrast, latent: jnp.ones_like(
                    signal_to_noise
                ),
            ),
            Control(
                "the sign of the kurtosis alone",
                lambda signal_to_noise, contrast, latent: analytic.favoured(
                    signal_to_noise, "quartic", latent
                ),
            ),
            Control(
                "the sign of the contrast's coefficient alone",
                lambda signal_to_noise, contrast, latent: analytic.favoured(
                    signal_to_noise, contrast, "laplace"
                ),
            ),
        ),
        errata=(
            Erratum(
                "E9b",
                where="the objective of independent component analysis",
                printed="maximize E[G(w . x)]: ascent approaches the spike",
                corrected="with a sign for latent, ascent on s^4 / 4 leaves the spike: "
                "there c_4(G) c_4(l) = -12 gamma^2",
                form=lambda signal_to_noise, contrast, latent: jnp.ones_like(
                    signal_to_noise
                ),
                at={
                    "signal_to_noise": 5.0,
                    "contrast": "quartic",
                    "latent": "rademacher",
                },
            ),
        ),
    ),
)
