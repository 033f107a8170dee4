"""Streaming: the same moments whatever the step, the devices and the processes."""

import functools
import logging
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from empirical.montecarlo import (
    Key,
    Layout,
    Moments,
    Normal,
    Sampler,
    Uniform,
    expectation,
    stream_key,
)
from empirical.montecarlo.merging import MergeTree, Part

ROOT = Path(__file__).parents[2]
RANDOM = np.random.default_rng(2)
POINTS = {name: RANDOM.standard_normal((3, 2)) for name in "uv"}
KEY = (11, 7)


def gate(u, v, x, s):
    return jnp.where(u @ x > 0, jax.nn.relu(v @ x), 0.0) * x + s


def sampler(points=POINTS, **options):
    options = {"optimized": False, **options}
    found = Layout(expectation(gate, x=Normal(2), s=Uniform()), points, {})
    return Sampler(found, points, **options)


@pytest.fixture(scope="module")
def plain():
    """Blocks of few draws, so that there are many."""
    found = sampler()
    found.rows = 256
    return rebuilt(found)


def rebuilt(found):
    """The sampler after a change of its rows."""
    block = found._layout_of_noise
    found._layout_of_noise = type(block)(
        block.sizes, found.rows, block.noise, block.dtype
    )
    found.step = min(found.step, found.rows)
    found._programs.clear()
    return found


def flat(found):
    """All numbers that a sampler returns."""
    entries, lines, products = found
    parts = [entries.mean, entries.second, entries.third]
    parts += [lines.mean, lines.second, lines.third, products]
    return np.concatenate([np.ravel(p) for p in parts if p is not None])


LINES = RANDOM.standard_normal((2, 6))


@functools.cache
def reference(draws):
    found = sampler()
    found.rows = 256
    return flat(rebuilt(found).moments_and_directions(KEY, draws, LINES, cross=True))


# Moments


@pytest.mark.parametrize("draws", [256, 700, 256 * 37])
def test_moments_are_those_of_the_values(plain, draws):
    entries, lines, products = plain.moments_and_directions(
        KEY, draws, LINES, cross=True, squash=(0.1, 2.0)
    )
    values = plain.values(KEY, entries.count)
    assert entries.count == -(-draws // 256) * 256
    gaps = values - values.mean(axis=0)
    # Programs fuse differently: one unit in the last place of float32.
    near = functools.partial(np.testing.assert_allclose, rtol=1e-6, atol=1e-6)
    near(entries.mean, values.mean(axis=0))
    near(entries.second, (gaps**2).sum(axis=0))
    near(entries.third, (gaps**3).sum(axis=0), atol=1e-6 * entries.second.max())
    rows = gaps.reshape(len(gaps), -1)
    near(products, rows.T @ rows, atol=1e-6 * products.max())
    along = values.reshape(len(values), -1) @ LINES.T
    scaled = 2 * (along[:, 0] - 0.1)
    psi = np.sign(scaled) * np.log1p(np.abs(scaled) + scaled**2 / 2)
    every = np.concatenate([along, psi[:, None]], axis=1)
    near(lines.mean, every.mean(axis=0))
    near(lines.second, ((every - every.mean(axis=0)) ** 2).sum(axis=0))


def test_no_directions_leave_the_same_moments(plain):
    few = sampler(directions=0)
    few.rows = 256
    found, lines, _ = rebuilt(few).moments_and_directions(KEY, 2**11)
    expected = plain.moments(KEY, 2**11)
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-12)
    np.testing.assert_allclose(found.second, expected.second, rtol=1e-12)
    assert lines.mean.shape == (0,)


def test_inflated_noise_weighted_back_has_the_same_mean(plain):
    one = plain.moments_and_directions(KEY, 2**15)[0]
    other = plain.moments_and_directions((8, 8), 2**15, inflation=1.3)[0]
    error = np.hypot(one.standard_error, other.standard_error)
    assert (np.abs(one.mean - other.mean) < 5 * error).all()
    assert not np.allclose(one.second, other.second, rtol=1e-2)


def test_the_step_changes_the_rounding_only(plain):
    found = sampler()
    found.rows = 256
    rebuilt(found).step = 16
    given = flat(found.moments_and_directions(KEY, 256 * 5, LINES, cross=True))
    expected = reference(256 * 5)
    np.testing.assert_allclose(given, expected, rtol=1e-9, atol=1e-9)
    assert plain.step == 256


def test_more_points_see_the_same_draws(plain):
    one = sampler({name: value[:1] for name, value in POINTS.items()})
    three = plain.values(KEY, 100)
    np.testing.assert_allclose(one.values(KEY, 100)[:, 0], three[:, 0], rtol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("offset", [100.0, 1e4])
def test_an_offset_costs_no_precision(precision, offset):
    assert_precise(precision, offset, 2**20)


@pytest.mark.slow
@pytest.mark.parametrize("offset", [1.0, 100.0, 1e4])
def test_an_offset_costs_no_precision_in_many_draws(offset):
    assert_precise("float32", offset, 2**26)


@functools.cache
def shifted(precision):
    points = {"c": np.zeros(1)}
    layout = Layout(expectation(lambda c, z: c + z, z=Normal()), points, {})
    return Sampler(layout, points, precision=precision, directions=0)


def assert_precise(precision, offset, draws):
    found = shifted(precision)
    found.points = {"c": np.zeros(1)}
    centred = found.moments(KEY, draws)
    found.points = {"c": np.full(1, offset)}
    moved = found.moments(KEY, draws)
    gap = moved.mean - offset - centred.mean
    assert np.abs(gap / centred.standard_error).max() < 0.1
    assert np.abs(moved.second / centred.second - 1).max() < 5e-6


def test_single_precision_is_that_of_the_integrand():
    seen = []

    def integrand(u, x):
        seen.append((u.dtype, x.dtype))
        return u @ x

    points = {"u": np.ones((2, 4))}
    layout = Layout(expectation(integrand, x=Normal(4)), points, {})
    seen.clear()
    found = Sampler(layout, points, precision="float32", optimized=False)
    moments = found.moments(KEY, 2**12)
    assert {str(kind) for pair in seen for kind in pair} == {"float32"}
    assert moments.mean.dtype == np.float64
    assert (np.abs(moments.mean) < 5 * moments.standard_error).all()


@functools.partial(jax.jit, static_argnames="axis")
def single(values, axis=0):
    return Moments.of(values, axis)


def test_long_sums_are_pairwise():
    # Added in a row, numbers of this count would lose three digits.
    values = RANDOM.exponential(size=(2**18, 3)).astype(np.float32)
    gaps = values.astype(float) - values.astype(float).mean(axis=0)
    found = single(values)
    exact = values.astype(float).mean(axis=0)
    np.testing.assert_allclose(np.asarray(found.mean, float), exact, rtol=3e-7)
    np.testing.assert_allclose(found.second, (gaps**2).sum(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found.third, (gaps**3).sum(axis=0), rtol=1e-5)


def test_any_number_of_draws_can_be_summed_over_any_axis():
    odd = RANDOM.standard_normal((4, 999)).astype(np.float32)
    found = single(odd, axis=1)
    np.testing.assert_allclose(found.mean, odd.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(found.second, odd.var(axis=1) * 999, rtol=1e-5)


def test_values_that_do_not_vary_have_no_spread():
    found = single(np.full((1000, 2), 0.1, np.float32))
    assert (np.asarray(found.second) == 0).all()
    assert (np.asarray(found.mean) == np.float32(0.1)).all()


# One tree


def stacked(count):
    random = np.random.default_rng(count)
    second = random.exponential(size=(count, 4))
    third = random.standard_normal((count, 4))
    counts = np.full((count, 1), 64.0)
    mean = random.standard_normal((count, 4))
    products = random.standard_normal((count, 2, 2))
    return Part(Moments(counts, mean, second, third), products)


@pytest.mark.parametrize("count", [1, 2, 7, 64, 77])
def test_parts_may_come_in_any_groups(count):
    parts = stacked(count)
    found = []
    for size in (1, 2, 3, 16, count):
        tree = MergeTree()
        for start in range(0, count, size):
            tree.extend(parts[start : start + size])
        found.append(tree.total())
    for length in (4, 16):  # Runs of whole branches, made apart.
        tree = MergeTree()
        for start in range(0, count, length):
            run = MergeTree()
            run.extend(parts[start : start + length])
            alone = run.total().arrays
            tree.extend(Part.of(tuple(array[None] for array in alone)))
        found.append(tree.total())
    for other in found[1:]:
        for one, two in zip(found[0].arrays, other.arrays, strict=True):
            np.testing.assert_array_equal(one, two)
    assert found[0].moments.count == 64 * count
    np.testing.assert_allclose(
        found[0].moments.mean, parts.moments.mean.mean(axis=0), rtol=1e-10, atol=1e-12
    )


class Lone:
    """A process of a fleet; what the others send is made here as well."""

    def __init__(self, index, size, others):
        self.index, self.size, self.others = index, size, others

    def mine(self, block):
        return block % self.size == self.index

    def exchange(self, parts):
        self.others.update(parts)
        return dict(self.others)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_processes_together_give_the_same_bits(plain, size):
    draws, everything = 256 * 37, {}
    for index in range(size):
        found = sampler(fleet=Lone(index, size, everything))
        found.rows = plain.rows
        rebuilt(found)
        found._programs = plain._programs  # To compile once.
        given = flat(found.moments_and_directions(KEY, draws, LINES, cross=True))
    # Only the last one has heard all others.
    np.testing.assert_array_equal(given, reference(draws))


DEVICES = """
import hashlib, sys
import jax, numpy as np
sys.path[:0] = [{root!r}, {tests!r}]
import test_streaming as t
found = t.sampler()
found.rows = 256
t.rebuilt(found)
given = t.flat(found.moments_and_directions(t.KEY, 256 * 37, t.LINES, cross=True))
print(len(jax.local_devices()), hashlib.sha256(given.tobytes()).hexdigest())
"""


def test_several_devices_give_the_same_bits():
    script = DEVICES.format(root=str(ROOT), tests=str(Path(__file__).parent))
    found = {}
    for count in (1, 4):
        flag = f"--xla_force_host_platform_device_count={count}"
        environment = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flag}
        run = subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        devices, digest = run.stdout.split()
        found[int(devices)] = digest
    assert set(found) == {1, 4}
    assert found[1] == found[4]


# Memory


def test_out_of_memory_halves_the_step_and_says_so(caplog, monkeypatch):
    found = sampler()
    found.rows = 256
    rebuilt(found)
    real, failures = Sampler._program, []

    def program(self, cross):
        compiled, group = real(self, cross)

        def scarce(*args):
            if self.step > 64:
                failures.append(self.step)
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")
            return compiled(*args)

        return scarce, group

    monkeypatch.setattr(Sampler, "_program", program)
    with caplog.at_level(logging.WARNING):
        given = flat(found.moments_and_directions(KEY, 256 * 5, LINES, cross=True))
    np.testing.assert_allclose(given, reference(256 * 5), rtol=1e-9, atol=1e-9)
    assert failures == [256, 128]
    assert found.step == 64
    assert "out of memory, going on with 64 draws at a time" in caplog.text


def test_other_failures_are_raised(monkeypatch):
    def program(self, cross):
        raise jax.errors.JaxRuntimeError("INTERNAL: broken")

    monkeypatch.setattr(Sampler, "_program", program)
    with pytest.raises(jax.errors.JaxRuntimeError, match="broken"):
        sampler().moments(KEY, 16)


def temporaries(found, *, cross):
    """Bytes that the compiled program needs, and that it returns."""
    program, group = found._program(cross)
    block = found._layout_of_noise
    with jax.enable_x64(True):
        options = {
            "directions": np.zeros((found.directions, found.outputs)),
            "always": np.asarray(True),
            "inflated": np.asarray(False),
            "inflation": np.zeros(3),
            "cross": np.asarray(cross),
            "squash": np.zeros(2),
        }
        lowered = program.lower(
            found.points,
            block.keys(KEY, range(group)),
            np.zeros(group, np.uint32),
            np.asarray(1),
            options,
        )
        analysis = lowered.compile().memory_analysis()
    return analysis.temp_size_in_bytes, analysis.output_size_in_bytes


def test_cross_sums_of_many_outputs_take_memory_only_if_asked_for():
    points = {"u": np.ones((300, 2))}
    layout = Layout(expectation(lambda u, x: u * x, x=Normal(2)), points, {})
    found = Sampler(layout, points, optimized=False)
    assert found.outputs == 600
    temporary, returned = temporaries(found, cross=False)
    assert temporary < 8 * 2**20
    assert returned < 2**20
    assert temporaries(found, cross=True)[1] > 600**2 * 8
    _, _, products = found.moments_and_directions(KEY, 16, cross=True)
    values = found.values(KEY, found.rows).reshape(found.rows, -1)
    gaps = values - values.mean(axis=0)
    expected = gaps.T @ gaps
    np.testing.assert_allclose(products, expected, atol=1e-6 * expected.max())
    assert set(found._programs) == {False, True}
    assert found.moments_and_directions(KEY, 16)[2] is None


def test_temporaries_are_small():
    assert temporaries(sampler(), cross=True)[0] < 8 * 2**20


# Choices


def test_jax_noise_is_that_of_jax():
    points = {"a": np.ones(1)}
    layout = Layout(expectation(lambda a, z: a * z, z=Normal(3)), points, {})
    found = Sampler(layout, points, noise="jax", optimized=False)
    data = np.array(stream_key(*KEY, 0, "normal"), np.uint32)
    with jax.enable_x64(True):
        key = jax.random.wrap_key_data(data, impl="threefry2x32")
        expected = np.asarray(jax.random.normal(key, (found.rows, 3)))
    np.testing.assert_array_equal(found.values(KEY, 50)[:, 0], expected[:50])
    moments = found.moments(KEY, 16)
    np.testing.assert_allclose(moments.mean[0], expected.mean(axis=0), atol=1e-14)


def test_keys_of_draws_differ():
    points = {"a": np.ones(1)}
    walk = expectation(lambda a, key: a * jax.random.uniform(key), key=Key())
    found = Sampler(Layout(walk, points, {}), points, optimized=False)
    values = found.values(KEY, 2**10)
    assert np.unique(values).size == values.size
    moments = found.moments(KEY, 16)
    assert abs(moments.mean[0, 0] - 0.5) < 5 * moments.standard_error[0, 0]


@pytest.mark.parametrize("name", ["noise", "precision"])
def test_unknown_choices_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be one of .* got 'half'"):
        sampler(**{name: "half"})
