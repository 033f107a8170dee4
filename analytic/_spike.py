"""Directions of spikes, whatever their length.

Private to `analytic`, behind `spiked_cumulant`, `likelihood_ratio` and `fastica`.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["unit"]


def unit(vector: Float[Array, " d"]) -> Float[Array, " d"]:
    """The direction of a vector; any one for the zero vector, with finite slopes."""
    safe = jnp.where(jnp.any(vector != 0), vector, jnp.ones_like(vector))
    return safe / jnp.linalg.norm(safe)
