"""Claims: mean products of the ReLU, of erf, and of their slopes, at normal pairs."""

import jax.numpy as jnp

from analytic import dual_activation as analytic
from empirical import dual_activation as empirical
from tallystick import Claim, Control, Domain, Scalar

__all__ = ["CLAIMS"]


def _pairs(lowest):
    """All pairs from a lowest correlation up to 1, with a zero variance as a corner."""
    return Domain(
        variance_x=Scalar(0, 3),
        variance_y=Scalar(0, 3),
        covariance=Scalar(
            lambda variance_x, variance_y: lowest * (variance_x * variance_y) ** 0.5,
            lambda variance_x, variance_y: (variance_x * variance_y) ** 0.5,
        ),
    )


def _correlation(variance_x, variance_y, covariance):
    """The correlation; 0 where a variance is."""
    square = variance_x * variance_y
    ratio = covariance / jnp.sqrt(jnp.where(square > 0, square, 1))
    return jnp.clip(ratio, -1, 1)


CLAIMS = (
    Claim(
        "dual.relu",
        statement="E[u_+ v_+] = sqrt(ab) (sin t + (pi - t) cos t) / (2 pi), cos t = "
        "c / sqrt(ab)",
        analytic=analytic.relu,
        empirical=empirical.relu,
        domain=_pairs(-1),
        source="Cho & Saul 2009, equation (6); Daniely et al. 2016, table 1",
        controls=(
            Control(
                "the kernel, twice the mean",
                lambda variance_x, variance_y, covariance: (
                    2 * analytic.relu(variance_x, variance_y, covariance)
                ),
            ),
            Control(
                "variances in place of standard deviations",
                lambda variance_x, variance_y, covariance: (
                    jnp.sqrt(variance_x * variance_y)
                    * analytic.relu(variance_x, variance_y, covariance)
                ),
            ),
            Control(
                "the first two terms of the series in the correlation",
                lambda variance_x, variance_y, covariance: (
                    covariance / 4 + jnp.sqrt(variance_x * variance_y) / (2 * jnp.pi)
                ),
            ),
        ),
    ),
    Claim(
        "dual.relu_derivative",
        statement="P(u > 0, v > 0) = (pi - t) / (2 pi), cos t = c / sqrt(ab)",
        analytic=analytic.relu_derivative,
        empirical=empirical.relu_derivative,
        # At -1 rounding alone would decide whether both are ever positive.
        domain=_pairs(-0.99),
        source="Cho & Saul 2009, equation (5); Sheppard 1899",
        controls=(
            Control(
                "the angle in place of its supplement",
                lambda variance_x, variance_y, covariance: analytic.relu_derivative(
                    variance_x, variance_y, -covariance
                ),
            ),
            Control(
                "a probability linear in the correlation",
                lambda variance_x, variance_y, covariance: (
                    (1 + _correlation(variance_x, variance_y, covariance)) / 4
                ),
            ),
        ),
    ),
    Claim(
        "dual.erf",
        statement="E[erf(u) erf(v)] = (2/pi) arcsin(2c / sqrt((1 + 2a) (1 + 2b)))",
        analytic=analytic.erf,
        empirical=empirical.erf,
        domain=_pairs(-1),
        source="Williams 1997, equation (11)",
        controls=(
            Control(
                "the arcsine of the correlation, as for the sign",
                lambda variance_x, variance_y, covariance: (
                    2
                    / jnp.pi
                    * jnp.arcsin(_correlation(variance_x, variance_y, covariance))
                ),
            ),
            Control(
                "variances not doubled, as for the normal distribution function",
                lambda variance_x, variance_y, covariance: analytic.erf(
                    variance_x / 2, variance_y / 2, covariance / 2
                ),
            ),
        ),
    ),
    Claim(
        "dual.erf_derivative",
        statement="E[erf'(u) erf'(v)] = (4/pi) / sqrt((1 + 2a) (1 + 2b) - 4c^2)",
        analytic=analytic.erf_derivative,
        empirical=empirical.erf_derivative,
        domain=_pairs(-1),
        source="Williams 1997, differentiated in c (Price's theorem)",
        controls=(
            Control(
                "c^2 in place of 4 c^2",
                lambda variance_x, variance_y, covariance: (
                    4
                    / jnp.pi
                    / jnp.sqrt(
                        (1 + 2 * variance_x) * (1 + 2 * variance_y) - covariance**2
                    )
                ),
            ),
            Control(
                "the factor 2/pi of the dual itself",
                lambda variance_x, variance_y, covariance: (
                    analytic.erf_derivative(variance_x, variance_y, covariance) / 2
                ),
            ),
        ),
    ),
)
