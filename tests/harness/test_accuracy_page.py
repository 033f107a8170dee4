"""The tables of docs/accuracy.md: their numbers, and what they leave out."""

import ast
import json
from pathlib import Path

import jax.numpy as jnp
import mpmath
import pytest
from accuracy import RECORDS, Worst

from benchmarks.accuracy import corners, oracles, page

TESTS = Path(__file__).parents[1]


def test_the_page_says_what_the_results_say(capsys):
    assert page.check() == 0, capsys.readouterr().out


def test_every_closed_form_is_measured_or_exact():
    assert page.wrong() == []


def test_errors_that_are_collected_are_checked():
    """A test that forgets to check would pass with any error."""
    for path in TESTS.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef):
                continue
            names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            calls = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
            returns = any(isinstance(n, ast.Return) for n in ast.walk(node))
            if "Worst" in names:
                assert "check" in calls or returns, (path.name, node.name)


def test_errors_beyond_the_bound_are_refused_and_the_others_recorded(
    tmp_path, monkeypatch
):
    monkeypatch.setenv(RECORDS, str(tmp_path / "records"))
    worst = Worst("topic.form", "itself", "a part")
    with pytest.raises(AssertionError, match="nothing was measured"):
        worst.check(1)
    eps = float(jnp.finfo("float32").eps)
    for shift in (0.0, 3 * eps, -eps):
        value = jnp.asarray(1 + shift, "float32")
        worst.add(value, mpmath.mpf(1), mpmath.mpf(1), shift=shift)
    with pytest.raises(AssertionError, match="shift="):
        worst.check(2.9)
    worst.check(3.1)
    record = json.loads((tmp_path / "records").read_text())
    assert record["worst"] == pytest.approx(3)
    assert (record["points"], record["dtype"]) == (3, "float32")
    nan = Worst("topic.form", "itself")
    nan.add(jnp.asarray(jnp.nan, "float32"), mpmath.mpf(1), mpmath.mpf(1))
    with pytest.raises(AssertionError):
        nan.check(1e9)


def test_lines_of_one_form_add_up():
    line = {"form": "a.b", "what": "", "slope": False, "scale": "1", "bound": 2.0}
    line |= {"dtype": "float32", "worst": 1.0, "points": 3, "at": "x=1"}
    rows = oracles.added(
        [
            line,
            line | {"worst": 1.5, "at": "x=2", "bound": 4.0},
            line | {"dtype": "float64"},
            line | {"what": "other"},
        ]
    )
    assert [row["what"] for row in rows] == ["", "other"]
    assert rows[0]["bound"] == 4
    assert rows[0]["float32"] == {"worst": 1.5, "points": 6, "at": "x=2"}
    assert rows[0]["float64"]["points"] == 3
    again = oracles.added([line | {"worst": 0.5}])
    assert oracles.replaced(rows, again) == [again[0], rows[1]]


def test_the_tests_that_measure_are_found():
    found = list(oracles.measuring_tests())
    assert "tests/test_arc_cosine.py::test_kernel_is_the_defining_integral" in found
    # By way of a helper.
    assert "tests/test_sphere_spectrum.py::test_relu_eigenvalues" in found
    assert "tests/test_arc_cosine.py::test_zero_input" not in found


@pytest.mark.parametrize("kernel", corners.KERNELS)
def test_the_exact_gradient_is_the_slope_of_the_kernel(kernel):
    u, v = corners.points()["theta = 1"]

    def value(x, y):
        length, other = mpmath.norm(x), mpmath.norm(y)
        theta = mpmath.acos(mpmath.fdot(x, y) / length / other)
        gap = mpmath.pi - theta
        total = length * other * (mpmath.sin(theta) + gap * mpmath.cos(theta))
        total += mpmath.fdot(x, y) * gap if kernel == "tangent" else 0
        return total / (2 * mpmath.pi)

    with mpmath.workdps(corners.DIGITS):
        x, y = ([mpmath.mpf(float(e)) for e in w] for w in (u, v))
        found = corners.exact(kernel, u, v)
        for k, slope in enumerate(found):
            step = [mpmath.mpf(10) ** -20 * (i == k) for i in range(3)]
            ahead, back = (
                value([a + s * b for a, b in zip(x, step, strict=True)], y)
                for s in (1, -1)
            )
            assert abs((ahead - back) / (2 * mpmath.mpf(10) ** -20) - slope) < 1e-20
