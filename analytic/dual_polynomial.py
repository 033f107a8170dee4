"""Dual activations of polynomials: moments of two correlated normal numbers.

As in `dual_activation`, (u, v) is normal with means 0, variances a and b, and
covariance c; each name is a closed form `monomial(variance_x, variance_y, covariance,
degree)` of E[phi(u) phi(v)], with that of E[phi'(u) phi'(v)] as its `derivative`.

Accuracy: monomials are good to a few ulp of themselves, the others to a few ulp of the
sum of the sizes of their terms. In float32 high degrees overflow soon: from degree 17
on even at variances of 1.

Degenerate cases: those of `dual_activation`; a zero variance is regular.

Source: Isserlis, "On a Formula for the Product-Moment Coefficient", Biometrika 1918;
Daniely, Frostig & Singer, "Toward Deeper Understanding of Neural Networks", NeurIPS
2016, section 4.
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic._normal_pair import Dual, determinant, moment

__all__ = ["hermite_poly", "monomial", "monomial_pair", "polynomial"]


def _require_degree(**degrees: int) -> None:
    for name, degree in degrees.items():
        if degree < 0:
            raise ValueError(f"{name} must be at least 0, got {name}={degree}")


def _monomial(a, b, c, degree: int):
    _require_degree(degree=degree)
    return moment(a, b, c, degree, degree)


def _monomial_derivative(a, b, c, degree: int):
    _require_degree(degree=degree)
    return degree**2 * moment(a, b, c, max(degree - 1, 0), max(degree - 1, 0))


def _pair(a, b, c, degree_x: int, degree_y: int):
    _require_degree(degree_x=degree_x, degree_y=degree_y)
    return moment(a, b, c, degree_x, degree_y)


def _pair_derivative(a, b, c, degree_x: int, degree_y: int):
    _require_degree(degree_x=degree_x, degree_y=degree_y)
    lower = max(degree_x - 1, 0), max(degree_y - 1, 0)
    return degree_x * degree_y * moment(a, b, c, *lower)


def _polynomial(a, b, c, coefficients):
    if coefficients.ndim != 1 or not coefficients.size:
        raise ValueError(
            f"coefficients must be a vector, not empty, got {coefficients.shape=}"
        )
    value = jnp.zeros_like(c)
    for i, first in enumerate(coefficients):
        for j in range(i % 2, coefficients.size, 2):
            value += first * coefficients[j] * moment(a, b, c, i, j)
    return value


def _polynomial_derivative(a, b, c, coefficients):
    powers = jnp.arange(coefficients.size, dtype=coefficients.dtype)
    lower = (powers * coefficients)[1:] if coefficients.size > 1 else 0 * coefficients
    return _polynomial(a, b, c, lower)


def _hermite(a, b, c, degree: int):
    _require_degree(degree=degree)
    inside = 1 + 0 * determinant(a, b, c)
    product, value = (a - 1) * (b - 1) / 4 * inside, jnp.zeros_like(c)
    for k in range(degree % 2, degree + 1, 2):
        j = (degree - k) // 2
        ways = math.factorial(degree) ** 2 // (math.factorial(j) ** 2)
        value += ways / math.factorial(k) * product**j * c**k
    return value * inside


def _hermite_derivative(a, b, c, degree: int):
    _require_degree(degree=degree)
    return degree**2 * _hermite(a, b, c, max(degree - 1, 0))


monomial = Dual(
    __name__,
    "monomial",
    "E[u^n v^n] = sum over k = n, n - 2, ... of n!^2 (ab)^j c^k / (j!^2 k! 4^j).\n\n"
    "Here j = (n - k) / 2. The derivative is n^2 times that of degree n - 1.",
    _monomial,
    _monomial_derivative,
    {"degree": int},
)
monomial_pair = Dual(
    __name__,
    "monomial_pair",
    "E[u^n v^m] = sum_k n! m! a^i b^j c^k / (i! j! k! 2^(i+j)), n = 2i+k, m = 2j+k.\n\n"
    "It is 0 where n + m is odd; the derivative is n m times that of n - 1 and m - 1.",
    _pair,
    _pair_derivative,
    {"degree_x": int, "degree_y": int},
)
polynomial = Dual(
    __name__,
    "polynomial",
    "Dual of sum_i p_i z^i: sum_ij p_i p_j E[u^i v^j], lowest power first.\n\n"
    "The derivative is the dual of the polynomial sum_i i p_i z^(i-1).",
    _polynomial,
    _polynomial_derivative,
    {"coefficients": Float[Array, " terms"]},
)
hermite_poly = Dual(
    __name__,
    "hermite_poly",
    "Dual of the probabilists' Hermite polynomial h_n; n! c^n for a = b = 1.\n\n"
    "With j = (n - k) / 2 it is the sum over k = n, n - 2, ... of n!^2 ((a - 1)\n"
    "(b - 1) / 4)^j c^k / (j!^2 k!); the derivative is n^2 times that of degree n - 1.",
    _hermite,
    _hermite_derivative,
    {"degree": int},
)
