"""Every claim refuses its own closed form when it is slightly or clearly wrong."""

import itertools

import numpy as np
import pytest

from tallystick import Bound, Distribution, Settings
from tallystick.catalogue import load_catalogue
from tallystick.checking import bench_of, judge_wrong_form

ENTRIES = {entry.claim.name: entry.claim for entry in load_catalogue()[0]}
# Where one percent is not enough: what it takes, and why.
LARGER = {
    # Limits, with 2 % allowed for what is left at finite width; draws of networks are
    # dear, and 4 % is what 1e5 of them can see.
    "ntk.deep": 0.1,
    "gram.covariance": 0.1,
    "gram.tangent": 0.1,
    "nngp.deep": 0.1,
    "ntk.kernel": 0.1,
    # A limit with 5 % allowed for, and the dearest draws of all.
    "cntk.circular1d": 0.2,
}


def times(form, factor):
    """A multiple of a form, whatever its parameters are called."""
    return lambda *args, **kwargs: factor * form(*args, **kwargs)


def interchanged(form, first, second):
    """A form with two of its parameters interchanged."""
    names = {first: second, second: first}
    return lambda **point: form(**{names.get(n, n): v for n, v in point.items()})


# Sampled claims of dear draws, a quarter of a minute and more each.
SLOW = {
    "cntk.circular1d",
    "drop.sensing_gauss_variance",
    "gate.limits",
    "gate.norm",
    "gate.uniform_inputs",
    "gram.tangent",
    "nngp.kurtosis",
    "ntk.kernel",
    "relu2.h1",
    "relu2.zero_weight",
}
CASES = [
    pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
    for name in ENTRIES
]


@pytest.mark.parametrize("name", CASES)
def test_one_percent_the_wrong_sign_and_interchanged_arguments_are_refused(name):
    claim = ENTRIES[name]
    bench = bench_of(claim, Settings())
    # A bound that need not be attained would hold all the more when it is smaller.
    assert not isinstance(claim.relation, Bound) or claim.relation.attained
    size = LARGER.get(name, 0.01)
    wrong = {
        f"{factor} x formula": times(claim.analytic, factor)
        for factor in (-1.0, 1 + size, 1 - size)
    }
    swapped = swaps(claim, bench)
    # All are compiled together.
    bench.forms.extend([*wrong.values(), *swapped.values()])
    for text, form in {**wrong, **changed(claim, bench, swapped)}.items():
        refusal = judge_wrong_form(text, form, bench)
        assert refusal.refused, refusal


def swaps(claim, bench):
    """The forms with two parameters of one shape interchanged."""
    prepared = bench.prepared(bench.cases()[0])
    shapes = {n: v.shape for n, v in prepared.points.items()}
    return {
        f"{first}, {second} interchanged": interchanged(claim.analytic, first, second)
        for first, second in itertools.combinations(shapes, 2)
        if shapes[first] == shapes[second]
    }


def changed(claim, bench, forms):
    """Those whose values differ from the claim's."""
    # A distribution function is no number at a point: it is judged as it is.
    if isinstance(claim.relation, Distribution):
        return forms
    prepared = bench.prepared(bench.cases()[0])
    right = prepared.target(claim.analytic)
    return {
        text: form
        for text, form in forms.items()
        if not np.allclose(
            right, prepared.target(form), rtol=1e-9, atol=1e-12, equal_nan=True
        )
    }
