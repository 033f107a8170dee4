"""The cipher Threefry-2x32 with 20 rounds, unrolled so that it fuses with its use.

Source: Salmon, Moraes, Dror & Shaw 2011, section 3.3; the rotations are those of
Random123. JAX rolls the rounds into a loop on CPU, where each goes through memory.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax

__all__ = ["exact_bits", "threefry2x32"]

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA


def threefry2x32(
    key: tuple[jax.Array, jax.Array], first: jax.Array, second: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Two random words for every counter of two words.

    Args:
        key: Two words, scalars or of the shape of the counters.
        first: First words of the counters, uint32.
        second: Second words, uint32, of the same shape.
    """
    keys = (key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(PARITY))
    x, y = first + keys[0], second + keys[1]
    for group in range(5):
        for rotation in ROTATIONS[group % 2]:
            x = x + y
            y = ((y << jnp.uint32(rotation)) | (y >> jnp.uint32(32 - rotation))) ^ x
        x = x + keys[(group + 1) % 3]
        y = y + (keys[(group + 2) % 3] + jnp.uint32(group + 1))
    return x, y


def exact_bits(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """The words of `jax.random.bits` for a threefry key, bit by bit, but faster.

    They are the exclusive or of both words of the counter (0, index), as with
    `jax_threefry_partitionable`, the default.

    Args:
        key: Two words, as `jax.random.key_data` gives them.
        shape: Of the result; less than 2^32 words.

    Raises:
        ValueError: The result has 2^32 words or more.
    """
    size = math.prod(shape)
    if size >= 2**32:
        raise ValueError(f"shape must hold less than 2^32 words, got {shape}")
    index = lax.iota(jnp.uint32, size).reshape(shape)
    x, y = threefry2x32((key[0], key[1]), jnp.zeros_like(index), index)
    return x ^ y
