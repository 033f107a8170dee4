"""Covariances and tangent kernels of wide networks, layer by layer, any activation.

Private to `analytic`: the recursion behind `neural_tangent.kernel`, in the variances
and the covariance of the two inputs' pre-activations.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic import gram
from analytic._angle import angles, polar
from analytic._duals import dual_and_slope

__all__ = ["layers", "relu_pair", "within"]


def layers(
    x: Float[Array, " d"],
    y: Float[Array, " d"],
    depth: int,
    activation: str,
    weight_variance: float | Float[Array, ""],
    bias_variance: float | Float[Array, ""],
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Covariance and tangent kernel of the outputs at two inputs.

    Args:
        x: First input.
        y: Second input.
        depth: Number of hidden layers.
        activation: Name of the activation.
        weight_variance: Of the weights after the first layer, times the width.
        bias_variance: Of the biases.

    Raises:
        ValueError: `depth` is less than 1, or the name is not known.
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth=}")
    dual, slope = dual_and_slope(activation)
    bias = jnp.asarray(bias_variance, x.dtype)
    gain = jnp.asarray(weight_variance, x.dtype)
    a, b, c = (jnp.sum(u * v) + bias for u, v in ((x, x), (y, y), (x, y)))
    tangent = c
    for _ in range(depth):
        c = within(a, b, c)
        rate = gain * slope(a, b, c)
        rows = (a, a, a), (b, b, b), (a, b, c)
        a, b, c = (gain * dual(*row) + bias for row in rows)
        tangent = c + rate * tangent
    return c, tangent


def relu_pair(
    x: Float[Array, " d"],
    y: Float[Array, " d"],
    depth: int,
    tangent: bool,
    weight_variance: float | Float[Array, ""],
    bias_variance: float | Float[Array, ""],
) -> Float[Array, ""]:
    """One entry of a Gram matrix of `gram`, from the angle and not an inner product.

    So parallel inputs lose no digits in float64 either.

    Args:
        x: First input.
        y: Second input.
        depth: Number of hidden layers.
        tangent: The tangent kernel; else the covariance.
        weight_variance: Of the weights after the first layer, times the width.
        bias_variance: Of the biases.

    Raises:
        ValueError: `depth` is less than 1.
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth=}")
    biased = isinstance(bias_variance, jax.Array) or bool(bias_variance != 0)
    weight, bias = (
        jnp.where(variance >= 0, variance, jnp.nan).astype(x.dtype)
        for variance in (jnp.asarray(weight_variance), jnp.asarray(bias_variance))
    )
    h, rest = (jnp.sin(angle / 2) ** 2 for angle in angles(x, y))
    x_norm, y_norm, h, rest = (
        v.reshape(1, 1) for v in (polar(x)[0], polar(y)[0], h, rest)
    )
    kind = gram.Kind(depth, tangent, biased, False)
    return gram.assembled(kind, x_norm, y_norm, h, rest, weight, bias)[0, 0]


def within(a, b, c):
    """The covariance, but of a correlation of 1 up to rounding (4 ulp), one of 1.

    Where the slope of an activation jumps, rounding would cost half of the digits of
    inputs that are parallel. Derivatives pass.
    """
    eps = jnp.finfo(c.dtype).eps
    most = jnp.sqrt(a * b)
    # Just beyond, by less than what counts as rounding: the determinant is then 0.
    edge = most * (1 + eps)
    near = jnp.abs(c) >= most * (1 - 4 * eps)
    snapped = jnp.where(near, jnp.where(c < 0, -edge, edge), c)
    return c - jax.lax.stop_gradient(c - snapped)
