"""The relation exponent: slopes of log mean against log size."""

import json
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from standin import NumpySampler

from tallystick import (
    Bernoulli,
    Claim,
    ClaimError,
    Control,
    Domain,
    Exponent,
    Normal,
    Report,
    Scalar,
    Verdict,
    check,
    check_claim,
    expectation,
    levels,
)
from tallystick.decide.exponent import decide_exponent

AGREE, DISAGREE = Verdict.AGREE, Verdict.DISAGREE
INCONCLUSIVE, INVALID = Verdict.INCONCLUSIVE, Verdict.INVALID
SEEDS = range(5)
SIZES = (4, 8, 16, 32)


class Sizes(NumpySampler):
    """A positive quantity at every size, with independent exponential noise."""

    def __init__(self, mean, sizes=SIZES):
        means = np.array([mean(size) for size in sizes])
        super().__init__(lambda rng, n: means * rng.exponential(size=(n, len(sizes))))
        self.outputs, self.value_shape = len(sizes), (len(sizes),)


def decide(mean, stated, seed=0, *, budget=2**18, tolerance=0.02, bias=0.0):
    relation = Exponent("d", sizes=SIZES, tolerance=tolerance, bias=bias)
    return decide_exponent(
        Sizes(mean),
        np.array([[stated]]),
        relation=relation,
        tolerance=tolerance,
        budget=budget,
        seed=("exponent", seed),
    )


@pytest.mark.parametrize("exponent", [1.5, -2.0, 0.0])
def test_the_right_exponent_agrees(exponent):
    for seed in SEEDS:
        found = decide(lambda d: 3 * d**exponent, exponent, seed)
        assert found.verdict is AGREE, found
        assert "over d = 4 to 32" in found.note
        assert 0 < found.detectable < 0.06


@pytest.mark.parametrize("stated", [1.53, 1.47, -1.5, 0.5])
def test_a_slightly_wrong_exponent_is_refused(stated):
    for seed in SEEDS:
        found = decide(lambda d: 3 * d**1.5, stated, seed, tolerance=0.005)
        assert found.verdict is DISAGREE, found
        assert found.worst.formula == stated
        assert found.worst.measured == pytest.approx(1.5, abs=5 * found.worst.error)


def test_what_finite_sizes_change_is_a_disagreement_unless_the_bias_allows_it():
    def corrected(d):
        return d**1.5 * (1 + 0.1 / d)  # The slope is less by about 0.01.

    assert decide(corrected, 1.5, budget=2**20, tolerance=0.004).verdict is DISAGREE
    assert decide(corrected, 1.5, bias=0.02).verdict is AGREE


def test_an_exponent_that_still_changes_decides_nothing():
    def changing(d):
        return d**1.5 + 5 * d

    found = decide(changing, 1.5, bias=0.3)
    assert found.verdict is INCONCLUSIVE
    assert "the exponent still changes: 1.1" in found.reason
    # Farther off than it changes is wrong all the same.
    assert decide(changing, 2.5, bias=0.3).verdict is DISAGREE
    assert decide(changing, -1.5, bias=0.3).verdict is DISAGREE


def test_too_few_draws_decide_nothing():
    found = decide(lambda d: d**1.5, 1.5, budget=2**12, tolerance=0.001)
    assert found.verdict is INCONCLUSIVE
    assert "is known to" in found.reason


def test_a_mean_that_is_lost_in_its_noise_decides_nothing():
    class Noisy(Sizes):
        def __init__(self):
            super().__init__(lambda d: 1.0)
            self.draw = lambda rng, n: 0.01 + rng.standard_normal((n, len(SIZES)))

    found = decide_exponent(
        Noisy(),
        np.array([[1.0]]),
        relation=Exponent("d", sizes=SIZES),
        tolerance=0.05,
        budget=2**14,
        seed=(0,),
    )
    assert found.verdict is INCONCLUSIVE
    assert "its logarithm counts from 20 standard errors on" in found.reason


def test_a_quantity_that_is_not_positive_is_invalid():
    found = decide(lambda d: d - 10.0, 1.0)
    assert found.verdict is INVALID
    assert "not positive" in found.reason
    assert "at d = 4" in found.reason


def test_unused_noise_and_events_too_rare_to_be_drawn():
    class Constant(Sizes):
        def __init__(self, value):
            super().__init__(lambda d: 1.0)
            self.draw = lambda rng, n: np.full((n, len(SIZES)), value)

    def judge(value):
        relation = Exponent("d", sizes=SIZES)
        return decide_exponent(
            Constant(value),
            np.zeros((1, 1)),
            relation=relation,
            tolerance=0.05,
            budget=2**14,
            seed=(0,),
        )

    assert judge(2.0).verdict is INVALID
    assert "zero variance" in judge(2.0).reason
    few = decide(lambda d: d**1.5, 1.5, budget=2**12)
    assert few.verdict is not INVALID


def test_with_every_level_raised_false_alarms_come_as_the_product_says(monkeypatch):
    monkeypatch.setattr(levels, "SCREEN_LEVEL", 0.5)
    monkeypatch.setattr(levels, "CONVICTION_Z", levels.z_value(0.1))
    runs = 200
    found = Counter(
        decide(lambda d: d**1.5, 1.5, s, budget=2**13, tolerance=0.05).verdict
        for s in range(runs)
    )
    expected = runs * 0.5 * 0.1**2
    assert found[DISAGREE] <= expected + 4 * np.sqrt(expected)


# --- whole checks --------------------------------------------------------------------


def variance(scale, *, d: int, z):
    """A draw whose mean is the variance of a mean of d numbers, scale^2 / d."""
    return (scale * jnp.mean(z)) ** 2


def rare(scale, *, d: int, b):
    return scale * jnp.mean(b)


def test_the_variance_of_a_mean_and_its_report():
    claim = Claim(
        "variance.exponent",
        statement="Var(mean of d draws) ~ 1 / d",
        analytic=lambda scale: -1.0,
        empirical=expectation(variance, z=Normal("d")),
        domain=Domain(scale=Scalar(0.5, 2)),
        source="",
        relation=Exponent("d", sizes=(2, 4, 8)),
        controls=(
            Control("no variance left out", lambda scale: -0.5),
            Control("growing", lambda scale: 1.0),
            Control("depends on the scale", lambda scale: -scale),
        ),
    )
    report = check_claim(claim)
    assert report.verdict is AGREE
    assert not report.unrefused
    assert "exponent -" in str(report)
    assert "over d = 2 to 8, stated -1" in str(report)
    assert "is the exponent of E[variance(scale, d, z)]" in str(report)
    again = Report.from_dict(json.loads(report.to_json()))
    assert again.note == report.note


def test_noise_may_depend_on_the_size():
    experiment = expectation(rare, b=Bernoulli(lambda d: 1 / d, 4))
    relation = Exponent("d", sizes=(2, 4, 8))
    space = {"scale": Scalar(1, 2)}
    right = check(lambda scale: -1.0, experiment, relation=relation, **space)
    assert right.verdict is AGREE
    assert right.exact  # Twelve coins: all outcomes are summed.
    wrong = check(lambda scale: -1.01, experiment, relation=relation, **space)
    assert wrong.verdict is DISAGREE


def test_a_threshold_without_noise():
    def threshold(curvature, *, n: int):
        """Where curvature x^2 / n crosses 1, by Newton's method: it grows as sqrt n."""

        def step(_, x):
            return x - (curvature * x**2 / n - 1) / (2 * curvature * x / n)

        return jax.lax.fori_loop(0, 40, step, jnp.full_like(curvature, n))

    relation = Exponent("n", sizes=(4, 16, 64))
    space = {"curvature": Scalar(0.5, 2)}
    report = check(lambda curvature: 0.5, threshold, relation=relation, **space)
    assert report.verdict is AGREE
    assert report.exact
    for wrong in (lambda curvature: 0.51, lambda curvature: -0.5):
        found = check(wrong, threshold, relation=relation, **space)
        assert found.verdict is DISAGREE
    negative = check(
        lambda curvature: 0.5,
        lambda curvature, *, n: curvature - n,
        relation=relation,
        **space,
    )
    assert negative.verdict is INVALID


def test_a_deterministic_exponent_that_changes():
    relation = Exponent("n", sizes=(4, 8, 16, 32), bias=0.3)

    def cost(a, *, n: int):
        return a * (n**1.5 + 5 * n)

    found = check(lambda a: 1.5, cost, relation=relation, a=Scalar(1, 2))
    assert found.verdict is INCONCLUSIVE
    assert "still changes" in found.reason


# --- bad input -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Exponent("n", sizes=(4, 8)), "sizes must be three positive numbers"),
        (lambda: Exponent("n", sizes=(4, 8, 8)), "all different"),
        (lambda: Exponent("n", sizes=(0, 4, 8)), "sizes must be three positive"),
        (lambda: Exponent("n", (4, 8, 16), tolerance=0), "tolerance must be positive"),
        (lambda: Exponent("n", (4, 8, 16), bias=-1), "bias must be finite and at"),
        (
            lambda: check(
                lambda scale: 1.0,
                expectation(variance, z=Normal("d")),
                relation=Exponent("width", sizes=(4, 8, 16)),
                scale=Scalar(1, 2),
            ),
            "must take the size 'width'",
        ),
        (
            lambda: check(
                lambda scale: jnp.ones(3),
                expectation(variance, z=Normal("d")),
                relation=Exponent("d", sizes=(4, 8, 16)),
                scale=Scalar(1, 2),
            ),
            "must have one shape",
        ),
        (
            lambda: check(
                lambda scale: 1.0,
                expectation(variance, z=Normal("d")),
                relation="exponent",
                scale=Scalar(1, 2),
            ),
            "relation must be one of",
        ),
    ],
)
def test_ill_formed_exponents_are_refused(make, message):
    with pytest.raises(ClaimError, match=message):
        make()
