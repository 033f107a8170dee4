"""Price's theorem, Hermite series and quadrature, measured on pairs of normals.

The twin of `analytic.dual_expansion`, which says which activations have names. Each
draw builds a pair (u, v) of correlated normal numbers; a zero variance makes one of
them constant at 0, and impossible covariances give nan.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical import dual_activation, dual_exponential
from empirical._normal_pair import Product
from empirical.montecarlo import Expectation, Normal, expectation

__all__ = ["hermite", "price", "quadrature"]

_PRODUCTS: dict[str, Expectation] = {
    name: getattr(module, name)
    for module, names in (
        (dual_activation, ("step", "sign", "relu", "abs", "erf", "probit", "gelu")),
        (dual_exponential, ("cos", "rbf")),
    )
    for name in names
}
_SMOOTH = {
    name: Product(__name__, name, f"Product of {name} at u and at v.", function)
    for name, function in {
        "tanh": jnp.tanh,
        "sigmoid": lambda z: 1 / (1 + jnp.exp(-z)),
        "softplus": lambda z: jnp.logaddexp(z, 0),
        "silu": lambda z: z / (1 + jnp.exp(-z)),
        "elu": lambda z: jnp.where(z > 0, z, jnp.expm1(jnp.minimum(z, 0))),
    }.items()
}


def _named(table: dict[str, Any], activation: str) -> Expectation:
    if activation not in table:
        raise ValueError(
            f"activation must be one of {', '.join(table)}, got {activation=}"
        )
    return table[activation]


@expectation(normals=Normal(2))
def price(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
    activation: str,
    *,
    normals: Float[Array, " 2"],
) -> Float[Array, ""]:
    """Slope, in the covariance, of the product of an activation at u and at v.

    The normal numbers that the pair is built from are held fixed; u and v move.

    Args:
        variance_x: Variance of u.
        variance_y: Variance of v.
        covariance: Covariance of u and v, less than the largest possible in size.
        activation: Its name; relu, abs, erf, probit, gelu, cos or rbf. A product with
            jumps has no slope to average.
        normals: Noise: the standard normal numbers that the pair is built from.

    Returns:
        One draw. Its mean over `normals` is the slope of the mean product.

    Degenerate cases:
        At perfect correlation the slope of the draw is not finite.

    Raises:
        ValueError: An argument is not a scalar, or `activation` is not listed.
    """
    product = _named(_PRODUCTS, activation)

    def draw(moved: Any) -> Any:
        return product(variance_x, variance_y, moved, normals=normals)

    return jax.grad(draw)(covariance)


@expectation(normals=Normal(2))
def hermite(
    correlation: Float[Array, ""],
    activation: str,
    terms: int,
    *,
    normals: Float[Array, " 2"],
) -> Float[Array, ""]:
    """Product of an activation at two standard normal numbers of a given correlation.

    Args:
        correlation: Their correlation, in [-1, 1].
        activation: Its name.
        terms: Length of the series that is tested; the experiment has no truncation.
        normals: Noise: the standard normal numbers that the pair is built from.

    Returns:
        One draw. Its mean over `normals` is the sum of the whole series.

    Degenerate cases:
        A correlation beyond 1 in size gives nan.

    Raises:
        ValueError: `correlation` is not a scalar, `activation` is not listed, or
            `terms` is not positive.
    """
    if jnp.shape(correlation) != ():
        raise ValueError(f"correlation must be a scalar, got {jnp.shape(correlation)=}")
    if terms < 1:
        raise ValueError(f"terms must be at least 1, got {terms=}")
    one = jnp.ones_like(correlation)
    return _named(_PRODUCTS, activation)(one, one, correlation, normals=normals)


@expectation(normals=Normal(2))
def quadrature(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
    activation: str | Callable[[Any], Any],
    *,
    normals: Float[Array, " 2"],
) -> Float[Array, ""]:
    """Product of an activation at u and at v.

    Args:
        variance_x: Variance of u.
        variance_y: Variance of v.
        covariance: Covariance of u and v.
        activation: Its name, or a function.
        normals: Noise: the standard normal numbers that the pair is built from.

    Returns:
        One draw. Its mean over `normals` is the dual activation.

    Degenerate cases:
        A zero variance is regular.

    Raises:
        ValueError: An argument is not a scalar, or `activation` is not listed.
    """
    if callable(activation):
        product = Product(__name__, "quadrature", "", activation)
    else:
        product = _named(_SMOOTH, activation)
    return product(variance_x, variance_y, covariance, normals=normals)
