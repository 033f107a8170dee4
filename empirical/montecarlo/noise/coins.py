"""Coins: bits that are 1 with a known probability, 32 of them from a few random words.

A number that is uniform on [0, 1) is compared with p digit by digit, in 32 lanes at
once: a word holds one digit of each lane, and a lane is decided by the first digit that
differs from that of p. A float is a whole multiple of a power of two, k / 2^j, so after
j digits all lanes are decided, and the probability is p to the last bit. One word is
enough for p = 1/2; else words are made until no lane is left, which of n lanes takes
about log2(n) + 1. Further words would change nothing, so a bit does not depend on which
others are made beside it.
"""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from empirical.montecarlo.noise.threefry import threefry2x32

__all__ = ["LANES", "chance_of", "coin_bits", "coin_source", "coin_words"]

LANES = 32
"""Bits of a word."""
TOGETHER = 4
"""Digits of a round, after which it is seen whether any lane is left."""
_NAME = "coin "


def coin_source(chance: float) -> str:
    """The name of the source of coins of a probability."""
    return f"{_NAME}{float(chance)!r}"


def chance_of(source: str) -> float | None:
    """The probability of a source of coins; None for other sources."""
    return float(source[len(_NAME) :]) if source.startswith(_NAME) else None


def coin_words(
    key: tuple[jax.Array, jax.Array],
    chance: float,
    place: jax.Array,
    number: jax.Array,
    stride: int,
) -> jax.Array:
    """Words of coins, two at every place: uint32 of shape (2, *place.shape).

    Digit k of all lanes of a place is in the words of the counter
    (place + k * stride, number).

    Args:
        key: Two words.
        chance: The probability of a 1, above 0 and below 1.
        place: First words of the counters, uint32, each below `stride`.
        number: Second words, of the same shape.
        stride: Places of one digit.
    """
    digits = _digits(chance)
    together = min(len(digits), TOGETHER)
    # Beyond the last digit of p there are zeros: no lane becomes 1.
    padded = np.pad(digits, (0, -len(digits) % together))
    table = jnp.asarray(np.where(padded, 0xFFFFFFFF, 0).astype(np.uint32))
    lead = (together, *(1,) * place.ndim)

    def one_round(state):
        start, ones, open_ = state
        further = start.astype(jnp.uint32) + jnp.arange(together, dtype=jnp.uint32)
        every = place[None] + (further * jnp.uint32(stride)).reshape(lead)
        words = threefry2x32(key, every, jnp.broadcast_to(number[None], every.shape))
        words = jnp.stack(words, axis=1)
        of_p = lax.dynamic_slice_in_dim(table, start, together)
        for word, digit in zip(words, of_p, strict=True):
            # A set bit stands for the digit 0: it decides where p has the digit 1.
            ones = ones | (open_ & word & digit)
            open_ = open_ & (word ^ digit)
        return start + together, ones, open_

    def is_open(state):
        return (state[0] < len(padded)) & jnp.any(state[2] != 0)

    none = jnp.zeros((2, *place.shape), jnp.uint32)
    state = jnp.zeros((), jnp.int32), none, ~none
    if len(digits) == together:
        return one_round(state)[1]
    return lax.while_loop(is_open, one_round, state)[1]


def coin_bits(words: jax.Array, first: jax.Array, count: int) -> jax.Array:
    """Bits of words, one after the other along the last axis, as uint32.

    Args:
        words: Shape (..., count / 32), or (..., 1) for less than 32 bits.
        first: The first bit of a word that is taken.
        count: How many bits: a power of two.
    """
    lane = jnp.arange(min(count, LANES), dtype=jnp.uint32) + first.astype(jnp.uint32)
    lane = lane.reshape(*(1,) * words.ndim, -1)
    bits = (words[..., None] >> lane) & jnp.uint32(1)
    return bits.reshape(*words.shape[:-1], count)


def _digits(chance: float) -> np.ndarray:
    """The binary digits of a number between 0 and 1 after the point, all of them."""
    exact = Fraction(chance)
    count = exact.denominator.bit_length() - 1
    return np.array([exact.numerator >> (count - 1 - k) & 1 for k in range(count)])
