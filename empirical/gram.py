"""Gram matrices of ReLU kernels, measured on random finite networks.

The twin of `analytic.gram`. Each draw initializes one network, evaluates it or takes
its gradients in all weights and biases at all inputs by automatic differentiation, and
multiplies them.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical._networks import times
from empirical.montecarlo import Normal, expectation

__all__ = ["covariance", "tangent"]

NOISE = {
    "first": Normal("width", "d"),
    "others": Normal("depth", "width", "width"),
    "biases": Normal("depth", "width"),
    "last_bias": Normal(),
}


@expectation(**NOISE)
def covariance(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"] | None = None,
    *,
    depth: int,
    weight_variance: float | Float[Array, ""] = 2.0,
    bias_variance: float | Float[Array, ""] = 0.0,
    width: int,
    first: Float[Array, "k d"],
    others: Float[Array, "depth k k"],
    biases: Float[Array, "depth k"],
    last_bias: Float[Array, ""],
) -> Float[Array, "n m"]:
    """Products of the output of one network at all pairs, averaged over read-outs.

    Args:
        x: Inputs, one a row.
        y: Other inputs; left out, they are `x`.
        depth: Number of hidden layers.
        weight_variance: Variance of the weights after the first layer, times width.
        bias_variance: Variance of the biases.
        width: Size: number of units of every hidden layer.
        first: Noise: the first layer, standard normal.
        others: Noise: the other layers, standard normal; each row of the last matrix is
            a read-out of its own.
        biases: Noise: the biases of the hidden layers, standard normal.
        last_bias: Noise: the bias of the output, standard normal.

    Returns:
        One draw. Its mean over the noise nears the analytic matrix like 1 / width, and
        is equal to it at depth 1.

    Degenerate cases:
        A zero input gives 0 if there is no bias.

    Raises:
        ValueError: The inputs are no matrices alike, or `depth` is less than 1.
    """
    other = _other(x, y, depth)
    weights = first, others, biases, last_bias
    outputs = [_network(weights, v, weight_variance, bias_variance) for v in (x, other)]
    return times(outputs[0], outputs[1].T) / width


@expectation(**NOISE)
def tangent(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"] | None = None,
    *,
    depth: int,
    weight_variance: float | Float[Array, ""] = 2.0,
    bias_variance: float | Float[Array, ""] = 0.0,
    width: int,
    first: Float[Array, "k d"],
    others: Float[Array, "depth k k"],
    biases: Float[Array, "depth k"],
    last_bias: Float[Array, ""],
) -> Float[Array, "n m"]:
    """Tangent kernel of one network at all pairs.

    Args:
        x: Inputs, one a row.
        y: Other inputs; left out, they are `x`.
        depth: Number of hidden layers.
        weight_variance: Variance of the weights after the first layer, times width.
        bias_variance: Variance of the biases.
        width: Size: number of units of every hidden layer.
        first: Noise: the first layer, standard normal.
        others: Noise: the other layers, standard normal; the read-out is the first row
            of the last matrix, whose other rows are idle.
        biases: Noise: the biases of the hidden layers, standard normal.
        last_bias: Noise: the bias of the output, standard normal.

    Returns:
        One draw. Its mean over the noise nears the analytic matrix like 1 / width, and
        is equal to it at depth 1.

    Degenerate cases:
        A zero input gives 0 if there is no bias.

    Raises:
        ValueError: The inputs are no matrices alike, or `depth` is less than 1.
    """
    other = _other(x, y, depth)
    weights = first, others, biases, last_bias

    def network(weights: Any, inputs: Array) -> Array:
        return _network(weights, inputs, weight_variance, bias_variance)[:, 0]

    return _tangent(network, weights, x, other)


def _other(x: Array, y: Array | None, depth: int) -> Array:
    """The second inputs, after the checks."""
    other = x if y is None else y
    if x.ndim != 2 or other.ndim != 2 or x.shape[1] != other.shape[1]:
        raise ValueError(
            "x and y must be matrices with rows alike, got"
            f" {x.shape=}, y.shape={other.shape}"
        )
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth=}")
    return other


def _network(
    weights: tuple[Array, Array, Array, Array],
    inputs: Float[Array, "n d"],
    weight_variance: float | Array,
    bias_variance: float | Array,
) -> Float[Array, "n k"]:
    """Outputs, one column for each read-out."""
    first, others, biases, last_bias = weights
    gain = jnp.sqrt(jnp.asarray(weight_variance, inputs.dtype) / len(first))
    shift = jnp.sqrt(jnp.asarray(bias_variance, inputs.dtype))
    values = times(inputs, first.T)
    for matrix, bias in zip(others, biases, strict=True):
        hidden = jax.nn.relu(values + shift * bias[None])
        values = gain * times(hidden, matrix.T)
    return values + shift * last_bias


def _tangent(
    network: Callable[[Any, Array], Array], weights: Any, x: Array, y: Array
) -> Float[Array, "n m"]:
    """Inner products of the gradients in the weights at all pairs of inputs."""
    slopes = jax.jacrev(network)
    flat = [
        jnp.concatenate(
            [leaf.reshape(len(v), -1) for leaf in jax.tree.leaves(slopes(weights, v))],
            axis=1,
        )
        for v in (x, y)
    ]
    return times(flat[0], flat[1].T)
