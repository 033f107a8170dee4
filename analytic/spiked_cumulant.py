"""Spiked cumulant model: white inputs with one non-Gaussian direction.

An input is x = S (sqrt(beta) nu v + z): a unit vector v (the spike), a latent nu of
mean 0 and variance 1, noise z ~ N(0, I), the signal-to-noise ratio beta, and the
whitening S = (I + beta v v^T)^{-1/2}. So the first two moments of x are those of
N(0, I) and only higher cumulants betray v. Along the spike u = v . x is
sqrt(gamma) nu + sqrt(1 - gamma) xi, with gamma = beta / (1 + beta) and xi normal.

The latent is named: rademacher (-1 or 1), uniform, laplace, or skewed (2 with
probability 1/5, else -1/2), each of mean 0 and variance 1.

Source: Szekely, Bardone, Gerace & Goldt, "Learning from higher-order correlations,
efficiently", NeurIPS 2024, section 2; Ricci, Bardone & Goldt, "Feature learning from
non-Gaussian inputs: the case of independent component analysis in high dimensions",
ICML 2025.
"""

import math
from fractions import Fraction

import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic._spike import unit

__all__ = ["cumulants", "likelihood_coefficients", "moments", "whitening"]


def whitening(
    direction: Float[Array, " d"], signal_to_noise: Float[Array, ""]
) -> Float[Array, "d d"]:
    """The whitening S = I - beta / (1 + beta + sqrt(1 + beta)) v v^T.

    It is the inverse root of I + beta v v^T, and S v = v / sqrt(1 + beta).

    Args:
        direction: The spike, of any length: v is its direction.
        signal_to_noise: The ratio beta >= 0.

    Returns:
        The matrix, to a few ulp of 1; in one dimension to a few ulp of itself.

    Degenerate cases:
        At beta = 0 it is the identity. A zero direction gives nan, as does beta < 0.

    Raises:
        ValueError: `direction` is not a vector, or `signal_to_noise` is not a scalar.
    """
    inside = _check(direction, signal_to_noise, "rademacher")
    along = _along(direction)
    across = jnp.eye(direction.size, dtype=direction.dtype) - along
    root = jnp.sqrt(jnp.where(inside, 1 + signal_to_noise, 1))
    return jnp.where(inside, across + along / root, jnp.nan)


def cumulants(
    direction: Float[Array, " d"],
    projection: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    latent: str,
    order: int,
) -> Float[Array, " degrees"]:
    """Cumulants of w . x: (w . v)^m gamma^{m/2} kappa_m(nu) for m >= 3.

    Before them stand the mean 0 and the variance 1; m runs from 1 to `order`. The
    excess kurtosis kappa_4(nu) is -2 for rademacher, -6/5 for uniform, 3 for laplace
    and 1/4 for skewed.

    Args:
        direction: The spike, of any length: v is its direction.
        projection: A vector of any length: w is its direction.
        signal_to_noise: The ratio beta >= 0.
        latent: The name of the latent's law.
        order: The largest degree m, from 1 to 5. Beyond it means do not suffice to
            measure a cumulant, but products of means.

    Returns:
        The cumulants, each to a few ulp of gamma^{m/2} kappa_m(nu) |w . v|^{m - 1}, in
        the dtype of `signal_to_noise`.

    Degenerate cases:
        At beta = 0, or where w and v are orthogonal, those of a normal number remain. A
        zero vector gives nan, as does beta < 0.

    Raises:
        ValueError: `direction` or `projection` is not a vector or they differ in
            length, `signal_to_noise` is not a scalar, `latent` is not a listed name, or
            `order` is out of range.
    """
    inside = _check(direction, signal_to_noise, latent)
    if projection.shape != direction.shape:
        raise ValueError(
            "projection must have the shape of direction, "
            f"got {projection.shape=}, {direction.shape=}"
        )
    if not 1 <= order <= 5:
        raise ValueError(f"order must be from 1 to 5, got {order=}")
    inside &= jnp.any(projection != 0)
    overlap = jnp.sum(unit(direction) * unit(projection))
    gamma = signal_to_noise / (1 + signal_to_noise)
    zero = 0 * gamma
    found = [zero, zero + 1]
    for m in range(3, order + 1):
        # No square root of gamma: it has no slope at beta = 0.
        power = gamma ** (m / 2 if m % 2 else m // 2)
        own = _latent_cumulant(latent, m)
        found.append(own * power * overlap**m if own else zero)
    return jnp.where(inside, jnp.stack(found[:order]), jnp.nan)


def moments(
    direction: Float[Array, " d"], signal_to_noise: Float[Array, ""], latent: str
) -> Float[Array, "rows d"]:
    """Mean of x in the first row and E[x x^T] below it: 0 and the identity.

    Args:
        direction: The spike, of any length: v is its direction.
        signal_to_noise: The ratio beta >= 0.
        latent: The name of the latent's law.

    Returns:
        The moments, exactly, in the dtype of `direction`.

    Degenerate cases:
        A zero direction gives nan, as does beta < 0.

    Raises:
        ValueError: `direction` is not a vector, `signal_to_noise` is not a scalar, or
            `latent` is not a listed name.
    """
    inside = _check(direction, signal_to_noise, latent)
    white = jnp.eye(direction.size + 1, direction.size, -1, dtype=direction.dtype)
    return jnp.where(inside, white, jnp.nan)


def likelihood_coefficients(
    direction: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    latent: str,
    order: int,
) -> Float[Array, " degrees"]:
    """Hermite coefficients of the likelihood ratio: E[h_k(u)] = gamma^{k/2} E[h_k(nu)].

    The ratio is that of the law of u = v . x to N(0, 1); h_k is the probabilists'
    Hermite polynomial, and k runs from 0 to `order`.

    Args:
        direction: The spike, of any length: v is its direction, and does not matter.
        signal_to_noise: The ratio beta >= 0.
        latent: The name of the latent's law.
        order: The largest degree k, from 0 to 30.

    Returns:
        The coefficients, each to a few ulp of k times itself, in the dtype of
        `signal_to_noise`. For laplace they exist, but their series diverges.

    Degenerate cases:
        At beta = 0 only the coefficient 1 of degree 0 remains. A coefficient that
        vanishes for every beta, among them those of degree 1 and 2, is exactly 0. A
        zero direction gives nan, as does beta < 0.

    Raises:
        ValueError: `direction` is not a vector, `signal_to_noise` is not a scalar,
            `latent` is not a listed name, or `order` is out of range.
    """
    inside = _check(direction, signal_to_noise, latent)
    if not 0 <= order <= _LARGEST:
        raise ValueError(f"order must be from 0 to {_LARGEST}, got {order=}")
    gamma = signal_to_noise / (1 + signal_to_noise)
    means = [_hermite_mean(latent, k) for k in range(order + 1)]
    # One power: neither a square root nor gamma^0.0 has a gradient at beta = 0.
    terms = [
        m * gamma ** (k / 2 if k % 2 else k // 2) if m else 0 * gamma
        for k, m in enumerate(means)
    ]
    return jnp.where(inside, jnp.stack(terms), jnp.nan)


_LARGEST = 30  # The coefficients of laplace then stay within the range of float32.
_LATENTS = ("rademacher", "uniform", "laplace", "skewed")


def _check(
    direction: Float[Array, " d"], signal_to_noise: Float[Array, ""], latent: str
) -> Float[Array, ""]:
    """Whether the values are in the domain; raises where the kinds are wrong."""
    if direction.ndim != 1:
        raise ValueError(f"direction must be a vector, got {direction.shape=}")
    if signal_to_noise.shape:
        raise ValueError(
            f"signal_to_noise must be a scalar, got {signal_to_noise.shape=}"
        )
    if latent not in _LATENTS:
        raise ValueError(f"latent must be one of {', '.join(_LATENTS)}, got {latent=}")
    return jnp.any(direction != 0) & (signal_to_noise >= 0)


def _along(direction: Float[Array, " d"]) -> Float[Array, "d d"]:
    """The projection v v^T on the spike."""
    spike = unit(direction)
    return spike[:, None] * spike[None]


def _latent_cumulant(latent: str, m: int) -> float:
    """kappa_m(nu), exactly, from the moments by the recursion of Smith (1995)."""
    found = [Fraction(0)]
    for n in range(1, m + 1):
        others = (
            math.comb(n - 1, k - 1) * found[k] * _raw_moment(latent, n - k)
            for k in range(1, n)
        )
        found.append(_raw_moment(latent, n) - sum(others))
    return float(found[m])


def _raw_moment(latent: str, m: int) -> Fraction:
    """E[nu^m], exactly."""
    match latent:
        case "skewed":
            return Fraction(2**m, 5) + Fraction(4, 5) * Fraction(-1, 2) ** m
        case _ if m % 2:
            return Fraction(0)
        case "uniform":
            return Fraction(3 ** (m // 2), m + 1)
        case "laplace":
            return Fraction(math.factorial(m), 2 ** (m // 2))
        case _:
            return Fraction(1)


def _hermite_mean(latent: str, k: int) -> float:
    """E[h_k(nu)]; in exact fractions, as the sum alternates and often vanishes."""
    terms = (
        Fraction((-1) ** j * math.factorial(k), 2**j * math.factorial(j))
        / math.factorial(k - 2 * j)
        * _raw_moment(latent, k - 2 * j)
        for j in range(k // 2 + 1)
    )
    return float(sum(terms))
