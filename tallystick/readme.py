"""The catalogue as tables of the README and docs/catalogue.md, made from the claims."""

import ast
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from tallystick.catalogue import load_catalogue
from tallystick.entries import Entry
from tallystick.errors import TallystickError

__all__ = ["BEGIN", "END", "PAGES", "catalogue_table", "refreshed", "topic_table"]

BEGIN = "<!-- catalogue: made by `make readme` from the claims, do not edit -->"
END = "<!-- end of catalogue -->"


def catalogue_table(entries: Iterable[Entry]) -> str:
    """A Markdown table: claim, what it says, relation, source, wrong forms refused."""
    lines = [
        "| claim | says | relation | source | refutes |",
        "| --- | --- | --- | --- | --- |",
    ]
    for entry in entries:
        claim = entry.claim
        refutes = [f"{len(claim.controls)} control{'s' * (len(claim.controls) != 1)}"]
        refutes += [f"erratum {erratum.name}" for erratum in claim.errata]
        cells = [
            f"`{claim.name}`",
            f"`{claim.statement}`",
            claim.relation.name,
            claim.source,
            ", ".join(refutes),
        ]
        lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return "\n".join(lines)


def topic_table(entries: Iterable[Entry]) -> str:
    """A Markdown table: topic, what it is about, names of its claims."""
    topics: dict[Path, list[Entry]] = {}
    for entry in entries:
        topics.setdefault(entry.path, []).append(entry)
    lines = ["| topic | holds | claims |", "| --- | --- | --- |"]
    for path, members in topics.items():
        said = ast.get_docstring(ast.parse(path.read_text())) or ""
        about = said.partition("\n")[0].removeprefix("Claims: ").rstrip(".")
        names = ", ".join(f"`{entry.name}`" for entry in members)
        lines.append(f"| `{members[0].topic}` | {about} | {names} |")
    return "\n".join(lines)


PAGES: dict[str, Callable[[Iterable[Entry]], str]] = {
    "README.md": topic_table,
    "docs/catalogue.md": catalogue_table,
}
"""Files that hold the catalogue, and in what form."""


def refreshed(text: str, table: Callable[[Iterable[Entry]], str]) -> str:
    """A page with its catalogue made anew.

    Args:
        text: The page.
        table: What to make of the claims.

    Raises:
        TallystickError: The markers are missing, or a module of claims is broken.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise TallystickError(f"the page must hold the lines {BEGIN!r} and {END!r}")
    entries, broken = load_catalogue()
    if broken:
        raise TallystickError(f"{broken[0].topic} is broken: {broken[0].message}")
    return f"{before}{BEGIN}\n\n{table(entries)}\n\n{END}{after}"


if __name__ == "__main__":
    for page, table in PAGES.items():
        path = Path(sys.argv[1]) / page
        path.write_text(refreshed(path.read_text(), table))
