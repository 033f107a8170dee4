"""Sobol points with nested uniform scrambling, made where they are used.

Point number i is the exclusive or of the direction numbers of the bits of i. Scrambling
permutes the digits of every coordinate, each digit depending on those before it, by a
hash of the bit-reversed number: additions and multiplications carry towards higher
bits, which are the later digits. Every number is exactly uniform on [0, 1), since it is
the image of a sum with a uniform word under a bijection.

Source: Joe & Kuo 2008 (direction numbers, from SciPy); Owen 1995 (scrambling);
Laine & Karras 2011, section 3, with constants of Vegdahl 2021 (hash).
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax import lax

__all__ = ["DIGITS", "direction_numbers", "reversed_points", "scrambled", "seeds"]

DIGITS = 20
"""Binary digits of the number of a point: at most 2^20 points a replicate."""
BITS = 32
"""Binary digits of a coordinate that are scrambled; those after them are shifted."""


@functools.cache
def direction_numbers(dimensions: int) -> np.ndarray:
    """Direction numbers with their bits reversed, shape (DIGITS, dimensions)."""
    engine = scipy.stats.qmc.Sobol(dimensions, scramble=False, bits=BITS)
    numbers = np.zeros((DIGITS, dimensions), np.uint32)
    for digit in range(DIGITS):
        # SciPy counts in Gray code: 2^(k + 1) - 1 has the single digit k.
        engine.fast_forward(2 ** (digit + 1) - 1 - engine.num_generated)
        point = engine.random(1)[0] * 2.0**BITS
        numbers[digit] = [int(f"{int(x):032b}"[::-1], 2) for x in point]
    return numbers


def seeds(key: tuple[int, int], replicates: int, dimensions: int) -> dict:
    """Random numbers of the scrambling: each replicate and dimension has its own."""
    random = np.random.default_rng(key)
    shape = (replicates, dimensions)
    return {
        "sum": random.integers(2**BITS, size=shape, dtype=np.uint32),
        "product": random.integers(2**BITS, size=shape, dtype=np.uint32) | np.uint32(1),
        "shift": random.random(shape),
    }


def reversed_points(directions: jax.Array, index: jax.Array) -> jax.Array:
    """Points before scrambling, bits reversed, shape (indices, dimensions)."""
    digits = jnp.arange(DIGITS, dtype=jnp.uint32)
    chosen = (index[:, None] >> digits[None, :]) & 1
    terms = jnp.where(chosen[:, :, None] == 1, directions[None], jnp.uint32(0))
    return lax.reduce(terms, np.uint32(0), lax.bitwise_xor, (1,))


def scrambled(points: jax.Array, seed: dict) -> jax.Array:
    """Uniform numbers from points with reversed bits; the seeds' arrays broadcast."""
    x = points ^ (points * jnp.uint32(0x3D20ADEA))
    x = (x + seed["sum"]) * seed["product"]
    x = x ^ (x * jnp.uint32(0x05526C56))
    x = x ^ (x * jnp.uint32(0x53A22864))
    return (_reverse(x).astype(jnp.float64) + seed["shift"]) * 2.0**-BITS


def _reverse(x: jax.Array) -> jax.Array:
    """The bits of each word in reverse order."""
    for step, mask in enumerate((0x55555555, 0x33333333, 0x0F0F0F0F, 0x00FF00FF)):
        mask, width = jnp.uint32(mask), jnp.uint32(1 << step)
        x = ((x >> width) & mask) | ((x & mask) << width)
    return (x >> jnp.uint32(16)) | (x << jnp.uint32(16))
