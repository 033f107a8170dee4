"""Domains: one space for each parameter that the two halves of a claim share.

The one declaration draws points, lists the corners, gives the Hypothesis strategy,
rejects bad arguments and documents the claim.
"""

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tallystick.errors import DomainError
from tallystick.spaces import Axis, Choice, Space, Vector, as_space

__all__ = ["Case", "Domain"]

PAIRS = ("parallel", "opposite", "orthogonal")


@dataclass(frozen=True)
class Case:
    """One program: values of the static parameters, lengths of the axes.

    Attributes:
        static: Value of every static parameter.
        sizes: Length of every named axis.
        main: Whether all axes have their main lengths.
    """

    static: Mapping[str, Any]
    sizes: Mapping[str, int]
    main: bool = True

    def label(self) -> str:
        """The static values, and the lengths where they are not the main ones."""
        shown = {**self.static, **({} if self.main else self.sizes)}
        return ", ".join(f"{name}={value}" for name, value in shown.items())


class Domain:
    """Where a claim is made.

    Two vectors on the same axis are also drawn parallel, opposite and orthogonal.

    Args:
        without: Which of these corners do not belong to the domain.
        spaces: A space, a law or a constant for each parameter; an `Axis` for each
            named axis.

    Raises:
        DomainError: A space uses an axis that is not declared, or depends on a
            parameter that the domain lacks.
    """

    def __init__(self, without: Iterable[str] = (), **spaces: Any):
        self.without = tuple(without)
        for name in self.without:
            if name not in PAIRS:
                raise DomainError(f"without must name some of {PAIRS}, got {name!r}")
        self.axes = {n: s.lengths for n, s in spaces.items() if isinstance(s, Axis)}
        self.spaces: dict[str, Space] = {
            name: as_space(name, value)
            for name, value in spaces.items()
            if not isinstance(value, Axis)
        }
        for name, space in self.spaces.items():
            for axis in space.axes:
                known = isinstance(axis, int) or axis in self.axes
                if not known and not isinstance(self.spaces.get(str(axis)), Choice):
                    raise DomainError(
                        f"axis {axis!r} of {name} must be declared, as {axis}=Axis(5),"
                        f" got only {sorted(self.axes)}"
                    )
        self._order = self._sorted_by_need()

    def _sorted_by_need(self) -> list[str]:
        order = [n for n, s in self.spaces.items() if s.static]
        waiting = {n: s for n, s in self.spaces.items() if not s.static}
        while waiting:
            ready = [n for n, s in waiting.items() if set(s.needs()) <= {*order}]
            if not ready:
                name, space = next(iter(waiting.items()))
                raise DomainError(
                    f"the ends of {name} must depend on other parameters of the domain,"
                    f" got {space.needs()}"
                )
            order += ready
            for name in ready:
                del waiting[name]
        return order

    def __repr__(self) -> str:
        return f"Domain({', '.join(self.spaces)})"

    def describe(self) -> dict[str, str]:
        """Each parameter's space in words."""
        text = {name: space.describe() for name, space in self.spaces.items()}
        text |= {
            f"axis {name}": "length " + " or ".join(map(str, lengths))
            for name, lengths in self.axes.items()
        }
        return text

    def cases(self) -> list[Case]:
        """All combinations of static values at the main lengths, then other lengths."""
        choices = {n: s.values for n, s in self.spaces.items() if isinstance(s, Choice)}
        statics = [
            dict(zip(choices, values, strict=True))
            for values in itertools.product(*choices.values())
        ]
        sizes = {name: lengths[0] for name, lengths in self.axes.items()}
        cases = [Case(static, sizes) for static in statics]
        for name, lengths in self.axes.items():
            cases += [
                Case(statics[0], {**sizes, name: length}, main=False)
                for length in lengths[1:]
            ]
        return cases

    def points(self, case: Case, seed: Any, count: int) -> dict[str, np.ndarray]:
        """Corners and random points, at least `count`, stacked along a leading axis.

        Args:
            case: Which static values and lengths.
            seed: Anything NumPy takes as a seed; the same seed gives the same points.
            count: How many points at least; a third of them at least are random.
        """
        rng = np.random.default_rng(seed)
        sizes = self._lengths(case)
        rows = self._corners(rng, case, sizes)
        extra = max(count - len(rows), math.ceil(len(rows) / 2), 1)
        rows += [self._draw(rng, case, sizes) for _ in range(extra)]
        names = [n for n in self.spaces if not self.spaces[n].static]
        return {n: np.stack([np.asarray(row[n]) for row in rows]) for n in names}

    def _lengths(self, case: Case) -> dict[str, int]:
        named = {n: v for n, v in case.static.items() if isinstance(v, int)}
        return {**named, **case.sizes}

    def _draw(self, rng, case: Case, sizes, **given: Any) -> dict[str, Any]:
        """One point; parameters in `given` are fixed, those that need them follow."""
        row: dict[str, Any] = dict(case.static)
        for name in self._order:
            if name in given:
                row[name] = given[name]
            elif name not in row:
                row[name] = self.spaces[name].draw(rng, sizes, row)
        return row

    def _corners(self, rng, case: Case, sizes) -> list[dict[str, Any]]:
        rows = []
        for name, space in self.spaces.items():
            if space.static:
                continue
            # Dependent ends are known only within a point: redraw it around them.
            base = self._draw(rng, case, sizes)
            for value in space.corners(rng, sizes, base):
                given = {n: base[n] for n in space.needs()}
                rows.append(self._draw(rng, case, sizes, **given, **{name: value}))
        vectors = {n: s for n, s in self.spaces.items() if isinstance(s, Vector)}
        for (a, first), (b, second) in itertools.combinations(vectors.items(), 2):
            if first.shape(sizes) == second.shape(sizes):
                for x, y in self._pairs(rng, first, second, sizes):
                    rows.append(self._draw(rng, case, sizes, **{a: x, b: y}))
        return rows

    def _pairs(self, rng, first: Vector, second: Vector, sizes):
        """Two vectors in special position; factors of two keep them exactly so."""
        x = first.direction(rng, sizes)
        low, high = (
            max(first.norm[0], second.norm[0]),
            min(first.norm[1], second.norm[1]),
        )
        middle = (
            math.sqrt(low * high) if low <= high else math.sqrt(math.prod(first.norm))
        )
        x *= middle
        scaled = 2.0 if 2 * middle <= second.norm[1] else 1.0
        if "parallel" not in self.without:
            yield x, x
            yield x, scaled * x
        if "opposite" not in self.without:
            yield x, -x
            yield x, -scaled * x
        if "orthogonal" not in self.without and x.size > 1:
            y = second.direction(rng, sizes)
            y -= x * (x @ y) / (x @ x)
            yield x, y * second.length(rng) / np.linalg.norm(y)

    def validate(self, values: Mapping[str, Any]) -> tuple[Case, dict[str, np.ndarray]]:
        """One given point, as a case and arrays with a leading axis of length one.

        Raises:
            DomainError: A name is missing or unknown, or a value does not fit its
                space; the message names the parameter, what is accepted, and what came.
        """
        if set(values) != set(self.spaces):
            raise DomainError(
                f"parameters must be ({', '.join(self.spaces)}),"
                f" got ({', '.join(values)})"
            )
        static: dict[str, Any] = {}
        arrays: dict[str, np.ndarray] = {}
        sizes: dict[str, int] = {}
        for name in self._order:
            space, value = self.spaces[name], values[name]
            if space.static:
                static[name] = value
            else:
                arrays[name] = value = self._as_array(name, space, value, static, sizes)
            complaint = space.complaint(value, {**static, **arrays})
            if complaint:
                raise DomainError(f"{name} must be: {space.describe()}; {complaint}")
        points = {name: value[None] for name, value in arrays.items()}
        return Case(static, sizes), points

    def _as_array(self, name, space: Space, value, static, sizes) -> np.ndarray:
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise DomainError(f"{name} must be real numbers, got {value!r}") from None
        if array.ndim != len(space.axes):
            raise DomainError(
                f"{name} must have {len(space.axes)} axes, got shape {array.shape}"
            )
        for axis, length in zip(space.axes, array.shape, strict=True):
            expected = static.get(axis, length) if isinstance(axis, str) else axis
            if isinstance(axis, str):
                expected = sizes.setdefault(axis, expected)
            if length != expected:
                raise DomainError(
                    f"axis {axis} of {name} must have length {expected}, got {length}"
                )
        if not np.isfinite(array).all():
            raise DomainError(f"{name} must be finite, got {value!r}")
        return array

    def strategy(self, case: Case | None = None) -> Any:
        """A Hypothesis strategy for points of one case: few shapes, so few compiles.

        Corners come up often, and a failing point shrinks towards them.
        """
        from hypothesis import strategies as st

        chosen = case or self.cases()[0]
        lengths = self._lengths(chosen)
        corners = len(self._corners(np.random.default_rng(0), chosen, lengths))

        def point(number: int, seed: int) -> dict[str, Any]:
            rows = self.points(chosen, seed, corners + 1)
            row = {name: value[number] for name, value in rows.items()}
            return {**chosen.static, **row}

        return st.builds(point, st.integers(0, corners), st.integers(0, 2**32 - 1))
