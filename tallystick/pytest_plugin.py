"""The pytest plugin: every claim, control and erratum becomes a test item.

A `Claim`, or a list or tuple of claims, among the globals of a test module is
collected. The summary says how many checks were decided, how likely the run was to
raise a false alarm, and the weakest detectable error.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

__all__ = ["ClaimItem", "ClaimNode", "WrongFormItem"]


_PROPERTY = "tallystick_report"
_SEEN = pytest.StashKey[set[int]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of a run: the seed, and whether to look quickly."""
    group = parser.getgroup("tallystick")
    group.addoption(
        "--tallystick-seed",
        type=lambda text: int(text, 0),
        default=None,
        help="seed of all randomness of the claims",
    )
    group.addoption(
        "--tallystick-quick",
        action="store_true",
        help="check the claims with five times the tolerance",
    )


def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> Any:
    """Collect claims among the globals of a test module."""
    if "tallystick.claim" not in sys.modules:  # Then no object can be a claim.
        return None
    from tallystick.claim import Claim

    group = obj if isinstance(obj, (list, tuple)) else (obj,)
    claims = [claim for claim in group if isinstance(claim, Claim)]
    if not claims or len(claims) < len(group):
        return None
    # A claim that also stands in a list is one claim.
    seen = collector.stash.setdefault(_SEEN, set())
    fresh = [claim for claim in claims if id(claim) not in seen]
    seen.update(map(id, fresh))
    return [
        ClaimNode.from_parent(collector, name=claim.name, claim=claim)
        for claim in fresh
    ]


class ClaimNode(pytest.Collector):
    """A claim; its items share one bench, so the experiment is compiled once."""

    def __init__(self, *, claim: Any, **rest: Any):
        super().__init__(**rest)
        self.claim = claim
        self._bench: Any = None

    @property
    def bench(self) -> Any:
        """The experiment made ready, at the settings of this run."""
        if self._bench is None:
            from tallystick.checking import bench_of

            self._bench = bench_of(self.claim, _settings(self.config))
        return self._bench

    def collect(self) -> Iterator[pytest.Item]:
        """The claim itself, then each form it must refuse."""
        yield ClaimItem.from_parent(self, name="agrees")
        for control in self.claim.controls:
            yield WrongFormItem.from_parent(
                self,
                name=f"refuses[{control.name}]",
                kind="control",
                wrong=control.name,
            )
        for erratum in self.claim.errata:
            yield WrongFormItem.from_parent(
                self,
                name=f"refuses[{erratum.name}]",
                kind="erratum",
                wrong=erratum.name,
            )

    def teardown(self) -> None:
        """Let the compiled programs go."""
        self._bench = None


class _Item(pytest.Item):
    parent: ClaimNode

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Where the claim stands."""
        return self.path, None, f"{self.parent.claim.name}: {self.name}"

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """A verdict needs no traceback."""
        if isinstance(excinfo.value, _NotAsClaimedError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def keep(self, report: Any) -> None:
        """Hand a report to the summary, also across processes."""
        self.user_properties.append((_PROPERTY, json.dumps(report.as_dict())))


class ClaimItem(_Item):
    """Passes if the verdict is AGREE."""

    def runtest(self) -> None:
        """Check the claim without its controls."""
        from tallystick.checking import check_alone
        from tallystick.verdict import Verdict

        report = check_alone(self.parent.claim, self.parent.bench)
        seed = self.parent.bench.settings.seed
        replay = f"pytest '{self.nodeid}' --tallystick-seed {seed:#x}"
        report = replace(report, replay=replay)
        self.keep(report)
        if report.verdict is not Verdict.AGREE:
            raise _NotAsClaimedError(str(report))


class WrongFormItem(_Item):
    """Passes if a wrong form is refused."""

    def __init__(self, *, kind: str, wrong: str, **rest: Any):
        super().__init__(**rest)
        self.kind, self.wrong = kind, wrong

    def runtest(self) -> None:
        """Judge the wrong form."""
        from tallystick.checking import judge_control, judge_erratum

        judge = judge_control if self.kind == "control" else judge_erratum
        refusal = judge(self.parent.claim, self.wrong, self.parent.bench)
        self.user_properties.append(("tallystick_refused", refusal.refused))
        if not refusal.refused:
            raise _NotAsClaimedError(
                f"the {self.kind} {self.wrong!r} of {self.parent.claim.name} was not"
                f" refused: the verdict is {refusal.verdict} {refusal.reason}".rstrip()
            )


class _NotAsClaimedError(Exception):
    """A check that did not end as the claim says."""


def _settings(config: pytest.Config) -> Any:
    from tallystick.bench import DEFAULT_KEY, Settings

    seed = config.getoption("--tallystick-seed")
    seed = DEFAULT_KEY if seed is None else seed
    if config.getoption("--tallystick-quick"):
        return Settings.quick(seed)
    return Settings(seed)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line for the whole run: decided, false-alarm bound, weakest error."""
    reports, refused, wrong = [], 0, 0
    for outcome in ("passed", "failed"):
        for result in terminalreporter.getreports(outcome):
            for name, value in getattr(result, "user_properties", ()):
                if name == _PROPERTY:
                    reports.append(json.loads(value))
                elif name == "tallystick_refused":
                    wrong, refused = wrong + 1, refused + bool(value)
    if not reports and not wrong:
        return
    from tallystick.ledger import Ledger
    from tallystick.report import Report

    ledger = Ledger.of([Report.from_dict(values) for values in reports])
    decided = sum(n for v, n in ledger.verdicts.items() if v in ("AGREE", "DISAGREE"))
    line = (
        f"{decided} of {len(reports)} checks decided, {refused} of {wrong} wrong forms"
        f" refused, false-alarm bound {ledger.false_alarm:.1e}"
    )
    if ledger.weakest:
        from tallystick.report import percent

        name, size = ledger.weakest
        line += f", weakest detectable error {percent(size)} ({name})"
    terminalreporter.write_sep("-", "tallystick")
    terminalreporter.write_line(line)
