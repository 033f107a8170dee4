"""The generator: known answers, and statistics against exact values."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from empirical.montecarlo.noise import (
    Block,
    exact_bits,
    exact_normal,
    first_rows,
    minus_log,
    normal_pair,
    normal_pair_fine,
    sine_of_turns,
    threefry2x32,
)

RANDOM = np.random.default_rng(5)
FAR = 5.0
"""Standard errors, of a true statement: passed by all of a thousand of them."""
# Words at both ends, near the middle, and anywhere.
SMALL = np.concatenate(
    [np.arange(64), 2 ** np.arange(6, 32), RANDOM.integers(0, 99, 9)]
)
WORDS = np.concatenate(
    [
        SMALL,
        2**32 - 1 - SMALL,
        2**31 + np.arange(-64, 64),
        RANDOM.integers(0, 2**32, 9999),
    ]
).astype(np.uint32)


def drawn(source, size, draws, key=(1, 2), noise="native", rows=2**14):
    words = Block({source: size}, rows, noise).keys(key, range(1))[source][0]
    with jax.enable_x64(True):
        return np.asarray(first_rows(words, source, size, rows, draws, noise))


def taken_rows(block, keys, count, number, start, half):
    pairs = block.pairs(keys, number, block.opened(keys, number), start, count)
    return block.taken(pairs, half, count)


def close(mean, true, error):
    """Whether means are the true ones, up to their standard errors."""
    return (np.abs(mean - true) <= FAR * error).all()


# Threefry


@pytest.mark.parametrize(
    ("key", "counter", "answer"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
        (
            (0x13198A2E, 0x03707344),
            (0x243F6A88, 0x85A308D3),
            (0xC4923A9C, 0x483DF7A0),
        ),
    ],
)
def test_known_answers_of_random123(key, counter, answer):
    words = threefry2x32(
        (jnp.uint32(key[0]), jnp.uint32(key[1])), *map(jnp.uint32, counter)
    )
    assert tuple(map(int, words)) == answer


@pytest.mark.parametrize("seed", [0, 12345])
def test_bits_and_normals_are_those_of_jax(seed):
    key, shape = jax.random.key(seed), (2**10, 2**8)
    data = jax.random.key_data(key)
    ours = jax.jit(exact_bits, static_argnums=1)(data, shape)
    assert (ours == jax.random.bits(key, shape)).all()
    ours = jax.jit(exact_normal, static_argnums=1)(data, shape)
    assert (ours == jax.random.normal(key, shape, jnp.float32)).all()


def test_more_words_than_counters_are_refused():
    with pytest.raises(
        ValueError, match=r"less than 2\^32 words, got \(65536, 65536\)"
    ):
        exact_bits(jnp.zeros(2, jnp.uint32), (2**16, 2**16))


# Box-Muller


def test_the_logarithm_is_precise_at_both_ends():
    share = (WORDS.astype(float) + 0.5) / 2**32
    rest = ((~WORDS).astype(float) + 0.5) / 2**32
    exact = np.where(share < 0.5, -np.log(share), -np.log1p(-rest))
    found = np.asarray(jax.jit(minus_log)(WORDS), float)
    assert np.abs(found / exact - 1).max() < 4e-7
    assert np.sqrt(2 * found.max()) > 6.76


def test_the_sine_is_precise_at_its_zeros():
    # The angle, less whole half turns: exact.
    turns = np.where(WORDS < 2**31, WORDS.astype(float), WORDS.astype(float) - 2**32)
    turns = turns + 0.5
    beyond = np.abs(turns) > 2**30
    turns = np.where(beyond, np.sign(turns) * 2.0**31 - turns, turns)
    found = np.asarray(jax.jit(sine_of_turns)(WORDS), float)
    assert np.abs(found / np.sin(2 * np.pi * turns / 2**32) - 1).max() < 3e-7


def test_fine_pairs_agree_with_numpy_and_refine_the_others():
    words = RANDOM.integers(0, 2**32, (4, 2**12)).astype(np.uint32)
    with jax.enable_x64(True):
        pair = jax.jit(normal_pair_fine)((words[0], words[1]), (words[2], words[3]))
        rough = jax.jit(normal_pair)(words[0], words[2])
    high, low, angle, more = words.astype(float)
    length = np.sqrt(-2 * np.log(high * 2.0**-32 + low * 2.0**-64))
    turns = 2 * np.pi * (angle * 2.0**-32 + more * 2.0**-64)
    np.testing.assert_allclose(pair[0], length * np.cos(turns), atol=4e-15)
    np.testing.assert_allclose(pair[1], length * np.sin(turns), atol=4e-15)
    np.testing.assert_allclose(rough, pair, atol=1e-5)
    assert {str(part.dtype) for part in rough} == {"float32"}


@pytest.mark.parametrize("noise", ["native", "fine", "jax"])
def test_moments_of_normals_up_to_order_twelve(noise):
    z = drawn("normal", 16, 2**17, noise=noise).ravel()
    for order in range(1, 13):
        true = special.factorial2(order - 1) if order % 2 == 0 else 0.0
        spread = np.sqrt((special.factorial2(2 * order - 1) - true**2) / z.size)
        assert abs((z**order).mean() - true) < FAR * spread, order
    for limit in (1, 2, 3, 4):
        chance = 2 * stats.norm.sf(limit)
        beyond = (np.abs(z) > limit).mean()
        assert abs(beyond - chance) < FAR * np.sqrt(chance / z.size)


def test_normals_fill_their_quantiles():
    z = drawn("normal", 16, 2**16, key=(7, 7)).ravel()
    counts = np.bincount((stats.norm.cdf(z) * 4096).astype(int), minlength=4096)
    expected = z.size / 4096
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert 1e-6 < stats.chi2.sf(statistic, 4095) < 1 - 1e-6


def test_both_numbers_of_a_pair_are_independent():
    # Rows of the first half are cosines, those of the second the sines beside them.
    z = drawn("normal", 8, 2**14).reshape(2, -1)
    assert abs(np.mean(z[0] * z[1])) < FAR / np.sqrt(z.shape[1])
    assert abs(np.mean(z[0] ** 2 * z[1] ** 2) - 1) < FAR * np.sqrt(8 / z.shape[1])
    assert abs(np.mean(np.sign(z[0] * z[1]))) < FAR / np.sqrt(z.shape[1])


# Streams


def test_uniform_numbers_have_53_bits_and_fill_every_cell():
    u = drawn("uniform", 8, 2**17)
    assert u.min() >= 0
    assert u.max() < 1
    whole = u * 2**53
    assert (whole == np.round(whole)).all()
    assert np.unique(whole.astype(np.int64) % 256).size == 256
    for cells in (256, 4096):
        counts = np.bincount((u * cells).astype(int).ravel(), minlength=cells)
        expected = u.size / cells
        statistic = ((counts - expected) ** 2 / expected).sum()
        assert 1e-6 < stats.chi2.sf(statistic, cells - 1) < 1 - 1e-6
    for order in range(1, 13):
        spread = np.sqrt((1 / (2 * order + 1) - 1 / (order + 1) ** 2) / u.size)
        assert abs((u**order).mean() - 1 / (order + 1)) < FAR * spread


def test_every_byte_and_bit_of_words_is_even():
    words = drawn("words", 16, 2**14)
    places = words.reshape(-1, 1).view(np.uint8).reshape(-1, 4)
    for place in places.T:
        counts = np.bincount(place, minlength=256)
        expected = place.size / 256
        statistic = ((counts - expected) ** 2 / expected).sum()
        assert 1e-6 < stats.chi2.sf(statistic, 255) < 1 - 1e-6
    bits = (words.ravel()[:, None] >> np.arange(32, dtype=np.uint32)) & np.uint32(1)
    assert close(bits.mean(axis=0), 0.5, 0.5 / np.sqrt(words.size))


@pytest.mark.parametrize("source", ["normal", "uniform"])
def test_no_correlation_within_and_between_streams(source):
    first = drawn(source, 4, 2**15)
    others = [
        drawn(source, 4, 2**15, key=key) for key in ((1, 3), (2, 2), (2, 1), (2**31, 2))
    ]
    wanted = np.concatenate([first, *others], axis=1)
    wanted = (wanted - wanted.mean(axis=0)) / wanted.std(axis=0)
    error = 1 / np.sqrt(len(wanted))
    cross = wanted.T @ wanted / len(wanted)
    assert close(cross, np.eye(20), error)
    # With the rows after, up to a block later; squares as well.
    for lag in (1, 2, 3, 8, 64, 2**13, 2**14):
        for power in (1, 2):
            one = wanted[:-lag] ** power - (wanted**power).mean(axis=0)
            other = wanted[lag:] ** power - (wanted**power).mean(axis=0)
            found = (one * other).mean(axis=0) / (one.std(axis=0) * other.std(axis=0))
            assert close(found, 0, 1 / np.sqrt(len(one)))


def test_neighbouring_counters_and_keys_differ_in_half_of_their_bits():
    index = jnp.arange(2**14, dtype=jnp.uint32)
    zeros = jnp.zeros_like(index)
    cipher = jax.jit(threefry2x32)
    plain = cipher((jnp.uint32(1), jnp.uint32(2)), index, zeros)
    bit = [jnp.uint32(1 << k) for k in (0, 1, 15, 31)]
    changed = [
        *(cipher((jnp.uint32(1), jnp.uint32(2)), index ^ b, zeros) for b in bit),
        *(cipher((jnp.uint32(1), jnp.uint32(2)), index, zeros ^ b) for b in bit),
        *(cipher((jnp.uint32(1) ^ b, jnp.uint32(2)), index, zeros) for b in bit),
        *(cipher((jnp.uint32(1), jnp.uint32(2) ^ b), index, zeros) for b in bit),
    ]
    for words in changed:
        for before, after in zip(plain, words, strict=True):
            differing = np.bitwise_count(np.asarray(before ^ after))
            # Binomial with 32 trials: variance 8.
            assert abs(differing.mean() - 16) < FAR * np.sqrt(8 / 2**14)
            assert abs(differing.var() - 8) < FAR * np.sqrt(2 * 64 / 2**14)


@pytest.mark.parametrize("source", ["normal", "uniform", "words"])
def test_a_number_depends_on_its_place_alone(source):
    size, rows, count = 3, 64, 8
    block = Block({source: size}, rows)
    own = {source: block.keys((4, 5), range(1))[source][0]}
    every = drawn(source, size, 3 * rows, key=(4, 5), rows=rows)
    slack = 3e-7 if source == "normal" else 0  # Programs may fuse differently.
    with jax.enable_x64(True):
        taken = jax.jit(functools.partial(taken_rows, block, own, count))
        for number, start, half in itertools.product((0, 2), (0, 16), (0, 1)):
            found = taken(np.uint32(number), np.int64(start), np.int64(half))[source]
            first = number * rows + half * rows // 2 + start
            expected = every[first : first + count]
            np.testing.assert_allclose(np.asarray(found).T, expected, rtol=slack)


def test_numbers_do_not_repeat():
    for source in ("uniform", "words"):
        found = drawn(source, 4, 2**15, rows=2**12)
        if source == "uniform":
            assert np.unique(found).size == found.size
        else:  # 2^17 of 2^32 words: two by chance.
            assert found.size - np.unique(found).size < 15


def test_single_precision_has_its_own_uniform_numbers():
    block = Block({"uniform": 2, "normal": 2}, 2**12, "native", jnp.dtype("float32"))
    keys = {s: w[0] for s, w in block.keys((1, 1), range(1)).items()}
    with jax.enable_x64(True):
        taken = jax.jit(functools.partial(taken_rows, block, keys, 2**11))
        halves = [taken(np.uint32(0), np.int64(0), np.int64(h)) for h in range(2)]
    for half in halves:
        assert {str(a.dtype) for a in half.values()} == {"float32"}
        u = np.asarray(half["uniform"], float)
        assert u.max() < 1
        assert abs(u.mean() - 0.5) < FAR / np.sqrt(12 * u.size)


# The longer battery


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["native", "fine"])
def test_a_long_stream_has_the_moments_of_the_law(noise):
    total, size, steps = np.zeros(12), 2**20, 64
    tails = np.zeros(5)
    for seed in range(steps):
        z = drawn("normal", 64, size // 64, key=(seed, 3), noise=noise).ravel()
        power = np.ones_like(z)
        for order in range(12):
            power *= z
            total[order] += power.mean()
        tails += [(np.abs(z) > limit).sum() for limit in range(1, 6)]
    count = size * steps
    for order in range(1, 13):
        true = special.factorial2(order - 1) if order % 2 == 0 else 0.0
        spread = np.sqrt((special.factorial2(2 * order - 1) - true**2) / count)
        assert abs(total[order - 1] / steps - true) < FAR * spread, order
    chance = 2 * stats.norm.sf(np.arange(1, 6)) * count
    assert (np.abs(tails - chance) < FAR * np.sqrt(chance)).all()


@pytest.mark.slow
def test_words_pass_tests_of_gaps_poker_birthdays_and_ranks():
    words = np.concatenate(
        [drawn("words", 64, 2**14, key=(seed, 9)).ravel() for seed in range(8)]
    )
    u = words / 2**32
    # Gaps between visits of [0, 1/16).
    gaps = np.diff(np.flatnonzero(u < 1 / 16))
    counts = np.bincount(np.minimum(gaps, 128), minlength=129)[1:]
    chances = (15 / 16) ** np.arange(128) / 16
    chances[-1] = (15 / 16) ** 127
    expected = chances * gaps.size
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert 1e-6 < stats.chi2.sf(statistic, 127) < 1 - 1e-6
    # Orders of four numbers in a row.
    orders = np.argsort(u[: u.size // 4 * 4].reshape(-1, 4), axis=1)
    counts = np.unique(orders @ [64, 16, 4, 1], return_counts=True)[1]
    assert counts.size == 24
    expected = orders.shape[0] / 24
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert 1e-6 < stats.chi2.sf(statistic, 23) < 1 - 1e-6
    # Pairs of bytes, each from another word.
    pairs = (words[:-1] >> 24).astype(np.int64) * 256 + (words[1:] & 255)
    counts = np.bincount(pairs[::2], minlength=2**16)
    expected = pairs[::2].size / 2**16
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert 1e-6 < stats.chi2.sf(statistic, 2**16 - 1) < 1 - 1e-6
    # Birthday spacings: 2^12 days of 2^32, repeated spacings are Poisson(4).
    days = np.sort(words[: 2**12 * 512].reshape(512, -1).astype(np.int64), axis=1)
    spacings = np.sort(np.diff(days, axis=1), axis=1)
    repeats = (np.diff(spacings, axis=1) == 0).sum()
    assert abs(repeats - 4 * 512) < FAR * np.sqrt(4 * 512)
    # Ranks of 32 x 32 matrices over two elements.
    ranks = np.array([_rank(rows) for rows in words[: 32 * 2**12].reshape(-1, 32)])
    full, less = (ranks == 32).mean(), (ranks == 31).mean()
    assert abs(full - 0.2887880951) < FAR * np.sqrt(0.2888 * 0.7112 / len(ranks))
    assert abs(less - 0.5775761902) < FAR * np.sqrt(0.5776 * 0.4224 / len(ranks))


def _rank(rows):
    rows, rank = [int(row) for row in rows], 0
    for bit in range(32):
        pivot = next((r for r in rows if r >> bit & 1), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        rows = [r ^ pivot if r >> bit & 1 else r for r in rows]
        rank += 1
    return rank
