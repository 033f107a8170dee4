"""Likelihood ratio of spiked inputs to normal ones, and the overlap of two of them.

Inputs x = S (sqrt(beta) nu v + z) are those of `spiked_cumulant`, with a latent nu of
-1 or 1 (rademacher). Their density over that of N(0, I) depends on u = v . x alone.

Source: Szekely, Bardone, Gerace & Goldt, "Learning from higher-order correlations,
efficiently", NeurIPS 2024, section 2 (the ratio and its second moment, bounded there);
the closed form of the overlap is derived from Mehler's formula.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic._spike import unit

__all__ = ["overlap", "ratio"]


def ratio(
    point: Float[Array, " d"],
    direction: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
) -> Float[Array, ""]:
    """Likelihood ratio l(u) at u = v . x, v the direction of `direction`.

    With gamma = beta / (1 + beta) it is (1 - gamma)^{-1/2} exp(u^2 / 2 - (u^2 + gamma)
    / (2 (1 - gamma))) cosh(sqrt(gamma) u / (1 - gamma)), which is
    sqrt(1 + beta) exp(-beta (1 + u^2) / 2) cosh(sqrt(beta (1 + beta)) u).

    Args:
        point: The input x.
        direction: The spike, of any length: v is its direction.
        signal_to_noise: The ratio beta >= 0.

    Returns:
        The ratio, to a few ulp of itself times 1 + (1 + beta) (1 + |x|)^2.

    Degenerate cases:
        At beta = 0 it is 1. A zero direction gives nan, as does beta < 0.

    Raises:
        ValueError: `point` and `direction` are not vectors of one length, or
            `signal_to_noise` is not a scalar.
    """
    inside = _check(point, direction, signal_to_noise, "point and direction")
    beta = jnp.where(inside, signal_to_noise, 1)
    u = jnp.sum(unit(direction) * point)
    square = beta * (1 + beta) * u**2
    # cosh of a root: as a series where that is small, so that it has slopes at 0.
    small = square < 1
    near = jnp.where(small, square, 0)
    series = jnp.ones_like(near)
    for n in range(10, 0, -1):
        series = 1 + near / (2 * n * (2 * n - 1)) * series
    below = jnp.exp(-beta * (1 + u**2) / 2) * series
    # Elsewhere the two exponentials, their exponents as squares, so that neither
    # overflows where the other is small.
    far = jnp.where(small, 1, jnp.abs(u))
    size, shift = jnp.sqrt(jnp.where(small, 1, beta)) * far, jnp.sqrt(1 + beta)
    top = jnp.exp((1 - (size - shift) ** 2) / 2)
    above = top * (1 + jnp.exp(-2 * size * shift)) / 2
    return jnp.where(inside, shift * jnp.where(small, below, above), jnp.nan)


def overlap(
    direction: Float[Array, " d"],
    other: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
) -> Float[Array, ""]:
    """Mean of l(v . x) l(v' . x) over x ~ N(0, I), for two spikes v and v'.

    With t = v . v' and gamma = beta / (1 + beta) it is (1 - gamma^2 t^2)^{-1/2}
    [exp(gamma t / (1 + gamma t)) + exp(-gamma t / (1 - gamma t))] / 2, the sum of
    c_k^2 t^k / k! over the coefficients c_k of l. Its n-th power, averaged over v and
    v', is the second moment of the likelihood ratio of n samples.

    Args:
        direction: One spike, of any length: v is its direction.
        other: The other; v' is its direction.
        signal_to_noise: The ratio beta >= 0.

    Returns:
        The overlap, to a few ulp of itself times 1 + beta.

    Degenerate cases:
        At beta = 0, or for orthogonal spikes, it is 1. For parallel ones it is the mean
        of l^2. A zero vector gives nan, as does beta < 0.

    Raises:
        ValueError: `direction` and `other` are not vectors of one length, or
            `signal_to_noise` is not a scalar.
    """
    inside = _check(direction, other, signal_to_noise, "direction and other")
    inside &= jnp.any(direction != 0)
    beta = jnp.where(inside, signal_to_noise, 1)
    v, w = unit(direction), unit(other)
    t = jnp.sum(v * w)
    # 1 + beta (1 -/+ t): distances of unit vectors, as 1 - t would cancel.
    less = 1 + beta * jnp.sum((v - w) ** 2) / 2
    more = 1 + beta * jnp.sum((v + w) ** 2) / 2
    sides = jnp.exp(beta * t / more) + jnp.exp(-beta * t / less)
    mean = (1 + beta) / jnp.sqrt(less * more) * sides / 2
    return jnp.where(inside, mean, jnp.nan)


def _check(
    direction: Float[Array, " d"],
    other: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    names: str,
) -> Float[Array, ""]:
    """Whether beta and the other vector are in the domain; raises at wrong shapes."""
    if direction.ndim != 1 or direction.shape != other.shape:
        raise ValueError(
            f"{names} must be vectors of one length, "
            f"got {direction.shape}, {other.shape}"
        )
    if signal_to_noise.shape:
        raise ValueError(
            f"signal_to_noise must be a scalar, got {signal_to_noise.shape=}"
        )
    return jnp.any(other != 0) & (signal_to_noise >= 0)
