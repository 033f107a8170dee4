"""Files of a user's own: checks they make, claims, watching them, time limits."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from xml.etree import ElementTree

import pytest

from tallystick.cli import main
from tallystick.recording import recorded
from tallystick.report import Report

# Discrete noise: decided exactly and fast.
PAIR = """
import jax.numpy as jnp
from tallystick import Rademacher, Vector, check, expectation

def product(x, s):
    return (x @ s) ** 2

def square(x):
    return jnp.sum(x**2)

def ask(formula):
    return check(formula, expectation(product, s=Rademacher(3)), x=Vector(3))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, text, name="mine.py", start=PAIR):
    (folder / name).write_text(start + textwrap.dedent(text))
    return name


def command(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "tallystick.cli", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def test_every_check_of_a_file_is_reported_with_its_line(folder, capsys):
    name = write(folder, "first = ask(square)\nask(lambda x: 2 * square(x))\n")
    assert main(["check", name, "--json", "out.json", "--junit", "out.xml"]) == 1
    out = capsys.readouterr().out
    assert "1 AGREE, 0 INCONCLUSIVE, 1 DISAGREE" in out.splitlines()[-1]
    assert "off by the factor 1/2" in out
    reports = json.loads((folder / "out.json").read_text())["reports"]
    lines = (folder / name).read_text().splitlines()
    called = [i for i, line in enumerate(lines, start=1) if "check(formula" in line]
    assert [r["where"] for r in reports] == [f"mine.py:{called[0]}"] * 2
    assert [r["verdict"] for r in reports] == ["AGREE", "DISAGREE"]
    suite = ElementTree.parse(folder / "out.xml").getroot()
    assert suite.attrib["tests"] == "2"
    assert suite.attrib["failures"] == "1"
    failed = suite.find("testcase/failure")
    assert "off by the factor 1/2" in failed.attrib["message"]
    assert suite.findall("testcase")[1].attrib["line"] == str(called[0])


def test_one_check_of_a_file_can_be_named(folder, capsys):
    name = write(folder, "ask(square)\nask(lambda x: 2 * square(x))\n")
    assert main(["check", f"{name}::square"]) == 0
    assert "1 claim in" in capsys.readouterr().out


def test_a_file_that_asserts_is_not_broken(folder, capsys):
    name = write(folder, "ask(lambda x: -square(x)).assert_agrees()\nask(square)\n")
    assert main(["check", name]) == 1
    out = capsys.readouterr().out
    assert "BROKEN" not in out
    assert "1 DISAGREE" in out


def test_a_file_that_fails_after_a_check_keeps_the_check(folder, capsys):
    name = write(folder, "ask(square)\nundefined\n")
    assert main(["check", name]) == 3
    out = capsys.readouterr().out
    assert "1 AGREE" in out
    assert "BROKEN       mine: " in out
    assert "NameError: name 'undefined' is not defined" in out


def test_what_a_file_prints_does_not_spoil_the_json(folder, capsys):
    name = write(folder, "print('hello')\nask(square)\n")
    assert main(["check", name, "--json", "-"]) == 0
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)["reports"]) == 1
    assert "hello" in captured.err


def test_what_a_claim_prints_does_not_spoil_the_json(folder, capsys):
    text = """
    from tallystick import Claim, Control, Domain
    def noisy(x):
        print("traced")
        return square(x)
    CLAIM = Claim(
        "user.noisy", statement="", analytic=noisy,
        empirical=expectation(product, s=Rademacher(3)), domain=Domain(x=Vector(3)),
        source="", controls=(Control("twice", lambda x: 2 * square(x)),),
    )
    """
    assert main(["check", write(folder, text), "--json", "-"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["reports"][0]["verdict"] == "AGREE"
    assert "traced" in captured.err


def test_a_file_that_exits_is_one_line(folder, capsys):
    assert main(["check", write(folder, "raise SystemExit(0)", start="")]) == 3
    assert "mine.py:1: SystemExit: 0" in capsys.readouterr().err


def test_a_file_that_loops_for_ever_is_stopped_at_its_line(folder, capsys):
    text = "import itertools\nfor _ in itertools.count():\n    pass\n"
    name = write(folder, text, start="")
    assert main(["check", name, "--limit", "0.3"]) == 3
    err = capsys.readouterr().err
    assert "mine.py did not finish within 0.3 s: does it loop for ever?" in err
    assert "it was stopped at line " in err


def test_compiled_code_that_loops_for_ever_ends_the_process(folder):
    text = """
    import jax
    print(jax.jit(lambda start: jax.lax.while_loop(
        lambda i: i < 2.0, lambda i: i * i, start))(1.0))
    """
    done = command("check", write(folder, text, start=""), "--limit", "2")
    _, err = done.communicate(timeout=60)
    assert done.returncode == 3
    assert "mine.py did not finish within 2 s" in err


def test_a_claim_that_never_ends_is_given_up_and_the_rest_goes_on(folder):
    text = """
    import time
    from tallystick import Claim, Control, Domain
    def claim(name, form):
        return Claim(
            name, statement="", analytic=form,
            empirical=expectation(product, s=Rademacher(3)),
            domain=Domain(x=Vector(3)), source="",
            controls=(Control("twice", lambda x: 2 * square(x)),),
        )
    def endless(x):
        while True:
            time.sleep(0.05)
    ALL = [claim("user.endless", endless), claim("user.right", square)]
    """
    name = write(folder, text)
    done = command("check", name, "--limit", "15", "--jobs", "1", "--json", "out.json")
    out, err = done.communicate(timeout=120)
    assert done.returncode == 3, out + err
    reports = json.loads((folder / "out.json").read_text())["reports"]
    assert [r["verdict"] for r in reports] == ["INVALID", "AGREE"]
    assert reports[0]["reason"].startswith("it did not finish within 15 s")
    assert reports[0]["next_experiment"].startswith("check it alone")


def test_new_here_writes_one_file_that_agrees(folder, capsys):
    assert main(["new", "pooling.maximum_mean", "--here"]) == 0
    assert capsys.readouterr().out.strip() == "maximum_mean.py"
    assert main(["check", "maximum_mean.py", "--quick"]) == 0
    assert "pooling.maximum_mean" in capsys.readouterr().out
    assert main(["new", "maximum_mean", "--here"]) == 3
    assert "exists: it is not overwritten" in capsys.readouterr().err
    assert main(["new", "other", "--here", "--root", "absent"]) == 3
    assert "absent/other.py cannot be written" in capsys.readouterr().err
    assert main(["new", "No-name", "--here"]) == 3


def test_watch_checks_again_when_the_file_is_saved(folder):
    name = write(folder, "ask(lambda x: 2 * square(x))\n")
    log = folder / "log"
    with log.open("w") as file:
        watch = subprocess.Popen(
            [sys.executable, "-m", "tallystick.cli", "watch", name],
            stdout=file, stderr=subprocess.STDOUT, cwd=folder,
        )  # fmt: skip
    try:
        wait_for(log, "off by the factor 1/2", "watching mine.py")
        write(folder, "ask(square)  # mended\n")
        wait_for(log, "1 AGREE")
        write(folder, "ask(square\n")  # Saved in the middle of a line.
        wait_for(log, "SyntaxError")
        write(folder, "ask(lambda x: -square(x))\n")
        wait_for(log, "empirical = -1 x formula")
        watch.send_signal(signal.SIGINT)
        assert watch.wait(timeout=20) == 130
    finally:
        watch.kill()


def wait_for(log, *texts):
    until = time.monotonic() + 60
    while not all(text in log.read_text() for text in texts):
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.1)


def test_watch_needs_a_file(folder, capsys):
    assert main(["watch", "absent.py"]) == 3
    assert "there is no file absent.py" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_cannot_be_read_is_one_line(folder, capsys):
    name = write(folder, "ask(square)\n")
    (folder / name).chmod(0)
    assert main(["check", name]) == 3
    assert "PermissionError" in capsys.readouterr().err


def test_without_a_recorder_a_check_is_only_run():
    report = Report("name", "experiment", "mean", "AGREE")
    assert recorded(lambda: report, lambda path: "never") is report


def test_advice_is_part_of_a_report(folder, capsys):
    name = write(folder, "ask(lambda x: 2 * square(x))\n")
    assert main(["check", name, "--json", "-"]) == 1
    first = json.loads(capsys.readouterr().out)["reports"][0]
    assert first["suggestion"]
    assert first["next_experiment"] == f"{first['suggestion']}, and check again"


def test_a_report_that_the_file_prints_is_not_shown_twice(folder, capsys):
    name = write(folder, "print(ask(lambda x: 2 * square(x)))\nprint('and a word')\n")
    assert main(["check", name]) == 1
    captured = capsys.readouterr()
    assert "off by the factor 1/2" in captured.out
    assert captured.err == "and a word\n"


@pytest.mark.parametrize("command", ["show", "mutate"])
def test_commands_that_need_a_claim_say_so(folder, capsys, command):
    assert main([command, write(folder, "ask(square)\n")]) == 3
    err = capsys.readouterr().err
    assert f"makes check(...) calls but holds no Claim, and {command} needs one" in err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("numpy", "numpy.py would hide the Python word or module 'numpy'"),
        ("class", "class.py would hide the Python word or module 'class'"),
    ],
)
def test_new_here_hides_no_module(folder, capsys, name, message):
    assert main(["new", name, "--here"]) == 3
    assert message in capsys.readouterr().err
    assert not list(folder.glob("*.py"))


def test_new_here_takes_the_name_of_a_file(folder, capsys):
    assert main(["new", "my_other.py", "--here"]) == 0
    assert capsys.readouterr().out.strip() == "my_other.py"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "inner.py"], "inner.py is a folder: give a Python file"),
        (["check", "notes.txt"], "notes.txt must be a Python file, named *.py"),
        (["check", "nul.py"], "nul.py:1: SyntaxError"),
        (["check", "mine.py::wrong"], "mine.py has no 'wrong': it has square(x)"),
        (["check", "mine.py", "--junit", "-"], "--junit must be a file, got '-'"),
        (["check", "mine.py", "--html", "no/x.html"], "--html no/x.html cannot be"),
    ],
)
def test_files_that_cannot_be_checked_are_one_line(folder, capsys, arguments, message):
    write(folder, "ask(square)\n")
    (folder / "inner.py").mkdir()
    (folder / "notes.txt").write_text("words")
    (folder / "nul.py").write_bytes(b"x = 1\0\n")
    assert main(arguments) == 3
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_mistake_in_a_script_is_one_error_and_no_story_of_tracers(folder):
    name = write(folder, "import numpy as np\nask(lambda x: np.linalg.norm(x) ** 2)\n")
    done = subprocess.run(
        [sys.executable, name], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "line 14): NumPy cannot take arguments of the function" in done.stderr
    assert done.stderr.count("Traceback") == 1
    assert "tracer" not in done.stderr.lower()
    assert len(done.stderr.splitlines()) < 20
