"""Independent component analysis: population contrast of a projection of spiked inputs.

Inputs are white with one non-Gaussian direction (see `spiked_cumulant`): along the
spike v, u = v . x is sqrt(gamma) nu + sqrt(1 - gamma) xi, with gamma = beta/(1 + beta),
beta the signal-to-noise ratio and xi normal; across it x is standard normal. For a unit
vector w of overlap alpha = w . v the contrast is L(alpha) = E[G(w . x)]. In Hermite
coefficients it is the sum over k of c_k(G) c_k(l) alpha^k / k!, where c_k(l), the mean
of h_k(u), belongs to the likelihood ratio of u. It leaves the Gaussian value E[G(z)]
slowly: like alpha^4 if the latent is symmetric.

Source: Hyvarinen & Oja, "Independent component analysis: algorithms and applications",
Neural Networks 2000, section 4; Ricci, Bardone & Goldt, "Feature learning from
non-Gaussian inputs: the case of independent component analysis in high dimensions",
ICML 2025.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

__all__ = ["exp_loss", "favoured", "population_loss", "quartic_loss"]


def population_loss(
    alignment: Float[Array, ""], signal_to_noise: Float[Array, ""], contrast: str
) -> Float[Array, ""]:
    """Population contrast L(alpha) = E[G(w . x)] for the latent nu = -1 or 1.

    Args:
        alignment: The overlap alpha, in [-1, 1].
        signal_to_noise: The ratio beta >= 0.
        contrast: The name of G: exp, -e^{-s^2/2}; quartic, s^4/4; logcosh, log cosh s.

    Returns:
        The contrast, to a few ulp. That of logcosh has no closed form: an integral in
        one dimension is left, whose quadrature is exact to 1e-18.

    Degenerate cases:
        At alpha = 0 or beta = 0 it is the Gaussian mean E[G(z)]. Where |alpha| > 1 or
        beta < 0: nan.

    Raises:
        ValueError: An argument is not a scalar, or `contrast` is not a listed name.
    """
    inside = _check(alignment, signal_to_noise)
    # w . x = sqrt(signal) nu + sqrt(noise) xi, with signal + noise = 1. From beta, as
    # 1 - signal would cancel at large beta.
    signal = signal_to_noise * alignment**2 / (1 + signal_to_noise)
    noise = (1 + signal_to_noise * ((1 - alignment) * (1 + alignment))) / (
        1 + signal_to_noise
    )
    match contrast:
        case "exp":
            loss = -jnp.exp(-signal / (2 * (1 + noise))) / jnp.sqrt(1 + noise)
        case "quartic":
            loss = (3 - 2 * signal**2) / 4
        case "logcosh":
            loss = _log_cosh(signal, noise)
        case _:
            raise ValueError(
                f"contrast must be exp, quartic or logcosh, got {contrast=}"
            )
    return jnp.where(inside, loss, jnp.nan)


def exp_loss(
    alignment: Float[Array, ""], signal_to_noise: Float[Array, ""]
) -> Float[Array, "2"]:
    """Population contrast of G = -e^{-s^2/2} and its slope, for nu = -1 or 1.

    L(alpha) = -D^{-1/2} exp(-gamma alpha^2 / (2D)), D = 2 - gamma alpha^2, and
    L'(alpha) = -gamma^2 alpha^3 L(alpha) / D^2: the contrast rises towards the spike,
    from -1 / sqrt(2) by gamma^2 alpha^4 / (16 sqrt(2)) at first.

    Args:
        alignment: The overlap alpha, in [-1, 1].
        signal_to_noise: The ratio beta >= 0.

    Returns:
        L and L', each to a few ulp of itself.

    Degenerate cases:
        At alpha = 0 or beta = 0 the contrast is -1 / sqrt(2) and its slope 0. Where
        |alpha| > 1 or beta < 0: nan.

    Raises:
        ValueError: An argument is not a scalar.
    """
    inside = _check(alignment, signal_to_noise)
    gamma = signal_to_noise / (1 + signal_to_noise)
    signal = gamma * alignment**2
    d = 2 - signal
    loss = -jnp.exp(-signal / (2 * d)) / jnp.sqrt(jnp.where(inside, d, 1))
    slope = -loss * signal * gamma * alignment / d**2
    return jnp.where(inside, jnp.stack([loss, slope]), jnp.nan)


def favoured(
    signal_to_noise: Float[Array, ""], contrast: str, latent: str
) -> Float[Array, ""]:
    """Whether ascent on E[G(w . x)] approaches the spike (1) or leaves it (-1).

    It is the sign of c_4(G) c_4(l), where c_4(l) is gamma^2 times the excess kurtosis
    of the latent: the contrast is E[G(z)] + c_4(G) c_4(l) alpha^4 / 24 at first.

    Args:
        signal_to_noise: The ratio beta >= 0.
        contrast: The name of G: exp, -e^{-s^2/2}; quartic, s^4/4; logcosh, log cosh s.
        latent: The name of the latent's law: rademacher, uniform or laplace, as in
            `spiked_cumulant`.

    Returns:
        The sign, exactly.

    Degenerate cases:
        At beta = 0 there is no spike, and the sign is 0. Where beta < 0: nan.

    Raises:
        ValueError: `signal_to_noise` is not a scalar, or a name is not listed.
    """
    if signal_to_noise.shape:
        raise ValueError(
            f"signal_to_noise must be a scalar, got {signal_to_noise.shape=}"
        )
    if contrast not in _FOURTH:
        raise ValueError(f"contrast must be exp, quartic or logcosh, got {contrast=}")
    if latent not in _KURTOSIS:
        raise ValueError(
            f"latent must be rademacher, uniform or laplace, got {latent=}"
        )
    sign = jnp.sign(signal_to_noise * (_FOURTH[contrast] * _KURTOSIS[latent]))
    return jnp.where(signal_to_noise >= 0, sign, jnp.nan)


def quartic_loss(
    alignment: Float[Array, ""],
    signal_to_noise: Float[Array, ""],
    probability: Float[Array, ""],
) -> Float[Array, ""]:
    """Fourth moment E[(w . x)^4] = 3 + kappa gamma^2 alpha^4 for a two-point latent.

    The latent is sqrt((1 - p) / p) with probability p, else -sqrt(p / (1 - p)), so that
    its mean is 0, its variance 1 and its excess kurtosis kappa = 1 / (p (1 - p)) - 6. A
    sign has p = 1/2 and kappa = -2: the fourth moment is then largest at alpha = 0, and
    ascent on it leaves the spike.

    Args:
        alignment: The overlap alpha, in [-1, 1].
        signal_to_noise: The ratio beta >= 0.
        probability: The probability p of the positive value, inside (0, 1).

    Returns:
        The fourth moment, to a few ulp of 3 + |kappa| gamma^2 alpha^4.

    Degenerate cases:
        At alpha = 0 or beta = 0 it is the Gaussian 3. Where |alpha| > 1, beta < 0, or p
        is outside (0, 1): nan.

    Raises:
        ValueError: An argument is not a scalar.
    """
    inside = _check(alignment, signal_to_noise)
    if probability.shape:
        raise ValueError(f"probability must be a scalar, got {probability.shape=}")
    spread = probability * (1 - probability)
    inside &= spread > 0
    kurtosis = 1 / jnp.where(inside, spread, 1) - 6
    signal = signal_to_noise * alignment**2 / (1 + signal_to_noise)
    return jnp.where(inside, 3 + kurtosis * signal**2, jnp.nan)


# c_4 of the contrasts, and excess kurtosis of the latents.
_FOURTH = {"exp": -3 / (4 * 2**0.5), "quartic": 6, "logcosh": -0.36359537628097414950}
_KURTOSIS = {"rademacher": -2, "uniform": -6 / 5, "laplace": 3}


def _check(
    alignment: Float[Array, ""], signal_to_noise: Float[Array, ""]
) -> Bool[Array, ""]:
    """Whether the values are in the domain; raises where the shapes are wrong."""
    if alignment.shape or signal_to_noise.shape:
        raise ValueError(
            "alignment and signal_to_noise must be scalars, "
            f"got {alignment.shape=}, {signal_to_noise.shape=}"
        )
    return (jnp.abs(alignment) <= 1) & (signal_to_noise >= 0)


# Trapezoid rule for the normal law. The singularities of log cosh nearest to the line
# are at distance pi/2 or more, so a step h leaves an error of order e^{-pi^2/h}, 1e-21:
# far below rounding, so that derivatives are exact too. The tail beyond the last node
# weighs less than 1e-18. One side only, as the integrand is even.
_STEP = 0.2
_NODES = _STEP * np.arange(47)
_WEIGHTS = np.exp(-(_NODES**2) / 2) * _STEP * np.sqrt(2 / np.pi)
_WEIGHTS[0] /= 2


def _log_cosh(signal: Float[Array, ""], noise: Float[Array, ""]) -> Float[Array, ""]:
    """E[log cosh(sqrt(signal) nu + sqrt(noise) xi)] for a sign nu.

    With a = sqrt(noise) xi and b = sqrt(signal) the mean over the sign is
    log cosh(a) + log1p(sinh(b)^2 / cosh(a)^2) / 2.
    """
    a = jnp.sqrt(noise) * jnp.asarray(_NODES, noise.dtype)
    # sinh(b)^2 = (cosh(2 b) - 1) / 2 by its series in the signal, which is at most 1:
    # a square root would have no gradient where the signal is 0.
    terms, sinh_square = 2 * signal, 2 * signal
    for n in range(2, 12):
        terms = terms * (4 * signal / (2 * n * (2 * n - 1)))
        sinh_square = sinh_square + terms
    sinh_square /= 2
    even = jnp.log1p(2 * jnp.sinh(a / 2) ** 2)
    values = even + jnp.log1p(sinh_square / jnp.cosh(a) ** 2) / 2
    return jnp.sum(jnp.asarray(_WEIGHTS, noise.dtype) * values)
