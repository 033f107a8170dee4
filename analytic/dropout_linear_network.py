"""Deep linear networks with dropout on every hidden layer.

Each hidden unit is kept with probability 1 - rate and then divided by it, so that the
masks have the variance lambda = rate / (1 - rate). The inputs have E x x' = S S'.
Hidden layers of widths d_1, ..., d_h add to the loss of the map M at least
nu |M S|_*^2, with nu = (1 + lambda / d_1) ... (1 + lambda / d_h) - 1.

Source: Mianjy & Arora, "On Dropout and Nuclear Norm Regularization", ICML 2019; Arora
et al., "Theory of Deep Learning" (draft), sections 11.1 and 11.4, corrected.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic import dropout
from analytic._mask import variance

__all__ = ["minimum", "regularizer", "scalar_minimizer"]


def regularizer(
    inner: Float[Array, "first d"],
    middle: Float[Array, "second first"],
    readout: Float[Array, "out second"],
    factor: Float[Array, "d d"],
    rate: Float[Array, ""],
) -> Float[Array, ""]:
    """What dropout adds to the mean loss of a network with two hidden layers.

    With a_j and b_k the mean squares of the units of the first and the second hidden
    layer, and c_k the squared columns of the readout, it is
    lambda sum_j |(readout middle)_j|^2 a_j + lambda sum_k c_k b_k
    + lambda^2 sum_jk c_k middle_kj^2 a_j.

    Args:
        inner: Weights of the first layer.
        middle: Weights of the second layer.
        readout: Weights of the output layer.
        factor: S, any matrix with E x x' = S S'.
        rate: Probability of dropping a hidden unit, in [0, 1).

    Returns:
        The regularizer, to a few ulp of its own value at the absolute values of all
        weights and of S.

    Degenerate cases:
        Rate 0 and zero weights give 0; a rate outside [0, 1) gives nan.

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
    first = jnp.matmul(inner, factor, precision="highest")
    second = jnp.matmul(middle, first, precision="highest")
    above = jnp.matmul(readout, middle, precision="highest")
    columns = jnp.sum(readout**2, axis=0)
    squares = jnp.sum(first**2, axis=1)
    added = variance(rate)
    one_layer = jnp.sum(above**2 * squares[None])
    one_layer += jnp.sum(columns * jnp.sum(second**2, axis=1))
    both_layers = jnp.sum(columns[:, None] * middle**2 * squares[None])
    return added * (one_layer + added * both_layers)


def minimum(
    product: Float[Array, "m d"],
    factor: Float[Array, "d d"],
    rate: Float[Array, ""],
    widths: tuple[int, ...],
) -> Float[Array, ""]:
    """Least that dropout adds to the loss of a map: nu |M S|_*^2.

    Networks reach it if M S has rank one, or if there is one hidden layer. With more
    layers and a higher rank it is a lower bound: the convex envelope of the minimum.

    Args:
        product: M, the map of the network.
        factor: S, any matrix with E x x' = S S'.
        rate: Probability of dropping a hidden unit, in [0, 1).
        widths: How many units each hidden layer has, at least the smaller side of M.

    Returns:
        The bound. Its error is a few ulp of its own value times |M| |S| / |M S|
        (Frobenius norms).

    Degenerate cases:
        The zero matrix gives 0, and zero derivatives; rate 0 gives 0. A rate outside
        [0, 1) gives nan.

    Raises:
        ValueError: The shapes do not fit, there is no hidden layer, or one is too
            narrow: no network then has some of the maps.
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
    weighted = jnp.matmul(product, factor, precision="highest")
    nuclear = jnp.sum(jnp.linalg.svd(weighted, compute_uv=False))
    return _excess(rate, widths) * nuclear**2


def scalar_minimizer(
    inputs: Float[Array, "n d"],
    targets: Float[Array, " n"],
    rate: Float[Array, ""],
    widths: tuple[int, ...],
) -> Float[Array, " d"]:
    """The map of least mean loss if there is one output: least squares / (1 + nu).

    Args:
        inputs: X, one sample a row.
        targets: y.
        rate: Probability of dropping a hidden unit, in [0, 1).
        widths: How many units each hidden layer has.

    Returns:
        The coefficients w of the map. With D = diag(X' X)^(1/2) the error of D w is a
        few ulp of |y| times the condition number of D^-1 X' X D^-1.

    Degenerate cases:
        Least squares must be unique: fewer samples than coordinates, or a zero column,
        give nan. A rate outside [0, 1) gives nan.

    Raises:
        ValueError: The shapes do not fit, there is no hidden layer, or an empty one.
    """
    if not widths or min(widths) < 1:
        raise ValueError(f"widths must be at least 1, one or more, got {widths=}")
    plain = dropout.minimizer(inputs, targets, jnp.zeros_like(rate), "prediction")
    return plain / (1 + _excess(rate, widths))


def _excess(rate: Float[Array, ""], widths: tuple[int, ...]) -> Float[Array, ""]:
    """The factor nu, in sums of positive terms."""
    added = variance(rate)
    excess = jnp.zeros_like(added)
    for width in widths:
        excess = excess + (1 + excess) * (added / width)
    return excess
