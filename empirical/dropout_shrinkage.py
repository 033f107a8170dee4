"""Two-layer linear networks, trained with dropout.

The data set has the columns of sqrt(d) S as inputs, equally likely, so that its inputs
have the second moment S S'. A draw trains both layers from a random start on the mean
loss over all samples and all masks, by Newton steps.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical._descent import descend_by_curvature
from empirical._masked_network import mean_loss, outputs
from empirical.montecarlo import Normal, expectation

__all__ = ["minimizer", "minimum"]

STEPS = 200
"""Newton steps of the training: with little dropout it follows a narrow valley."""


@expectation(inner=Normal("width", "d"), outer=Normal("m", "width"))
def minimum(
    product: Float[Array, "m d"],
    factor: Float[Array, "d d"],
    rate: Float[Array, ""],
    width: int,
    *,
    inner: Float[Array, "width d"],
    outer: Float[Array, "m width"],
) -> Float[Array, ""]:
    """Mean loss at the end of the training.

    Args:
        product: M, the map from inputs to targets.
        factor: S.
        rate: Probability of dropping a hidden unit, in [0, 1).
        width: How many hidden units there are.
        inner: Noise: the first layer at the start.
        outer: Noise: the second.

    Returns:
        One draw: never below the minimum, and mostly at it.

    Raises:
        ValueError: The shapes do not fit, or there are no hidden units.
    """
    _check(product, factor, width)
    inputs = factor.T * jnp.sqrt(len(factor))
    layers = _trained(product, inputs, rate, [inner, outer])
    return mean_loss(layers, inputs, outputs([product], inputs), rate)


@expectation(inner=Normal("width", "d"), outer=Normal("m", "width"))
def minimizer(
    product: Float[Array, "m d"],
    factor: Float[Array, "d d"],
    rate: Float[Array, ""],
    width: int,
    *,
    inner: Float[Array, "width d"],
    outer: Float[Array, "m width"],
) -> Float[Array, "m d"]:
    """The map of the trained network without a mask.

    Args:
        product: M, the map from inputs to targets.
        factor: S.
        rate: Probability of dropping a hidden unit, in [0, 1).
        width: How many hidden units there are.
        inner: Noise: the first layer at the start.
        outer: Noise: the second.

    Returns:
        One draw.

    Raises:
        ValueError: The shapes do not fit, or there are no hidden units.
    """
    _check(product, factor, width)
    inputs = factor.T * jnp.sqrt(len(factor))
    layers = _trained(product, inputs, rate, [inner, outer])
    return outputs(layers, jnp.eye(len(factor), dtype=product.dtype)).T


def _trained(
    product: Float[Array, "m d"],
    inputs: Float[Array, "n d"],
    rate: Float[Array, ""],
    start: list[Array],
) -> list[Array]:
    """Both layers after training on the targets that the product gives."""
    targets = outputs([product], inputs)
    return descend_by_curvature(
        lambda layers: mean_loss(layers, inputs, targets, rate), start, STEPS
    )


def _check(product: Float[Array, "m d"], factor: Float[Array, "d d"], width: int):
    """Refuse shapes that do not fit together, and no hidden units."""
    fits = product.ndim == 2 and factor.shape == product.shape[1:] * 2
    if not fits:
        raise ValueError(
            "product and factor must have shapes (m, d) and (d, d),"
            f" got {product.shape=}, {factor.shape=}"
        )
    if width < 1:
        raise ValueError(f"width must be at least 1, got {width=}")
