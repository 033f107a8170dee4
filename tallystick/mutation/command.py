"""The command `tallystick mutate`."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from tallystick.bench import Settings
from tallystick.catalogue import find
from tallystick.commands.arguments import settings_of
from tallystick.console import print_broken
from tallystick.entries import Broken, Entry, one_line
from tallystick.mutation.console import print_mutations
from tallystick.mutation.mutating import mutate_claim
from tallystick.mutation.report import Mutation
from tallystick.verdict import Verdict

__all__ = ["run_mutations"]


def run_mutations(options: argparse.Namespace) -> int:
    """Mutate the claims that are named.

    Returns:
        0; 1 if a survivor is larger than the detectable error, or a formula itself is
        refused; 2 if one is inconclusive; 3 if one could not be tried.
    """
    to_stdout = options.json == "-"
    console = Console(stderr=to_stdout)
    settings = settings_of(options)
    found = find(options.names)
    entries, broken = found.claims("mutate"), found.broken
    reports = []
    for number, entry in enumerate(entries, start=1):
        reports.append(_mutation(entry, settings, options))
        console.print(
            f"[{number}/{len(entries)}] {entry.name} ({reports[-1].seconds:.1f} s)",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    print_mutations(console, reports)
    print_broken(console, broken)
    if options.json:
        text = _json(reports, broken, settings, options)
        if to_stdout:
            print(text)  # noqa: T201
        else:
            Path(options.json).write_text(text + "\n")
    return _exit_code(reports, broken)


def _mutation(
    entry: Entry, settings: Settings, options: argparse.Namespace
) -> Mutation:
    """Mutate one claim; an error makes it INVALID."""
    quick = " --quick" if options.quick else ""
    replay = f"tallystick mutate {entry.target} --seed {settings.seed:#x}{quick}"
    try:
        found = mutate_claim(
            entry.claim, settings, most=options.most, further=options.further
        )
    except Exception as error:
        reason = one_line(error, entry.path)
        found = Mutation(entry.name, Verdict.INVALID, reason)
    return replace(found, replay=replay)


def _json(
    reports: Sequence[Mutation],
    broken: Sequence[Broken],
    settings: Settings,
    options: argparse.Namespace,
) -> str:
    from tallystick import __version__

    found: dict[str, Any] = {
        "schema": 1,
        "version": __version__,
        "settings": asdict(settings),
        "most": options.most,
        "further": options.further,
        "mutations": [report.as_dict() for report in reports],
        "broken": [asdict(module) for module in broken],
    }
    return json.dumps(found, indent=2)


def _exit_code(reports: Sequence[Mutation], broken: Sequence[Broken]) -> int:
    tried = [report for report in reports if not report.skipped]
    verdicts = {report.verdict for report in tried}
    if Verdict.DISAGREE in verdicts or any(report.missed for report in tried):
        return 1
    if Verdict.INVALID in verdicts or broken:
        return 3
    return 2 if Verdict.INCONCLUSIVE in verdicts else 0
