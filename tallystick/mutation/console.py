"""What `tallystick mutate` prints."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tallystick.mutation.report import Mutation, Status, rate_text
from tallystick.report import percent
from tallystick.verdict import Verdict

__all__ = ["print_mutations"]


def print_mutations(console: Console, reports: list[Mutation]) -> None:
    """One table, the reports of what is not plain, and the closing line."""
    if not console.is_terminal:  # Wide enough for whole rows.
        console = Console(file=console.file, width=200, no_color=True)
    console.print(_table(reports))
    for report in reports:
        if report.survivors or report.skipped or report.verdict is not Verdict.AGREE:
            console.print()
            _plain(console, str(report))
    console.print()
    _plain(console, closing(reports))


def closing(reports: Iterable[Mutation]) -> str:
    """What the reports together are worth, in one line."""
    every = [m for report in reports for m in report.different]
    large = [m for report in reports for m in report.large]
    missed = sum(len(report.missed) for report in reports)
    text = (
        f"{sum(m.refused for m in every)} of {len(every)} mutants refused,"
        f" {sum(m.refused for m in large)} of {len(large)} of those of 1 % or more"
    )
    if missed:
        text += f"; BUG OF THE VERDICT: {missed} larger than the detectable error live"
    return text


def _table(reports: list[Mutation]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("claim", no_wrap=True)
    names = ("mutants", "equivalent", "within", "killed", "invalid", "survived")
    for name in (*names, "refused", "of 1 %", "detectable", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for report in reports:
        alive = report.count(Status.SURVIVED)
        style = "bold red" if report.missed else "yellow" if alive else "green"
        more = f" of {report.made}" if report.made > len(report.mutants) else ""
        table.add_row(
            escape(report.name),
            f"{len(report.mutants)}{more}",
            str(report.count(Status.EQUIVALENT)),
            str(report.count(Status.WITHIN)),
            str(report.count(Status.KILLED)),
            str(report.count(Status.INVALID)),
            f"[{style}]{alive}[/]",
            rate_text(report.kill_rate),
            rate_text(report.kill_rate_large),
            percent(report.detectable),
            f"{report.seconds:.1f}",
        )
    return table


def _plain(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
