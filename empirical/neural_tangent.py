"""Neural tangent kernels, measured on random finite networks.

The twin of `analytic.neural_tangent`. Each draw initializes a ReLU network, takes its
gradients in the trained weights at both inputs by automatic differentiation, and
multiplies them.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical._networks import activation_of, hidden_layers, tangent, times
from empirical.montecarlo import Normal, Rademacher, expectation

__all__ = [
    "both_layers",
    "covariance",
    "deep",
    "first_layer",
    "first_layer_variance",
    "kernel",
]

NETWORK = {
    "first": Normal("width", "d"),
    "others": Normal("depth", "width", "width"),
    "biases": Normal("depth", "width"),
    "last_bias": Normal(),
}


@expectation(weights=Normal(2, "d"), signs=Rademacher(2))
def first_layer(
    x: Float[Array, " d"],
    y: Float[Array, " d"],
    *,
    weights: Float[Array, "m d"],
    signs: Float[Array, " m"],
) -> Float[Array, ""]:
    """Tangent kernel of one two-layer network whose first layer is trained.

    Two units, as the mean is the same at every width.

    Args:
        x: First input.
        y: Second input, of the length and dtype of `x`.
        weights: Noise: the first layer, standard normal.
        signs: Noise: the read-out weights, 1 or -1.

    Returns:
        One draw. Its mean over the noise is the analytic kernel.

    Degenerate cases:
        A zero input gives 0.

    Raises:
        ValueError: The inputs are not alike.
    """
    _require_alike(x, y)
    return tangent(lambda w, x: _two_layers((w, signs), x), weights, x, y)


@expectation(weights=Normal(2, "width", "d"), signs=Rademacher(2, "width"))
def first_layer_variance(
    x: Float[Array, " d"],
    y: Float[Array, " d"],
    width: int,
    *,
    weights: Float[Array, "2 m d"],
    signs: Float[Array, "2 m"],
) -> Float[Array, ""]:
    """Half the squared difference of two networks' first-layer tangent kernels.

    Args:
        x: First input.
        y: Second input, of the length and dtype of `x`.
        width: Number of hidden units.
        weights: Noise: the first layers, standard normal.
        signs: Noise: the read-out weights, 1 or -1.

    Returns:
        One draw. Its mean over the noise is the variance of the kernel.

    Degenerate cases:
        A zero input gives 0, and so do opposite inputs.

    Raises:
        ValueError: The inputs are not alike, or `width` is less than 1.
    """
    if width < 1:
        raise ValueError(f"width must be at least 1, got {width=}")
    one, other = (
        first_layer(x, y, weights=w, signs=s)
        for w, s in zip(weights, signs, strict=True)
    )
    return (one - other) ** 2 / 2


@expectation(weights=Normal(2, "d"), readout=Normal(2))
def both_layers(
    x: Float[Array, " d"],
    y: Float[Array, " d"],
    *,
    weights: Float[Array, "m d"],
    readout: Float[Array, " m"],
) -> Float[Array, ""]:
    """Tangent kernel of one two-layer network whose layers are both trained.

    Two units, as the mean is the same at every width.

    Args:
        x: First input.
        y: Second input, of the length and dtype of `x`.
        weights: Noise: the first layer, standard normal.
        readout: Noise: the read-out weights, standard normal.

    Returns:
        One draw. Its mean over the noise is the analytic kernel.

    Degenerate cases:
        A zero input gives 0.

    Raises:
        ValueError: The inputs are not alike.
    """
    _require_alike(x, y)
    return tangent(_two_layers, (weights, readout), x, y)


@expectation(first=Normal("width", "d"), others=Normal("depth", "width", "width"))
def deep(
    x: Float[Array, " d"],
    y: Float[Array, " d"],
    depth: int,
    *,
    width: int,
    first: Float[Array, "m d"],
    others: Float[Array, "depth m m"],
) -> Float[Array, ""]:
    """Tangent kernel of one deep network.

    Args:
        x: First input.
        y: Second input, of the length and dtype of `x`.
        depth: Number of hidden layers.
        width: Size: number of units of every hidden layer.
        first: Noise: the first layer, standard normal.
        others: Noise: the other layers, standard normal; the read-out is the first row
            of the last matrix, whose other rows are idle.

    Returns:
        One draw. Its mean over the noise nears the analytic kernel like 1 / width, and
        is equal to it at depth 1.

    Degenerate cases:
        A zero input gives 0.

    Raises:
        ValueError: The inputs are not alike, or `depth` or `width` is less than 1.
    """
    _require_alike(x, y)
    _require_sizes(depth, width)
    weights = first, others[:-1], others[-1, 0]
    return tangent(_many_layers, weights, x, y)


@expectation(**NETWORK)
def kernel(
    x: Float[Array, " d"],
    y: Float[Array, " d"],
    *,
    depth: int,
    activation: str = "relu",
    weight_variance: float | Float[Array, ""] = 2.0,
    bias_variance: float | Float[Array, ""] = 0.0,
    width: int,
    first: Float[Array, "m d"],
    others: Float[Array, "depth m m"],
    biases: Float[Array, "depth m"],
    last_bias: Float[Array, ""],
) -> Float[Array, ""]:
    """Tangent kernel of one deep network with any activation, all layers trained.

    Args:
        x: First input.
        y: Second input, of the length and dtype of `x`.
        depth: Number of hidden layers.
        activation: Its name.
        weight_variance: Variance of the weights after the first layer, times width.
        bias_variance: Variance of the biases.
        width: Size: number of units of every hidden layer.
        first: Noise: the first layer, standard normal.
        others: Noise: the other layers, standard normal; the read-out is the first row
            of the last matrix, whose other rows are idle.
        biases: Noise: the biases of the hidden layers, standard normal.
        last_bias: Noise: the bias of the output, standard normal.

    Returns:
        One draw. Its mean over the noise nears the analytic kernel like 1 / width, and
        is equal to it at depth 1.

    Degenerate cases:
        A zero input is regular.

    Raises:
        ValueError: The inputs are not alike, `depth` or `width` is less than 1, or
            `activation` is not known.
    """
    _require_alike(x, y)
    _require_sizes(depth, width)
    function = activation_of(activation)

    def network(parameters: Any, x: Array) -> Array:
        *weights, last = parameters
        values = hidden_layers((*weights,), x, function, weight_variance, bias_variance)
        return values[0] + jnp.sqrt(jnp.asarray(bias_variance, x.dtype)) * last

    return tangent(network, (first, others, biases, last_bias), x, y)


@expectation(**NETWORK)
def covariance(
    x: Float[Array, " d"],
    y: Float[Array, " d"],
    *,
    depth: int,
    activation: str = "relu",
    weight_variance: float | Float[Array, ""] = 2.0,
    bias_variance: float | Float[Array, ""] = 0.0,
    width: int,
    first: Float[Array, "m d"],
    others: Float[Array, "depth m m"],
    biases: Float[Array, "depth m"],
    last_bias: Float[Array, ""],
) -> Float[Array, ""]:
    """Product of the outputs of one deep network, averaged over read-outs.

    Args:
        x: First input.
        y: Second input, of the length and dtype of `x`.
        depth: Number of hidden layers.
        activation: Its name.
        weight_variance: Variance of the weights after the first layer, times width.
        bias_variance: Variance of the biases.
        width: Size: number of units of every hidden layer.
        first: Noise: the first layer, standard normal.
        others: Noise: the other layers, standard normal; each row of the last matrix is
            a read-out of its own.
        biases: Noise: the biases of the hidden layers, standard normal.
        last_bias: Noise: the bias of the output, standard normal.

    Returns:
        One draw. Its mean over the noise nears the analytic kernel like 1 / width, and
        is equal to it at depth 1.

    Degenerate cases:
        A zero input is regular.

    Raises:
        ValueError: The inputs are not alike, `depth` or `width` is less than 1, or
            `activation` is not known.
    """
    _require_alike(x, y)
    _require_sizes(depth, width)
    function, weights = activation_of(activation), (first, others, biases)
    shift = jnp.sqrt(jnp.asarray(bias_variance, x.dtype)) * last_bias
    values = [
        hidden_layers(weights, v, function, weight_variance, bias_variance) + shift
        for v in (x, y)
    ]
    return jnp.sum(values[0] * values[1]) / width


def _require_sizes(depth: int, width: int) -> None:
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth=}")
    if width < 1:
        raise ValueError(f"width must be at least 1, got {width=}")


def _require_alike(x: Float[Array, " d"], y: Float[Array, " d"]) -> None:
    """Refuse inputs that are not vectors of one length."""
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x and y must be vectors alike, got {x.shape=}, {y.shape=}")


def _two_layers(
    parameters: tuple[Float[Array, "m d"], Float[Array, " m"]], x: Float[Array, " d"]
) -> Float[Array, ""]:
    """The two-layer network; the read-out has the scale m^(-1/2)."""
    weights, readout = parameters
    hidden = jax.nn.relu(times(weights, x))
    return times(readout, hidden) / jnp.sqrt(jnp.asarray(readout.size, x.dtype))


def _many_layers(
    parameters: tuple[Float[Array, "m d"], Float[Array, "h m m"], Float[Array, " m"]],
    x: Float[Array, " d"],
) -> Float[Array, ""]:
    """The deep network; every hidden layer has the scale (2/m)^(1/2)."""
    first, others, readout = parameters
    gain = jnp.sqrt(jnp.asarray(2 / readout.size, x.dtype))
    hidden = gain * jax.nn.relu(times(first, x))
    for weights in others:
        hidden = gain * jax.nn.relu(times(weights, hidden))
    return times(readout, hidden)
