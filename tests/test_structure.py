"""The structure of the repository: four places with one word, and who imports whom."""

import ast
import functools
import importlib
import inspect
from pathlib import Path

import pytest

import analytic
from tallystick import Distribution
from tallystick.catalogue import load_catalogue
from tallystick.readme import PAGES, refreshed

ROOT = Path(analytic.__file__).parents[1]
TOPICS = sorted(
    path.stem
    for path in (ROOT / "analytic").glob("*.py")
    if not path.stem.startswith("_")
)
PACKAGES = ("analytic", "empirical", "claims", "tallystick")
# What each package may import of ours.
ALLOWED = {
    "analytic": {"analytic"},
    "empirical": {"empirical"},
    "tallystick": {"tallystick", "empirical.montecarlo"},
    "claims": {"analytic", "claims", "empirical", "tallystick"},
}
# Public closed forms without a claim, each with the reason.
UNCLAIMED: dict[str, str] = {}


def imports(path):
    """Names of the modules that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@functools.cache
def value_arguments():
    """What distribution functions take beside the parameters, by their full name."""
    claims = [entry.claim for entry in load_catalogue()[0]]
    return {
        f"{c.analytic.__module__}.{c.analytic.__name__}": c.relation.argument
        for c in claims
        if isinstance(c.relation, Distribution)
    }


def ours(name):
    return name.partition(".")[0] in PACKAGES


@pytest.mark.parametrize("folder", ["empirical", "claims"])
def test_every_folder_lists_the_same_topics(folder):
    listed = (path.stem for path in (ROOT / folder).glob("*.py"))
    assert sorted(name for name in listed if not name.startswith("_")) == TOPICS


def test_every_topic_has_its_tests():
    missing = [t for t in TOPICS if not (ROOT / "tests" / f"test_{t}.py").exists()]
    assert not missing


@pytest.mark.parametrize("package", PACKAGES)
def test_import_directions(package):
    for path in (ROOT / package).rglob("*.py"):
        for name in filter(ours, imports(path)):
            allowed = any(
                name == a or name.startswith(f"{a}.") for a in ALLOWED[package]
            )
            # A package itself, as `from analytic import relu_gradient`, or a version.
            assert allowed or (package == "tallystick" and name == "empirical"), (
                f"{path.relative_to(ROOT)} imports {name}"
            )


def test_no_topic_of_the_engine_or_the_harness_names_a_result():
    for folder in ("empirical/montecarlo", "tallystick"):
        for path in (ROOT / folder).rglob("*.py"):
            found = {name.rpartition(".")[2] for name in imports(path)} & set(TOPICS)
            assert not found, f"{path.relative_to(ROOT)} imports {found}"


@pytest.mark.parametrize("topic", TOPICS)
def test_twins_have_the_same_names_and_parameters(topic):
    ours, theirs = (
        importlib.import_module(f"{package}.{topic}")
        for package in ("analytic", "empirical")
    )
    assert sorted(ours.__all__) == sorted(theirs.__all__)
    for name in ours.__all__:
        closed = dict(inspect.signature(getattr(ours, name)).parameters)
        closed.pop(value_arguments().get(f"analytic.{topic}.{name}"), None)
        measured = inspect.signature(
            getattr(getattr(theirs, name), "integrand", getattr(theirs, name))
        ).parameters
        shared = list(measured.values())[: len(closed)]
        assert [str(p) for p in closed.values()] == [str(p) for p in shared], name
        rest = list(measured.values())[len(closed) :]
        assert all(p.kind is p.KEYWORD_ONLY for p in rest), name


def test_every_public_closed_form_has_a_claim_or_a_reason():
    entries, broken = load_catalogue()
    assert not broken
    claimed = {
        f"{e.claim.analytic.__module__}.{e.claim.analytic.__name__}" for e in entries
    }
    for topic in TOPICS:
        module = importlib.import_module(f"analytic.{topic}")
        for name in module.__all__:
            full = f"analytic.{topic}.{name}"
            assert (full in claimed) != (full in UNCLAIMED), full


def test_claims_pair_functions_of_one_name_and_topic():
    for entry in load_catalogue()[0]:
        claim = entry.claim
        assert claim.analytic.__module__ == f"analytic.{entry.topic}", claim.name
        assert claim.empirical.integrand.__module__ == f"empirical.{entry.topic}"
        assert claim.analytic.__name__ == claim.empirical.name


@pytest.mark.parametrize("page", PAGES)
def test_pages_hold_the_catalogue_as_it_is(page):
    text = (ROOT / page).read_text()
    assert text == refreshed(text, PAGES[page]), "run `make readme`"


def test_modules_stay_small():
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            length = len(path.read_text().splitlines())
            assert length <= 325, f"{path.relative_to(ROOT)} has {length} lines"
