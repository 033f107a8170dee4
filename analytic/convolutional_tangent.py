"""Tangent kernel of a wide convolutional ReLU network on a ring of pixels.

An input has P pixels of a few channels. Each of the L hidden layers has C channels and
filters of q pixels, q odd, that wrap around: pre-activations are q^(-1/2) sum over
offsets and channels of W g, activations g = (2/C)^(1/2) (.)_+. The output is P^(-1/2)
sum_sj v_sj g_sj ("flatten"), or sum_j v_j mean_s g_sj ("average"), the global average
pooling. Weights are standard normal and all trained.

Source: Arora, Du, Hu, Li, Salakhutdinov & Wang, "On Exact Computation with an
Infinitely Wide Neural Net", NeurIPS 2019, section 4, on a ring.
"""

import itertools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic import _layers
from analytic._angle import angles, polar

__all__ = ["circular"]


def circular(
    x: Float[Array, "p c"],
    y: Float[Array, "p c"],
    depth: int,
    filter_size: int,
    pooling: str,
) -> Float[Array, ""]:
    """Tangent kernel in the limit of many channels.

    With A[K]_st the mean of K_(s+d)(t+d) over the offsets d of a filter: K_0 = Theta_0
    = A[x y'], then K = 2 E[u_+ v_+] and S = 2 P(u > 0, v > 0) with the covariance K_h
    and the variances of x and y at the two pixels, K_(h+1) = A[K] and Theta_(h+1) =
    A[K + S Theta_h]. The output has the mean of the diagonal of the last K + S Theta
    over P pixels, or with "average" the mean over all pairs.

    Args:
        x: First input, a pixel a row.
        y: Second input, of the shape and dtype of `x`.
        depth: Number L of hidden layers, at least 1.
        filter_size: q, odd.
        pooling: flatten or average.

    Returns:
        The kernel, to a few ulp of L times the mean of |x_s| |y_t|, also where patches
        are nearly parallel or opposite.

    Degenerate cases:
        A patch of zeros gives 0, and slopes 0 by convention. Parallel patches have a
        kink; the mean of the slopes is returned.

    Raises:
        ValueError: The inputs are not alike, or a setting is out of range.
    """
    if x.ndim != 2 or x.shape != y.shape:
        raise ValueError(f"x and y must be matrices alike, got {x.shape=}, {y.shape=}")
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth=}")
    if filter_size < 1 or filter_size % 2 == 0:
        raise ValueError(f"filter_size must be odd, got {filter_size=}")
    if pooling not in ("flatten", "average"):
        raise ValueError(f"pooling must be flatten or average, got {pooling=}")

    offsets = range(-(filter_size // 2), filter_size // 2 + 1)

    def moved(array: Array) -> list[Array]:
        """The array at all offsets, along all axes alike."""
        axes = tuple(range(array.ndim))
        return [jnp.roll(array, (-k,) * array.ndim, axes) for k in offsets]

    def mixed(array: Array) -> Array:
        return sum(moved(array), start=jnp.zeros_like(array)) / filter_size

    pixels = ([jnp.roll(v, -k, 0) for k in offsets] for v in (x, y))
    u, v = (jnp.concatenate(rows, axis=1) / filter_size**0.5 for rows in pixels)
    x_norms, y_norms = (jax.vmap(polar)(w)[0] for w in (u, v))
    over_columns = jax.vmap(angles, (None, 0))
    theta, gap = jax.vmap(over_columns, (0, None))(u, v)
    h, rest = jnp.sin(theta / 2) ** 2, jnp.sin(gap / 2) ** 2
    tangent = _outer(x_norms, y_norms) * (rest - h)
    following, h, active = _layers.unfold(h, rest)
    for _ in range(depth - 1):
        # A gain of 2 keeps the norm of each pixel; filters mix them.
        product = _outer(x_norms, y_norms)
        tangent = mixed(product * following + active * tangent)
        x_after, y_after = (_layers.root(mixed(a * a)) for a in (x_norms, y_norms))
        after = _outer(x_after, y_after)
        apart = _apart(moved(x_norms), moved(y_norms), after + mixed(product))
        some = after > 0
        # The covariance falls short of the product of norms by 2 h after.
        h = (apart / 2 + mixed(product * h)) / jnp.where(some, after, 1)
        following, h, active = _layers.unfold(h, 1 - h)
        x_norms, y_norms = x_after, y_after
    last = _outer(x_norms, y_norms) * following + active * tangent
    return jnp.mean(jnp.diagonal(last) if pooling == "flatten" else last)


def _outer(x: Array, y: Array) -> Array:
    return x[:, None] * y[None, :]


def _apart(x: list[Array], y: list[Array], total: Array) -> Array:
    """|x| |y| - x . y for all pairs of vectors, of root mean squares and mean products.

    By Lagrange's identity, over |x| |y| + x . y: sums of squares of small differences.

    Args:
        x: Entries of the vectors, each for all pixels.
        y: Likewise.
        total: |x| |y| + x . y.
    """
    squares = jnp.zeros_like(total)
    for k, m in itertools.combinations(range(len(x)), 2):
        squares += (_outer(x[k], y[m]) - _outer(x[m], y[k])) ** 2
    return squares / len(x) ** 2 / jnp.where(total > 0, total, 1)
