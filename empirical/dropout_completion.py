"""Matrix completion with dropout: entries and masks drawn, and searches among factors.

A row and a column are the first of two random permutations, and what they give is
weighted by their probability against a uniform one: all outcomes can then be summed.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical._descent import descend, descend_by_curvature
from empirical._masked_network import kept
from empirical.montecarlo import Bernoulli, Normal, Permutation, Uniform, expectation

__all__ = ["minimum", "regularizer", "rotation_minimum"]

STEPS = 60
"""Newton steps of a search among all factors."""


@expectation(
    row_order=Permutation("m"),
    column_order=Permutation("k"),
    mask=Bernoulli(kept, "width"),
)
def regularizer(
    left: Float[Array, "m width"],
    right: Float[Array, "k width"],
    rows: Float[Array, " m"],
    columns: Float[Array, " k"],
    rate: Float[Array, ""],
    *,
    row_order: Array,
    column_order: Array,
    mask: Float[Array, " width"],
) -> Float[Array, ""]:
    """Squared change of an entry of the product by a mask.

    Args:
        left: U.
        right: V.
        rows: How often each row is seen, relative to the others: p times any number.
        columns: How often each column is seen, likewise: q times any number.
        rate: Probability of dropping a unit j, in [0, 1).
        row_order: Noise: its first number is the row that is seen.
        column_order: Noise: its first number is the column.
        mask: Noise: 1 for the units that are kept.

    Returns:
        One draw, weighted. Its mean over the noise is the analytic regularizer.

    Raises:
        ValueError: The shapes do not fit.
    """
    _check(left, right, rows, columns)
    row, column = row_order[0], column_order[0]
    masked = left * mask[None] / (1 - rate)
    change = jnp.matmul(masked - left, right.T, precision="highest")[row, column]
    weight = _chances(rows)[row] * _chances(columns)[column]
    return len(rows) * len(columns) * weight * change**2


@expectation(start=Normal("width", "width"))
def minimum(
    product: Float[Array, "m k"],
    rows: Float[Array, " m"],
    columns: Float[Array, " k"],
    width: int,
    *,
    start: Float[Array, "width width"],
) -> Float[Array, ""]:
    """Regularizer, without lambda, at the end of a search among the factors.

    With m <= k, the factors ([I 0] G, [M' 0] inverse(G)') of M run through all factors
    whose left one has full rank as G runs through the invertible matrices. For m > k
    the transpose is factorized.

    Args:
        product: M.
        rows: How often each row is seen, relative to the others: p times any number.
        columns: How often each column is seen, likewise: q times any number.
        width: How many columns U and V have, at least the smaller side of M.
        start: Noise: the first G.

    Returns:
        One draw: never below the minimum, and mostly at it; a search may get stuck.

    Degenerate cases:
        The zero matrix gives 0.

    Raises:
        ValueError: The shapes do not fit, or `width` is too small.
    """
    if product.ndim != 2 or product.shape != (*rows.shape, *columns.shape):
        raise ValueError(
            "product, rows and columns must have shapes (m, k), (m,) and (k,),"
            f" got {product.shape=}, {rows.shape=}, {columns.shape=}"
        )
    if width < min(product.shape):
        raise ValueError(
            f"width must be at least {min(product.shape)}, the smaller side of product,"
            f" got {width=}"
        )
    if len(rows) > len(columns):
        product, rows, columns = product.T, columns, rows
    padded = jnp.pad(product, ((0, width - len(rows)), (0, 0)))

    def loss(change: Float[Array, "width width"]) -> Float[Array, ""]:
        other = jnp.linalg.solve(change, padded).T
        return _seen(change[: len(rows)], other, rows, columns)

    return loss(descend_by_curvature(loss, start, STEPS))


@expectation(start=Uniform(high=6.283185307179586))
def rotation_minimum(
    left: Float[Array, "m 2"],
    right: Float[Array, "k 2"],
    rows: Float[Array, " m"],
    columns: Float[Array, " k"],
    *,
    start: Float[Array, ""],
) -> Float[Array, ""]:
    """Regularizer, without lambda, at the end of a search among rotations.

    Args:
        left: U.
        right: V.
        rows: How often each row is seen, relative to the others: p times any number.
        columns: How often each column is seen, likewise: q times any number.
        start: Noise: the first angle.

    Returns:
        One draw: never below the minimum, and mostly at it.

    Degenerate cases:
        Zero factors give 0.

    Raises:
        ValueError: The shapes do not fit, or the factors have other than two columns.
    """
    _check(left, right, rows, columns)
    if left.shape[1] != 2:
        raise ValueError(f"left must have shape (m, 2), got {left.shape=}")

    def loss(angle: Float[Array, ""]) -> Float[Array, ""]:
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        rotation = jnp.stack([jnp.stack([cos, -sin]), jnp.stack([sin, cos])])
        return _seen(
            jnp.matmul(left, rotation, precision="highest"),
            jnp.matmul(right, rotation, precision="highest"),
            rows,
            columns,
        )

    return loss(descend(loss, start))


def _chances(weights: Float[Array, " n"]) -> Float[Array, " n"]:
    """Probabilities from relative ones."""
    return weights / jnp.sum(weights)


def _seen(
    left: Float[Array, "m width"],
    right: Float[Array, "k width"],
    rows: Float[Array, " m"],
    columns: Float[Array, " k"],
) -> Float[Array, ""]:
    """Mean over the entries of the sum over the units of their squared terms."""
    terms = jax.vmap(jnp.outer, in_axes=1)(left, right)
    chances = jnp.outer(_chances(rows), _chances(columns))
    return jnp.sum(chances * jnp.sum(terms**2, axis=0))


def _check(
    left: Float[Array, "m width"],
    right: Float[Array, "k width"],
    rows: Float[Array, " m"],
    columns: Float[Array, " k"],
) -> None:
    """Refuse shapes that do not fit together."""
    if left.ndim != 2 or (
        (left.shape, right.shape)
        != ((*rows.shape, left.shape[1]), (*columns.shape, left.shape[1]))
    ):
        raise ValueError(
            "left, right, rows and columns must have shapes (m, width), (k, width),"
            f" (m,) and (k,), got {left.shape=}, {right.shape=}, {rows.shape=},"
            f" {columns.shape=}"
        )
