"""The regularizer that dropout induces, by search over factors and by construction.

The regularizer of the factors U, V is sum_j |u_j|^2 |v_j|^2. Two searches start at
random factors of a fixed product and go downhill, one among all factors, one among
rotations; a third function builds factors of equal columns by plane rotations.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical._descent import descend
from empirical.montecarlo import Normal, Uniform, expectation

__all__ = ["minimum", "rotation_minimum", "squared_norms"]


@expectation(start=Normal("width", "width"))
def minimum(
    product: Float[Array, "m k"], width: int, *, start: Float[Array, "width width"]
) -> Float[Array, ""]:
    """Regularizer at the end of a search among the factors of a matrix.

    With m <= k, the factors ([I 0] G, [M' 0] inverse(G)') of M run through all factors
    whose left one has full rank as G runs through the invertible matrices. For m > k
    the transpose is factorized.

    Args:
        product: M.
        width: How many columns the factors have, at least the smaller side of M.
        start: Noise: the first G.

    Returns:
        One draw: never below the minimum, and mostly at it; a search may get stuck.

    Degenerate cases:
        The zero matrix gives 0.

    Raises:
        ValueError: `product` is not a matrix, or `width` is too small.
    """
    _check(product, width)
    wide = product if product.shape[0] <= product.shape[1] else product.T
    padded = jnp.pad(wide, ((0, width - wide.shape[0]), (0, 0)))

    def loss(change: Float[Array, "width width"]) -> Float[Array, ""]:
        return _regularizer(change[: len(wide)], jnp.linalg.solve(change, padded).T)

    return loss(descend(loss, start))


@expectation(start=Uniform(high=6.283185307179586))
def rotation_minimum(
    left: Float[Array, "m 2"],
    right: Float[Array, "k 2"],
    *,
    start: Float[Array, ""],
) -> Float[Array, ""]:
    """Regularizer at the end of a search among the rotations of two factors.

    Args:
        left: U.
        right: V.
        start: Noise: the first angle.

    Returns:
        One draw: never below the minimum, and mostly at it.

    Degenerate cases:
        Zero factors give 0.

    Raises:
        ValueError: The factors are not matrices of two columns.
    """
    for name, factor in (("left", left), ("right", right)):
        if factor.ndim != 2 or factor.shape[1] != 2:
            raise ValueError(f"{name} must have shape (m, 2), got {factor.shape=}")

    def loss(angle: Float[Array, ""]) -> Float[Array, ""]:
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        rotation = jnp.stack([jnp.stack([cos, -sin]), jnp.stack([sin, cos])])
        return _regularizer(
            jnp.matmul(left, rotation, precision="highest"),
            jnp.matmul(right, rotation, precision="highest"),
        )

    return loss(descend(loss, start))


def squared_norms(product: Float[Array, "m k"], width: int) -> Float[Array, "2 width"]:
    """Squared column norms of factors built to have equal ones.

    Args:
        product: M.
        width: How many columns the factors have, at least the smaller side of M.

    Returns:
        Those of the left factor, then those of the right.

    Degenerate cases:
        The zero matrix gives zeros.

    Raises:
        ValueError: `product` is not a matrix, or `width` is too small.
    """
    left, right = _equalized(product, width)
    return jnp.stack([jnp.sum(left**2, axis=0), jnp.sum(right**2, axis=0)])


def _equalized(
    product: Float[Array, "m k"], width: int
) -> tuple[Float[Array, "m width"], Float[Array, "k width"]]:
    """Balanced factors of a matrix, rotated until all columns have the same norm."""
    _check(product, width)
    w, sizes, y = jnp.linalg.svd(product, full_matrices=False)
    padding = ((0, 0), (0, width - len(sizes)))
    left = jnp.pad(w * jnp.sqrt(sizes)[None], padding)
    right = jnp.pad(y.T * jnp.sqrt(sizes)[None], padding)
    goal = jnp.sum(sizes) / width

    # Both factors have the same Gram matrix, and keep it under rotations.
    def rotate(_, state):
        stacked, done = state
        squares = jnp.sum(stacked[: len(product)] ** 2, axis=0)
        i = jnp.argmax(jnp.where(done, -jnp.inf, squares))
        done = done.at[i].set(True)
        j = jnp.argmin(jnp.where(done, jnp.inf, squares))
        # The tangent x that takes column i to the goal: c x^2 + 2 b x + a = 0.
        a, c = squares[i] - goal, squares[j] - goal
        b = jnp.sum(stacked[: len(product), i] * stacked[: len(product), j])
        root = jnp.sqrt(jnp.maximum(b * b - a * c, 0))
        pivot = jnp.where(b < 0, root - b, -root - b)
        x = jnp.where(pivot == 0, 0, a / jnp.where(pivot == 0, 1, pivot))
        cos = 1 / jnp.sqrt(1 + x * x)
        u, v = stacked[:, i], stacked[:, j]
        stacked = stacked.at[:, i].set(cos * (u + x * v))
        return stacked.at[:, j].set(cos * (v - x * u)), done

    start = jnp.concatenate([left, right]), jnp.zeros(width, bool)
    stacked, _ = jax.lax.fori_loop(0, width - 1, rotate, start)
    return stacked[: len(product)], stacked[len(product) :]


def _regularizer(
    left: Float[Array, "m width"], right: Float[Array, "k width"]
) -> Float[Array, ""]:
    """Sum over the columns of the products of their squared norms."""
    return jnp.sum(jnp.sum(left**2, axis=0) * jnp.sum(right**2, axis=0))


def _check(product: Float[Array, "m k"], width: int) -> None:
    """Refuse what is no matrix, and widths that are too small for some matrices."""
    if product.ndim != 2:
        raise ValueError(f"product must be a matrix, got {product.shape=}")
    if width < min(product.shape):
        raise ValueError(
            f"width must be at least {min(product.shape)}, the smaller side of product,"
            f" got {width=}"
        )
