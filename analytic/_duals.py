"""Dual activations by name: closed forms, and mean products by quadrature.

Private to `analytic`, behind `dual_expansion` and `neural_tangent`.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from analytic import dual_activation, dual_exponential
from analytic._normal_pair import Dual, determinant

__all__ = ["CLOSED", "SMOOTH", "dual_and_slope", "mean_product"]

Activation = Callable[[Any], Any]
CLOSED: dict[str, Dual] = {
    name: getattr(module, name)
    for module, names in (
        (dual_activation, ("step", "sign", "relu", "abs", "erf", "probit", "gelu")),
        (dual_exponential, ("cos", "rbf")),
    )
    for name in names
}
SMOOTH: dict[str, Activation] = {
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "silu": jax.nn.silu,
    "elu": jax.nn.elu,
}


def dual_and_slope(activation: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The dual of a named activation and that of its derivative, in a, b and c.

    Raises:
        ValueError: The name is not known.
    """
    if activation in CLOSED:
        return CLOSED[activation], CLOSED[activation].derivative
    if activation not in SMOOTH:
        raise ValueError(
            f"activation must be one of {', '.join([*CLOSED, *SMOOTH])}, "
            f"got {activation=}"
        )
    # Only the positional arguments of a custom rule may be static.
    first = SMOOTH[activation]
    second = derivative(first)
    return (
        lambda a, b, c: mean_product(a, b, c, first, first),
        lambda a, b, c: mean_product(a, b, c, second, second),
    )


@functools.partial(jax.custom_jvp, nondiff_argnums=(3, 4))
def mean_product(a, b, c, first: Activation, second: Activation):
    """E[f(u) g(v)] by Gauss-Legendre rules, in polar coordinates.

    Args:
        a: Variance of u.
        b: Variance of v.
        c: Their covariance.
        first: f, smooth on either side of 0 and with a continuous derivative.
        second: g, likewise.
    """
    root = jnp.sqrt(determinant(a, b, c))
    theta, gap = jnp.arctan2(root, c), jnp.arctan2(root, -c)
    nodes, weights, radii, masses = (jnp.asarray(v, c.dtype) for v in _rules())
    scale_x, scale_y = jnp.sqrt(a), jnp.sqrt(b)
    total = jnp.zeros_like(c)
    # Arcs on which the signs of u and v are fixed, by distances from their ends: those
    # of u end at +-pi/2, those of v are turned by theta.
    for signs, width in (((1, 1), gap), ((1, -1), theta)):
        # cos(w) and cos(w - t) are sines of the distances to where they vanish.
        x = jnp.sin(width * nodes) * signs[0]
        y = jnp.sin(width * (1 - nodes)) * signs[1]
        for side in (1, -1):
            u = scale_x * side * x[:, None] * radii[None]
            v = scale_y * side * y[:, None] * radii[None]
            values = first(u) * second(v) * weights[:, None] * masses[None]
            total += width * jnp.sum(values)
    return total / (2 * jnp.pi)


@mean_product.defjvp
def _mean_product_jvp(first, second, primals, tangents):
    """Half of E[f''(u) g(v)] in a, likewise in b, and E[f'(u) g'(v)] in c."""
    slope_x, slope_y = derivative(first), derivative(second)
    value = mean_product(*primals, first, second)
    change = mean_product(*primals, derivative(slope_x), second) * tangents[0] / 2
    change += mean_product(*primals, first, derivative(slope_y)) * tangents[1] / 2
    return value, change + mean_product(*primals, slope_x, slope_y) * tangents[2]


@functools.cache
def derivative(function: Activation) -> Activation:
    """The derivative of a function of an array, elementwise; one object for one."""
    return lambda z: jax.jvp(function, (z,), (jnp.ones_like(z),))[1]


@functools.cache
def _rules() -> tuple[np.ndarray, ...]:
    """Nodes on [0, 1] for an arc, nodes for the radius, with weights and densities."""
    nodes, weights = (v / 2 for v in np.polynomial.legendre.leggauss(64))
    radii, masses = np.polynomial.legendre.leggauss(96)
    largest = 9.0  # Beyond it lies a part of 3e-18.
    radii = largest / 2 * (radii + 1)
    masses = masses * radii * np.exp(-(radii**2) / 2)
    # Both sum to 1; rounding leaves an error that all means would share.
    return nodes + 0.5, weights / weights.sum(), radii, masses / masses.sum()
