"""The mask of dropout.

Private to `analytic`.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["variance"]


def variance(rate: Float[Array, ""]) -> Float[Array, ""]:
    """Variance lambda = rate / (1 - rate) of the mask, nan where there is no dropout.

    Args:
        rate: Probability of dropping a unit, in [0, 1).
    """
    return jnp.where((rate >= 0) & (rate < 1), rate / (1 - rate), jnp.nan)
