"""Claims that are not well formed, and pairs that do not fit, are refused at once."""

import jax
import jax.numpy as jnp
import pytest
from jaxtyping import Array, Float

from tallystick import (
    Axis,
    Claim,
    ClaimError,
    Control,
    Domain,
    DomainError,
    Erratum,
    NoiseError,
    Normal,
    Scalar,
    Uniform,
    Vector,
    check,
    expectation,
)


def square(x: Float[Array, " d"]):
    return jnp.sum(x**2)


@expectation(z=Normal("d"))
def projection(x: Float[Array, " d"], *, z: Float[Array, " d"]):
    return (x @ z) ** 2


def claim(**changes):
    given = {
        "name": "square",
        "statement": "E (x.z)^2 = |x|^2",
        "analytic": square,
        "empirical": projection,
        "domain": Domain(x=Vector("d"), d=Axis(3)),
        "source": "elementary",
        "controls": (Control("twice", lambda x: 2 * square(x)),),
    }
    return Claim(**{**given, **changes})


def test_a_well_formed_claim():
    assert claim().parameters == ("x",)
    assert claim(relation="mean").relation.name == "mean"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "two words"}, "name must be a word such as 'gate.mean'"),
        ({"controls": ()}, "square must have a control"),
        ({"relation": "equal"}, "relation must be one of"),
        ({"empirical": 3}, "must be an expectation or a function, got 3"),
        (
            {"analytic": lambda x, y: x @ y},
            r"projection lacks the parameter 'y' of the formula: it takes \(x\)",
        ),
        (
            {"empirical": expectation(lambda x, z, w: x @ z, z=Normal("d"))},
            r"the parameter 'w' of <lambda> is neither .* declare its law",
        ),
        ({"analytic": lambda *x: x}, "the closed form: every parameter of <lambda>"),
        ({"domain": Domain()}, "the domain lacks a space for parameter 'x'"),
        (
            {"domain": Domain(x=Vector(3), q=Scalar(0, 1))},
            "the domain has a space for the unknown parameter 'q'",
        ),
        (
            {"controls": (Control("twice", lambda y: 2 * square(y)),)},
            r"square: twice must take \(x\), got \(y\)",
        ),
        (
            {"errata": (Erratum("E1", "p. 1", "", "", square, at={}),)},
            r"the counterexample of E1 must give \(x\), got \(\)",
        ),
        (
            {"errata": (Erratum("E1", "p. 1", "", "", square, at={"x": [9, 9, 9]}),)},
            "the counterexample of E1 must lie in the domain: x must be: vector",
        ),
    ],
)
def test_ill_formed_claims_are_refused(changes, message):
    with pytest.raises(ClaimError, match=message):
        claim(**changes)


@pytest.mark.parametrize(
    ("formula", "experiment", "spaces", "error", "message"),
    [
        (
            lambda x, c: c * square(x),
            projection,
            {"x": Vector(3), "c": Scalar(0, 1)},
            ClaimError,
            "the integrand projection lacks the parameter 'c' of the formula",
        ),
        (
            square,
            expectation(lambda x, c, z: c * (x @ z) ** 2, z=Normal(3)),
            {"x": Vector(3)},
            ClaimError,
            "the parameter 'c' of <lambda> is neither a parameter of the formula",
        ),
        (
            square,
            lambda x, z: (x @ z) ** 2,
            {"x": Vector(3)},
            ClaimError,
            "'z' .* nor declared noise: declare its law, as in expectation",
        ),
        (
            lambda x: x,
            projection,
            {"x": Vector(3)},
            ClaimError,
            r"must have one shape, got \(3,\) from the formula and \(\) from",
        ),
        (
            lambda x: square(x).astype(jnp.float32),
            projection,
            {"x": Vector(3)},
            ClaimError,
            r"the dtype of .* must follow its inputs \(float64 here\), got float32",
        ),
        (
            lambda x: square(x) + 0j,
            projection,
            {"x": Vector(3)},
            ClaimError,
            "must be real, got complex128",
        ),
        (square, projection, {}, ClaimError, "the domain lacks a space for parameter"),
        (
            square,
            projection,
            {"x": Vector("d")},
            DomainError,
            "axis 'd' of x must be declared",
        ),
        (square, projection, {"x": object()}, DomainError, "x must be a space"),
        (
            square,
            expectation(lambda x, z: jax.lax.complex(x @ z, 0.0), z=Normal(3)),
            {"x": Vector(3)},
            NoiseError,
            "must return one real array",
        ),
        ("3", projection, {"x": Vector(3)}, ClaimError, "formula must be a JAX"),
        (square, 3, {"x": Vector(3)}, ClaimError, "must be an expectation or a funct"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(formula, experiment, spaces, error, message):
    with pytest.raises(error, match=message):
        check(formula, experiment, **spaces)


def test_dtypes_that_the_twin_fixes_are_refused():
    single = expectation(lambda x, z: ((x @ z) ** 2).astype("float32"), z=Normal(3))
    with pytest.raises(ClaimError, match="the dtype of <lambda> must follow"):
        check(square, single, x=Vector(3))


def test_an_indicator_may_stay_an_integer_or_a_bool():
    below = expectation(lambda t, z: z < t, z=Uniform())
    report = check(lambda t: t, below, t=Scalar(0.2, 0.8))
    assert report.verdict == "AGREE"


def test_domain_and_spaces_exclude_each_other():
    domain = Domain(x=Vector(3))
    with pytest.raises(ClaimError, match="give a domain or spaces, not both"):
        check(square, projection, domain=domain, x=Vector(3))
    with pytest.raises(ClaimError, match="points and budget must be positive"):
        check(square, projection, domain=domain, points=0)
