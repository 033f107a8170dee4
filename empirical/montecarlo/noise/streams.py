"""The base numbers of a block of draws, by source, row and column.

A block has an even number of rows, one a draw, and a column for each base number of
its source. A number depends on the key, the source, the number of the block, its row
and its column alone, not on how the rows are grouped. (Words and uniform numbers do so
to the bit; the last bit of a normal number in float32 may differ between two compiled
programs, since the compiler chooses which products to fuse with sums.)

Both words of a counter are used: the first half of the rows has one number of each
pair, the second half the other. A pair stays in one word of 64 bits until one half is
taken, because XLA would run the cipher anew for each of two arrays.

Uniform numbers of which is only asked whether they lie below a known one are *coins*:
they are 0 where they do and 1 where not, and come from a stream of their own, 32 rows
in a word.
"""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from empirical.montecarlo.lazy import lazy
from empirical.montecarlo.noise.coins import (
    LANES,
    chance_of,
    coin_bits,
    coin_source,
    coin_words,
)
from empirical.montecarlo.noise.normals import normal_pair, normal_pair_fine
from empirical.montecarlo.noise.threefry import threefry2x32

__all__ = ["NOISES", "Block", "Noise", "first_rows", "stream_key"]

Noise = Literal["native", "fine", "jax"]
NOISES = get_args(Noise)
Words = Any
"""Two uint32, a pair or an array of shape (2,)."""


def stream_key(*parts: Any) -> tuple[int, int]:
    """Two words that name a stream of noise: a hash of all parts."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:], "big")


@dataclass(frozen=True)
class Block:
    """How blocks of noise are laid out.

    Attributes:
        sizes: Base numbers of each source in a row.
        rows: Draws in a block, an even number.
        noise: "native" (Threefry and Box-Muller, normal numbers of float32 widened),
            "fine" (the same in float64), or "jax" (`jax.random` in float64).
        dtype: Precision of the numbers: float64, or float32.
        coins: Columns of the uniform numbers that are coins: first and last, and the
            number between 0 and 1 below which they may lie; in order. With "jax" they
            are uniform numbers as others.
    """

    sizes: Mapping[str, int]
    rows: int
    noise: Noise = "native"
    dtype: Any = jnp.float64
    coins: tuple[tuple[int, int, float], ...] = ()

    @lazy
    def streams(self) -> dict[str, int]:
        """Base numbers in a row of each stream: of each source, but coins by chance."""
        found = dict(self.sizes)
        if self.noise == "jax":
            return found
        for first, last, chance in self.coins:
            name = coin_source(chance)
            found["uniform"] -= last - first
            found[name] = found.get(name, 0) + last - first
        if self.coins and not found["uniform"]:
            del found["uniform"]
        return found

    def joined(self, rows: Mapping[str, Any], axis: int) -> dict[str, Any]:
        """Streams as sources: coins in their columns of the uniform numbers.

        Args:
            rows: Arrays of each stream.
            axis: That of the base numbers.
        """
        if self.noise == "jax" or not self.coins:
            return dict(rows)
        found = {s: a for s, a in rows.items() if chance_of(s) is None}
        parts, taken, end = [], dict.fromkeys(rows, 0), 0

        def take(stream, count):
            if count:
                start = taken[stream]
                taken[stream] = start + count
                parts.append(
                    lax.slice_in_dim(rows[stream], start, start + count, axis=axis)
                )

        for first, last, chance in self.coins:
            take("uniform", first - end)
            take(coin_source(chance), last - first)
            end = last
        take("uniform", self.sizes["uniform"] - end)
        return {**found, "uniform": jnp.concatenate(parts, axis=axis)}

    def keys(self, key: tuple[int, int], numbers: range) -> dict[str, np.ndarray]:
        """Words for each stream and block, shape (blocks, 2)."""
        found = {}
        for source in self.streams:
            if self.noise == "jax":
                each = [stream_key(*key, number, source) for number in numbers]
            else:
                each = [stream_key(*key, source)] * len(numbers)
            found[source] = np.array(each, np.uint32).reshape(-1, 2)
        return found

    def opened(self, keys: Mapping[str, Words], number: jax.Array) -> dict[str, Any]:
        """What must be made once for a block: with "jax", all of its numbers."""
        del number
        if self.noise != "jax":
            return {}
        return {
            source: _from_jax(keys[source], source, self.rows * size, self.dtype)
            .reshape(self.rows, size)
            .T
            for source, size in self.sizes.items()
        }

    def pairs(
        self,
        keys: Mapping[str, Words],
        number: jax.Array,
        opened: Mapping[str, jax.Array],
        start: jax.Array,
        count: int,
    ) -> dict[str, Any]:
        """Some rows of both halves, packed.

        Args:
            keys: Two words for each stream.
            number: The number of the block.
            opened: As `opened` gave it.
            start: The first of the rows, counted within a half.
            count: How many of each half: a power of two that divides `start`.
        """
        if self.noise == "jax":
            return {source: (rows, start) for source, rows in opened.items()}
        found = {}
        for source, size in self.streams.items():
            if chance_of(source) is not None:
                words = self._coins(source, keys[source], start // LANES, count, number)
                found[source] = words, start % LANES
                continue
            shape = (size, count)
            row = lax.broadcasted_iota(jnp.uint32, shape, 1) + start.astype(jnp.uint32)
            found[source] = self._packed(source, keys[source], row, number)
        return found

    def taken(self, pairs: Mapping[str, Any], half: jax.Array, count: int):
        """One half of packed rows: arrays of shape (base numbers, rows)."""
        if self.noise != "jax":
            each = {s: self._taken(s, p, half, count) for s, p in pairs.items()}
            return self.joined(each, 0)
        return {
            source: lax.dynamic_slice_in_dim(
                rows, half * (self.rows // 2) + start, count, 1
            )
            for source, (rows, start) in pairs.items()
        }

    def _packed(self, source: str, key: Words, row: jax.Array, number: jax.Array):
        """Both halves of rows given by their places in a half."""
        size = self.streams[source]
        column = lax.broadcasted_iota(jnp.uint32, row.shape, row.ndim - 2)
        place = row * jnp.uint32(size) + column
        number = jnp.broadcast_to(number, row.shape).astype(jnp.uint32)
        # Sources that need both words for one number go on where the first half ends.
        further = place + jnp.uint32(self.rows // 2 * size)
        pair = (key[0], key[1])
        x, y = threefry2x32(pair, place, number)
        if source == "words":
            return _packed(x, y)
        if source == "normal" and self.noise == "native":
            return _packed(*normal_pair(x, y))
        if source == "normal":
            other = threefry2x32(pair, further, number)
            return jnp.stack(normal_pair_fine((x, y), other))
        if self.dtype == jnp.float32:
            return _packed(_unit_single(x), _unit_single(y))
        both = jnp.stack([place, further])
        return _unit_double(*threefry2x32(pair, both, jnp.stack([number, number])))

    def _coins(self, source: str, key: Words, start: Any, count: int, number: Any):
        """Words for `count` rows of both halves, from word `start` of each column."""
        size, chance = self.streams[source], chance_of(source)
        assert chance is not None
        shape = (size, -(-count // LANES))
        column = lax.broadcasted_iota(jnp.uint32, shape, 0)
        place = lax.broadcasted_iota(jnp.uint32, shape, 1) + start.astype(jnp.uint32)
        place = place * jnp.uint32(size) + column
        number = jnp.broadcast_to(number, shape).astype(jnp.uint32)
        stride = -(-(self.rows // 2) // LANES) * size
        return coin_words((key[0], key[1]), chance, place, number, stride)

    def _taken(self, source: str, packed: Any, half: jax.Array, count: int):
        if chance_of(source) is not None:
            words, first = packed
            words = lax.dynamic_index_in_dim(words, half, 0, keepdims=False)
            return _end(coin_bits(words, first, count), self.dtype)
        return _taken(packed, half, source, self.dtype)


@functools.partial(
    jax.jit, static_argnames=("source", "size", "rows", "draws", "noise")
)
def first_rows(key, source: str, size: int, rows: int, draws: int, noise: Noise):
    """The first draws of a stream in float64, shape (draws, base numbers).

    Args:
        key: Two words, as `Block.keys` gives them for block 0.
        source: The stream, as `Block.streams` names it.
        size: Base numbers of a draw.
        rows: Draws in a block; with "jax" the first block goes on for ever.
        draws: How many.
        noise: See `Block`.
    """
    if noise == "jax":
        return _from_jax(key, source, draws * size, jnp.float64).reshape(draws, size)
    block = Block({source: size}, rows, noise)
    if chance_of(source) is not None:
        return _first_coins(block, key, source, draws)
    row = lax.broadcasted_iota(jnp.uint32, (size, draws), 1)
    inside, half = row % jnp.uint32(rows), jnp.uint32(rows // 2)
    packed = block._packed(source, key, inside % half, row // jnp.uint32(rows))
    halves = [_taken(packed, jnp.asarray(h), source, jnp.float64) for h in range(2)]
    return jnp.where(inside < half, *halves).T


def _first_coins(block: Block, key: Words, source: str, draws: int) -> jax.Array:
    """The first draws of coins: whole halves of blocks, or what is asked of them."""
    count = min(block.rows // 2, 1 << (draws - 1).bit_length())
    zero = jnp.zeros((), jnp.int64)

    def one_block(number):
        words = block._coins(source, key, zero, count, number)
        return jnp.concatenate(list(coin_bits(words, zero, count)), axis=1)

    numbers = jnp.arange(-(-draws // block.rows), dtype=jnp.uint32)
    # Where only a part of the first half is asked for, so is it of the second half.
    bits = jnp.moveaxis(lax.map(one_block, numbers), 1, 2)
    return _end(bits.reshape(-1, bits.shape[2])[:draws], jnp.float64)


def _end(bits: jax.Array, dtype: Any) -> jax.Array:
    """A uniform number of which only that is known: 0 for a 1, else 1."""
    return jnp.where(bits != 0, 0.0, 1.0).astype(dtype)


def _taken(packed: jax.Array, half: jax.Array, source: str, dtype: Any) -> jax.Array:
    if packed.dtype == jnp.uint64:
        shift = half.astype(jnp.uint64) * jnp.uint64(32)
        word = (packed >> shift).astype(jnp.uint32)
        if source == "words":
            return word
        return lax.bitcast_convert_type(word, jnp.float32).astype(dtype)
    return lax.dynamic_index_in_dim(packed, half, 0, keepdims=False).astype(dtype)


def _packed(first: jax.Array, second: jax.Array) -> jax.Array:
    """Two numbers of 32 bits in one word."""
    low, high = (
        lax.bitcast_convert_type(number, jnp.uint32).astype(jnp.uint64)
        for number in (first, second)
    )
    return low | (high << jnp.uint64(32))


def _from_jax(key: Words, source: str, size: int, dtype: Any) -> jax.Array:
    wrapped = jax.random.wrap_key_data(jnp.asarray(key), impl="threefry2x32")
    if source == "normal":
        return jax.random.normal(wrapped, (size,), dtype)
    if source == "uniform":
        return jax.random.uniform(wrapped, (size,), dtype)
    return jax.random.bits(wrapped, (size,), jnp.uint32)


def _unit_double(high: jax.Array, low: jax.Array) -> jax.Array:
    """A number of [0, 1) with 53 bits."""
    rest = (low >> jnp.uint32(11)).astype(jnp.float64)
    return high.astype(jnp.float64) * 2.0**-32 + rest * 2.0**-53


def _unit_single(word: jax.Array) -> jax.Array:
    """A number of [0, 1) with 24 bits."""
    shifted = lax.bitcast_convert_type(word >> jnp.uint32(8), jnp.int32)
    return shifted.astype(jnp.float32) * jnp.float32(2.0**-24)
