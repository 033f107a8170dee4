"""The measurements behind docs/verdict.md: their samplers, weights and numbers."""

import numpy as np
import pytest

from benchmarks.verdict import page, stage_levels, zoo
from benchmarks.verdict.null_checks import added
from benchmarks.verdict.records import interval
from benchmarks.verdict.standin import CountSampler, judged
from empirical.montecarlo import stream_key


def test_the_page_says_what_the_results_say(capsys):
    assert page.check() == 0, capsys.readouterr().out


def test_counts_of_atoms_give_the_moments_of_the_draws():
    law = zoo.Law.of("three", [[0, 1], [2, -1], [5, 3]], [0.5, 0.3, 0.2], (2,))
    sampler, key = CountSampler(law), (3, 4)
    directions = np.array([[1.0, 2.0], [1.0, -1.0]])
    moments, lines, products = sampler.moments_and_directions(
        key, 1000, directions, cross=True
    )
    generator = np.random.Generator(np.random.SFC64(key))
    counts = generator.multinomial(1000, law.chances)
    draws = np.repeat(law.atoms, counts, axis=0)
    assert len(draws) == moments.count == 1000
    gaps = draws - draws.mean(axis=0)
    np.testing.assert_allclose(moments.mean[0], draws.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.third[0], (gaps**3).sum(axis=0), rtol=1e-9)
    assert products is not None
    np.testing.assert_allclose(products, gaps.T @ gaps, rtol=1e-12)
    along = gaps @ directions.T
    np.testing.assert_allclose(lines.second, (along**2).sum(axis=0), rtol=1e-12)


def test_looks_are_rounded_up_and_convictions_counted():
    law = zoo.Law.of("coin", [0, 1], [0.5, 0.5])
    sampler = CountSampler(law, rows=16384)
    wrong = judged(sampler, law.mean * 1.2, ("x",), tolerance=0.01, budget=2**18)
    assert wrong.verdict.value == "DISAGREE"
    assert (sampler.flags, sampler.passed) == (1, 1)
    assert sampler.draws == wrong.draws == 3 * 16384
    sampler.watch(("y",))
    sampler.moments_and_directions(stream_key("y"), 4096)
    assert (sampler.flags, sampler.draws) == (0, 16384)


@pytest.mark.parametrize("sign", [-1, 1])
def test_weighted_replicates_give_the_exact_level_of_a_stage(sign):
    p, draws = 0.05, 8192
    law = zoo.Law.of("Bernoulli", [0, 1], [1 - p, p])
    found = stage_levels.tail(law, draws, sign, (4.0,), replicates=4000)[0]
    exact = stage_levels.exact_bernoulli(p, draws, sign, 4.0)
    assert abs(found.ratio - exact) < 5 * found.error < 0.3 * exact


def test_laws_have_the_moments_of_their_names():
    laws = {law.name: law for law in zoo.scalar_laws()}
    assert len(laws) >= 24
    for name, skewness in {"exponential": 2.0, "chi-square 1": 8**0.5}.items():
        np.testing.assert_allclose(laws[name].skewness, skewness, rtol=0.01)
    np.testing.assert_allclose(laws["z^4"].mean, 3, rtol=0.01)
    for law in zoo.vector_laws():
        assert law.atoms.shape == (len(law.chances), np.prod(law.value_shape))
        np.testing.assert_allclose(law.chances.sum(), 1, rtol=1e-12)


def test_intervals():
    assert interval(0, 1000) == pytest.approx([0, 3e-3], abs=1e-5)
    low, high = interval(10, 1000)
    assert low < 0.01 < high


def test_chunks_add_up_and_a_false_alarm_keeps_its_seed():
    chunk = {"law": "a", "rows": 1, "first": 0, "runs": 10, "AGREE": 8, "DISAGREE": 1}
    chunk |= {"INCONCLUSIVE": 1, "INVALID": 0, "flags": 2, "flagged": 2, "passed": 1}
    chunk |= {"draws": 100, "seconds": 1.0, "wrong": [7], "code": "c"}
    other = chunk | {"law": "b", "DISAGREE": 0, "AGREE": 9, "wrong": []}
    found = added([chunk, chunk | {"wrong": [12]}, other])
    assert found["runs"] == 30
    assert found["DISAGREE"][0] == 2
    assert found["laws"]["a"]["AGREE"] == 16
    assert found["wrong"] == [("a", 1, [7]), ("a", 1, [12])]
