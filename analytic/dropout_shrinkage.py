"""Linear regression by two layers with dropout between them: shrunk singular values.

The inputs have E x x' = S S', the targets are M x, and the network is U B V' x with a
mask B of `width` units. The mean loss is
|(M - U V') S|^2 + lambda sum_j |u_j|^2 |S' v_j|^2, lambda = rate / (1 - rate), u_j and
v_j being the columns. With S = I it is that of matrix sensing with Gaussian sensors.
Noise in the targets adds a constant.

Let s_1 >= s_2 >= ... be the singular values of M S, and rho the largest j, at most
`width`, with s_j > lambda (s_1 + ... + s_j) / (width + lambda j). At the minimum U V' S
has the singular vectors of M S; the first rho singular values have lost
alpha = lambda (s_1 + ... + s_rho) / (width + lambda rho), the others are 0.

Source: Mianjy, Arora & Vidal, "On the Implicit Bias of Dropout", ICML 2018; Arora et
al., "Theory of Deep Learning" (draft), sections 11.1.1 and 11.3, corrected.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic._mask import variance

__all__ = ["minimizer", "minimum"]


def minimum(
    product: Float[Array, "m d"],
    factor: Float[Array, "d d"],
    rate: Float[Array, ""],
    width: int,
) -> Float[Array, ""]:
    """The least mean loss: alpha (s_1 + ... + s_rho) + sum over i > rho of s_i^2.

    Args:
        product: M.
        factor: S, any matrix with E x x' = S S'.
        rate: Probability of dropping a hidden unit, in [0, 1).
        width: How many hidden units there are.

    Returns:
        The loss. Its error is a few ulp of |M| |S| times its own square root (Frobenius
        norms); the derivative in M S is 2 (M - U V') S at the minimizer.

    Degenerate cases:
        Rate 0 leaves the singular values beyond `width`, and M = 0 nothing: both 0 if
        the width suffices. A rate outside [0, 1) gives nan.

    Raises:
        ValueError: The shapes do not fit, or there are no hidden units.
    """
    _check(product, factor, width)
    weighted = jnp.matmul(product, factor, precision="highest")
    sizes = jnp.linalg.svd(weighted, compute_uv=False)
    kept, alpha = _kept(sizes, variance(rate), width)
    return alpha * jnp.sum(jnp.where(kept, sizes, 0)) + jnp.sum(
        jnp.where(kept, 0, sizes**2)
    )


def minimizer(
    product: Float[Array, "m d"],
    factor: Float[Array, "d d"],
    rate: Float[Array, ""],
    width: int,
) -> Float[Array, "m d"]:
    """The linear map U V' of the least mean loss.

    Args:
        product: M.
        factor: S, any invertible matrix with E x x' = S S'.
        rate: Probability of dropping a hidden unit, in [0, 1).
        width: How many hidden units there are.

    Returns:
        The map. The error of the map times S is a few ulp of |M| |S| times the
        condition number of S; for a width below the rank of M S also times
        s_width / (s_width - s_(width + 1)). The derivative is exact where singular
        values are equal, too.

    Degenerate cases:
        M = 0 gives 0 and, above rate 0, has a kink there with the derivative taken as
        0. A width below the rank of M S needs s_width > s_(width + 1), or the map is
        not unique. A singular S gives infinities or nan, and a rate outside [0, 1) nan.

    Raises:
        ValueError: The shapes do not fit, or there are no hidden units.
    """
    _check(product, factor, width)
    weighted = jnp.matmul(product, factor, precision="highest")
    shrunk = _shrunk(weighted, variance(rate), width)
    return jnp.linalg.solve(factor.T, shrunk.T).T


def _kept(
    sizes: Float[Array, " r"], added: Float[Array, ""], width: int
) -> tuple[Array, Float[Array, ""]]:
    """Which singular values are kept, and what those lose."""
    places = jnp.arange(1, len(sizes) + 1, dtype=sizes.dtype)
    losses = added * jnp.cumsum(sizes) / (width + added * places)
    # Without dropout a singular value 0 is kept as well: nothing is shrunk.
    kept = (places <= width) & ((sizes > losses) | (added == 0))
    total = jnp.sum(jnp.where(kept, sizes, 0))
    return kept, added * total / (width + added * jnp.sum(kept))


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _shrunk(
    matrix: Float[Array, "m d"], added: Float[Array, ""], width: int
) -> Float[Array, "m d"]:
    """A matrix with shrunk singular values."""
    left, sizes, right = jnp.linalg.svd(matrix, full_matrices=False)
    kept, alpha = _kept(sizes, added, width)
    values = jnp.where(kept, sizes - alpha, 0 * alpha)
    return jnp.matmul(left * values[None], right, precision="highest")


@_shrunk.defjvp
def _shrunk_jvp(width, primals, tangents):
    # Differences of values over differences of singular values, whose limits are known:
    # the derivative of singular vectors would be infinite where singular values meet.
    (matrix, added), (change, added_change) = primals, tangents
    dot = functools.partial(jnp.matmul, precision="highest")
    left, sizes, right = jnp.linalg.svd(matrix, full_matrices=False)
    kept, alpha = _kept(sizes, added, width)
    values = jnp.where(kept, sizes - alpha, 0 * alpha)
    inner = dot(dot(left.T, change), right.T)

    both = kept[:, None] & kept[None]
    gaps = jnp.abs(sizes[:, None] - sizes[None])
    minus = jnp.where(both, 1, _ratio(jnp.abs(values[:, None] - values[None]), gaps))
    sums, totals = values[:, None] + values[None], sizes[:, None] + sizes[None]
    plus = jnp.where(both & (totals == 0), 1, _ratio(sums, totals))
    ones = jnp.where(kept & (sizes == 0), 1, _ratio(values, sizes))

    count = jnp.sum(kept)
    slope = added * jnp.sum(jnp.where(kept, jnp.diag(inner), 0))
    lost = slope / (width + added * count)
    total = jnp.sum(jnp.where(kept, sizes, 0))
    lost += added_change * total * width / (width + added * count) ** 2

    core = (minus + plus) / 2 * inner + (minus - plus) / 2 * inner.T
    core -= jnp.diag(jnp.where(kept, lost, 0))
    # What leaves the singular subspaces on one side; on the other side there is none.
    outside_left = dot(change, right.T) - dot(left, inner)
    outside_right = dot(left.T, change) - dot(inner, right)
    tangent = dot(dot(left, core), right)
    tangent += dot(outside_left * ones[None], right)
    tangent += dot(left, ones[:, None] * outside_right)
    return dot(left * values[None], right), tangent


def _ratio(above: Array, below: Array) -> Array:
    """A ratio, 0 where the denominator is."""
    return jnp.where(below > 0, above / jnp.where(below > 0, below, 1), 0)


def _check(product: Float[Array, "m d"], factor: Float[Array, "d d"], width: int):
    """Refuse shapes that do not fit together, and no hidden units."""
    fits = product.ndim == 2 and factor.shape == product.shape[1:] * 2
    if not fits:
        raise ValueError(
            "product and factor must have shapes (m, d) and (d, d),"
            f" got {product.shape=}, {factor.shape=}"
        )
    if width < 1:
        raise ValueError(f"width must be at least 1, got {width=}")
