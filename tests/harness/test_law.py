"""The relation law: distribution functions, and experiments of one law."""

import json
from collections import Counter
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import gammainc
from jax.scipy.stats import norm
from scipy import stats

from tallystick import (
    Claim,
    ClaimError,
    Control,
    Distribution,
    Domain,
    Identity,
    NoiseError,
    Normal,
    Rademacher,
    Report,
    Scalar,
    Sphere,
    Uniform,
    Verdict,
    check,
    check_claim,
    expectation,
    levels,
)
from tallystick.decide.law import decide_law
from tallystick.decide.reference import decide_same_law

AGREE, DISAGREE = Verdict.AGREE, Verdict.DISAGREE
INCONCLUSIVE, INVALID = Verdict.INCONCLUSIVE, Verdict.INVALID
SEEDS = range(5)


class NumpySampler:
    """One point; draws of one shape made with NumPy, so that nothing is compiled."""

    def __init__(self, draw, shape=()):
        self.draw, self.value_shape, self.step = draw, shape, 2**13
        self.layout = SimpleNamespace(value_size=int(np.prod(shape)))

    def values(self, key, draws):
        values = self.draw(np.random.default_rng(key), draws)
        return np.asarray(values, float).reshape(draws, 1, -1)


def decide(draw, cdf, seed=0, *, shape=(), budget=2**18, **settings):
    relation = Distribution(**{"tolerance": 0.02, **settings})
    return decide_law(
        NumpySampler(draw, shape),
        cdf,
        relation=relation,
        tolerance=relation.tolerance,
        budget=budget,
        seed=("law", seed),
    )


def joint(first, second):
    """The distribution function of two independent numbers."""
    return lambda value: first(value[..., 0]) * second(value[..., 1])


def correlated(rng, n):
    z = rng.standard_normal((n, 2))
    return np.stack([z[:, 0], 0.05 * z[:, 0] + np.sqrt(1 - 0.05**2) * z[:, 1]], axis=1)


def tenths(rng, n):
    """Multiples of 0.1, summed in some order: rounding moves every atom."""
    return np.sum(0.1 * (rng.uniform(size=(n, 6)) < 0.5), axis=1)


# Name, shape, draws, distribution function, wrong ones.
NORMAL, CHI, POISSON = stats.norm.cdf, stats.chi2(3).cdf, stats.poisson(4).cdf
LAWS = {
    "chi-square": (
        (),
        lambda rng, n: rng.chisquare(3, n),
        CHI,
        {
            "three percent wider": lambda x: CHI(x / 1.03),
            "a degree of freedom more": stats.chi2(4).cdf,
            "the normal law of its mean": stats.norm(3, np.sqrt(6)).cdf,
        },
    ),
    "heavy tails": (
        (),
        lambda rng, n: rng.standard_cauchy(n),
        stats.cauchy.cdf,
        {
            "lighter tails": stats.t(1.1).cdf,
            "shifted": lambda x: stats.cauchy.cdf(x - 0.03),
        },
    ),
    "discrete": (
        (),
        lambda rng, n: rng.poisson(4, n),
        POISSON,
        {
            "two percent more": stats.poisson(4.08).cdf,
            "below, not up to": lambda x: POISSON(np.ceil(x) - 1),
            "the continuous law beside it": stats.norm(4, 2).cdf,
        },
    ),
    "an atom at zero": (
        (),
        lambda rng, n: np.maximum(rng.standard_normal(n), 0),
        lambda x: np.where(x < 0, 0.0, NORMAL(x)),
        {
            "without the atom": lambda x: np.where(x < 0, 0.0, 2 * NORMAL(x) - 1),
            "the atom two percent smaller": lambda x: np.where(
                x < 0, 0.0, np.maximum(NORMAL(x), 0.5) - 0.02 * (1 - NORMAL(x))
            ),
        },
    ),
    "atoms moved by rounding": (
        (),
        tenths,
        lambda x: stats.binom(6, 0.5).cdf(np.floor(10 * x)),
        {"one coin more": lambda x: stats.binom(7, 0.5).cdf(np.floor(10 * x))},
    ),
    "two numbers": (
        (2,),
        lambda rng, n: rng.standard_normal((n, 2)) * [1, 2],
        joint(NORMAL, stats.norm(0, 2).cdf),
        {
            "interchanged": joint(stats.norm(0, 2).cdf, NORMAL),
            "three percent wider": joint(NORMAL, stats.norm(0, 2.06).cdf),
        },
    ),
}
WRONG = [(law, wrong) for law, entry in LAWS.items() for wrong in entry[3]]


@pytest.mark.parametrize("law", LAWS)
def test_the_right_law_agrees(law):
    shape, draw, cdf, _ = LAWS[law]
    for seed in SEEDS:
        found = decide(draw, cdf, seed, shape=shape)
        assert found.verdict is AGREE, found
        assert found.detectable < 0.03
        assert found.false_alarm < 2e-12


@pytest.mark.parametrize(("law", "wrong"), WRONG)
def test_a_slightly_wrong_law_is_refused(law, wrong):
    shape, draw, _, forms = LAWS[law]
    for seed in SEEDS:
        found = decide(
            draw, forms[wrong], seed, shape=shape, tolerance=0.004, budget=2**20
        )
        assert found.verdict is DISAGREE, found


def test_dependence_is_seen_where_the_entries_have_the_right_laws():
    found = decide(correlated, joint(NORMAL, NORMAL), shape=(2,), tolerance=0.004)
    assert found.verdict is DISAGREE


def test_a_difference_between_the_tolerance_and_the_bias_is_neither():
    def shifted(x):
        return NORMAL(x - 0.02)  # Off by 0.008 in the middle.

    def draw(rng, n):
        return rng.standard_normal(n)

    assert decide(draw, shifted, tolerance=0.006).verdict is DISAGREE
    assert decide(draw, shifted, bias=0.01).verdict is AGREE
    found = decide(draw, shifted, bias=0.01, tolerance=0.006)
    assert found.verdict is INCONCLUSIVE
    assert "the tolerance" in found.reason


def test_too_few_draws_decide_nothing():
    _, draw, cdf, _ = LAWS["chi-square"]
    found = decide(draw, cdf, budget=2**12)
    assert found.verdict is INCONCLUSIVE
    assert "about" in found.reason
    assert "draws would decide" in found.reason


@pytest.mark.parametrize(
    ("cdf", "reason"),
    [
        (lambda x: 1 - CHI(x), "no distribution function: it decreases"),
        (lambda x: 1.01 * CHI(x), "no probability"),
        (lambda x: CHI(x) - 0.2, "no probability"),
        (lambda x: np.where(x > 2, np.nan, CHI(x)), "not finite"),
    ],
)
def test_what_is_no_distribution_function_is_invalid(cdf, reason):
    found = decide(LAWS["chi-square"][1], cdf)
    assert found.verdict is INVALID
    assert reason in found.reason


def test_draws_that_are_not_finite_are_invalid():
    found = decide(lambda rng, n: np.where(rng.uniform(size=n) < 0.5, np.inf, 1.0), CHI)
    assert found.verdict is INVALID
    assert "not finite" in found.reason


def test_with_every_level_raised_false_alarms_come_as_the_product_says(monkeypatch):
    monkeypatch.setattr(levels, "SCREEN_LEVEL", 0.5)
    monkeypatch.setattr(levels, "CONVICTION_Z", levels.z_value(0.1))
    runs = 300
    settings = {"tolerance": 0.1, "budget": 2**13}
    expected = runs * 0.5 * 0.1**2
    for law in ("chi-square", "discrete"):
        _, draw, cdf, _ = LAWS[law]
        found = Counter(decide(draw, cdf, s, **settings).verdict for s in range(runs))
        # Every look may screen, but all of them together have the level of the screen.
        assert found[DISAGREE] <= expected + 4 * np.sqrt(expected)
        assert found[INVALID] == 0


# --- experiments of one law ----------------------------------------------------------


def same(draw, other, seed=0, *, shape=(), budget=2**18, **settings):
    relation = Distribution(**{"tolerance": 0.03, "projections": 8, **settings})
    return decide_same_law(
        NumpySampler(draw, shape),
        NumpySampler(other, shape),
        relation=relation,
        tolerance=relation.tolerance,
        budget=budget,
        seed=("same", seed),
    )


def sphere(rng, n):
    z = rng.standard_normal((n, 3))
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def archimedes(rng, n):
    """The same law from a uniform height and a uniform angle."""
    height, angle = rng.uniform(-1, 1, n), rng.uniform(0, 2 * np.pi, n)
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)


PAIRS = {
    "sphere": ((3,), sphere, archimedes),
    "binomial": ((), tenths, lambda rng, n: 0.1 * rng.binomial(6, 0.5, n)),
}
UNLIKE = {
    "one axis three percent longer": (
        (3,),
        lambda r, n: archimedes(r, n) * [1, 1, 1.03],
    ),
    "the cube": ((3,), lambda r, n: np.sign(sphere(r, n)) / np.sqrt(3)),
    "a tied pair": ((3,), lambda r, n: np.roll(np.sort(sphere(r, n)), 1, axis=1)),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_experiments_of_one_law_agree(pair):
    shape, ours, theirs = PAIRS[pair]
    for seed in SEEDS:
        found = same(ours, theirs, seed, shape=shape)
        assert found.verdict is AGREE, found


@pytest.mark.parametrize("wrong", UNLIKE)
def test_experiments_of_other_laws_are_refused(wrong):
    shape, other = UNLIKE[wrong]
    for seed in SEEDS:
        found = same(sphere, other, seed, shape=shape, tolerance=0.01)
        assert found.verdict is DISAGREE, found


def test_only_a_projection_shows_what_every_entry_hides():
    def uncorrelated(rng, n):
        return rng.standard_normal((n, 2))

    found = same(correlated, uncorrelated, shape=(2,), tolerance=0.01, budget=2**20)
    assert found.verdict is DISAGREE
    assert "projection" in found.worst.place or "norm" in found.worst.place


def test_a_bias_between_experiments_is_allowed():
    def shifted(rng, n):
        return rng.standard_normal(n) + 0.04

    def centered(rng, n):
        return rng.standard_normal(n)

    assert same(centered, shifted).verdict is DISAGREE
    assert same(centered, shifted, bias=0.02).verdict is AGREE
    wrong = same(lambda rng, n: rng.standard_normal(n) + 0.2, centered, bias=0.02)
    assert wrong.verdict is DISAGREE


def test_with_every_level_raised_sign_tests_keep_theirs(monkeypatch):
    monkeypatch.setattr(levels, "SCREEN_LEVEL", 0.5)
    monkeypatch.setattr(levels, "CONVICTION_Z", levels.z_value(0.1))
    runs = 200
    found = Counter(
        same(*PAIRS["binomial"][1:], s, tolerance=0.2, budget=2**13).verdict
        for s in range(runs)
    )
    expected = runs * 0.5 * 0.1**2
    assert found[DISAGREE] <= expected + 4 * np.sqrt(expected)


# --- whole checks --------------------------------------------------------------------


def squared_norm(scale, z):
    return jnp.sum((scale * z) ** 2)


def chi_square(scale, value):
    """P(|scale z|^2 <= value) for z ~ N(0, I) in four dimensions."""
    return gammainc(2.0, jnp.maximum(value, 0) / (2 * scale**2))


SQUARED_NORM = expectation(squared_norm, z=Normal(4))
SPACE = {"scale": Scalar(0.5, 2)}
QUICK = {"budget": 2**18, "points": 4}


def test_the_law_of_a_squared_norm_and_its_report():
    report = check(chi_square, SQUARED_NORM, relation="law", **SPACE, **QUICK)
    assert report.verdict is AGREE
    assert report.guaranteed
    assert "is the law of squared_norm(scale, z)" in str(report)
    assert "would have noticed a difference of" in str(report)
    assert Report.from_dict(json.loads(report.to_json())).verdict is AGREE
    wrong = check(
        lambda scale, value: chi_square(1.03 * scale, value),
        SQUARED_NORM,
        relation="law",
        **SPACE,
        **QUICK,
    )
    assert wrong.verdict is DISAGREE
    assert "P(value <" in str(wrong)
    assert wrong.worst["formula"] != pytest.approx(wrong.worst["measured"], abs=1e-3)


def heads(chance, u):
    return jnp.sum(u < chance)


def binomial(chance, value):
    """P(at most `value` of 4 coins show heads), by a sum."""
    number = jnp.arange(5)
    ways = jnp.array([1, 4, 6, 4, 1])
    terms = ways * chance**number * (1 - chance) ** (4 - number)
    return jnp.sum(jnp.where(number <= value, terms, 0.0))


def test_a_claim_about_a_discrete_law_and_its_controls():
    claim = Claim(
        "coins.law",
        statement="the number of heads is binomial",
        analytic=binomial,
        empirical=expectation(heads, u=Uniform(4)),
        domain=Domain(chance=Scalar(0.2, 0.8)),
        source="Bernoulli 1713",
        relation=Distribution(),
        controls=(
            Control(
                "tails for heads", lambda chance, value: binomial(1 - chance, value)
            ),
            Control("below", lambda chance, value: binomial(chance, value - 1)),
            Control(
                "two percent", lambda chance, value: binomial(0.98 * chance, value)
            ),
        ),
    )
    assert claim.parameters == ("chance",)
    report = check_claim(claim)
    assert report.verdict is AGREE
    assert not report.unrefused


def test_a_joint_law_of_independent_numbers():
    def pair(scale, z):
        return jnp.stack([scale * z[0], z[1] + 1])

    def product(scale, value):
        return norm.cdf(value[0] / scale) * norm.cdf(value[1] - 1)

    def check_one(form):
        experiment = expectation(pair, z=Normal(2))
        return check(form, experiment, relation="law", **SPACE, **QUICK).verdict

    assert check_one(product) is AGREE
    assert check_one(lambda scale, value: product(scale, value[::-1])) is DISAGREE


def test_a_coordinate_of_the_sphere_and_a_normalised_normal():
    @expectation(z=Normal(5))
    def normalised(z):
        return z[0] / jnp.linalg.norm(z)

    @expectation(z=Normal(4))
    def shorter(z):
        return z[0] / jnp.linalg.norm(z)

    coordinate = expectation(lambda u: u[0], u=Sphere(5))
    assert check(normalised, coordinate, relation="law").verdict is AGREE
    wrong = check(shorter, coordinate, relation="law")
    assert wrong.verdict is DISAGREE
    assert "exact sign test" in str(wrong)


# --- bad input -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Distribution(tolerance=0), "tolerance must be positive"),
        (lambda: Distribution(bias=-0.1), "bias must be finite and at least 0"),
        (lambda: Distribution(argument="a b"), "argument must be a name"),
        (lambda: Distribution(projections=-1), "projections must be an integer"),
    ],
)
def test_ill_formed_laws_are_refused(make, message):
    with pytest.raises(ClaimError, match=message):
        make()


@pytest.mark.parametrize(
    ("form", "experiment", "relation", "message"),
    [
        (lambda scale: scale, SQUARED_NORM, "law", "must take 'value'"),
        (chi_square, SQUARED_NORM, Distribution("t"), "must take 't'"),
        (
            lambda scale, value: value * jnp.ones(3),
            SQUARED_NORM,
            "law",
            "must return one probability",
        ),
        (
            lambda scale, value: jnp.float32(0.5),
            SQUARED_NORM,
            "law",
            "must follow its inputs",
        ),
        (chi_square, lambda scale: scale, "law", "must have noise to have a law"),
        (SQUARED_NORM, SQUARED_NORM, "mean", "must be a function, got an expectation"),
        (SQUARED_NORM, SQUARED_NORM, Identity(), "must be a function"),
        (
            expectation(lambda scale, s: scale * s, s=Rademacher(2)),
            SQUARED_NORM,
            "law",
            "must return values of the shape",
        ),
        (
            expectation(lambda other, s: other * s[0], s=Rademacher(2)),
            SQUARED_NORM,
            "law",
            "lacks the parameter 'other'",
        ),
    ],
)
def test_halves_that_do_not_fit_are_refused(form, experiment, relation, message):
    spaces = {"other": Scalar(1, 2)} if "other" in message else SPACE
    with pytest.raises(ClaimError, match=message):
        check(form, experiment, relation=relation, **spaces)


def test_a_control_of_a_law_must_take_the_parameters():
    with pytest.raises(ClaimError, match="must take \\(scale\\)"):
        Claim(
            "norm.law",
            statement="",
            analytic=chi_square,
            empirical=SQUARED_NORM,
            domain=Domain(**SPACE),
            source="",
            relation="law",
            controls=(Control("other", lambda other, value: value),),
        )


def test_a_form_that_jax_cannot_trace_gets_advice():
    def branching(scale, value):
        return chi_square(scale, value) if value > 0 else 0.0

    with pytest.raises(NoiseError, match="branching cannot be evaluated"):
        check(branching, SQUARED_NORM, relation="law", **SPACE)


def test_a_law_at_a_single_point():
    # Its draws arrive in one line, which a transposition does not copy.
    report = check(
        lambda value: norm.cdf(value),
        expectation(lambda z: z, z=Normal()),
        relation=Distribution(tolerance=0.03),
        budget=2**16,
    )
    assert report.verdict is AGREE, report
