"""Powers of the covariance of spiked inputs, which whiten them or undo it.

Private to `empirical`, behind `spiked_cumulant`, `likelihood_ratio` and `fastica`.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["powered_covariance"]


def powered_covariance(
    direction: Float[Array, " d"], signal_to_noise: Float[Array, ""], exponent: float
) -> Float[Array, "d d"]:
    """A power of the raw inputs' covariance, from its eigenvectors."""
    spike = direction / jnp.linalg.norm(direction)
    identity = jnp.eye(spike.size, dtype=spike.dtype)
    covariance = identity + signal_to_noise * spike[:, None] * spike[None]
    variances, axes = jnp.linalg.eigh(covariance)
    variances = jnp.where(signal_to_noise >= 0, variances, jnp.nan)
    # Full precision: the reduced default of some accelerators would bias the moments.
    return jnp.matmul(axes * variances[None] ** exponent, axes.T, precision="highest")
