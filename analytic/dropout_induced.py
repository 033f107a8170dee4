"""The regularizer that dropout induces on a factorized matrix.

Dropout on the inner dimension of M = U V', measured by Gaussian sensors, adds lambda
times R(U, V) = sum_j |u_j|^2 |v_j|^2 to the loss, u_j and v_j being the columns. What
it induces on M is the least R among the factorizations of M of the given width. That is
|M|_*^2 / width, |M|_* being the nuclear norm, the sum of the singular values; factors
reach it whose columns have all the same norm.

Source: Arora et al., "Theory of Deep Learning" (draft), section 11.1.1: (11.6) and
Theorem 11.1.1, corrected; Mianjy, Arora & Vidal, "On the Implicit Bias of Dropout",
ICML 2018.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["minimum", "rotation_minimum", "squared_norms"]


def minimum(product: Float[Array, "m k"], width: int) -> Float[Array, ""]:
    """Least sum_j |u_j|^2 |v_j|^2 with U V' = M: |M|_*^2 / width.

    Args:
        product: M.
        width: How many columns U and V have, at least the smaller side of M.

    Returns:
        The minimum, to a few ulp of itself. Its derivative is 2 |M|_* W Y' / width,
        with the singular vectors W and Y of M.

    Degenerate cases:
        The zero matrix gives 0, and zero derivatives. Where M has a lower rank than its
        smaller side the minimum has a kink, and the derivative is one of many slopes.

    Raises:
        ValueError: `product` is not a matrix, or `width` is too small: some M then have
            no such factors.
    """
    return _nuclear_norm(product, width) ** 2 / width


def squared_norms(product: Float[Array, "m k"], width: int) -> Float[Array, "2 width"]:
    """Squared norms of all columns of the minimizing factors: |M|_* / width each.

    Args:
        product: M.
        width: How many columns U and V have, at least the smaller side of M.

    Returns:
        The |u_j|^2 in the first row, the |v_j|^2 in the second, to a few ulp of each.

    Degenerate cases:
        The zero matrix gives zeros. There is a kink, and the mean of the slopes, 0, is
        returned.

    Raises:
        ValueError: `product` is not a matrix, or `width` is too small.
    """
    return jnp.tile(_nuclear_norm(product, width) / width, (2, width))


def rotation_minimum(
    left: Float[Array, "m 2"], right: Float[Array, "k 2"]
) -> Float[Array, ""]:
    """Least sum_j |u_j|^2 |v_j|^2 over the factors (U Q, V Q), Q a rotation, width 2.

    With A = U' U and B = V' V, and A_0 and B_0 their traceless parts, it is
    tr A tr B / 2 + (<A_0, B_0> - |A_0| |B_0|) / 2. It equals `minimum` of U V' where
    A = B, and is larger for most other factors.

    Args:
        left: U.
        right: V.

    Returns:
        The minimum, to a few ulp of |U|^2 |V|^2 (Frobenius norms).

    Degenerate cases:
        Zero factors give 0. Where A or B is a multiple of the identity no rotation
        matters, and the value has a kink; the derivative of the norm is taken as 0.

    Raises:
        ValueError: The factors are not matrices of two columns.
    """
    for name, factor in (("left", left), ("right", right)):
        if factor.ndim != 2 or factor.shape[1] != 2:
            raise ValueError(f"{name} must have shape (m, 2), got {factor.shape=}")
    (a, a_trace), (b, b_trace) = _traceless(left), _traceless(right)
    return a_trace * b_trace / 2 + (jnp.sum(a * b) - _norm(a) * _norm(b)) / 4


def _nuclear_norm(product: Float[Array, "m k"], width: int) -> Float[Array, ""]:
    """Sum of the singular values of a matrix that has factors of this width."""
    if product.ndim != 2:
        raise ValueError(f"product must be a matrix, got {product.shape=}")
    if width < min(product.shape):
        raise ValueError(
            f"width must be at least {min(product.shape)}, the smaller side of product,"
            f" got {width=}"
        )
    sizes = jnp.linalg.svd(product, compute_uv=False)
    # Of a zero matrix any basis is singular; the mean of the slopes there is 0.
    return jnp.sum(jnp.where(sizes > 0, sizes, 0))


def _traceless(
    factor: Float[Array, "m 2"],
) -> tuple[Float[Array, " 2"], Float[Array, ""]]:
    """Components of the traceless part of factor' factor, and its trace."""
    first, second = factor[:, 0], factor[:, 1]
    # (x - y)(x + y) and not x x - y y: exact where the columns are equal.
    difference = jnp.sum((first - second) * (first + second))
    components = jnp.stack([difference, 2 * jnp.sum(first * second)])
    return components, jnp.sum(factor**2)


def _norm(vector: Float[Array, " 2"]) -> Float[Array, ""]:
    """Euclidean norm, with derivative 0 at zero."""
    square = jnp.sum(vector**2)
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)
