"""The HTML page, without a browser: mathematics, structure, escaping, the command."""

import argparse
import dataclasses
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, strategies as st

from benchmarks.verdict import calibration as measured
from tallystick import Report, Verdict
from tallystick.bench import Settings
from tallystick.catalogue import load_catalogue
from tallystick.commands import report as command
from tallystick.counterexample import counterexample
from tallystick.entries import Broken, Entry
from tallystick.errors import TallystickError
from tallystick.page import card, mathml, page
from tallystick.page.calibration import calibration
from tallystick.page.figures import drawn, embedded
from tallystick.page.markup import COLOURS
from tallystick.page.tokens import BIG, GREEK, OPERATORS
from tallystick.report import Refusal

ENTRIES = load_catalogue()[0]
BY_NAME = {entry.name: entry for entry in ENTRIES}
TEXTS = [entry.claim.statement for entry in ENTRIES] + [
    text
    for entry in ENTRIES
    for erratum in entry.claim.errata
    for text in (erratum.printed, erratum.corrected)
]
NAMES_OF_CONTROLS = sorted({c.name for e in ENTRIES for c in e.claim.controls})
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'&"
VOID = {"meta", "wbr", "input", "br"}
TIGHT = '<mo lspace="0" rspace="0">{}</mo>'
DOT = '<mo lspace="0.1em" rspace="0.1em">·</mo>'
BAR = (
    '<mrow><mo form="prefix" fence="true">|</mo>{}'
    '<mo form="postfix" fence="true">|</mo></mrow>'
)
PRIME = "\N{PRIME}"
THIN = '<mspace width="0.17em"/>'
EQUALS = '<mo form="infix">=</mo>'


class Outline(HTMLParser):
    """Tags of a page, with their attributes; fails if they are not nested."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def found(name, verdict=Verdict.AGREE, **changes):
    """A report as a check would give it."""
    claim = BY_NAME[name].claim if name in BY_NAME else None
    wrong = [("control", c.name) for c in claim.controls] if claim else []
    wrong += [("erratum", e.name) for e in claim.errata] if claim else []
    values = {
        "experiment": "experiment(x)",
        "relation": "mean",
        "tolerance": 0.01,
        "detectable": 0.004,
        "detectable_factor": 0.002,
        "points": 32,
        "draws": 65536,
        "false_alarm": 1e-9,
        "seconds": 1.25,
        "replay": f"tallystick check {name}",
        "refusals": tuple(
            Refusal(text, kind, Verdict.DISAGREE, "off by the factor 2")
            for kind, text in wrong
        ),
    }
    return Report(name=name, verdict=verdict, **{**values, **changes})


WORST = {
    "point": {"x": [1.0, 2.0]},
    "formula": 2.0,
    "measured": 1.0,
    "error": 0.01,
    "output": 0,
    "outputs": 1,
}


def texts(html):
    """The characters that are read, without those between formulas."""
    root = ElementTree.fromstring(f"<p>{html.replace('<wbr>', '')}</p>")
    return "".join(root.itertext())


NAMES = {sign: name for name, sign in {**GREEK, **BIG, **OPERATORS}.items()}
NAMES |= {"⟨": "<", "⟩": ">", "=": "=", GREEK["epsilon"]: "eps"}


def signs(text):
    """Letters, digits and relations, with signs as the names that stand for them."""
    text = re.sub(r"(?<![A-Za-z])sqrt(?![A-Za-z])", "", text)
    spelled = "".join(NAMES.get(c, c) for c in text)
    return [c for c in spelled if c.isalnum() or c in "=<>!+;:"]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("theta / pi", "<mfrac><mi>θ</mi><mi>π</mi></mfrac>"),
        ("|x|^n", f"<msup>{BAR.format('<mi>x</mi>')}<mi>n</mi></msup>"),
        (
            "(w.x)_+^2",
            f"<msubsup><mrow><mo>(</mo><mrow><mi>w</mi>{DOT}<mi>x</mi></mrow><mo>)</mo>"
            '</mrow><mo lspace="0" rspace="0" form="prefix">+</mo><mn>2</mn></msubsup>',
        ),
        (
            "E_x,B |x|",
            '<msub><mi mathvariant="normal">E</mi><mrow><mi>x</mi><mo lspace="0">,</mo>'
            f"<mi>B</mi></mrow></msub>{THIN}{BAR.format('<mi>x</mi>')}",
        ),
        ("sum_j b", "<munder><mo>∑</mo><mi>j</mi></munder><mi>b</mi>"),
        ("sqrt(ab)", "<msqrt><mi>a</mi><mi>b</mi></msqrt>"),
        (
            "W3_k",
            '<msub><mi>W</mi><mrow><mn>3</mn><mo lspace="0">,</mo><mi>k</mi></mrow>'
            "</msub>",
        ),
        ("sqrt D", "<msqrt><mi>D</mi></msqrt>"),
        (
            "w*_l",
            f"<msubsup><mi>w</mi><mi>l</mi>{TIGHT.format('*')}</msubsup>",
        ),
        (
            "<U V', A>",
            f"<mrow><mo>⟨</mo><mi>U</mi><msup><mi>V</mi>{TIGHT.format(PRIME)}</msup>"
            "<mo>,</mo><mi>A</mi><mo>⟩</mo></mrow>",
        ),
        (
            "n!^2 / k!",
            f"<mfrac><msup><mrow><mi>n</mi>{TIGHT.format('!')}</mrow><mn>2</mn></msup>"
            f"<mrow><mi>k</mi>{TIGHT.format('!')}</mrow></mfrac>",
        ),
        (
            "b sin^2 theta",
            f"<mi>b</mi>{THIN}<mrow><msup><mi>sin</mi><mn>2</mn></msup>{THIN}<mi>θ</mi>"
            "</mrow>",
        ),
        (
            "sum_k c_k / k!",  # The sum is not part of the numerator.
            "<munder><mo>∑</mo><mi>k</mi></munder><mfrac><msub><mi>c</mi><mi>k</mi>"
            f"</msub><mrow><mi>k</mi>{TIGHT.format('!')}</mrow></mfrac>",
        ),
        (
            "D^(-1/2)",
            '<msup><mi>D</mi><mrow><mo form="prefix">\N{MINUS SIGN}</mo><mn>1</mn>'
            '<mo lspace="0.1em" rspace="0.1em">/</mo><mn>2</mn></mrow></msup>',
        ),
        (
            "1{b > 0}",
            '<mn>1</mn><mrow><mo>{</mo><mi>b</mi><mo form="infix">&gt;</mo><mn>0</mn>'
            "<mo>}</mo></mrow>",
        ),
        (
            "b = (c + d) / [2 (p + q)]",  # Brackets around a whole side fall away.
            f"<mi>b</mi>{EQUALS}<mfrac><mrow><mi>c</mi>"
            '<mo form="infix">+</mo><mi>d</mi></mrow><mrow><mn>2</mn><mrow><mo>(</mo>'
            '<mi>p</mi><mo form="infix">+</mo>'
            "<mi>q</mi><mo>)</mo></mrow></mrow></mfrac>",
        ),
    ],
)
def test_a_formula_becomes_this(text, html):
    assert mathml(text) == f"<math>{html}</math>"


def test_words_stay_words_and_ids_become_links():
    assert mathml("a normal pair") == "a normal pair"
    assert mathml("rotations of any layers' weights") == (
        "rotations of any layers&#x27; weights"
    )
    assert mathml("F of gate.mean", {"gate.mean"}) == (
        '<math><mi>F</mi></math> of <a href="#gate.mean"><code>gate.mean</code></a>'
    )
    assert "<a" not in mathml("F of gate.mean")
    # A line may be broken before the sign, but not before the comma.
    assert mathml("b + c = 2 d, so").count("<wbr>") == 1
    assert mathml("b + c = 2 d, so").endswith("</math>,</span> so")


@pytest.mark.parametrize("text", TEXTS + NAMES_OF_CONTROLS)
def test_no_sign_of_a_statement_is_lost(text):
    before, after = signs(text), signs(texts(mathml(text, BY_NAME)))
    # What stands below is read before what stands above.
    order = sorted if re.search(r"\^\w+_", text) else list
    assert order(after) == order(before)


def test_statements_are_set_as_mathematics():
    plain = [
        t for t in (e.claim.statement for e in ENTRIES) if "<math>" not in mathml(t)
    ]
    assert not plain
    loose = [t for t in TEXTS if re.search(r"<mo>[_^'|]</mo>", mathml(t))]
    assert not loose


_TAGS = """math mi mn mo mrow msub msup msubsup munder mover munderover mfrac msqrt
mspace mtext wbr span code"""
ALLOWED = set(_TAGS.split())


@given(st.text(alphabet="ab1 ()[]{}|<>_^'/*.,+-=!&\"\\\n", max_size=60) | st.text())
def test_every_text_is_set_without_fail(text):
    tags = {tag for tag, _ in Outline(mathml(text)).tags}
    assert tags <= ALLOWED


def test_deep_brackets_and_hostile_texts_are_printed_as_they_are():
    deep = "(" * 3000 + "x" + ")" * 3000
    assert mathml(deep) == deep
    assert {tag for tag, _ in Outline(mathml(HOSTILE)).tags} <= ALLOWED


def reports():
    return [
        found("arccos.taylor"),
        found("relu2.kernel", Verdict.DISAGREE, diagnosis="a factor 2", worst=WORST),
        found("hermite.mehler", Verdict.INCONCLUSIVE, reason="too few draws"),
        found("f(x)", Verdict.INVALID, reason="not finite", where="mine.py:7"),
    ]


SETTINGS = dataclasses.asdict(Settings.quick())


def test_a_page_is_sound_html():
    html = page(
        reports(),
        ENTRIES,
        figures={"relu2.kernel": embedded("<svg><path d='M0 0'/></svg>")},
        settings=SETTINGS,
        broken=[Broken("mine", "SyntaxError: no")],
    )
    outline = Outline(html.removeprefix("<!DOCTYPE html>"))
    ids = [a["id"] for _, a in outline.tags if "id" in a]
    assert len(ids) == len(set(ids))
    links = [str(a["href"]) for a in outline.all("a")]
    assert {link[1:] for link in links} <= set(ids)
    for tag in ("header", "nav", "main", "h1", "footer", "figure"):
        assert outline.all(tag)
    assert all(a.get("scope") in ("row", "col") for a in outline.all("th"))
    assert [a["for"] for a in outline.all("label")] == ["search", "only"]
    assert outline.all("html") == [{"lang": "en"}]
    # Nothing is loaded from elsewhere.
    for _, attributes in outline.tags:
        assert not {"src", "action"} & set(attributes)
    assert not outline.all("link")
    assert "url(" not in html
    for said in (
        "a factor 2",
        "too few draws",
        "SyntaxError: no",
        "mine.py:7",
        "0x5eed",
        "formula 2, measured 1.00(1)",
        "of the printed form",
        BY_NAME["relu2.kernel"].claim.source,
    ):
        assert said in outline.text, said
    assert counterexample(*first_erratum()) in outline.text
    assert "not evaluated" not in outline.text


def first_erratum():
    claim = BY_NAME["arccos.taylor"].claim
    return claim, claim.errata[0]


def test_the_same_reports_give_the_same_page():
    assert page(reports(), ENTRIES) == page(reports(), ENTRIES)
    assert len(page(reports(), ENTRIES)) < 200_000


def test_a_page_without_reports_is_a_page():
    assert "0 claims" in page([])


def test_reports_of_one_name_keep_their_own_sections():
    twice = [found("f(x)"), found("f(x)"), found("relu2.kernel", where="mine.py:3")]
    html = page(twice, ENTRIES)
    assert re.findall(r'<details class="claim" id="([^"]+)"', html) == [
        "check-1",
        "check-2",
        "check-3",
    ]


def test_nothing_that_a_claim_says_becomes_a_tag():
    original = BY_NAME["relu2.kernel"].claim
    control = dataclasses.replace(original.controls[0], name=HOSTILE)
    claim = dataclasses.replace(
        original, statement=HOSTILE, source=HOSTILE, notes=HOSTILE, controls=(control,)
    )
    entry = Entry(claim, HOSTILE, Path("mine.py"), True)
    report = found(
        claim.name,
        reason=HOSTILE,
        diagnosis=HOSTILE,
        suggestion=HOSTILE,
        note=HOSTILE,
        replay=HOSTILE,
        refusals=(Refusal(HOSTILE, HOSTILE, Verdict.AGREE, HOSTILE),),
    )
    other = found(HOSTILE, where=HOSTILE, experiment=HOSTILE, relation=HOSTILE)
    html = page([report, other], [entry], broken=[Broken(HOSTILE, HOSTILE)])
    outline = Outline(html.removeprefix("<!DOCTYPE html>"))
    assert len(outline.all("script")) == 1
    assert not outline.all("img")
    assert not [a for _, a in outline.tags if any(n.startswith("on") for n in a)]
    assert "script-src 'sha256-" in html
    small = Outline(card(report) + card(other))
    assert {tag for tag, _ in small.tags} <= {"div", "b", "span", "code", "strong", "q"}


@pytest.mark.parametrize("verdict", Verdict)
def test_a_card_says_what_the_report_says(verdict):
    report = found(
        "relu2.kernel", verdict, reason="because", note="rate 1", worst=WORST
    )
    html = report._repr_html_()
    assert html == card(report)
    assert COLOURS[verdict] in html
    text = " ".join(Outline(html).text.split())
    for line in str(report).splitlines():
        for part in re.split(r"\s{2,}", line.strip()):
            assert part in text


def test_a_card_tells_which_wrong_form_was_accepted():
    report = found("x", refusals=(Refusal("half of it", "control", Verdict.AGREE),))
    assert "the control half of it was not refused" in Outline(card(report)).text


def test_colours_of_verdicts_are_readable_under_white_type():
    def light(channel):
        share = int(channel, 16) / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    for colour in COLOURS.values():
        red, green, blue = (light(colour[k : k + 2]) for k in (1, 3, 5))
        luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        assert 1.05 / (luminance + 0.05) >= 4.5


def test_a_figure_that_fails_leaves_a_sentence():
    def fails(entry, settings):
        raise RuntimeError(f"no figure of <{entry.name}>")

    entry = BY_NAME["relu2.kernel"]
    ((name, html),) = drawn([entry], picture=fails)
    assert name == "relu2.kernel"
    assert "could not be drawn" in html
    assert "&lt;relu2.kernel&gt;" in html


@pytest.mark.parametrize(
    "picture",
    [
        "<p>no picture</p>",
        "<svg><script>alert(1)</script></svg>",
        '<svg><g onload="alert(1)"/></svg>',
        '<svg><a href="javascript:alert(1)"/></svg>',
    ],
)
def test_a_picture_that_acts_is_refused(picture):
    with pytest.raises(ValueError, match="plain <svg>"):
        embedded(picture)


def test_the_pictures_of_the_verdict_show_what_was_measured():
    """Or run `python -m benchmarks.verdict page`."""
    assert json.loads(Path(str(measured.TARGET)).read_text()) == measured.numbers()
    section = calibration()
    charts = re.findall(r"<svg.*?</svg>", section)
    assert len(charts) == 3
    for chart in charts:
        lines = ElementTree.fromstring(chart).findall("polyline")
        assert len(lines) >= 3
        for line in lines:
            pairs = [p.split(",") for p in line.attrib["points"].split()]
            assert all(0 <= float(x) <= 420 and 0 <= float(y) <= 250 for x, y in pairs)
    assert "0 times in 1,101,760 checks" in section


def run(*arguments):
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    options = parser.parse_args(["report", *arguments])
    return options.run(options)


@pytest.fixture
def stored(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = {
        "schema": 1,
        "settings": SETTINGS,
        "reports": [r.as_dict() for r in reports()[:3]],
        "broken": [],
    }
    (tmp_path / "out.json").write_text(json.dumps(values))
    return tmp_path


def test_the_command_makes_a_page_from_stored_reports(stored, capsys):
    assert run("--from", "out.json", "--no-figures") == 1  # One disagrees.
    html = (stored / "report.html").read_text()
    assert html == page(reports()[:3], ENTRIES, settings=SETTINGS)
    assert "report.html" in capsys.readouterr().out
    only = ("--from", "out.json", "--no-figures", "--out", "one.html", "arccos.taylor")
    assert run(*only) == 0
    assert "relu2.kernel</a></h3>" not in (stored / "one.html").read_text()


def test_an_interruption_keeps_the_figures_that_are_drawn(stored, monkeypatch, capsys):
    def interrupted(entries, settings):
        yield entries[0].name, embedded("<svg></svg>")
        raise KeyboardInterrupt

    monkeypatch.setattr("tallystick.page.figures.drawn", interrupted)
    assert run("--from", "out.json") == 1
    assert "1 of 3 figures drawn" in capsys.readouterr().out
    assert (stored / "report.html").read_text().count("<svg></svg>") == 1


def test_the_command_checks_and_draws(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("hermite.mehler", "--quick") == 0
    html = (tmp_path / "report.html").read_text()
    assert html.count('<figure class="plot"><svg') == 1
    assert "could not be drawn" not in html


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "none.json"), "none.json cannot be read"),
        (("--from", "bad.json"), "must be what `tallystick check --json` wrote"),
        (("--from", "list.json"), "must be what `tallystick check --json` wrote"),
        (("--from", "out.json", "dual.erf"), "has no report on dual.erf"),
        (("--out", "missing/page.html"), "--out missing/page.html cannot be written"),
        (("--out", "."), "cannot be written"),
    ],
)
def test_bad_files_are_refused_before_anything_is_computed(
    stored, monkeypatch, arguments, said
):
    monkeypatch.setattr(command, "check_all", None)  # Calling it would fail.
    (stored / "bad.json").write_text("{")
    (stored / "list.json").write_text("[1]")
    with pytest.raises(TallystickError, match=re.escape(said)):
        run(*arguments)
    assert not (stored / "report.html").exists()


def test_without_matplotlib_figures_have_to_be_left_out(stored, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(TallystickError, match=r"tallystick\[plots\].*--no-figures"):
        run("--from", "out.json")
    assert not (stored / "report.html").exists()
    assert run("--from", "out.json", "--no-figures") == 1
