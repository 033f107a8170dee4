"""Random ReLU networks of small width, measured.

The twin of `analytic.finite_network`. Each draw initializes networks, evaluates them or
takes their gradients by automatic differentiation.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical._networks import tangent, times
from empirical.montecarlo import Normal, Rademacher, expectation

__all__ = ["backprop", "deviation_bound", "diagonal", "fourth_cumulant", "norm_square"]

WIDTH = 3
GRID = 720
"""Directions that stand for all of them; the share of a cone is right to 1 / GRID."""


def _network(parameters: Any, x: Array, low: Any = 0.0, high: Any = 1.0) -> Array:
    """Output of a network with slopes `low` and `high`, and the gain that keeps norms.

    Args:
        parameters: The first layer, the other matrices and the read-out.
        x: Input.
        low: Slope of the activation below 0.
        high: Slope above 0.
    """
    first, others, readout = parameters
    return times(readout, _hidden(first, others, x, low, high))


def _hidden(first: Array, others: Array, x: Array, low: Any, high: Any) -> Array:
    gain = jnp.sqrt(jnp.asarray(2 / len(first), x.dtype) / (low**2 + high**2))
    for matrix in (first, *others):
        z = times(matrix, x)
        x = gain * jnp.where(z > 0, high * z, low * z)
    return x


def backprop(
    x: Float[Array, " d"],
    first: Float[Array, "m d"],
    others: Float[Array, "h m m"],
    readout: Float[Array, " m"],
) -> Float[Array, " n"]:
    """Gradient of one deep ReLU network in all weights, by automatic differentiation.

    Args:
        x: Input.
        first: The first layer.
        others: The other hidden layers.
        readout: The read-out weights.

    Returns:
        The gradient, in one vector.

    Degenerate cases:
        A zero input gives 0.

    Raises:
        ValueError: The shapes do not fit.
    """
    width = len(readout)
    fits = x.ndim == 1 and first.shape == (width, *x.shape)
    if not fits or others.shape[1:] != (width, width):
        raise ValueError(
            "first must be (m, d), others (h, m, m) and readout (m,), got "
            f"{first.shape=}, {others.shape=}, {readout.shape=} for {x.shape=}"
        )
    slopes = jax.grad(_network)((first, others, readout), x)
    return jnp.concatenate([jnp.ravel(leaf) for leaf in slopes])


@expectation(
    first=Normal(WIDTH, "d"),
    others=Normal("depth", WIDTH, WIDTH),
)
def diagonal(
    x: Float[Array, " d"],
    depth: int,
    negative: Float[Array, ""],
    positive: Float[Array, ""],
    *,
    first: Float[Array, "m d"],
    others: Float[Array, "depth m m"],
) -> Float[Array, ""]:
    """Squared norm of the gradient of one network of width 3 in all of its weights.

    Args:
        x: Input.
        depth: Number of hidden layers.
        negative: Slope of the activation below 0.
        positive: Slope of the activation above 0.
        first: Noise: the first layer, standard normal.
        others: Noise: the other layers, standard normal; the read-out is the first row
            of the last matrix, whose other rows are idle.

    Returns:
        One draw. Its mean over the noise is the diagonal of the tangent kernel.

    Degenerate cases:
        A zero input gives 0; slopes that are both 0 give nan.

    Raises:
        ValueError: `x` is not a vector, or `depth` is less than 1.
    """
    _require(x, depth)
    weights = first, others[:-1], others[-1, 0]
    return tangent(lambda w, v: _network(w, v, negative, positive), weights, x, x)


@expectation(first=Normal(WIDTH, "d"), others=Normal("depth", WIDTH, WIDTH))
def norm_square(
    x: Float[Array, " d"],
    depth: int,
    *,
    first: Float[Array, "m d"],
    others: Float[Array, "depth m m"],
) -> Float[Array, ""]:
    """Squared norm of a hidden layer of one ReLU network of width 3.

    Args:
        x: Input.
        depth: Number of the layer.
        first: Noise: the first layer, standard normal.
        others: Noise: the other layers, standard normal; the last one is idle.

    Returns:
        One draw. Its mean over the noise is the mean squared norm.

    Degenerate cases:
        A zero input gives 0.

    Raises:
        ValueError: `x` is not a vector, or `depth` is less than 1.
    """
    _require(x, depth)
    return jnp.sum(_hidden(first, others[:-1], x, 0.0, 1.0) ** 2)


@expectation(
    first=Normal(8, "width", "d"),
    signs=Rademacher(8, "width"),
    normals=Normal(8, "width"),
)
def fourth_cumulant(
    x: Float[Array, " d"],
    width: int,
    fourth_moment: float,
    *,
    first: Float[Array, "8 m d"],
    signs: Float[Array, "8 m"],
    normals: Float[Array, "8 m"],
) -> Float[Array, ""]:
    """Fourth powers of eight networks less three times the squares of two of them.

    Eight networks and all their pairs, as the fourth powers have heavy tails.

    Args:
        x: Input.
        width: Number of hidden units.
        fourth_moment: 1 for read-out weights that are signs, 3 for normal ones.
        first: Noise: the first layers of the networks, standard normal.
        signs: Noise: read-out weights, 1 or -1.
        normals: Noise: read-out weights, standard normal.

    Returns:
        One draw. Its mean over the noise is the fourth cumulant of the output.

    Degenerate cases:
        A zero input gives 0.

    Raises:
        ValueError: `x` is not a vector, `width` is less than 1, or `fourth_moment` is
            neither 1 nor 3.
    """
    _require(x, 1)
    if width < 1:
        raise ValueError(f"width must be at least 1, got {width=}")
    if fourth_moment not in (1, 3):
        raise ValueError(f"fourth_moment must be 1 or 3, got {fourth_moment=}")
    readouts = signs if fourth_moment == 1 else normals
    hidden = jax.nn.relu(jnp.einsum("nmd,d->nm", first, x, precision="highest"))
    squares = jnp.sum(readouts * hidden, axis=1) ** 2 / width
    fourth = jnp.sum(squares**2)
    count = len(first)
    pairs = (jnp.sum(squares) ** 2 - fourth) / (count * (count - 1))
    return fourth / count - 3 * pairs


def _require(x: Array, depth: int) -> None:
    if x.ndim != 1:
        raise ValueError(f"x must be a vector, got {x.shape=}")
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth=}")


@expectation(weights=Normal("width", 2))
def deviation_bound(
    angles: Float[Array, " n"],
    deviation: Float[Array, ""],
    width: int,
    *,
    weights: Float[Array, "width 2"],
) -> Float[Array, ""]:
    """Whether one random first layer has a tangent kernel far from the mean.

    The mean over the layers is found from its definition: the share of all directions
    in the plane at which two units are active, on a fine grid.

    Args:
        angles: Of the unit inputs, in the plane.
        deviation: How far counts.
        width: Number of units.
        weights: Noise: their weights.

    Returns:
        1 if the spectral norm of the difference exceeds the deviation, else 0. Its mean
        over the noise is a probability.

    Raises:
        ValueError: `angles` is no vector, or the width is less than 1.
    """
    if angles.ndim != 1 or width < 1:
        raise ValueError(
            f"angles must be a vector and width at least 1, got {angles.shape=},"
            f" {width=}"
        )
    inputs = jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=1)
    turns = (jnp.arange(GRID) + 0.5) * (2 * jnp.pi / GRID)
    grid = jnp.stack([jnp.cos(turns), jnp.sin(turns)], axis=1).astype(angles.dtype)
    difference = _first_layer_kernel(inputs, weights) - _first_layer_kernel(
        inputs, grid
    )
    within = deviation * jnp.eye(len(angles), dtype=angles.dtype)
    near = _is_positive(within - difference) & _is_positive(within + difference)
    return jnp.where(near, 0.0, 1.0).astype(angles.dtype)


def _is_positive(matrix: Array) -> Array:
    """Whether a symmetric matrix is positive definite: its pivots are (Sylvester).

    For small matrices, and many at a time, cheaper than their eigenvalues.
    """
    positive = jnp.asarray(True)
    while matrix.size:
        pivot, row = matrix[0, 0], matrix[0, 1:]
        positive &= pivot > 0
        # A pivot that is not positive has decided: what follows only stays finite.
        scaled = row / jnp.where(pivot > 0, pivot, 1.0)
        matrix = matrix[1:, 1:] - jnp.outer(row, scaled)
    return positive


def _first_layer_kernel(inputs: Array, weights: Array) -> Array:
    """Products of inputs times the share of the weights that are active at both."""
    active = (jnp.matmul(weights, inputs.T, precision="highest") > 0).astype(
        inputs.dtype
    )
    share = jnp.matmul(active.T, active, precision="highest") / len(weights)
    return jnp.matmul(inputs, inputs.T, precision="highest") * share
