"""Spiked cumulant model, measured on inputs drawn in the original dimension.

The twin of `analytic.spiked_cumulant`, which describes the model and names the latents.
"""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from empirical.montecarlo import Normal, Uniform, expectation

__all__ = ["likelihood_coefficients", "moments"]


@expectation(level=Uniform(), noise=Normal("d"))
def moments(
    direction: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    latent: str,
    *,
    level: Float[Array, ""],
    noise: Float[Array, " d"],
) -> Float[Array, "rows d"]:
    """One input x in the first row and its outer product x x^T below it.

    Args:
        direction: The spike, of any length: only its direction counts.
        signal_to_noise: The ratio of variances along the spike, latent over noise.
        latent: The name of the latent's law.
        level: Noise: the probability level at which the latent is drawn.
        noise: Noise: the normal part of the input, before whitening.

    Returns:
        One draw of the moments.

    Degenerate cases:
        A zero direction gives nan, as does a negative ratio.

    Raises:
        ValueError: `direction` is not a vector, `signal_to_noise` is not a scalar, or
            `latent` is not a listed name.
    """
    _, x = _spike_and_input(direction, signal_to_noise, latent, level, noise)
    return jnp.concatenate([x[None], jnp.outer(x, x)])


@expectation(level=Uniform(), noise=Normal("d"))
def likelihood_coefficients(
    direction: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    latent: str,
    order: int,
    *,
    level: Float[Array, ""],
    noise: Float[Array, " d"],
) -> Float[Array, " degrees"]:
    """Hermite polynomials, up to `order`, of one input's component along the spike.

    The mean of h_k under the input's law is the coefficient of its likelihood ratio to
    the normal law, as the ratio turns the one mean into the other.

    Args:
        direction: The spike, of any length: only its direction counts.
        signal_to_noise: The ratio of variances along the spike, latent over noise.
        latent: The name of the latent's law.
        order: The largest degree, from 0 to 30.
        level: Noise: the probability level at which the latent is drawn.
        noise: Noise: the normal part of the input, before whitening.

    Returns:
        One draw of the polynomials.

    Degenerate cases:
        A zero direction gives nan, as does a negative ratio.

    Raises:
        ValueError: `direction` is not a vector, `signal_to_noise` is not a scalar,
            `latent` is not a listed name, or `order` is out of range.
    """
    if not 0 <= order <= 30:
        raise ValueError(f"order must be from 0 to 30, got {order=}")
    spike, x = _spike_and_input(direction, signal_to_noise, latent, level, noise)
    u = jnp.sum(spike * x)
    # Monomial coefficients, highest first, from NumPy's own conversion.
    monomials = (
        np.polynomial.hermite_e.herme2poly([0] * k + [1])[::-1]
        for k in range(order + 1)
    )
    return jnp.stack([jnp.polyval(jnp.asarray(m, u.dtype), u) for m in monomials])


def _latent(latent: str, level: Float[Array, ""]) -> Float[Array, ""]:
    """The latent at a probability level, by its quantile function."""
    match latent:
        case "rademacher":
            return jnp.where(level < 0.5, -1.0, 1.0).astype(level.dtype)
        case "uniform":
            return math.sqrt(3) * (2 * level - 1)
        case "laplace":
            tail = jnp.minimum(level, 1 - level)
            size = -jnp.log(2 * jnp.maximum(tail, jnp.finfo(level.dtype).tiny))
            return jnp.sign(level - 0.5) * size / math.sqrt(2)
        case "skewed":
            return jnp.where(level < 0.8, -0.5, 2.0).astype(level.dtype)
    raise ValueError(
        f"latent must be one of rademacher, uniform, laplace, skewed, got {latent=}"
    )


def _spike_and_input(
    direction: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    latent: str,
    level: Float[Array, ""],
    noise: Float[Array, " d"],
) -> tuple[Float[Array, " d"], Float[Array, " d"]]:
    """The unit spike and one input, whitened by the root of its covariance."""
    if direction.ndim != 1:
        raise ValueError(f"direction must be a vector, got {direction.shape=}")
    if signal_to_noise.shape:
        raise ValueError(
            f"signal_to_noise must be a scalar, got {signal_to_noise.shape=}"
        )
    spike = direction / jnp.linalg.norm(direction)
    nu = _latent(latent, level)
    raw = jnp.sqrt(signal_to_noise) * nu * spike + noise
    identity = jnp.eye(spike.size, dtype=spike.dtype)
    covariance = identity + signal_to_noise * jnp.outer(spike, spike)
    variances, axes = jnp.linalg.eigh(covariance)
    # Full precision: the reduced default of some accelerators would bias the moments.
    components = jnp.matmul(raw, axes, precision="highest") / jnp.sqrt(variances)
    return spike, jnp.matmul(axes, components, precision="highest")
