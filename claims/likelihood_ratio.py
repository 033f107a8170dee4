"""Claims: the likelihood ratio of spiked inputs, and the overlap of two spikes."""

import jax.numpy as jnp

from analytic import likelihood_ratio as analytic
from empirical import likelihood_ratio as empirical
from tallystick import Axis, Claim, Control, Domain, Scalar, Vector

__all__ = ["CLAIMS"]


def _ratio(u, signal_to_noise, gamma, root):
    """The ratio as printed, with gamma and sqrt(gamma) given."""
    spread = 1 / (1 + signal_to_noise)
    exponent = u**2 / 2 - (u**2 + gamma) / (2 * spread)
    return jnp.exp(exponent) * jnp.cosh(root * u / spread) / jnp.sqrt(spread)


def _along(point, direction):
    return jnp.sum(point * direction) / jnp.linalg.norm(direction)


def _gamma(signal_to_noise):
    return signal_to_noise / (1 + signal_to_noise)


def _sides(direction, other, signal_to_noise):
    """The product gamma t, and both exponentials of the overlap."""
    size = jnp.linalg.norm(direction) * jnp.linalg.norm(other)
    q = _gamma(signal_to_noise) * jnp.sum(direction * other) / size
    return q, jnp.exp(q / (1 + q)), jnp.exp(-q / (1 - q))


def _one_sided(direction, other, signal_to_noise):
    q, side, _ = _sides(direction, other, signal_to_noise)
    return side / jnp.sqrt(1 - q**2)


def _without_root(direction, other, signal_to_noise):
    _, one, two = _sides(direction, other, signal_to_noise)
    return (one + two) / 2


CLAIMS = (
    Claim(
        "spiked.lr_rademacher",
        statement="density of x over that of N(0, I) = (1 - gamma)^(-1/2) exp(u^2 / 2 "
        "- (u^2 + gamma) / (2 (1 - gamma))) cosh(sqrt(gamma) u / (1 - gamma)), "
        "u = v . x",
        analytic=analytic.ratio,
        empirical=empirical.ratio,
        domain=Domain(
            point=Vector("d", zero=True, norm=(0.5, 3)),
            direction=Vector("d"),
            signal_to_noise=Scalar(0.1, 10),
            d=Axis(4, 1),
        ),
        source="Szekely, Bardone, Gerace & Goldt, NeurIPS 2024, section 2",
        controls=(
            Control(
                "without the Gaussian factor of the shift",
                lambda point, direction, signal_to_noise: _ratio(
                    _along(point, direction),
                    signal_to_noise,
                    0.0,
                    jnp.sqrt(_gamma(signal_to_noise)),
                ),
            ),
            Control(
                "gamma in place of its root",
                lambda point, direction, signal_to_noise: _ratio(
                    _along(point, direction),
                    signal_to_noise,
                    _gamma(signal_to_noise),
                    _gamma(signal_to_noise),
                ),
            ),
            Control(
                "a spike that is not normalized",
                lambda point, direction, signal_to_noise: _ratio(
                    jnp.sum(point * direction),
                    signal_to_noise,
                    _gamma(signal_to_noise),
                    jnp.sqrt(_gamma(signal_to_noise)),
                ),
            ),
        ),
    ),
    Claim(
        "spiked.lr_overlap",
        statement="E[l(v.x) l(v'.x)] = (1 - q^2)^(-1/2) [exp(q / (1 + q)) + "
        "exp(-q / (1 - q))] / 2, x ~ N(0, I), q = gamma v.v'",
        analytic=analytic.overlap,
        empirical=empirical.overlap,
        domain=Domain(
            direction=Vector("d"),
            other=Vector("d"),
            signal_to_noise=Scalar(0.2, 2),
            d=Axis(4, 1),
        ),
        source="derived from Mehler's formula; setting of Szekely, Bardone, Gerace & "
        "Goldt, NeurIPS 2024, section 3",
        controls=(
            Control("one of the exponentials", _one_sided),
            Control("without the root", _without_root),
            Control(
                "the strength doubled",
                lambda direction, other, signal_to_noise: analytic.overlap(
                    direction, other, 2 * signal_to_noise
                ),
            ),
        ),
    ),
)
