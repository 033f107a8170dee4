"""Likelihood ratio of spiked inputs, from normal densities in the original dimension.

The twin of `analytic.likelihood_ratio`. Given its latent an input is normal; the ratio
is the mean over the latent of its density there over that of N(0, I).
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical._whitening import powered_covariance
from empirical.montecarlo import Normal, Rademacher, expectation

__all__ = ["overlap", "ratio"]


@expectation(latent=Rademacher())
def ratio(
    point: Float[Array, " d"],
    direction: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    *,
    latent: Float[Array, ""],
) -> Float[Array, ""]:
    """Ratio of densities at a point, for one value of the latent.

    Args:
        point: The input.
        direction: The spike, of any length: only its direction counts.
        signal_to_noise: The ratio of variances along the spike, latent over noise.
        latent: Noise: a sign.

    Returns:
        One draw of the ratio.

    Degenerate cases:
        At a ratio of variances 0 it is 1. A zero direction gives nan, as does a
        negative ratio of variances.

    Raises:
        ValueError: `point` and `direction` are not vectors of one length, or
            `signal_to_noise` is not a scalar.
    """
    _check(point, direction, signal_to_noise, "point and direction")
    return _density_ratio(point, direction, signal_to_noise, latent)


@expectation(sample=Normal("d"), latents=Rademacher(2))
def overlap(
    direction: Float[Array, " d"],
    other: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    *,
    sample: Float[Array, " d"],
    latents: Float[Array, "2"],
) -> Float[Array, ""]:
    """Product of two ratios of densities at one normal vector.

    Args:
        direction: One spike, of any length: only its direction counts.
        other: The other.
        signal_to_noise: The ratio of variances along the spike, latent over noise.
        sample: Noise: the normal vector.
        latents: Noise: a sign for each spike.

    Returns:
        One draw of the product.

    Degenerate cases:
        At a ratio of variances 0 it is 1. A zero vector gives nan, as does a negative
        ratio of variances.

    Raises:
        ValueError: `direction` and `other` are not vectors of one length, or
            `signal_to_noise` is not a scalar.
    """
    _check(direction, other, signal_to_noise, "direction and other")
    one = _density_ratio(sample, direction, signal_to_noise, latents[0])
    return one * _density_ratio(sample, other, signal_to_noise, latents[1])


def _check(
    direction: Float[Array, " d"],
    other: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    names: str,
) -> None:
    """Raise where the shapes are wrong."""
    if direction.ndim != 1 or direction.shape != other.shape:
        raise ValueError(
            f"{names} must be vectors of one length, "
            f"got {direction.shape}, {other.shape}"
        )
    if signal_to_noise.shape:
        raise ValueError(
            f"signal_to_noise must be a scalar, got {signal_to_noise.shape=}"
        )


def _density_ratio(
    x: Float[Array, " d"],
    direction: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    latent: Float[Array, ""],
) -> Float[Array, ""]:
    """Density of a whitened input given its latent, over the standard normal one."""
    unwhitening = powered_covariance(direction, signal_to_noise, 0.5)
    spike = direction / jnp.linalg.norm(direction)
    raw = jnp.matmul(unwhitening, x, precision="highest")
    noise = raw - jnp.sqrt(signal_to_noise) * latent * spike
    exponent = (jnp.sum(x**2) - jnp.sum(noise**2)) / 2
    return jnp.linalg.det(unwhitening) * jnp.exp(exponent)
