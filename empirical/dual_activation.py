"""Dual activations, measured on pairs of correlated normal numbers.

The twin of `analytic.dual_activation`. Each draw builds the pair (u, v) from two
standard normal numbers and multiplies the activation, or its derivative by automatic
differentiation, at the two. Degenerate cases: a zero variance makes u or v constant at
0, where jumps and kinks have the values and slopes that JAX gives them. A correlation
that rounding has put beyond 1 or -1 is taken to be 1 or -1; further out, and for a
negative variance, the draws are nan.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical._normal_pair import Product

__all__ = [
    "abrelu",
    "abs",
    "erf",
    "gelu",
    "probit",
    "relu",
    "relu_power",
    "sign",
    "step",
]

_NUMBER = Float[Array, ""]

step = Product(
    __name__,
    "step",
    "Product of the indicators of positive u and v.",
    lambda z: jnp.where(z > 0, jnp.ones_like(z), 0),
    jumps=True,
)
sign = Product(
    __name__, "sign", "Product of the signs of u and v.", jnp.sign, jumps=True
)
relu = Product(__name__, "relu", "Product of the ReLU at u and at v.", jax.nn.relu)
relu_power = Product(
    __name__,
    "relu_power",
    "Product of a power of the ReLU at u and at v.",
    lambda z, degree: jax.nn.relu(z) ** degree,
    {"degree": int},
)
abrelu = Product(
    __name__,
    "abrelu",
    "Product of the function with slopes `negative` and `positive` at u and at v.",
    lambda z, negative, positive: jnp.where(z < 0, negative * z, positive * z),
    {"negative": _NUMBER, "positive": _NUMBER},
)
abs = Product(__name__, "abs", "Product of the sizes of u and v.", jnp.abs)
erf = Product(
    __name__, "erf", "Product of the error functions of u and v.", jax.scipy.special.erf
)
probit = Product(
    __name__,
    "probit",
    "Product of the normal distribution function at u and at v.",
    # One smooth program; `ndtr` switches between two, and is not seen to be smooth.
    lambda z: (1 + jax.scipy.special.erf(z / 2**0.5)) / 2,
)
gelu = Product(
    __name__,
    "gelu",
    "Product of the exact GELU at u and at v.",
    lambda z: jax.nn.gelu(z, approximate=False),
)
