"""The limiting law of the overlap after one FastICA step.

Private to `analytic`, behind `fastica`, which states the law.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

__all__ = ["probability_below", "step_moments"]


def step_moments(
    alpha: Float[Array, ""], beta: Float[Array, ""], contrast: str
) -> tuple[Float[Array, ""], ...]:
    """Means of one sample's step, in coordinates along v, across it, and off the plane.

    Returns:
        The mean L' of the coordinate along v, the variances along and across and their
        covariance, and E[G'(s)^2], the variance of each coordinate off the plane.
    """
    gamma = beta / (1 + beta)
    p = (1 + beta * ((1 - alpha) * (1 + alpha))) / (1 + beta)
    across = jnp.sqrt((1 - alpha) * (1 + alpha))
    eta = jnp.asarray(_NODES, alpha.dtype)
    rows = []
    for nu in (-1, 1):
        s = nu * alpha * jnp.sqrt(gamma) + jnp.sqrt(p) * eta
        first, second = _derivatives(contrast, s)
        # Given nu and s = alpha u + across y, the pair (u, y) is normal.
        u = nu * jnp.sqrt(gamma) + alpha * (1 - gamma) * eta / jnp.sqrt(p)
        y = across * eta / jnp.sqrt(p)
        rest = (1 - gamma) / p * first**2
        a, b = first * u - alpha * second, first * y - across * second
        rows.append(
            (
                a,
                a**2 + rest * across**2,
                b**2 + rest * alpha**2,
                a * b - rest * alpha * across,
                first**2,
            )
        )
    weights = jnp.asarray(_WEIGHTS, alpha.dtype)
    mean, along, off, both, square = (
        jnp.sum(weights * (one + other)) / 2 for one, other in zip(*rows, strict=True)
    )
    return mean, along - mean**2, off, both, square


def probability_below(
    moments: tuple[Float[Array, ""], ...],
    dimension: int,
    samples: int,
    value: Float[Array, ""],
) -> Float[Array, ""]:
    """P(a <= t sqrt(b^2 + r^2) / sqrt(1 - t^2)), a given b normal.

    The moments are those of `step_moments`. The standardized b and the standardized r
    are rho cos(phi) and rho sin(phi), rho a chi of d - 1 degrees and phi of density
    proportional to sin(phi)^{d - 3}.
    """
    mean, along, off, both, square = moments
    cosines, sines, radii, masses = (
        jnp.asarray(v, value.dtype) for v in _polar_rule(dimension)
    )
    within = jnp.abs(value) < 1
    t = jnp.where(within, value, 0)
    size = jnp.sqrt(off * cosines**2 + square * sines**2)
    # Of a given b: its regression on b, and what is left of its variance.
    pull = both / jnp.sqrt(off) * cosines
    left = jnp.sqrt(along - both**2 / off)
    edge = t / jnp.sqrt((1 - t) * (1 + t)) * size - pull
    scores = (edge[:, None] * radii[None] - jnp.sqrt(samples * 1.0) * mean) / left
    below = jnp.sum(masses * jax.scipy.special.ndtr(scores))
    return jnp.where(within, below, (value >= 1).astype(value.dtype))


def _derivatives(
    contrast: str, s: Float[Array, " nodes"]
) -> tuple[Float[Array, " nodes"], Float[Array, " nodes"]]:
    """G' and G'' of a contrast."""
    match contrast:
        case "exp":
            bump = jnp.exp(-(s**2) / 2)
            return s * bump, (1 - s**2) * bump
        case "quartic":
            return s**3, 3 * s**2
        case _:
            return jnp.tanh(s), 1 / jnp.cosh(s) ** 2


# Trapezoid rule for the normal law: far below rounding, see `ica`.
_NODES = 0.2 * np.arange(-50, 51)
_WEIGHTS = np.exp(-(_NODES**2) / 2)
_WEIGHTS /= _WEIGHTS.sum()


def _polar_rule(dimension: int) -> tuple[np.ndarray, ...]:
    """Cosines and sines of the angles, radii, and masses of shape (angles, radii)."""
    nodes, weights = np.polynomial.legendre.leggauss(32)
    # In high dimension nearly all angles are close to pi / 2.
    angles = np.pi / 2 + nodes * min(np.pi / 2, 8.5 / np.sqrt(max(dimension - 3, 1)))
    chances = weights * np.sin(angles) ** (dimension - 3)
    nodes, weights = np.polynomial.legendre.leggauss(128)
    middle = np.sqrt(dimension - 1)
    low, high = max(0.0, middle - 7), middle + 7
    radii = low + (high - low) / 2 * (nodes + 1)
    log_density = (dimension - 2) * np.log(radii) - radii**2 / 2
    density = weights * np.exp(log_density - log_density.max())
    masses = np.outer(chances / chances.sum(), density / density.sum())
    return np.cos(angles), np.sin(angles), radii, masses
