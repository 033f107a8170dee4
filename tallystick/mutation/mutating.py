"""Mutating: from a claim, or a formula and an experiment, to what became of mutants."""

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np

from empirical.montecarlo import Expectation
from tallystick.bench import DEFAULT_KEY, Bench, Settings
from tallystick.checking import bench_of_pair
from tallystick.claim import Claim, as_expectation
from tallystick.domain import Domain
from tallystick.errors import ClaimError
from tallystick.forms import Form
from tallystick.judges import decide
from tallystick.mutation.judging import Place, judged, work_of
from tallystick.mutation.report import Mutation
from tallystick.mutation.sharing import Judging, Looked, SharedSampler
from tallystick.mutation.sites import Author
from tallystick.mutation.variants import Program
from tallystick.relations import (
    Bound,
    Distribution,
    Identity,
    MeanBound,
    Relation,
    as_relation,
)
from tallystick.verdict import Verdict, worst_of

__all__ = ["MOST", "Mutator", "mutate", "mutate_claim"]

MOST = 200
"""Mutants of one formula that are judged, unless told otherwise."""
LAW = "the closed form of a law is a distribution function: it is not mutated"


def mutate(
    formula: Claim | Form,
    experiment: Expectation | Form | None = None,
    /,
    *,
    domain: Domain | None = None,
    relation: Relation | str = "mean",
    key: int = DEFAULT_KEY,
    points: int = 32,
    budget: int = 2**24,
    tolerance: float | None = None,
    most: int = MOST,
    further: int = 0,
    **spaces: Any,
) -> Mutation:
    """Would the check notice if the formula were wrong?

    Wrong variants of the formula are made, operation by operation, and each is judged
    as `check` judges a formula. What `check` refuses is killed; a survivor shows what
    an AGREE does not exclude.

    Args:
        formula: A claim; or a closed form, and then the rest is as for `check`.
        experiment: An `expectation`, or a plain function if there is no noise.
        domain: Where to compare, instead of `spaces`.
        relation: In what sense the two should match.
        key: Names all randomness; the same key gives the same report.
        points: Parameter points, at least.
        budget: Largest number of draws of one look.
        tolerance: Instead of the relation's own.
        most: Largest number of mutants that are judged; if more could be made, these
            are chosen evenly.
        further: Looks at the mutants beyond the one that accepts the formula, each of
            four times as many draws. Without any, what survives may be smaller than
            the detectable error.
        spaces: For each parameter a space, a law to draw from, or a constant.

    Returns:
        A report; it is never a bool.

    Raises:
        ClaimError: Names, shapes or dtypes do not fit.
        DomainError: A space is ill formed.
        NoiseError: The noise is, or the formula cannot be traced.
    """
    least = {"key": None, "points": 1, "budget": 1, "most": 1, "further": 0}
    given = {"key": key, "points": points, "budget": budget, "most": most}
    for option, value in {**given, "further": further}.items():
        if not isinstance(value, int):
            raise ClaimError(
                f"{option} must be an integer, got {value!r}; the space of a parameter"
                f" of that name is given as domain=Domain({option}=...)"
            )
        lowest = least[option]
        if lowest is not None and value < lowest:
            raise ClaimError(f"{option} must be at least {lowest}, got {value}")
    settings = Settings(seed=key, points=points, budget=budget)
    if isinstance(formula, Claim):
        own = {"experiment": experiment, "domain": domain, "tolerance": tolerance}
        extra = [name for name, value in own.items() if value is not None]
        extra += ["relation"] * (relation != "mean") + list(spaces)
        if extra:
            raise ClaimError(
                f"{formula.name} is a claim and has its own experiment, domain and"
                f" relation: got {', '.join(extra)} too"
            )
        return mutate_claim(formula, settings, most=most, further=further)
    if not callable(formula):
        raise ClaimError(f"formula must be a claim or a function, got {formula!r}")
    if experiment is None:
        raise ClaimError("an experiment must be given with a formula, got none")
    bench = bench_of_pair(
        formula, experiment, domain, relation, tolerance, settings, spaces
    )
    found = Mutator(formula, bench, most, further).run()
    return replace(found, replay=f"tallystick.mutate(..., key={key:#x})")


def mutate_claim(
    claim: Claim,
    settings: Settings | None = None,
    *,
    most: int = MOST,
    further: int = 0,
) -> Mutation:
    """Mutate the closed form of a claim.

    Args:
        claim: The claim.
        settings: How hard to try.
        most: As for `mutate`.
        further: As for `mutate`.
    """
    settings = settings or Settings()
    bench = bench_of_form(claim, settings)
    found = Mutator(claim.analytic, bench, most, further).run()
    return replace(
        found, replay=f"tallystick mutate {claim.name} --seed {settings.seed:#x}"
    )


def bench_of_form(claim: Claim, settings: Settings) -> Bench:
    """The bench of a claim, for its closed form alone."""
    return Bench(
        claim.name,
        as_expectation(claim.empirical),
        claim.domain,
        as_relation(claim.relation),
        settings,
        [claim.analytic],
    )


class Mutator:
    """A formula and its bench, made ready; what is compiled is kept for the next run.

    Args:
        form: The formula.
        bench: Its experiment, domain, relation and settings.
        most: Largest number of mutants that are judged.
        further: Looks beyond the one that accepts the formula.
    """

    def __init__(self, form: Form, bench: Bench, most: int = MOST, further: int = 0):
        self.form, self.bench, self.most, self.further = form, bench, most, further
        self.author = Author(form)
        self._places: list[Place] | None = None

    def run(self) -> Mutation:
        """Judge the formula, then its mutants."""
        start = time.perf_counter()
        if isinstance(self.bench.relation, Distribution):
            return Mutation(self.bench.name, skipped=LAW)
        if self._places is None:
            self._places = [self._place(case) for case in self.bench.cases()]
        places = self._places
        decisions = [p.decision for p in places]
        last = worst_of(decisions)
        agreed = [d for d in decisions if d.verdict is Verdict.AGREE] or [last]
        report = Mutation(
            self.bench.name,
            last.verdict,
            last.reason,
            tolerance=max(p.prepared.tolerance for p in places),
            detectable=float(np.max([d.detectable for d in agreed])),
            detectable_factor=float(np.max([d.detectable_factor for d in agreed])),
            exact=all(d.exact for d in decisions),
            draws=max(d.draws for d in decisions),
        )
        if last.verdict.rank < Verdict.DISAGREE.rank:
            every = list(
                dict.fromkeys(v.key for p in places for v in p.program.variants)
            )
            chosen = _evenly(every, self.most, self.bench.settings.seed)
            before = time.process_time()
            mutants = judged(places, chosen, report.tolerance, self.further)
            judging = time.process_time() - before
            report = replace(report, mutants=mutants, made=len(every), judging=judging)
        return replace(report, seconds=time.perf_counter() - start)

    def _place(self, case: Any) -> Place:
        prepared = self.bench.prepared(case)
        target = prepared.target(self.form)
        program = Program(self.form, case.static, prepared.points, self.author)
        alone = isinstance(prepared.relation, (Identity, Bound, MeanBound))
        if alone or prepared.exact:
            decision = decide(prepared, target)
            return Place(prepared, decision, Looked(None, -1, None), None, program)
        _ = prepared.certificate  # Kept for the copies that judge.
        shared = SharedSampler(prepared.sampler, prepared.seed)
        prepared.memory.clear()  # So that the formula's own first look is seen.
        with Judging(shared, {"formula": work_of(prepared, target)}) as judging:
            looked = judging.advance()["formula"]
        return Place(prepared, looked.result, looked, shared, program)


def _evenly(keys: list[tuple], most: int, seed: int) -> list[tuple]:
    """At most so many keys, one from each of as many equal parts of the list."""
    if len(keys) <= most:
        return keys
    start = np.random.default_rng(seed).random()
    return [keys[math.floor((i + start) * len(keys) / most)] for i in range(most)]
