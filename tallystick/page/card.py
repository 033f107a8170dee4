"""A report as a card, for notebooks: readable on a light ground and on a dark one."""

from html import escape

from tallystick.page.markup import COLOURS, badge
from tallystick.report import Report
from tallystick.verdict import Verdict

__all__ = ["card"]

_CARD = "border:1px solid rgba(128,128,128,.45);border-radius:.4em;padding:.6em .9em"
_CARD += ";margin:.3em 0;max-width:60em;color:inherit;background:transparent"
_CARD += ";line-height:1.5;overflow-wrap:anywhere"
_QUIET = "opacity:.75"
_CODE = "background:transparent;color:inherit"


def card(report: Report) -> str:
    """The same that `str(report)` says, as HTML without scripts and style sheets.

    Colours of the notebook are kept; only the verdict has its own, with its word.
    """
    lines = [
        f"{badge(report.verdict)} {_code(report.headline())}"
        f' <span style="{_QUIET}">{report.seconds:.1f} s,'
        f" {escape(report.effort())}</span>"
    ]
    said = report.diagnosis or report.reason
    if said:
        lines.append(f"<strong>{escape(said)}</strong>")
    if report.note:
        lines.append(escape(report.note))
    if report.verdict is Verdict.AGREE:
        lines.append(escape(report.power()))
    elif report.worst:
        lines.append(escape(report.farthest()))
    lines += [
        f"the {escape(wrong.kind)} <q>{escape(wrong.name)}</q> was not refused"
        for wrong in report.unrefused
    ]
    if report.replay:
        lines.append(f'<span style="{_QUIET}">replay:</span> {_code(report.replay)}')
    edge = f"border-left:.35em solid {COLOURS[report.verdict]}"
    body = "".join(f'<div style="margin:.15em 0">{line}</div>' for line in lines)
    return f'<div class="tallystick-card" style="{_CARD};{edge}">{body}</div>'


def _code(text: str) -> str:
    return f'<code style="{_CODE}">{escape(text)}</code>'
