"""Benches: an experiment made ready to judge forms, with its points and programs."""

import functools
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
from tallystick.decide.exact import decide_bound, decide_equal, unused_noise
from tallystick.decide.limit import extrapolated
from tallystick.decide.mean import MOST_WHITENED, decide_mean
from tallystick.diagnosis import Evidence, diagnose
from tallystick.domain import Case, Domain
from tallystick.forms import Form, evaluate_forms
from tallystick.relations import Bound, Identity, Limit, Mean, Relation
from tallystick.verdict import Decision, Verdict, Worst

__all__ = ["DEFAULT_KEY", "Bench", "Prepared", "Settings"]

DEFAULT_KEY = 0x5EED
DIAGNOSIS_DRAWS = 2**18
"""Draws, at least, of the sample that explains a disagreement."""
MOST_OUTPUTS = 256
"""Outputs over all points of a case, unless one value alone has more."""


@dataclass(frozen=True)
class Settings:
    """How hard a check tries.

    Attributes:
        seed: Names all randomness; the same seed gives the same report.
        points: Parameter points of a case, corners included; at least this many.
        budget: Largest number of draws of one look.
        looser: Factor on the tolerances of means and limits.
        main_only: Whether to leave out the cases with other axis lengths.
        optimized: Whether experiments are compiled for speed: it pays for many draws.
    """

    seed: int = DEFAULT_KEY
    points: int = 32
    budget: int = 2**24
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
    """

    def __init__(self, bench: "Bench", case: Case, layout: Layout, points, seed: tuple):
        self.case, self.points, self.seed = case, points, seed
        self.relation, self.settings = bench.relation, bench.settings
        self.forms = bench.forms
        self.sampler = Sampler(layout, points, optimized=bench.settings.optimized)

    @functools.cached_property
    def exact(self) -> Exact | None:
        """The mean without sampling error, or None."""
        if isinstance(self.relation, Limit):
            return None  # A limit is never reached: its bias is judged by sampling.
        return exact_mean(self.sampler, stream_key(*self.seed, "exact"))

    @functools.cached_property
    def values(self) -> np.ndarray:
        """Draws to compare one by one, shape (draws, points, outputs)."""
        assert not isinstance(self.relation, (Mean, Limit))
        draws = self.relation.draws if self.sampler.layout.sizes else 1
        return self.sampler.values(stream_key(*self.seed, "values"), draws)

    @property
    def tolerance(self) -> float:
        """What AGREE is decided against."""
        if not isinstance(self.relation, (Mean, Limit)):
            return self.relation.tolerance
        if self.exact is not None:
            return self.exact.tolerance
        return self.relation.tolerance * self.settings.looser

    @functools.cached_property
    def _targets(self) -> list[np.ndarray]:
        return evaluate_forms(self.forms, self.case, self.points, self.sampler)

    def target(self, form: Form) -> np.ndarray:
        """A form at the points, shape (points, outputs).

        Raises:
            ClaimError: Its value has another shape or dtype than the experiment's.
        """
        for number, known in enumerate(self.forms):
            if known is form:
                return self._targets[number]
        return evaluate_forms([form], self.case, self.points, self.sampler)[0]

    def judge(self, form: Form, *, explain: bool) -> Decision:
        """Decide about one form; a reason for a disagreement costs more draws."""
        target = self.target(form)
        decision = self._decide(target)
        explained = isinstance(self.relation, (Mean, Limit, Identity))
        if explain and explained and decision.verdict is Verdict.DISAGREE:
            evidence = self._evidence(form, target, decision.draws)
            decision = replace(decision, diagnosis=diagnose(evidence))
        return decision

    def _decide(self, target: np.ndarray) -> Decision:
        bad = ~np.isfinite(target)
        if bad.any():
            point, output = np.unravel_index(int(np.argmax(bad)), bad.shape)
            worst = Worst(int(point), int(output), float(target[point, output]), np.nan)
            return Decision(
                Verdict.INVALID, reason="the closed form is not finite", worst=worst
            )
        relation = self.relation
        if isinstance(relation, Bound):
            return decide_bound(self.values, target, relation)
        if isinstance(relation, Identity):
            return decide_equal(
                self.values, target, tolerance=self.tolerance, draws=len(self.values)
            )
        exact = self.exact
        if exact is None:
            return decide_mean(
                self.sampler,
                target,
                tolerance=self.tolerance,
                budget=self.settings.budget,
                seed=self.seed,
                bias=relation.bias if isinstance(relation, Limit) else 0.0,
            )
        if self.sampler.layout.sizes and not exact.varies:
            return unused_noise(exact.evaluations)
        return decide_equal(
            exact.mean[None],
            target,
            tolerance=self.tolerance,
            draws=exact.evaluations,
            size=exact.size,
        )

    def _evidence(self, form: Form, target: np.ndarray, draws: int) -> Evidence:
        """The measured side once more, from fresh draws if it is sampled."""
        correlation = None
        exact = None if isinstance(self.relation, Identity) else self.exact
        if exact is not None:
            mean, error = exact.mean, exact.tolerance * exact.size
        elif isinstance(self.relation, Identity):
            mean = self.values.mean(axis=0)
            error = self.tolerance * np.abs(self.values).max(axis=(0, 2))[:, None]
        else:
            moments, _, products = self.sampler.moments_and_directions(
                stream_key(*self.seed, "diagnosis"),
                max(draws, DIAGNOSIS_DRAWS),
                cross=target.size <= MOST_WHITENED,
            )
            mean, error = moments.mean, moments.standard_error
            if products is not None:
                spread = np.sqrt(moments.second.ravel())
                scale = np.where(spread > 0, spread, 1.0)
                correlation = products / np.outer(scale, scale)
        return Evidence(
            form,
            self.case.static,
            self.points,
            self.sampler.value_shape,
            target,
            mean,
            np.broadcast_to(error, mean.shape),
            correlation,
            draws,
            not self._sampled,
            self.target,
        )

    @property
    def _sampled(self) -> bool:
        return isinstance(self.relation, (Mean, Limit)) and self.exact is None


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
    """

    def __init__(
        self,
        name: str,
        empirical: Expectation,
        domain: Domain,
        relation: Relation,
        settings: Settings,
        forms: Sequence[Form] = (),
    ):
        self.name, self.domain, self.settings = name, domain, settings
        self.relation, self.forms = relation, forms
        self.experiment = empirical
        if isinstance(relation, Limit):
            self.experiment = extrapolated(empirical, relation)
        self._prepared: dict[str, Prepared] = {}

    def cases(self) -> list[Case]:
        """The cases to check, the main ones first."""
        return [c for c in self.domain.cases() if c.main or not self.settings.main_only]

    def prepared(self, case: Case) -> Prepared:
        """A case made ready; the second time it is the same one."""
        label = case.label()
        if label not in self._prepared:
            seed = (self.settings.seed, self.name, label)
            # Fewer points where a value has many outputs, so that the work stays even.
            start = stream_key(*seed, "points")
            layout = Layout(
                self.experiment, self.domain.points(case, start, 1), case.static
            )
            most = max(8, MOST_OUTPUTS // max(layout.value_size, 1))
            points = self.domain.points(case, start, min(self.settings.points, most))
            self._prepared[label] = Prepared(self, case, layout, points, seed)
        return self._prepared[label]

    def prepared_at(self, values: Mapping[str, Any]) -> Prepared:
        """One given point made ready.

        Raises:
            DomainError: It does not lie in the domain.
        """
        case, points = self.domain.validate(values)
        seed = (self.settings.seed, self.name, "at", sorted(values))
        layout = Layout(self.experiment, points, case.static)
        return Prepared(self, case, layout, points, seed)
