"""Pages of docs/ whose numbers are filled in from stored results.

A table or a number stands between `<!-- NAME -->` and `<!-- end -->`; NAME is a
function of the page's module. Nothing between the marks is written by hand.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

__all__ = ["DOCS", "differences", "fill", "small", "table", "whole"]

DOCS = Path(__file__).parents[1] / "docs"
MARK = re.compile(r"(<!-- (?P<name>[a-z_]+) -->)(?P<body>.*?)(<!-- end -->)", re.DOTALL)

Parts = Mapping[str, Callable[[], str]]


def fill(page: str, parts: Parts) -> None:
    """Make every marked part of a page anew."""
    path = DOCS / page
    text = MARK.sub(lambda m: f"{m[1]}{parts[m['name']]()}{m[4]}", path.read_text())
    path.write_text(text)


def differences(page: str, parts: Parts) -> list[str]:
    """Names of the marked parts that are not what the results say."""
    found = MARK.finditer((DOCS / page).read_text())
    return [m["name"] for m in found if m["body"] != parts[m["name"]]()]


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown, with a line break on either side."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def whole(count: int) -> str:
    """An integer with commas."""
    return f"{count:,}"


def small(value: float) -> str:
    """Two digits and a short exponent, as in 3.0e-6."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"
