"""The catalogue and the errata as pages of the site, with statements as MathML."""

import ast
import importlib
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from tallystick.claim import Claim
from tallystick.counterexample import counterexample
from tallystick.entries import Entry
from tallystick.page.markup import rows
from tallystick.page.mathematics import mathml
from tallystick.page.sections import RELATIONS

__all__ = ["about", "catalogue", "errata", "topics"]


def topics(entries: list[Entry]) -> dict[str, str]:
    """What each topic is about."""
    return {entry.topic: about(entry.path) for entry in entries}


def about(path: Path) -> str:
    """What a module of claims is about, in the first line of its docstring."""
    said = ast.get_docstring(ast.parse(path.read_text())) or ""
    said = said.partition("\n")[0].removeprefix("Claims: ").rstrip(".")
    return said[:1].upper() + said[1:]


def catalogue(entries: list[Entry]) -> str:
    """A section for each topic and in it one for each claim, as Markdown."""
    names = {entry.name for entry in entries}
    parts = []
    for topic, members in groupby(entries, key=lambda entry: entry.topic):
        claims = list(members)
        parts.append(
            f"(topic-{topic})=\n## {topic}\n\n{about(claims[0].path)}: [the closed"
            f" forms, the experiments and the claims](api/{topic}.md)."
        )
        parts += [_claim(entry.claim, names) for entry in claims]
    return "\n\n".join(parts)


def errata(entries: list[Entry]) -> str:
    """A section for each printed form that a claim refutes, as Markdown."""
    names = {entry.name for entry in entries}
    parts = []
    for claim in (entry.claim for entry in entries):
        for erratum in claim.errata:
            pairs = [
                ("where", escape(erratum.where)),
                ("printed", _statement(erratum.printed, names)),
                ("correct", _statement(erratum.corrected, names)),
                ("at", escape(counterexample(claim, erratum))),
                ("refuted by", _link(f"catalogue.html#{claim.name}", claim.name)),
            ]
            title = f"## {erratum.name} ({claim.name})"
            body = _body(_anchor(claim, erratum.name), rows(pairs))
            parts.append(f"{title}\n\n{body}")
    return "\n\n".join(parts)


def _claim(claim: Claim, names: set[str]) -> str:
    spaces = [
        f"<code>{escape(name)}</code>: {escape(text)}"
        for name, text in claim.domain.describe().items()
    ]
    kind = claim.relation.name
    printed = [
        _link(f"errata.html#{_anchor(claim, erratum.name)}", erratum.name)
        for erratum in claim.errata
    ]
    pairs = [
        ("source", escape(claim.source)),
        ("relation", escape(f"{kind}: {RELATIONS.get(kind, '')}")),
        ("domain", _list(spaces)),
        ("closed form", _documented(claim.analytic)),
        ("experiment", _documented(claim.empirical)),
        ("refuses", _list([mathml(control.name) for control in claim.controls])),
        ("errata", ", ".join(printed)),
        ("notes", escape(claim.notes)),
    ]
    statement = f'<p class="statement">{mathml(claim.statement, names)}</p>'
    return f"### {claim.name}\n\n{_body(claim.name, statement, rows(pairs))}"


def _body(anchor: str, *parts: str) -> str:
    """One block of HTML: no blank line may stand in it."""
    statement, pairs = parts if len(parts) == 2 else ("", *parts)
    text = f"{statement}<dl>{pairs}</dl>"
    text = " ".join(line for line in text.splitlines() if line.strip())
    return f'<div class="claim" id="{escape(anchor)}">{text}</div>'


def _documented(form: Any) -> str:
    """A half of a claim, as a link to its documentation."""
    module, name = form.__module__, form.__name__
    topic = module.rpartition(".")[2]
    # What is no name of the module hangs on one, as `erf.derivative` does.
    owner, _, part = name.rpartition("_")
    known = hasattr(importlib.import_module(module), name)
    shown, anchor = (name, name) if known else (f"{owner}.{part}", owner)
    target = f"api/{topic}.html#{module}.{anchor}"
    return f'<a href="{target}"><code>{module}.{shown}</code></a>'


def _anchor(claim: Claim, erratum: str) -> str:
    return f"{erratum}-{claim.name}"


def _link(target: str, text: str) -> str:
    return f'<a href="{escape(target)}">{escape(text)}</a>'


def _statement(text: str, names: set[str]) -> str:
    return f'<span class="statement">{mathml(text, names)}</span>'


def _list(items: list[str]) -> str:
    lines = "".join(f"<li>{item}</li>" for item in items)
    return f"<ul>{lines}</ul>" if items else ""
