"""Products of functions at a pair of correlated normal numbers, as experiments.

Private to `empirical`. Each draw builds the pair (u, v) from two standard normal
numbers and multiplies an activation, or its derivative by automatic differentiation,
at the two.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical.montecarlo import Expectation, Normal

__all__ = ["Product", "pair"]

PAIR = ("variance_x", "variance_y", "covariance")
Covariances = tuple[Array, Array, Array]


class Product(Expectation):
    """The product of an activation at u and at v; its mean is the dual activation.

    Args:
        module: Where it is defined.
        name: Its name there.
        words: The product in words.
        activation: A function of a number and the parameters.
        parameters: Names and annotations of the parameters of the activation.
        other: The activation at v, where that is another one.
        jumps: Whether the activation is no integral of its derivative. The mean product
            of the derivatives, delta functions, is then measured by two integrations by
            parts, which move both derivatives to the normal density.

    Attributes:
        derivative: The product of the derivatives of the activation at u and at v.
    """

    derivative: Expectation

    def __init__(
        self,
        module: str,
        name: str,
        words: str,
        activation: Callable[..., Any],
        parameters: Mapping[str, Any] | None = None,
        other: Callable[..., Any] | None = None,
        jumps: bool = False,
    ):
        functions = activation, other or activation
        given = module, parameters or {}

        def value(normals: Array, covariances: Covariances, extra: Any) -> Array:
            u, v = pair(*covariances, normals)
            return functions[0](u, *extra) * functions[1](v, *extra)

        def slope(normals: Array, covariances: Covariances, extra: Any) -> Array:
            if jumps:
                return value(normals, covariances, extra) * _score(
                    *covariances, normals
                )
            u, v = pair(*covariances, normals)
            first, second = map(jax.grad, functions)
            return first(u, *extra) * second(v, *extra)

        laws = {"normals": Normal(2)}
        super().__init__(_integrand(*given, name, words, value), laws)
        words = f"Product of the derivatives of the activation of `{name}` at u and v."
        name = f"{name}_derivative"
        self.derivative = Expectation(_integrand(*given, name, words, slope), laws)


def _integrand(
    module: str,
    parameters: Mapping[str, Any],
    name: str,
    words: str,
    draw: Callable[..., Any],
) -> Callable[..., Any]:
    """A function of variances, covariance, parameters and noise, by these names."""
    number = Float[Array, ""]
    names = dict.fromkeys(PAIR, number) | dict(parameters)
    positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature(
        [
            *(inspect.Parameter(n, positional, annotation=t) for n, t in names.items()),
            inspect.Parameter(
                "normals", inspect.Parameter.KEYWORD_ONLY, annotation=Float[Array, "2"]
            ),
        ],
        return_annotation=number,
    )

    def integrand(*args: Any, normals: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, normals=normals, **kwargs).args
        for argument, value in zip(PAIR, given, strict=False):
            if jnp.shape(value) != ():
                raise ValueError(
                    f"{argument} must be a scalar, got shape {jnp.shape(value)}"
                )
        value = draw(normals, given[:3], given[3:])
        return jnp.where(_possible(*given[:3]), value, jnp.nan)

    integrand.__signature__ = signature
    integrand.__annotations__ = {**names, "normals": Float[Array, "2"]}
    integrand.__module__, integrand.__doc__ = module, words
    integrand.__name__ = integrand.__qualname__ = name
    return integrand


def pair(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
    normals: Float[Array, " 2"],
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The pair (u, v), by a Cholesky factor of the covariance matrix."""
    scale, slope, rest = _factor(variance_x, variance_y, covariance)
    return scale * normals[0], slope * normals[0] + rest * normals[1]


def _factor(variance_x, variance_y, covariance):
    """Entries of the factor; a column of zeros where u is constant."""
    random = variance_x > 0
    scale = jnp.sqrt(jnp.where(random, variance_x, 0))
    slope = jnp.where(random, covariance / jnp.where(random, scale, 1), 0)
    rest = jnp.maximum(variance_y - slope * slope, 0)
    # The slope of the root is infinite at 0.
    return scale, slope, jnp.where(rest > 0, jnp.sqrt(jnp.where(rest > 0, rest, 1)), 0)


def _possible(variance_x, variance_y, covariance):
    """Whether these are the covariances of a pair, up to rounding."""
    random = variance_x > 0
    square = covariance**2 / jnp.where(random, variance_x, 1)
    slack = 8 * jnp.finfo(jnp.result_type(variance_y)).eps * variance_y
    possible = random | ((variance_x == 0) & (covariance == 0))
    return possible & (variance_y >= 0) & (variance_y - square >= -slack)


def _score(variance_x, variance_y, covariance, normals):
    """The mixed derivative of the density of (u, v), over the density."""
    scale, slope, rest = _factor(variance_x, variance_y, covariance)
    second = normals[1] / rest
    first = (normals[0] - slope * second) / scale
    return first * second + slope / (scale * rest**2)
