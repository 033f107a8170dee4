"""Relations other than the mean: identities, bounds, limits."""

import jax.numpy as jnp
import pytest

from tallystick import (
    Bound,
    ClaimError,
    Identity,
    Limit,
    Matrix,
    Mean,
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


def trace(matrix):
    return jnp.trace(matrix)


def summed_eigenvalues(matrix):
    return jnp.sum(jnp.linalg.eigvals(matrix)).real


def test_an_identity_of_a_deterministic_algorithm():
    report = check(trace, summed_eigenvalues, relation=Identity(), matrix=Matrix(4, 4))
    assert report.verdict is AGREE
    assert report.exact
    assert report.false_alarm == 0
    wrong = check(
        lambda matrix: trace(matrix) + 1e-6,
        summed_eigenvalues,
        relation=Identity(),
        matrix=Matrix(4, 4),
    )
    assert wrong.verdict is DISAGREE
    assert "off by an additive constant" in wrong.diagnosis


def test_an_identity_must_hold_at_every_draw():
    signed = expectation(lambda x, s: jnp.sum((s * x) ** 2), s=Rademacher(3))
    right = check(lambda x: x @ x, signed, relation=Identity(), x=Vector(3))
    assert right.verdict is AGREE
    only_mean = expectation(lambda x, s: x @ x + jnp.sum(s), s=Rademacher(3))
    wrong = check(lambda x: x @ x, only_mean, relation=Identity(), x=Vector(3))
    assert wrong.verdict is DISAGREE


def test_bounds_and_their_tightness():
    quotient = expectation(lambda a, z: jnp.sum(a * z**2) / jnp.sum(z**2), z=Normal(3))
    space = {"a": Vector(3)}
    low = check(lambda a: jnp.min(a), quotient, relation=Bound("lower"), **space)
    assert low.verdict is AGREE
    high = check(lambda a: jnp.max(a), quotient, relation=Bound("upper"), **space)
    assert high.verdict is AGREE
    crossed = check(lambda a: jnp.mean(a), quotient, relation=Bound("lower"), **space)
    assert crossed.verdict is DISAGREE
    assert "past the lower bound" in crossed.reason


def test_an_attained_bound_must_be_reached():
    distance = expectation(lambda t, z: t + jnp.where(z > 0, z, 0.0) ** 2, z=Normal(1))
    space = {"t": Scalar(1, 2)}

    def one(form, attained):
        relation = Bound("lower", attained=attained)
        return check(form, distance, relation=relation, **space)

    assert one(lambda t: t[None], attained=True).verdict is AGREE
    loose = one(lambda t: 0.99 * t[None], attained=True)
    assert loose.verdict is DISAGREE
    assert "not attained" in loose.reason
    assert one(lambda t: 0.99 * t[None], attained=False).verdict is AGREE
    assert one(lambda t: 1.01 * t[None], attained=True).verdict is DISAGREE


def test_a_bound_that_few_draws_miss_is_left_open():
    rare = expectation(lambda a, z: a * jnp.maximum(z - 0.1, 0.0), z=Uniform())
    space = {"a": Scalar(1, 2)}

    def one(draws, share, form=lambda a: 0 * a):
        relation = Bound("lower", attained=True, draws=draws, share=share)
        return check(form, rare, relation=relation, **space)

    # A tenth of the draws reach zero: 400 hardly all miss it, one often does.
    reached = one(400, 0.1)
    assert reached.verdict is AGREE
    assert 0 < reached.false_alarm < 1e-12
    below = one(400, 0.1, lambda a: 0 * a - 0.01)
    assert below.verdict is DISAGREE
    few = one(2, 0.1, lambda a: 0 * a - 0.01)
    assert few.verdict is INCONCLUSIVE
    assert "2 draws may all have missed it" in few.reason


def test_a_limit_with_the_right_rate_and_with_a_wrong_one():
    def integrand(x, *, size: int, z):
        return x * (1 + 1 / size) * z[0] ** 2 + 0 * z[1:].sum()

    experiment = expectation(integrand, z=Normal("size"))
    space = {"x": Scalar(1, 2)}
    right = Limit("size", sizes=(8, 16), rate=1.0)
    assert check(lambda x: x, experiment, relation=right, **space).verdict is AGREE
    wrong_rate = Limit("size", sizes=(8, 16), rate=3.0)
    report = check(lambda x: x, experiment, relation=wrong_rate, **space)
    assert report.verdict is DISAGREE
    biased = Limit("size", sizes=(8, 16), rate=1.0, tolerance=0.05, bias=0.03)
    near = check(lambda x: 1.02 * x, experiment, relation=biased, **space)
    assert near.verdict is AGREE
    wrong_limit = check(lambda x: 1.05 * x, experiment, relation=right, **space)
    assert wrong_limit.verdict is DISAGREE


def test_a_measured_value_that_is_not_finite_is_invalid():
    report = check(
        lambda x: x, lambda x: jnp.log(x - 1.5), relation=Identity(), x=Scalar(1, 2)
    )
    assert report.verdict is INVALID
    assert report.worst["point"]["x"] < 1.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Mean(tolerance=0), "tolerance must be positive and finite, got 0"),
        (lambda: Identity(tolerance=-1), "tolerance must be positive"),
        (lambda: Bound("left"), "side must be 'lower' or 'upper', got 'left'"),
        (
            lambda: Limit("n", sizes=(4, 4), rate=1),
            "sizes must be two positive numbers",
        ),
        (lambda: Limit("n", sizes=(4, 8), rate=0), "rate must be finite and not zero"),
    ],
)
def test_ill_formed_relations_are_refused(make, message):
    with pytest.raises(ClaimError, match=message):
        make()


def test_an_unknown_relation_is_refused():
    with pytest.raises(ClaimError, match=r"relation must be one of .* got 'same'"):
        check(trace, summed_eigenvalues, relation="same", matrix=Matrix(2, 2))
