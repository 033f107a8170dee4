"""Every claim refuses its own closed form when it is slightly or clearly wrong."""

import pytest

from tallystick import Bound, Settings
from tallystick.catalogue import load_catalogue
from tallystick.checking import bench_of, judge_wrong_form

ENTRIES = {entry.claim.name: entry.claim for entry in load_catalogue()[0]}


@pytest.mark.parametrize("name", ENTRIES)
def test_one_percent_too_much_and_the_wrong_sign_are_refused(name):
    claim = ENTRIES[name]
    bench = bench_of(claim, Settings())
    assert not isinstance(claim.relation, Bound) or claim.relation.attained
    for factor in (-1.0, 1.01, 0.99):

        def wrong(*args, factor=factor, **kwargs):
            return factor * claim.analytic(*args, **kwargs)

        refusal = judge_wrong_form(f"{factor} x formula", wrong, bench)
        assert refusal.refused, refusal
