"""How many samples one FastICA step needs: the power of the dimension, and its factor.

Inputs, contrasts and the step are those of `fastica`, from an overlap of d^{-1/2}, that
of a random start. With L' the slope of the contrast and A = E[G'(w . x)^2], a step on n
samples has the overlap alpha with alpha^2 = L'^2 / (L'^2 + d A / n) to leading order:
one half at n = d A / L'^2.

Source: Ricci, Bardone & Goldt, "Feature learning from non-Gaussian inputs: the case of
independent component analysis in high dimensions", ICML 2025 (n of order d^4); the
factor is derived.
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["constant", "exponent"]


def exponent(
    signal_to_noise: Float[Array, ""], contrast: str, latent: str
) -> Float[Array, ""]:
    """Exponent k of the samples, of order d^k, that a step needs from alpha = d^{-1/2}.

    It is the information exponent min{k >= 1: c_k(G) c_k(l) != 0}, l the likelihood
    ratio of the spike: 4 for even contrasts, 3 for cubic with a skewed latent.

    Args:
        signal_to_noise: The ratio beta > 0, which does not matter.
        contrast: The name of G: exp, quartic, logcosh, or cubic, s^3/3.
        latent: The name of the latent: rademacher, uniform, laplace or skewed, as in
            `spiked_cumulant`.

    Returns:
        The exponent, exactly; inf for cubic with a symmetric latent.

    Degenerate cases:
        Where beta <= 0 there is no spike: nan.

    Raises:
        ValueError: `signal_to_noise` is not a scalar, or a name is not listed.
    """
    _require_problem(signal_to_noise, contrast, latent)
    power = 4.0
    if contrast == "cubic":
        power = 3.0 if latent == "skewed" else math.inf
    found = jnp.full((), power, signal_to_noise.dtype)
    return jnp.where(signal_to_noise > 0, found, jnp.nan)


def constant(
    signal_to_noise: Float[Array, ""], contrast: str, latent: str
) -> Float[Array, ""]:
    """Samples over d^k, k of `exponent`, that take alpha^2 from 1/d to 1/2.

    It is ((k - 1)!)^2 E[G'(z)^2] / (c_k(G) c_k(l))^2 as d grows, with
    c_k(l) = gamma^{k/2} E[h_k(nu)].

    Args:
        signal_to_noise: The ratio beta > 0.
        contrast: The name of G: exp, quartic, logcosh, or cubic, s^3/3.
        latent: The name of the latent: rademacher, uniform, laplace or skewed.

    Returns:
        The constant, to a few ulp; inf for cubic with a symmetric latent.

    Degenerate cases:
        Where beta <= 0 there is no spike: nan.

    Raises:
        ValueError: `signal_to_noise` is not a scalar, or a name is not listed.
    """
    _require_problem(signal_to_noise, contrast, latent)
    inside = signal_to_noise > 0
    # 1 / gamma, which keeps its digits for small beta.
    inverse = 1 + 1 / jnp.where(inside, signal_to_noise, 1)
    third, fourth = _LATENTS[latent]
    square, coefficient = _CONTRASTS[contrast]
    if contrast != "cubic":
        found = 36 * square / (coefficient * fourth) ** 2 * inverse**4
    elif third:
        found = 4 * square / (coefficient * third) ** 2 * inverse**3
    else:
        found = math.inf * inverse
    return jnp.where(inside, found, jnp.nan)


# E[G'(z)^2] and the first coefficient beyond degree 2: c_4, of cubic c_3.
_CONTRASTS = {
    "exp": (3**-1.5, -3 / (4 * 2**0.5)),
    "quartic": (15.0, 6.0),
    "logcosh": (0.39429449039784117446, -0.36359537628097414950),
    "cubic": (3.0, 2.0),
}
# E[h_3(nu)] and E[h_4(nu)].
_LATENTS = {
    "rademacher": (0, -2),
    "uniform": (0, -6 / 5),
    "laplace": (0, 3),
    "skewed": (3 / 2, 1 / 4),
}


def _require_problem(
    signal_to_noise: Float[Array, ""], contrast: str, latent: str
) -> None:
    if signal_to_noise.shape:
        raise ValueError(
            f"signal_to_noise must be a scalar, got {signal_to_noise.shape=}"
        )
    for name, value, known in (
        ("contrast", contrast, _CONTRASTS),
        ("latent", latent, _LATENTS),
    ):
        if value not in known:
            raise ValueError(
                f"{name} must be one of {', '.join(known)}, got {name}={value!r}"
            )
