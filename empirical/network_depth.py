"""Kernels of wide ReLU networks at great depth, by the recursion over layers.

The twin of `analytic.network_depth`. No noise: each layer's mean products over a normal
pair are taken from the definition, by quadrature over the arc of the circle on which
both pre-activations are positive, or in the form that the source prints.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

__all__ = ["correlation_rate", "single_precision", "tangent_limit"]


def correlation_rate(angle: Float[Array, ""], *, depth: int) -> Float[Array, ""]:
    """L^2 (1 - cos theta_L) at one depth L, by the recursion as printed.

    Args:
        angle: The angle of the inputs.
        depth: Size: the number L of hidden layers.

    Returns:
        The product.

    Degenerate cases:
        Parallel inputs give 0.

    Raises:
        ValueError: `angle` is not a scalar, or `depth` is less than 1.
    """
    _require(angle, depth)
    cosine = jax.lax.fori_loop(0, depth, lambda _, c: _printed(c)[0], jnp.cos(angle))
    return depth**2 * (1 - cosine)


def tangent_limit(angle: Float[Array, ""], *, depth: int) -> Float[Array, ""]:
    """Theta_L / (L + 1) of unit inputs at one depth L, by the recursion as printed.

    Args:
        angle: The angle of the inputs.
        depth: Size: the number L of hidden layers.

    Returns:
        The quotient.

    Degenerate cases:
        Parallel inputs give 1.

    Raises:
        ValueError: `angle` is not a scalar, or `depth` is less than 1.
    """
    _require(angle, depth)

    def layer(_, state):
        cosine, kernel = state
        following, active = _printed(cosine)
        return following, following + active * kernel

    start = jnp.cos(angle), jnp.cos(angle)
    return jax.lax.fori_loop(0, depth, layer, start)[1] / (depth + 1)


def single_precision(angle: Float[Array, ""], depth: int) -> Float[Array, ""]:
    """Theta_L of unit inputs, each layer by quadrature of its definition.

    Args:
        angle: The angle of the inputs.
        depth: Number of hidden layers.

    Returns:
        The kernel, in the precision of `angle`.

    Degenerate cases:
        Parallel inputs give the depth plus 1.

    Raises:
        ValueError: `angle` is not a scalar, or `depth` is less than 1.
    """
    _require(angle, depth)
    nodes, weights = np.polynomial.legendre.leggauss(24)
    places = jnp.asarray((nodes + 1) / 2, angle.dtype)
    masses = jnp.asarray(weights / weights.sum(), angle.dtype)

    def layer(_, state):
        theta, kernel = state
        # u = r cos(t) and v = r cos(t - theta) are positive on an arc of this length.
        arc = jnp.pi - theta
        products = jnp.sin(arc * places) * jnp.sin(arc * (1 - places))
        # The gain 2, times the mean square radius 2, over the circle.
        covariance = 4 * arc * jnp.sum(masses * products) / (2 * jnp.pi)
        # Likewise of (u_+ - v_+)^2: 1 - covariance would lose the angle. Where one is
        # positive alone, on two more arcs, the square is that one's.
        apart = (jnp.sin(arc * places) - jnp.sin(arc * (1 - places))) ** 2
        alone = jnp.sin(theta * places) ** 2
        square = arc * jnp.sum(masses * apart) + 2 * theta * jnp.sum(masses * alone)
        distance = jnp.sqrt(4 * square / (2 * jnp.pi))
        following = 2 * jnp.arcsin(jnp.minimum(distance / 2, 1))
        return following, covariance + arc / jnp.pi * kernel

    return jax.lax.fori_loop(0, depth, layer, (angle, jnp.cos(angle)))[1]


def _printed(cosine: Array) -> tuple[Array, Array]:
    """One layer, in the cosine: the next one, and the share of active pairs."""
    theta = jnp.arccos(jnp.clip(cosine, -1, 1))
    gap = jnp.pi - theta
    return (jnp.sin(theta) + gap * jnp.cos(theta)) / jnp.pi, gap / jnp.pi


def _require(angle: Array, depth: int) -> None:
    if jnp.shape(angle) != ():
        raise ValueError(f"angle must be a scalar, got {jnp.shape(angle)=}")
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth=}")
