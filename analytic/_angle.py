"""Angles between vectors and the functions of them that ReLU kernels are made of.

Private to `analytic`: norms that neither overflow nor underflow, angles accurate at
both ends of [0, pi], and two functions of the gap pi - theta that vanish at zero faster
than their terms do.

Source: Kahan, "How Futile are Mindless Assessments of Roundoff in Floating-Point
Computation?", 2006, section 12 (angles); the series are Taylor's.
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = [
    "angles",
    "cosine",
    "double_angle_residual",
    "kinked",
    "normal",
    "of_angle",
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


@jax.custom_jvp
def angles(
    x: Float[Array, " d"], y: Float[Array, " d"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The angle theta between two vectors, and the gap pi - theta.

    Args:
        x: First vector.
        y: Second vector, of the length and dtype of `x`.

    Returns:
        theta and gap in [0, pi], each to a few ulp of itself down to 1e-7 (float64:
        1e-15 and below); smaller ones than 16 eps^2 are exactly 0.

    Degenerate cases:
        Where `x` and `y` are parallel or opposite, theta has a kink; its derivative
        there is 0 by convention. A zero vector is taken to be orthogonal to all.
    """
    (u, _), (v, _) = _scaled(x), _scaled(y)
    product = jnp.sum(u * v)
    # Both ways, so that exchanging the vectors changes no digit.
    side = jnp.sqrt(_square_sum(u)) * jnp.sqrt(_square_sum(_across(u, v)))
    side = (side + jnp.sqrt(_square_sum(v)) * jnp.sqrt(_square_sum(_across(v, u)))) / 2
    # Kahan: arccos(u . v) loses half the digits near 0 and pi.
    small = jnp.arctan2(side, jnp.abs(product))
    small = jnp.where(_either_zero(x, y), jnp.pi / 2, small)
    other = jnp.pi - small
    acute = product >= 0
    return jnp.where(acute, small, other), jnp.where(acute, other, small)


@angles.defjvp
def _angles_jvp(primals, tangents):
    """The slope in x is minus the unit normal of x on the side of y, over |x|."""
    slope = jnp.zeros_like(primals[0][0])
    for (x, y), tangent in zip((primals, primals[::-1]), tangents, strict=True):
        norm = polar(x)[0]
        turned = jnp.where(_either_zero(x, y), 0, normal(x, y))
        slope -= jnp.sum(turned / jnp.where(norm == 0, 1, norm) * tangent)
    return angles(*primals), (slope, -slope)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def of_angle(
    x: Float[Array, " d"],
    y: Float[Array, " d"],
    function: Callable[[Float[Array, ""], Float[Array, ""]], Float[Array, ""]],
) -> Float[Array, ""]:
    """|x| |y| f(theta, gap), with derivatives wherever these are floats.

    Args:
        x: First vector.
        y: Second vector, of the length and dtype of `x`.
        function: f.

    Returns:
        The product, and derivatives in x to a few ulp of |y| and of the terms of f.

    Degenerate cases:
        Those of `angles`. A zero vector gives 0, and derivatives 0 by convention.
    """
    return polar(x)[0] * polar(y)[0] * function(*angles(x, y))


@of_angle.defjvp
def _of_angle_jvp(function, primals, tangents):
    """|y| (f u + f' n) in x, n across u; |x| |y| f' (n / |x|) might underflow."""
    one = jnp.ones_like(primals[0][0])
    value, change = jax.jvp(function, angles(*primals), (-one, one))
    slope = jnp.zeros_like(one)
    for (x, y), tangent in zip((primals, primals[::-1]), tangents, strict=True):
        turned = jnp.where(_either_zero(x, y), 0, normal(x, y))
        gradient = polar(y)[0] * (value * polar(x)[1] + change * turned)
        slope += jnp.sum(gradient * tangent)
    return polar(primals[0])[0] * polar(primals[1])[0] * value, slope


@jax.custom_jvp
def normal(x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, " d"]:
    """Direction of the component of y across x; 0 where there is none.

    Args:
        x: First vector.
        y: Second vector, of the length and dtype of `x`.

    Returns:
        A unit vector, to a few ulp of 1 as long as theta is to a few ulp of itself, or
        0 where `angles` gives 0 or pi, or where a vector is zero.
    """
    return polar(_across(_scaled(x)[0], _scaled(y)[0]))[1]


@normal.defjvp
def _normal_jvp(primals, tangents):
    """It turns with x towards -x, and with the components across x and itself."""
    (x, y), (x_tangent, y_tangent) = primals, tangents
    n = normal(x, y)
    (x_norm, x_unit), (y_norm, _) = polar(x), polar(y)
    theta, gap = angles(x, y)
    some = jnp.any(n != 0) & (x_norm > 0)
    turn = x_tangent / jnp.where(some, x_norm, 1)
    sine_theta = jnp.where(some, sine(theta, gap), 1)
    moved = y_tangent / jnp.where(some, y_norm, 1) - cosine(theta, gap) * turn
    moved -= jnp.sum(moved * x_unit) * x_unit
    moved -= jnp.sum(moved * n) * n
    slope = moved / sine_theta - jnp.sum(n * turn) * x_unit
    return n, jnp.where(some, slope, 0)


def _across(x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, " d"]:
    """Component of y across x, to a few ulp of itself, or 0 where it is below noise."""
    square = jnp.sum(x * x)
    square = jnp.where(square == 0, 1, square)
    rest = y
    for _ in range(2):  # What is left along x after one pass has the size of eps y.
        rest = _without(rest, jnp.sum(x * rest) / square, x)
    # Rounding the rest of the first pass, a few eps y, leaves as many eps^2 y.
    noise = 16 * jnp.finfo(y.dtype).eps ** 2
    return jnp.where(_square_sum(rest) <= noise**2 * _square_sum(y), 0, rest)


def _without(
    y: Float[Array, " d"], factor: Float[Array, ""], x: Float[Array, " d"]
) -> Float[Array, " d"]:
    """The difference y - factor x, rounded about once.

    The products of halves are exact, hence also where a compiler fuses them with the
    subtractions, which would spoil the classical error term of a product.
    """
    kind = jnp.finfo(y.dtype)

    def halves(value):
        high = jax.lax.reduce_precision(value, kind.nexp, (kind.nmant - 1) // 2)
        return high, value - high

    (f_high, f_low), (x_high, x_low) = halves(factor), halves(x)
    rest = ((y - f_high * x_high) - f_high * x_low) - f_low * x_high
    return rest - f_low * x_low


def _scaled(vector: Float[Array, " d"]) -> tuple[Float[Array, " d"], Array]:
    """The vector over a power of two near its largest entry, and the exponent."""
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(vector)))
    exponent = jnp.maximum(jnp.frexp(largest)[1] - 2, jnp.finfo(vector.dtype).minexp)
    exponent = jnp.where(largest == 0, 0, exponent)
    return vector * jnp.ldexp(jnp.ones_like(largest), -exponent), exponent


def _square_sum(vector: Float[Array, " d"]) -> Float[Array, ""]:
    return jnp.sum(vector * vector)


def _either_zero(x: Float[Array, " d"], y: Float[Array, " d"]) -> Array:
    return ~(jnp.any(x != 0) & jnp.any(y != 0))


def cosine(theta: Float[Array, ""], gap: Float[Array, ""]) -> Float[Array, ""]:
    """Cos theta of an angle and its gap.

    Args:
        theta: Angle in [0, pi].
        gap: pi - theta, known on its own.

    Returns:
        The cosine, to a few ulp of 1.
    """
    return jnp.where(theta < gap, jnp.cos(theta), -jnp.cos(gap))


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
