"""Coins: their probability to the last bit, known answers, and independence."""

import functools
import itertools
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from empirical.montecarlo import (
    Bernoulli,
    Layout,
    NoiseError,
    Normal,
    Rademacher,
    Sampler,
    Uniform,
    expectation,
)
from empirical.montecarlo.noise import (
    Block,
    chance_of,
    coin_bits,
    coin_source,
    coin_words,
    first_rows,
    threefry2x32,
)

FAR = 5.0
"""Standard errors, of a true statement."""
KEY = (jnp.uint32(3), jnp.uint32(14))
CHANCES = (0.5, 0.25, 0.75, 5 / 16, 21 / 64, 0.3, 1e-6, 1 - 2.0**-40)


@functools.partial(jax.jit, static_argnums=(0, 1))
def words_of(chance, count):
    place = jnp.arange(count, dtype=jnp.uint32)
    return coin_words(KEY, chance, place, jnp.full_like(place, 7), count)


def drawn(chance, size, draws, *, key=(1, 2), rows=2**14):
    """Coins as ones and zeros, shape (draws, size)."""
    source = coin_source(chance)
    words = Block({source: size}, rows).keys(key, range(1))[source][0]
    with jax.enable_x64(True):
        return 1 - np.asarray(first_rows(words, source, size, rows, draws, "native"))


def sampler(integrand, points=None, **options):
    laws = options.pop("laws")
    points = {"a": np.ones(1)} if points is None else points
    layout = Layout(expectation(integrand, **laws), points, {})
    return Sampler(layout, points, directions=0, **options)


# Probability


def test_one_raw_word_gives_coins_of_one_half():
    place = jnp.arange(64, dtype=jnp.uint32)
    raw = jnp.stack(threefry2x32(KEY, place, jnp.full_like(place, 7)))
    assert (words_of(0.5, 64) == raw).all()
    every = coin_bits(raw, jnp.uint32(0), 64 * 32)
    bits = np.unpackbits(np.asarray(raw).view(np.uint8), bitorder="little")
    assert (np.asarray(every).ravel() == bits).all()


@pytest.mark.parametrize("chance", CHANCES)
def test_a_coin_is_a_number_of_all_digits_compared_with_p(chance):
    count, digits = 32, Fraction(chance).denominator.bit_length() - 1
    place = np.arange(count, dtype=np.uint32)
    raw = [
        np.stack(threefry2x32(KEY, jnp.asarray(place + k * count), jnp.full(count, 7)))
        for k in range(digits)
    ]
    # A set bit stands for the digit 0. Integers of Python: no digit is lost.
    number = np.zeros((2, count, 32), object)
    for words in raw:
        bit = (~words[:, :, None] >> np.arange(32, dtype=np.uint32)) & np.uint32(1)
        number = 2 * number + bit.astype(object)
    wanted = number < int(Fraction(chance) * 2**digits)
    found = np.asarray(words_of(chance, count))[:, :, None]
    assert ((found >> np.arange(32, dtype=np.uint32) & 1) == wanted).all()


@pytest.mark.parametrize("chance", CHANCES)
def test_the_frequency_of_ones_is_p(chance):
    ones = np.bitwise_count(np.asarray(words_of(chance, 2**18)))
    draws = 32 * ones.size
    assert draws == 2**24
    spread = np.sqrt(draws * chance * (1 - chance))
    if spread > 1:
        assert abs(ones.sum() - draws * chance) < FAR * spread
    else:  # A zero among these draws has probability 1.5e-5.
        assert ones.sum() == draws


@pytest.mark.parametrize("chance", [5e-324, 1e-300, 1 - 2.0**-53])
def test_extreme_probabilities_come_to_an_end(chance):
    ones = np.bitwise_count(np.asarray(words_of(chance, 2**10))).sum()
    assert ones == (2**16 if chance > 0.5 else 0)


# Independence


@pytest.mark.parametrize("chance", [0.5, 0.3])
def test_no_correlation_within_and_between_streams(chance):
    first = drawn(chance, 4, 2**15)
    others = [
        drawn(chance, 4, 2**15, key=key) for key in ((1, 3), (2, 2), (2, 1), (2**31, 2))
    ]
    others.append(drawn(0.5 if chance < 0.5 else 0.75, 4, 2**15))
    every = np.concatenate([first, *others], axis=1)
    every = (every - every.mean(axis=0)) / every.std(axis=0)
    error = 1 / np.sqrt(len(every))
    assert (np.abs(every.T @ every / len(every) - np.eye(24)) < FAR * error).all()
    # Rows after: in the same word, in the next, in the other half, in another block.
    for lag in (1, 2, 5, 16, 31, 32, 33, 64, 2**13 - 32, 2**13, 2**14):
        found = every[:-lag].T @ every[lag:] / (len(every) - lag)
        assert (np.abs(found) < FAR / np.sqrt(len(every) - lag)).all(), lag


@pytest.mark.parametrize("chance", [0.5, 0.3])
def test_coins_in_a_row_have_every_pattern_equally_often(chance):
    bits = np.asarray(coin_bits(words_of(chance, 2**15), jnp.uint32(0), 2**20))
    pattern = bits.reshape(-1, 8) @ (1 << np.arange(8))
    counts = np.bincount(pattern, minlength=256)
    ones = np.bitwise_count(np.arange(256))
    expected = pattern.size * chance**ones * (1 - chance) ** (8 - ones)
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert abs(statistic - 255) < FAR * np.sqrt(2 * 255)


@pytest.mark.parametrize("chance", [0.5, 0.3])
def test_a_coin_depends_on_its_place_alone(chance):
    size, rows, source = 3, 2**8, coin_source(chance)
    block = Block({source: size}, rows)
    own = {source: block.keys((4, 5), range(1))[source][0]}
    every = drawn(chance, size, 3 * rows, key=(4, 5), rows=rows)
    assert (drawn(chance, size, 11, key=(4, 5), rows=rows) == every[:11]).all()

    def some(number, start, half, count):
        pairs = block.pairs(own, number, {}, start, count)
        return block.taken(pairs, half, count)[source]

    with jax.enable_x64(True):
        some = jax.jit(some, static_argnums=3)
        for count in (1, 8, 32, 64):
            for number, start, half in itertools.product((0, 2), (0, 64), (0, 1)):
                start += count if count < 64 else 0
                found = 1 - some(np.uint32(number), np.int64(start), half, count)
                first = number * rows + half * rows // 2 + start
                assert (every[first : first + count] == np.asarray(found).T).all()


# Laws


def test_only_known_probabilities_make_coins():
    def integrand(a, mask, other, sign, u):
        return a * jnp.sum(mask) + other[0] + sign + u

    laws = {
        "mask": Bernoulli(0.3, 4),
        "other": Bernoulli(lambda a: a, 2),
        "sign": Rademacher(),
        "u": Uniform(),
    }
    layout = Layout(expectation(integrand, **laws), {"a": np.ones(1)}, {})
    # The sources are what they were: other estimators make uniform numbers of them.
    assert layout.sizes == {"uniform": 8}
    assert layout.coins == ((0, 4, 0.3), (6, 7, 0.5))
    block = Block(layout.sizes, 2**14, coins=layout.coins)
    assert block.streams == {"uniform": 3, "coin 0.3": 4, "coin 0.5": 1}
    plain = Block(layout.sizes, 2**14, "jax", coins=layout.coins)
    assert plain.streams == {"uniform": 8}
    assert [Bernoulli(p).coin for p in (0.0, 1.0, 1)] == [None] * 3
    with pytest.raises(NoiseError, match=r"p of Bernoulli must lie in \[0, 1\]"):
        Bernoulli(1.5, 4)


def test_names_of_coins_keep_all_digits():
    for chance in (0.1, 1 / 3, 5e-324, 1 - 2.0**-53):
        assert chance_of(coin_source(chance)) == chance
    assert chance_of("uniform") is None


MIXED = {
    "mask": Bernoulli(0.3, 3),
    "sign": Rademacher(2),
    "u": Uniform(2),
    "rare": Bernoulli(2.0**-7),
    "z": Normal(2),
    "late": Bernoulli(lambda a: a / 4),
}


def mixed(a, mask, sign, u, rare, z, late):
    first = jnp.stack([mask[0], mask[2], sign[0], sign[1], rare, late])
    second = jnp.stack([mask[0] * mask[2], mask[1] * u[0], sign[0] * sign[1]])
    return jnp.concatenate([first, second, a * u, z[:1] * sign[:1], z[:1] ** 2])


@pytest.mark.parametrize(
    ("noise", "precision"),
    [
        ("native", "float64"),
        ("native", "float32"),
        ("fine", "float64"),
        ("jax", "float64"),
    ],
)
def test_mixed_noise_has_its_means_in_its_columns(noise, precision):
    found = sampler(
        mixed, laws=MIXED, noise=noise, precision=precision, optimized=False
    )
    moments = found.moments((5, 6), 2**17)
    wanted = [0.3, 0.3, 0, 0, 2.0**-7, 0.25, 0.09, 0.15, 0, 0.5, 0.5, 0, 1]
    gaps = np.abs(moments.mean[0] - wanted)
    assert (gaps < FAR * moments.standard_error[0]).all()
    assert found.values((5, 6), 64).shape == (64, 1, 13)


def test_coins_do_not_depend_on_the_rows_of_a_step():
    whole, parts = (sampler(mixed, laws=MIXED, optimized=False) for _ in range(2))
    parts.step = 32
    one, other = (each.moments((5, 6), 2**14) for each in (whole, parts))
    np.testing.assert_allclose(other.mean, one.mean, rtol=0, atol=1e-11)


def test_values_are_the_draws_that_moments_are_of():
    def integrand(a, mask, sign):
        return a * jnp.concatenate([mask, sign])

    laws = {"mask": Bernoulli(0.3, 2), "sign": Rademacher(3)}
    found = sampler(integrand, laws=laws)
    moments = found.moments((5, 6), 1)
    values = found.values((5, 6), moments.count)
    np.testing.assert_allclose(values.mean(axis=0), moments.mean, rtol=0, atol=1e-12)
    assert set(np.unique(values[:, 0, :2])) == {0, 1}
    assert set(np.unique(values[:, 0, 2:])) == {-1, 1}
