"""Rules of Hermite expansions, measured on one normal number.

The twin of `analytic.hermite_rules`, which says how the polynomials are normalized.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical._links import FUNCTIONS, evaluate, polynomials
from empirical.montecarlo import Normal, expectation

__all__ = ["coefficient_table", "scaled", "smoothed", "transformed"]


@expectation(noise=Normal())
def smoothed(
    point: Float[Array, ""],
    correlation: Float[Array, ""],
    order: int,
    *,
    noise: Float[Array, ""],
) -> Float[Array, " degrees"]:
    """h_k, up to `order`, at a number correlated with `point`.

    Args:
        point: Where the smoothed polynomials are wanted.
        correlation: The correlation, in [-1, 1].
        order: The largest degree, from 0 to 100.
        noise: Noise: the part that is independent of the point, before scaling.

    Returns:
        One draw of the polynomials.

    Degenerate cases:
        At correlation 1 or -1 nothing is drawn. Where |correlation| > 1: nan.

    Raises:
        ValueError: `point` or `correlation` is not a scalar, or `order` is out of
            range.
    """
    if point.shape or correlation.shape:
        raise ValueError(
            "point and correlation must be scalars, "
            f"got {point.shape=}, {correlation.shape=}"
        )
    if not 0 <= order <= _LARGEST:
        raise ValueError(f"order must be from 0 to {_LARGEST}, got {order=}")
    drawn = correlation * point + jnp.sqrt(1 - correlation**2) * noise
    return polynomials(drawn, order)


@expectation(sample=Normal())
def transformed(
    function: str, order: int, *, sample: Float[Array, ""]
) -> Float[Array, "3 degrees"]:
    """Products of f'(z), z f(z) and z^2 f(z) with h_k(z), f' by automatic derivation.

    Args:
        function: The name of f, as listed in `analytic.hermite`; not sign or step,
            whose derivative is a point mass that no draw meets.
        order: The largest degree k: from 0 to 98; to 8 for tanh, log_cosh, sigmoid,
            softplus and silu.
        sample: Noise: the normal number z.

    Returns:
        One draw of the products.

    Degenerate cases:
        None: relu and abs have no derivative at 0, and 0 is never drawn.

    Raises:
        ValueError: `function` is not a listed name or jumps, or `order` is out of
            range.
    """
    if function in ("sign", "step"):
        raise ValueError(f"function must not jump, got {function=}")
    value, slope = jax.value_and_grad(lambda z: evaluate(function, z))(sample)
    largest = 8 if function in _TABULATED else 98
    if not 0 <= order <= largest:
        raise ValueError(
            f"order must be from 0 to {largest} for {function}, got {order=}"
        )
    factors = jnp.stack([slope, sample * value, sample**2 * value])
    return factors[:, None] * polynomials(sample, order)[None]


@expectation(sample=Normal())
def scaled(
    rate: Float[Array, ""], order: int, *, sample: Float[Array, ""]
) -> Float[Array, "functions degrees"]:
    """Products f(z) h_k(z) of links of a given rate, k from 0 to `order`.

    Args:
        rate: The rate r: the links are e^{-r z^2 / 2} and erf, sin, cos and exp of r z.
        order: The largest degree k, from 0 to 100.
        sample: Noise: the normal number z.

    Returns:
        One draw of the table.

    Degenerate cases:
        At r <= -1 the first link has no mean: nan.

    Raises:
        ValueError: `rate` is not a scalar, or `order` is out of range.
    """
    if rate.shape:
        raise ValueError(f"rate must be a scalar, got {rate.shape=}")
    if not 0 <= order <= _LARGEST:
        raise ValueError(f"order must be from 0 to {_LARGEST}, got {order=}")
    # The root of r times z would not do for a bump that grows.
    bump = jnp.where(rate > -1, jnp.exp(-rate * sample**2 / 2), jnp.nan)
    others = [evaluate(name, rate * sample) for name in ("erf", "sin", "cos", "exp")]
    return jnp.stack([bump, *others])[:, None] * polynomials(sample, order)[None]


@expectation(sample=Normal())
def coefficient_table(
    family: str, order: int, *, sample: Float[Array, ""]
) -> Float[Array, "functions degrees"]:
    """Products f(z) h_k(z) of every function of a family, a row each.

    Args:
        family: kinked, for relu, abs, sign and step, or smooth, for all others.
        order: The largest degree k, from 0 to 10.
        sample: Noise: the normal number z, the same for all rows.

    Returns:
        One draw of the table.

    Degenerate cases:
        None: sign and step have a value at 0, and 0 is never drawn.

    Raises:
        ValueError: `family` is not a listed name, or `order` is out of range.
    """
    if family not in ("kinked", "smooth"):
        raise ValueError(f"family must be kinked or smooth, got {family=}")
    if not 0 <= order <= 10:
        raise ValueError(f"order must be from 0 to 10, got {order=}")
    names = list(FUNCTIONS)
    if family == "kinked":
        names = names[:4]
    else:
        degrees = range(1, 5)
        names = names[4:] + [f"{f}_{m}" for f in ("power", "hermite") for m in degrees]
    values = jnp.stack([evaluate(name, sample) for name in names])
    return values[:, None] * polynomials(sample, order)[None]


_LARGEST = 100
_TABULATED = ("tanh", "log_cosh", "sigmoid", "softplus", "silu")
