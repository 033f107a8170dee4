"""Forms printed in the literature that are refuted, with their counterexamples."""

from collections.abc import Collection, Iterable
from html import escape

from tallystick.claim import Claim, Erratum
from tallystick.counterexample import counterexample
from tallystick.entries import Entry
from tallystick.page.markup import badge, rows
from tallystick.page.mathematics import mathml
from tallystick.report import Report

__all__ = ["errata"]


def errata(
    entries: Iterable[Entry],
    reports: Collection[Report],
    names: Collection[str],
) -> str:
    """A section with every erratum of the claims that were checked; may be empty.

    Args:
        entries: The claims.
        reports: What became of them.
        names: Ids that the page has sections for.
    """
    verdicts = {
        (report.name, wrong.name): wrong.verdict
        for report in reports
        for wrong in report.refusals
        if wrong.kind == "erratum"
    }
    parts = [
        _erratum(entry.claim, erratum, verdicts, names)
        for entry in entries
        for erratum in entry.claim.errata
        if (entry.name, erratum.name) in verdicts
    ]
    if not parts:
        return ""
    return (
        '<section id="errata" aria-labelledby="errata-title">'
        '<h2 id="errata-title">Errata</h2>'
        "<p>Forms printed in a source that a claim refutes, each with a counterexample"
        " and what the check says of it.</p>" + "".join(parts) + "</section>"
    )


def _erratum(claim: Claim, erratum: Erratum, verdicts, names: Collection[str]) -> str:
    link = f'<a href="#{escape(claim.name)}">{escape(claim.name)}</a>'
    pairs = [
        ("where", escape(erratum.where)),
        ("printed", f'<span class="statement">{mathml(erratum.printed, names)}</span>'),
        (
            "correct",
            f'<span class="statement">{mathml(erratum.corrected, names)}</span>',
        ),
        ("counterexample", escape(counterexample(claim, erratum))),
        ("verdict", f"{badge(verdicts[claim.name, erratum.name])} of the printed form"),
    ]
    return (
        f'<article class="erratum"><h3>{escape(erratum.name)} ({link})</h3>'
        f"<dl>{rows(pairs)}</dl></article>"
    )
