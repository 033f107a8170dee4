"""The error rates of the decision, measured on draws whose law is known.

A sampler that draws with NumPy stands in for the engine, so that thousands of whole
checks take seconds.
"""

from collections import Counter

import numpy as np
import pytest
from standin import NumpySampler

from tallystick import Verdict, levels
from tallystick.decide.mean import decide_mean

# Name, one draw of two correlated outputs, their mean.
LAWS = {
    "normal": (lambda rng, n: rng.standard_normal((n, 2)) + 1, 1.0),
    "exponential": (lambda rng, n: rng.exponential(size=(n, 2)), 1.0),
    "squared ReLU": (
        lambda rng, n: np.maximum(rng.standard_normal((n, 2)), 0) ** 2,
        0.5,
    ),
    "lognormal": (
        lambda rng, n: np.exp(rng.standard_normal((n, 2)) / 2),
        np.exp(1 / 8),
    ),
    "fourth power": (lambda rng, n: rng.standard_normal((n, 2)) ** 4, 3.0),
    "rare indicator": (lambda rng, n: (rng.uniform(size=(n, 2)) < 0.01) * 1.0, 0.01),
    "two equal outputs": (lambda rng, n: np.tile(rng.uniform(size=(n, 1)), 2), 0.5),
    "almost constant": (lambda rng, n: 1e3 + rng.uniform(size=(n, 2)), 1e3 + 0.5),
}


# A mean of a tenth of the deviation, or a skewness of 19: more draws would decide.
NEED_MORE = ("rare indicator", "fourth power")


def verdicts(law, runs, *, wrong=lambda mean: mean, tolerance=0.05, budget=2**16):
    draw, mean = LAWS[law]
    sampler, target = NumpySampler(draw), wrong(np.full(2, mean))
    return Counter(
        decide_mean(
            sampler,
            target,
            tolerance=tolerance,
            budget=budget,
            seed=(law, run),
        ).verdict
        for run in range(runs)
    )


@pytest.mark.parametrize("law", LAWS)
def test_a_true_mean_is_never_called_wrong(law):
    found = verdicts(law, 40)
    assert found[Verdict.DISAGREE] == found[Verdict.INVALID] == 0
    if law not in NEED_MORE:
        assert found[Verdict.AGREE] >= 38


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_a_true_mean_is_never_called_wrong_in_hundreds_of_checks(law):
    found = verdicts(law, 300, budget=2**18)
    assert found[Verdict.DISAGREE] == found[Verdict.INVALID] == 0
    if law not in NEED_MORE:
        assert found[Verdict.INCONCLUSIVE] <= 15


@pytest.mark.parametrize("law", ["normal", "exponential", "two equal outputs"])
def test_an_error_of_twice_the_detectable_one_is_found(law):
    draw, mean = LAWS[law]
    report = decide_mean(
        NumpySampler(draw), np.full(2, mean), tolerance=0.05, budget=2**16, seed=(law,)
    )
    size = 2 * report.detectable_factor
    assert 0 < size < 0.1
    found = verdicts(law, 50, wrong=lambda mean: (1 + size) * mean)
    assert found[Verdict.DISAGREE] >= 49


@pytest.mark.parametrize("law", ["normal", "exponential"])
@pytest.mark.parametrize("budget", [2**24, 2**18, None])
def test_a_right_mean_agrees_when_the_detectable_error_is_the_one_asked_for(
    law, budget
):
    draw, mean = LAWS[law]

    def decision(noticed):
        return decide_mean(
            NumpySampler(draw),
            np.full(2, mean),
            tolerance=0.05,
            budget=budget,
            seed=(law,),
            noticed=noticed,
        )

    assert decision(None).detectable > 0.02
    strict = decision(0.02)
    assert strict.verdict is Verdict.AGREE
    assert 0.015 < strict.detectable <= 0.02
    if budget == 2**18:
        short = decision(0.01)
        assert short.verdict is Verdict.INCONCLUSIVE
        assert "one output is known to 0.0" in short.reason
        assert short.detectable > 0.01


def test_a_look_beyond_the_budget_can_be_for_the_detectable_error(monkeypatch):
    monkeypatch.setattr(levels, "BUDGET", 2**16)
    draw, mean = LAWS["normal"]
    found = decide_mean(
        NumpySampler(draw),
        np.full(2, mean),
        tolerance=0.05,
        budget=None,
        seed=("beyond",),
        noticed=0.015,
    )
    assert found.verdict is Verdict.AGREE
    assert found.detectable <= 0.015
    assert found.draws > 2**17


def test_an_error_beyond_the_tolerance_is_hardly_ever_accepted():
    # Off by the tolerance itself: accepted once in a thousand checks, by design.
    deviation = np.sqrt(1 / 12)
    found = verdicts(
        "almost constant",
        200,
        wrong=lambda mean: mean + 0.05 * deviation,
        tolerance=0.05 * deviation / 1e3,
    )
    assert found[Verdict.AGREE] <= 3


def test_with_every_level_raised_false_alarms_come_as_the_product_says(monkeypatch):
    from tallystick import levels

    # A true mean must pass the screen (here 0.5) and two convictions (here 0.1 each).
    monkeypatch.setattr(levels, "SCREEN_LEVEL", 0.5)
    monkeypatch.setattr(levels, "CONVICTION_Z", levels.z_value(0.1))
    runs = 400
    found = verdicts("normal", runs, budget=2**14)
    expected = 0.5 * 0.1**2
    # Two looks at most, so at most twice the product; five standard errors on top.
    limit = runs * expected + 5 * np.sqrt(runs * expected)
    assert found[Verdict.DISAGREE] <= limit
