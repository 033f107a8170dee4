"""The whole report as one HTML file that needs nothing else."""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from tallystick import __version__
from tallystick.entries import Broken, Entry
from tallystick.ledger import Ledger
from tallystick.page.calibration import calibration
from tallystick.page.errata import errata
from tallystick.page.markup import badge, plural, rows
from tallystick.page.sections import section, table_row
from tallystick.report import Report, percent
from tallystick.verdict import Verdict

__all__ = ["page"]

COLUMNS = (
    ("id", "claim"),
    ("topic", "topic"),
    ("relation", "relation"),
    ("verdict", "verdict"),
    ("detectable", "detectable error"),
    ("factor", "common factor"),
    ("draws", "draws"),
    ("refused", "refused"),
    ("seconds", "seconds"),
)


def page(
    reports: Iterable[Report],
    entries: Iterable[Entry] = (),
    *,
    figures: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    broken: Sequence[Broken] = (),
) -> str:
    """The report of a run as HTML, with its style, script and figures inside.

    The same arguments give the same page.

    Args:
        reports: What the checks found, in the order of the page.
        entries: The claims; one without a report is left out.
        figures: HTML of a figure for each claim, by name; see `figures.drawn`.
        settings: How hard the run tried, for the summary.
        broken: Modules that could not be read.
    """
    reports = list(reports)
    known = {entry.name: entry for entry in entries}
    anchors = _anchors(reports, known)
    drawings = figures or {}
    sections = "\n".join(
        section(report, anchor, entry, drawings.get(report.name, ""), known)
        for report, (anchor, entry) in zip(reports, anchors, strict=True)
    )
    lines = "\n".join(
        table_row(report, anchor, entry)
        for report, (anchor, entry) in zip(reports, anchors, strict=True)
    )
    kept = [entry for _, entry in anchors if entry]
    faults = errata(kept, reports, known)
    script = _file("script.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # Nothing is loaded, and no script runs but this one, whatever a claim says.
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}; img-src data:">
<title>tallystick: {escape(_title(reports))}</title>
<style>
{_file("style.css")}
</style>
</head>
<body>
<a class="skip" href="#main">Skip to the claims</a>
<header>
<h1>tallystick</h1>
<p>Closed forms against independent experiments: {escape(_title(reports))}</p>
<nav aria-label="Parts of the page"><a href="#summary">Summary</a>
<a href="#table">Table</a> <a href="#claims">Claims</a>
{'<a href="#errata">Errata</a>' if faults else ""}
<a href="#verdict">The verdict</a></nav>
</header>
<main id="main">
{_summary(reports, settings, broken)}
{_table(lines, reports)}
<section id="claims" aria-labelledby="claims-title">
<div class="bar"><h2 id="claims-title">Claims</h2>
<button type="button" class="script" id="unfold" aria-pressed="false">Open all</button>
</div>
{sections}
</section>
{faults}
{calibration()}
</main>
<footer><p>Made by tallystick {escape(__version__)}. What a verdict means, and how often
it errs: docs/verdict.md.</p></footer>
<script>{script}</script>
</body>
</html>
"""


def _file(name: str) -> str:
    return files("tallystick.page").joinpath(name).read_text("utf-8")


def _anchors(
    reports: Sequence[Report], known: Mapping[str, Entry]
) -> list[tuple[str, Entry | None]]:
    """An id for each report, and its claim: ids of claims are their own names."""
    found: list[tuple[str, Entry | None]] = []
    taken: set[str] = set()
    for number, report in enumerate(reports, 1):
        # A check of a file may have the name of a claim; it is not that claim.
        entry = None if report.where else known.get(report.name)
        anchor = (
            report.name if entry and report.name not in taken else f"check-{number}"
        )
        taken.add(anchor)
        found.append((anchor, entry))
    return found


def _title(reports: Sequence[Report]) -> str:
    counts = Counter(report.verdict for report in reports)
    said = ", ".join(f"{counts[v]} {v}" for v in Verdict if counts[v])
    return f"{plural(len(reports), 'claim')}{': ' if said else ''}{said}"


def _summary(
    reports: Sequence[Report],
    settings: Mapping[str, Any] | None,
    broken: Sequence[Broken],
) -> str:
    ledger = Ledger.of(reports)
    counts = "".join(
        f"<li>{badge(v)} <strong>{ledger.verdicts.get(v, 0)}</strong></li>"
        for v in Verdict
    )
    weakest = ""
    if ledger.weakest:
        name, size = ledger.weakest
        weakest = f'{percent(size)} (<a href="#{escape(name)}">{escape(name)}</a>)'
    lost = "".join(
        f"<li><code>{escape(b.topic)}</code>: {escape(b.message)}</li>" for b in broken
    )
    chosen = ", ".join(
        f"{escape(name.replace('_', ' '))} {escape(_plain(name, value))}"
        for name, value in (settings or {}).items()
        if value is not None
    )
    missed = [f"{r.name}: {w.name}" for r in reports for w in r.unrefused]
    pairs = [
        ("wrong forms refused", f"{ledger.refused} of {ledger.wrong}"),
        ("not refused", escape("; ".join(missed))),
        ("false-alarm bound", f"{ledger.false_alarm:.1e} over the whole run"),
        ("weakest detectable error", weakest),
        ("time of the checks", f"{sum(r.seconds for r in reports):.0f} s"),
        ("settings", chosen),
        ("broken modules", f"<ul>{lost}</ul>" if lost else ""),
    ]
    return (
        '<section id="summary" aria-labelledby="summary-title">'
        f'<h2 id="summary-title">Summary</h2><ul class="counts">{counts}</ul>'
        f"<dl>{rows(pairs)}</dl></section>"
    )


def _plain(name: str, value: Any) -> str:
    if name in ("key", "seed") and isinstance(value, int):
        return f"{value:#x}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _table(lines: str, reports: Sequence[Report]) -> str:
    """The table with its search box; without a script it is only a table."""
    heads = "".join(
        f'<th scope="col" class="{kind}"><button type="button" class="sort">'
        f"{escape(text)}</button></th>"
        for kind, text in COLUMNS
    )
    present = {report.verdict for report in reports}
    options = "".join(f"<option>{v}</option>" for v in Verdict if v in present)
    return (
        '<section id="table" aria-labelledby="table-title">'
        '<h2 id="table-title">Table</h2>'
        '<form class="script" role="search" id="filter">'
        '<span class="field"><label for="search">Search</label>'
        '<input id="search" type="search" autocomplete="off"'
        ' placeholder="id, topic, statement or source"></span>'
        '<span class="field"><label for="only">Verdict</label>'
        f'<select id="only"><option value="">all</option>{options}</select></span>'
        '<output id="shown" for="search only" aria-live="polite">'
        f"{plural(len(reports), 'claim')}</output></form>"
        '<div class="scroll" role="region" tabindex="0" aria-label="Table of claims">'
        f'<table id="claims-table"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div></section>"
    )
