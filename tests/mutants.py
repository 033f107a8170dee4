"""Wrong forms that every claim must refuse: factors, the sign, exchanged arguments.

Each claim that a topic's tests collect gets one more test item for them. It judges on
the claim's own bench, whose experiment is compiled already, but with the tolerance and
the draws of a full check.
"""

import copy
import itertools
from dataclasses import replace

import numpy as np
import pytest

from tallystick import Bound, Distribution, MeanBound
from tallystick.forms import evaluate_forms
from tallystick.levels import BUDGET
from tallystick.mutation.judging import work_of
from tallystick.mutation.sharing import Judging, SharedSampler
from tallystick.pytest_plugin import ClaimNode
from tallystick.verdict import Verdict

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
# Sampled claims of dear draws: the size above takes a quarter of a minute and more, and
# is slow. This is what is tried quickly.
COARSE = {
    "drop.sensing_gauss_variance": 0.05,
    "gate.limits": 0.05,
    "gate.norm": 0.05,
    "gate.uniform_inputs": 0.05,
    "gram.tangent": 0.3,
    "nngp.kurtosis": 0.05,
    "relu2.h1": 0.05,
    "relu2.zero_weight": 0.05,
}
ITEM = "refuses[slightly wrong forms]"
SLOW_ITEM = "refuses[forms wrong by one percent]"


class MutatedNode(ClaimNode):
    """A claim with one more item, or two."""

    def collect(self):
        yield from super().collect()
        name = self.claim.name
        size = LARGER.get(name, 0.01)
        yield MutantsItem.from_parent(self, name=ITEM, size=COARSE.get(name, size))
        if name in COARSE:
            item = MutantsItem.from_parent(self, name=SLOW_ITEM, size=size)
            item.add_marker("slow")
            yield item


class MutantsItem(pytest.Item):
    """Passes if all slightly wrong forms of a claim are refused."""

    def __init__(self, *, size, **rest):
        super().__init__(**rest)
        self.size = size

    def runtest(self):
        claim, bench = self.parent.claim, self.parent.bench
        # A bound that need not be attained would hold all the more when it is smaller.
        assert not isinstance(claim.relation, Bound) or claim.relation.attained
        accepted = not_refused(claim, bench, self.size)
        assert not accepted, f"{claim.name} does not refuse {accepted}"

    def reportinfo(self):
        return self.path, None, f"{self.parent.claim.name}: {self.name}"


def with_mutants(nodes):
    """What was collected, each claim with one more item."""
    return [
        MutatedNode.from_parent(node.parent, name=node.name, claim=node.claim)
        if isinstance(node, ClaimNode)
        else node
        for node in nodes
    ]


def not_refused(claim, bench, size):
    """The wrong forms of a claim that no case refuses, each with its verdict."""
    left, factors = None, (-1.0, 1 + size, 1 - size)
    if isinstance(claim.relation, MeanBound):
        # A bound of a mean is not attained: a smaller one may hold as well.
        factors = (-1.0,)
    for case in bench.cases():
        prepared = in_full(bench.prepared(case))
        swapped = swaps(claim, prepared)
        judge = verdicts_of_laws
        if not isinstance(claim.relation, Distribution):
            judge = verdicts_of_values
        found = judge(claim, prepared, factors, swapped, left)
        left = {
            name: verdict
            for name, verdict in found.items()
            if verdict not in (Verdict.DISAGREE, Verdict.INVALID)
        }
        if not left:
            break
    return left


def in_full(prepared):
    """A case with the tolerance and the draws of a full check, whatever it has."""
    full = copy.copy(prepared)
    full.settings = replace(prepared.settings, looser=1.0, budget=BUDGET)
    return full


def verdicts_of_values(claim, prepared, factors, swapped, names):
    """Verdicts on wrong values at the points; sampled ones share their draws."""
    right = prepared.target(claim.analytic)
    wrong = {f"{factor} x formula": factor * right for factor in factors}
    if swapped:
        values = evaluate_forms(
            list(swapped.values()),
            prepared.case,
            prepared.points,
            prepared.sampler,
            prepared.form_shape,
        )
        # Some forms are symmetric.
        wrong |= {
            name: value
            for name, value in zip(swapped, values, strict=True)
            if not np.allclose(right, value, rtol=1e-9, atol=1e-12, equal_nan=True)
        }
    works = {
        name: work_of(prepared, value)
        for name, value in wrong.items()
        if names is None or name in names
    }
    shared = SharedSampler(prepared.sampler, prepared.seed)
    with Judging(shared, works) as judging:
        return {name: end.result.verdict for name, end in judging.advance().items()}


def verdicts_of_laws(claim, prepared, factors, swapped, names):
    """Verdicts on wrong distribution functions, which are no numbers at a point."""
    wrong = {f"{factor} x formula": times(claim.analytic, factor) for factor in factors}
    return {
        name: prepared.judge(form, explain=False).verdict
        for name, form in (wrong | swapped).items()
        if names is None or name in names
    }


def times(form, factor):
    """A multiple of a form, whatever its parameters are called."""
    return lambda *args, **kwargs: factor * form(*args, **kwargs)


def swaps(claim, prepared):
    """The forms with two parameters of one shape interchanged."""
    shapes = {n: v.shape for n, v in prepared.points.items()}
    return {
        f"{first}, {second} interchanged": interchanged(claim.analytic, first, second)
        for first, second in itertools.combinations(shapes, 2)
        if shapes[first] == shapes[second]
    }


def interchanged(form, first, second):
    """A form with two of its parameters interchanged."""
    names = {first: second, second: first}
    return lambda **point: form(**{names.get(n, n): v for n, v in point.items()})
