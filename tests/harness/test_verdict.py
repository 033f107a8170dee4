"""The verdict on means: right and wrong formulas, and data that do not decide."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random

from tallystick import (
    Angle,
    Bernoulli,
    Key,
    Normal,
    Rademacher,
    Scalar,
    Uniform,
    Vector,
    Verdict,
    check,
    expectation,
)

AGREE, DISAGREE = Verdict.AGREE, Verdict.DISAGREE
INCONCLUSIVE, INVALID = Verdict.INCONCLUSIVE, Verdict.INVALID


def relu_product(u, v, x):
    return jax.nn.relu(u @ x) * jax.nn.relu(v @ x)


def relu_kernel(u, v):
    norms = jnp.linalg.norm(u) * jnp.linalg.norm(v)
    theta = jnp.arccos(u @ v / norms)
    sine = jnp.sin(theta) + (jnp.pi - theta) * jnp.cos(theta)
    return norms * sine / (2 * jnp.pi)


def noisy_relu_product(u, v, x, s):
    return (1 + s) * relu_product(u, v, x)


RELU = expectation(relu_product, x=Normal(8))
# The same mean with noise that can be neither summed nor integrated in a plane.
SAMPLED = expectation(noisy_relu_product, x=Normal(8), s=Uniform(low=-0.5, high=0.5))


def check_relu(formula, experiment=RELU, **options):
    return check(formula, experiment, u=Normal(8), v=Normal(8), **options)


def test_a_kink_in_a_plane_is_no_obstacle_to_an_exact_mean():
    report = check_relu(relu_kernel)
    assert report.verdict is AGREE
    assert report.exact
    assert report.false_alarm == 0
    assert report.detectable < 1e-7
    assert check_relu(lambda u, v: (1 + 1e-6) * relu_kernel(u, v)).verdict is DISAGREE


def test_the_right_kernel_agrees_and_says_what_it_would_have_noticed():
    report = check_relu(relu_kernel, SAMPLED)
    assert report.verdict is AGREE
    assert not report.exact
    assert 0 < report.detectable < 0.02
    assert 0 < report.detectable_factor < 0.02
    assert 0 < report.false_alarm < 2e-9
    assert report.points >= 32
    report.assert_agrees()


@pytest.mark.parametrize("experiment", [RELU, SAMPLED], ids=["exact", "sampled"])
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda u, v: 2 * relu_kernel(u, v), "off by the factor 1/2"),
        (lambda u, v: relu_kernel(u, v) / jnp.pi, "off by the factor pi"),
        (lambda u, v: -relu_kernel(u, v), "the sign is wrong"),
        (lambda u, v: relu_kernel(u, v) + 0.5, "off by the constant -1/2"),
        (lambda u, v: 1.01 * relu_kernel(u, v), "off by"),
        (lambda u, v: relu_kernel(u, -v), ""),
    ],
    ids=["factor", "pi", "sign", "offset", "one percent", "swapped angle"],
)
def test_wrong_kernels_are_refused_with_the_reason(wrong, words, experiment):
    report = check_relu(wrong, experiment)
    assert report.verdict is DISAGREE
    assert words in report.diagnosis
    text = str(report)
    assert text.startswith("DISAGREE")
    assert "replay: tallystick.check(..., key=0x5eed)" in text
    assert "worst at u=[" in text
    with pytest.raises(AssertionError, match="DISAGREE"):
        report.assert_agrees()


def test_the_same_key_replays_and_another_key_draws_anew():
    first = check_relu(relu_kernel, SAMPLED)
    again = check_relu(relu_kernel, SAMPLED)
    other = check_relu(relu_kernel, SAMPLED, key=1)
    assert first.worst["measured"] == again.worst["measured"]
    assert first.worst["measured"] != other.worst["measured"]
    assert other.verdict is AGREE
    assert "key=0x1" in other.replay


def test_vectors_matrices_and_several_noise_variables():
    @expectation(z=Normal(3), s=Rademacher(), b=Bernoulli(0.25, 3), w=Uniform(2))
    def moments(scale, *, z, s, b, w):
        column = scale * z * b
        return jnp.outer(column, column) + s * w[0]

    def formula(scale):
        return 0.25 * scale**2 * jnp.eye(3)

    space = {"scale": Scalar(0.5, 2.0)}
    assert check(formula, moments, **space).verdict is AGREE
    report = check(lambda scale: 1.05 * formula(scale), moments, **space)
    assert report.verdict is DISAGREE
    # One wrong entry of nine, and an entry that is not the transpose's.
    lone = jnp.zeros((3, 3)).at[0, 1].set(0.05)
    report = check(lambda scale: formula(scale) + lone, moments, **space)
    assert report.verdict is DISAGREE
    assert report.worst["output"] == 1

    vector = expectation(lambda x, z: x * z**2, z=Normal(4))
    domain = {"x": Vector(4)}
    assert check(lambda x: x, vector, **domain).verdict is AGREE
    assert check(lambda x: -x, vector, **domain).verdict is DISAGREE


def test_discrete_noise_is_summed_and_decided_to_rounding():
    masked = expectation(
        lambda x, rate, m: jnp.sum(x * m / (1 - rate)) ** 2,
        m=Bernoulli(lambda rate: 1 - rate, 6),
    )

    def formula(x, rate):
        return jnp.sum(x) ** 2 + rate / (1 - rate) * jnp.sum(x**2)

    space = {"x": Vector(6), "rate": Scalar(0.0, 0.9)}
    report = check(formula, masked, **space)
    assert report.verdict is AGREE
    assert report.exact
    assert report.draws == 64
    assert report.false_alarm == 0
    wrong = check(lambda x, rate: (1 + 1e-6) * formula(x, rate), masked, **space)
    assert wrong.verdict is DISAGREE
    assert "x formula at every point" in wrong.diagnosis


@pytest.mark.parametrize(
    ("integrand", "mean"),
    [
        (lambda z: jnp.tan(jnp.pi * (z - 0.5)), 0.0),  # Cauchy: no mean.
        (lambda z: (1 - z) ** (-1 / 1.5), 3.0),  # Pareto 1.5: no variance.
        (lambda z: jnp.where(z < 1e-7, 1e7, 0.0), 1.0),  # A rare spike.
    ],
    ids=["Cauchy", "Pareto 1.5", "rare spike"],
)
def test_tails_that_cannot_be_measured_are_inconclusive(integrand, mean):
    heavy = expectation(lambda a, z: a * integrand(z), z=Uniform())
    report = check(lambda a: a * jnp.asarray(mean), heavy, a=Scalar(1, 2), budget=2**18)
    assert report.verdict is not AGREE
    assert report.verdict is not DISAGREE
    assert report.reason


def test_too_small_a_budget_is_inconclusive_and_says_how_many_draws_it_takes():
    report = check_relu(relu_kernel, SAMPLED, budget=4096)
    assert report.verdict is INCONCLUSIVE
    assert "draws would decide" in report.reason


def test_a_rare_event_that_was_never_seen_is_not_contradicted():
    rare = expectation(lambda a, z: a * jnp.where(z < 1e-9, 1.0, 0.0), z=Uniform())
    report = check(lambda a: a * 1e-2, rare, a=Scalar(1, 2), budget=2**16)
    assert report.verdict is INCONCLUSIVE
    assert "too rare" in report.reason


def test_constant_outputs_beside_random_ones_are_compared_exactly():
    mixed = expectation(lambda a, z: jnp.stack([a * z**2, 3 * a]), z=Uniform())
    space = {"a": Scalar(1, 2)}
    right = check(lambda a: jnp.stack([a / 3, 3 * a]), mixed, **space)
    assert right.verdict is AGREE
    # Every draw of the second output is 3 a: that proves the formula wrong.
    wrong = check(lambda a: jnp.stack([a / 3, 3.1 * a]), mixed, budget=2**16, **space)
    assert wrong.verdict is DISAGREE
    assert "every draw lies in [" in wrong.guaranteed
    assert wrong.false_alarm == 0
    # Nothing is known about the range of a key: constant draws decide nothing.
    hidden = expectation(
        lambda a, z, key: jnp.stack([a * z**2, 3 * a + 0 * random.normal(key)]),
        z=Uniform(),
        key=Key(),
    )
    right = check(lambda a: jnp.stack([a / 3, 3 * a]), hidden, budget=2**18, **space)
    assert right.verdict is AGREE
    wrong = check(lambda a: jnp.stack([a / 3, 3.1 * a]), hidden, budget=2**16, **space)
    assert wrong.verdict is INCONCLUSIVE
    assert "no draw differed" in wrong.reason


def test_a_mean_outside_the_range_of_all_draws_is_refused_at_once():
    gate = expectation(lambda u, z: jnp.where(u @ z > 1, 1.0, 0.0), z=Normal(5))
    report = check(lambda u: 1.5 + 0 * u[0], gate, u=Vector(5), budget=2**16)
    assert report.verdict is DISAGREE
    assert report.guaranteed == "every draw lies in [0, 1]"

    def right(u):
        return jax.scipy.special.ndtr(-1 / jnp.linalg.norm(u))

    assert check(right, gate, u=Vector(5, norm=(0.5, 2))).verdict is AGREE


@pytest.mark.parametrize(
    ("formula", "integrand", "words"),
    [
        (lambda a: jnp.log(-a), lambda a, z: a * z, "the closed form is not finite"),
        (lambda a: a, lambda a, z: a * jnp.log(z - 0.5), "integrand is not finite"),
        (lambda a: a, lambda a, z: a + 0 * z, "zero variance"),
    ],
    ids=["formula", "integrand", "zero variance"],
)
def test_what_cannot_be_compared_is_invalid_with_the_point(formula, integrand, words):
    report = check(formula, expectation(integrand, z=Uniform()), a=Scalar(1, 2))
    assert report.verdict is INVALID
    assert words in report.reason
    assert "a" in report.worst["point"]
    assert np.isfinite(report.worst["point"]["a"])


def test_a_report_has_no_truth_value():
    with pytest.raises(TypeError, match="a report has no truth value"):
        bool(check_relu(relu_kernel, budget=4096))


def test_huge_and_tiny_scales_do_not_hide_an_error():
    square = expectation(lambda a, z: a * z**2, z=Normal(4))
    scales = {"a": Vector(4, norm=(1e-4, 1e4))}
    assert check(lambda a: a, square, **scales).verdict is AGREE
    assert check(lambda a: 1.05 * a, square, **scales).verdict is DISAGREE


def test_the_verdict_does_not_depend_on_the_order_of_the_outputs():
    def pair(flip):
        order = slice(None, None, -1) if flip else slice(None)
        value = expectation(
            lambda theta, z: jnp.stack([z[0] * theta, z[1] ** 2])[order], z=Normal(4)
        )
        return check(
            lambda theta: jnp.stack([0 * theta, 0 * theta + 1.02])[order],
            value,
            theta=Angle(),
        )

    assert pair(False).verdict is pair(True).verdict is DISAGREE


def test_one_look_beyond_the_budget_decides_where_it_will_do():
    # An indicator of probability 1/128: its factor takes about 2e7 draws to 1 %.
    rare = expectation(lambda a, z: a * (z < 1 / 128), z=Uniform())
    space = {"a": Scalar(1, 2), "points": 2}
    report = check(lambda a: a / 128, rare, **space)
    assert report.verdict is AGREE
    assert report.draws > 2**25
    # A budget that is given is kept.
    report = check(lambda a: a / 128, rare, budget=2**20, **space)
    assert report.verdict is INCONCLUSIVE
    assert report.draws < 2**21
