"""What errors a default check of the catalogue's means would notice."""

import pytest

from tallystick import Mean, Verdict
from tallystick.bench import Settings
from tallystick.catalogue import load_catalogue
from tallystick.checking import bench_of, check_alone
from tallystick.relations import as_relation

MEANS = {
    entry.claim.name: entry.claim
    for entry in load_catalogue()[0]
    if isinstance(as_relation(entry.claim.relation), Mean)
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MEANS)
def test_an_error_of_three_in_a_thousand_is_noticed(name):
    claim = MEANS[name]
    report = check_alone(claim, bench_of(claim, Settings()))
    assert report.verdict is Verdict.AGREE
    assert report.detectable <= 0.003
