"""The catalogue as a table of the README, made from the claims."""

import sys
from collections.abc import Iterable
from pathlib import Path

from tallystick.catalogue import Entry, load_catalogue
from tallystick.errors import TallystickError

__all__ = ["BEGIN", "END", "catalogue_table", "refreshed"]

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


def refreshed(text: str) -> str:
    """A README with its catalogue made anew.

    Raises:
        TallystickError: The markers are missing, or a module of claims is broken.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise TallystickError(f"the README must hold the lines {BEGIN!r} and {END!r}")
    entries, broken = load_catalogue()
    if broken:
        raise TallystickError(f"{broken[0].topic} is broken: {broken[0].message}")
    return f"{before}{BEGIN}\n\n{catalogue_table(entries)}\n\n{END}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(refreshed(path.read_text()))
