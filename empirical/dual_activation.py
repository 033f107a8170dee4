"""Dual activations, measured on pairs of correlated normal numbers.

The twin of `analytic.dual_activation`. Each draw builds the pair (u, v) from two
standard normal numbers and multiplies the activation, or its derivative by automatic
differentiation, at the two.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical.montecarlo import Normal, expectation

__all__ = ["erf", "erf_derivative", "relu", "relu_derivative"]


@expectation(normals=Normal(2))
def relu(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
    *,
    normals: Float[Array, " 2"],
) -> Float[Array, ""]:
    """Product of the ReLU at u and at v.

    Args:
        variance_x: Variance of u.
        variance_y: Variance of v.
        covariance: Covariance of u and v.
        normals: Noise: the standard normal numbers that the pair is built from.

    Returns:
        One draw. Its mean over `normals` is the dual activation.

    Degenerate cases:
        A zero variance gives 0. A correlation that rounding has put beyond 1 or -1 is
        taken to be 1 or -1; further out, and for a negative variance: nan.

    Raises:
        ValueError: An argument is not a scalar.
    """
    return _product(jax.nn.relu, variance_x, variance_y, covariance, normals)


@expectation(normals=Normal(2))
def relu_derivative(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
    *,
    normals: Float[Array, " 2"],
) -> Float[Array, ""]:
    """Product of the derivative of the ReLU at u and at v.

    Args:
        variance_x: Variance of u.
        variance_y: Variance of v.
        covariance: Covariance of u and v.
        normals: Noise: the standard normal numbers that the pair is built from.

    Returns:
        One draw. Its mean over `normals` is the dual of the derivative.

    Degenerate cases:
        A zero variance gives 0, the slope of the ReLU at 0 by JAX's convention. A
        correlation that rounding has put beyond 1 or -1 is taken to be 1 or -1; further
        out, and for a negative variance: nan.

    Raises:
        ValueError: An argument is not a scalar.
    """
    step = jax.grad(jax.nn.relu)
    return _product(step, variance_x, variance_y, covariance, normals)


@expectation(normals=Normal(2))
def erf(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
    *,
    normals: Float[Array, " 2"],
) -> Float[Array, ""]:
    """Product of the error function at u and at v.

    Args:
        variance_x: Variance of u.
        variance_y: Variance of v.
        covariance: Covariance of u and v.
        normals: Noise: the standard normal numbers that the pair is built from.

    Returns:
        One draw. Its mean over `normals` is the dual activation.

    Degenerate cases:
        A zero variance gives 0. A correlation that rounding has put beyond 1 or -1 is
        taken to be 1 or -1; further out, and for a negative variance: nan.

    Raises:
        ValueError: An argument is not a scalar.
    """
    activation = jax.scipy.special.erf
    return _product(activation, variance_x, variance_y, covariance, normals)


@expectation(normals=Normal(2))
def erf_derivative(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
    *,
    normals: Float[Array, " 2"],
) -> Float[Array, ""]:
    """Product of the derivative of the error function at u and at v.

    Args:
        variance_x: Variance of u.
        variance_y: Variance of v.
        covariance: Covariance of u and v.
        normals: Noise: the standard normal numbers that the pair is built from.

    Returns:
        One draw. Its mean over `normals` is the dual of the derivative.

    Degenerate cases:
        A zero variance is regular. A correlation that rounding has put beyond 1 or -1
        is taken to be 1 or -1; further out, and for a negative variance: nan.

    Raises:
        ValueError: An argument is not a scalar.
    """
    slope = jax.grad(jax.scipy.special.erf)
    return _product(slope, variance_x, variance_y, covariance, normals)


def _product(
    function: Callable[[Array], Array],
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
    normals: Float[Array, " 2"],
) -> Float[Array, ""]:
    """Product of a function at the two coordinates of a correlated normal pair."""
    for name, value in (
        ("variance_x", variance_x),
        ("variance_y", variance_y),
        ("covariance", covariance),
    ):
        if jnp.shape(value) != ():
            raise ValueError(f"{name} must be a scalar, got shape {jnp.shape(value)}")
    # Cholesky factor of the covariance matrix; a column of zeros where u is constant.
    random = variance_x > 0
    scale = jnp.sqrt(jnp.where(random, variance_x, 0))
    slope = jnp.where(random, covariance / jnp.where(random, scale, 1), 0)
    rest = variance_y - slope * slope
    u = scale * normals[0]
    v = slope * normals[0] + jnp.sqrt(jnp.maximum(rest, 0)) * normals[1]
    # Some derivatives swallow a nan in u or v, so it is put in last.
    slack = 8 * jnp.finfo(normals.dtype).eps * variance_y
    possible = random | ((variance_x == 0) & (covariance == 0))
    possible &= (variance_y >= 0) & (rest >= -slack)
    return jnp.where(possible, function(u) * function(v), jnp.nan)
