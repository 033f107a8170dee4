"""One claim on the page: what it says, how it was decided, what it refuses."""

import math
from collections.abc import Collection
from html import escape

from empirical.montecarlo import Expectation
from tallystick.entries import Entry
from tallystick.page.markup import badge, rows
from tallystick.page.mathematics import mathml
from tallystick.report import Refusal, Report, percent
from tallystick.verdict import Verdict

__all__ = ["RELATIONS", "section", "table_row"]

RELATIONS = {
    "mean": "the mean of the draws is the closed form",
    "identity": "equal to rounding",
    "bound": "no draw crosses it",
    "limit": "the mean tends to it at a stated rate",
    "law": "the draws follow a stated law",
    "exponent": "a power of a size",
}


def section(
    report: Report,
    anchor: str,
    entry: Entry | None,
    figure: str,
    names: Collection[str],
) -> str:
    """One claim, folded up until it is asked for.

    Args:
        report: What the check found.
        anchor: Id of the section.
        entry: The claim, if the report is of one that is known here.
        figure: HTML of its figure; may be empty.
        names: Ids that the page has sections for.
    """
    statement = (
        f'<span class="statement">{mathml(entry.claim.statement, names)}</span>'
        if entry
        else f"<code>{escape(report.headline())}</code>"
    )
    head = f'<h3><a href="#{escape(anchor)}">{escape(report.name)}</a></h3>'
    parts = [
        f'<details class="claim" id="{escape(anchor)}">',
        f"<summary>{head} {badge(report.verdict)} {statement}</summary>",
        '<div class="inside">',
        figure,
        f"<dl>{rows([*_claimed(entry, names), *_found(report)])}</dl>",
        _wrong_forms(report),
        "</div></details>",
    ]
    return "\n".join(filter(None, parts))


def _claimed(entry: Entry | None, names: Collection[str]) -> list[tuple[str, str]]:
    """What the claim says of itself."""
    if entry is None:
        return []
    claim = entry.claim
    spaces = "".join(
        f"<li><code>{escape(name)}</code>: {escape(text)}</li>"
        for name, text in claim.domain.describe().items()
    )
    form = claim.analytic
    place = getattr(form, "__qualname__", "")
    place = f"{form.__module__}.{place}" if place else repr(form)
    empirical = claim.empirical
    noisy = isinstance(empirical, Expectation) and bool(empirical.laws)
    name = getattr(empirical, "name", repr(empirical))
    experiment = repr(empirical) if noisy else f"{name}, without noise"
    return [
        ("source", escape(claim.source)),
        ("domain", f"<ul>{spaces}</ul>" if spaces else ""),
        ("closed form", f"<code>{escape(place)}</code>"),
        ("experiment", f"<code>{escape(experiment)}</code>"),
        ("notes", escape(claim.notes)),
    ]


def _found(report: Report) -> list[tuple[str, str]]:
    """What the check found."""
    agrees = report.verdict is Verdict.AGREE
    relation = RELATIONS.get(report.relation, "")
    tolerance = f"{report.tolerance:.2g}" if math.isfinite(report.tolerance) else ""
    replay = f"<code>{escape(report.replay)}</code>" if report.replay else ""
    alarm = f"{report.false_alarm:.1e}" if report.false_alarm else ""
    return [
        ("relation", f"{escape(report.relation)}: {escape(relation)}"),
        ("verdict", f"{badge(report.verdict)} {escape(report.reason)}"),
        ("diagnosis", escape(report.diagnosis)),
        ("suggestion", escape(report.suggestion)),
        ("measured", escape(report.note)),
        ("power", escape(report.power()) if agrees else ""),
        ("worst point", _farthest(report)),
        ("tolerance", tolerance),
        ("effort", f"{escape(report.effort())}, {report.seconds:.1f} s"),
        ("false alarm", f"at most {alarm}" if alarm else ""),
        ("replay", replay),
        ("called at", escape(report.where)),
    ]


def _farthest(report: Report) -> str:
    return escape(report.farthest().removeprefix("worst ")) if report.worst else ""


def _wrong_forms(report: Report) -> str:
    """The controls and errata, and what became of them."""
    if not report.refusals:
        return ""
    lines = "".join(map(_wrong_form, report.refusals))
    return (
        "<h4>Wrong forms</h4>"
        '<div class="scroll" role="region" tabindex="0"'
        f' aria-label="Wrong forms of {escape(report.name)}"><table>'
        '<thead><tr><th scope="col">form</th><th scope="col">kind</th>'
        '<th scope="col">refused</th><th scope="col">because</th></tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _wrong_form(wrong: Refusal) -> str:
    kind, name = escape(wrong.kind), mathml(wrong.name)
    if wrong.kind == "erratum":
        kind = f'<a href="#errata">{kind}</a>'
    said = "refused" if wrong.refused else "<strong>not refused</strong>"
    return (
        f'<tr><th scope="row">{name}</th><td>{kind}</td>'
        f"<td>{said}</td><td>{escape(wrong.reason)}</td></tr>"
    )


def table_row(report: Report, anchor: str, entry: Entry | None) -> str:
    """One line of the table; `data-sort` holds what is sorted by."""
    refused = len(report.refusals) - len(report.unrefused)
    link = f'<a href="#{escape(anchor)}">{escape(report.name)}</a>'
    draws = f"{'exact ' if report.exact else ''}{report.draws:,}"
    claim = entry.claim if entry else None
    more = f"{claim.statement} {claim.source}" if claim else ""
    topic = entry.topic if entry else ""
    cells = [
        ("topic", escape(topic), topic),
        ("relation", escape(report.relation), report.relation),
        ("verdict", badge(report.verdict), report.verdict.rank),
        ("detectable", percent(report.detectable), _number(report.detectable)),
        (
            "factor",
            percent(report.detectable_factor),
            _number(report.detectable_factor),
        ),
        ("draws", draws, report.draws),
        ("refused", f"{refused}/{len(report.refusals)}", refused),
        ("seconds", f"{report.seconds:.1f}", report.seconds),
    ]
    start = (
        f'<tr data-of="{escape(anchor)}" data-verdict="{report.verdict}"'
        f' data-more="{escape(more.lower())}">'
        f'<th scope="row" data-sort="{escape(report.name)}">{link}</th>'
    )
    return (
        start
        + "".join(
            f'<td class="{kind}" data-sort="{escape(str(value))}">{text}</td>'
            for kind, text, value in cells
        )
        + "</tr>"
    )


def _number(value: float) -> float:
    """What to sort by: sizes that are not known come first."""
    return value if math.isfinite(value) else -1.0
