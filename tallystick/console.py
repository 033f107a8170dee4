"""What the command line prints: progress, tables, and claims in words."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from tallystick.counterexample import counterexample
from tallystick.entries import Broken, Entry
from tallystick.ledger import Ledger
from tallystick.report import Report, percent
from tallystick.verdict import Verdict

__all__ = [
    "Monitor",
    "print_broken",
    "print_errata",
    "print_list",
    "print_results",
    "print_show",
]

WIDE = 120
"""Columns of a terminal from which the whole table fits."""
_STYLES = {
    Verdict.AGREE: "green",
    Verdict.DISAGREE: "bold red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.INVALID: "bold magenta",
}


class Monitor:
    """Progress of a run: a bar on a terminal, a line for each claim elsewhere.

    Args:
        console: Where to print.
        total: How many claims will be checked.
    """

    def __init__(self, console: Console, total: int):
        self.console, self.total, self.count = console, total, 0
        self.bar = Progress(
            TextColumn("checking"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[last]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "Monitor":
        self.bar.start()
        self.task = self.bar.add_task("", total=self.total, last="")
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def finished(self, report: Report, *, resumed: bool = False) -> None:
        """Note one finished claim."""
        self.count += 1
        self.bar.update(self.task, completed=self.count, last=report.name)
        if not self.console.is_terminal:
            note = "resumed" if resumed else f"{report.seconds:.1f} s"
            self.console.print(
                f"[{self.count}/{self.total}] {report.name} {report.verdict} ({note})",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )


def print_results(
    console: Console,
    reports: Sequence[Report],
    broken: Sequence[Broken],
    seconds: float,
) -> None:
    """One table, the reports that need reading, and the closing line."""
    console = _wide(console)
    console.print(_results_table(reports, narrow=console.width < WIDE))
    for report in reports:
        if report.verdict is not Verdict.AGREE or report.unrefused:
            console.print()
            console.print(str(report), markup=False, highlight=False, soft_wrap=True)
    print_broken(console, broken)
    console.print()
    ledger = Ledger.of(reports)
    plural = "s" * (len(reports) != 1)
    console.print(
        f"{len(reports)} claim{plural} in {seconds:.0f} s: {ledger}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _results_table(reports: Sequence[Report], *, narrow: bool) -> Table:
    """A row for each report; a narrow one leaves out what the reports say as well."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("claim", no_wrap=True)
    table.add_column("relation", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    error = "detectable" if narrow else "detectable error"
    for name in (error, "common factor", "draws", "refused", "seconds"):
        if not (narrow and name in ("common factor", "refused")):
            table.add_column(name, justify="right", no_wrap=True)
    for report in reports:
        refused = len(report.refusals) - len(report.unrefused)
        style = _STYLES[report.verdict]
        cells = [
            escape(report.name),
            report.relation,
            f"[{style}]{report.verdict}[/]",
            percent(report.detectable),
            percent(report.detectable_factor),
            f"{'exact ' if report.exact else ''}{report.draws:,}",
            f"{refused}/{len(report.refusals)}",
            f"{report.seconds:.1f}",
        ]
        table.add_row(*(cells[:4] + cells[5:6] + cells[7:] if narrow else cells))
    return table


def print_broken(console: Console, broken: Iterable[Broken]) -> None:
    """The modules that could not be read, a line each."""
    for module in broken:
        console.print(
            f"BROKEN       {module.topic}: {module.message}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def print_list(console: Console, entries: Iterable[Entry]) -> None:
    """Every claim in a line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("claim", "topic", "relation", "statement"):
        table.add_column(name, no_wrap=name != "statement")
    for entry in entries:
        claim = entry.claim
        table.add_row(
            claim.name, entry.topic, claim.relation.name, escape(claim.statement)
        )
    _wide(console).print(table)


def print_show(console: Console, entry: Entry) -> None:
    """One claim in words: statement, source, domain, controls, errata."""
    claim = entry.claim
    rows = [
        ("statement", claim.statement),
        ("relation", repr(claim.relation)),
        ("source", claim.source),
        ("closed form", _where(claim.analytic)),
        ("experiment", repr(claim.empirical)),
    ]
    rows += [(f"  {name}", text) for name, text in claim.domain.describe().items()]
    rows += [("control", control.name) for control in claim.controls]
    rows += [("erratum", f"{e.name}, {e.where}: {e.printed}") for e in claim.errata]
    if claim.notes:
        rows.append(("notes", claim.notes))
    console.print(claim.name, style="bold")
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(escape(label), escape(text))
    console.print(table)


def print_errata(console: Console, entries: Iterable[Entry]) -> None:
    """Every erratum: what is printed, what is right, and the counterexample."""
    for entry in entries:
        for erratum in entry.claim.errata:
            console.print(f"{erratum.name} ({entry.claim.name})", style="bold")
            for label, text in (
                ("where", erratum.where),
                ("printed", erratum.printed),
                ("corrected", erratum.corrected),
                ("counterexample", counterexample(entry.claim, erratum)),
                ("refuted by", f"tallystick check {entry.claim.name}"),
            ):
                console.print(
                    f"  {label:<15}{text}",
                    markup=False,
                    highlight=False,
                    soft_wrap=True,
                )


def _where(form) -> str:
    return (
        f"{form.__module__}.{form.__qualname__}" if hasattr(form, "__module__") else ""
    )


def _wide(console: Console) -> Console:
    """The same console; without a terminal, wide enough for whole rows."""
    if not console.is_terminal:
        return Console(file=console.file, width=200, no_color=True)
    return console
