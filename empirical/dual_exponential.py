"""Dual activations of sines, exponentials and bumps, measured on pairs of normals.

The twin of `analytic.dual_exponential`; its draws are made as those of
`empirical.dual_activation`.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical._normal_pair import Product

__all__ = ["cos", "exp", "gaussian", "rbf", "sin"]

_NUMBER = Float[Array, ""]

sin = Product(
    __name__,
    "sin",
    "Product of a sine at u and at v.",
    lambda z, frequency, phase: jnp.sin(frequency * z + phase),
    {"frequency": _NUMBER, "phase": _NUMBER},
)
cos = Product(__name__, "cos", "Product of the cosines of u and v.", jnp.cos)
rbf = Product(
    __name__,
    "rbf",
    "Product of sqrt(2) sin(z + pi/4) at u and at v.",
    lambda z: 2**0.5 * jnp.sin(z + jnp.pi / 4),
)
exp = Product(
    __name__,
    "exp",
    "Product of exponentials of u and v.",
    lambda z, rate: jnp.exp(rate * z),
    {"rate": _NUMBER},
)
gaussian = Product(
    __name__,
    "gaussian",
    "Product of Gaussian bumps at u and at v.",
    lambda z, rate: jnp.exp(-rate * z**2),
    {"rate": _NUMBER},
)
