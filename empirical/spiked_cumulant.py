"""Spiked cumulant model, measured on inputs drawn in the original dimension.

The twin of `analytic.spiked_cumulant`, which describes the model and names the latents.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from empirical._whitening import powered_covariance
from empirical.montecarlo import (
    Bernoulli,
    Normal,
    Rademacher,
    expectation,
)

__all__ = ["cumulants", "likelihood_coefficients", "moments", "whitening"]


def whitening(
    direction: Float[Array, " d"], signal_to_noise: Float[Array, ""]
) -> Float[Array, "d d"]:
    """The inverse root of the raw inputs' covariance, from its eigenvectors.

    Args:
        direction: The spike, of any length: only its direction counts.
        signal_to_noise: The ratio of variances along the spike, latent over noise.

    Returns:
        The matrix that makes the inputs white.

    Degenerate cases:
        A zero direction gives nan, as does a negative ratio.

    Raises:
        ValueError: `direction` is not a vector, or `signal_to_noise` is not a scalar.
    """
    _check(direction, signal_to_noise)
    return powered_covariance(direction, signal_to_noise, -0.5)


@expectation(
    sign=Rademacher(), positive=Bernoulli(0.2), normals=Normal(4), noise=Normal("d")
)
def cumulants(
    direction: Float[Array, " d"],
    projection: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    latent: str,
    order: int,
    *,
    sign: Float[Array, ""],
    positive: Float[Array, ""],
    normals: Float[Array, "4"],
    noise: Float[Array, " d"],
) -> Float[Array, " degrees"]:
    """Powers of one projected input, combined so that their means are its cumulants.

    For a mean of 0 and a variance of 1 these are s, s^2, s^3, s^4 - 3, s^5 - 10 s^3.

    Args:
        direction: The spike, of any length: only its direction counts.
        projection: The vector on which the input is projected, of any length.
        signal_to_noise: The ratio of variances along the spike, latent over noise.
        latent: The name of the latent's law.
        order: The largest degree, from 1 to 5.
        sign: Noise: the latent rademacher.
        positive: Noise: whether the latent skewed takes its positive value.
        normals: Noise: what the latents uniform and laplace are made of.
        noise: Noise: the normal part of the input, before whitening.

    Returns:
        One draw of the combinations.

    Degenerate cases:
        A zero vector gives nan, as does a negative ratio.

    Raises:
        ValueError: `direction` or `projection` is not a vector or they differ in
            length, `signal_to_noise` is not a scalar, `latent` is not a listed name, or
            `order` is out of range.
    """
    if projection.shape != direction.shape:
        raise ValueError(
            "projection must have the shape of direction, "
            f"got {projection.shape=}, {direction.shape=}"
        )
    if not 1 <= order <= 5:
        raise ValueError(f"order must be from 1 to 5, got {order=}")
    nu = _latent(latent, sign, positive, normals)
    _, x = _spike_and_input(direction, signal_to_noise, nu, noise)
    s = jnp.sum(x * projection) / jnp.linalg.norm(projection)
    return jnp.stack([s, s**2, s**3, s**4 - 3, s**5 - 10 * s**3][:order])


@expectation(
    sign=Rademacher(), positive=Bernoulli(0.2), normals=Normal(4), noise=Normal("d")
)
def moments(
    direction: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    latent: str,
    *,
    sign: Float[Array, ""],
    positive: Float[Array, ""],
    normals: Float[Array, "4"],
    noise: Float[Array, " d"],
) -> Float[Array, "rows d"]:
    """One input x in the first row and its outer product x x^T below it.

    Args:
        direction: The spike, of any length: only its direction counts.
        signal_to_noise: The ratio of variances along the spike, latent over noise.
        latent: The name of the latent's law.
        sign: Noise: the latent rademacher.
        positive: Noise: whether the latent skewed takes its positive value.
        normals: Noise: what the latents uniform and laplace are made of.
        noise: Noise: the normal part of the input, before whitening.

    Returns:
        One draw of the moments.

    Degenerate cases:
        A zero direction gives nan, as does a negative ratio.

    Raises:
        ValueError: `direction` is not a vector, `signal_to_noise` is not a scalar, or
            `latent` is not a listed name.
    """
    _, x = _spike_and_input(
        direction, signal_to_noise, _latent(latent, sign, positive, normals), noise
    )
    return jnp.concatenate([x[None], jnp.outer(x, x)])


@expectation(
    sign=Rademacher(), positive=Bernoulli(0.2), normals=Normal(4), noise=Normal("d")
)
def likelihood_coefficients(
    direction: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    latent: str,
    order: int,
    *,
    sign: Float[Array, ""],
    positive: Float[Array, ""],
    normals: Float[Array, "4"],
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
        sign: Noise: the latent rademacher.
        positive: Noise: whether the latent skewed takes its positive value.
        normals: Noise: what the latents uniform and laplace are made of.
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
    spike, x = _spike_and_input(
        direction, signal_to_noise, _latent(latent, sign, positive, normals), noise
    )
    u = jnp.sum(spike * x)
    # Monomial coefficients, highest first, from NumPy's own conversion.
    monomials = (
        np.polynomial.hermite_e.herme2poly([0] * k + [1])[::-1]
        for k in range(order + 1)
    )
    return jnp.stack([jnp.polyval(jnp.asarray(m, u.dtype), u) for m in monomials])


def _latent(
    latent: str,
    sign: Float[Array, ""],
    positive: Float[Array, ""],
    normals: Float[Array, "4"],
) -> Float[Array, ""]:
    """The latent as a smooth function of signs, indicators and normal numbers."""
    match latent:
        case "rademacher":
            return sign
        case "uniform":
            return math.sqrt(3) * jax.scipy.special.erf(normals[0] / math.sqrt(2))
        case "laplace":
            # A sum of two products of normal numbers has this law.
            pair = normals[0] * normals[1] + normals[2] * normals[3]
            return pair / math.sqrt(2)
        case "skewed":
            return 2.5 * positive - 0.5
    raise ValueError(
        f"latent must be one of rademacher, uniform, laplace, skewed, got {latent=}"
    )


def _check(direction: Float[Array, " d"], signal_to_noise: Float[Array, ""]) -> None:
    """Raise where the shapes are wrong."""
    if direction.ndim != 1:
        raise ValueError(f"direction must be a vector, got {direction.shape=}")
    if signal_to_noise.shape:
        raise ValueError(
            f"signal_to_noise must be a scalar, got {signal_to_noise.shape=}"
        )


def _spike_and_input(
    direction: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    nu: Float[Array, ""],
    noise: Float[Array, " d"],
) -> tuple[Float[Array, " d"], Float[Array, " d"]]:
    """The unit spike and one input, whitened by the root of its covariance."""
    _check(direction, signal_to_noise)
    spike = direction / jnp.linalg.norm(direction)
    raw = jnp.sqrt(signal_to_noise) * nu * spike + noise
    root = powered_covariance(direction, signal_to_noise, -0.5)
    return spike, jnp.matmul(root, raw, precision="highest")
