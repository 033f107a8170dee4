"""Deep linear networks with dropout on every hidden layer, run and trained as defined.

Inputs of second moment S S' are S times random signs, or the columns of sqrt(d) S,
equally likely.
"""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from empirical._descent import descend_by_curvature
from empirical._masked_network import kept, mean_loss, outputs
from empirical.montecarlo import Bernoulli, Key, Rademacher, expectation

__all__ = ["minimum", "regularizer", "scalar_minimizer"]

STEPS = 60
"""Newton steps of a search."""
ROUNDING = 1e-10
"""How far the outputs of a network of the map may be off, relative to their size."""
STARTS = 6
"""One search in fifty gets stuck with two hidden layers; the best of these counts."""


@expectation(
    signs=Rademacher("d"), low=Bernoulli(kept, "first"), high=Bernoulli(kept, "second")
)
def regularizer(
    inner: Float[Array, "first d"],
    middle: Float[Array, "second first"],
    readout: Float[Array, "out second"],
    factor: Float[Array, "d d"],
    rate: Float[Array, ""],
    *,
    signs: Float[Array, " d"],
    low: Float[Array, " first"],
    high: Float[Array, " second"],
) -> Float[Array, ""]:
    """Squared change of the network's output by the masks, at one input.

    The masked output has the mean of the other, so that the mean squared change is what
    the masks add to the mean squared loss, whatever the targets.

    Args:
        inner: Weights of the first layer.
        middle: Weights of the second layer.
        readout: Weights of the output layer.
        factor: S.
        rate: Probability of dropping a hidden unit, in [0, 1).
        signs: Noise: the input is S times these.
        low: Noise: 1 for the units of the first hidden layer that are kept.
        high: Noise: 1 for those of the second hidden layer.

    Returns:
        One draw. Its mean over the noise is the analytic regularizer.

    Raises:
        ValueError: The shapes do not fit.
    """
    layers = (factor, inner, middle, readout)
    if {2} != {a.ndim for a in layers} or (
        [a.shape[0] for a in layers[:-1]] != [a.shape[1] for a in layers[1:]]
    ):
        raise ValueError(
            "inner, middle, readout and factor must have shapes (first, d),"
            f" (second, first), (out, second) and (d, d), got {inner.shape=},"
            f" {middle.shape=}, {readout.shape=}, {factor.shape=}"
        )
    x = outputs([factor], signs[None])
    mask = jnp.concatenate([low, high]) / (1 - rate)
    change = outputs(layers[1:], x, mask) - outputs(layers[1:], x)
    return jnp.sum(change**2)


@expectation(key=Key())
def minimum(
    product: Float[Array, "m d"],
    factor: Float[Array, "d d"],
    rate: Float[Array, ""],
    widths: tuple[int, ...],
    *,
    key: Array,
) -> Float[Array, ""]:
    """What dropout adds at the end of a search among the networks of a map.

    If the map has at most as many outputs as inputs, all layers but the first are free,
    and the first is one of those that complete them to the map; else all but the last
    are free.

    Args:
        product: M, the map of the network.
        factor: S.
        rate: Probability of dropping a hidden unit, in [0, 1).
        widths: How many units each hidden layer has, at least the smaller side of M.
        key: Noise: names the start.

    Returns:
        One draw: never below the minimum, and mostly at it; a search may get stuck.

    Raises:
        ValueError: The shapes do not fit, there is no hidden layer, or one is too
            narrow.
    """
    if product.ndim != 2 or factor.shape != product.shape[1:] * 2:
        raise ValueError(
            "product and factor must have shapes (m, d) and (d, d),"
            f" got {product.shape=}, {factor.shape=}"
        )
    if not widths or min(widths) < min(product.shape):
        raise ValueError(
            f"widths must be at least {min(product.shape)}, the smaller side of"
            f" product, one or more, got {widths=}"
        )
    # The loss at targets that the map explains is what the masks add.
    inputs = factor.T * jnp.sqrt(len(factor))
    targets = outputs([product], inputs)
    first_is_solved = product.shape[0] <= product.shape[1]

    def completed(layers: list[Array]) -> list[Array]:
        if first_is_solved:
            rest = outputs(layers[1:], jnp.eye(widths[0], dtype=product.dtype)).T
            return [_solved(rest, product, layers[0]), *layers[1:]]
        rest = outputs(layers[:-1], jnp.eye(product.shape[1], dtype=product.dtype)).T
        return [*layers[:-1], _solved(rest.T, product.T, layers[-1].T).T]

    def loss(layers: list[Array]) -> Float[Array, ""]:
        network = completed(layers)
        missed = jnp.sum((outputs(network, inputs) - targets) ** 2)
        # Where rounding spoils the completion the network has another map.
        fine = missed <= ROUNDING**2 * jnp.sum(targets**2)
        return jnp.where(fine, mean_loss(network, inputs, targets, rate), jnp.inf)

    start = _start((product.shape[1], *widths, len(product)), product.dtype, key)
    return loss(descend_by_curvature(loss, start, STEPS))


@expectation(key=Key())
def scalar_minimizer(
    inputs: Float[Array, "n d"],
    targets: Float[Array, " n"],
    rate: Float[Array, ""],
    widths: tuple[int, ...],
    *,
    key: Array,
) -> Float[Array, " d"]:
    """The map of a network with one output, trained on all samples and all masks.

    Args:
        inputs: X, one sample a row.
        targets: y.
        rate: Probability of dropping a hidden unit, in [0, 1).
        widths: How many units each hidden layer has.
        key: Noise: names the start.

    Returns:
        One draw: the coefficients, without masks, of the best of a few networks.

    Raises:
        ValueError: The shapes do not fit, there is no hidden layer, or an empty one.
    """
    if inputs.ndim != 2 or targets.shape != inputs.shape[:1]:
        raise ValueError(
            "inputs and targets must have shapes (n, d) and (n,),"
            f" got {inputs.shape=}, {targets.shape=}"
        )
    if not widths or min(widths) < 1:
        raise ValueError(f"widths must be at least 1, one or more, got {widths=}")

    def loss(layers: list[Array]) -> Float[Array, ""]:
        return mean_loss(layers, inputs, targets[:, None], rate)

    def search(key: Array) -> tuple[Array, Array]:
        start = _start((inputs.shape[1], *widths, 1), inputs.dtype, key)
        layers = descend_by_curvature(loss, start, STEPS)
        identity = jnp.eye(inputs.shape[1], dtype=inputs.dtype)
        return loss(layers), outputs(layers, identity)[:, 0]

    losses, maps = jax.vmap(search)(jax.random.split(key, STARTS))
    return maps[jnp.argmin(losses)]


def _start(sizes: tuple[int, ...], dtype: jnp.dtype, key: Array) -> list[Array]:
    """Random layers between widths of these sizes."""
    shapes = [(after, before) for before, after in itertools.pairwise(sizes)]
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    flat = jnp.split(jax.random.normal(key, (ends[-1],), dtype), ends[:-1])
    return [part.reshape(shape) for part, shape in zip(flat, shapes, strict=True)]


def _solved(
    rest: Float[Array, "m width"],
    product: Float[Array, "m d"],
    free: Float[Array, "width d"],
) -> Float[Array, "width d"]:
    """The nearest X to a free one that has rest X = product."""
    gap = product - jnp.matmul(rest, free, precision="highest")
    gram = jnp.matmul(rest, rest.T, precision="highest")
    return free + jnp.matmul(rest.T, jnp.linalg.solve(gram, gap), precision="highest")
