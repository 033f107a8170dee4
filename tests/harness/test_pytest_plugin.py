"""The pytest plugin: claims become items, and the summary says what they are worth."""

MODULE = """
import jax.numpy as jnp
from tallystick import Claim, Control, Domain, Erratum, Rademacher, Vector, expectation

@expectation(s=Rademacher(3))
def product(x, *, s):
    return (x @ s) ** 2

def square(x):
    return FACTOR * jnp.sum(x**2)

MINE = Claim(
    "user.square",
    statement="E (x.s)^2 = |x|^2",
    analytic=square,
    empirical=product,
    domain=Domain(x=Vector(3)),
    source="elementary",
    controls=(Control("twice", lambda x: CONTROL * square(x)),),
    errata=(
        Erratum("E1", "p. 1", "0", "|x|^2", lambda x: 0 * square(x), {"x": [1, 0, 0]}),
    ),
)
LIST = [MINE]

def test_own():
    pass
"""


def run(pytester, factor, control, *arguments):
    text = MODULE.replace("FACTOR", factor).replace("CONTROL", control)
    pytester.makepyfile(text)
    return pytester.runpytest_inprocess("-v", "-p", "no:cacheprovider", *arguments)


def test_claims_controls_and_errata_become_items(pytester):
    result = run(pytester, "1.0", "2.0")
    result.assert_outcomes(passed=4)  # The claim once, though listed; and test_own.
    result.stdout.fnmatch_lines(
        [
            "*::user.square::agrees PASSED*",
            "*::user.square::refuses?twice? PASSED*",
            "*::user.square::refuses?E1? PASSED*",
            "1 of 1 checks decided, 2 of 2 wrong forms refused, false-alarm bound"
            " 0.0e+00, weakest detectable error 1e-09 (user.square)",
        ]
    )


def test_a_wrong_claim_fails_with_its_report_and_no_traceback(pytester):
    result = run(pytester, "0.5", "4.0")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        ["DISAGREE * user.square is not E?product(x, s)?*", "*off by the factor 2 *"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*checking.py*")


def test_a_control_that_is_not_refused_fails(pytester):
    result = run(pytester, "1.0", "1.0")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["the control 'twice' of user.square was not refused*"])


def test_processes_report_to_one_summary(pytester):
    result = run(pytester, "1.0", "2.0", "-n", "2")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["1 of 1 checks decided, 2 of 2 wrong forms refused*"])


def test_a_run_without_claims_says_nothing(pytester):
    pytester.makepyfile("def test_own():\n    pass\n")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*tallystick*decided*")
