"""Bounds of means and of probabilities."""

import jax.numpy as jnp
import pytest

from tallystick import (
    Bernoulli,
    ClaimError,
    MeanBound,
    Normal,
    Scalar,
    Uniform,
    Verdict,
    check,
    expectation,
)

AGREE, DISAGREE = Verdict.AGREE, Verdict.DISAGREE
UPPER, LOWER = MeanBound("upper"), MeanBound("lower")
MORE = {"points": 4, "budget": 2**18}


@expectation(z=Normal(6))
def exceeds(t, z):
    """Whether the mean of six normal numbers exceeds t."""
    return jnp.where(jnp.mean(z) + 0 * jnp.max(z) > t, 1.0, 0.0)


def gaussian_tail(t):
    return jnp.exp(-3 * t**2)


def test_a_tail_bound_holds_and_a_smaller_one_is_refused():
    right = check(gaussian_tail, exceeds, relation=UPPER, t=Scalar(0.2, 1), **MORE)
    assert right.verdict is AGREE
    assert 0 < right.tightness < 1
    assert "a bound of E[exceeds" in str(right)
    wrong = check(
        lambda t: jnp.exp(-12 * t**2), exceeds, relation=UPPER, t=Scalar(0.2, 1), **MORE
    )
    assert wrong.verdict is DISAGREE
    assert "past the upper bound" in wrong.reason


def test_a_probability_of_which_no_draw_is_seen_lies_below_a_percent():
    never = expectation(lambda t, u: jnp.where(u > 2 + t, 1.0, 0.0), u=Uniform())
    report = check(lambda t: 0.01 * t, never, relation=UPPER, t=Scalar(1, 2), **MORE)
    assert report.verdict is AGREE
    always = expectation(
        lambda t, u: jnp.where(u + jnp.sin(u) < t, 1.0, 0.0), u=Uniform()
    )
    report = check(lambda t: 0.9, always, relation=UPPER, t=Scalar(2, 3), **MORE)
    assert report.verdict is DISAGREE


def test_exact_means_are_compared_to_rounding():
    coins = expectation(lambda a, b: a * b.mean(), b=Bernoulli(0.5, 4))
    for form, side, verdict in (
        (lambda a: a / 2, UPPER, AGREE),
        (lambda a: a / 2, LOWER, AGREE),
        (lambda a: 0.499 * a, UPPER, DISAGREE),
        (lambda a: 0.501 * a, LOWER, DISAGREE),
    ):
        report = check(form, coins, relation=side, a=Scalar(1, 2))
        assert report.verdict is verdict
        assert report.exact
    assert report.tightness == pytest.approx(0.5 / 0.501)


def test_an_unbounded_integrand_is_judged_by_the_normal_law():
    largest = expectation(lambda a, z: a * jnp.max(z), z=Normal(6))

    def bound(a):  # The mean of the largest of six is 1.267.
        return a * jnp.sqrt(2 * jnp.log(6.0))

    space = Scalar(1, 2)
    assert check(bound, largest, relation=UPPER, a=space, **MORE).verdict is AGREE
    low = check(lambda a: 1.2 * a, largest, relation=UPPER, a=space, **MORE)
    assert low.verdict is DISAGREE
    under = check(lambda a: 1.3 * a, largest, relation=LOWER, a=space, **MORE)
    assert under.verdict is DISAGREE
    assert check(lambda a: a, largest, relation=LOWER, a=space, **MORE).verdict is AGREE


def test_a_mean_of_heavy_tails_is_undecided():
    heavy = expectation(lambda a, u: a * (1 - u) ** -0.9, u=Uniform())
    report = check(lambda a: 12 * a, heavy, relation=UPPER, a=Scalar(1, 2), **MORE)
    assert report.verdict is Verdict.INCONCLUSIVE


def test_an_attained_bound_is_confirmed_to_its_tolerance():
    report = check(
        lambda t: 0.5 + 0 * t,
        expectation(
            lambda t, z: jnp.where(t * jnp.max(z[:3]) > jnp.max(z[3:]) * t, 1.0, 0.0),
            z=Normal(6),
        ),
        relation=MeanBound("upper", tolerance=0.02),
        t=Scalar(1, 2),
        **MORE,
    )
    assert report.verdict is AGREE
    assert report.tightness == pytest.approx(1, abs=0.02)


def test_a_value_that_is_not_finite_is_invalid():
    broken = expectation(lambda a, z: jnp.log(a * z[0]) + jnp.max(z), z=Normal(6))
    report = check(lambda a: a, broken, relation=UPPER, a=Scalar(1, 2), **MORE)
    assert report.verdict is Verdict.INVALID


def test_settings_outside_their_range_are_refused():
    with pytest.raises(ClaimError, match="side must be 'lower' or 'upper', got 'up'"):
        MeanBound("up")
    with pytest.raises(ClaimError, match="tolerance must be positive"):
        MeanBound(tolerance=0)
