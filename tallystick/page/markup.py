"""Small pieces of HTML that the parts of the page share; everything is escaped."""

from html import escape

from tallystick.verdict import Verdict

__all__ = ["COLOURS", "badge", "plural", "rows"]

COLOURS = {
    Verdict.AGREE: "#1a7f37",
    Verdict.DISAGREE: "#b42318",
    Verdict.INCONCLUSIVE: "#8a5a00",
    Verdict.INVALID: "#6f42c1",
}
"""Grounds on which white type is readable, on light pages and dark ones."""
_SIGNS = {
    Verdict.AGREE: "✓",
    Verdict.DISAGREE: "✗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.INVALID: "!",
}
_BADGE = (
    "color:#fff;border-radius:.35em;padding:.1em .5em;font-weight:600;font-size:.85em"
)
_BADGE += (
    ";white-space:nowrap;print-color-adjust:exact;-webkit-print-color-adjust:exact"
)


def badge(verdict: Verdict) -> str:
    """A verdict as a word with a sign, on its colour."""
    sign = f'<span aria-hidden="true">{_SIGNS[verdict]}</span>'
    style = f"background:{COLOURS[verdict]};{_BADGE}"
    return f'<b class="badge" style="{style}">{sign} {verdict}</b>'


def plural(count: int, noun: str) -> str:
    """A number and what it counts."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def rows(pairs: list[tuple[str, str]]) -> str:
    """A list of terms, each with its HTML; empty ones are left out."""
    return "".join(
        f"<div><dt>{escape(term)}</dt><dd>{value}</dd></div>"
        for term, value in pairs
        if value
    )
