"""Gram matrices of the kernels of infinitely wide ReLU networks.

The kernels are those of `analytic.arc_cosine` and `analytic.neural_tangent`, for sets
of inputs. The network has L hidden layers of width m: z_1 = W_1 x + b_1 and z_(h+1) =
(s / m)^(1/2) W_(h+1) (z_h)_+ + b_(h+1), with one output z_(L+1). Weights are standard
normal, biases normal with variance b, and s is the weight variance; the default 2 keeps
norms. In the usual normalization the first layer has the variance s / d instead of 1:
multiply the inputs by (s / d)^(1/2).

Inner products of float32 inputs are formed in float64: the rounding of float32 ones,
magnified by arccos, costs half the digits for inputs that are close.

Source: Cho & Saul, "Kernel Methods for Deep Learning", NeurIPS 2009, section 2.3;
Jacot, Gabriel & Hongler, "Neural Tangent Kernel", NeurIPS 2018, section 4; Lee et al.,
"Deep Neural Networks as Gaussian Processes", ICLR 2018, section 2.3.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from analytic import _biased_layers as biased, _layer_fits, _layers
from analytic._biased_layers import Pair

__all__ = ["covariance", "tangent"]

# Tiles of at most 200^2 entries, and what is made on the way to them, stay in cache.
TILE = 200


def covariance(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"] | None = None,
    *,
    depth: int,
    weight_variance: float | Float[Array, ""] = 2.0,
    bias_variance: float | Float[Array, ""] = 0.0,
) -> Float[Array, "n m"]:
    """Covariances K_L of the output (the NNGP kernel) at all pairs of inputs.

    K_0 = x . y + b and K_h = (s/2) |K_(h-1)| J_1(theta) / pi + b, where |K|^2 = K(x, x)
    K(y, y), |K| cos theta = K(x, y), J_1(theta) = sin theta + (pi - theta) cos theta.
    With the default variances and depth 1 it is `arc_cosine.kernel` of degree 1.

    Args:
        x: Inputs, one a row.
        y: Other inputs of the length and dtype of `x`; left out, they are `x`, and the
            matrix is exactly symmetric.
        depth: Number L of hidden layers, at least 1.
        weight_variance: s, not negative.
        bias_variance: b, not negative.

    Returns:
        The matrix. In float32 it is right to 8 ulp of the entry or of |x| |y| / 4, the
        larger, and depth costs nothing if there is no bias. In float64 inner products
        are rounded like all else: to a few ulp of |x| |y|, but for inputs at the
        angle theta the tangent kernel has an error of L^2 |x| |y| 1e-16 / theta, and
        of L^2 |x| |y| 1e-8 where they are parallel. Slopes, in float32, are good to
        a few ulp of |y|.

    Degenerate cases:
        With a bias a zero input is like any other; without one it gives 0, and
        derivatives in it are 0 by convention. In a bias variance of 0 the slope is that
        from above, unless it is infinite: at a zero input, and of the tangent kernel at
        opposite inputs. Derivatives at parallel inputs exist, and are exact.

    Raises:
        ValueError: The inputs are no float matrices alike, or `depth` is less than 1.
    """
    return _gram(x, y, depth, False, weight_variance, bias_variance)


def tangent(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"] | None = None,
    *,
    depth: int,
    weight_variance: float | Float[Array, ""] = 2.0,
    bias_variance: float | Float[Array, ""] = 0.0,
) -> Float[Array, "n m"]:
    """Neural tangent kernel Theta_L, all weights and biases trained, at all pairs.

    Theta_0 = K_0 and Theta_h = K_h + (s/2) (1 - theta / pi) Theta_(h-1), theta and K
    as in `covariance`. With the default variances it is `neural_tangent.deep`.

    Args:
        x: Inputs, one a row.
        y: Other inputs of the length and dtype of `x`; left out, they are `x`, and the
            matrix is exactly symmetric.
        depth: Number L of hidden layers, at least 1.
        weight_variance: s, not negative.
        bias_variance: b, not negative.

    Returns:
        The matrix, as accurate as `covariance`, relative to (L + 1) |x| |y|. Slopes
        lose digits like 1 / theta near the kink at parallel inputs.

    Degenerate cases:
        Those of `covariance`, but parallel inputs have a kink; the mean of the slopes
        that meet there is returned.

    Raises:
        ValueError: The inputs are no float matrices alike, or `depth` is less than 1.
    """
    return _gram(x, y, depth, True, weight_variance, bias_variance)


class Kind(NamedTuple):
    """What is static: a hashable argument."""

    depth: int
    tangent: bool
    biased: bool
    symmetric: bool


def _gram(x, y, depth: int, tangent: bool, weight_variance, bias_variance) -> Array:
    """Either matrix, after the checks."""
    other = x if y is None else y
    if x.ndim != 2 or other.ndim != 2 or x.shape[1] != other.shape[1]:
        raise ValueError(
            "x and y must be matrices with rows alike, got"
            f" {x.shape=}, y.shape={other.shape}"
        )
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth=}")
    dtype = jnp.result_type(x, other)
    if dtype not in (jnp.float32, jnp.float64):
        raise ValueError(f"x and y must be float32 or float64, got {dtype}")
    biased = isinstance(bias_variance, jax.Array) or bool(bias_variance != 0)
    kind = Kind(depth, tangent, biased, y is None)
    weight, bias = (
        jnp.where(variance >= 0, variance, jnp.nan).astype(dtype)
        for variance in (jnp.asarray(weight_variance), jnp.asarray(bias_variance))
    )
    return _compiled(kind, x.astype(dtype), other.astype(dtype), weight, bias)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _matrix(kind: Kind, x: Array, y: Array, weight: Array, bias: Array) -> Array:
    """The matrix, by tiles: no temporary is larger than one, and half are mirrored."""
    if max(len(x), len(y)) <= TILE:
        return assembled(kind, _pairs(x, y), weight, bias)
    rows, columns = (-(-n // max(1, -(-n // TILE))) for n in (len(x), len(y)))
    with jax.enable_x64(True):
        left, right = _polar(x.astype(jnp.float64)), _polar(y.astype(jnp.float64))
        # The last tiles overlap those before them instead of being shorter.
        starts = [
            (i, j)
            for i in _starts(len(x), rows)
            for j in _starts(len(y), columns)
            if j <= i or not kind.symmetric
        ]
        places = jnp.asarray(np.array(starts, np.int32))

        def step(number: Array, matrix: Array) -> Array:
            i, j = places[number]
            pairs = _products(
                _rows(left, i, rows), _rows(right, j, columns), matrix.dtype
            )
            part = assembled(kind, pairs, weight, bias)
            matrix = jax.lax.dynamic_update_slice(matrix, part, (i, j))
            if kind.symmetric:
                # Read back: the compiler would compute the tile again, transposed.
                part = jax.lax.dynamic_slice(matrix, (i, j), part.shape)
                matrix = jax.lax.dynamic_update_slice(matrix, part.T, (j, i))
            return matrix

        empty = jnp.zeros((len(x), len(y)), x.dtype)
        return jax.lax.fori_loop(np.int32(0), np.int32(len(starts)), step, empty)


@_matrix.defjvp
def _matrix_jvp(kind, primals, tangents):
    """Derivatives of the matrix as a whole, which reverse mode need not unroll."""

    def whole(x, y, weight, bias):
        pairs = _pairs(x, y)
        if not kind.biased:
            return assembled(kind, pairs, weight, bias)
        longer = _pairs(*(biased.lengthened(v, bias) for v in (x, y)))
        first = biased.with_bias(longer, pairs, bias)
        return biased.through("relu", kind.depth, *first, weight, bias)[kind.tangent]

    return _matrix(kind, *primals), jax.jvp(whole, primals, tangents)[1]


_compiled = jax.jit(_matrix, static_argnums=0)


def _starts(length: int, tile: int) -> list[int]:
    return [min(i, length - tile) for i in range(0, length, tile)]


def _rows(polar: Any, start: Array, size: int) -> Any:
    return jax.tree.map(lambda v: jax.lax.dynamic_slice_in_dim(v, start, size), polar)


def _polar(x: Float[Array, "n d"]) -> tuple[Float[Array, "n 1"], Float[Array, "n d"]]:
    """Norms and directions of the rows; a zero row has direction 0, and slopes 0."""
    # A power of two scales without rounding; squares then neither over- nor underflow.
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(x), axis=1, keepdims=True))
    zero = largest == 0
    exponent = jnp.maximum(jnp.frexp(largest)[1] - 2, jnp.finfo(x.dtype).minexp)
    scaled = x * jnp.ldexp(jnp.ones_like(largest), -exponent)
    square = jnp.sum(scaled * scaled, axis=1, keepdims=True)
    length = jnp.sqrt(jnp.where(zero, 1, square))
    norms = jnp.ldexp(jnp.ones_like(largest), exponent) * length
    return jnp.where(zero, 0, norms), jnp.where(zero, 0, scaled / length)


def _products(left: Any, right: Any, dtype: Any) -> Pair:
    """Norms, (1 - cosine) / 2 and (1 + cosine) / 2 of all pairs, rounded to a dtype."""
    (x_norms, u), (y_norms, v) = left, right
    # Not matmul, which asks for a dtype that vmap refuses outside of x64.
    cosine = jax.lax.dot_general(u, v, (((1,), (1,)), ((), ())), precision="highest")
    acute = cosine >= 0
    part = ((1 - jnp.where(acute, cosine, -cosine)) / 2).astype(dtype)
    # Rounding alone makes it negative; derivatives pass.
    part -= jax.lax.stop_gradient(jnp.minimum(part, 0))
    h, rest = jnp.where(acute, part, 1 - part), jnp.where(acute, 1 - part, part)
    return Pair(x_norms.astype(dtype), y_norms.T.astype(dtype), h, rest)


@jax.custom_jvp
def _pairs(x: Array, y: Array) -> Pair:
    """Those of all rows of two matrices, by way of float64."""
    with jax.enable_x64(True):
        left, right = _polar(x.astype(jnp.float64)), _polar(y.astype(jnp.float64))
        return _products(left, right, x.dtype)


@_pairs.defjvp
def _pairs_jvp(primals, tangents):
    """Slopes in the dtype of the inputs: float64 cannot be transposed without x64."""

    def narrow(x, y):
        return _products(_polar(x), _polar(y), x.dtype)

    return _pairs(*primals), jax.jvp(narrow, primals, tangents)[1]


def assembled(
    kind: Kind, pairs: Pair, weight: Float[Array, ""], bias: Float[Array, ""]
) -> Float[Array, "n m"]:
    """The matrix from what `_products` returns; `_wide_network` uses it for a pair."""
    x_norms, y_norms, h, rest = pairs
    if kind.biased:
        first = biased.mixed(1, pairs, bias)
        return biased.through("relu", kind.depth, *first, weight, bias)[kind.tangent]
    narrow = h.dtype == jnp.float32
    fit = None
    if kind.depth > 1 and narrow:
        fit = _layer_fits.profile(kind.depth, kind.tangent)
    if fit is not None:
        value = _layer_fits.evaluate(fit, h, rest)
    elif kind.depth == 1 and narrow:
        value = _layers.once(h, rest, kind.tangent)
    else:
        value = _unit_inputs(kind, h, rest)
    scale = jax.lax.pow(weight / 2, jnp.asarray(kind.depth, weight.dtype))
    return scale * value * (x_norms * y_norms)


def _unit_inputs(kind: Kind, h: Array, rest: Array) -> Array:
    """The kernel of unit inputs, layer by layer."""
    cosine = rest - h
    following, h, active = _layers.unfold(h, rest)
    if kind.depth == 1:
        return following + active * cosine if kind.tangent else following

    def step(_, state):
        h, kernel = state
        h, active = _layers.layer(h)
        return h, 1 - 2 * h + active * kernel

    state = h, following + active * cosine
    h, kernel = jax.lax.fori_loop(1, kind.depth, step, state)
    return kernel if kind.tangent else 1 - 2 * h
