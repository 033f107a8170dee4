"""Independent component analysis: contrasts of projected inputs, drawn in dimension 3.

The twin of `analytic.ica`, which describes the inputs and names the contrasts. The
spike and the projection are drawn too, as a random pair of the given overlap.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from empirical.montecarlo import Bernoulli, Normal, Rademacher, Sphere, expectation

__all__ = ["exp_loss", "favoured", "population_loss", "quartic_loss"]


@expectation(latent=Rademacher(), noise=Normal(3))
def exp_loss(
    alignment: Float[Array, ""],
    signal_to_noise: Float[Array, ""],
    *,
    latent: Float[Array, ""],
    noise: Float[Array, "3"],
) -> Float[Array, "2"]:
    """The contrast -e^{-s^2/2} at one projected input, and its derivative.

    The projection turns from the spike in a fixed plane; the derivative in its
    alignment is automatic.

    Args:
        alignment: The overlap of the projection with the spike, inside (-1, 1).
        signal_to_noise: The ratio of variances along the spike, latent over noise.
        latent: Noise: a sign.
        noise: Noise: the normal part of the input, before whitening.

    Returns:
        One draw of the contrast and of its slope.

    Degenerate cases:
        At alignment 1 or -1 the derivative is not finite. Where the alignment is not in
        [-1, 1] or the ratio is negative: nan.

    Raises:
        ValueError: An argument is not a scalar.
    """
    spike, other = jnp.asarray([[1.0, 2.0, 2.0], [2.0, 1.0, -2.0]], noise.dtype) / 3

    def contrast(a):
        s = _projected_input(a, signal_to_noise, spike, other, latent, noise)
        return -jnp.exp(-(s**2) / 2)

    return jnp.stack(jax.value_and_grad(contrast)(alignment))


def favoured(
    signal_to_noise: Float[Array, ""], contrast: str, latent: str
) -> Float[Array, ""]:
    """Ascent on the mean contrast from overlap 1/2: 1 if it ends nearer to the spike.

    The mean is taken over the plane of the spike and the projection, by quadrature in
    the latent and in two normal numbers; eight steps of gradient ascent on the circle.

    Args:
        signal_to_noise: The ratio of variances along the spike, latent over noise.
        contrast: The name of the contrast function: exp, quartic or logcosh.
        latent: The name of the latent's law: rademacher, uniform or laplace.

    Returns:
        The sign of what the overlap has gained.

    Degenerate cases:
        At a ratio of 0 the overlap does not move but for rounding: 0. Where the ratio
        is negative: nan.

    Raises:
        ValueError: `signal_to_noise` is not a scalar, or a name is not listed.
    """
    if signal_to_noise.shape:
        raise ValueError(
            f"signal_to_noise must be a scalar, got {signal_to_noise.shape=}"
        )
    nu, chances = (jnp.asarray(v, signal_to_noise.dtype) for v in _latent_rule(latent))
    z, weights = np.polynomial.hermite_e.hermegauss(40)
    z, weights = (
        jnp.asarray(v, signal_to_noise.dtype) for v in (z, weights / weights.sum())
    )
    raw = jnp.sqrt(signal_to_noise) * nu[:, None] + z[None]
    along = raw / jnp.sqrt(1 + signal_to_noise)

    def mean(angle):
        s = jnp.cos(angle) * along[..., None] + jnp.sin(angle) * z[None, None]
        values = _contrast(contrast, s) @ weights
        return chances @ (values @ weights)

    start = jnp.full((), jnp.pi / 3, signal_to_noise.dtype)
    angle = jax.lax.fori_loop(0, 8, lambda _, a: a + 0.1 * jax.grad(mean)(a), start)
    gained = jnp.cos(angle) - jnp.cos(start)
    return jnp.where(jnp.abs(gained) < 1e-5, 0, jnp.sign(gained))


@expectation(spike=Sphere(3), other=Sphere(3), latent=Rademacher(), noise=Normal(3))
def population_loss(
    alignment: Float[Array, ""],
    signal_to_noise: Float[Array, ""],
    contrast: str,
    *,
    spike: Float[Array, "3"],
    other: Float[Array, "3"],
    latent: Float[Array, ""],
    noise: Float[Array, "3"],
) -> Float[Array, ""]:
    """The contrast function at one projected input.

    Args:
        alignment: The overlap of the projection with the spike, in [-1, 1].
        signal_to_noise: The ratio of variances along the spike, latent over noise.
        contrast: The name of the contrast function: exp, quartic or logcosh.
        spike: Noise: the direction that carries the latent.
        other: Noise: a direction that, with the spike, spans the projection.
        latent: Noise: a sign.
        noise: Noise: the normal part of the input, before whitening.

    Returns:
        One draw of the contrast.

    Degenerate cases:
        At alignment 1 or -1 the projection is the spike or its negative. Where the
        alignment is not in [-1, 1] or the ratio is negative: nan.

    Raises:
        ValueError: An argument is not a scalar, or `contrast` is not a listed name.
    """
    s = _projected_input(alignment, signal_to_noise, spike, other, latent, noise)
    return _contrast(contrast, s)


@expectation(
    spike=Sphere(3),
    other=Sphere(3),
    positive=Bernoulli(lambda probability: probability),
    noise=Normal(3),
)
def quartic_loss(
    alignment: Float[Array, ""],
    signal_to_noise: Float[Array, ""],
    probability: Float[Array, ""],
    *,
    spike: Float[Array, "3"],
    other: Float[Array, "3"],
    positive: Float[Array, ""],
    noise: Float[Array, "3"],
) -> Float[Array, ""]:
    """The fourth power of one projected input, whose latent has two values.

    Args:
        alignment: The overlap of the projection with the spike, in [-1, 1].
        signal_to_noise: The ratio of variances along the spike, latent over noise.
        probability: The probability of the latent's positive value, inside (0, 1).
        spike: Noise: the direction that carries the latent.
        other: Noise: a direction that, with the spike, spans the projection.
        positive: Noise: whether the latent takes its positive value, 1 or 0.
        noise: Noise: the normal part of the input, before whitening.

    Returns:
        One draw of the fourth power.

    Degenerate cases:
        At alignment 1 or -1 the projection is the spike or its negative. Where the
        alignment is not in [-1, 1], the ratio is negative or the probability is not
        inside (0, 1): nan.

    Raises:
        ValueError: An argument is not a scalar.
    """
    if probability.shape:
        raise ValueError(f"probability must be a scalar, got {probability.shape=}")
    # Standardized: an indicator of probability p has this mean and spread.
    spread = jnp.sqrt(probability * (1 - probability))
    latent = (positive - probability) / spread
    return (
        _projected_input(alignment, signal_to_noise, spike, other, latent, noise) ** 4
    )


def _contrast(contrast: str, s: Float[Array, "..."]) -> Float[Array, "..."]:
    """The named contrast function, elementwise."""
    match contrast:
        case "exp":
            return -jnp.exp(-(s**2) / 2)
        case "quartic":
            return s**4 / 4
        case "logcosh":
            return jnp.logaddexp(s, -s) - math.log(2)
    raise ValueError(f"contrast must be exp, quartic or logcosh, got {contrast=}")


def _latent_rule(latent: str) -> tuple[np.ndarray, np.ndarray]:
    """Values of a latent with their probabilities, or nodes and weights for its law."""
    match latent:
        case "rademacher":
            return np.array([-1.0, 1.0]), np.array([0.5, 0.5])
        case "uniform":
            nodes, weights = np.polynomial.legendre.leggauss(24)
            return math.sqrt(3) * nodes, weights / 2
        case "laplace":
            nodes, weights = np.polynomial.laguerre.laggauss(24)
            nodes = nodes / math.sqrt(2)
            return np.concatenate([-nodes, nodes]), np.tile(weights / 2, 2)
    raise ValueError(f"latent must be rademacher, uniform or laplace, got {latent=}")


def _projected_input(
    alignment: Float[Array, ""],
    signal_to_noise: Float[Array, ""],
    spike: Float[Array, "3"],
    other: Float[Array, "3"],
    latent: Float[Array, ""],
    noise: Float[Array, "3"],
) -> Float[Array, ""]:
    """One whitened input, projected on a unit vector of the given overlap."""
    if alignment.shape or signal_to_noise.shape:
        raise ValueError(
            "alignment and signal_to_noise must be scalars, "
            f"got {alignment.shape=}, {signal_to_noise.shape=}"
        )
    across = other - jnp.sum(other * spike) * spike
    across /= jnp.linalg.norm(across)
    projection = alignment * spike + jnp.sqrt(1 - alignment**2) * across
    raw = jnp.sqrt(signal_to_noise) * latent * spike + noise
    # Whitening: along the spike the variance is 1 + signal_to_noise, across it 1.
    along = jnp.sum(raw * spike) * spike
    x = raw - along + along / jnp.sqrt(1 + signal_to_noise)
    return jnp.sum(projection * x)
