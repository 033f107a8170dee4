"""Benches: an experiment made ready to judge forms, with its points and programs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from empirical.montecarlo import (
    Exact,
    Expectation,
    Layout,
    Sampler,
    exact_mean,
    stream_key,
)
from empirical.montecarlo.fleet import Fleet
from empirical.montecarlo.lazy import lazy
from empirical.montecarlo.tracing import decomposes, program_of
from tallystick.certificates import Certificate, certify
from tallystick.decide.limit import extrapolated
from tallystick.decide.sizes import side_by_side
from tallystick.diagnosis import diagnose
from tallystick.diagnosis.gathering import gather
from tallystick.domain import Case, Domain
from tallystick.forms import Form, evaluate_forms
from tallystick.generators import coarse_noise
from tallystick.judges import decide, decide_form_law, with_fitted_rate
from tallystick.relations import (
    Bound,
    Distribution,
    Exponent,
    Identity,
    Limit,
    Mean,
    Relation,
)
from tallystick.verdict import Decision, Verdict

__all__ = ["DEFAULT_KEY", "Bench", "Prepared", "Settings"]

DEFAULT_KEY = 0x5EED
MOST_OUTPUTS = 256
"""Outputs over all points of a case, unless one value alone has more."""


@dataclass(frozen=True)
class Settings:
    """How hard a check tries.

    Attributes:
        seed: Names all randomness; the same seed gives the same report.
        points: Parameter points of a case, corners included; at least this many.
        budget: Largest number of draws of one look; None for 2^24, and for a mean one
            look of up to 2^26 more where few outputs are left that it decides.
        looser: Factor on the tolerances of all relations that are sampled.
        main_only: Whether to leave out the cases with other axis lengths.
        optimized: Whether draws that are compared one by one are compiled for speed.
            Means always are, but for those that only confirm a rule.
    """

    seed: int = DEFAULT_KEY
    points: int = 32
    budget: int | None = None
    looser: float = 1.0
    main_only: bool = False
    optimized: bool = True

    @classmethod
    def quick(cls, seed: int = DEFAULT_KEY) -> "Settings":
        """A fast look: five times the tolerance, fewer points and draws."""
        return cls(
            seed,
            points=8,
            budget=2**20,
            looser=5.0,
            main_only=True,
            optimized=False,
        )


class Prepared:
    """One case made ready: its points, the forms there, and the measured side.

    Attributes:
        case: The static values and lengths.
        points: The array parameters, with a leading axis for the points.
        sampler: Draws the experiment there.
        memory: What the decisions about one form leave for the next one.
    """

    def __init__(self, bench: "Bench", case: Case, layout: Layout, points, seed: tuple):
        self.case, self.points, self.seed = case, points, seed
        self.relation, self.settings = bench.relation, bench.settings
        self.bench = bench
        self.forms = bench.forms
        few = isinstance(bench.relation, (Identity, Bound))
        optimized = bench.settings.optimized or not few
        self.sampler = self._sampler(layout, optimized=optimized)
        self.memory: dict[Any, Any] = {}

    def _sampler(self, layout: Layout, **options: Any) -> Sampler:
        return Sampler(layout, self.points, fleet=self.bench.fleet, **options)

    @lazy
    def exact(self) -> Exact | None:
        """The mean without sampling error, or None."""
        if isinstance(self.relation, Limit) and self.sampler.layout.sizes:
            return None  # A limit is never reached: its bias is judged by sampling.
        sampler = self._sampler(self.sampler.layout, optimized=False)
        exact = exact_mean(sampler, stream_key(*self.seed, "exact"))
        if exact is not None and isinstance(self.relation, Limit):
            return replace(exact, tolerance=max(exact.tolerance, self.relation.bias))
        return exact

    @lazy
    def certificate(self) -> Certificate | None:
        """What the program of the experiment says about the tails of its draws."""
        bound = getattr(self.relation, "variance_bound", None)
        return certify(self.sampler.layout, self.points, bound)

    @lazy
    def values(self) -> np.ndarray:
        """Draws to compare one by one, shape (draws, points, outputs)."""
        assert isinstance(self.relation, (Identity, Bound))
        draws = self.relation.draws if self.sampler.layout.sizes else 1
        return self.sampler.values(stream_key(*self.seed, "values"), draws)

    @property
    def form_shape(self) -> tuple[int, ...]:
        """Shape of one value of a closed form."""
        shape = self.sampler.value_shape
        return shape[1:] if isinstance(self.relation, Exponent) else shape

    @property
    def form_size(self) -> int:
        """How many outputs a closed form has at one point; a law is compared as one."""
        law = isinstance(self.relation, Distribution)
        return 1 if law else math.prod(self.form_shape)

    @property
    def tolerance(self) -> float:
        """What AGREE is decided against."""
        if isinstance(self.relation, (Identity, Bound)):
            return self.relation.tolerance
        if isinstance(self.relation, Mean) and self.exact is not None:
            return self.exact.tolerance
        return self.relation.tolerance * self.settings.looser

    @property
    def noticed(self) -> float | None:
        """What error a claimed mean wants to have noticed; a quick look does not."""
        relation = self.relation
        if isinstance(relation, Mean) and self.settings.looser == 1:
            return relation.detectable
        return None

    @lazy
    def _targets(self) -> list[np.ndarray]:
        return self._evaluate(self.forms)

    def _evaluate(self, forms: Sequence[Form]) -> list[np.ndarray]:
        shape = self.form_shape
        return evaluate_forms(forms, self.case, self.points, self.sampler, shape)

    def target(self, form: Form) -> np.ndarray:
        """A form at the points, shape (points, outputs).

        Raises:
            ClaimError: Its value has another shape or dtype than the experiment's.
        """
        for number, known in enumerate(self.forms):
            if known is form:
                return self._targets[number]
        return self._evaluate([form])[0]

    @lazy
    def warning(self) -> str:
        """What a reader should know about the experiment's own random numbers."""
        return coarse_noise(self.sampler.layout, self.points) or ""

    def judge(self, form: Form, *, explain: bool) -> Decision:
        """Decide about one form; a reason for a disagreement costs more draws."""
        decision = self._judge(form, explain=explain)
        notes = [note for note in (decision.note, self.warning) if note]
        return replace(decision, note="; ".join(notes))

    def _judge(self, form: Form, *, explain: bool) -> Decision:
        if isinstance(self.relation, Distribution):
            return decide_form_law(self, form, self.relation)
        target = self.target(form)
        decision = decide(self, target)
        explained = isinstance(self.relation, (Mean, Limit, Identity))
        if explain and explained and decision.verdict is Verdict.DISAGREE:
            found = diagnose(gather(self, form, target, decision.draws))
            decision = replace(
                decision, diagnosis=found.text, suggestion=found.suggestion
            )
        if isinstance(self.relation, Limit):
            return with_fitted_rate(self, decision, target, self.relation)
        return decision

    def measure(self, expectation: Expectation, **options: Any) -> Sampler:
        """Draws another experiment at the same points."""
        layout = Layout(expectation, self.points, self.case.static)
        return self._sampler(layout, **options)

    @lazy
    def every_size(self) -> Sampler:
        """Draws the experiment of a limit at all its sizes, side by side."""
        relation = self.relation
        assert isinstance(relation, Limit)
        sizes = relation.towards
        together = side_by_side(self.bench.empirical, relation.size, sizes)
        return self.measure(together, directions=len(sizes))


class Bench:
    """An experiment made ready to judge forms: everything compiled is kept and reused.

    Args:
        name: Names the noise, together with the seed.
        empirical: The experiment.
        domain: Where to compare.
        relation: In what sense.
        settings: How hard to try.
        forms: Forms that will be judged: they are compiled together. Others may be
            judged as well.
        fleet: The processes that share the draws; None if this one draws alone.
    """

    def __init__(
        self,
        name: str,
        empirical: Expectation,
        domain: Domain,
        relation: Relation,
        settings: Settings,
        forms: Sequence[Form] = (),
        fleet: Fleet | None = None,
    ):
        self.name, self.domain, self.settings = name, domain, settings
        self.relation, self.forms, self.fleet = relation, forms, fleet
        self.empirical = self.experiment = empirical
        if isinstance(relation, Limit):
            self.experiment = extrapolated(empirical, relation)
        elif isinstance(relation, Exponent):
            sizes = relation.towards
            self.experiment = side_by_side(empirical, relation.size, sizes)
        self._prepared: dict[str, Prepared] = {}
        self._layouts: dict[str, Layout] = {}

    def cases(self) -> list[Case]:
        """The cases to check, the main ones first."""
        return [c for c in self.domain.cases() if c.main or not self.settings.main_only]

    @lazy
    def decomposes(self) -> bool:
        """Whether the experiment or a form decomposes matrices."""
        case = self.cases()[0]
        layout = self._layout(case)
        if decomposes(layout.program):
            return True

        def every(given):
            return [form(**case.static, **given) for form in self.forms]

        try:
            return decomposes(program_of("a form", every, layout.first))
        except Exception:  # It is reported when the form is judged.
            return False

    def prepared(self, case: Case) -> Prepared:
        """A case made ready; the second time it is the same one."""
        label = case.label()
        if label not in self._prepared:
            seed = (self.settings.seed, self.name, label)
            # Fewer points where a value has many outputs, so that the work stays even.
            start, layout = stream_key(*seed, "points"), self._layout(case)
            if not self._prepared:  # Once a bench: it is traced twice.
                layout.require_pure()
            most = max(8, MOST_OUTPUTS // max(self._compared(layout), 1))
            points = self.domain.points(case, start, min(self.settings.points, most))
            self._prepared[label] = Prepared(self, case, layout, points, seed)
        return self._prepared[label]

    def _layout(self, case: Case) -> Layout:
        """What a draw is made of: kept, since shapes alone count, and it is traced."""
        label = case.label()
        if label not in self._layouts:
            points = self.domain.points(case, stream_key(self.name, "points"), 1)
            self._layouts[label] = Layout(self.experiment, points, case.static)
        return self._layouts[label]

    def _compared(self, layout: Layout) -> int:
        """How many numbers are compared at one point."""
        relation, size = self.relation, layout.value_size
        projected = any(isinstance(form, Expectation) for form in self.forms)
        if isinstance(relation, Distribution) and projected and size > 1:
            return size + relation.projections
        return size

    def prepared_at(self, values: Mapping[str, Any]) -> Prepared:
        """One given point made ready.

        Raises:
            DomainError: It does not lie in the domain.
        """
        case, points = self.domain.validate(values)
        seed = (self.settings.seed, self.name, "at", sorted(values))
        layout = Layout(self.experiment, points, case.static)
        return Prepared(self, case, layout, points, seed)
