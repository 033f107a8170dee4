"""Bias of generators: the stored table, the engine, and what users draw."""

import importlib.util
import json
import math
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random

from empirical.montecarlo import (
    Bernoulli,
    Expectation,
    Key,
    Layout,
    Normal,
    Rademacher,
    Sampler,
    Sphere,
    Uniform,
)
from empirical.montecarlo.noise import Block, first_rows
from tallystick import Scalar, check, expectation
from tallystick.generators import coarse_noise

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "generator_bias.py"
F32 = jnp.float32


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("generator_bias", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # Its dataclasses look for their module.
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def stored(script):
    return json.loads(script.RESULTS.read_text())["generators"]


def chosen(script, *names):
    return [t for t in script.normal_tests() if t.name in names or not names]


def same_bias(entry, kept):
    """Whether a bias is the stored one, to a thousandth of it and rounding."""
    slack = 1e-3 * abs(kept["bias"]) + 2 * (kept["uncertainty"] + entry.uncertainty)
    return abs(entry.bias - kept["bias"]) <= slack


def test_single_precision_is_as_stored(script, stored):
    names = ("z^1", "z^8", "exp(3 z)", "1(|z| > 5)")
    generator = script.GENERATORS["normal float32"]
    found = script.audit(generator, chosen(script, *names))
    assert set(found) == set(names)
    for name, entry in found.items():
        assert same_bias(entry, stored["normal float32"]["entries"][name]), name
    assert found["z^8"].bias / 105 == pytest.approx(-1.06e-4, rel=0.01)
    assert found["exp(3 z)"].bias / math.exp(4.5) == pytest.approx(-8.5e-3, rel=0.01)
    ends = generator.grid(np.array([0, 2**23 - 1]))
    assert ends == pytest.approx([-5.41998, 5.22011], abs=1e-5)


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_half_precision_is_as_stored(script, stored, kind):
    found = script.audit(script.GENERATORS[f"normal {kind}"], chosen(script))
    for name, entry in found.items():
        assert same_bias(entry, stored[f"normal {kind}"]["entries"][name]), name
    # A thousand draws or a million show it in a second moment.
    assert found["z^2"].draws < {"bfloat16": 1e5, "float16": 1e7}[kind]


@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_the_bias_of_double_precision_is_never_seen(script, stored, kind):
    name = f"{kind} float64"
    tests = script.normal_tests() if kind == "normal" else script.uniform_tests()
    found = script.audit(script.GENERATORS[name], tests)
    for test, entry in found.items():
        assert same_bias(entry, stored[name]["entries"][test]), test
        error = entry.deviation / math.sqrt(2**26)
        assert abs(entry.bias) + entry.uncertainty < 1e-3 * error, test


def test_the_bias_of_the_engines_own_numbers_is_never_seen(script, stored):
    name = "native normal float32"
    generator = script.GENERATORS[name]
    found = script.audit(generator, generator.tests)
    assert len(found) > 30
    for test, entry in found.items():
        assert same_bias(entry, stored[name]["entries"][test]), test
        if entry.deviation is None or test in ("1(|z| > 7)", "1(|z| > 8)"):
            continue  # No draw comes there.
        error = entry.deviation / math.sqrt(2**26)
        assert abs(entry.bias) + entry.uncertainty < 1e-2 * error, test
    assert abs(found["z^12"].bias) < 1e-5 * found["z^12"].true
    assert generator.grid(np.array([2**32 - 1]))[0] == pytest.approx(6.7637, abs=1e-4)
    # The table is of what the engine draws.
    tests = chosen(script, "z^2", "z^8", "exp(2 z)")
    for test, (mean, error) in script.sampled(name, tests, 2**22).items():
        true = stored[name]["entries"][test]["true"]
        assert abs(mean - true) < 5 * error, test


def test_the_inverse_of_a_uniform_number_may_be_infinite(script, stored):
    for kind, end in [("float32", -12.9), ("float64", -37.5)]:
        plain = script.GENERATORS[f"ndtri(uniform) {kind}"]
        assert plain.grid(np.array([0]))[0] == -math.inf
        above = script.GENERATORS[f"ndtri(uniform > 0) {kind}"]
        assert above.grid(np.array([0]))[0] == pytest.approx(end, abs=0.1)
    entries = stored["ndtri(uniform) float32"]["entries"]
    assert entries["z^2"]["bias"] is None
    entries = stored["ndtri(uniform > 0) float32"]["entries"]
    assert entries["z^12"]["bias"] > 100 * entries["z^12"]["true"]


@pytest.mark.parametrize("name", ["normal float16", "normal float32"])
def test_real_draws_are_on_the_grid(script, name):
    generator = script.GENERATORS[name]
    drawn = np.asarray(generator.draw(random.key(3), (2**12,)), np.float64)
    law = generator.law.cdf(drawn) * generator.size
    # The rank is known up to the rounding of the inverse.
    near = np.clip(law[:, None] + np.arange(-8, 9), 0, generator.size - 1)
    grid = generator.grid(near.astype(np.int64).ravel()).reshape(near.shape)
    gaps = np.abs(grid - drawn[:, None]).min(axis=1)
    assert gaps.max() <= 1e-6  # One ulp: compilation may fuse.


def test_real_draws_show_the_bias_of_the_table(script, stored):
    tests = chosen(script, "z^2", "z^8", "exp(2 z)")
    found = script.sampled("normal float16", tests, 2**20)
    entries = stored["normal float16"]["entries"]
    for test in tests:
        mean, error = found[test.name]
        assert abs(mean - test.mean - entries[test.name]["bias"]) < 5 * error
    mean, error = found["z^8"]
    assert mean < 105 - 5 * error


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize(
    "law",
    [
        Normal(4),
        Sphere(4),
        Uniform(4),
        Rademacher(4),
        Bernoulli(0.5, 4),
    ],
)
def test_the_engine_draws_in_double_precision(law, x64):
    seen = []

    def integrand(z):
        seen.append(z.dtype)
        return jnp.sum(z)

    with jax.enable_x64(x64):
        sampler = Sampler(Layout(Expectation(integrand, {"z": law}), {}, {}), {})
        sampler.moments((1, 2), 16)
        assert sampler.values((1, 2), 4).dtype == np.float64
    assert {str(kind) for kind in seen} == {"float64"}


@pytest.mark.parametrize("noise", ["native", "fine", "jax"])
def test_base_numbers_are_double_for_every_source(noise):
    kinds = {}
    sizes = dict.fromkeys(("normal", "uniform", "words"), 4)
    block = Block(sizes, 16, noise)
    with jax.enable_x64(True):
        for source, words in block.keys((1, 2), range(1)).items():
            found = first_rows(words[0], source, 4, 16, 8, noise)
            assert found.shape == (8, 4)
            kinds[source] = str(found.dtype)
    assert kinds == {"normal": "float64", "uniform": "float64", "words": "uint32"}
    # Outside nothing coarse is made in silence: JAX warns, an error in these tests.
    with pytest.raises(UserWarning, match=r"(float|uint)64"):
        first_rows(np.zeros(2, np.uint32), "normal", 16, 32, 16, noise)


def warning(integrand):
    points = {"a": np.ones((2, 3))}
    return coarse_noise(
        Layout(Expectation(integrand, {"key": Key()}), points, {}), points
    )


def in_a_loop(a, key):
    def step(total, one):
        return total + jnp.sum(random.normal(one, (3,), F32)), None

    return jax.lax.scan(step, F32(0), random.split(key, 4))[0] + jnp.sum(a)


@pytest.mark.parametrize(
    ("integrand", "kind"),
    [
        (lambda a, key: a * random.normal(key, (3,), F32), "float32"),
        (lambda a, key: a * random.normal(key, (3,), jnp.bfloat16), "bfloat16"),
        (lambda a, key: a * random.normal(key, (3,), jnp.float16), "float16"),
        (lambda a, key: a * random.exponential(key, (3,), F32), "float32"),
        (lambda a, key: a * random.cauchy(key, (3,), F32), "float32"),
        (lambda a, key: a * random.gamma(key, 2.0, (3,), F32), "float32"),
        (lambda a, key: a * random.truncated_normal(key, -1, 1, (3,), F32), "float32"),
        (lambda a, key: a * jnp.log(random.uniform(key, (3,), F32)), "float32"),
        (in_a_loop, "float32"),
    ],
)
def test_coarse_noise_of_an_experiment_is_named(integrand, kind):
    said = warning(integrand)
    assert said is not None
    assert f"draws random numbers in {kind}, whose tails end early" in said


@pytest.mark.parametrize(
    "integrand",
    [
        lambda a, key: a * random.normal(key, (3,)),
        lambda a, key: a * random.normal(key, a.shape, a.dtype),
        lambda a, key: (a * random.normal(key, (3,))).astype(F32),
        lambda a, key: jnp.log(jnp.abs(a).astype(F32)) + random.normal(key),
        lambda a, key: jnp.log(jnp.abs(random.normal(key, (3,))).astype(F32)),
        lambda a, key: a * random.uniform(key, (3,), F32),
        lambda a, key: a * random.bernoulli(key, 0.3, (3,)),
        lambda a, key: a * random.permutation(key, 3),
        lambda a, key: a * random.gamma(key, 2.0, (3,)),
        lambda a, key: 1.0 * random.categorical(key, jnp.log(jnp.abs(a))),
    ],
)
def test_fine_noise_of_an_experiment_is_left_alone(integrand):
    assert warning(integrand) is None


def test_noise_without_keys_is_not_traced():
    def refuse(z):
        raise AssertionError

    layout = Layout(Expectation(lambda z: z, {"z": Normal()}), {}, {})
    layout.expectation.integrand = refuse
    assert coarse_noise(layout, {}) is None


def test_a_report_says_that_an_experiment_draws_coarse_numbers():
    def drawn(dtype):
        return expectation(
            lambda a, key: a * random.normal(key, (), dtype) ** 2, key=Key()
        )

    fine = check(lambda a: a, drawn(jnp.float64), budget=2**18, a=Scalar(1, 2))
    assert not fine.note
    coarse = check(lambda a: a, drawn(jnp.float32), budget=2**18, a=Scalar(1, 2))
    assert "draws random numbers in float32" in coarse.note
    assert coarse.note in str(coarse)
