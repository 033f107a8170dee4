"""Judging the mutants of one formula, in all its cases."""

import contextlib
import copy
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tallystick.bench import Prepared
from tallystick.judges import decide
from tallystick.mutation.report import LARGE, ROUNDED, Mutant, Status
from tallystick.mutation.sharing import Judging, SharedSampler
from tallystick.mutation.sizes import Size, Yardstick
from tallystick.mutation.turns import Looked
from tallystick.mutation.variants import Program, Variant
from tallystick.relations import Exponent, Mean
from tallystick.verdict import Decision, Verdict

__all__ = ["Place", "judged", "work_of"]


@dataclass(frozen=True)
class Place:
    """One case made ready to judge mutants.

    Attributes:
        prepared: The case.
        decision: What the check says of the formula there.
        looked: The look at which it said so.
        shared: Draws for many judges; None where nothing is sampled.
        program: The formula and its variants.
    """

    prepared: Prepared
    decision: Decision
    looked: Looked
    shared: SharedSampler | None
    program: Program

    @property
    def bias(self) -> float:
        """Error that the relation lets pass, relative to the formula."""
        return float(getattr(self.prepared.relation, "bias", 0.0))

    def yardstick(self, right: np.ndarray) -> Yardstick:
        """What errors are relative to."""
        if isinstance(self.prepared.relation, Exponent):
            return Yardstick(right, np.ones(right.size))  # Exponents are about one.
        if self.shared is not None:
            return Yardstick(right, self.looked.deviation)
        size = None
        if isinstance(self.prepared.relation, Mean) and self.prepared.exact:
            size = self.prepared.exact.size
        return Yardstick(right, None, size)

    def noticeable(self, size: Size) -> bool:
        """Whether the check says that it would notice an error of this size."""
        single = self.decision.detectable + self.bias
        factor = self.decision.detectable_factor + self.bias
        return size.seen > single or (size.pure and size.factor > factor)

    def judging(self, targets: Mapping[tuple, np.ndarray]) -> "Judging | _Direct":
        """Judges of other values, by name."""
        works: dict[Hashable, Any] = {
            name: work_of(self.prepared, target) for name, target in targets.items()
        }
        if self.shared is None:
            return _Direct(self.prepared, works)
        return Judging(self.shared, works)


class _Direct:
    """Judges where nothing is sampled: they take no looks."""

    def __init__(self, prepared: Prepared, works: Mapping[Hashable, Any]):
        self.prepared, self._works = prepared, dict(works)

    def __enter__(self) -> "_Direct":
        return self

    def __exit__(self, *_: object) -> None:
        self._works.clear()

    def drop(self, names: Iterable[Hashable]) -> None:
        """Leave some undecided."""
        for name in names:
            self._works.pop(name, None)

    def advance(self, looks: int) -> dict[Hashable, Looked]:
        """All decisions, the first time."""
        del looks
        works, self._works = self._works, {}
        return {
            name: Looked(work(self.prepared.sampler), -1, None, time.process_time())
            for name, work in works.items()
        }


@dataclass
class _Record:
    """What is known of one mutant so far.

    Attributes:
        variant: Its variant in the first case that has it.
        size: The largest over the cases; zero if it equals the formula in all.
        noticed: Whether some case says that it would notice it.
        verdicts: What was said of it.
        judging: Processor seconds after which it was refused.
        hidden: Whether it differs where no draw varies, in some case.
    """

    variant: Variant
    size: float = 0.0
    noticed: bool = False
    hidden: bool = False
    verdicts: list[Verdict | None] = field(default_factory=list)
    judging: float = 0.0

    @property
    def refused(self) -> bool:
        return any(v in (Verdict.DISAGREE, Verdict.INVALID) for v in self.verdicts)

    def mutant(self) -> Mutant:
        """The record, closed."""
        judged = self.verdicts or self.hidden
        status = Status.SURVIVED if judged else Status.WITHIN
        if self.refused:
            invalid = Verdict.INVALID in self.verdicts
            status = Status.INVALID if invalid else Status.KILLED
        elif self.size == 0:
            status = Status.EQUIVALENT
        alive = status is Status.SURVIVED
        agreed = all(v is Verdict.AGREE for v in self.verdicts)
        return Mutant(
            self.variant.operator,
            self.variant.location,
            status,
            self.size,
            accepted=alive and agreed and not self.hidden,
            hidden=alive and agreed and self.hidden,
            missed=alive and self.noticed,
            judging=self.judging,
        )


def judged(
    places: Sequence[Place], chosen: Sequence[tuple], tolerance: float, further: int
) -> tuple[Mutant, ...]:
    """What became of the chosen variants, over all cases."""
    records: dict[Hashable, _Record] = {}
    values: list[dict[tuple, np.ndarray]] = []
    start = time.process_time()
    least = min(tolerance, LARGE * ROUNDED)
    for place in places:
        mine = {v.key: v for v in place.program.variants}
        variants = [mine[key] for key in chosen if key in mine]
        right, wrong = place.program.values(variants)
        yardstick = place.yardstick(right)
        values.append({})
        for variant, value in zip(variants, wrong, strict=True):
            record = records.setdefault(variant.key, _Record(variant))
            size = yardstick.size(value)
            if size.same:
                continue
            record.size = max(record.size, size.largest)
            record.noticed |= place.noticeable(size)
            if size.visible >= least or place.noticeable(size):
                values[-1][variant.key] = value
            elif size.largest >= least:
                # Where no draw varies none is worth taking: the check would neither
                # agree, since the values differ, nor contradict.
                record.hidden = True
    _judge(places, values, records, start, further)
    return tuple(records[key].mutant() for key in chosen)


def _judge(
    places: Sequence[Place],
    values: Sequence[Mapping[tuple, np.ndarray]],
    records: Mapping[Hashable, _Record],
    start: float,
    further: int,
) -> None:
    """Judge in all cases, look by look: who is refused in one is left out elsewhere."""
    with contextlib.ExitStack() as stack:
        judgings = [
            stack.enter_context(place.judging(own))
            for place, own in zip(places, values, strict=True)
        ]
        undecided: list[set[Hashable]] = [set(own) for own in values]
        last = [max(place.looked.look, 0) + further for place in places]
        for look in range(max(last) + 1):
            for most, left, judging in zip(last, undecided, judgings, strict=True):
                if look > most:
                    continue
                gone = {key for key in left if records[key].refused}
                judging.drop(gone)
                left -= gone
                for key, looked in judging.advance(look + 1).items():
                    left.remove(key)
                    record = records[key]
                    record.verdicts.append(looked.result.verdict)
                    record.judging = looked.ended - start
        for left in undecided:
            for key in left:  # These would need more looks than the formula did.
                records[key].verdicts.append(None)


def work_of(prepared: Prepared, target: np.ndarray) -> Callable[[Any], Decision]:
    """The check of some values, with whatever sampler it is given."""

    def work(sampler: Any) -> Decision:
        other = copy.copy(prepared)
        other.sampler = sampler
        return decide(other, target)

    return work
