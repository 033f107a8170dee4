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

__all__ = ["likelihood_coefficients", "moments"]


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
