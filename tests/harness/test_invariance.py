"""What must not change a verdict: order, units, replays, devices, more draws."""

import os
import subprocess
import sys

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from standin import NumpySampler

from tallystick import Normal, Vector, Verdict, check, expectation
from tallystick.decide.mean import decide_mean

AGREE, DISAGREE = Verdict.AGREE, Verdict.DISAGREE
OUTPUTS = 4
DECIDED = {AGREE, DISAGREE}


def exponentials(mixing):
    """Correlated, skewed outputs with the mean of the rows' sums."""
    return lambda rng, n: rng.exponential(size=(n, OUTPUTS)) @ mixing.T


def decide(draw, target, *, seed, budget=2**16, tolerance=0.05):
    return decide_mean(
        NumpySampler(draw, (OUTPUTS,)),
        np.asarray(target),
        tolerance=tolerance,
        budget=budget,
        seed=("invariance", seed),
    )


@st.composite
def cases(draw):
    """A mixing matrix with positive means, and a relative error of some outputs."""
    entries = st.integers(1, 16).map(lambda k: k / 8)
    row = st.lists(entries, min_size=OUTPUTS, max_size=OUTPUTS)
    mixing = np.array(draw(st.lists(row, min_size=OUTPUTS, max_size=OUTPUTS)))
    error = draw(st.sampled_from([0.0, 0.01, 0.2, -0.5]))
    wrong = draw(st.lists(st.booleans(), min_size=OUTPUTS, max_size=OUTPUTS))
    target = mixing.sum(axis=1) * (1 + error * np.array(wrong))
    return mixing, target, draw(st.integers(0, 10**6))


@settings(max_examples=40)
@given(cases(), st.permutations(range(OUTPUTS)))
def test_the_order_of_the_outputs_does_not_matter(case, order):
    mixing, target, seed = case
    order = np.array(order)
    first = decide(exponentials(mixing), target, seed=seed)
    again = decide(exponentials(mixing[order]), target[order], seed=seed)
    assert first.verdict is again.verdict
    assert first.draws == again.draws
    assert np.isclose(first.detectable, again.detectable, rtol=1e-6)
    assert first.worst
    assert again.worst
    assert np.isclose(first.worst.measured, again.worst.measured, rtol=1e-9)


@settings(max_examples=40)
@given(cases(), st.integers(-200, 200))
@example((np.eye(OUTPUTS) + 0.1, np.full(OUTPUTS, 1.68), 7), -150)
def test_the_unit_of_all_outputs_does_not_matter(case, exponent):
    mixing, target, seed = case
    unit = 2.0**exponent
    first = decide(exponentials(mixing), target, seed=seed)
    again = decide(exponentials(unit * mixing), unit * target, seed=seed)
    assert first.verdict is again.verdict
    assert first.draws == again.draws
    assert np.isclose(first.detectable, again.detectable, rtol=1e-6)
    assert np.isclose(first.detectable_factor, again.detectable_factor, rtol=1e-6)


@settings(max_examples=20)
@given(cases())
def test_the_same_seed_decides_the_same(case):
    mixing, target, seed = case
    first = decide(exponentials(mixing), target, seed=seed)
    assert decide(exponentials(mixing), target, seed=seed) == first


@settings(max_examples=30)
@given(cases())
def test_more_draws_never_turn_a_decided_verdict_around(case):
    mixing, target, seed = case
    found = [
        decide(exponentials(mixing), target, seed=seed, budget=budget).verdict
        for budget in (2**12, 2**14, 2**16, 2**18)
    ]
    assert len(DECIDED & set(found)) <= 1


def planted(runs):
    """How many of the seeds convict an error of twice the detectable one."""
    mixing = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0.5], [0, 0, 0.3, 2]])
    draw, true = exponentials(mixing), mixing.sum(axis=1)
    right = decide(draw, true, seed="right")
    assert right.verdict is AGREE
    scale = np.maximum(true, np.linalg.norm(mixing, axis=1))
    found = {"one output": 0, "common factor": 0}
    for seed in range(runs):
        lone = true + 2 * right.detectable * scale * (np.arange(OUTPUTS) == seed % 4)
        common = true * (1 + 2 * right.detectable_factor)
        for name, wrong in (("one output", lone), ("common factor", common)):
            verdict = decide(draw, wrong, seed=(name, seed)).verdict
            assert verdict is not AGREE
            found[name] += verdict is DISAGREE
    return found


def test_twice_the_detectable_error_is_convicted():
    assert min(planted(100).values()) >= 99


@pytest.mark.slow
def test_twice_the_detectable_error_is_convicted_in_99_percent_of_seeds():
    # 990 of 1,000 is the claim; 983 is three standard errors below it.
    assert min(planted(1000).values()) >= 983


ONE_BY_ONE = """
import sys
import jax, jax.numpy as jnp
from tallystick import Normal, Vector, check, expectation
assert len(jax.devices()) == int(sys.argv[1]), jax.devices()
relu = expectation(lambda u, z: jax.nn.relu(u @ z) ** 2, z=Normal(3))
for factor in (1.0, 1.05):
    report = check(lambda u: factor * (u @ u) / 2, relu, u=Vector(3), points=8)
    print(report.verdict, report.draws, report.worst["measured"].hex())
"""


def test_the_number_of_devices_does_not_matter():
    said = []
    for count in (1, 4):
        flags = f"--xla_force_host_platform_device_count={count}"
        done = subprocess.run(
            [sys.executable, "-c", ONE_BY_ONE, str(count)],
            env={**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert said[0] == said[1]
    assert [line.split()[0] for line in said[0].splitlines()] == ["AGREE", "DISAGREE"]


def scaled_square(factor):
    return lambda u: factor * jnp.sum(u**2, axis=-1) / 2


def test_a_point_is_measured_alike_alone_and_in_a_batch():
    # Points share their noise, so a batch of points is the same experiment.
    def draw(u, z):
        return jax.nn.relu(u @ z) ** 2

    def rows(u, z):
        return jax.vmap(draw, (0, None))(u, z)

    one = expectation(draw, z=Normal(3))
    many = expectation(rows, z=Normal(3))
    points = np.array([[1.0, 2, 3], [0.5, -1, 0], [4, 0, 0], [1, 1, 1]])
    alone = [one.estimate(u=u, draws=2**16).mean for u in points]
    together = many.estimate(u=points, draws=2**16).mean
    assert np.allclose(alone, together, rtol=1e-12)
    for factor, verdict in ((1.0, AGREE), (1.05, DISAGREE)):
        form = scaled_square(factor)
        assert check(form, many, u=points).verdict is verdict
        assert check(form, one, u=Vector(3), points=8).verdict is verdict
