"""Angles between vectors and the functions of them that ReLU kernels are made of.

Private to `analytic`: norms that neither overflow nor underflow, angles accurate at
both ends of [0, pi], and two functions of the gap pi - theta that vanish at zero faster
than their terms do.

Source: Kahan, "How Futile are Mindless Assessments of Roundoff in Floating-Point
Computation?", 2006, section 12 (angles); the series are Taylor's.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = [
    "angles",
    "double_angle_residual",
    "kinked",
    "polar",
    "sine",
    "sine_residual",
]


def polar(vector: Float[Array, " d"]) -> tuple[Float[Array, ""], Float[Array, " d"]]:
    """Euclidean norm and direction of a vector.

    Args:
        vector: Any vector whose entries are zero or normal numbers.

    Returns:
        The norm, to a few ulp of itself, and the unit vector, to a few ulp of 1, as
        long as the norm itself is a normal number.

    Degenerate cases:
        The zero vector has norm 0, direction 0, and zero derivatives of both: a
        convention. An entry that is not finite gives a direction with nan.
    """
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(vector)))
    zero = largest == 0
    # A power of two scales without rounding; this one and its inverse are normal.
    exponent = jnp.maximum(jnp.frexp(largest)[1] - 2, jnp.finfo(vector.dtype).minexp)
    scaled = vector * jnp.ldexp(jnp.ones_like(largest), -exponent)
    square = jnp.sum(scaled * scaled)
    length = jnp.sqrt(jnp.where(zero, 1, square))  # the slope of sqrt at 0 is infinite
    norm = jnp.ldexp(jnp.ones_like(largest), exponent) * length
    return jnp.where(zero, 0, norm), jnp.where(zero, 0, scaled / length)


@jax.custom_jvp
def kinked(vector: Float[Array, " d"]) -> Float[Array, " d"]:
    """The vector itself, but with derivative nan at zero.

    For functions without a derivative there: the conventions of `polar` and `angles`
    would give them a wrong one in silence.

    Args:
        vector: Any vector.
    """
    return vector


def angles(
    x: Float[Array, " d"], y: Float[Array, " d"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The angle theta between two vectors, and the gap pi - theta.

    Args:
        x: First vector.
        y: Second vector, of the length and dtype of `x`.

    Returns:
        theta and gap in [0, pi], each to a few ulp of 1, and each exactly 0 where `x`
        and `y` (for gap: -y) agree up to a power of two.

    Degenerate cases:
        Where `x` and `y` are parallel or opposite, theta has a kink; its derivative
        there is 0 by convention. A zero vector is taken to be orthogonal to all.
    """
    u, v = polar(x)[1], polar(y)[1]
    difference, total = polar(u - v)[0], polar(u + v)[0]
    # Two zero vectors would give atan2(0, 0), whose derivative is nan.
    neither = (difference == 0) & (total == 0)
    difference = jnp.where(neither, 1, difference)
    total = jnp.where(neither, 1, total)
    # Kahan: arccos(u . v) loses half the digits near 0 and pi, pi - theta near pi.
    return 2 * jnp.arctan2(difference, total), 2 * jnp.arctan2(total, difference)


def sine(theta: Float[Array, ""], gap: Float[Array, ""]) -> Float[Array, ""]:
    """Sin theta = sin gap of an angle and its gap, exactly 0 at both ends.

    Args:
        theta: Angle in [0, pi].
        gap: pi - theta, known on its own.

    Returns:
        The sine, to a few ulp of itself.
    """
    # The float nearest pi has a sine of 1e-7 in float32, negative at that.
    return jnp.sin(jnp.minimum(theta, gap))


@jax.custom_jvp
def sine_residual(angle: Float[Array, ""]) -> Float[Array, ""]:
    """S(a) = sin a - a cos a = a^3/3 - a^5/30 + a^7/840 - ...

    With gap = pi - theta, S(gap) = sin theta + (pi - theta) cos theta, the angular part
    of the ReLU kernel.

    Args:
        angle: a in [-pi, pi].

    Returns:
        S(a), to a few ulp of itself; its derivative is a sin a.
    """
    # Beyond 1 the two terms share less than two bits.
    return jnp.where(
        jnp.abs(angle) < 1,
        angle**3 * _horner(_SINE_SERIES, angle * angle),
        jnp.sin(angle) - angle * jnp.cos(angle),
    )


@jax.custom_jvp
def double_angle_residual(angle: Float[Array, ""]) -> Float[Array, ""]:
    """T(a) = a (2 + cos 2a) - 3/2 sin 2a = 4a^5/15 - 16a^7/315 + 4a^9/945 - ...

    With gap = pi - theta, T(gap) = 3 sin theta cos theta + (pi - theta) (1 + 2 cos^2
    theta), the angular part of the kernel of the squared ReLU.

    Args:
        angle: a in [-pi, pi].

    Returns:
        T(a), to a few ulp of itself; its derivative is 4 S(a) sin a.
    """
    # Beyond 1.4 the two terms share less than a bit.
    double = 2 * angle
    return jnp.where(
        jnp.abs(angle) < 1.4,
        angle**5 * _horner(_DOUBLE_ANGLE_SERIES, angle * angle),
        angle * (2 + jnp.cos(double)) - 1.5 * jnp.sin(double),
    )


kinked.defjvps(lambda t, _, vector: t * jnp.where(jnp.any(vector != 0), 1, jnp.nan))
sine_residual.defjvps(lambda t, _, angle: t * angle * jnp.sin(angle))
double_angle_residual.defjvps(
    lambda t, _, angle: t * 4 * sine_residual(angle) * jnp.sin(angle)
)

# Enough terms for the rest to be below half an ulp of float64 at the switches.
_SINE_SERIES = tuple(
    (-1) ** k * 2 * (k + 1) / math.factorial(2 * k + 3) for k in range(10)
)
_DOUBLE_ANGLE_SERIES = tuple(
    (-1) ** k * 4 ** (k + 2) * 2 * (k + 1) / math.factorial(2 * k + 5)
    for k in range(14)
)


def _horner(coefficients: tuple[float, ...], x: Float[Array, ""]) -> Float[Array, ""]:
    """Sum of coefficients[k] x^k."""
    value = jnp.zeros_like(x)
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value
