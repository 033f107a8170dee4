"""Covariances and tangent kernels of wide networks, layer by layer, any activation.

Private to `analytic`: the recursion behind `neural_tangent.kernel`, in the variances
and the covariance of the two inputs' pre-activations.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic import gram
from analytic._angle import angles, polar
from analytic._biased_layers import UNITS, Pair, lengthened, through, with_bias
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
    exact = None
    if activation in UNITS:
        exact = _by_angles(x, y, depth, activation, weight_variance, bias_variance)
    if exact is not None and activation not in ("step", "sign"):
        return exact
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
    return c if exact is None else exact[0], tangent


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
    kind = gram.Kind(depth, tangent, _is_biased(bias_variance), False)
    if kind.biased:
        both = _by_angles(x, y, depth, "relu", weight_variance, bias_variance)
        return both[tangent]
    weight, bias = _variances(x, weight_variance, bias_variance)
    matrices = Pair(*(v.reshape(1, 1) for v in _pair(x, y)))
    return gram.assembled(kind, matrices, weight, bias)[0, 0]


def _by_angles(
    x, y, depth: int, activation: str, weight_variance, bias_variance
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Covariance and tangent kernel from the angle, for units with a kink or a jump.

    Inner products would cost half of the digits of inputs that are nearly parallel.
    """
    weight, bias = _variances(x, weight_variance, bias_variance)
    pair = _pair(x, y)
    first = pair, pair.x_norm * pair.y_norm * (pair.rest - pair.h)
    if _is_biased(bias_variance):
        longer = _pair(*(lengthened(v, bias) for v in (x, y)))
        first = with_bias(longer, pair, bias)
    return through(activation, depth, *first, weight, bias)


def _pair(x: Float[Array, " d"], y: Float[Array, " d"]) -> Pair:
    """Norms and the angle of two vectors."""
    h, rest = (jnp.sin(angle / 2) ** 2 for angle in angles(x, y))
    return Pair(polar(x)[0], polar(y)[0], h, rest)


def _is_biased(bias_variance: float | Float[Array, ""]) -> bool:
    return isinstance(bias_variance, jax.Array) or bool(bias_variance != 0)


def _variances(x, *variances) -> tuple[Array, ...]:
    """Of the dtype of the inputs; nan where negative."""
    return tuple(
        jnp.where(variance >= 0, variance, jnp.nan).astype(x.dtype)
        for variance in map(jnp.asarray, variances)
    )


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
