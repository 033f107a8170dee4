"""FastICA steps on spiked inputs, drawn and whitened in their original dimension.

The twin of `analytic.fastica`, which describes the step and names the contrasts.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical._whitening import powered_covariance
from empirical.montecarlo import Normal, Rademacher, expectation

__all__ = ["one_step_law", "stein_split", "step"]

CONTRASTS = {
    "exp": lambda s: -jnp.exp(-(s**2) / 2),
    "quartic": lambda s: s**4 / 4,
    # Not logaddexp: without a kink in its program the mean is found by quadrature.
    "logcosh": lambda s: jnp.log(jnp.cosh(s)),
}


@expectation(latent=Rademacher(), noise=Normal("d"))
def stein_split(
    projection: Float[Array, " d"],
    direction: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    contrast: str,
    *,
    latent: Float[Array, ""],
    noise: Float[Array, " d"],
) -> Float[Array, " d"]:
    """The vector x G'(w . x) at one input x.

    Args:
        projection: A vector of any length: w is its direction.
        direction: The spike, of any length: only its direction counts.
        signal_to_noise: The ratio of variances along the spike, latent over noise.
        contrast: The name of the contrast function: exp, quartic or logcosh.
        latent: Noise: a sign.
        noise: Noise: the normal part of the input, before whitening.

    Returns:
        One draw of the vector.

    Degenerate cases:
        A zero vector gives nan, as does a negative ratio.

    Raises:
        ValueError: `projection` and `direction` are not vectors of one length,
            `signal_to_noise` is not a scalar, or `contrast` is not a listed name.
    """
    x, w, first, _ = _sample(
        projection, direction, signal_to_noise, contrast, latent, noise
    )
    return x * first(jnp.sum(w * x))


@expectation(latent=Rademacher(), noise=Normal("d"))
def step(
    projection: Float[Array, " d"],
    direction: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    contrast: str,
    *,
    latent: Float[Array, ""],
    noise: Float[Array, " d"],
) -> Float[Array, " d"]:
    """A step on one sample x: x G'(w . x) - G''(w . x) w.

    Args:
        projection: A vector of any length: w is its direction.
        direction: The spike, of any length: only its direction counts.
        signal_to_noise: The ratio of variances along the spike, latent over noise.
        contrast: The name of the contrast function: exp, quartic or logcosh.
        latent: Noise: a sign.
        noise: Noise: the normal part of the input, before whitening.

    Returns:
        One draw of the step.

    Degenerate cases:
        A zero vector gives nan, as does a negative ratio.

    Raises:
        ValueError: `projection` and `direction` are not vectors of one length,
            `signal_to_noise` is not a scalar, or `contrast` is not a listed name.
    """
    x, w, first, second = _sample(
        projection, direction, signal_to_noise, contrast, latent, noise
    )
    s = jnp.sum(w * x)
    return x * first(s) - second(s) * w


@expectation(latents=Rademacher("samples"), noise=Normal("samples", "dimension"))
def one_step_law(
    alignment: Float[Array, ""] | float,
    signal_to_noise: Float[Array, ""] | float,
    contrast: str,
    dimension: int,
    samples: int,
    *,
    latents: Float[Array, " samples"],
    noise: Float[Array, "samples dimension"],
) -> Float[Array, ""]:
    """Overlap with the spike after one FastICA step on `samples` fresh inputs.

    Args:
        alignment: The overlap before the step, inside (-1, 1).
        signal_to_noise: The ratio of variances along the spike, latent over noise.
        contrast: The name of the contrast function: exp, quartic or logcosh.
        dimension: The dimension of the inputs, at least 3.
        samples: How many inputs are drawn.
        latents: Noise: a sign for each input.
        noise: Noise: the normal part of each input, before whitening.

    Returns:
        One draw of the overlap, in [-1, 1].

    Degenerate cases:
        Where the alignment is not in [-1, 1] or the ratio is negative: nan.

    Raises:
        ValueError: An argument is not a scalar, `contrast` is not a listed name, or
            `dimension` or `samples` is too small.
    """
    alpha, beta = (jnp.asarray(v, noise.dtype) for v in (alignment, signal_to_noise))
    if alpha.shape or beta.shape:
        raise ValueError(
            "alignment and signal_to_noise must be scalars, "
            f"got {alpha.shape}, {beta.shape}"
        )
    if dimension < 3 or samples < 1:
        raise ValueError(
            "dimension must be at least 3 and samples at least 1, "
            f"got {dimension=}, {samples=}"
        )
    # No axis is special: the spike has equal entries, what is across it has both signs.
    spike = jnp.full(dimension, dimension**-0.5, noise.dtype)
    across = jnp.zeros(dimension, noise.dtype).at[:2].set(2**-0.5).at[1].multiply(-1)
    w = alpha * spike + jnp.sqrt(1 - alpha**2) * across
    first, second = _derivatives(contrast)
    raw = noise + jnp.sqrt(beta) * latents[:, None] * spike[None]
    x = jnp.matmul(raw, powered_covariance(spike, beta, -0.5), precision="highest")
    s = jnp.matmul(x, w, precision="highest")
    pulled = jnp.matmul(jax.vmap(first)(s), x, precision="highest") / samples
    moved = pulled - jnp.mean(jax.vmap(second)(s)) * w
    return jnp.sum(moved * spike) / jnp.linalg.norm(moved)


def _sample(
    projection: Float[Array, " d"],
    direction: Float[Array, " d"],
    signal_to_noise: Float[Array, ""],
    contrast: str,
    latent: Float[Array, ""],
    noise: Float[Array, " d"],
):
    """One whitened input, the unit projection, and both derivatives of the contrast."""
    if projection.ndim != 1 or projection.shape != direction.shape:
        raise ValueError(
            "projection and direction must be vectors of one length, "
            f"got {projection.shape}, {direction.shape}"
        )
    if signal_to_noise.shape:
        raise ValueError(
            f"signal_to_noise must be a scalar, got {signal_to_noise.shape=}"
        )
    first, second = _derivatives(contrast)
    spike = direction / jnp.linalg.norm(direction)
    raw = jnp.sqrt(signal_to_noise) * latent * spike + noise
    root = powered_covariance(direction, signal_to_noise, -0.5)
    x = jnp.matmul(root, raw, precision="highest")
    return x, projection / jnp.linalg.norm(projection), first, second


def _derivatives(contrast: str):
    """G' and G'', by automatic derivation."""
    if contrast not in CONTRASTS:
        raise ValueError(f"contrast must be exp, quartic or logcosh, got {contrast=}")
    first = jax.grad(CONTRASTS[contrast])
    return first, jax.grad(first)
