"""Pages that are made when the site is built: claims, errata, modules, notebooks.

`api/` and `notebooks/` are written beside the sources, since Sphinx reads from one
folder. The catalogue and the errata are filled in between the marks of their pages.
"""

import importlib
import json
import re
import shutil
from pathlib import Path

from site_claims import catalogue, errata, topics
from sphinx.application import Sphinx

import empirical.montecarlo
import tallystick
from tallystick.catalogue import load_catalogue
from tallystick.compilation import keep_programs
from tallystick.entries import Entry
from tallystick.readme import BEGIN, END

ERRATA = "<!-- errata: made when the site is built -->", "<!-- end of errata -->"
TOPICS = "<!-- topics: made when the site is built -->", "<!-- end of topics -->"
_LINKS = {"](docs/": "](", "](CONTRIBUTING.md)": "](adding.md)"}
"""Links of README.md, as the pages that include it must have them."""
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_GROUPS = {
    "Checks": ["check", "check_claim", "expectation", "Settings", "mutate"],
    "Claims": ["Claim", "Control", "Erratum", "Domain", "Case"],
    "Relations": ["Mean", "Identity", "Bound", "Limit", "Distribution", "Exponent"],
    "Spaces": ["Scalar", "Angle", "Vector", "Matrix", "Choice", "Fixed", "Axis"],
    "Laws of noise": [
        *("Normal", "Uniform", "Rademacher", "Bernoulli", "Sphere", "Categorical"),
        *("Permutation", "Key", "Expectation", "Estimate"),
    ],
    "Reports": ["Report", "Verdict", "Refusal", "Mutation", "Mutant"],
}
"""Public names by what they are for; the rest follows, error classes by themselves."""


def _entries() -> list[Entry]:
    entries, broken = load_catalogue()
    if broken:
        raise RuntimeError(f"{broken[0].topic} is broken: {broken[0].message}")
    return entries


def _documented(module: str, names: list[str]) -> str:
    """Directives of autodoc for names of a module."""
    found = importlib.import_module(module)
    lines = [f".. currentmodule:: {module}", ""]
    for name in names:
        if isinstance(getattr(found, name), type):
            lines += [f".. autoclass:: {name}", "   :members:", ""]
        else:
            lines += [f".. autofunction:: {name}", ""]
    return "```{eval-rst}\n" + "\n".join(lines) + "```\n"


def _topic(topic: str, said: str) -> str:
    """The page of a topic: closed forms, experiments, and the claims that join them."""
    halves = [f"analytic.{topic}", f"empirical.{topic}"]
    forms, twins = (_documented(h, importlib.import_module(h).__all__) for h in halves)
    return (
        f"# {topic}\n\n{said}: [what is claimed](../catalogue.md#topic-{topic}).\n\n"
        "## Closed forms\n\n"
        f"```{{eval-rst}}\n.. automodule:: {halves[0]}\n```\n\n{forms}\n"
        "## Experiments\n\n"
        f"```{{eval-rst}}\n.. automodule:: {halves[1]}\n```\n\n{twins}\n"
        "## Claims\n\n"
        f"```{{literalinclude}} ../../claims/{topic}.py\n:language: python\n```\n"
    )


def _package() -> str:
    """The page of `tallystick`: all public names, in groups."""
    grouped = {name for names in _GROUPS.values() for name in names}
    rest = [name for name in tallystick.__all__ if name not in grouped]
    errors = [n for n in rest if n.endswith("Error")]
    groups = {**_GROUPS, "Errors": errors, "More": [n for n in rest if n not in errors]}
    parts = [
        f"## {title}\n\n{_documented('tallystick', names)}"
        for title, names in groups.items()
        if names
    ]
    return "\n".join(["# tallystick\n", *parts])


def _engine() -> str:
    """The page of the engine: what `tallystick` does not show already."""
    names = empirical.montecarlo.__all__
    rest = [name for name in names if name not in tallystick.__all__]
    text = "# The engine\n\nLaws and expectations are on the page of [tallystick]"
    text += "(tallystick.md); this is what draws and averages.\n\n"
    return text + _documented("empirical.montecarlo", rest)


def _write(folder: Path, pages: dict[str, str]) -> None:
    """Make a folder hold these pages and no others; what is the same stays."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.name not in pages:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def _notebook(path: Path) -> str:
    """A notebook with its outputs, and with the links that its place here needs."""
    content = json.loads(path.read_text())
    for cell in content["cells"]:
        if cell["cell_type"] == "markdown":
            source = "".join(cell["source"])
            cell["source"] = source.replace("](../docs/", "](../")
    return json.dumps(content, indent=1)


def _pages(app: Sphinx, _config) -> None:
    docs = Path(app.srcdir)
    found = topics(_entries())
    pages = {f"{topic}.md": _topic(topic, said) for topic, said in found.items()}
    pages |= {"tallystick.md": _package(), "engine.md": _engine()}
    _write(docs / "api", pages)
    notebooks = sorted((docs.parent / "notebooks").glob("*.ipynb"))
    _write(docs / "notebooks", {path.name: _notebook(path) for path in notebooks})


def _filled(text: str, marks: tuple[str, str], inside: str) -> str:
    before, begin, rest = text.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not begin or not end:
        raise RuntimeError(f"a page must hold the lines {marks[0]!r} and {marks[1]!r}")
    return f"{before}\n{inside}\n{after}"


def _read(app: Sphinx, name: str, content: list[str]) -> None:
    if name == "catalogue":
        content[0] = _filled(content[0], (BEGIN, END), catalogue(_entries()))
    elif name == "errata":
        content[0] = _filled(content[0], ERRATA, errata(_entries()))
    elif name == "api":
        said = {"tallystick": "checks, claims, relations, spaces, noise and reports"}
        said |= {"engine": "what draws and averages"} | topics(_entries())
        lines = [f"- [{page}](api/{page}.md): {text}" for page, text in said.items()]
        content[0] = _filled(content[0], TOPICS, "\n".join(lines))
    elif name == "notebooks":
        content[0] = content[0].replace("](../notebooks/", "](notebooks/")
    # Markdown takes a line that starts with a comment for HTML, all of it.
    content[0] = _COMMENT.sub("", content[0])


def _include(app: Sphinx, path: Path, parent: str, content: list[str]) -> None:
    if path.name == "README.md":
        for link, here in _LINKS.items():
            content[0] = content[0].replace(link, here)


def setup(app: Sphinx) -> dict[str, bool]:
    """Pages before the sources are listed; the rest while they are read."""
    keep_programs()
    app.connect("config-inited", _pages)
    app.connect("source-read", _read)
    app.connect("include-read", _include)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
