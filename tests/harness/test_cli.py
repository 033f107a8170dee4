"""The command line: exit codes, tables, JSON, resume, user files, bad input."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from tallystick.cli import main

# Discrete noise: decided exactly and fast.
CLAIMS = """
import jax.numpy as jnp
from tallystick import Claim, Control, Domain, Rademacher, Vector, expectation

@expectation(s=Rademacher(3))
def product(x, *, s):
    return (x @ s) ** 2

def square(x):
    return FACTOR * jnp.sum(x**2)

def claim(name):
    return Claim(
        name,
        statement="E (x.s)^2 = |x|^2",
        analytic=square,
        empirical=product,
        domain=Domain(x=Vector(3)),
        source="elementary",
        controls=(Control("CONTROL", lambda x: CONTROL_FORM),),
    )

ALL = [claim("user.first"), claim("user.second"), claim("user.third")]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, factor="1.0", control="2 * square(x)", name="mine.py"):
    text = CLAIMS.replace("FACTOR", factor).replace("CONTROL_FORM", control)
    (folder / name).write_text(text)
    return name


def test_claims_that_agree_exit_with_0(folder, capsys):
    assert main(["check", write(folder)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"user\.first +mean +AGREE +1e-09 +1e-09 +exact 8 +1/1", out)
    assert "[3/3] user.third AGREE" in out
    closing = out.splitlines()[-1]
    assert re.match(r"3 claims in \d+ s: 3 AGREE, 0 INCONCLUSIVE, 0 DISAGREE", closing)
    assert "3 of 3 wrong forms refused; false-alarm bound 0.0e+00" in closing


def test_a_wrong_claim_exits_with_1_and_says_why(folder, capsys):
    assert main(["check", write(folder, factor="2.0", control="-square(x)")]) == 1
    out = capsys.readouterr().out
    assert "empirical = 0.5 x formula at every point: off by the factor 1/2" in out
    assert "replay: tallystick check mine.py::user.first --seed 0x5eed" in out
    assert main(["check", "mine.py::user.first", "--seed", "0x5eed"]) == 1
    assert "1 claim in" in capsys.readouterr().out


def test_a_control_that_agrees_exits_with_1(folder, capsys):
    assert main(["check", write(folder, control="square(x)")]) == 1
    assert "the control 'CONTROL' was not refused" in capsys.readouterr().out


def test_an_undecided_claim_exits_with_2(folder, capsys):
    text = """
    from tallystick import Claim, Control, Domain, Scalar, Uniform, expectation
    import jax.numpy as jnp
    experiment = expectation(
        lambda a, z: a * jnp.tan(jnp.pi * (z - 0.5)), z=Uniform()
    )
    CAUCHY = Claim(
        "user.cauchy", statement="", analytic=lambda a: 0 * a, empirical=experiment,
        domain=Domain(a=Scalar(1, 2)), source="",
        controls=(Control("not finite", lambda a: a / 0.0),),
    )
    """
    (folder / "mine.py").write_text(textwrap.dedent(text))
    assert main(["check", "mine.py", "--quick"]) == 2
    assert "INCONCLUSIVE user.cauchy" in capsys.readouterr().out


def test_a_claim_that_raises_is_invalid_and_the_rest_goes_on(folder, capsys):
    name = write(folder)
    with (folder / name).open("a") as file:
        file.write(
            textwrap.dedent("""
            def broken(x):
                raise RuntimeError("no such\\nthing")
            ALL.append(claim("user.broken"))
            object.__setattr__(ALL[-1], "analytic", broken)
            """)
        )
    assert main(["check", name]) == 3
    out = capsys.readouterr().out
    assert "3 AGREE" in out
    line = (
        (folder / name)
        .read_text()
        .splitlines()
        .index('    raise RuntimeError("no such\\nthing")')
    )
    assert f"mine.py:{line + 1}: RuntimeError: no such" in out
    assert "Traceback" not in out


def test_json_holds_everything_that_was_printed(folder):
    name = write(folder, factor="2.0", control="-square(x)")
    assert main(["check", name, "--json", "out.json", "--seed", "7"]) == 1
    written = json.loads((folder / "out.json").read_text())
    assert written["schema"] == 1
    assert written["settings"]["seed"] == 7
    first = written["reports"][0]
    assert first["verdict"] == "DISAGREE"
    assert first["refusals"][0]["refused"] is True
    assert len(first["worst"]["point"]["x"]) == 3
    assert first["worst"]["formula"] == pytest.approx(2 * first["worst"]["measured"])


def test_json_to_standard_output_is_json_alone(folder, capsys):
    assert main(["check", write(folder), "--json", "-"]) == 0
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)["reports"]) == 3
    assert "3 AGREE" in captured.err


def test_an_unwritable_json_path_is_found_before_the_run(folder, capsys):
    assert main(["check", write(folder), "--json", "no/such/folder.json"]) == 3
    captured = capsys.readouterr()
    assert "--json no/such/folder.json cannot be written" in captured.err
    assert "AGREE" not in captured.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["check", "gate.maen"],
            "no claim is called 'gate.maen': did you mean gate.mean",
        ),
        (["show", "qqqqqqqq"], "no claim is called 'qqqqqqqq': see `tallystick list`"),
        (["check", "absent.py"], "there is no file absent.py"),
        (["new", "NoDot"], "a name must be a topic and a result in small letters"),
        (["new", "pooling.mean"], "there is no folder analytic: give --root"),
    ],
)
def test_names_that_fit_nothing_exit_with_3(folder, capsys, arguments, message):
    assert main(arguments) == 3
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["chekc"], ["check", "--jobs", "0"], ["check", "--seed", "x"]]
)
def test_usage_errors_exit_with_3(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 3
    assert "usage: tallystick" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["check", "gate.mean", "--quik"], "did you mean --quick?"),
        (["chek"], "did you mean check?"),
        (["check", "--figures"], "--no-figures?"),
        (["check", "--no-figures"], "unrecognized arguments: --no-figures\n"),
        (["list", "--xyz"], "unrecognized arguments: --xyz\n"),
    ],
)
def test_what_is_misspelt_is_suggested(arguments, meant, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 3
    assert meant in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\ny = undefined\n", "mine.py:2: NameError: name 'undefined'"),
        ("x = (\n", "mine.py:1: SyntaxError"),
        ("x = 1\n", "mine.py has no claims: it must define a global Claim"),
        ("import no_such_module\n", "mine.py:1: ModuleNotFoundError"),
    ],
)
def test_a_broken_user_module_is_one_line(folder, capsys, text, message):
    (folder / "mine.py").write_text(text)
    assert main(["check", "mine.py"]) == 3
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


def test_resume_keeps_what_was_finished_and_checks_what_changed(folder, capsys):
    name = write(folder)
    assert main(["check", name]) == 0
    capsys.readouterr()
    assert main(["check", name, "--resume"]) == 0
    assert capsys.readouterr().out.count("(resumed)") == 3
    journal = folder / ".tallystick" / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text(lines[0] + lines[1][:50])  # Killed while writing the second.
    assert main(["check", name, "--resume"]) == 0
    assert capsys.readouterr().out.count("(resumed)") == 1
    assert main(["check", name, "--resume", "--seed", "1"]) == 0
    assert "(resumed)" not in capsys.readouterr().out


def test_a_killed_run_continues_and_loses_nothing(folder, capsys):
    name = write(folder)
    with (folder / name).open("a") as file:
        file.write(
            textwrap.dedent("""
            import os, time
            def hangs(x):
                time.sleep(600 if "HANG" in os.environ else 0)
                return square(x)
            object.__setattr__(ALL[2], "analytic", hangs)
            """)
        )
    command = [sys.executable, "-m", "tallystick.cli", "check", name, "--jobs", "1"]
    journal = folder / ".tallystick" / "journal.jsonl"
    with subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "HANG": "1"},
    ) as process:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if journal.exists() and journal.read_text().count("\n") == 2:
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    assert journal.read_text().count("\n") == 2
    assert main(["check", name, "--resume"]) == 0
    out = capsys.readouterr().out
    assert out.count("(resumed)") == 2
    assert "[3/3] user.third AGREE" in out
    assert "3 claims in" in out


def test_a_folder_that_cannot_be_written_is_no_reason_to_stop(folder, capsys):
    name = write(folder)
    (folder / ".tallystick").write_text("a file where the folder should be")
    assert main(["check", name]) == 0
    assert "no journal, so --resume will find nothing" in capsys.readouterr().out


def test_list_show_and_errata(capsys):
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert "gate.mean" in listed
    assert main(["list", "relu2.*", "--markdown"]) == 0
    table = capsys.readouterr().out
    assert table.startswith("| claim | says |")
    assert "`relu2.kernel`" in table
    assert main(["show", "gate.mean"]) == 0
    shown = capsys.readouterr().out
    for word in ("statement", "source", "Tian", "control", "vector of axis d"):
        assert word in shown
    assert main(["errata"]) == 0
    errata = capsys.readouterr().out
    assert "E9.1 (ntk.first_layer)" in errata
    assert "counterexample" in errata
    assert main(["errata", "gate.norm"]) == 0


def test_new_writes_four_files_that_pass(folder, capsys):
    for name in ("analytic", "empirical", "claims", "tests"):
        (folder / name).mkdir()
    assert main(["new", "pooling.maximum_mean"]) == 0
    assert main(["new", "pooling.other"]) == 3
    assert "exists: add the result" in capsys.readouterr().err
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    # The new files live beside the installed packages: join their folders.
    for package in ("analytic", "empirical", "claims"):
        (folder / package / "__init__.py").write_text(
            "import pathlib, sys\n"
            f"__path__ = [str(pathlib.Path(p) / {package!r}) for p in sys.path"
            f" if (pathlib.Path(p) / {package!r}).is_dir()]\n"
        )
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    environment["PYTHONPATH"] += os.pathsep + root
    tests = os.path.join(root, "tests")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o",
         f"pythonpath={tests}", "tests"],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 checks decided, 2 of 2 wrong forms refused" in done.stdout
