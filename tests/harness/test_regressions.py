"""Verdicts that once were wrong: cancellation, narrow features, rare values."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from jax import random

from empirical.montecarlo import Moments
from tallystick import (
    Bernoulli,
    Bound,
    Choice,
    ClaimError,
    Domain,
    Identity,
    Key,
    Limit,
    Matrix,
    NoiseError,
    Normal,
    Rademacher,
    Report,
    Scalar,
    Sphere,
    Uniform,
    Vector,
    Verdict,
    check,
    expectation,
)
from tallystick.cli import main

AGREE, DISAGREE = Verdict.AGREE, Verdict.DISAGREE
ONE = {"a": Scalar(0.5, 2)}


@pytest.mark.parametrize(
    ("integrand", "noise"),
    [
        (lambda a, z: jnp.sin(a * z), Normal()),
        (lambda a, z: a * (z**2 - 1), Normal()),
        (lambda a, z: jnp.cos(a * z) - jnp.exp(-(a**2) / 2), Normal()),
        (lambda a, z: jnp.sin(a * jnp.sum(z)), Rademacher(6)),
        (lambda a, z: a * jnp.sum(z / 0.7 - 1), Bernoulli(0.7, 6)),
        (lambda a, z: (1e6 + a + z) ** 2 - (1e6 + a) ** 2 - 1, Normal()),
    ],
)
def test_exact_means_that_cancel_to_zero_agree(integrand, noise):
    report = check(lambda a: 0 * a, expectation(integrand, z=noise), **ONE)
    assert report.verdict is AGREE
    assert report.exact


def test_identities_that_cancel_to_zero_agree():
    report = check(
        lambda m: jnp.trace(m),
        lambda m: jnp.sum(jnp.linalg.inv(jnp.linalg.inv(m)) * jnp.eye(4)),
        relation=Identity(),
        m=Matrix(4, 4),
    )
    assert report.verdict is AGREE


@pytest.mark.parametrize("width", [1e-2, 1e-3])
def test_a_rule_that_misses_a_narrow_feature_is_not_trusted(width):
    bump = expectation(
        lambda a, z: (
            (a + z) ** 2 + jnp.exp(-((1.2345 - z) ** 2) / 2 / width**2) / width
        ),
        z=Normal(),
    )
    assert check(lambda a: a**2 + 1, bump, **ONE).verdict is DISAGREE


@pytest.mark.parametrize("probability", [1e-7, 1e-8])
def test_a_declared_value_too_rare_to_be_drawn_leaves_it_open(probability):
    jumps = expectation(
        lambda a, b, z: a * (1 + z / 2) + b / probability,
        b=Bernoulli(probability),
        z=Normal(),
    )
    report = check(lambda a: a, jumps, budget=2**18, **ONE)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "a value of the noise 'b' has the probability" in report.reason


def test_zeros_by_cancellation_beside_a_large_output_are_rounding():
    unit = expectation(
        lambda a, s: jnp.stack(
            [a * s[0] ** 2, *(a * (jnp.sum(s**2 * c) - c) for c in (0.1, 0.3, 0.7))]
        ),
        s=Sphere(3),
    )
    report = check(lambda a: jnp.stack([a / 3, 0 * a, 0 * a, 0 * a]), unit, **ONE)
    assert report.verdict is AGREE


def test_tiny_matrices_are_judged_as_large_ones():
    outer = expectation(lambda a, u: 1e-14 * a * jnp.outer(u, u), u=Uniform(2))
    right = 1e-14 * np.array([[1 / 3, 1 / 4], [1 / 4, 1 / 3]])
    assert check(lambda a: a * right, outer, **ONE).verdict is AGREE
    assert check(lambda a: 1.05 * a * right, outer, **ONE).verdict is DISAGREE


def test_a_limit_of_discrete_noise_keeps_its_bias():
    def integrand(a, *, size: int, s):
        return a * (1 + 1 / size + 1 / size**2) + 0.1 * jnp.sum(s)

    relation = Limit("size", sizes=(4, 8), rate=1.0, tolerance=0.05, bias=0.05)
    experiment = expectation(integrand, s=Rademacher("size"))
    assert check(lambda a: a, experiment, relation=relation, **ONE).verdict is AGREE


def test_unused_noise_is_invalid_on_every_route():
    for noise in (Normal(), Normal(8), Bernoulli(0.5)):
        report = check(
            lambda a: a, expectation(lambda a, z: a + 0 * jnp.sum(z), z=noise), **ONE
        )
        assert report.verdict is Verdict.INVALID
        assert "zero variance" in report.reason


def test_an_offset_is_not_taken_for_a_factor_of_one():
    near = expectation(lambda a, z: 1e6 + a + z, z=Normal())
    report = check(lambda a: 1e6 + a + 0.5, near, **ONE)
    assert report.verdict is DISAGREE
    assert "formula - 0.5 at every point: off by the constant -1/2" in report.diagnosis


def test_the_reason_says_for_which_static_values_it_holds():
    square = expectation(lambda n, x, z: n * (x @ z) ** 2, z=Rademacher(3))
    report = check(
        lambda n, x: (3 - n) * n * (x @ x) / (3 - n if n == 1 else 2),
        square,
        n=Choice(1, 2),
        x=Vector(3),
    )
    assert report.verdict is DISAGREE
    assert report.diagnosis.endswith("(for n=2 only)")


def test_tightness_of_a_negative_bound():
    report = check(
        lambda a: -2 * a[None],
        expectation(lambda a, z: a * (z**2 - 2), z=Normal(1)),
        relation=Bound("lower"),
        **ONE,
    )
    assert report.verdict is AGREE
    assert 0.9 < report.tightness <= 1


def test_a_probability_outside_its_range_is_refused():
    masked = expectation(lambda a, m: a * m, m=Bernoulli(lambda a: a))
    with pytest.raises(NoiseError, match=r"must lie in \[0, 1\] and sum to 1"):
        check(lambda a: a**2, masked, a=Scalar(1.1, 1.3))


def test_moments_merge_as_if_taken_together():
    values = np.random.default_rng(0).exponential(size=(1000, 3)) + 5
    for cut in (1, 400, 999):
        parts = [Moments.of(jnp.asarray(v, "float32")) for v in np.split(values, [cut])]
        merged = parts[0].merge(parts[1])
        assert np.allclose(merged.mean, values.mean(axis=0), rtol=1e-5)
        gaps = values - values.mean(axis=0)
        assert np.allclose(merged.second, (gaps**2).sum(axis=0), rtol=1e-3)
        assert np.allclose(merged.third, (gaps**3).sum(axis=0), rtol=1e-2)


def test_algorithms_with_their_own_randomness():
    walk = expectation(
        lambda a, key: a * jnp.sum(random.normal(key, (4,))) ** 2, key=Key()
    )
    # A parameter named like an option of check goes into a domain.
    assert check(lambda a: 4 * a, walk, **ONE).verdict is AGREE
    assert check(lambda a: 4.1 * a, walk, **ONE).verdict is DISAGREE


@pytest.mark.parametrize("name", ["key", "points", "budget", "tolerance", "domain"])
def test_parameters_named_like_options_go_into_a_domain(name):
    with pytest.raises(ClaimError, match=f"{name} is an option of check"):
        check(lambda a: a, lambda a: a, **{name: Scalar(0, 1)})
    with pytest.raises(ClaimError, match="key must be an integer, got 'a'"):
        check(lambda a: a, lambda a: a, key="a", **ONE)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        (
            lambda a: np.sin(a),
            r"\(test_regressions.py, line \d+\): NumPy cannot take",
        ),
        (lambda a: a if a > 1 else -a, "decide an `if`.* use jnp.where"),
        (lambda a: "a" @ a, r"cannot be evaluated .*\): unsupported operand"),
        (lambda a: None, "must return one array, as .* does, got NoneType"),
    ],
)
def test_functions_that_jax_cannot_trace_say_what_to_change(formula, words):
    experiment = expectation(lambda a, z: a * z**2, z=Normal())
    with pytest.raises((ClaimError, NoiseError), match=words):
        check(formula, experiment, **ONE)


def test_a_formula_may_be_a_number():
    unit = expectation(lambda a, z: (z**2) + 0 * a, z=Normal())
    assert check(lambda a: 1.0, unit, **ONE).verdict is AGREE


def test_reports_survive_json_whatever_they_hold():
    report = check(
        lambda f, a: f(a) / 0,
        expectation(lambda f, a, z: f(a) * z**2, z=Normal()),
        domain=Domain(f=Choice(jnp.tanh), a=Scalar(0.5, 2)),
    )
    assert report.verdict is Verdict.INVALID
    again = Report.from_dict(json.loads(report.to_json()))
    assert str(again).splitlines()[0] == str(report).splitlines()[0]


def test_two_claims_of_one_name_are_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = """
from tallystick import Claim, Control, Domain, Vector
import jax.numpy as jnp
def claim(factor):
    return Claim(
        "user.one", statement="", analytic=lambda x: factor * (x @ x),
        empirical=lambda x: jnp.sum(x**2), domain=Domain(x=Vector(3)), source="",
        relation="identity", controls=[Control("twice", lambda x: 2 * (x @ x))],
    )
FIRST = claim(1)
"""
    (tmp_path / "mine.py").write_text(text + "SECOND = claim(3)\n")
    assert main(["check", "mine.py"]) == 3
    assert "two claims are called 'user.one'" in capsys.readouterr().err
    (tmp_path / "mine.py").write_text(text)
    assert main(["check", "mine.py"]) == 0
    journal = tmp_path / ".tallystick" / "journal.jsonl"
    whole = journal.read_text()
    journal.write_text(whole + whole[:40])  # A second kill, in the middle of a line.
    for _ in range(2):
        assert main(["check", "mine.py", "--resume"]) == 0
        assert "(resumed)" in capsys.readouterr().out
