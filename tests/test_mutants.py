"""That every claim is tried with slightly wrong forms, and that trying finds them."""

import ast
import functools
import importlib
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import pytest
from mutants import (
    COARSE,
    ITEM,
    LARGER,
    MutatedNode,
    not_refused,
    with_mutants,
)

from tallystick import (
    Claim,
    Control,
    Distribution,
    Domain,
    Identity,
    Scalar,
    Settings,
    Uniform,
    Vector,
    expectation,
)
from tallystick.catalogue import load_catalogue
from tallystick.checking import bench_of

TESTS = Path(__file__).parent
ENTRIES = load_catalogue()[0]
FACTORS = {"1.01 x formula", "0.99 x formula"}


@pytest.mark.parametrize("topic", sorted({entry.topic for entry in ENTRIES}))
def test_the_tests_of_a_topic_collect_all_its_claims(topic):
    tree = ast.parse((TESTS / f"test_{topic}.py").read_text())
    imported = {
        (node.module, alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname is None
    }
    assert (f"claims.{topic}", "CLAIMS") in imported
    listed = importlib.import_module(f"claims.{topic}").CLAIMS
    own = {entry.claim.name for entry in ENTRIES if entry.topic == topic}
    assert {claim.name for claim in listed} == own


def test_each_claim_of_a_topic_gets_one_item_for_its_slightly_wrong_forms():
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q"]
    command += ["-p", "no:cacheprovider", "tests/test_relu_node.py"]
    found = subprocess.run(
        command, cwd=TESTS.parent, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    names = [e.claim.name for e in ENTRIES if e.topic == "relu_node"]
    items = [f"tests/test_relu_node.py::{name}::{ITEM}" for name in names]
    assert [line for line in found if line.endswith(f"::{ITEM}")] == items


def test_only_what_is_in_the_catalogue_is_treated_otherwise():
    names = {entry.claim.name for entry in ENTRIES}
    assert set(LARGER) | set(COARSE) <= names
    assert all(size > LARGER.get(name, 0.01) for name, size in COARSE.items())


def test_what_is_no_claim_is_left_alone(request):
    node = request.node
    assert with_mutants([node]) == [node]
    assert not isinstance(node, MutatedNode)


def claim_of(form, experiment, domain, **rest):
    """A claim of its own."""

    @functools.wraps(form)
    def zero(*args, **kwargs):
        return 0 * form(*args, **kwargs)

    return Claim(
        "own.claim",
        statement="a claim of the tests",
        analytic=form,
        empirical=experiment,
        domain=domain,
        source="elementary",
        controls=(Control("zero", zero),),
        **rest,
    )


def weighted(x, y):
    return jnp.sum(x) + 2 * jnp.sum(y)


def product(x, y):
    return x @ y


PLANE = Domain(x=Vector(3), y=Vector(3))
SWAP = "x, y interchanged"


@pytest.mark.parametrize(
    ("tolerance", "form", "left"),
    [
        (1e-12, weighted, set()),
        (0.05, weighted, FACTORS),
        (50.0, weighted, {*FACTORS, "-1.0 x formula", SWAP}),
        # It is symmetric: interchanged it is right.
        (1e-12, product, set()),
        (0.05, product, FACTORS),
    ],
)
def test_the_wrong_forms_that_a_claim_lets_pass_are_named(tolerance, form, left):
    claim = claim_of(form, form, PLANE, relation=Identity(tolerance=tolerance))
    found = not_refused(claim, bench_of(claim, Settings.quick()), 0.01)
    assert set(found) == left


@expectation(z=Uniform(40))
def largest(scale, *, z):
    return scale * jnp.max(z)


def test_a_quick_bench_refuses_one_percent_of_a_sampled_mean():
    def form(scale):
        return scale * 40 / 41

    claim = claim_of(form, largest, Domain(scale=Scalar(1.0, 2.0)))
    bench = bench_of(claim, Settings.quick())
    prepared = bench.prepared(bench.cases()[0])
    assert prepared.exact is None
    assert prepared.tolerance == pytest.approx(0.05)
    assert not not_refused(claim, bench, 0.01)
    # The bench itself is as it was.
    assert prepared.tolerance == pytest.approx(0.05)
    # Much less than the tolerance is let pass.
    assert set(not_refused(claim, bench, 1e-6)) == {
        "1.000001 x formula",
        "0.999999 x formula",
    }


def test_a_law_is_tried_with_wrong_distribution_functions():
    def form(scale, value):
        return jnp.clip(value / scale, 0.0, 1.0) ** 40

    claim = claim_of(
        form, largest, Domain(scale=Scalar(1.0, 2.0)), relation=Distribution("value")
    )
    bench = bench_of(claim, Settings.quick())
    assert set(not_refused(claim, bench, 0.1)) == set()
    # More than one is no probability, however little.
    assert set(not_refused(claim, bench, 1e-4)) == {"0.9999 x formula"}
