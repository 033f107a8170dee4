"""Dual activations in general: Price's theorem, Hermite series and quadrature.

For (u, v) normal with means 0, variances a and b, and covariance c, the dual of an
activation phi is F(a, b, c) = E[phi(u) phi(v)]. Its slope in c is the mean of phi'(u)
phi'(v); for a = b = 1 it is a power series in c whose coefficients are the squares of
Hermite coefficients, so not negative; and where there is no closed form, as for tanh,
softplus, silu, sigmoid and elu, two quadrature rules in polar coordinates give it.

Source: Price, "A Useful Theorem for Nonlinear Devices Having Gaussian Inputs", IRE
Transactions on Information Theory 1958; Daniely, Frostig & Singer, "Toward Deeper
Understanding of Neural Networks", NeurIPS 2016, section 4.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from analytic._duals import CLOSED, SMOOTH, mean_product
from analytic.hermite import coefficients

__all__ = ["hermite", "price", "quadrature"]


def price(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
    activation: str,
) -> Float[Array, ""]:
    """Slope of a dual activation in the covariance, E[phi'(u) phi'(v)].

    Args:
        variance_x: Variance a of u.
        variance_y: Variance b of v.
        covariance: Covariance c of u and v, at most sqrt(ab) in size.
        activation: step, sign, relu, abs, erf, probit, gelu, cos or rbf.

    Returns:
        The closed form of the mean product of slopes, as accurate as there.

    Degenerate cases:
        Those of `dual_activation`.

    Raises:
        ValueError: An argument is not a scalar, or `activation` is not listed.
    """
    if activation not in CLOSED:
        raise ValueError(
            f"activation must be one of {', '.join(CLOSED)}, got {activation=}"
        )
    return CLOSED[activation].derivative(variance_x, variance_y, covariance)


def hermite(
    correlation: Float[Array, ""], activation: str, terms: int
) -> Float[Array, ""]:
    """Polynomial sum_(k < terms) c_k^2 rho^k / k! that nears the dual at a = b = 1.

    Here c_k = E[phi(z) h_k(z)] with the probabilists' Hermite polynomials.

    Args:
        correlation: rho in [-1, 1].
        activation: The name of phi, as listed in `analytic.hermite`.
        terms: How many terms are kept, from 1 to 101; at most 11 where the coefficients
            are tabulated.

    Returns:
        The partial sum, to a few ulp of its value at |rho|.

    Degenerate cases:
        At |rho| = 1 the series of a phi with kinks converges like a power of the number
        of terms. Beyond 1 the value is nan.

    Raises:
        ValueError: `correlation` is not a scalar, `activation` is not listed, or
            `terms` is out of range.
    """
    if jnp.shape(correlation) != ():
        raise ValueError(f"correlation must be a scalar, got {jnp.shape(correlation)=}")
    if terms < 1:
        raise ValueError(f"terms must be at least 1, got {terms=}")
    # In double precision whatever the input: float32 would overflow from k = 35 on.
    with jax.enable_x64(True), jax.ensure_compile_time_eval():
        known = np.asarray(coefficients(activation, terms - 1), np.float64)
    value = jnp.zeros_like(correlation)
    for k in reversed(range(terms)):
        value = value * correlation + (known[k] / math.sqrt(math.factorial(k))) ** 2
    return jnp.where(jnp.abs(correlation) <= 1, value, jnp.nan)


def quadrature(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
    activation: str | Callable[[Any], Any],
) -> Float[Array, ""]:
    """Dual of an activation without a closed form, by Gauss-Legendre rules.

    In polar coordinates u = sqrt(a) r cos(w) and v = sqrt(b) r cos(w - t) change sign
    at four angles w only, where cos t is the correlation: between these angles and
    along r > 0 an activation that is smooth on either side of 0 is smooth.

    Args:
        variance_x: Variance a of u.
        variance_y: Variance b of v.
        covariance: Covariance c of u and v, at most sqrt(ab) in size.
        activation: tanh, sigmoid, softplus, silu or elu, or a function of an array that
            has a continuous derivative and is smooth on either side of 0.

    Returns:
        The mean product, to 64 ulp of E[|phi(u) phi(v)|] for variances up to 3, and to
        1e-9 of it up to 10; slopes likewise.

    Degenerate cases:
        Those of `dual_activation`; a zero variance is regular.

    Raises:
        ValueError: An argument is not a scalar, or `activation` is not listed.
    """
    for name, value in (
        ("variance_x", variance_x),
        ("variance_y", variance_y),
        ("covariance", covariance),
    ):
        if jnp.shape(value) != ():
            raise ValueError(f"{name} must be a scalar, got shape {jnp.shape(value)}")
    if isinstance(activation, str):
        if activation not in SMOOTH:
            raise ValueError(
                f"activation must be one of {', '.join(SMOOTH)} or a function, "
                f"got {activation=}"
            )
        activation = SMOOTH[activation]
    given = map(jnp.asarray, (variance_x, variance_y, covariance))
    return mean_product(*given, activation, activation)
