"""Spectra of kernels k(x . y) on the unit sphere of R^D under the uniform law.

The eigenfunctions are the spherical harmonics of degree k = 0, 1, ...; all of one
degree have the eigenvalue m_k = E[k(t) P_k(t)], where t = x . y for independent uniform
x and y, and P_k is the Gegenbauer polynomial with P_k(1) = 1 (Funk & Hecke). The
arc-cosine kernels k_n are those of `arc_cosine` for unit vectors: k_n(1) = (2n - 1)!!.

Source: Bach, "Breaking the Curse of Dimensionality with Convex Neural Networks", JMLR
2017, appendix D (with d = D - 1); Mueller, "Spherical Harmonics", 1966 (Funk & Hecke).
"""

import math
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

__all__ = [
    "circle_coefficients",
    "decay_exponent",
    "first_layer_eigenvalues",
    "funk_hecke",
    "relu_eigenvalues",
]


def funk_hecke(x: Float[Array, " d"], kernel: str, order: int) -> Float[Array, " k"]:
    """E[k(x . y) Y_k(y)] = m_k Y_k(x), Y_k(x) = Re (x_1 + i x_2)^k, k = 0 to `order`.

    Args:
        x: Unit vector in at least two dimensions.
        kernel: exp for exp(x . y), m_k = Gamma(D/2) 2^(D/2-1) I_(k+D/2-1)(1), I the
            modified Bessel function; step, relu or squared_relu for k_0, k_1 or k_2.
        order: The largest degree.

    Returns:
        The products, to a few ulp of m_k.

    Degenerate cases:
        A vector of another length counts as it is in Y_k.

    Raises:
        ValueError: `x` has less than two entries, `kernel` is not listed, or `order`
            is negative.
    """
    if x.ndim != 1 or x.size < 2:
        raise ValueError(f"x must be a vector of two entries or more, got {x.shape=}")
    _require(x.size, order)
    if kernel == "exp":
        values = [_exponential(x.size, k) for k in range(order + 1)]
    elif kernel in _DEGREES:
        values = _relu(x.size, _DEGREES.index(kernel), order)
    else:
        names = ", ".join(("exp", *_DEGREES))
        raise ValueError(f"kernel must be one of {names}, got {kernel=}")
    real, imaginary = jnp.ones_like(x[0]), jnp.zeros_like(x[0])
    harmonics = []
    for _ in range(order + 1):
        harmonics.append(real)
        real, imaginary = (
            real * x[0] - imaginary * x[1],
            real * x[1] + imaginary * x[0],
        )
    return jnp.asarray(values, x.dtype) * jnp.stack(harmonics)


def relu_eigenvalues(dimension: int, degree: int, order: int) -> Float[Array, " k"]:
    """Eigenvalues m_0 to m_order of the arc-cosine kernel k_n.

    m_k = 2 c_n l_k^2, c = (1, D, D (D + 2)), where l_k is the mean of t_+^n P_k(t) for
    one coordinate t of a uniform vector: 0 for k > n with k - n even, and for k - n odd
    Gamma(D/2) / sqrt(pi) n! (-1)^((k-n-1)/2) 2^-k Gamma(k-n) / [Gamma((k-n+1)/2)
    Gamma((k+D+n)/2)].

    Args:
        dimension: D, at least 2.
        degree: n: 0, 1 or 2.
        order: The largest degree k.

    Returns:
        The eigenvalues, in the default floating type, each to a few ulp of itself.

    Degenerate cases:
        Those that vanish are exactly 0.

    Raises:
        ValueError: `dimension`, `degree` or `order` is out of range.
    """
    return jnp.asarray(_relu(dimension, degree, order))


def first_layer_eigenvalues(dimension: int, order: int) -> Float[Array, " k"]:
    """Eigenvalues of the first-layer tangent kernel t k_0(t) / 2, t = x . y.

    Multiplying by t: m_k[t k] = (k m_(k-1)[k] + (k + D - 2) m_(k+1)[k]) / (2k + D - 2).
    They are positive for k = 1 and even k, and 0 for odd k from 3 on.

    Args:
        dimension: D, at least 2.
        order: The largest degree k.

    Returns:
        The eigenvalues, in the default floating type, each to a few ulp of itself.

    Degenerate cases:
        Those that vanish are exactly 0. For D = 2 and k = 0 the factors are 0 and 1.

    Raises:
        ValueError: `dimension` or `order` is out of range.
    """
    known = _relu(dimension, 0, order + 1)
    found = [known[1] / 2]
    for k in range(1, order + 1):
        above = (k + dimension - 2) * known[k + 1]
        found.append((k * known[k - 1] + above) / (2 * (2 * k + dimension - 2)))
    return jnp.asarray(found)


def circle_coefficients(degree: int, order: int) -> Float[Array, " k"]:
    """Coefficients of k_n = c_0 + 2 sum_k c_k cos(k theta) on the circle, n = 0 or 1.

    n = 0: c_0 = 1/2, c_k = 2 / (pi^2 k^2) for odd k, else 0. n = 1: c_1 = 1/4, c_k =
    4 / (pi^2 (k^2 - 1)^2) for even k, else 0.

    Args:
        degree: n: 0 or 1.
        order: The largest k.

    Returns:
        The coefficients, in the default floating type, each to a few ulp of itself.

    Degenerate cases:
        Those that vanish are exactly 0.

    Raises:
        ValueError: `degree` is not 0 or 1, or `order` is negative.
    """
    if degree not in (0, 1):
        raise ValueError(f"degree must be 0 or 1, got {degree=}")
    _require(2, order)
    if degree == 0:
        found = [2 / (math.pi * k) ** 2 if k % 2 else 0.0 for k in range(order + 1)]
    else:
        found = [
            0.0 if k % 2 else 4 / (math.pi * (k * k - 1)) ** 2 for k in range(order + 1)
        ]
    if order >= degree:
        found[degree] = (0.5, 0.25)[degree]
    return jnp.asarray(found)


def decay_exponent(dimension: int, degree: int) -> Float[Array, ""]:
    """The power -(D + 2n) with which the eigenvalues of k_n that are not 0 decay in k.

    Args:
        dimension: D, at least 2.
        degree: n: 0, 1 or 2.

    Returns:
        The exponent, exactly.

    Degenerate cases:
        None.

    Raises:
        ValueError: `dimension` or `degree` is out of range.
    """
    _require(dimension, 0, degree)
    return jnp.asarray(float(-(dimension + 2 * degree)))


_DEGREES = ("step", "relu", "squared_relu")


def _require(dimension: int, order: int, degree: int = 0) -> None:
    if dimension < 2:
        raise ValueError(f"dimension must be at least 2, got {dimension=}")
    if order < 0:
        raise ValueError(f"order must be at least 0, got {order=}")
    if degree not in (0, 1, 2):
        raise ValueError(f"degree must be 0, 1 or 2, got {degree=}")


def _relu(dimension: int, degree: int, order: int) -> list[float]:
    """The eigenvalues of `relu_eigenvalues`."""
    _require(dimension, order, degree)
    n, size = degree, dimension

    def half_moment(power: int) -> float:
        """Mean of t_+^power."""
        ratio = math.gamma(size / 2) / math.gamma((size + power) / 2)
        return ratio * math.gamma((power + 1) / 2) / (2 * math.sqrt(math.pi))

    low = [half_moment(n), half_moment(n + 1)]
    low.append((size * half_moment(n + 2) - half_moment(n)) / (size - 1))
    found = [low[k] ** 2 if k <= n else 0.0 for k in range(max(order, n + 1) + 1)]
    # The formula at k = n + 1; then l_(k+2) = -l_k (k - n) / (k + D + n).
    start = math.factorial(n) * math.gamma(size / 2) / math.sqrt(math.pi)
    start /= 2 ** (n + 1) * math.gamma((size + 2 * n + 1) / 2)
    ratio = Fraction(1)
    for k in range(n + 1, order + 1, 2):
        found[k] = start**2 * float(ratio**2)
        ratio *= Fraction(k - n, k + size + n)
    scale = 2 * (1, size, size * (size + 2))[n]
    return [scale * value for value in found[: order + 1]]


def _exponential(dimension: int, degree: int) -> float:
    """Gamma(D/2) 2^(D/2-1) I_(k+D/2-1)(1), by the series of the Bessel function."""
    half = dimension / 2
    terms = []
    term = math.prod(1 / (2 * (half + j)) for j in range(degree))
    for j in range(24):
        terms.append(term)
        term /= 4 * (j + 1) * (j + degree + half)
    return float(np.sum(terms[::-1]))
