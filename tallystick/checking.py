"""Checking: from a claim, or a formula and an experiment, to a report."""

import inspect
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from empirical.montecarlo import Expectation, Law
from empirical.montecarlo.fleet import Fleet
from tallystick.bench import DEFAULT_KEY, Bench, Prepared, Settings
from tallystick.claim import (
    Claim,
    Form,
    as_expectation,
    as_formula,
    require_domain,
    require_twins,
)
from tallystick.domain import Domain
from tallystick.entries import line_in
from tallystick.errors import ClaimError, shortened
from tallystick.figures.subject import Subject
from tallystick.recording import recorded
from tallystick.relations import Relation, as_relation
from tallystick.report import Refusal, Report
from tallystick.spaces import Space
from tallystick.verdict import Decision, Verdict, Worst, guarantee_of, worst_of

__all__ = [
    "bench_of",
    "bench_of_pair",
    "check",
    "check_alone",
    "check_claim",
    "judge_control",
    "judge_erratum",
    "judge_wrong_form",
]


def check_claim(
    claim: Claim, settings: Settings | None = None, *, bench: Bench | None = None
) -> Report:
    """Check a claim, its controls and its errata.

    Args:
        claim: The claim.
        settings: How hard to try.
        bench: If given, the claim's bench, so that compiled programs are reused.
    """
    settings = settings or Settings()
    bench = bench or bench_of(claim, settings)
    start = time.perf_counter()
    report = check_alone(claim, bench)
    refusals = [
        *(judge_control(claim, control.name, bench) for control in claim.controls),
        *(judge_erratum(claim, erratum.name, bench) for erratum in claim.errata),
    ]
    seconds = time.perf_counter() - start
    return replace(report, refusals=tuple(refusals), seconds=seconds)


def check_alone(claim: Claim, bench: Bench) -> Report:
    """Check a claim without its controls and errata."""
    start = time.perf_counter()
    report = _report(claim.analytic, bench, claim.name)
    return replace(
        report,
        seconds=time.perf_counter() - start,
        replay=f"tallystick.check_claim(..., Settings({bench.settings.seed:#x}))",
        subject=claim,
    )


def bench_of(claim: Claim, settings: Settings, fleet: Fleet | None = None) -> Bench:
    """The bench of a claim, which compiles the claim and its controls together."""
    return Bench(
        claim.name,
        as_expectation(claim.empirical),
        claim.domain,
        as_relation(claim.relation),
        settings,
        [claim.analytic, *(control.form for control in claim.controls)],
        fleet,
    )


def judge_control(claim: Claim, name: str, bench: Bench) -> Refusal:
    """Judge one control: it is refused as soon as one case refuses it."""
    control = next(c for c in claim.controls if c.name == name)
    return judge_wrong_form(control.name, control.form, bench)


def judge_wrong_form(name: str, form: Form, bench: Bench) -> Refusal:
    """Judge any wrong form; the loudest verdict over the cases counts."""
    decisions = []
    for case in bench.cases():
        decisions.append(bench.prepared(case).judge(form, explain=False))
        if decisions[-1].verdict.rank >= Verdict.DISAGREE.rank:
            break
    last = worst_of(decisions)
    return Refusal(name, "control", last.verdict, last.diagnosis or last.reason)


def judge_erratum(claim: Claim, name: str, bench: Bench) -> Refusal:
    """Judge a printed form at its counterexample."""
    erratum = next(e for e in claim.errata if e.name == name)
    decision = bench.prepared_at(erratum.at).judge(erratum.form, explain=False)
    reason = decision.diagnosis or decision.reason
    if decision.worst:
        numbers = (
            f"{decision.worst.formula:.5g}, measured {decision.worst.measured:.5g}"
        )
        reason = f"{reason}: printed form {numbers}"
    return Refusal(erratum.name, "erratum", decision.verdict, reason)


def check(
    formula: Any,
    experiment: Expectation | Form,
    /,
    *,
    domain: Domain | None = None,
    relation: Relation | str = "mean",
    key: int = DEFAULT_KEY,
    points: int = 32,
    budget: int | None = None,
    tolerance: float | None = None,
    **spaces: Any,
) -> Report:
    """Is this formula what that experiment measures?

    Everything is matched by name: the formula's parameters need a space each, what is
    left of the integrand's parameters must be declared noise.

    Args:
        formula: The closed form: a JAX function of one point, a number, or a SymPy
            expression; for a law a distribution function, or another experiment.
        experiment: An `expectation`, or a plain function if there is no noise.
        domain: Where to compare, instead of `spaces`.
        relation: In what sense the two should match.
        key: Names all randomness; the same key gives the same report.
        points: Parameter points, at least.
        budget: Largest number of draws of one look, rounded up to whole blocks; if not
            given 2^24, and for a mean one look of up to 2^26 where that decides.
        tolerance: Instead of the relation's own.
        spaces: For each parameter a space, a law to draw from, or a constant.

    Returns:
        A report; it is never a bool.

    Raises:
        ClaimError: Names, shapes or dtypes do not fit.
        DomainError: A space is ill formed.
        NoiseError: The noise is.
    """
    for option, value in {
        "domain": domain,
        "relation": relation,
        "key": key,
        "points": points,
        "budget": budget,
        "tolerance": tolerance,
    }.items():
        if isinstance(value, (Space, Law)):
            raise ClaimError(
                f"{option} is an option of check: give the space of a parameter of that"
                f" name as domain=Domain({option}=...)"
            )
    if not isinstance(key, int):
        raise ClaimError(f"key must be an integer, got {key!r}")
    if points < 1 or (budget is not None and budget < 1):
        raise ClaimError(
            f"points and budget must be positive, got {points=}, {budget=}"
        )
    settings = Settings(seed=key, points=points, budget=budget)
    bench = shortened(
        lambda: bench_of_pair(
            formula, experiment, domain, relation, tolerance, settings, spaces
        )
    )
    form = bench.forms[0]
    shown = bench.name
    if callable(formula):
        shown += f"({', '.join(bench.domain.spaces)})"

    def judged() -> Report:
        start = time.perf_counter()
        report = shortened(lambda: _report(form, bench, shown))
        return replace(
            report,
            seconds=time.perf_counter() - start,
            replay=f"tallystick.check(..., key={key:#x})",
        )

    return recorded(judged, _caller)


def _caller(path: Path) -> str:
    """The line of a file that called `check`."""
    line = line_in(inspect.currentframe(), path)
    return f"{path}:{line}" if line else str(path)


def bench_of_pair(
    formula: Any,
    experiment: Expectation | Form,
    domain: Domain | None,
    relation: Relation | str,
    tolerance: float | None,
    settings: Settings,
    spaces: Mapping[str, Any],
) -> Bench:
    """The bench of a formula and an experiment that are no claim; see `check`.

    Raises:
        ClaimError: Names do not fit, or both a domain and spaces are given.
        DomainError: A space is ill formed.
    """
    empirical = as_expectation(experiment)
    relation = as_relation(relation)
    formula = as_formula(formula, empirical, relation)
    name = getattr(formula, "__name__", "formula")
    if tolerance is not None:
        relation = replace(relation, tolerance=tolerance)
    require_twins(name, formula, empirical, relation)
    if domain is None:
        domain = Domain(**spaces)
    elif spaces:
        raise ClaimError(f"give a domain or spaces, not both: got {sorted(spaces)} too")
    require_domain(name, formula, domain, relation)
    return Bench(name, empirical, domain, relation, settings, [formula])


def _report(form: Form, bench: Bench, name: str) -> Report:
    """Judge a form on all cases, and say what came out."""
    seen = [bench.prepared(case) for case in bench.cases()]
    decisions = [prepared.judge(form, explain=True) for prepared in seen]
    last = worst_of(decisions)
    where = seen[decisions.index(last)]
    scope = _scope(last.verdict, decisions, seen)
    shown = bench.experiment if bench.relation.name == "limit" else bench.empirical
    arguments = ", ".join(inspect.signature(shown.integrand).parameters)
    finite = [d for d in decisions if d.verdict is Verdict.AGREE] or [last]
    relation = bench.relation
    return Report(
        name=name,
        experiment=f"{shown.name}({arguments})",
        relation=relation.name,
        verdict=last.verdict,
        reason=last.reason + scope if last.reason else "",
        diagnosis=last.diagnosis + scope if last.diagnosis else "",
        suggestion=last.suggestion,
        note=_notes(last.verdict, decisions, seen),
        tolerance=where.tolerance,
        detectable=float(np.max([d.detectable for d in finite])),
        detectable_factor=float(np.max([d.detectable_factor for d in finite])),
        tightness=last.tightness,
        points=sum(p.sampler.count for p in seen),
        draws=max(d.draws for d in decisions),
        exact=all(d.exact for d in decisions),
        worst=_worst(last.worst, where),
        false_alarm=sum(d.false_alarm for d in decisions),
        # Identities and bounds are about the draws themselves, not about a mean.
        guaranteed=""
        if relation.name in ("identity", "bound")
        else guarantee_of(decisions),
        subject=Subject(name, "", form, bench.empirical, bench.domain, relation),
    )


def _scope(verdict: Verdict, decisions: list[Decision], seen: list[Prepared]) -> str:
    """For which static values and lengths a verdict holds, if not for all."""
    same = [
        prepared.case.label()
        for decision, prepared in zip(decisions, seen, strict=True)
        if decision.verdict is verdict
    ]
    if len(same) == len(seen):
        return ""
    return f" (for {'; '.join(label or 'the main lengths' for label in same)} only)"


def _notes(verdict: Verdict, decisions: list[Decision], seen: list[Prepared]) -> str:
    """What was measured besides, in each case of the verdict."""
    found = {
        prepared.case.label(): decision.note
        for decision, prepared in zip(decisions, seen, strict=True)
        if decision.verdict is verdict and decision.note
    }
    if len(seen) == 1:
        return "; ".join(found.values())
    return "; ".join(f"{n or 'the main lengths'}: {note}" for n, note in found.items())


def _worst(worst: Worst | None, prepared: Prepared) -> dict[str, Any] | None:
    if worst is None:
        return None
    point = {n: v[worst.point] for n, v in prepared.points.items()}
    return {
        "point": {**prepared.case.static, **point},
        "output": worst.output,
        "outputs": prepared.form_size,
        "place": worst.place,
        "formula": worst.formula,
        "measured": worst.measured,
        "error": worst.error,
    }
