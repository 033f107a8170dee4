"""Domains: points, corners, given values, dependent ends, and what they refuse."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

from tallystick import (
    Angle,
    Axis,
    Choice,
    Domain,
    DomainError,
    Matrix,
    Normal,
    Scalar,
    Vector,
)

PAIR = Domain(x=Vector("d"), y=Vector("d", zero=True), d=Axis(5, 1))
COVARIANCE = Domain(
    a=Scalar(0.25, 4.0, log=True),
    b=Scalar(0.25, 4.0, log=True),
    c=Scalar(lambda a, b: -((a * b) ** 0.5), lambda a, b: (a * b) ** 0.5),
)


def cosines(points):
    x, y = points["x"], points["y"]
    sizes = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    return np.sum(x * y, axis=1)[sizes > 0] / sizes[sizes > 0]


def test_points_hold_the_corners_and_random_ones():
    points = PAIR.points(PAIR.cases()[0], 0, 32)
    assert points["x"].shape == points["y"].shape == (32, 5)
    norms = np.linalg.norm(points["x"], axis=1)
    assert np.isclose(norms, 0.5).any()
    assert np.isclose(norms, 2.0).any()
    assert (np.linalg.norm(points["y"], axis=1) == 0).any()
    assert not (norms == 0).any()
    found = cosines(points)
    for corner in (1, -1, 0):
        assert np.isclose(found, corner, atol=1e-12).any()
    assert (points["x"] == points["y"]).all(axis=1).any()
    assert (points["x"] == -points["y"]).all(axis=1).any()
    inside = np.abs(np.abs(found) - 0.5) < 0.49
    assert inside.sum() >= 10


def test_corners_can_be_left_out():
    domain = Domain(
        without=("opposite", "parallel"), x=Vector("d"), y=Vector("d"), d=Axis(5)
    )
    found = cosines(domain.points(domain.cases()[0], 0, 32))
    assert (np.abs(found) < 1 - 1e-6).all()


def test_the_same_seed_gives_the_same_points():
    case = PAIR.cases()[0]
    first, again = PAIR.points(case, (1, 2), 16), PAIR.points(case, (1, 2), 16)
    other = PAIR.points(case, (1, 3), 16)
    assert all(np.array_equal(first[n], again[n]) for n in first)
    assert not np.array_equal(first["x"], other["x"])


def test_every_static_value_is_a_case_and_other_lengths_are_visited_once():
    domain = Domain(x=Vector("d"), degree=Choice(0, 1, 2), d=Axis(5, 1, 3))
    cases = domain.cases()
    assert [c.static["degree"] for c in cases] == [0, 1, 2, 0, 0]
    assert [c.sizes["d"] for c in cases] == [5, 5, 5, 1, 3]
    assert [c.main for c in cases] == [True, True, True, False, False]
    assert cases[3].label() == "degree=0, d=1"
    assert domain.points(cases[3], 0, 8)["x"].shape[1] == 1


def test_an_integer_parameter_names_an_axis():
    domain = Domain(w=Matrix("width", 2), width=Choice(3, 4))
    shapes = [domain.points(case, 0, 4)["w"].shape for case in domain.cases()]
    assert shapes == [(4, 3, 2), (4, 4, 2)]


def test_dependent_ends_follow_the_other_parameters():
    points = COVARIANCE.points(COVARIANCE.cases()[0], 0, 64)
    limit = np.sqrt(points["a"] * points["b"])
    assert (np.abs(points["c"]) <= limit * (1 + 1e-12)).all()
    assert np.isclose(points["c"], limit).any()
    assert np.isclose(points["c"], -limit).any()


@settings(max_examples=30)
@given(PAIR.strategy())
def test_the_strategy_gives_points_of_the_domain(point):
    case, arrays = PAIR.validate(point)
    assert case.sizes == {"d": 5}
    assert arrays["x"].shape == (1, 5)


def test_laws_and_constants_serve_as_spaces():
    domain = Domain(u=Normal(3), n=4, t=0.5)
    case = domain.cases()[0]
    assert case.static == {"n": 4}
    points = domain.points(case, 0, 8)
    assert points["u"].shape == (8, 3)
    assert (points["t"] == 0.5).all()


@pytest.mark.parametrize(
    ("domain", "values", "message"),
    [
        (PAIR, {"x": [1.0, 0.0]}, r"parameters must be \(x, y\), got \(x\)"),
        (PAIR, {"x": [1.0, 0], "y": [1.0]}, "axis d of y must have length 2, got 1"),
        (PAIR, {"x": [9.0, 0], "y": [1.0, 0]}, "x must be: vector of axis d, norm 0.5"),
        (
            PAIR,
            {"x": [0.0, 0], "y": [1.0, 0]},
            "x must be: vector .*; norm 0 is outside",
        ),
        (PAIR, {"x": 1.0, "y": [1.0]}, "x must have 1 axes, got shape"),
        (PAIR, {"x": "one", "y": [1.0]}, "x must be real numbers, got 'one'"),
        (PAIR, {"x": [math.nan], "y": [1.0]}, "x must be finite"),
        (
            COVARIANCE,
            {"a": 1, "b": 1, "c": 2},
            r"c must be: .*; 2 is outside \[-1, 1\]",
        ),
        (Domain(t=Angle()), {"t": -0.1}, "t must be: angle in"),
        (Domain(n=Choice(1, 2)), {"n": 3}, "n must be: one of 1, 2; 3 is none of 1, 2"),
    ],
)
def test_values_outside_the_domain_are_refused(domain, values, message):
    with pytest.raises(DomainError, match=message):
        domain.validate(values)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Domain(x=Vector("d")), r"axis 'd' of x must be declared, as d=Axis"),
        (lambda: Domain(without=("near",)), "without must name some of .* got 'near'"),
        (
            lambda: Domain(c=Scalar(0, lambda q: q)),
            "the ends of c must depend on other",
        ),
        (lambda: Domain(x=object()), "x must be a space, a law of noise or a constant"),
        (lambda: Vector("d", norm=(2, 1)), "norm must be 0 < low <= high"),
        (lambda: Scalar(1, 0), "low must be at most high, got low=1, high=0"),
        (lambda: Scalar(0, 1, log=True), "low must be positive with log=True"),
        (lambda: Matrix(), "Matrix must have at least one axis"),
        (lambda: Matrix("d", scale=0), "scale must be positive and finite"),
        (lambda: Choice(), "Choice must have at least one value"),
        (lambda: Axis(), "an Axis must have positive lengths"),
        (lambda: Axis(0), "an Axis must have positive lengths"),
    ],
)
def test_ill_formed_domains_are_refused(make, message):
    with pytest.raises(DomainError, match=message):
        make()
