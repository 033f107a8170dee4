"""Benches: an experiment made ready to judge forms, with its points and programs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from empirical.montecarlo import Expectation, Sampler, exact_mean, stream_key
from empirical.montecarlo.evaluate import Layout
from tallystick.claim import Form
from tallystick.decide.exact import decide_bound, decide_equal
from tallystick.decide.limit import extrapolated
from tallystick.decide.mean import decide_mean
from tallystick.domain import Case, Domain
from tallystick.errors import ClaimError
from tallystick.relations import Bound, Limit, Mean, Relation
from tallystick.verdict import Decision, Verdict, Worst

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
        budget: Largest number of draws of one look.
        looser: Factor on the tolerances of means and limits.
        main_only: Whether to leave out the cases with other axis lengths.
    """

    seed: int = DEFAULT_KEY
    points: int = 32
    budget: int = 2**24
    looser: float = 1.0
    main_only: bool = False

    @classmethod
    def quick(cls, seed: int = DEFAULT_KEY) -> "Settings":
        """A fast look: five times the tolerance, fewer points and draws."""
        return cls(seed, points=8, budget=2**20, looser=5.0, main_only=True)


@dataclass
class Prepared:
    """One case made ready: its points and the measured side."""

    case: Case
    points: dict[str, np.ndarray]
    sampler: Sampler
    measured: np.ndarray | None
    """Values without sampling error, shape (draws, points, outputs), or None."""
    draws: int
    tolerance: float


class Bench:
    """An experiment made ready to judge forms: everything compiled is kept and reused.

    Args:
        name: Names the noise, together with the seed.
        empirical: The experiment.
        domain: Where to compare.
        relation: In what sense.
        settings: How hard to try.
    """

    def __init__(
        self,
        name: str,
        empirical: Expectation,
        domain: Domain,
        relation: Relation,
        settings: Settings,
    ):
        self.name, self.domain, self.settings = name, domain, settings
        self.relation = relation
        self.experiment = empirical
        if isinstance(relation, Limit):
            self.experiment = extrapolated(empirical, relation)
        self._prepared: dict[str, Prepared] = {}

    def cases(self) -> list[Case]:
        """The cases to check, the main ones first."""
        return [c for c in self.domain.cases() if c.main or not self.settings.main_only]

    def decide(
        self, form: Form, case: Case, *, explain: bool = True
    ) -> tuple[Decision, Prepared]:
        """Judge one form at the points of one case; a reason costs more draws."""
        seed = (self.settings.seed, self.name, case.label())
        if case.label() not in self._prepared:
            points = self._points(case, stream_key(*seed, "points"))
            self._prepared[case.label()] = self._prepare(case, points, seed)
        prepared = self._prepared[case.label()]
        return self._judge(form, prepared, seed, explain), prepared

    def decide_at(
        self, form: Form, values: Mapping[str, Any]
    ) -> tuple[Decision, Prepared]:
        """Judge one form at one given point, which must lie in the domain.

        Raises:
            DomainError: It does not.
        """
        case, points = self.domain.validate(values)
        seed = (self.settings.seed, self.name, "at", sorted(values))
        prepared = self._prepare(case, points, seed)
        return self._judge(form, prepared, seed, explain=False), prepared

    def _points(self, case: Case, seed) -> dict[str, np.ndarray]:
        """Fewer points where a value has many outputs, so that the work stays even."""
        points = self.domain.points(case, seed, 1)
        layout = Layout(self.experiment, points, case.static)
        count = min(self.settings.points, max(8, MOST_OUTPUTS // layout.value_size))
        return self.domain.points(case, seed, count)

    def _prepare(self, case: Case, points, seed) -> Prepared:
        sampler = Sampler(self.experiment, points, case.static)
        relation = self.relation
        if isinstance(relation, (Mean, Limit)):
            exact = exact_mean(self.experiment, points, case.static)
            if exact is None:
                return Prepared(case, points, sampler, None, 0, relation.tolerance)
            measured = exact.mean.reshape(1, sampler.count, -1)
            return Prepared(
                case, points, sampler, measured, exact.evaluations, exact.tolerance
            )
        draws = relation.draws if self.experiment.laws else 1
        measured = sampler.values(stream_key(*seed, "values"), draws)
        return Prepared(case, points, sampler, measured, draws, relation.tolerance)

    def _judge(self, form: Form, prepared: Prepared, seed, explain) -> Decision:
        target = evaluate(form, prepared.case, prepared.points, prepared.sampler)
        bad = ~np.isfinite(target)
        if bad.any():
            point, output = np.unravel_index(int(np.argmax(bad)), bad.shape)
            worst = Worst(int(point), int(output), float(target[point, output]), np.nan)
            return Decision(
                Verdict.INVALID, reason="the closed form is not finite", worst=worst
            )
        relation, measured = self.relation, prepared.measured
        if isinstance(relation, Bound):
            assert measured is not None
            return decide_bound(measured, target, relation, draws=prepared.draws)
        if measured is not None:
            return decide_equal(
                measured, target, tolerance=prepared.tolerance, draws=prepared.draws
            )
        return decide_mean(
            prepared.sampler,
            target,
            tolerance=relation.tolerance * self.settings.looser,
            budget=self.settings.budget,
            seed=seed,
            explain=explain,
        )


def evaluate(
    form: Form, case: Case, points: Mapping[str, np.ndarray], sampler: Sampler
) -> np.ndarray:
    """A form at every point of a case, shape (points, outputs), in double precision.

    Raises:
        ClaimError: Its value has another shape or dtype than the experiment's.
    """

    def one(point):
        return form(**case.static, **point)

    with jax.enable_x64(True):
        first = {name: jax.numpy.asarray(value[0]) for name, value in points.items()}
        value = jax.eval_shape(one, first)
        name = getattr(form, "__name__", "the formula")
        shape = getattr(value, "shape", None)
        if shape != sampler.value_shape:
            raise ClaimError(
                f"{name} and its experiment must have one shape, got {shape} from the"
                f" formula and {sampler.value_shape} from the integrand"
            )
        if value.dtype != np.float64 and value.dtype.kind not in "iub":
            raise ClaimError(
                f"the dtype of {name} must follow its inputs (float64 here),"
                f" got {value.dtype}"
            )
        if not points:
            return np.asarray(one({}), np.float64).reshape(1, -1)
        values = jax.jit(jax.vmap(one))(dict(points))
        return np.asarray(values, np.float64).reshape(sampler.count, -1)
