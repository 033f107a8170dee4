"""Samples that one FastICA step needs, from the step's mean by quadrature.

The twin of `analytic.fastica_threshold`. The dimension is the size that grows.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

__all__ = ["constant", "exponent"]


def exponent(
    signal_to_noise: Float[Array, ""], contrast: str, latent: str, *, dimension: int
) -> Float[Array, ""]:
    """Samples at which a step from dimension^{-1/2} has as much signal as noise.

    The mean step and the noise of a coordinate are found by quadrature in the plane of
    the spike and the projection, from the definition of the step.

    Args:
        signal_to_noise: The ratio of variances along the spike, latent over noise.
        contrast: The name of the contrast function: exp, quartic, logcosh or cubic.
        latent: The name of the latent's law.
        dimension: The dimension of the inputs, to 1e6 in double precision.

    Returns:
        The number of samples, not rounded.

    Degenerate cases:
        Without a signal it is infinite or lost in rounding. Where the ratio is negative
        or 0: nan.

    Raises:
        ValueError: `signal_to_noise` is not a scalar, or a name is not listed.
    """
    if signal_to_noise.shape:
        raise ValueError(
            f"signal_to_noise must be a scalar, got {signal_to_noise.shape=}"
        )
    for name, value, known in (
        ("contrast", contrast, _SLOPES),
        ("latent", latent, _LATENTS),
    ):
        if value not in known:
            raise ValueError(
                f"{name} must be one of {', '.join(known)}, got {name}={value!r}"
            )
    nodes = np.polynomial.hermite_e.hermegauss(64)
    z, weights = (jnp.asarray(v, signal_to_noise.dtype) for v in nodes)
    weights /= jnp.sum(weights)
    nu, chances = (jnp.asarray(v, z.dtype) for v in _LATENTS[latent])
    raw = jnp.sqrt(signal_to_noise) * nu[:, None] + z[None]
    u = (raw / jnp.sqrt(1 + signal_to_noise))[..., None]
    alpha = jnp.asarray(dimension, z.dtype) ** -0.5
    s = alpha * u + jnp.sqrt(1 - alpha**2) * z[None, None]
    slope = _SLOPES[contrast]
    curvature = jax.grad(slope)
    first, second = (
        jax.vmap(f)(s.ravel()).reshape(s.shape) for f in (slope, curvature)
    )

    def mean(values):
        return chances @ ((values @ weights) @ weights)

    signal = mean(u * first - alpha * second)
    samples = dimension * mean(first**2) / signal**2
    return jnp.where(signal_to_noise > 0, samples, jnp.nan)


def constant(
    signal_to_noise: Float[Array, ""], contrast: str, latent: str, *, dimension: int
) -> Float[Array, ""]:
    """The number of samples of `exponent` over dimension^4, or dimension^3 for cubic.

    Args:
        signal_to_noise: The ratio of variances along the spike, latent over noise.
        contrast: The name of the contrast function: exp, quartic, logcosh or cubic.
        latent: The name of the latent's law.
        dimension: The dimension of the inputs, to 1e6 in double precision.

    Returns:
        The quotient.

    Degenerate cases:
        Those of `exponent`.

    Raises:
        ValueError: `signal_to_noise` is not a scalar, or a name is not listed.
    """
    samples = exponent(signal_to_noise, contrast, latent, dimension=dimension)
    return samples / float(dimension) ** (3 if contrast == "cubic" else 4)


# G' of each contrast; the step takes G' and G''.
_SLOPES = {
    "exp": lambda s: s * jnp.exp(-(s**2) / 2),
    "quartic": lambda s: s**3,
    "logcosh": jnp.tanh,
    "cubic": lambda s: s**2,
}


def _laplace() -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.laguerre.laggauss(24)
    nodes = nodes / np.sqrt(2)
    return np.concatenate([-nodes, nodes]), np.tile(weights / 2, 2)


def _uniform() -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(24)
    return np.sqrt(3) * nodes, weights / 2


# Values with their probabilities, or nodes and weights.
_LATENTS = {
    "rademacher": (np.array([-1.0, 1.0]), np.array([0.5, 0.5])),
    "uniform": _uniform(),
    "laplace": _laplace(),
    "skewed": (np.array([2.0, -0.5]), np.array([0.2, 0.8])),
}
