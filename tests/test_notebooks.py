"""The notebooks run from top to bottom, and are stored as a reader should find them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
STORIES = [
    "01_is_my_formula_right",
    "02_population_gradient",
    "03_kernels_and_wide_networks",
    "04_dropout",
    "05_information_exponent",
    "06_how_a_verdict_is_made",
]
PATHS = re.compile(r"/(?:home|root|tmp|usr|work|Users)/")
"""What only a machine of the author's has."""
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind):
    notebook = json.loads(path.read_text())
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def text_of(cell):
    return "".join(cell["source"])


def test_there_are_six_stories():
    assert [path.stem for path in NOTEBOOKS] == STORIES


@each
def test_it_runs_from_top_to_bottom(path, tmp_path):
    environment = {
        **os.environ,
        "IPYTHONDIR": str(tmp_path),
        "JUPYTER_PLATFORM_DIRS": "1",
    }
    programs = jax.config.jax_compilation_cache_dir
    if programs:  # What this run has compiled before need not be compiled again.
        environment["JAX_COMPILATION_CACHE_DIR"] = programs
        environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    done = subprocess.run(
        [sys.executable, "-m", "jupyter", "execute", "--timeout=600",
         "--kernel_name=python3", f"--output={tmp_path / path.name}", str(path)],
        cwd=FOLDER, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    for cell in cells(tmp_path / path.name, "code"):
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr", output["text"]


@each
def test_numbers_in_the_text_are_asserted(path):
    code = "\n".join(text_of(cell) for cell in cells(path, "code"))
    assert len(re.findall(r"^\s*assert ", code, re.MULTILINE)) >= 10
    assert "tallystick" in code


@each
def test_it_has_exercises_with_answers(path):
    text = "\n".join(
        text_of(cell) for kind in ("markdown", "code") for cell in cells(path, kind)
    )
    assert len(re.findall(r"(?i)\banswers?\b", text)) >= 2
    assert re.search(r"(?i)\bexercises?\b", text)


@each
def test_it_is_stored_with_small_outputs_and_nothing_of_a_machine(path):
    raw = path.read_text()
    assert len(raw) < 256 * 1024
    notebook = json.loads(raw)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    pictures = 0
    for number, cell in enumerate(cells(path, "code"), start=1):
        assert cell["execution_count"] == number, "run it from top to bottom"
        for output in cell["outputs"]:
            data = output.get("data", {})
            pictures += "image/png" in data
            words = {kind: text for kind, text in data.items() if "image" not in kind}
            assert not PATHS.search(json.dumps([words, output.get("text", "")]))
    assert pictures >= 3
    assert not PATHS.search("".join(map(text_of, notebook["cells"])))
