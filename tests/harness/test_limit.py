"""The relation limit: extrapolation, and the fitted rate."""

import json
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from standin import NumpySampler

from tallystick import (
    ClaimError,
    Limit,
    Normal,
    Report,
    Scalar,
    Verdict,
    check,
    expectation,
    levels,
)
from tallystick.decide.limit import with_rate
from tallystick.verdict import Decision

AGREE, DISAGREE = Verdict.AGREE, Verdict.DISAGREE
INCONCLUSIVE, INVALID = Verdict.INCONCLUSIVE, Verdict.INVALID
SEEDS = range(5)


class Errors(NumpySampler):
    """Means 1 + error(size) of two outputs, with normal noise at every size."""

    def __init__(self, error, sizes):
        means = np.array([1 + error(size) * np.array([1.0, -2.0]) for size in sizes])
        shape = len(sizes), 2
        super().__init__(
            lambda rng, n: (means + rng.standard_normal((n, *shape))).reshape(n, -1)
        )
        self.outputs, self.value_shape = 2 * len(sizes), shape


def fitted(error, seed=0, *, rate=1.0, sizes=(2, 4, 8), budget=2**18, **settings):
    relation = Limit("size", sizes=sizes, rate=rate, **settings)
    return with_rate(
        Decision(Verdict.AGREE, draws=budget),
        Errors(error, relation.towards),
        np.ones((1, 2)),
        relation=relation,
        budget=budget,
        seed=("rate", seed),
    )


def test_the_right_rate_is_fitted_with_its_error():
    for seed in SEEDS:
        found = fitted(lambda s: 3 / s, seed)
        assert found.verdict is AGREE
        assert found.note.startswith(("rate 1.", "rate 0.9"))
        assert found.note.endswith("at size 2, 4, 8, stated 1")
        assert found.false_alarm > 0


@pytest.mark.parametrize(
    "error", [lambda s: s**-0.5, lambda s: s**-1.6, lambda s: 0.3, lambda s: -(s**-1.6)]
)
def test_a_wrong_rate_is_refused(error):
    for seed in SEEDS:
        found = fitted(error, seed)
        assert found.verdict is DISAGREE, found
        assert found.reason == "the error does not shrink at the stated rate"


def test_a_rate_within_the_allowance_is_accepted():
    def error(s):
        return s**-1.4

    assert fitted(error).verdict is DISAGREE
    assert fitted(error, allowance=0.5).verdict is AGREE
    assert "rate 1.4" in fitted(error, allowance=0.5).note


def test_sizes_that_go_to_zero():
    sizes = (0.5, 0.25, 0.125)
    right = fitted(lambda s: 6 * s, rate=-1.0, sizes=sizes)
    assert right.verdict is AGREE
    assert "at size 0.5, 0.25, 0.125, stated -1" in right.note
    assert fitted(lambda s: s, rate=-2.0, sizes=sizes).verdict is DISAGREE


def test_an_error_lost_in_the_noise_has_no_rate():
    found = fitted(lambda s: 0.0, budget=2**14)
    assert found.verdict is AGREE
    assert "rate not resolved: the error at size" in found.note
    assert "standard errors" in found.note
    partly = fitted(lambda s: s**-2.0, rate=2.0, budget=2**16)
    assert partly.verdict is AGREE
    assert partly.note.endswith("at size 2, 4, stated 2")


def test_with_every_level_raised_false_alarms_come_as_the_product_says(monkeypatch):
    monkeypatch.setattr(levels, "SCREEN_LEVEL", 0.5)
    monkeypatch.setattr(levels, "CONVICTION_Z", levels.z_value(0.1))
    runs = 200
    # Without an allowance to speak of, so that the stated rate is the edge itself.
    found = Counter(
        fitted(lambda s: 3 / s, seed, allowance=1e-6, budget=2**14).verdict
        for seed in range(runs)
    )
    expected = runs * 0.5 * 0.1**2
    assert found[DISAGREE] <= expected + 4 * np.sqrt(expected)


# --- whole checks --------------------------------------------------------------------


def euler(x, *, steps: int):
    """Euler's method for y' = -y on [0, 1]: its error shrinks like 1 / steps."""
    return jax.lax.fori_loop(0, steps, lambda _, y: y - y / steps, x)


def midpoint(x, *, steps: int):
    h = 1 / steps
    return jax.lax.fori_loop(0, steps, lambda _, y: y - h * (y - h * y / 2), x)


def solution(x):
    return x * jnp.exp(-1.0)


def check_scheme(form, scheme, **settings):
    relation = Limit("steps", **{"sizes": (16, 32, 64), "rate": 1.0, **settings})
    return check(form, scheme, relation=relation, x=Scalar(1, 2))


def test_the_rate_of_a_scheme_without_noise():
    report = check_scheme(solution, euler)
    assert report.verdict is AGREE
    assert report.exact
    assert "rate 1.01" in str(report)
    assert "stated 1" in str(report)
    assert Report.from_dict(json.loads(report.to_json())).note == report.note
    second = check_scheme(solution, midpoint, rate=2.0)
    assert second.verdict is AGREE
    assert "rate 2.0" in second.note


def test_a_wrong_rate_or_limit_of_a_scheme_is_refused():
    # The error of the better scheme is so small that only the fit shows the rate.
    faster = check_scheme(solution, midpoint)
    assert faster.verdict is DISAGREE
    assert "does not shrink at the stated rate" in faster.reason
    assert check_scheme(solution, euler, rate=2.0, bias=0.05).verdict is DISAGREE
    for wrong in (
        lambda x: 1.01 * solution(x),
        lambda x: -solution(x),
        lambda x: x * jnp.exp(1.0),
    ):
        assert check_scheme(wrong, euler).verdict is DISAGREE
        assert check_scheme(wrong, euler, sizes=(16, 32)).verdict is DISAGREE


def test_a_scheme_that_is_exact_has_no_rate():
    report = check_scheme(solution, lambda x, *, steps: x * jnp.exp(-1.0))
    assert report.verdict is AGREE
    assert "rate not resolved: the error at steps 16 is rounding" in report.note


def test_a_bias_beyond_the_tolerance_decides_nothing():
    report = check_scheme(solution, euler, rate=2.0, tolerance=1e-3, bias=0.05)
    assert report.verdict in (INCONCLUSIVE, DISAGREE)
    two = check_scheme(
        solution, euler, rate=2.0, tolerance=1e-3, bias=0.05, sizes=(16, 32)
    )
    assert two.verdict is INCONCLUSIVE


def test_a_scheme_that_is_not_finite_is_invalid():
    report = check_scheme(solution, lambda x, *, steps: x / 0.0)
    assert report.verdict is INVALID


def noisy(x, *, size: int, z):
    return x * (1 + 1 / size) * z[0] ** 2 + 0 * jnp.sum(z)


def test_a_sampled_limit_reports_its_rate():
    experiment = expectation(noisy, z=Normal("size"))
    relation = Limit("size", sizes=(2, 4, 8), rate=1.0, tolerance=0.2, bias=0.2)
    space, few = {"x": Scalar(1, 2)}, {"points": 4, "budget": 2**18}
    report = check(lambda x: x, experiment, relation=relation, **space, **few)
    assert report.verdict is AGREE
    assert "rate 1.0" in report.note or "rate 0.9" in report.note
    assert "stated 1" in str(report)
    wrong = Limit("size", sizes=(2, 4, 8), rate=2.0, tolerance=0.3, bias=0.3)
    refused = check(lambda x: x, experiment, relation=wrong, **space, **few)
    assert refused.verdict is DISAGREE
    assert "does not shrink at the stated rate" in refused.reason
    two = Limit("size", sizes=(4, 8), rate=1.0, tolerance=0.2, bias=0.2)
    plain = check(lambda x: x, experiment, relation=two, **space, **few)
    assert plain.verdict is AGREE
    assert plain.note == ""


# --- bad input -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Limit("n", sizes=(4,), rate=1), "sizes must be two positive numbers"),
        (lambda: Limit("n", sizes=(4, 8, 4), rate=1), "all different"),
        (lambda: Limit("n", sizes=("a", 8), rate=1), "sizes must be two positive"),
        (lambda: Limit("n", (4, 8), rate=1, allowance=0), "allowance must be positive"),
        (lambda: Limit("n", (4, 8), rate=float("inf")), "rate must be finite"),
    ],
)
def test_ill_formed_limits_are_refused(make, message):
    with pytest.raises(ClaimError, match=message):
        make()


def test_the_sizes_nearest_to_the_limit_come_last():
    assert Limit("n", sizes=(8, 2, 4), rate=1).towards == (2, 4, 8)
    assert Limit("n", sizes=(0.1, 0.4, 0.2), rate=-1).towards == (0.4, 0.2, 0.1)
    assert Limit("n", sizes=(8, 4), rate=1).towards == (8, 4)
