"""Neural tangent kernels of ReLU networks at initialization.

The tangent kernel of a network f is the inner product of its gradients in the trained
weights at two inputs. All weights are standard normal. The two-layer network of width m
is f(x) = m^(-1/2) sum_r a_r (w_r . x)_+. The deep one has L hidden layers g_h =
(2/m)^(1/2) (W_h g_(h-1))_+ with g_0 = x, and f(x) = a . g_L. `kernel` and `covariance`
take other activations phi, weight variances s and biases of variance b, trained too:
z_1 = W_1 x + b_1, z_(h+1) = (s/m)^(1/2) W_(h+1) phi(z_h) + b_(h+1), and the output is
z_(L+1). `gram` holds whole Gram matrices for the ReLU.

Source: Theory of Deep Learning (draft), sections 9.2 and 9.4, (9.8) and (9.15)-(9.17),
corrected; Jacot, Gabriel & Hongler, "Neural Tangent Kernel", NeurIPS 2018.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic import _wide_network as wide, arc_cosine
from analytic._angle import angles, cosine, of_angle, polar, sine_residual

__all__ = [
    "both_layers",
    "covariance",
    "deep",
    "first_layer",
    "first_layer_variance",
    "kernel",
]


def first_layer(x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
    """Mean tangent kernel x . y (pi - theta) / (2 pi), two layers, only W trained.

    It is the mean at every width, for read-out weights a_r = 1 or -1.

    Args:
        x: First input.
        y: Second input, of the length and dtype of `x`.

    Returns:
        The kernel, to a few ulp of |x| |y| (pi - theta), so of itself near opposite
        inputs too; the gradient in x likewise, of |y| (pi - theta).

    Degenerate cases:
        A zero input gives 0, and derivatives 0 by convention. Where the inputs are
        parallel or opposite there is a kink; the mean of the slopes that meet there is
        returned.

    Raises:
        ValueError: The inputs are not alike.
    """
    _require_alike(x, y)
    return of_angle(x, y, lambda theta, gap: cosine(theta, gap) * gap / (2 * jnp.pi))


def first_layer_variance(
    x: Float[Array, " d"], y: Float[Array, " d"], width: int
) -> Float[Array, ""]:
    """Variance of the first-layer tangent kernel at finite width over random weights.

    It is (x . y)^2 p (1 - p) / m with p = (pi - theta) / (2 pi), the probability that a
    unit is active at both inputs.

    Args:
        x: First input.
        y: Second input, of the length and dtype of `x`.
        width: Number m of hidden units.

    Returns:
        The variance, to a few ulp of |x|^2 |y|^2 / m. The two terms of its gradient,
        from p and from 1 - p, cancel in part: it is good to 34 ulp of itself.

    Degenerate cases:
        A zero input gives 0, and so do opposite inputs, which share no active unit. The
        kinks are those of `first_layer`.

    Raises:
        ValueError: The inputs are not alike, or `width` is less than 1.
    """
    if width < 1:
        raise ValueError(f"width must be at least 1, got {width=}")
    active = arc_cosine.kernel(x, y, 0) / 2
    product = polar(x)[0] * polar(y)[0] * cosine(*angles(x, y))
    return product**2 * active * (1 - active) / width


def both_layers(x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
    """Mean tangent kernel of the two-layer network, both layers trained.

    It is [x . y (pi - theta) + |x| |y| (sin theta + (pi - theta) cos theta)] / (2 pi),
    the mean at every width, for read-out weights with mean square 1.

    Args:
        x: First input.
        y: Second input, of the length and dtype of `x`.

    Returns:
        The kernel, to a few ulp of |x| |y| (pi - theta), and the gradient likewise.

    Degenerate cases:
        Those of `first_layer`.

    Raises:
        ValueError: The inputs are not alike.
    """
    return first_layer(x, y) + arc_cosine.kernel(x, y, 1) / 2


def deep(x: Float[Array, " d"], y: Float[Array, " d"], depth: int) -> Float[Array, ""]:
    """Tangent kernel of an infinitely wide deep network with all layers trained.

    Theta_0 = |x| |y| cos t_0 and Theta_h = |x| |y| cos t_h + (1 - t_(h-1) / pi)
    Theta_(h-1), where t_0 is the angle between the inputs and pi cos t_h =
    sin t_(h-1) + (pi - t_(h-1)) cos t_(h-1). The result is Theta_L.

    Args:
        x: First input.
        y: Second input, of the length and dtype of `x`.
        depth: Number L of hidden layers; at L = 1 the value is twice `both_layers`.

    Returns:
        The limit of infinite width, to a few ulp of L^2 |x| |y|. For parallel inputs
        the slope in the angle grows like L^2, and rounding the inputs counts as much.

    Degenerate cases:
        Those of `first_layer`. Parallel inputs give (L + 1) |x| |y|.

    Raises:
        ValueError: The inputs are not alike, or `depth` is less than 1.
    """
    _require_alike(x, y)
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth=}")
    return of_angle(x, y, functools.partial(unit_inputs, depth))


def kernel(
    x: Float[Array, " d"],
    y: Float[Array, " d"],
    *,
    depth: int,
    activation: str = "relu",
    weight_variance: float | Float[Array, ""] = 2.0,
    bias_variance: float | Float[Array, ""] = 0.0,
) -> Float[Array, ""]:
    """Tangent kernel Theta_L of a wide network with any activation, all trained.

    K_0 = x . y + b, and with (u, v) normal of covariance K_(h-1): K_h = s E[phi(u)
    phi(v)] + b, Theta_0 = K_0 and Theta_h = K_h + s E[phi'(u) phi'(v)] Theta_(h-1).

    Args:
        x: First input.
        y: Second input, of the length and dtype of `x`.
        depth: Number L of hidden layers, at least 1.
        activation: relu, abs, erf, probit, gelu, cos or rbf in closed form; tanh,
            sigmoid, softplus, silu or elu by quadrature.
        weight_variance: s; in the first layer it is 1, so multiply the inputs by
            (s/d)^(1/2) for the usual normalization.
        bias_variance: b.

    Returns:
        The limit of infinite width. For relu and abs to a few ulp of L^2 times the
        kernel at the larger input, also where the inputs are nearly parallel or
        opposite; else to a few ulp of L times that.

    Degenerate cases:
        Those of `dual_activation`: a zero input without biases gives 0 where phi is 0
        at 0; with biases it is like any other. For relu and abs parallel inputs have a
        kink, and opposite ones without biases; the mean of the slopes is returned.

    Raises:
        ValueError: The inputs are not alike, `depth` is less than 1, or `activation`
            is not listed.
    """
    _require_alike(x, y)
    if activation == "relu":
        return wide.relu_pair(x, y, depth, True, weight_variance, bias_variance)
    return wide.layers(x, y, depth, activation, weight_variance, bias_variance)[1]


def covariance(
    x: Float[Array, " d"],
    y: Float[Array, " d"],
    *,
    depth: int,
    activation: str = "relu",
    weight_variance: float | Float[Array, ""] = 2.0,
    bias_variance: float | Float[Array, ""] = 0.0,
) -> Float[Array, ""]:
    """Covariance K_L of the outputs of a wide network with any activation (NNGP).

    K_0 = x . y + b and K_h = s E[phi(u) phi(v)] + b, (u, v) normal of covariance
    K_(h-1).

    Args:
        x: First input.
        y: Second input, of the length and dtype of `x`.
        depth: Number L of hidden layers, at least 1.
        activation: As for `kernel`, or step or sign.
        weight_variance: s, as for `kernel`.
        bias_variance: b.

    Returns:
        The limit of infinite width, as accurate as `kernel`.

    Degenerate cases:
        Those of `kernel`.

    Raises:
        ValueError: The inputs are not alike, `depth` is less than 1, or `activation`
            is not listed.
    """
    _require_alike(x, y)
    if activation == "relu":
        return wide.relu_pair(x, y, depth, False, weight_variance, bias_variance)
    return wide.layers(x, y, depth, activation, weight_variance, bias_variance)[0]


def _require_alike(x: Float[Array, " d"], y: Float[Array, " d"]) -> None:
    """Refuse inputs that are not vectors of one length."""
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x and y must be vectors alike, got {x.shape=}, {y.shape=}")


def unit_inputs(
    depth: int, theta: Float[Array, ""], gap: Float[Array, ""]
) -> Float[Array, ""]:
    """The deep kernel of unit vectors; not public, but `network_depth` uses it too."""
    # Near opposite inputs the terms of the first layer vanish with the gap.
    tangent = (sine_residual(gap) + gap * cosine(theta, gap)) / jnp.pi
    state = _next_angle(theta), tangent
    return jax.lax.fori_loop(1, depth, _next_layer, state)[1]


def _next_layer(
    _: Array, state: tuple[Float[Array, ""], Float[Array, ""]]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Angle and tangent kernel, of unit inputs, from one layer to the next."""
    angle, tangent = state
    following = _next_angle(angle)
    return following, jnp.cos(following) + (1 - angle / jnp.pi) * tangent


@jax.custom_jvp
def _next_angle(angle: Float[Array, ""]) -> Float[Array, ""]:
    """Angle between the outputs of a wide layer, given the angle between its inputs."""
    # sin^2(t/2) keeps its digits where cos t nears 1, and so does the angle after it.
    half = jnp.sin(angle / 2) ** 2 - sine_residual(angle) / (2 * jnp.pi)
    # Second derivatives of the loop look inside, where the slope of sqrt is infinite.
    root = jnp.where(half > 0, jnp.sqrt(jnp.where(half > 0, half, 1)), 0)
    return 2 * jnp.arctan2(root, jnp.sqrt(1 - half))


@_next_angle.defjvp
def _next_angle_jvp(primals, tangents):
    """The slope (1 - t/pi) sin t / sin t', which tends to 1 as both angles vanish."""
    (angle,), (tangent,) = primals, tangents
    following = _next_angle(angle)
    moving = angle > 0
    ratio = jnp.sin(angle) / jnp.sin(jnp.where(moving, following, 1))
    slope = jnp.where(moving, (1 - angle / jnp.pi) * ratio, 1)
    return following, slope * tangent
