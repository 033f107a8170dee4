"""Normal numbers from random words: Box & Muller 1958, with all 32 bits of the radius.

A pair is R cos A, R sin A with R = sqrt(-2 log U). U = (word + 1/2) / 2^32 is the
middle of one of 2^32 cells, so that R reaches 6.76 (23 bits of `jax.random.normal` in
float32 reach 5.42). -log U is evaluated from the complement of the word where U is near
one, hence small radii are precise as well; the angle is folded as an integer.

How far the means of such numbers lie from those of the normal law is computed by
`benchmarks/generator_bias.py`, entry "native normal float32": rounding, at most 3e-7 of
each number, leaves moments, exponentials and tails far closer to the law than 2^26
draws could tell. So the engine widens them to double precision.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax

from empirical.montecarlo.noise.threefry import exact_bits

__all__ = [
    "exact_normal",
    "minus_log",
    "normal_pair",
    "normal_pair_fine",
    "sine_of_turns",
]

# (log(1 + x) - x) / x^2 for 1 + x in [sqrt(1/2), sqrt(2)], ascending: least maximum
# relative error, 5e-8 of this quotient.
LOGARITHM = (
    *(-0.49999998, 0.33333325, -0.25000779, 0.20001636, -0.16627093),
    *(0.14196145, -0.1311404, 0.12777339, -0.07778038),
)
# sin(2 pi t) / t in t^2, |t| <= 1/4, ascending: least maximum relative error, 5e-9.
SINE = (6.28318527, -41.34167748, 81.60223125, -76.57499226, 39.71091814)
# The same by Taylor's formula, to 1e-18.
FINE_SINE = tuple(
    (-1) ** k * (2 * math.pi) ** (2 * k + 1) / math.factorial(2 * k + 1)
    for k in range(12)
)
QUARTER, FLIP = 1 << 30, 0x7FFFFFFF
# The bits of sqrt(1/2) in single precision: where mantissas start.
START, MANTISSA = 0x3F3504F3, 0x7FFFFF


def normal_pair(radius: jax.Array, angle: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Two independent standard normal numbers, float32, from two words.

    Args:
        radius: Random words, uint32.
        angle: Others of the same shape.
    """
    length = jnp.sqrt(2 * minus_log(radius))
    # A quarter of a turn further the sine is the cosine.
    return (
        length * sine_of_turns(angle + jnp.uint32(QUARTER)),
        length * sine_of_turns(angle),
    )


def minus_log(word: jax.Array) -> jax.Array:
    """-log((word + 1/2) / 2^32) in float32, relatively precise at both ends."""
    signed = lax.bitcast_convert_type(word, jnp.int32)
    upper = signed < 0
    # The distance to the nearer end, of which no bit is lost.
    distance = jnp.where(upper, ~signed, signed).astype(jnp.float32)
    distance = distance * _single(2.0**-32) + _single(2.0**-33)
    value = jnp.where(upper, 1 - distance, distance)
    bits = lax.bitcast_convert_type(value, jnp.int32) - jnp.int32(START)
    exponent = bits >> 23
    mantissa = lax.bitcast_convert_type(
        (bits & jnp.int32(MANTISSA)) + jnp.int32(START), jnp.float32
    )
    x = jnp.where(upper & (exponent == 0), -distance, mantissa - 1)
    log = _polynomial(x, LOGARITHM) * x * x + x
    return -(exponent.astype(jnp.float32) * _single(math.log(2)) + log)


def sine_of_turns(word: jax.Array) -> jax.Array:
    """sin(2 pi (word + 1/2) / 2^32) in float32, relatively precise at its zeros."""
    turns = (_folded(word)[0].astype(jnp.float32) + _single(0.5)) * _single(2.0**-32)
    return turns * _polynomial(turns * turns, SINE)


def normal_pair_fine(
    radius: tuple[jax.Array, jax.Array], angle: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
    """Two independent standard normal numbers, float64, from four words.

    All 64 bits of the radius count: it reaches 9.49.

    Args:
        radius: High and low words, uint32.
        angle: Others.
    """
    high, low = radius
    upper = high >= jnp.uint32(1 << 31)
    distance = _double(jnp.where(upper, ~high, high), jnp.where(upper, ~low, low))
    # log1p has no use for the other branch, which may be as far as 1/2 as well.
    log = jnp.where(upper, jnp.log1p(-distance), jnp.log(distance))
    length = jnp.sqrt(-2 * log)

    def sine(high):
        folded, flipped = _folded(high)
        rest = jnp.where(flipped, ~angle[1], angle[1]).astype(jnp.float64) + 0.5
        turns = (folded.astype(jnp.float64) + rest * 2.0**-32) * 2.0**-32
        return turns * _polynomial(turns * turns, FINE_SINE)

    return length * sine(angle[0] + jnp.uint32(QUARTER)), length * sine(angle[0])


def exact_normal(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """The numbers of `jax.random.normal` in float32 for a threefry key, but faster.

    Args:
        key: Two words, as `jax.random.key_data` gives them.
        shape: Of the result.
    """
    word = exact_bits(key, shape)
    ones = lax.bitcast_convert_type(jnp.float32(1), jnp.uint32)
    fraction = lax.bitcast_convert_type((word >> jnp.uint32(9)) | ones, jnp.float32)
    low = jnp.nextafter(_single(-1), _single(0))
    uniform = jnp.maximum(low, (fraction - 1) * (_single(1) - low) + low)
    return _single(math.sqrt(2)) * lax.erf_inv(uniform)


def _folded(word: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The angle of the same sine within a quarter turn, and whether bits flipped."""
    signed = lax.bitcast_convert_type(word, jnp.int32)
    # The top two bits differ beyond a quarter turn.
    beyond = (signed ^ (signed << 1)) >> 31
    return signed ^ (beyond & jnp.int32(FLIP)), beyond != 0


def _double(high: jax.Array, low: jax.Array) -> jax.Array:
    """(high 2^32 + low + 1/2) / 2^64 in float64."""
    rest = low.astype(jnp.float64) + 0.5
    return high.astype(jnp.float64) * 2.0**-32 + rest * 2.0**-64


def _polynomial(x: jax.Array, coefficients: tuple[float, ...]) -> jax.Array:
    total = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + jnp.asarray(coefficient, x.dtype)
    return total


def _single(value: float) -> jax.Array:
    return jnp.float32(value)
