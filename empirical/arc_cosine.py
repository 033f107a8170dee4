"""Arc-cosine kernels, measured on random units.

The twin of `analytic.arc_cosine`: the same names and parameters, then the noise as
keyword-only arguments. One call evaluates one draw of the noise; drawing, repeating,
averaging and judging belong to the engine. No code is shared with the twin.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical.montecarlo import Normal, expectation

__all__ = ["angle", "biased", "kernel", "series"]


@expectation(weight=Normal("d"))
def kernel(
    x: Float[Array, " d"],
    y: Float[Array, " d"],
    degree: int,
    *,
    weight: Float[Array, " d"],
) -> Float[Array, ""]:
    """Twice the product of two inputs' features in one random unit.

    Args:
        x: First input.
        y: Second input, of the length and dtype of `x`.
        degree: Exponent of the activation: 0, 1 or 2.
        weight: Noise: the unit's weights, standard normal.

    Returns:
        One draw. Its mean over `weight` is the analytic kernel.

    Degenerate cases:
        A zero input gives 0 at every degree, as no pre-activation is positive.

    Raises:
        ValueError: `degree` is not 0, 1 or 2, or the inputs are not alike.
    """
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x and y must be vectors alike, got {x.shape=}, {y.shape=}")
    if degree not in (0, 1, 2):
        raise ValueError(f"degree must be 0, 1 or 2, got {degree=}")
    # Full precision: the reduced default of some accelerators would bias the mean.
    z = jnp.matmul(jnp.stack([x, y]), weight, precision="highest")
    return 2 * jnp.prod(jnp.where(z > 0, z**degree, 0))


def angle(x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, "2"]:
    """The angle between two vectors and its supplement, from their two diagonals.

    Unit vectors u and v span a rhombus with diagonals |u - v| = 2 sin(theta/2) and
    |u + v| = 2 cos(theta/2).

    Args:
        x: First vector.
        y: Second vector, of the length and dtype of `x`.

    Returns:
        Both angles.

    Degenerate cases:
        A zero vector is taken to be orthogonal to all.

    Raises:
        ValueError: The inputs are not alike.
    """
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x and y must be vectors alike, got {x.shape=}, {y.shape=}")
    norms = [jnp.linalg.norm(v) for v in (x, y)]
    u, v = norms[1] * x, norms[0] * y
    short, long = jnp.linalg.norm(u - v), jnp.linalg.norm(u + v)
    zero = (norms[0] == 0) | (norms[1] == 0)
    both = jnp.stack([2 * jnp.arctan2(short, long), 2 * jnp.arctan2(long, short)])
    return jnp.where(zero, jnp.pi / 2, both)


@expectation(weight=Normal("d"), bias=Normal())
def biased(
    x: Float[Array, " d"],
    y: Float[Array, " d"],
    degree: int,
    weight_variance: Float[Array, ""],
    bias_variance: Float[Array, ""],
    *,
    weight: Float[Array, " d"],
    bias: Float[Array, ""],
) -> Float[Array, ""]:
    """Twice the product of two inputs' features in one random unit with a bias.

    Args:
        x: First input.
        y: Second input, of the length and dtype of `x`.
        degree: Exponent of the activation: 0, 1 or 2.
        weight_variance: Variance of the weights, times the length of the inputs.
        bias_variance: Variance of the bias.
        weight: Noise: the weights before scaling, standard normal.
        bias: Noise: the bias before scaling, standard normal.

    Returns:
        One draw. Its mean over the noise is the analytic kernel.

    Degenerate cases:
        A zero input gives a unit that sees its bias alone.

    Raises:
        ValueError: `degree` is not 0, 1 or 2, or the inputs are not alike.
    """
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x and y must be vectors alike, got {x.shape=}, {y.shape=}")
    if degree not in (0, 1, 2):
        raise ValueError(f"degree must be 0, 1 or 2, got {degree=}")
    z = jnp.matmul(jnp.stack([x, y]), weight, precision="highest")
    z = jnp.sqrt(weight_variance / x.size) * z + jnp.sqrt(bias_variance) * bias
    return 2 * jnp.prod(jnp.where(z > 0, z**degree, 0))


@expectation(weight=Normal(2))
def series(
    cosine: Float[Array, ""],
    degree: int,
    terms: int,
    *,
    weight: Float[Array, " 2"],
) -> Float[Array, ""]:
    """Twice the product of two unit vectors' features in one random unit of the plane.

    Args:
        cosine: Inner product of the unit vectors, in [-1, 1].
        degree: Exponent of the activation: 0, 1 or 2.
        terms: Length of the series that is tested; the experiment has no truncation.
        weight: Noise: the unit's weights, standard normal.

    Returns:
        One draw. Its mean over `weight` is the sum of the whole series.

    Degenerate cases:
        A cosine beyond 1 in size belongs to no pair of vectors and gives nan.

    Raises:
        ValueError: `cosine` is not a scalar, `degree` is not 0, 1 or 2, or `terms` is
            not positive.
    """
    if jnp.shape(cosine) != ():
        raise ValueError(f"cosine must be a scalar, got {jnp.shape(cosine)=}")
    if terms < 1:
        raise ValueError(f"terms must be at least 1, got {terms=}")
    sine = jnp.sqrt(1 - cosine * cosine)  # nan beyond 1
    x = jnp.stack([jnp.ones_like(cosine), jnp.zeros_like(cosine)])
    draw = kernel(x, jnp.stack([cosine, sine]), degree, weight=weight)
    return jnp.where(jnp.abs(cosine) <= 1, draw, jnp.nan)
