"""FastICA on spiked inputs: one step on the population, and its law on samples.

Inputs, contrasts G and the overlap alpha = w . v are those of `ica`, with a latent of
-1 or 1 unless one is named. A step replaces the unit vector w by the direction of
E[x G'(w . x)] - E[G''(w . x)] w. The mean is L'(alpha) v, L(alpha) = E[G(w . x)], so
that one step on the population lands on v or on -v.

Source: Hyvarinen & Oja, "Independent component analysis: algorithms and applications",
Neural Networks 2000, section 6 (the step); Ricci, Bardone & Goldt, "Feature learning
from non-Gaussian inputs: the case of independent component analysis in high
dimensions", ICML 2025 (the setting); the mean and the law are derived.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from analytic import ica
from analytic._spike import unit
from analytic._step_law import probability_below, step_moments

__all__ = ["one_step_law", "stein_split", "step"]


def stein_split(
    projection: Float[Array, " d"],
    direction: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    contrast: str,
) -> Float[Array, " d"]:
    """E[x G'(w . x)] = L'(alpha) v + m(alpha) w, m(alpha) = E[G''(w . x)].

    For exp, with D = 2 - gamma alpha^2: m = -2 (D - 1) L / D^2; for quartic m = 3.

    Args:
        projection: A vector of any length: w is its direction.
        direction: The spike, of any length: v is its direction.
        signal_to_noise: The ratio beta >= 0.
        contrast: The name of G: exp, quartic or logcosh, as in `ica`.

    Returns:
        The mean, to a few ulp of |L'| + |m|; that of logcosh to a few ulp of 1.

    Degenerate cases:
        At beta = 0 it is m w. A zero vector gives nan, as does beta < 0.

    Raises:
        ValueError: `projection` and `direction` are not vectors of one length,
            `signal_to_noise` is not a scalar, or `contrast` is not a listed name.
    """
    v, w, inside = _units(projection, direction, signal_to_noise)
    alpha, beta = _overlap(v, w), jnp.where(inside, signal_to_noise, 1)
    signal = beta / (1 + beta) * alpha**2
    match contrast:
        case "exp":
            curvature = (2 * (1 - signal) * jnp.exp(-signal / (2 * (2 - signal)))) / (
                2 - signal
            ) ** 2.5
        case "quartic":
            curvature = 3 + 0 * signal
        case _:
            curvature = _log_cosh_curvature(signal, contrast)
    mean = _slope(alpha, beta, contrast) * v + curvature * w
    return jnp.where(inside, mean, jnp.nan)


def step(
    projection: Float[Array, " d"],
    direction: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    contrast: str,
) -> Float[Array, " d"]:
    """Population step E[x G'(w . x)] - E[G''(w . x)] w = L'(alpha) v, unnormalized.

    For quartic L'(alpha) = -2 gamma^2 alpha^3: the sign alternates from step to step,
    so that convergence shows in |w_t . w_{t-1}| only.

    Args:
        projection: A vector of any length: w is its direction.
        direction: The spike, of any length: v is its direction.
        signal_to_noise: The ratio beta >= 0.
        contrast: The name of G: exp, quartic or logcosh, as in `ica`.

    Returns:
        The step, to a few ulp of L'(1) alpha^2; that of logcosh to a few ulp of 1.

    Degenerate cases:
        At beta = 0, or where w and v are orthogonal, it is 0 and has no direction. A
        zero vector gives nan, as does beta < 0.

    Raises:
        ValueError: `projection` and `direction` are not vectors of one length,
            `signal_to_noise` is not a scalar, or `contrast` is not a listed name.
    """
    v, w, inside = _units(projection, direction, signal_to_noise)
    beta = jnp.where(inside, signal_to_noise, 1)
    return jnp.where(inside, _slope(_overlap(v, w), beta, contrast) * v, jnp.nan)


def one_step_law(
    alignment: Float[Array, ""] | float,
    signal_to_noise: Float[Array, ""] | float,
    contrast: str,
    dimension: int,
    samples: int,
    value: Float[Array, ""],
) -> Float[Array, ""]:
    """P(overlap after one step on n samples <= t), by the central limit theorem.

    The overlap is a / sqrt(a^2 + b^2 + r^2). Along v and across it, in the plane of v
    and w, the step has a normal pair (a, b) of mean (L', 0) and of the covariance of
    one sample over n; n r^2 / E[G'(s)^2] is a chi-square of d - 2 degrees. The pair is
    correlated: as if independent, probabilities are off by up to 0.03.

    Args:
        alignment: The overlap alpha before the step, inside (-1, 1).
        signal_to_noise: The ratio beta > 0.
        contrast: The name of G: exp, quartic or logcosh, as in `ica`.
        dimension: The dimension d, at least 3.
        samples: The number n of fresh samples.
        value: The overlap t.

    Returns:
        The probability, to 1e-8 (float32: to 1e-5) from d = 3 to 100, for |t| up to
        0.99, of the limiting law; the law of a step differs by O(n^{-1/2}).

    Degenerate cases:
        0 below t = -1 and 1 from t = 1 on. Where |alpha| >= 1 or beta <= 0: nan.

    Raises:
        ValueError: An argument is not a scalar, `contrast` is not a listed name, or
            `dimension` or `samples` is too small.
    """
    alpha, beta = (jnp.asarray(v, value.dtype) for v in (alignment, signal_to_noise))
    if alpha.shape or beta.shape or value.shape:
        raise ValueError(
            "alignment, signal_to_noise and value must be scalars, "
            f"got {alpha.shape}, {beta.shape}, {value.shape}"
        )
    if dimension < 3 or samples < 1:
        raise ValueError(
            "dimension must be at least 3 and samples at least 1, "
            f"got {dimension=}, {samples=}"
        )
    _require_contrast(contrast)
    inside = (jnp.abs(alpha) < 1) & (beta > 0)
    alpha, beta = jnp.where(inside, alpha, 0), jnp.where(inside, beta, 1)
    moments = step_moments(alpha, beta, contrast)
    found = probability_below(moments, dimension, samples, value)
    return jnp.where(inside, found, jnp.nan)


def _units(
    projection: Float[Array, " d"],
    direction: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
) -> tuple[Float[Array, " d"], Float[Array, " d"], Bool[Array, ""]]:
    """The spike v, the vector w, and whether all values are in the domain."""
    if projection.ndim != 1 or projection.shape != direction.shape:
        raise ValueError(
            "projection and direction must be vectors of one length, "
            f"got {projection.shape}, {direction.shape}"
        )
    if signal_to_noise.shape:
        raise ValueError(
            f"signal_to_noise must be a scalar, got {signal_to_noise.shape=}"
        )
    inside = jnp.any(direction != 0) & jnp.any(projection != 0)
    return unit(direction), unit(projection), inside & (signal_to_noise >= 0)


def _overlap(v: Float[Array, " d"], w: Float[Array, " d"]) -> Float[Array, ""]:
    """Their product, which rounding must not take beyond 1."""
    return jnp.clip(jnp.sum(v * w), -1, 1)


def _slope(
    alpha: Float[Array, ""], beta: Float[Array, ""], contrast: str
) -> Float[Array, ""]:
    """L'(alpha)."""
    match contrast:
        case "exp":
            return ica.exp_loss(alpha, beta)[1]
        case "quartic":
            return -2 * (beta / (1 + beta)) ** 2 * alpha**3
        case _:
            return jax.grad(ica.population_loss)(alpha, beta, contrast)


# Trapezoid rule for the normal law, as in `ica`; one side, as the integrand is even.
_NODES = 0.2 * np.arange(47)
_WEIGHTS = np.exp(-(_NODES**2) / 2) * 0.2 * np.sqrt(2 / np.pi)
_WEIGHTS[0] /= 2


def _log_cosh_curvature(signal: Float[Array, ""], contrast: str) -> Float[Array, ""]:
    """E[sech(a + b nu)^2], a normal of variance 1 - signal, b^2 the signal.

    The mean over the sign is (C + 2CS - S) / (C + S)^2, C = cosh(a)^2, S = sinh(b)^2.
    """
    _require_contrast(contrast)
    cosh = jnp.cosh(jnp.sqrt(1 - signal) * jnp.asarray(_NODES, signal.dtype)) ** 2
    # A series in b^2, since a root would have no slope at 0.
    terms, sinh = 2 * signal, 2 * signal
    for n in range(2, 12):
        terms = terms * (4 * signal / (2 * n * (2 * n - 1)))
        sinh = sinh + terms
    sinh /= 2
    values = (cosh + 2 * cosh * sinh - sinh) / (cosh + sinh) ** 2
    return jnp.sum(jnp.asarray(_WEIGHTS, signal.dtype) * values)


def _require_contrast(contrast: str) -> None:
    if contrast not in ("exp", "quartic", "logcosh"):
        raise ValueError(f"contrast must be exp, quartic or logcosh, got {contrast=}")
