"""Mutation: wrong variants are made where the author wrote, judged and reported."""

import json
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tallystick import (
    Angle,
    Bernoulli,
    Choice,
    ClaimError,
    Distribution,
    Normal,
    Rademacher,
    Scalar,
    Settings,
    Uniform,
    Vector,
    Verdict,
    expectation,
    mutate,
)
from tallystick.bench import Bench
from tallystick.catalogue import load_catalogue
from tallystick.checking import judge_wrong_form
from tallystick.cli import main
from tallystick.domain import Domain
from tallystick.judges import decide
from tallystick.mutation import Mutant, Mutation, Mutator, Status
from tallystick.mutation.sites import Author
from tallystick.mutation.sizes import Yardstick
from tallystick.mutation.variants import Program
from tallystick.relations import Mean

BUDGET = 2**18


@expectation(x=Normal(4))
def relu_product(u, v, x):
    return jax.nn.relu(u @ x) * jax.nn.relu(v @ x)


def kernel(u, v):
    norms = jnp.linalg.norm(u) * jnp.linalg.norm(v)
    theta = jnp.arccos(jnp.clip(u @ v / norms, -1, 1))
    return norms * (jnp.sin(theta) + (jnp.pi - theta) * jnp.cos(theta)) / (2 * jnp.pi)


@expectation(s=Rademacher(3))
def signed(x, *, s):
    return (x @ s) ** 2


def square(x):
    return 1.0 * jnp.sum(x**2)


def program(form, **points):
    return Program(form, {}, points, Author(form))


def operators(form, **points):
    return [variant.operator for variant in program(form, **points).variants]


VECTORS = {"u": np.arange(8.0).reshape(2, 4) + 1, "v": np.ones((2, 4))}


@pytest.fixture(scope="module")
def relu_kernel():
    domain = Domain(u=Vector(4), v=Vector(4))
    settings = Settings(points=8, budget=BUDGET)
    bench = Bench("relu kernel", relu_product, domain, Mean(0.05), settings, [kernel])
    mutator = Mutator(kernel, bench)
    return mutator, mutator.run()


# --- what is changed ------------------------------------------------------------------


def test_a_small_formula_has_exactly_these_variants():
    def form(a):
        return 3.0 * jnp.sin(a) - a**2

    assert operators(form, a=np.ones(2)) == [
        "sin -> cos",
        *(f"3 x {f:g}" for f in (0, 0.5, 0.99, 1.01, 2, -1)),
        "mul -> div",
        "first operand of mul left out",
        "second operand of mul left out",
        "exponent 2 -> 3",
        "exponent 2 -> 1",
        "sub -> add",
        "operands of sub swapped",
        *("x 1.01", "x 0.99", "x -1"),
    ]


def test_variants_have_the_values_of_the_formulas_that_they_stand_for():
    def form(a, b):
        return 3.0 * jnp.sin(a) - b**2

    wanted = {
        "sin -> cos": lambda a, b: 3 * np.cos(a) - b**2,
        "3 x 0.99": lambda a, b: 2.97 * np.sin(a) - b**2,
        "3 x 0": lambda a, b: -(b**2),
        "mul -> div": lambda a, b: 3 / np.sin(a) - b**2,
        "first operand of mul left out": lambda a, b: np.sin(a) - b**2,
        "exponent 2 -> 3": lambda a, b: 3 * np.sin(a) - b**3,
        "operands of sub swapped": lambda a, b: b**2 - 3 * np.sin(a),
        "a and b swapped": lambda a, b: 3 * np.sin(b) - a**2,
        "x 1.01": lambda a, b: 1.01 * (3 * np.sin(a) - b**2),
    }
    points = {"a": np.array([0.3, 0.7]), "b": np.array([0.2, 1.1])}
    made = program(form, **points)
    right, wrong = made.values(made.variants)
    np.testing.assert_allclose(right[:, 0], form(**points), rtol=1e-6)
    found = {v.operator: w for v, w in zip(made.variants, wrong, strict=True)}
    for operator, function in wanted.items():
        np.testing.assert_allclose(found[operator][:, 0], function(**points))


def test_library_calls_are_opaque_and_helpers_of_the_author_are_not():
    def helper(x):
        return jnp.sqrt(x)

    def form(u, v):
        inside = jax.jit(helper)(jnp.linalg.norm(u))
        return jax.nn.relu(jnp.where(inside > 0, inside, 1.0)) + v[0] * 0.0

    found = operators(form, **VECTORS)
    assert found.count("sqrt left out") == 1  # The norm has one as well.
    assert "square left out" not in found
    assert "max -> min" not in found
    assert "1 x 0.5" in found  # What is given to where is the author's.


def test_the_turns_of_a_loop_are_changed_together():
    def form(a):
        return jax.lax.fori_loop(0, 3, lambda _, t: 2.0 * t + a, a)

    made = program(form, a=np.array([1.0, 2.0]))
    right, wrong = made.values(made.variants)
    found = {v.operator: w for v, w in zip(made.variants, wrong, strict=True)}
    np.testing.assert_allclose(right[:, 0], [15, 30])
    np.testing.assert_allclose(found["2 x 0.5"][:, 0], [4, 8])


def test_captured_arrays_matrices_and_dead_code():
    table = np.array([1.0, 2.0])

    def form(a):
        _ = jnp.exp(a)  # Reaches no output.
        return jnp.outer(jnp.asarray(table), a * jnp.ones(2)) @ jnp.array(
            [[1, 2], [3, 4.0]]
        )

    made = program(form, a=np.array([1.0, 2.0]))
    names = [v.operator for v in made.variants]
    assert "exp -> expm1" not in names
    assert "transposed" in names
    assert "operands of dot_general swapped" in names
    arrays = [v for v in made.variants if v.location.startswith("captured array")]
    assert {v.operator for v in arrays} >= {"x 0", "x 0.99", "x -1"}


def test_a_location_is_the_line_of_the_author():
    found = {v.operator: v.location for v in program(kernel, **VECTORS).variants}
    assert "test_mutation.py:" in found["sin -> cos"]
    assert found["sin -> cos"].endswith("jnp.cos(theta)) / (2 * jnp.pi)")
    assert found["u and v swapped"] == "the parameters"


# --- sizes ----------------------------------------------------------------------------


def test_the_size_of_a_common_factor_is_its_distance_from_one():
    right = np.array([[1.0, -2.0], [3.0, 4.0]])
    for deviation in (None, np.full((2, 2), 0.5)):
        size = Yardstick(right, deviation).size(1.01 * right)
        assert size.largest == pytest.approx(0.01)
        assert size.factor == pytest.approx(0.01)
        assert size.pure
        assert not size.same


def test_sizes_are_relative_to_the_spread_and_rounding_is_none():
    right = np.array([[1.0, 1e-9], [0.0, 0.0]])
    spread = np.array([[0.1, 2.0], [0.0, 0.0]])
    yardstick = Yardstick(right, spread)
    assert yardstick.size(np.add(right, [[0, 0.02], [0, 0]])).output == pytest.approx(
        0.01
    )
    assert yardstick.size(right * (1 + 1e-14)).same
    hidden = yardstick.size(np.add(right, [[0, 0], [0.5, 0]]))
    assert hidden.output > 0.1
    assert hidden.seen == hidden.visible == 0
    assert yardstick.size(right * np.nan).largest == np.inf


# --- verdicts -------------------------------------------------------------------------


def test_the_arc_cosine_kernel_refuses_its_mutants(relu_kernel):
    report = relu_kernel[1]
    assert report.verdict is Verdict.AGREE
    by_operator = {m.operator: m for m in report.mutants}
    for operator in ("sin -> cos", "sub -> add", "6.28319 x 2", "x -1"):
        assert by_operator[operator].status is Status.KILLED, operator
    assert by_operator["6.28319 x 0"].status is Status.INVALID
    assert by_operator["6.28319 x 0"].size == np.inf
    assert by_operator["x 1.01"].size == pytest.approx(0.01)
    assert report.kill_rate > 0.9
    assert not report.missed
    # Of what is symmetric in its parameters the swap is the formula again.
    assert by_operator["u and v swapped"].status is Status.EQUIVALENT


def test_a_second_run_gives_the_same(relu_kernel):
    mutator, report = relu_kernel
    again = mutator.run()
    assert [(m.status, m.size) for m in again.mutants] == [
        (m.status, m.size) for m in report.mutants
    ]
    assert str(report).splitlines()[1:] == str(again).splitlines()[1:]


def test_shared_draws_give_the_verdicts_of_a_check_of_each(relu_kernel):
    mutator, _ = relu_kernel
    # With all looks that a check may take.
    every = Mutator(kernel, mutator.bench, most=24, further=8).run()
    case = mutator.bench.cases()[0]
    prepared = mutator.bench.prepared(case)
    made = Program(kernel, case.static, prepared.points, Author(kernel))
    judged = {m.operator + m.location: m for m in every.different}
    compared = 0
    for variant, wrong in zip(
        made.variants, made.values(made.variants)[1], strict=True
    ):
        mutant = judged.get(variant.operator + variant.location)
        if mutant is None:
            continue
        refused = decide(prepared, wrong).verdict in (Verdict.DISAGREE, Verdict.INVALID)
        assert mutant.refused == refused, mutant
        compared += 1
    assert compared > 12


@pytest.mark.parametrize(
    ("operator", "form"),
    [
        ("x 1.01", lambda u, v: 1.01 * kernel(u, v)),
        ("x 0.99", lambda u, v: 0.99 * kernel(u, v)),
        ("x -1", lambda u, v: -kernel(u, v)),
    ],
)
def test_a_killed_mutant_is_a_refused_form(relu_kernel, operator, form):
    mutator, report = relu_kernel
    (mutant,) = (m for m in report.mutants if m.operator == operator)
    # A check goes on to larger looks than the formula needed.
    if mutant.refused:
        assert judge_wrong_form(operator, form, mutator.bench).refused
    else:
        assert mutant.size < max(report.detectable_factor, report.detectable)


def test_enumerated_means_are_judged_to_rounding():
    report = mutate(square, signed, x=Vector(3))
    assert report.exact
    statuses = {m.operator: m.status for m in report.mutants}
    assert statuses["1 x 1.01"] is Status.KILLED
    assert statuses["x 0.99"] is Status.KILLED
    # 1.0 * x = x: leaving the one out is the formula again.
    assert statuses["first operand of mul left out"] is Status.EQUIVALENT
    assert report.kill_rate == 1.0


def test_identities_are_judged_value_by_value():
    report = mutate(
        lambda a: jnp.sin(a) ** 2,
        lambda a: 1 - jnp.cos(a) ** 2,
        relation="identity",
        a=Angle(),
    )
    statuses = {m.operator: m.status for m in report.mutants}
    assert statuses["sin -> cos"] is Status.KILLED
    assert statuses["exponent 2 -> 3"] is Status.KILLED


def test_what_an_insensitive_experiment_cannot_see_survives():
    def form(a):
        return 1.0 * a

    def with_noise(size):
        # In more directions than quadrature takes.
        noisy = expectation(
            lambda a, z: a + size * jnp.sum(jnp.sin(3 * z)), z=Normal(6)
        )
        return mutate(form, noisy, a=Scalar(1, 2), budget=2**14, points=4)

    quiet, report = with_noise(0.1), with_noise(100.0)
    assert quiet.kill_rate == 1.0
    assert report.kill_rate < quiet.kill_rate
    assert not report.missed  # And it says that it would not have noticed them.
    assert report.detectable_factor > max(m.size for m in report.survivors)


def test_a_refused_formula_has_no_mutants():
    report = mutate(lambda x: 2.0 * jnp.sum(x**2), signed, x=Vector(3))
    assert report.verdict is Verdict.DISAGREE
    assert not report.mutants
    assert "the formula itself is refused" in str(report)


def test_a_formula_without_anything_to_change_says_so():
    report = mutate(
        lambda a: jnp.zeros_like(a),
        expectation(lambda a, s: a * s[0], s=Rademacher(1)),
        a=Scalar(1, 2),
    )
    assert not report.different
    assert "nothing to judge: every variant equals the formula" in str(report)
    assert np.isnan(report.kill_rate)


def test_a_difference_where_no_draw_varies_is_neither_killed_nor_accepted():
    def form(a):
        return jnp.where(a > 0, a, 0.0)

    @expectation(s=Bernoulli(0.5, 24))
    def experiment(a, *, s):
        return a * 2 * jnp.mean(s)

    report = mutate(form, experiment, a=Scalar(0, 1), budget=2**14, tolerance=0.1)
    hidden = [m for m in report.survivors if m.hidden]
    assert [m.operator for m in hidden] == ["0 -> 1"]
    assert not hidden[0].accepted
    assert not report.missed


def test_the_cap_is_even_deterministic_and_reported():
    options = {"x": Vector(3), "most": 6}
    report = mutate(square, signed, **options)
    assert len(report.mutants) == 6
    assert report.made > 6
    assert f"6 mutants of {report.made} (evenly chosen)" in str(report)
    assert (
        report.mutants[0].operator
        == mutate(square, signed, **options).mutants[0].operator
    )


def test_a_mutant_of_one_static_value_is_killed_there():
    def moment(x, degree):
        return jnp.sum(x**2) if degree == 2 else jnp.sum(x) * 0.5

    @expectation(s=Bernoulli(0.5, 3))
    def experiment(x, degree, *, s):
        return 2 * jnp.sum(s * x**2) if degree == 2 else x @ s

    report = mutate(moment, experiment, x=Vector(3), degree=Choice(1, 2))
    statuses = {m.operator: m.status for m in report.mutants}
    assert statuses["exponent 2 -> 3"] is Status.KILLED
    assert statuses["0.5 x 1.01"] is Status.KILLED
    assert report.kill_rate == 1.0


def test_the_distribution_function_of_a_law_is_left_alone():
    report = mutate(
        lambda a, t: jnp.clip(t / a, 0.0, 1.0),
        expectation(lambda a, u: a * u, u=Uniform()),
        relation=Distribution("t"),
        a=Scalar(1, 2),
    )
    assert not report.mutants
    assert "is not mutated" in str(report)


def test_a_survivor_larger_than_the_detectable_error_is_flagged():
    missed = Mutant("x 2", "the result", Status.SURVIVED, 1.0, missed=True)
    report = Mutation("planted", Verdict.AGREE, mutants=(missed,), detectable=0.1)
    assert report.missed == (missed,)
    assert "BUG OF THE VERDICT: 1 survived" in str(report)
    assert report.as_dict()["missed"] == 1
    with pytest.raises(TypeError, match="no truth value"):
        bool(report)


# --- bad input ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((3.0, signed), {}, "formula must be a claim or a function"),
        ((square,), {"x": Vector(3)}, "an experiment must be given"),
        ((square, signed), {"x": Vector(3), "most": 0}, "most must be at least 1"),
        (
            (square, signed),
            {"x": Vector(3), "further": -1},
            "further must be at least 0",
        ),
        ((square, signed), {"points": Vector(3)}, "points must be an integer"),
        ((square, signed), {}, "lacks a space for parameter 'x'"),
    ],
)
def test_bad_input_is_refused(arguments, options, message):
    with pytest.raises(ClaimError, match=message):
        mutate(*arguments, **options)


def test_a_claim_brings_its_own_experiment():
    claim = load_catalogue()[0][0].claim
    message = "has its own experiment, domain and relation: got"
    for arguments, options in (
        ((signed,), {}),
        ((), {"tolerance": 0.1}),
        ((), {"relation": "identity"}),
        ((), {"x": Vector(3)}),
    ):
        with pytest.raises(ClaimError, match=message):
            mutate(claim, *arguments, **options)


def test_a_formula_that_cannot_be_traced_is_named():
    def branching(x):
        return 1.0 if x[0] > 0 else 2.0

    with pytest.raises(ValueError, match="branching cannot be evaluated"):
        mutate(branching, signed, x=Vector(3))


# --- the command ----------------------------------------------------------------------

CLAIM = """
import jax.numpy as jnp
from tallystick import Claim, Control, Domain, Rademacher, Vector, expectation

@expectation(s=Rademacher(3))
def product(x, *, s):
    return (x @ s) ** 2

def square(x):
    return FACTOR * jnp.sum(x**2)

CLAIM = Claim(
    "user.square", statement="E (x.s)^2 = |x|^2", analytic=square, empirical=product,
    domain=Domain(x=Vector(3)), source="elementary",
    controls=(Control("double", lambda x: 2 * square(x)),),
)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, factor="1.0"):
    text = textwrap.dedent(CLAIM).replace("FACTOR", factor)
    (folder / "mine.py").write_text(text)


def test_the_command_mutates_a_file_of_the_user(folder, capsys):
    write(folder)
    assert main(["mutate", "mine.py::user.square", "--json", "out.json"]) == 0
    out = capsys.readouterr().out
    assert "mutants refused" in out.splitlines()[-1]
    written = json.loads((folder / "out.json").read_text())
    assert written["schema"] == 1
    assert written["most"] == 200
    (found,) = written["mutations"]
    assert found["name"] == "user.square"
    assert found["kill_rate"] == 1.0
    assert found["missed"] == 0
    assert found["replay"] == "tallystick mutate mine.py::user.square --seed 0x5eed"
    mutant = found["mutants"][0]
    assert set(mutant) == {
        "operator",
        "location",
        "status",
        "size",
        "accepted",
        "hidden",
        "missed",
        "judging",
    }
    assert mutant["location"].startswith("mine.py:10: return 1.0 * jnp.sum")
    assert {m["status"] for m in found["mutants"]} <= {str(s) for s in Status}


def test_the_command_exits_with_1_for_a_refused_formula(folder, capsys):
    write(folder, factor="2.0")
    assert main(["mutate", "mine.py"]) == 1
    assert "the formula itself is refused (DISAGREE)" in capsys.readouterr().out


def test_the_command_exits_with_1_for_a_bug_of_the_verdict(folder, capsys, monkeypatch):
    write(folder)
    missed = Mutant("x 2", "the result", Status.SURVIVED, 1.0, missed=True)
    planted = Mutation("user.square", Verdict.AGREE, mutants=(missed,))
    monkeypatch.setattr(
        "tallystick.mutation.command.mutate_claim", lambda *_, **__: planted
    )
    assert main(["mutate", "mine.py"]) == 1
    assert "BUG OF THE VERDICT" in capsys.readouterr().out


def test_the_command_exits_with_3_for_what_it_cannot_do(folder, capsys):
    assert main(["mutate", "absent.py"]) == 3
    assert "there is no file absent.py" in capsys.readouterr().err
    write(folder, factor="undefined_name")
    assert main(["mutate", "mine.py"]) == 3
    assert "NameError: name 'undefined_name'" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        main(["mutate"])
    assert caught.value.code == 3
