"""Tangent kernel of a wide convolutional ReLU network on a ring of pixels.

An input has P pixels of a few channels. Each of the L hidden layers has C channels and
filters of q pixels, q odd, that wrap around: pre-activations are q^(-1/2) sum over
offsets and channels of W g, activations g = (2/C)^(1/2) (.)_+. The output is P^(-1/2)
sum_sj v_sj g_sj ("flatten"), or sum_j v_j mean_s g_sj ("average"), the global average
pooling. Weights are standard normal and all trained.

Source: Arora, Du, Hu, Li, Salakhutdinov & Wang, "On Exact Computation with an
Infinitely Wide Neural Net", NeurIPS 2019, section 4, on a ring.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic import _kinked_pair as kinked
from analytic._wide_network import within

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
        The kernel, to a few ulp of the mean of |x_s| |y_t|; where patches are nearly
        parallel, half of the digits of the share of active pairs.

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

    def patches(matrix: Array) -> Array:
        """Mean over offsets, along all axes alike."""
        half = filter_size // 2
        axes = tuple(range(matrix.ndim))
        moved = [
            jnp.roll(matrix, (-offset,) * matrix.ndim, axes)
            for offset in range(-half, half + 1)
        ]
        return sum(moved, start=jnp.zeros_like(matrix)) / filter_size

    product = jnp.sum(x[:, None, :] * y[None, :, :], axis=-1)
    a, b = (patches(jnp.sum(v * v, axis=-1)) for v in (x, y))
    covariance = tangent = patches(product)
    kernel, last = _layer(a, b, covariance, tangent)
    for _ in range(depth - 1):
        # A gain of 2 keeps the variance of each pixel; filters mix them.
        a, b, covariance, tangent = map(patches, (a, b, kernel, last))
        kernel, last = _layer(a, b, covariance, tangent)
    return jnp.mean(jnp.diagonal(last) if pooling == "flatten" else last)


def _layer(a: Array, b: Array, c: Array, tangent: Array) -> tuple[Array, Array]:
    """Covariances of the activations at all pairs of pixels, and the tangent kernel."""

    def one(a: Array, b: Array, c: Array) -> tuple[Array, Array]:
        inside = within(a, b, c)
        return 2 * kinked.relu(a, b, inside), 2 * kinked.step(a, b, inside)

    over_columns = jax.vmap(one, (None, 0, 0))
    kernel, active = jax.vmap(over_columns, (0, None, 0))(a, b, c)
    return kernel, kernel + active * tangent
