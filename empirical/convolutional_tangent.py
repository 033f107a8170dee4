"""Tangent kernel of random convolutional ReLU networks on a ring, measured.

The twin of `analytic.convolutional_tangent`. Each draw initializes one network, takes
its gradients in all weights at both inputs by automatic differentiation, and multiplies
them.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical._networks import tangent, times
from empirical.montecarlo import Normal, expectation

__all__ = ["circular"]


@expectation(
    first=Normal("width", "filter_size", "c"),
    others=Normal("depth", "width", "filter_size", "width"),
    readout=Normal("p", "width"),
)
def circular(
    x: Float[Array, "p c"],
    y: Float[Array, "p c"],
    depth: int,
    filter_size: int,
    pooling: str,
    *,
    width: int,
    first: Float[Array, "m q c"],
    others: Float[Array, "depth m q m"],
    readout: Float[Array, "p m"],
) -> Float[Array, ""]:
    """Tangent kernel of one network.

    Args:
        x: First input, a pixel a row.
        y: Second input.
        depth: Number of hidden layers.
        filter_size: Pixels of a filter, odd.
        pooling: flatten or average.
        width: Size: number of channels of every hidden layer.
        first: Noise: filters of the first layer, standard normal.
        others: Noise: filters of the other layers, standard normal; the last are idle.
        readout: Noise: read-out weights, standard normal; with average pooling the
            first row alone is used.

    Returns:
        One draw. Its mean over the noise nears the analytic kernel like 1 / width.

    Degenerate cases:
        Inputs of zeros give 0.

    Raises:
        ValueError: The inputs are not alike, or a setting is out of range.
    """
    if x.ndim != 2 or x.shape != y.shape:
        raise ValueError(f"x and y must be matrices alike, got {x.shape=}, {y.shape=}")
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth=}")
    if filter_size < 1 or filter_size % 2 == 0:
        raise ValueError(f"filter_size must be odd, got {filter_size=}")
    if pooling not in ("flatten", "average"):
        raise ValueError(f"pooling must be flatten or average, got {pooling=}")

    def network(weights: Any, image: Array) -> Array:
        first, others, readout = weights
        gain = jnp.sqrt(jnp.asarray(2 / width, x.dtype))
        for filters in (first, *others):
            image = gain * jax.nn.relu(_convolution(filters, image))
        if pooling == "average":
            return times(jnp.mean(image, axis=0), readout[0])
        return jnp.sum(readout * image) / jnp.sqrt(jnp.asarray(len(image), x.dtype))

    return tangent(network, (first, others[:-1], readout), x, y)


def _convolution(filters: Array, image: Array) -> Array:
    """Sums over offsets and channels, around the ring, for all output channels."""
    size = filters.shape[1]
    moved = [jnp.roll(image, size // 2 - k, axis=0) for k in range(size)]
    patches, flat = jnp.concatenate(moved, axis=1), filters.reshape(len(filters), -1)
    return times(patches, flat.T) / jnp.sqrt(jnp.asarray(size, image.dtype))
