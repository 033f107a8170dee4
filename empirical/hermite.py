"""Hermite expansions, measured: on normal draws, by summing the series, by quadrature.

The twin of `analytic.hermite`, which says how the polynomials are normalized and which
functions have names.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from empirical._links import evaluate, orthonormal, polynomials
from empirical.montecarlo import Normal, expectation

__all__ = ["coefficients", "cross_moments", "information_exponent", "kernel"]


@expectation(first=Normal(), second=Normal())
def cross_moments(
    correlation: Float[Array, ""],
    order: int,
    *,
    first: Float[Array, ""],
    second: Float[Array, ""],
) -> Float[Array, "rows columns"]:
    """Products h_j(u) h_k(v) of a normal pair, j and k from 0 to `order`.

    Args:
        correlation: The correlation of u and v, in [-1, 1].
        order: The largest degree, from 0 to 100.
        first: Noise: the normal number u.
        second: Noise: the part of v that is independent of u, before scaling.

    Returns:
        One draw of the matrix.

    Degenerate cases:
        At correlation 1 or -1, v is u or -u. Where |correlation| > 1: nan.

    Raises:
        ValueError: `correlation` is not a scalar, or `order` is out of range.
    """
    if correlation.shape:
        raise ValueError(f"correlation must be a scalar, got {correlation.shape=}")
    if not 0 <= order <= _LARGEST:
        raise ValueError(f"order must be from 0 to {_LARGEST}, got {order=}")
    v = correlation * first + jnp.sqrt(1 - correlation**2) * second
    p, q = polynomials(first, order), polynomials(v, order)
    return p[:, None] * q[None]


def kernel(
    x: Float[Array, ""], y: Float[Array, ""], correlation: Float[Array, ""]
) -> Float[Array, ""]:
    """The first 128 terms of the Mehler series, summed.

    Args:
        x: First point.
        y: Second point.
        correlation: The correlation, inside (-1, 1); up to 0.7 in size the terms left
            out are below rounding.

    Returns:
        The partial sum. Its rounding error is relative to the largest term: where the
        kernel is small, at points of opposite sign, digits are lost.

    Degenerate cases:
        At correlation 0 only the first term, 1, remains. Where |correlation| >= 1 the
        series diverges: nan.

    Raises:
        ValueError: An argument is not a scalar.
    """
    if x.shape or y.shape or correlation.shape:
        raise ValueError(
            "x, y and correlation must be scalars, "
            f"got {x.shape=}, {y.shape=}, {correlation.shape=}"
        )
    p, q = orthonormal(x, 127), orthonormal(y, 127)
    series = jnp.polyval((p * q)[::-1], correlation)
    return jnp.where(jnp.abs(correlation) < 1, series, jnp.nan)


@expectation(sample=Normal())
def coefficients(
    function: str, order: int, *, sample: Float[Array, ""]
) -> Float[Array, " degrees"]:
    """Products f(z) h_k(z) at one normal number, for k from 0 to `order`.

    Args:
        function: The name of f, as listed in `analytic.hermite`.
        order: The largest degree k: from 0 to 100; to 10 for tanh, log_cosh, sigmoid,
            softplus and silu. The spread of a draw grows like the square root of k!.
        sample: Noise: the normal number z.

    Returns:
        One draw of the vector of products.

    Degenerate cases:
        None: sign and step have a value at 0, and 0 is never drawn.

    Raises:
        ValueError: `function` is not a listed name, or `order` is out of range.
    """
    value = evaluate(function, sample)
    largest = _LARGEST_TABULATED if function in _TABULATED else _LARGEST
    if not 0 <= order <= largest:
        raise ValueError(
            f"order must be from 0 to {largest} for {function}, got {order=}"
        )
    return value * polynomials(sample, order)


def information_exponent(function: str) -> Int[Array, ""]:
    """The first degree from 1 to 12 at which quadrature finds a coefficient.

    Args:
        function: The name of the link, as listed in `analytic.hermite`.

    Returns:
        The degree; 0 if the search finds none, as for power or hermite of a degree
        above 12. A coefficient counts from 1/1000 of the norm of the link.

    Degenerate cases:
        Kinks and jumps at 0 do no harm: the two half lines are integrated apart.

    Raises:
        ValueError: `function` is not a listed name.
    """
    nodes, weights = np.polynomial.legendre.leggauss(96)
    half_line, weights = 5 * (nodes + 1), 5 * weights  # From 0 to 10.
    z = np.concatenate([-half_line[::-1], half_line])
    weights = np.concatenate([weights[::-1], weights])
    weights *= np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    mass, z = jnp.asarray(weights), jnp.asarray(z)
    values = evaluate(function, z)
    # Full precision: a reduced one would let rounding pass for a coefficient.
    projections = jnp.matmul(orthonormal(z, 12)[1:], mass * values, precision="highest")
    present = jnp.abs(projections) > 1e-3 * jnp.sqrt(jnp.sum(mass * values**2))
    return jnp.where(jnp.any(present), 1 + jnp.argmax(present), 0)


_LARGEST = 100
_LARGEST_TABULATED = 10
_TABULATED = ("tanh", "log_cosh", "sigmoid", "softplus", "silu")
