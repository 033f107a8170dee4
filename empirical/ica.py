"""Independent component analysis: contrasts of projected inputs, drawn in dimension 3.

The twin of `analytic.ica`, which describes the inputs and names the contrasts. The
spike and the projection are drawn too, as a random pair of the given overlap.
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical.montecarlo import Bernoulli, Normal, Rademacher, Sphere, expectation

__all__ = ["population_loss", "quartic_loss"]


@expectation(spike=Sphere(3), other=Sphere(3), latent=Rademacher(), noise=Normal(3))
def population_loss(
    alignment: Float[Array, ""],
    signal_to_noise: Float[Array, ""],
    contrast: str,
    *,
    spike: Float[Array, "3"],
    other: Float[Array, "3"],
    latent: Float[Array, ""],
    noise: Float[Array, "3"],
) -> Float[Array, ""]:
    """The contrast function at one projected input.

    Args:
        alignment: The overlap of the projection with the spike, in [-1, 1].
        signal_to_noise: The ratio of variances along the spike, latent over noise.
        contrast: The name of the contrast function: exp, quartic or logcosh.
        spike: Noise: the direction that carries the latent.
        other: Noise: a direction that, with the spike, spans the projection.
        latent: Noise: a sign.
        noise: Noise: the normal part of the input, before whitening.

    Returns:
        One draw of the contrast.

    Degenerate cases:
        At alignment 1 or -1 the projection is the spike or its negative. Where the
        alignment is not in [-1, 1] or the ratio is negative: nan.

    Raises:
        ValueError: An argument is not a scalar, or `contrast` is not a listed name.
    """
    s = _projected_input(alignment, signal_to_noise, spike, other, latent, noise)
    match contrast:
        case "exp":
            return -jnp.exp(-(s**2) / 2)
        case "quartic":
            return s**4 / 4
        case "logcosh":
            return jnp.logaddexp(s, -s) - math.log(2)
    raise ValueError(f"contrast must be exp, quartic or logcosh, got {contrast=}")


@expectation(
    spike=Sphere(3),
    other=Sphere(3),
    positive=Bernoulli(lambda probability: probability),
    noise=Normal(3),
)
def quartic_loss(
    alignment: Float[Array, ""],
    signal_to_noise: Float[Array, ""],
    probability: Float[Array, ""],
    *,
    spike: Float[Array, "3"],
    other: Float[Array, "3"],
    positive: Float[Array, ""],
    noise: Float[Array, "3"],
) -> Float[Array, ""]:
    """The fourth power of one projected input, whose latent has two values.

    Args:
        alignment: The overlap of the projection with the spike, in [-1, 1].
        signal_to_noise: The ratio of variances along the spike, latent over noise.
        probability: The probability of the latent's positive value, inside (0, 1).
        spike: Noise: the direction that carries the latent.
        other: Noise: a direction that, with the spike, spans the projection.
        positive: Noise: whether the latent takes its positive value, 1 or 0.
        noise: Noise: the normal part of the input, before whitening.

    Returns:
        One draw of the fourth power.

    Degenerate cases:
        At alignment 1 or -1 the projection is the spike or its negative. Where the
        alignment is not in [-1, 1], the ratio is negative or the probability is not
        inside (0, 1): nan.

    Raises:
        ValueError: An argument is not a scalar.
    """
    if probability.shape:
        raise ValueError(f"probability must be a scalar, got {probability.shape=}")
    # Standardized: an indicator of probability p has this mean and spread.
    spread = jnp.sqrt(probability * (1 - probability))
    latent = (positive - probability) / spread
    return (
        _projected_input(alignment, signal_to_noise, spike, other, latent, noise) ** 4
    )


def _projected_input(
    alignment: Float[Array, ""],
    signal_to_noise: Float[Array, ""],
    spike: Float[Array, "3"],
    other: Float[Array, "3"],
    latent: Float[Array, ""],
    noise: Float[Array, "3"],
) -> Float[Array, ""]:
    """One whitened input, projected on a unit vector of the given overlap."""
    if alignment.shape or signal_to_noise.shape:
        raise ValueError(
            "alignment and signal_to_noise must be scalars, "
            f"got {alignment.shape=}, {signal_to_noise.shape=}"
        )
    across = other - jnp.sum(other * spike) * spike
    across /= jnp.linalg.norm(across)
    projection = alignment * spike + jnp.sqrt(1 - alignment**2) * across
    raw = jnp.sqrt(signal_to_noise) * latent * spike + noise
    # Whitening: along the spike the variance is 1 + signal_to_noise, across it 1.
    along = jnp.sum(raw * spike) * spike
    x = raw - along + along / jnp.sqrt(1 + signal_to_noise)
    return jnp.sum(projection * x)
