"""Dual activations of polynomials, measured on pairs of correlated normal numbers.

The twin of `analytic.dual_polynomial`; its draws are made as those of
`empirical.dual_activation`.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical._normal_pair import Product

__all__ = ["hermite_poly", "monomial", "monomial_pair", "polynomial"]


def _hermite(z, degree: int):
    """The probabilists' polynomial, by h_(k+1) = z h_k - k h_(k-1)."""
    _require_degree(degree=degree)
    before, value = jnp.zeros_like(z), jnp.ones_like(z)
    for k in range(degree):
        before, value = value, z * value - k * before
    return value


def _power(z, degree: int):
    _require_degree(degree=degree)
    return z**degree


def _pair(z, degree_x: int, degree_y: int, first: bool):
    _require_degree(degree_x=degree_x, degree_y=degree_y)
    return z ** (degree_x if first else degree_y)


def _polynomial(z, coefficients):
    if coefficients.ndim != 1 or not coefficients.size:
        raise ValueError(
            f"coefficients must be a vector, not empty, got {coefficients.shape=}"
        )
    return jnp.polyval(coefficients[::-1], z)


def _require_degree(**degrees: int) -> None:
    for name, degree in degrees.items():
        if degree < 0:
            raise ValueError(f"{name} must be at least 0, got {name}={degree}")


monomial = Product(
    __name__,
    "monomial",
    "Product of the same power of u and v.",
    _power,
    {"degree": int},
)
monomial_pair = Product(
    __name__,
    "monomial_pair",
    "Product of a power of u and another one of v.",
    lambda z, degree_x, degree_y: _pair(z, degree_x, degree_y, True),
    {"degree_x": int, "degree_y": int},
    other=lambda z, degree_x, degree_y: _pair(z, degree_x, degree_y, False),
)
polynomial = Product(
    __name__,
    "polynomial",
    "Product of a polynomial at u and at v, lowest power first.",
    _polynomial,
    {"coefficients": Float[Array, " terms"]},
)
hermite_poly = Product(
    __name__,
    "hermite_poly",
    "Product of the probabilists' Hermite polynomial of a degree at u and at v.",
    _hermite,
    {"degree": int},
)
