"""Figures: the line is the form, the markers are measured, and bad input is refused."""

import builtins
import math
import re
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tallystick import (
    Axis,
    Bound,
    Choice,
    Claim,
    Control,
    Distribution,
    Domain,
    DomainError,
    Exponent,
    Fixed,
    Limit,
    Matrix,
    Normal,
    Rademacher,
    Report,
    Scalar,
    TallystickError,
    Uniform,
    Vector,
    check,
    expectation,
)
from tallystick.cli import main
from tallystick.figures import Subject, draw, require_target, save, svg
from tallystick.figures.labels import held_text, power_of_ten, symbol
from tallystick.figures.picture import chosen_entries
from tallystick.figures.planning import planned
from tallystick.figures.slices import Slicer
from tallystick.figures.text import wrapped

DRAWS = 2**13


def kernel(x, y):
    """E[relu(x.z) relu(y.z)]."""
    norms = jnp.linalg.norm(x) * jnp.linalg.norm(y)
    u, v = x / jnp.linalg.norm(x), y / jnp.linalg.norm(y)
    theta = 2 * jnp.arctan2(jnp.linalg.norm(u - v), jnp.linalg.norm(u + v))
    return norms * (jnp.sin(theta) + (math.pi - theta) * jnp.cos(theta)) / (2 * math.pi)


def product(x, y, *, z):
    return jax.nn.relu(x @ z) * jax.nn.relu(y @ z)


PAIR = Domain(x=Vector("d"), y=Vector("d"), d=Axis(3, 1))


def subject(form, experiment, relation="mean", domain=None, **spaces):
    """Anything to be drawn."""
    from tallystick.claim import as_expectation
    from tallystick.relations import as_relation

    return Subject(
        "one.name",
        "a statement",
        form,
        as_expectation(experiment),
        domain or Domain(**spaces),
        as_relation(relation),
    )


def picture(what, along=None, points=5, draws=DRAWS):
    return planned(what, along, None, points, draws)


def lines(figure):
    """The curves of the main panel that are joined, and the markers."""
    drawn = figure.axes[0].get_lines()
    joined = [line for line in drawn if line.get_linestyle() != "None"]
    return joined, [line for line in drawn if line.get_linestyle() == "None"]


@pytest.fixture(scope="module")
def angles():
    """The kernel of two vectors, which is integrated along their plane."""
    return subject(kernel, expectation(product, z=Normal(3)), domain=PAIR)


@pytest.fixture(scope="module")
def number():
    """A claim of one number that is summed exactly."""

    def square(rate, *, z):
        return (rate * z) ** 2 + z

    return subject(
        lambda rate: rate**2, expectation(square, z=Rademacher()), rate=Scalar(0.0, 2.0)
    )


# --- slices --------------------------------------------------------------------------


def test_a_slice_of_two_vectors_turns_from_parallel_to_opposite():
    slicer = Slicer(PAIR, PAIR.cases()[0], 0)
    direction = slicer.directions()[0]
    rows = slicer.rows(direction, direction.parts(5))
    x, y = rows["x"], rows["y"]
    np.testing.assert_array_equal(y[0], x[0])
    np.testing.assert_array_equal(y[-1], -x[-1])
    np.testing.assert_allclose(np.sum(x * y, axis=1)[2], 0, atol=1e-15)
    at = slicer.abscissae(direction, direction.parts(5))
    np.testing.assert_allclose(at, np.linspace(0, math.pi, 5))
    cosines = np.sum(x * y, axis=1) / np.sum(x * x, axis=1)
    np.testing.assert_allclose(cosines, np.cos(at), atol=1e-14)


@pytest.mark.parametrize("without", ["parallel", "opposite", "orthogonal"])
def test_a_slice_leaves_out_the_corners_that_the_domain_lacks(without):
    domain = Domain(without=[without], x=Vector(3), y=Vector(3))
    slicer = Slicer(domain, domain.cases()[0], 0)
    direction = slicer.directions()[0]
    at = slicer.abscissae(direction, direction.parts(25))
    bad = {"parallel": 0, "opposite": math.pi, "orthogonal": math.pi / 2}
    assert np.abs(at - bad[without]).min() > 1e-3


def test_points_of_every_slice_lie_in_the_domain():
    domain = Domain(
        a=Scalar(0.1, 3.0, log=True),
        b=Scalar(-1.0, lambda a: a),
        u=Vector(4, norm=(1.0, 1.0)),
        w=Vector(3),
        m=Matrix(2, 2),
        c=Fixed(3.0),
        n=Choice(1, 2),
    )
    slicer = Slicer(domain, domain.cases()[0], 0)
    directions = slicer.directions()
    assert [d.name for d in directions] == ["b", "a", "u", "w", "m"]
    for direction in directions:
        rows = slicer.rows(direction, direction.parts(7))
        moved = {n for n, v in rows.items() if np.ptp(v, axis=0).any()}
        assert direction.name in moved
        for place in range(7):
            values = {n: v[place] for n, v in rows.items()}
            domain.validate({**values, "n": 1})


def test_an_interval_is_drawn_from_end_to_end():
    domain = Domain(a=Scalar(0.5, 3.0), b=Scalar(lambda a: -a, lambda a: a))
    slicer = Slicer(domain, domain.cases()[0], 0)
    by_name = {d.name: d for d in slicer.directions()}
    for name, ends in (("a", (0.5, 3.0)), ("b", None)):
        direction = by_name[name]
        rows = slicer.rows(direction, direction.parts(3))
        if ends is None:
            ends = -rows["a"][0], rows["a"][0]
        assert (rows[name][0], rows[name][-1]) == ends
    # A number whose interval moves keeps its part of it.
    rows = slicer.rows(by_name["a"], [0.0, 1.0])
    np.testing.assert_allclose(rows["b"] / rows["a"], [rows["b"][0] / 0.5] * 2)


# --- what is drawn -------------------------------------------------------------------


def test_the_line_is_the_form_and_the_markers_are_measured(angles):
    figure = draw(angles, points=9, draws=DRAWS)
    (line,), (markers,) = lines(figure)
    theta, value = line.get_xydata().T
    expected = (np.sin(theta) + (np.pi - theta) * np.cos(theta)) / (2 * np.pi)
    np.testing.assert_allclose(value, expected, atol=1e-12)
    assert (theta[0], theta[-1]) == (0.0, math.pi)
    at, measured = markers.get_xydata().T
    assert len(at) == 9
    expected = np.interp(at, theta, value)
    np.testing.assert_allclose(measured, expected, atol=0.05)
    assert figure.axes[1].get_xlabel() == "angle between x and y"


def test_residuals_of_a_wrong_form_are_large(angles):
    wrong = replace(angles, analytic=lambda x, y: 1.05 * kernel(x, y))
    found = picture(wrong, points=9)
    right = found.series[0].y * 1.05
    np.testing.assert_allclose(found.series[0].residual[0], -0.05 / 1.05, atol=1e-9)
    np.testing.assert_allclose(found.series[0].line_y[0], right[0], rtol=1e-9)


def test_a_sampled_mean_has_residuals_in_standard_errors():
    def mean(rate, *, z):
        return rate * (1 + z[0] * z[1] * jnp.exp(0.1 * z[2] * z[3] * z[4] * z[5]))

    space = Scalar(1.0, 2.0)
    right = subject(lambda rate: rate, expectation(mean, z=Normal(6)), rate=space)
    wrong = replace(right, analytic=lambda rate: 1.05 * rate)
    for what, low, high in ((right, 0, 5), (wrong, 5, 1e3)):
        found = picture(what, draws=2**16)
        assert found.band
        assert found.residual_label == "std. errors"
        assert "65,536 draws" in found.caption
        assert low <= np.abs(found.series[0].residual).max() <= high
        assert (found.series[0].high > 0).all()


def test_an_exact_mean_says_so(number):
    found = picture(number)
    assert found.caption.startswith("exact: sum over 2 outcomes")
    assert not found.band
    assert np.abs(found.series[0].residual).max() < 1e-12
    assert found.x_label == "rate"
    np.testing.assert_allclose(found.series[0].line_y, found.series[0].line_x ** 2)


def test_a_slice_along_which_nothing_varies_is_passed_over():
    what = subject(
        lambda idle, rate: 2 * rate + 0 * idle,
        expectation(lambda idle, rate, *, z: 2 * rate + z + 0 * idle, z=Rademacher()),
        idle=Scalar(0.0, 1.0),
        rate=Scalar(0.0, 1.0),
    )
    assert picture(what).x_label == "rate"
    assert picture(what, "idle").x_label == "idle"
    assert "rate = 0.4" in picture(what, "idle").caption


def test_values_of_a_choice_are_curves_and_can_be_the_axis():
    what = subject(
        lambda rate, power: rate**power,
        expectation(lambda rate, power, *, z: rate**power + z, z=Rademacher()),
        rate=Scalar(0.5, 1.5),
        power=Choice(1, 2, 3),
    )
    along = picture(what)
    assert [s.label for s in along.series] == ["power = 1", "power = 2", "power = 3"]
    assert "power" not in along.caption
    over = picture(what, "power")
    np.testing.assert_array_equal(over.series[0].x, [1, 2, 3])
    np.testing.assert_allclose(over.series[0].y, over.series[0].line_y)
    assert not over.joined


def test_of_many_entries_those_that_vary_most_are_drawn():
    weights = jnp.arange(6.0).reshape(2, 3)
    what = subject(
        lambda rate: rate * weights,
        expectation(lambda rate, *, z: rate * weights + z, z=Rademacher()),
        rate=Scalar(0.0, 1.0),
    )
    found = picture(what)
    assert [s.label for s in found.series] == [
        "entry (1, 0)",
        "entry (1, 1)",
        "entry (1, 2)",
    ]
    assert "3 of 6 entries" in found.caption
    rows = picture(what, "entries")
    assert [s.label for s in rows.series] == ["row 0", "row 1"]
    assert rows.x_label == "last index"


def test_a_value_without_parameters_is_drawn_over_its_entries():
    what = subject(lambda: jnp.arange(4.0), lambda: jnp.arange(4.0), "identity")
    found = picture(what)
    np.testing.assert_array_equal(found.series[0].y, range(4))
    assert "no noise" in found.caption


def test_arrays_that_nothing_can_move_are_held():
    what = subject(
        lambda u, c: c * jnp.sum(u**2),
        lambda u, c: c * jnp.sum(u**2),
        "identity",
        u=Rademacher(3),
        c=Fixed(2.0),
    )
    found = picture(what)
    np.testing.assert_allclose(found.series[0].y, [6.0])
    assert found.x_label == "index"


def test_chosen_entries_vary_and_differ():
    t = np.linspace(0, 1, 5)[:, None]
    values = np.hstack([0 * t, t, t, 2 * t, 0.1 * t, -t])
    assert chosen_entries(values) == [1, 3, 5]
    assert chosen_entries(np.array([[0.0, 2.0, 2.0]])) == [0, 1]
    assert chosen_entries(np.full((2, 2), np.nan)) == [0]


# --- relations -----------------------------------------------------------------------


def test_an_identity_shows_the_draw_that_is_farthest_off():
    def norm(x, *, z):
        return jnp.sum(x**2) * z**2

    what = subject(
        lambda x: jnp.sum(x**2),
        expectation(norm, z=Rademacher()),
        "identity",
        x=Vector(3),
    )
    found = picture(what)
    assert found.x_label == "length of x"
    assert np.abs(found.series[0].residual).max() < 1e-12
    off = picture(replace(what, analytic=lambda x: 1.05 * jnp.sum(x**2)))
    assert np.abs(off.series[0].residual).max() > 0.04


@pytest.mark.parametrize("side", ["lower", "upper"])
def test_a_bound_shows_the_closest_draw(side):
    sign = 1.0 if side == "lower" else -1.0
    what = subject(
        lambda rate: rate,
        expectation(lambda rate, *, z: rate + sign * z, z=Uniform(low=0.5, high=1.5)),
        Bound(side=side),
        rate=Scalar(1.0, 2.0),
    )
    found = picture(what)
    assert found.line_name == f"{side} bound"
    assert (found.series[0].residual > 0.2).all()
    bars = found.series[0].high if side == "lower" else found.series[0].low
    assert (bars > 0).all()
    assert "closest of 64 draws" in found.caption


def test_a_limit_is_drawn_over_its_sizes_with_the_extrapolation_first_or_last():
    def near(rate, *, width, z):
        return rate * (1 + 1 / width) + z

    what = subject(
        lambda rate: rate,
        expectation(near, z=Normal()),
        Limit("width", sizes=(4, 8), rate=1.0),
        rate=Scalar(1.0, 2.0),
    )
    found = picture(what, draws=2**14)
    assert [text for _, text in found.ticks] == ["∞", "8", "6", "4"]
    series = found.series[0]
    np.testing.assert_allclose(series.x, [1 / 4, 1 / 6, 1 / 8, 0])
    np.testing.assert_allclose(series.y, series.line_y[0] * (1 + series.x), atol=0.1)
    assert abs(series.y[-1] - series.line_y[0]) < 5 * series.high[-1]
    along = picture(what, "rate")
    np.testing.assert_allclose(along.series[0].line_y, along.series[0].line_x)
    assert "extrapolated" in along.measured_name
    assert picture(what, "width").ticks == found.ticks


def test_a_limit_without_noise_is_exact_and_may_shrink():
    what = subject(
        lambda rate: rate,
        lambda rate, *, step: rate + step,
        Limit("step", sizes=(0.4, 0.1), rate=-1.0),
        rate=Scalar(1.0, 2.0),
    )
    found = picture(what)
    assert [text for _, text in found.ticks] == ["0", "0.1", "0.2", "0.4"]
    np.testing.assert_allclose(found.series[0].residual[-1], 0, atol=1e-12)


def test_sizes_that_an_experiment_refuses_are_left_out():
    def near(rate, *, width):
        if width not in (4, 10):
            raise ValueError("width must be 4 or 10")
        return rate * (1 + 1 / width)

    what = subject(
        lambda rate: rate,
        near,
        Limit("width", sizes=(4, 10), rate=1.0),
        rate=Scalar(1.0, 2.0),
    )
    assert [text for _, text in picture(what).ticks] == ["∞", "10", "4"]


def test_an_exponent_is_a_line_on_logarithmic_axes():
    what = subject(
        lambda rate: -1.0 + 0 * rate,
        expectation(lambda rate, *, d, z: rate * jnp.mean(z) ** 2, z=Normal("d")),
        Exponent("d", sizes=(8, 16, 32)),
        rate=Scalar(1.0, 2.0),
    )
    found = picture(what, draws=2**14)
    assert found.log_x
    assert found.log_y
    assert np.abs(found.series[0].residual).max() < 0.1
    off = picture(replace(what, analytic=lambda rate: -1.5 + 0 * rate), draws=2**14)
    assert np.abs(off.series[0].residual).max() > 0.2
    slopes = picture(what, "rate", draws=2**14)
    np.testing.assert_allclose(slopes.series[0].y, -1, atol=0.1)


def test_an_exponent_of_what_is_not_positive_is_refused():
    what = subject(
        lambda: 1.0,
        lambda *, d: -1.0 * jnp.asarray(d),
        Exponent("d", sizes=(4, 8, 16)),
    )
    with pytest.raises(TallystickError, match="positive at no size"):
        picture(what)


def test_a_law_is_a_distribution_function_with_the_share_of_the_draws():
    def law(rate, value):
        return jnp.clip(value / rate, 0, 1)

    def twin(rate, *, w):
        return rate * w

    what = subject(
        law,
        expectation(lambda rate, *, z: rate * z, z=Uniform()),
        Distribution(),
        rate=Scalar(1.0, 2.0),
    )
    found = picture(what)
    assert np.abs(found.series[0].residual).max() < 5
    assert found.y_label == "P(draw ≤ value)"
    wrong = replace(what, analytic=lambda rate, value: law(1.3 * rate, value))
    assert np.abs(picture(wrong).series[0].residual).max() > 8
    other = replace(what, analytic=expectation(twin, w=Uniform()))
    assert np.abs(picture(other).series[0].residual).max() < 5
    assert picture(other).line_name == "reference"


# --- names and labels ----------------------------------------------------------------


def test_labels_are_symbols_or_words():
    assert symbol("theta") == "θ"
    assert symbol("Sigma") == "\N{GREEK CAPITAL LETTER SIGMA}"
    assert symbol("x") == "x"
    assert symbol("x_1") == "x₁"
    assert symbol("sigma2") == "\N{GREEK SMALL LETTER SIGMA}₂"
    assert symbol("layer_1") == "layer 1"
    assert power_of_ten(-16) == "10⁻¹⁶"
    assert symbol("weight_variance") == "weight variance"
    assert symbol("variance_x") == "variance x"
    many = {f"parameter_{n}": n for n in range(20)}
    assert len(held_text(many)) < 120
    assert held_text(many).endswith("…")


def test_a_statement_is_wrapped_and_cut():
    text = "word " * 200
    cut = wrapped(text, 300, 7.5, 3)
    assert len(cut) == 3
    assert cut[-1].endswith(" …")
    assert wrapped("short", 300, 7.5, 3) == ["short"]
    assert wrapped("", 300, 7.5, 3) == []


def test_hostile_text_is_drawn_as_it_is(number):
    strange = replace(
        number, name="a<b>&$x$", statement=r"$\frac{ <script> \foo $$ _^ &"
    )
    text = svg(draw(strange, points=3))
    root = ElementTree.fromstring(text)
    assert root.get("aria-label") == "a<b>&$x$"
    assert "<script" not in text
    assert r"$\frac{ <script> \foo $$ _^ &" in [t.text for t in root.iter() if t.text]


@pytest.mark.parametrize("along", ["nothing", "z", "", 3])
def test_names_that_do_not_exist_are_refused(number, along):
    with pytest.raises(DomainError, match=r"along must be one of: .*rate.*; got"):
        draw(number, along)


def test_a_form_that_is_finite_nowhere_is_refused_and_gaps_are_not(number):
    nowhere = replace(number, analytic=lambda rate: rate * math.nan)
    with pytest.raises(TallystickError, match="finite nowhere"):
        draw(nowhere, points=3)
    partly = replace(
        number, analytic=lambda rate: jnp.where(rate > 1, rate**2, jnp.nan)
    )
    assert svg(draw(partly, points=3)).startswith("<svg")


@pytest.mark.parametrize("options", [{"points": 1}, {"draws": 0}])
def test_too_few_points_or_draws_are_refused(number, options):
    with pytest.raises(TallystickError, match="must be"):
        draw(number, **options)


# --- files ---------------------------------------------------------------------------


def test_svg_is_small_deterministic_and_self_contained(number):
    texts = [svg(draw(number, points=5)) for _ in range(2)]
    assert texts[0] == texts[1]
    root = ElementTree.fromstring(texts[0])
    assert len(texts[0]) < 20_000
    assert root.get("aria-label") == "one.name"
    names = {e.tag.rpartition("}")[2] for e in root.iter()}
    assert names <= {"svg", "g", "defs", "path", "use", "text", "tspan", "clipPath"} | {
        "rect"
    }
    assert not re.search(r"#000|DejaVu|matplotlib|20\d\d-", texts[0])
    ids = {e.get("id") for e in root.iter() if e.get("id")}
    used = re.findall(r'(?:href="#|url\(#)([^")]*)', texts[0])
    assert set(used) <= ids
    other = svg(draw(number, points=6))
    assert not ids & {e.get("id") for e in ElementTree.fromstring(other).iter()} - {
        None
    }


def test_figures_are_written_in_three_formats(tmp_path, number):
    figure = draw(number, points=3)
    starts = {"png": b"\x89PNG", "svg": b"<svg", "pdf": b"%PDF"}
    for ending, start in starts.items():
        path = tmp_path / f"x.{ending}"
        save(figure, path)
        first = path.read_bytes()
        assert first.startswith(start)
        save(figure, str(path))
        assert path.read_bytes() == first


@pytest.mark.parametrize("name", ["x.bmp", "x", "no/where/x.png"])
def test_paths_that_cannot_be_written_are_refused(tmp_path, number, name):
    with pytest.raises(TallystickError, match=r"must end in|cannot be written"):
        save(draw(number, points=3), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_asking_for_a_path_leaves_nothing_behind(tmp_path):
    require_target(tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


def test_a_missing_matplotlib_is_named_with_the_remedy(monkeypatch, number):
    real = builtins.__import__

    def without(name, *rest, **options):
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(f"No module named {name!r}")
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(TallystickError, match=r'pip install "tallystick\[plots\]"'):
        draw(number)


def test_no_display_pyplot_or_global_state_is_used(number):
    code = (
        "import sys, tallystick.figures\n"
        "assert 'matplotlib' not in sys.modules\n"
        "import tallystick.figures.drawing\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    import matplotlib

    before = dict(matplotlib.rcParams)
    svg(draw(number, points=3))
    assert dict(matplotlib.rcParams) == before


def test_panels_and_texts_do_not_overlap(number):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    long = replace(number, statement="a long statement " * 30)
    for figure in (draw(long, points=3), draw(long, points=3, heading=False)):
        canvas = FigureCanvasAgg(figure).get_renderer()
        upper, lower = (axes.get_tightbbox(canvas) for axes in figure.axes)
        boxes = [t.get_window_extent(canvas) for t in figure.texts]
        assert lower.y1 < upper.y0 + 1
        width, height = figure.get_size_inches() * figure.dpi
        for box in [upper, lower, *boxes]:
            assert box.x0 >= 0
            assert box.x1 <= width + 1
            assert box.y0 >= -1
            assert box.y1 <= height + 1
        for box in boxes:
            assert not box.overlaps(upper)
            assert not box.overlaps(lower)


# --- claims, reports and the command line --------------------------------------------


def claim(**options):
    given = {
        "name": "one.claim",
        "statement": "rate",
        "analytic": lambda rate: rate,
        "empirical": expectation(lambda rate, *, z: rate + z, z=Rademacher()),
        "domain": Domain(rate=Scalar(1.0, 2.0)),
        "source": "here",
        "controls": [Control("twice", lambda rate: 2 * rate)],
    }
    return Claim(**{**given, **options})


def test_a_claim_draws_itself():
    figure = claim().plot("rate", points=3)
    assert figure.get_label() == "one.claim"
    assert figure._repr_svg_().startswith("<svg")


def test_a_report_draws_what_was_checked_unless_it_was_stored():
    report = check(
        lambda rate: 1.05 * rate,
        expectation(lambda rate, *, z: rate + z, z=Rademacher()),
        rate=Scalar(1.0, 2.0),
    )
    figure = report.plot(points=3)
    assert "is not E[" in figure.texts[1].get_text()
    (line,), _ = lines(figure)
    np.testing.assert_allclose(line.get_ydata(), 1.05 * line.get_xdata())
    stored = Report.from_dict(report.as_dict())
    assert stored == report
    assert "subject" not in report.as_dict()
    with pytest.raises(TallystickError, match="check again"):
        stored.plot()


FILE = """
from tallystick import Claim, Control, Domain, Rademacher, Scalar, expectation

def form(rate):
    return rate

def wrong(rate):
    return 2 * rate

@expectation(z=Rademacher())
def twin(rate, *, z):
    return rate + z

ONE, TWO = (
    Claim(name, "r", form, twin, Domain(rate=Scalar(1.0, 2.0)), "here",
          controls=[Control("twice", wrong)])
    for name in ("own.one", "own.two")
)
"""


def test_the_command_draws_one_claim_or_many(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(FILE)
    assert main(["plot", "own.py::own.one", "--out", "x.svg", "--quick"]) == 0
    assert capsys.readouterr().out == "x.svg\n"
    assert (tmp_path / "x.svg").read_text().startswith("<svg")
    assert main(["plot", "own.py", "--out", "new/folder/", "--quick"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown == ["new/folder/own.one.png", "new/folder/own.two.png"]
    assert all((tmp_path / path).stat().st_size for path in shown)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "x.bmp"], "must end in"),
        (["--out", "x.png"], "2 figures need a folder"),
        (["--out", "own.py/x.png"], "cannot be written"),
        (["--out", "own.py/folder/"], "cannot be made"),
        (["--along", "nothing"], "along must be one of"),
    ],
)
def test_the_command_refuses_bad_input(
    tmp_path, capsys, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(FILE)
    assert main(["plot", "own.py", *arguments]) == 3
    assert message in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir() if p.suffix != ".py"] in (
        [],
        ["__pycache__"],
    )
