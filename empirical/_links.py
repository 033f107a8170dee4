"""The functions whose Hermite coefficients are measured, and the polynomials.

Private to `empirical`, behind `hermite` and `hermite_rules`.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["FUNCTIONS", "evaluate", "orthonormal", "polynomials"]

FUNCTIONS = {
    "relu": jax.nn.relu,
    "abs": jnp.abs,
    "sign": jnp.sign,
    "step": lambda z: (z > 0).astype(z.dtype),
    "exp": jnp.exp,
    "sin": jnp.sin,
    "cos": jnp.cos,
    "gaussian": lambda z: jnp.exp(-(z**2) / 2),
    "x_gaussian": lambda z: z * jnp.exp(-(z**2) / 2),
    "x2_exp": lambda z: z**2 * jnp.exp(-(z**2)),
    "erf": jax.scipy.special.erf,
    "normal_cdf": jax.scipy.stats.norm.cdf,
    "gelu": lambda z: jax.nn.gelu(z, approximate=False),
    "tanh": jnp.tanh,
    "log_cosh": lambda z: jnp.logaddexp(z, -z) - math.log(2),
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "silu": jax.nn.silu,
}


def evaluate(function: str, z: Float[Array, "..."]) -> Float[Array, "..."]:
    """The named function at z, elementwise.

    Raises:
        ValueError: There is no function of that name.
    """
    if function in FUNCTIONS:
        return FUNCTIONS[function](z)
    family, _, digits = function.partition("_")
    if digits in map(str, range(1, 100)):
        if family == "power":
            return z ** int(digits)
        if family == "hermite":
            return polynomials(z, int(digits))[-1]
    raise ValueError(
        f"function must be one of {', '.join(FUNCTIONS)}, power_1 to power_99, "
        f"hermite_1 to hermite_99, got {function=}"
    )


def orthonormal(z: Float[Array, "..."], order: int) -> Float[Array, "degrees ..."]:
    """h_k(z) / sqrt(k!) for k from 0 to `order`; so scaled they do not overflow."""

    def step(pair, k):
        previous, current = pair
        following = (z * current - k**0.5 * previous) / (k + 1) ** 0.5
        return (current, following), current

    pair = jnp.zeros_like(z), jnp.ones_like(z)
    if order > 16:  # Unrolled, so long a program would compile too slowly.
        degrees = jnp.arange(order + 1, dtype=z.dtype)
        return jax.lax.scan(step, pair, degrees, unroll=8)[1]
    found = []
    for degree in range(order + 1):
        pair, current = step(pair, degree)
        found.append(current)
    return jnp.stack(found)


def polynomials(z: Float[Array, "..."], order: int) -> Float[Array, "degrees ..."]:
    """h_k(z) for k from 0 to `order`."""
    factors = [math.sqrt(math.factorial(k)) for k in range(order + 1)]
    scale = jnp.asarray(factors, z.dtype).reshape(-1, *(1,) * z.ndim)
    return scale * orthonormal(z, order)
