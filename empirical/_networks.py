"""Random finite networks, as experiments build them.

Private to `empirical`: activations by name, forward passes and inner products of
gradients by automatic differentiation.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["activation_of", "hidden_layers", "tangent", "times"]

_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "step": lambda z: jnp.where(z > 0, jnp.ones_like(z), 0),
    "sign": jnp.sign,
    "relu": jax.nn.relu,
    "abs": jnp.abs,
    "erf": jax.scipy.special.erf,
    "probit": lambda z: (1 + jax.scipy.special.erf(z / 2**0.5)) / 2,
    "gelu": lambda z: jax.nn.gelu(z, approximate=False),
    "cos": jnp.cos,
    "rbf": lambda z: 2**0.5 * jnp.sin(z + jnp.pi / 4),
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "silu": jax.nn.silu,
    "elu": jax.nn.elu,
}


def activation_of(name: str) -> Callable[[Array], Array]:
    """An activation by its name.

    Raises:
        ValueError: The name is not known.
    """
    if name not in _ACTIVATIONS:
        raise ValueError(
            f"activation must be one of {', '.join(_ACTIVATIONS)}, "
            f"got activation={name!r}"
        )
    return _ACTIVATIONS[name]


def hidden_layers(
    weights: tuple[Array, Array, Array],
    x: Float[Array, " d"],
    activation: Callable[[Array], Array],
    weight_variance: float | Array,
    bias_variance: float | Array,
) -> Float[Array, " m"]:
    """Pre-activations after all matrices, one for each row of the last of them.

    Args:
        weights: The first layer, the other matrices, and the biases of hidden layers.
        x: Input.
        activation: Applied to the pre-activations of every hidden layer.
        weight_variance: Variance of the weights after the first layer, times width.
        bias_variance: Variance of the biases.
    """
    first, others, biases = weights
    gain = jnp.sqrt(jnp.asarray(weight_variance, x.dtype) / len(first))
    shift = jnp.sqrt(jnp.asarray(bias_variance, x.dtype))
    values = times(first, x)
    for matrix, bias in zip(others, biases, strict=True):
        values = gain * times(matrix, activation(values + shift * bias))
    return values


def times(matrix: Array, vector: Array) -> Array:
    """Full-precision product: the default of some accelerators would bias the mean."""
    return jnp.matmul(matrix, vector, precision="highest")


def tangent(
    network: Callable[[Any, Array], Array],
    parameters: Any,
    x: Float[Array, " d"],
    y: Float[Array, " d"],
) -> Float[Array, ""]:
    """Inner product of the gradients in the parameters at two inputs."""
    gradient = jax.grad(network)
    leaves = zip(
        jax.tree.leaves(gradient(parameters, x)),
        jax.tree.leaves(gradient(parameters, y)),
        strict=True,
    )
    return sum((jnp.sum(u * v) for u, v in leaves), start=jnp.zeros((), x.dtype))
