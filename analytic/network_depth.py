"""Kernels of wide ReLU networks as the depth grows, and in single precision.

With the gain 2 the angle theta_h of two inputs after h layers follows cos theta_(h+1) =
[sin theta_h + (pi - theta_h) cos theta_h] / pi, so 1 - cos theta_h = r_h obeys r_(h+1)
= r_h - (2 r_h)^(3/2) / (3 pi) + ...: r_h h^2 tends to 9 pi^2 / 2 from any start. The
tangent kernel of unit inputs, Theta_(h+1) = cos theta_(h+1) + (1 - theta_h / pi)
Theta_h, then tends to (h + 1) / 4, since Theta grows by 1 and shrinks by 3 / h a layer.

Source: Theory of Deep Learning (draft), section 9.4, (9.15)-(9.17), corrected; Arora et
al., "On Exact Computation with an Infinitely Wide Neural Net", NeurIPS 2019.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic.neural_tangent import unit_inputs

__all__ = ["correlation_rate", "single_precision", "tangent_limit"]


def correlation_rate(angle: Float[Array, ""]) -> Float[Array, ""]:
    """Limit 9 pi^2 / 2 of L^2 (1 - cos theta_L) as the depth L grows.

    Args:
        angle: The angle theta_0 of the inputs, in (0, pi].

    Returns:
        The limit, which does not depend on the angle.

    Degenerate cases:
        Parallel inputs stay parallel: 0. Outside of [0, pi]: nan.

    Raises:
        ValueError: `angle` is not a scalar.
    """
    return _limit(angle, 9 * jnp.pi**2 / 2, 0)


def tangent_limit(angle: Float[Array, ""]) -> Float[Array, ""]:
    """Limit 1/4 of Theta_L / (L + 1) for unit inputs as the depth L grows.

    Args:
        angle: The angle theta_0 of the inputs, in (0, pi].

    Returns:
        The limit; the error at depth L is about log(L) / (2L).

    Degenerate cases:
        Parallel inputs give 1 at every depth. Outside of [0, pi]: nan.

    Raises:
        ValueError: `angle` is not a scalar.
    """
    return _limit(angle, 0.25, 1)


def single_precision(angle: Float[Array, ""], depth: int) -> Float[Array, ""]:
    """Tangent kernel Theta_L of unit inputs, computed in float32 whatever the input.

    The state is theta itself, by way of sin^2(theta_(h+1) / 2) = sin^2(theta_h / 2) -
    (sin theta_h - theta_h cos theta_h) / (2 pi): a cosine near 1 would have lost half
    of its digits.

    Args:
        angle: The angle theta_0 of the inputs, in [0, pi].
        depth: Number L of hidden layers, at least 1.

    Returns:
        The kernel in the dtype of `angle`, to 16 ulp of float32 of itself at depth 50.

    Degenerate cases:
        Parallel inputs give L + 1. Outside of [0, pi]: nan.

    Raises:
        ValueError: `angle` is not a scalar, or `depth` is less than 1.
    """
    if jnp.shape(angle) != ():
        raise ValueError(f"angle must be a scalar, got {jnp.shape(angle)=}")
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth=}")
    narrow, gap = (v.astype(jnp.float32) for v in (angle, jnp.pi - angle))
    inside = (angle >= 0) & (angle <= jnp.pi)
    value = unit_inputs(depth, narrow, jnp.maximum(gap, 0))
    return jnp.where(inside, value.astype(angle.dtype), jnp.nan)


def _limit(angle: Float[Array, ""], value: float, parallel: float):
    """The value for angles in (0, pi], another one for parallel inputs."""
    if jnp.shape(angle) != ():
        raise ValueError(f"angle must be a scalar, got {jnp.shape(angle)=}")
    limit = jnp.where(angle > 0, value, parallel).astype(angle.dtype)
    return jnp.where((angle >= 0) & (angle <= jnp.pi), limit, jnp.nan)
