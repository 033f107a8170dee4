"""Strict JAX, reproducible Hypothesis, and wrong forms for every claim of a topic."""

import os
from pathlib import Path

import hypothesis
import jax
import pytest
from mutants import with_mutants

from tallystick.compilation import keep_programs

keep_programs(part=os.environ.get("PYTEST_XDIST_WORKER", ""))
jax.config.update("jax_numpy_dtype_promotion", "standard")
jax.config.update("jax_numpy_rank_promotion", "raise")

hypothesis.settings.register_profile(
    "ci", deadline=None, derandomize=True, print_blob=True
)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=500)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

pytest_plugins = ["pytester"]


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector):
    """Have the claims of a topic's tests tried with wrong forms, too."""
    found = yield
    if isinstance(found, list) and collector.path.parent == Path(__file__).parent:
        return with_mutants(found)
    return found


@pytest.fixture(params=["float32", "float64"])
def precision(request):
    """Both precisions in turn; double only inside the test."""
    with jax.enable_x64(request.param == "float64"):
        yield request.param
