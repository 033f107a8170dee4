"""Wide layers with biases, of units with a kink or a jump at 0, from layer to layer.

Private to `analytic`. A layer is known by the standard deviations of what enters its
units at two inputs, and by h = (1 - cos theta) / 2 and 1 - h of the correlation cos
theta. Both are sums of terms that are not negative, so that no digits are lost where
inputs are nearly parallel or opposite: a covariance has lost half of them.

All functions take single numbers and arrays that broadcast: norms of rows and columns
with an h for every pair.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic import _layers

__all__ = ["UNITS", "Pair", "lengthened", "mixed", "through", "with_bias"]


class Pair(NamedTuple):
    """Two normal numbers.

    Attributes:
        x_norm: Standard deviation of the first.
        y_norm: Standard deviation of the second.
        h: (1 - cos theta) / 2 of their correlation.
        rest: 1 - h, known on its own.
    """

    x_norm: Float[Array, "..."]
    y_norm: Float[Array, "..."]
    h: Float[Array, "..."]
    rest: Float[Array, "..."]


UNITS = {"relu": 0.5, "abs": 1.0, "step": 0.5, "sign": 1.0}
"""Activations, and their mean square at a standard normal number."""


def mixed(
    gain: float | Float[Array, ""], pair: Pair, bias: Float[Array, ""]
) -> tuple[Pair, Float[Array, "..."]]:
    """Numbers with the covariances gain K + b, and the covariance of the two.

    Args:
        gain: Factor of the covariances.
        pair: Numbers with the covariances K.
        bias: b.
    """
    x_norm, y_norm, h, rest = pair
    product = gain * x_norm * y_norm
    x_after, y_after = (_root(gain * a * a + bias) for a in (x_norm, y_norm))
    after = x_after * y_after
    some = after > 0
    # x_after y_after - product - b, without cancellation.
    apart = gain * bias * (x_norm - y_norm) ** 2
    apart = apart / jnp.where(some, after + product + bias, 1)
    double = jnp.where(some, 2 * after, 1)
    following = Pair(
        x_after,
        y_after,
        (apart + 2 * product * h) / double,
        (apart + 2 * bias + 2 * product * rest) / double,
    )
    return following, bias + product * (rest - h)


def through(
    activation: str,
    depth: int,
    pair: Pair,
    covariance: Float[Array, "..."],
    weight: Float[Array, ""],
    bias: Float[Array, ""],
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Covariance and tangent kernel of the outputs of a network.

    Args:
        activation: One of `UNITS`; for step and sign, whose slopes are not functions,
            only the covariance is right.
        depth: Number of hidden layers.
        pair: Pre-activations of the first of them.
        covariance: Their covariance.
        weight: Variance of the weights of the others, times the width.
        bias: Variance of their biases.
    """
    gain = weight * UNITS[activation]

    def step(_, carry):
        pair, _, tangent = carry
        after, active = _unit(activation, pair)
        following, covariance = mixed(gain, after, bias)
        return following, covariance, covariance + gain * active * tangent

    carry = pair, covariance, covariance
    return jax.lax.fori_loop(0, depth, step, carry)[1:]


def _unit(activation: str, pair: Pair) -> tuple[Pair, Float[Array, "..."]]:
    """Activations over the root of their mean square at 1, and the mean of slopes."""
    x_norm, y_norm, h, rest = pair
    if activation == "relu":
        _, after, active = _layers.unfold(h, rest)
        return Pair(x_norm, y_norm, after, 1 - after), active
    if activation == "abs":
        after, active = _layers.fold(h, rest)
        return Pair(x_norm, y_norm, after, 1 - after), active
    theta, gap = (v / jnp.pi for v in _layers.both_angles(h, rest))
    if activation == "step":
        theta, gap = theta / 2, (1 + gap) / 2
    x_one, y_one = (jnp.where(a > 0, 1, jnp.zeros_like(a)) for a in (x_norm, y_norm))
    return Pair(x_one, y_one, theta, gap), jnp.zeros_like(h)


def lengthened(x: Float[Array, "... d"], bias: Float[Array, ""]) -> Float[Array, "..."]:
    """Inputs with the further coordinate b^(1/2), whose products are x . y + b.

    Args:
        x: Inputs.
        bias: b.
    """
    some = bias != 0
    root = jnp.where(some, jnp.sqrt(jnp.where(some, bias, 1)), 0)
    last = jnp.broadcast_to(root.astype(x.dtype), (*x.shape[:-1], 1))
    return jnp.concatenate([x, last], axis=-1)


def with_bias(
    longer: Pair, plain: Pair, bias: Float[Array, ""]
) -> tuple[Pair, Float[Array, "..."]]:
    """Pre-activations of the first layer and their covariance, with all their slopes.

    Norms and angles have no slope at a zero input, but those of lengthened inputs have,
    and it is theirs that are returned. The root in them hides the slope at b = 0.

    Args:
        longer: Of the inputs made longer, `lengthened`.
        plain: Of the inputs themselves.
        bias: b.
    """
    covariance = longer.x_norm * longer.y_norm * (longer.rest - longer.h)
    flat = mixed(1, jax.lax.stop_gradient(plain), bias)
    return jax.tree.map(
        lambda value, other: (
            value + jnp.where(bias == 0, other - jax.lax.stop_gradient(other), 0)
        ),
        (longer, covariance),
        flat,
    )


def _root(value: Float[Array, "..."]) -> Float[Array, "..."]:
    """Square root with slope 0 at 0."""
    return jnp.where(value == 0, 0, jnp.sqrt(jnp.where(value == 0, 1, value)))
