"""Matrix completion with dropout: what it adds to the loss, and what that induces.

A sensor shows one entry of the product U V', with row k and column l drawn
independently, with probabilities p_k and q_l; dropout acts on the inner dimension, and
its mask has the variance lambda = rate / (1 - rate). What it adds to the mean loss is
that of Gaussian sensors for the factors P^(1/2) U and Q^(1/2) V, P and Q being the
diagonal matrices of p and q. So is what it induces on the product M = U V':
|P^(1/2) M Q^(1/2)|_*^2 / width, a weighted nuclear norm.

Source: Arora et al., "Theory of Deep Learning" (draft), section 11.1.2, (11.7),
corrected.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic import dropout_induced
from analytic._mask import variance

__all__ = ["minimum", "regularizer", "rotation_minimum"]


def regularizer(
    left: Float[Array, "m width"],
    right: Float[Array, "k width"],
    rows: Float[Array, " m"],
    columns: Float[Array, " k"],
    rate: Float[Array, ""],
) -> Float[Array, ""]:
    """What dropout adds to the mean loss: lambda sum_jkl p_k q_l U_kj^2 V_lj^2.

    Args:
        left: U.
        right: V.
        rows: How often each row is seen, relative to the others: p times any number.
        columns: How often each column is seen, likewise: q times any number.
        rate: Probability of dropping a unit j, in [0, 1).

    Returns:
        The regularizer, to a few ulp of itself.

    Degenerate cases:
        Rate 0 and zero factors give 0; a rate outside [0, 1) gives nan. A row or a
        column of weight 0 does not count; weights that are all 0 give nan.

    Raises:
        ValueError: The shapes do not fit.
    """
    _check(left, right, rows, columns)
    seen_left = jnp.sum((rows / jnp.sum(rows))[:, None] * left**2, axis=0)
    seen_right = jnp.sum((columns / jnp.sum(columns))[:, None] * right**2, axis=0)
    return variance(rate) * jnp.sum(seen_left * seen_right)


def minimum(
    product: Float[Array, "m k"],
    rows: Float[Array, " m"],
    columns: Float[Array, " k"],
    width: int,
) -> Float[Array, ""]:
    """Least sum_jkl p_k q_l U_kj^2 V_lj^2 with U V' = M: |P^1/2 M Q^1/2|_*^2 / width.

    Args:
        product: M.
        rows: How often each row is seen, relative to the others: p times any number.
        columns: How often each column is seen, likewise: q times any number.
        width: How many columns U and V have, at least the smaller side of M.

    Returns:
        The minimum, to a few ulp of itself.

    Degenerate cases:
        The zero matrix gives 0, and zero derivatives in M. A row or a column of weight
        0 does not count, and the value is an infimum then: factors need not reach it.
        At such weights the derivative in the weights is infinite or nan.

    Raises:
        ValueError: The shapes do not fit, or `width` is too small: some M then have no
            such factors.
    """
    if product.ndim != 2 or product.shape != (*rows.shape, *columns.shape):
        raise ValueError(
            "product, rows and columns must have shapes (m, k), (m,) and (k,),"
            f" got {product.shape=}, {rows.shape=}, {columns.shape=}"
        )
    weighted = _root(rows)[:, None] * product * _root(columns)[None]
    return dropout_induced.minimum(weighted, width)


def rotation_minimum(
    left: Float[Array, "m 2"],
    right: Float[Array, "k 2"],
    rows: Float[Array, " m"],
    columns: Float[Array, " k"],
) -> Float[Array, ""]:
    """The least regularizer over lambda of (U T, V T), T a rotation, for width 2.

    It is that of Gaussian sensors for the factors P^(1/2) U and Q^(1/2) V, and larger
    than `minimum` of U V' for most factors.

    Args:
        left: U.
        right: V.
        rows: How often each row is seen, relative to the others: p times any number.
        columns: How often each column is seen, likewise: q times any number.

    Returns:
        The minimum, to a few ulp of |P^(1/2) U|^2 |Q^(1/2) V|^2 (Frobenius norms).

    Degenerate cases:
        Zero factors give 0. A row or a column of weight 0 does not count. Where no
        rotation matters the value has a kink, as for Gaussian sensors.

    Raises:
        ValueError: The shapes do not fit, or the factors have other than two columns.
    """
    _check(left, right, rows, columns)
    return dropout_induced.rotation_minimum(
        _root(rows)[:, None] * left, _root(columns)[:, None] * right
    )


def _root(weights: Float[Array, " n"]) -> Float[Array, " n"]:
    """Square roots of the probabilities."""
    return jnp.sqrt(weights / jnp.sum(weights))


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
