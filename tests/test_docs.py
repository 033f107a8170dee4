"""The documentation: links lead somewhere, code runs and prints what is printed."""

import contextlib
import importlib
import io
import itertools
import json
import re
import shlex
import subprocess
import sys
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import pytest

import analytic
from analytic import relu_gradient
from tallystick.catalogue import load_catalogue
from tallystick.cli import _parser
from tallystick.report import Report
from tallystick.verdict import Verdict

ROOT = Path(analytic.__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.glob("*.md")])
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def named(path):
    return str(path.relative_to(ROOT))


FENCE = re.compile(r"^(```+)(.*?)\n(.*?)^\1[ ]*$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:,\d{3})*\.?\d*(?:e[-+]?\d+)?(?!\w)")
# Seconds vary, and so may the draws that a decision takes.
VARYING = re.compile(r"(?<![\w.])[\d.,]+ (s|draws)\b")
PRECISION = 1e-3


class Block(NamedTuple):
    """A fenced block, and what stands between it and the one before."""

    language: str
    text: str
    line: int
    before: str


def blocks(text):
    end = 0
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 2
        yield Block(found[2].strip(), found[3], line, text[end : found.start()])
        end = found.end()


def prose(path):
    """What is not code; of a notebook, its words."""
    text = path.read_text()
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        words = (c["source"] for c in cells if c["cell_type"] == "markdown")
        text = "\n\n".join(map("".join, words))
    return FENCE.sub("", text)


def slug(heading):
    """The anchor that GitHub and the site give to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(path):
    if not path.exists():
        return set()
    return {slug(h) for h in re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)}


def links(path):
    text = re.sub(r"`[^`]*`", "`", prose(path))
    return re.findall(r"\]\(([^()\s]+)\)", text)


def broken(path):
    """Links to files that are not there, or to headings that they lack."""
    for link in links(path):
        url = urllib.parse.urlsplit(link)
        if url.scheme:
            continue
        target = path.parent / urllib.parse.unquote(url.path) if url.path else path
        lost = url.fragment and url.fragment not in anchors(target)
        if lost or not target.exists():
            yield link


@pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=named)
def test_links_lead_somewhere(path):
    assert not list(broken(path))


def test_links_that_lead_nowhere_are_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# One `thing`, two\n[a](#one-thing-two) [b](page.md) [c](https://x.org/y)\n"
        "[d](other.md) ![e](none.png) [f](page.md#two) `[g](h)`\n"
        "```bash\n# no heading\n[i](j)\n```\n[k](#no-heading)\n"
    )
    assert list(broken(page)) == ["other.md", "none.png", "page.md#two", "#no-heading"]


def runs(path):
    """Blocks of Python that can run, and what each should print if that is said."""
    found = [*blocks(path.read_text()), Block("", "", 0, "end of the page")]
    for block, following in itertools.pairwise(found):
        if block.language != "python" or block.before.endswith("<!-- not run -->\n"):
            continue
        printed = following.language in ("", "text") and not following.before.strip()
        yield block, following.text if printed else None


def plain(line):
    """A line of output without what varies: times, counts of draws, spaces."""
    line = re.sub(r" *([][,]) *", r"\1", VARYING.sub(r"_ \1", line.strip()))
    return re.sub(r" +", " ", line)


def alike(printed, expected):
    """Whether a line is as expected: numbers nearly, and `...` stands for anything."""
    printed, expected = plain(printed), plain(expected)
    pieces = re.split(rf"({NUMBER.pattern}|[.]{{3}})", expected)
    wanted = [float(p.replace(",", "")) for p in pieces if NUMBER.fullmatch(p)]
    for place, piece in enumerate(pieces):
        if piece == "...":
            pieces[place] = ".*?"
        elif NUMBER.fullmatch(piece):
            pieces[place] = f"({NUMBER.pattern})"
        else:
            pieces[place] = re.escape(piece)
    found = re.fullmatch("".join(pieces), printed)
    numbers = [float(n.replace(",", "")) for n in found.groups()] if found else []
    return found is not None and numbers == pytest.approx(wanted, rel=PRECISION)


def difference(printed, expected):
    """The first line that differs by more than times, draws and rounding; or None."""
    lines = (text.rstrip().splitlines() for text in (printed, expected))
    for ours, theirs in itertools.zip_longest(*lines, fillvalue="(nothing)"):
        if not alike(ours, theirs):
            return f"printed  {ours}\nexpected {theirs}"
    return None


@pytest.mark.parametrize(
    ("printed", "same"),
    [
        ("AGREE  a 12.0 s, 5 draws, [ 1.0001, -2. ], [3, 4]\n", True),
        ("AGREE  a 1.4 s, 1,024 draws, [1.01, -2.], [3, 4]\n", False),
        ("AGREE  a 1.4 s, 1,024 draws, [1., 2.], [3, 4]\n", False),
        ("AGREE  a 1.4 s, 1,024 draws, [1., -2.], [4, 4]\n", False),
        ("AGREE  b 1.4 s, 1,024 draws, [1., -2.], [3, 4]\n", False),
        ("AGREE  a 1.4 s, 1,024 draws, [1., -2.], [3, 4]\nand more\n", False),
        ("", False),
    ],
)
def test_the_comparison_of_outputs_sees_what_it_should(printed, same):
    expected = "AGREE  a 1.4 s, 1,024 draws, [1., -2.], [3, ...]\n"
    assert (difference(printed, expected) is None) == same


@pytest.mark.parametrize("path", [p for p in PAGES if any(runs(p))], ids=named)
def test_code_prints_what_the_page_says(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    wrong = []
    for block, expected in runs(path):
        # Blank lines before: an error names the line of the page.
        code = compile("\n" * (block.line - 1) + block.text, str(path), "exec")
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(code, names)
        if expected is not None:
            differs = difference(output.getvalue(), expected)
            wrong += [f"{path.name}:{block.line}\n{differs}"] if differs else []
    assert not wrong, "\n".join(wrong)


def commands(path):
    """Commands of the shell blocks, and those that are quoted in the text."""
    for block in blocks(path.read_text()):
        if block.language == "bash":
            for line in block.text.replace("\\\n", " ").splitlines():
                lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
                lexer.whitespace_split = True
                yield list(lexer)
    for quoted in re.findall(r"`(tallystick [^`]*)`", prose(path)):
        yield shlex.split(quoted)


def arguments(command):
    """What follows `tallystick` in a command; None if it is another one."""
    for place, word in enumerate(command):
        if Path(word).name == "tallystick":
            rest = command[place + 1 :]
            return list(itertools.takewhile(lambda w: w not in "|&&;>>", rest))
    return None


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_commands_are_known(path):
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for command in commands(path):
        if command[:1] == ["make"]:
            assert set(command[1:]) <= set(targets)
        given = arguments(command)
        if given:
            try:
                _parser().parse_args(given)
            except SystemExit as error:
                pytest.fail(f"{path.name}: {shlex.join(command)} exits with {error}")


def test_a_command_that_is_not_known_is_noticed():
    assert arguments([".venv/bin/tallystick", "chek"]) == ["chek"]
    assert arguments(["tallystick", "list", "|", "less"]) == ["list"]
    with pytest.raises(SystemExit):
        _parser().parse_args(["check", "--quik"])


@pytest.fixture
def site(monkeypatch):
    """The modules that make the site."""
    for name in ("sphinx", "myst_nb", "furo"):
        pytest.importorskip(name)
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    return importlib.import_module


def test_docstrings_are_plain_text(site):
    restructured = site("site_docstrings").restructured

    docstring = """|x|^2 and a*b of `loss`, of x_ and w*_l.

Here

    F = |x| * `y`_

Args:
    x_one: The vector |x_|.

Degenerate cases:
    x = 0: nan, `x + 1`.

Raises:
    ValueError: Never *ever*."""
    assert restructured(docstring.splitlines()) == [
        r"\|x\|^2 and a\*b of :py:obj:`loss`, of x\_ and w\*_l.",
        *("", "Here", "", "::", "", "    F = |x| * `y`_", ""),
        *("Args:", r"    x_one: The vector \|x\_\|.", ""),
        *(":Degenerate cases:", "    x = 0: nan, ``x + 1``.", ""),
        *("Raises:", r"    ValueError: Never \*ever\*.", ""),
    ]


def test_signatures_are_as_written(site):
    written_signature = site("site_docstrings").written_signature
    assert written_signature(relu_gradient.kernel) == (
        "(x: Float[Array, 'd'], y: Float[Array, 'd'])",
        "Float[Array, '']",
    )


def test_formulas_that_docutils_does_not_know(site):
    mathematics = site("site_formulas").mathematics

    for text in (r"\big( x \Big]", r"\frac12 x_1, \dots", r"\textstyle\sum_i x_i"):
        assert mathematics(text, block=False).startswith("<math")
    assert "mtable" in mathematics(r"a &= b \\ &= c", block=True)


def test_every_claim_is_in_the_catalogue_of_the_site(site):
    catalogue = site("site_claims").catalogue

    entries, _ = load_catalogue()
    text = catalogue(entries)
    found = re.findall(r'^<div class="claim" id="([^"]+)">.*</div>$', text, re.M)
    assert found == [entry.name for entry in entries]
    assert text.count('class="statement"') == len(entries)


class _Page(HTMLParser):
    """Ids and links of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids.add(found.get("id"))
        self.links |= {found.get("href"), found.get("src")} - {None}


@pytest.mark.slow
def test_the_site_is_built_without_warnings_and_its_links_lead_somewhere(
    site, tmp_path
):
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-E"]
    run = subprocess.run(
        [*command, str(DOCS), str(tmp_path / "site")], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    pages = {p: _Page(p.read_text()) for p in (tmp_path / "site").rglob("*.html")}
    dead = []
    for path, page in pages.items():
        for link in page.links:
            url = urllib.parse.urlsplit(link)
            if url.scheme:
                continue
            name = urllib.parse.unquote(url.path)
            target = (path.parent / name).resolve() if name else path
            place = urllib.parse.unquote(url.fragment)
            # Sources point at a re-exported class by the name of where it is defined.
            if "_modules" in path.parts:
                place = ""
            if not target.exists() or (place and place not in pages[target].ids):
                dead.append(f"{path.relative_to(tmp_path)}: {link}")
    assert not dead


def test_the_json_page_names_every_field_of_a_report():
    text = (ROOT / "docs/json.md").read_text()
    table = text.partition("## A report")[2].partition("## How")[0]
    named = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    report = Report("name", "experiment", "mean", Verdict.AGREE)
    assert named == set(report.as_dict())
