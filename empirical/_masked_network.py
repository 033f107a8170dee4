"""Dropout as it is defined: masks, all of them, and linear networks under them.

Private to `empirical`.
"""

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

__all__ = ["all_masks", "kept", "mean_loss", "outputs"]


def kept(rate: Float[Array, ""]) -> Float[Array, ""]:
    """Probability of keeping a unit.

    Args:
        rate: Probability of dropping it.
    """
    return 1 - rate


def all_masks(
    units: int, rate: Float[Array, ""]
) -> tuple[Float[Array, "masks units"], Float[Array, " masks"]]:
    """All masks of some units, kept ones divided by 1 - rate, and their probabilities.

    Args:
        units: How many.
        rate: Probability of dropping one, in [0, 1).
    """
    ones = jnp.asarray(list(itertools.product((False, True), repeat=units)))
    chances = jnp.prod(jnp.where(ones, 1 - rate, rate), axis=1)
    return jnp.where(ones, 1 / (1 - rate), 0), chances


def outputs(
    layers: Sequence[Float[Array, "out width"]],
    inputs: Float[Array, "n d"],
    mask: Float[Array, " units"] | None = None,
) -> Float[Array, "n out"]:
    """Outputs of a linear network, its hidden units masked.

    Args:
        layers: Weights of the layers, the first one first.
        inputs: Inputs, one a row.
        mask: Factors of all hidden units, those of the first layer first; if not given,
            ones.
    """
    cuts = np.cumsum([len(layer) for layer in layers[:-1]])
    hidden = inputs
    for number, layer in enumerate(layers):
        hidden = jnp.matmul(hidden, layer.T, precision="highest")
        if mask is not None and number < len(cuts):
            hidden = hidden * mask[cuts[number] - len(layer) : cuts[number]][None]
    return hidden


def mean_loss(
    layers: Sequence[Float[Array, "out width"]],
    inputs: Float[Array, "n d"],
    targets: Float[Array, "n out"],
    rate: Float[Array, ""],
) -> Float[Array, ""]:
    """Mean over the samples and all masks of a linear network's squared error.

    Args:
        layers: Weights of the layers, the first one first.
        inputs: Inputs, one a row.
        targets: Targets, one a row.
        rate: Probability of dropping a hidden unit, in [0, 1).
    """
    masks, chances = all_masks(sum(len(layer) for layer in layers[:-1]), rate)
    errors = jax.vmap(lambda mask: outputs(layers, inputs, mask) - targets)(masks)
    return jnp.vdot(chances, jnp.mean(jnp.sum(errors**2, axis=2), axis=1))
