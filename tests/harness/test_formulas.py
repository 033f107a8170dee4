"""Formulas that are no functions, and functions that cannot be traced."""

import math
import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy

from empirical.montecarlo import NoiseError
from tallystick import (
    Angle,
    Claim,
    ClaimError,
    Control,
    Distribution,
    Domain,
    DomainError,
    Normal,
    Rademacher,
    Scalar,
    Vector,
    check,
    check_claim,
    expectation,
)
from tallystick.formulas import as_form

THETA, VALUE = sympy.symbols("theta value")
KERNEL = (sympy.sin(THETA) + (sympy.pi - THETA) * sympy.cos(THETA)) / (2 * sympy.pi)


@expectation(x=Normal(2))
def units(theta, x):
    second = jnp.cos(theta) * x[0] + jnp.sin(theta) * x[1]
    return jax.nn.relu(x[0]) * jax.nn.relu(second)


@expectation(s=Rademacher(3))
def product(u, s):
    return (u @ s) ** 2


def test_a_sympy_expression_is_checked_and_its_double_is_refused():
    right = check(KERNEL, units, theta=Angle())
    assert right.verdict == "AGREE"
    assert right.name == "((pi - theta)*cos(theta) + sin(theta))/(2*pi)"
    wrong = check(2 * KERNEL, units, theta=Angle())
    assert wrong.verdict == "DISAGREE"
    assert "off by the factor 1/2" in wrong.diagnosis


def test_a_claim_may_be_made_of_expressions_and_numbers():
    claim = Claim(
        "user.kernel",
        statement="",
        analytic=KERNEL,
        empirical=units,
        domain=Domain(theta=Angle()),
        source="",
        controls=(Control("twice", as_form(2 * KERNEL, ["theta"])),),
    )
    report = check_claim(claim)
    assert report.verdict == "AGREE"
    assert not report.unrefused


def test_a_distribution_function_may_be_an_expression():
    normal = (1 + sympy.erf(VALUE / sympy.sqrt(2))) / 2
    experiment = expectation(lambda z: z, z=Normal())
    law = Distribution()
    assert check(normal, experiment, relation=law).verdict == "AGREE"
    shifted = normal.subs(VALUE, VALUE + sympy.Rational(1, 20))
    assert check(shifted, experiment, relation=law).verdict == "DISAGREE"


def test_a_number_is_constant_in_every_parameter():
    def share(scale, z):
        return jnp.where(scale * z > 0, 1.0, 0.0)

    experiment = expectation(share, z=Normal())
    for half in (0.5, np.float64(0.5), jnp.float32(0.5), sympy.Rational(1, 2)):
        assert check(half, experiment, scale=Scalar(1, 2)).verdict == "AGREE"
    assert check(0.51, experiment, scale=Scalar(1, 2)).verdict == "DISAGREE"


def test_an_array_is_a_formula():
    experiment = expectation(lambda z: jnp.outer(z, z), z=Normal(2))
    assert check(np.eye(2), experiment).verdict == "AGREE"
    assert check(np.diag([1.0, 1.02]), experiment).verdict == "DISAGREE"


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("x**2", "formula must be a JAX function, a number, an array or a SymPy"),
        (None, "formula must be a JAX function"),
        (sympy.Matrix([[THETA]]), "must be one expression for one number"),
        (THETA > 0, "must be one expression for one number"),
        (sympy.Symbol("theta hat") + 1, "must be named like parameters"),
        (THETA + sympy.Symbol("theta", positive=True), "two symbols called 'theta'"),
        (sympy.Symbol("alpha") * THETA, "lacks the parameter 'alpha'"),
    ],
)
def test_other_things_are_no_formulas(formula, message):
    with pytest.raises(ClaimError, match=message):
        check(formula, units, theta=Angle())


def test_a_symbol_stands_for_a_number():
    with pytest.raises(NoiseError, match=r"u stands for a number, got an array of"):
        check(sympy.Symbol("u") ** 2, product, u=Vector(3))


def decides(u, s):
    return (u @ s) ** 2 if u @ s > 0 else 0.0


def counts(u, s):
    return sum(u[i] * s[i] for i in range(int(u[0])))


def selects(u, s):
    return s[u > 0].sum()


def fills(u, s):
    found = np.zeros(3)
    found[0] = u[0] * s[0]
    return found.sum()


def uses_math(u, s):
    return math.sqrt(u @ s)


@pytest.mark.parametrize(
    ("integrand", "advice"),
    [
        (decides, "cannot decide an `if`, .* jnp.where"),
        (counts, "cannot take arguments of the function: use jax.numpy"),
        (selects, "a mask cannot select entries"),
        (fills, "NumPy cannot take arguments of the function"),
        (uses_math, "the functions of math cannot take arguments"),
    ],
)
def test_an_untraceable_integrand_names_the_line_and_the_change(integrand, advice):
    line = integrand.__code__.co_firstlineno
    place = rf"{integrand.__name__} cannot be evaluated \(test_formulas.py, line \d+\)"
    with pytest.raises(NoiseError, match=f"{place}: .*{advice}") as caught:
        check(lambda u: u @ u, expectation(integrand, s=Rademacher(3)), u=Vector(3))
    found = int(str(caught.value).partition("line ")[2].partition(")")[0])
    assert line < found <= line + 3


def test_shapes_that_do_not_fit_name_the_line():
    line = product.integrand.__code__.co_firstlineno
    message = r"product cannot be evaluated \(test_formulas.py, line (\d+)\): matmul"
    with pytest.raises(NoiseError, match=message) as caught:
        check(lambda u: u * u, product, u=4.0)
    found = int(str(caught.value).partition("line ")[2].partition(")")[0])
    assert line < found <= line + 3


def test_numpy_in_the_formula_names_the_line_and_the_change():
    with pytest.raises(NoiseError, match=r"line \d+\): NumPy cannot take .*jnp"):
        check(lambda u: np.linalg.norm(u) ** 2, product, u=Vector(3))


KEPT = []


def draws_its_own_noise(u, s):
    return (u @ s) ** 2 + random.gauss(0, 1)


def draws_an_array(u, s):
    return (u @ s) ** 2 + jnp.sum(np.random.default_rng().normal(size=3))


def keeps_a_count(u, s):
    KEPT.append(1)
    return (u @ s) ** 2 * len(KEPT)


@pytest.mark.parametrize(
    "integrand", [draws_its_own_noise, draws_an_array, keeps_a_count]
)
def test_an_integrand_with_side_effects_is_refused(integrand):
    with pytest.raises(NoiseError, match="is not the same function when it is traced"):
        check(lambda u: u @ u, expectation(integrand, s=Rademacher(3)), u=Vector(3))


def test_an_integrand_that_keeps_a_traced_value_is_refused():
    kept = []

    def keeps_a_value(u, s):
        kept.append(s)
        return (u @ kept[0]) ** 2

    with pytest.raises(NoiseError, match="depend on its arguments alone"):
        check(lambda u: u @ u, expectation(keeps_a_value, s=Rademacher(3)), u=Vector(3))


def test_captured_arrays_and_keys_are_no_side_effect():
    weights, key = np.arange(3.0), jax.random.key(0)

    def weighted(u, s):
        return (u @ (weights * s)) ** 2 + 0 * jax.random.normal(key)

    report = check(
        lambda u: jnp.sum((u * weights) ** 2),
        expectation(weighted, s=Rademacher(3)),
        u=Vector(3),
    )
    assert report.verdict == "AGREE"


@pytest.mark.parametrize("constant", [(0, 1), [1.0, 2.0], range(3)])
def test_a_pair_of_numbers_is_neither_a_range_nor_a_constant(constant):
    experiment = expectation(lambda a, z: a * z**2, z=Normal())
    with pytest.raises(DomainError, match=r"a range is Scalar\(low, high\), a vector"):
        check(lambda a: a, experiment, a=constant)


def test_a_check_without_noise_speaks_of_no_mean():
    report = check(lambda a: 2 * a, lambda a: a + a, a=Scalar(1, 2))
    assert str(report).startswith("AGREE        <lambda>(a) is <lambda>(a)   ")


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        (lambda u: None, "must return one array, as product does, got NoneType"),
        (lambda u: u @ u + 0j, "<lambda> must be real, got complex128: take jnp.real"),
    ],
)
def test_values_that_cannot_be_compared_are_named(formula, message):
    with pytest.raises(ClaimError, match=message):
        check(formula, product, u=Vector(3))
