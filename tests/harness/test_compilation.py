"""Compiled programs: kept on disk for the next run, and few of them."""

import os
import subprocess
import sys

import jax
import pytest

from tallystick.compilation import SWITCH, keep_programs

OPTIONS = (
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
)


@pytest.fixture
def unset():
    """JAX without a cache folder; afterwards as it was."""
    before = {name: getattr(jax.config, name) for name in OPTIONS}
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.mark.usefixtures("unset")
def test_the_folder_is_the_users_choice(tmp_path):
    assert keep_programs({SWITCH: "off"}) is None
    assert jax.config.jax_compilation_cache_dir is None
    assert keep_programs({SWITCH: str(tmp_path / "new")}) == tmp_path / "new"
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "new")
    # What is set already stays.
    assert keep_programs({SWITCH: str(tmp_path / "other")}) is None
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "new")


@pytest.mark.usefixtures("unset")
def test_a_folder_that_cannot_be_made_is_no_error(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    assert keep_programs({SWITCH: str(file / "inside")}) is None
    assert jax.config.jax_compilation_cache_dir is None


@pytest.mark.usefixtures("unset")
def test_a_folder_that_is_too_large_loses_its_oldest_half(tmp_path, monkeypatch):
    monkeypatch.setattr("tallystick.compilation.LARGEST", 100)
    for number in range(12):
        file = tmp_path / f"{number}-cache"
        file.write_bytes(bytes(10))
        os.utime(file, (number, number))
    keep_programs({SWITCH: str(tmp_path)})
    left = sorted(int(file.name.partition("-")[0]) for file in tmp_path.iterdir())
    assert left == [7, 8, 9, 10, 11]


def test_a_second_process_compiles_nothing_anew(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(PROGRAM)
    environment = {SWITCH: str(tmp_path / "cache"), "JAX_PLATFORMS": "cpu"}
    counts = [
        int(
            subprocess.run(
                [sys.executable, script],
                capture_output=True,
                text=True,
                check=True,
                env=environment,
            ).stdout
        )
        for _ in range(2)
    ]
    assert counts[0] > 0
    assert counts[1] == 0


PROGRAM = """
import jax
from tallystick import Normal, check, expectation
from tallystick.compilation import keep_programs

missed = 0

def listen(event, **_):
    global missed
    missed += event == "/jax/compilation_cache/cache_misses"

jax.monitoring.register_event_listener(listen)
keep_programs()
square = expectation(lambda u, x: (u @ x) ** 2, x=Normal(5))
report = check(lambda u: u @ u, square, u=Normal(5), budget=2**16)
assert report.verdict == "AGREE", report
print(missed)
"""


def test_the_import_is_light():
    # SciPy loads these when they are first used; they take longer than all of ours.
    heavy = ["scipy.special", "scipy.stats", "matplotlib", "hypothesis", "rich"]
    script = f"import sys, tallystick; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_a_check_compiles_few_programs(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(COUNTED)
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=True,
        env={SWITCH: str(tmp_path / "cache"), "JAX_PLATFORMS": "cpu"},
    )
    first, small, large, wrong = map(int, done.stdout.split())
    assert first <= 5
    # The form and the experiment; looks of all sizes run one program.
    assert small == large <= 3
    # A conviction and its diagnosis take the program of the looks.
    assert wrong <= 5


COUNTED = """
import jax
from tallystick import Normal, Uniform, check, expectation
from tallystick.compilation import keep_programs

programs = 0

def listen(event, **_):
    global programs
    programs += event == "/jax/compilation_cache/compile_requests_use_cache"

jax.monitoring.register_event_listener(listen)
keep_programs()

def count(power, factor, budget):
    before = programs
    draws = expectation(
        lambda u, x, s: (1 + s) * (u @ x) ** power,
        x=Normal(5),
        s=Uniform(low=-0.5, high=0.5),
    )
    mean = lambda u: factor * (power - 1) * (u @ u) ** (power / 2)
    report = check(mean, draws, u=Normal(5), points=16, budget=budget)
    assert not report.exact, report
    return programs - before

print(count(2, 1.0, 2**15), count(4, 1.0, 2**15), count(4, 1.0, 2**18), end=" ")
print(count(4, 1.2, 2**15))
"""
