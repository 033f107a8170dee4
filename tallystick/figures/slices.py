"""Slices: lines through a domain, along which a figure is drawn.

A slice moves one thing from one end of its space to the other and holds the rest fixed:
the angle between two vectors, a number, the length of a vector, or an array along a
segment between two that were drawn. Its ends are corners of the domain.
"""

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from empirical.montecarlo import Normal, Sphere, Uniform
from tallystick.domain import Case, Domain
from tallystick.errors import DomainError
from tallystick.figures.directions import (
    ANGLE,
    Direction,
    between,
    between_vectors,
    of_length,
    of_number,
    of_segment,
    of_turn,
)
from tallystick.spaces import Choice, Matrix, Noise, Scalar, Space, Vector

__all__ = ["Slicer", "choices", "known_names", "unknown"]

PLACES = (0.7, 0.4, 0.6, 0.3)
"""Where in its interval a number is held: nowhere special, and not all alike."""


class Slicer:
    """The slices through one case of a domain, all through the same point.

    Args:
        domain: The domain.
        case: Which static values and lengths.
        seed: Anything NumPy takes as a seed: it draws the arrays.
    """

    def __init__(self, domain: Domain, case: Case, seed: Any):
        self.domain, self.case = domain, case
        named = {n: v for n, v in case.static.items() if isinstance(v, int)}
        self.sizes = {**named, **case.sizes}
        self.spaces = {n: s for n, s in domain.spaces.items() if not s.static}
        rng = np.random.default_rng(seed)
        places = itertools.cycle(PLACES)
        self.places: dict[str, float] = {}
        self.drawn: dict[str, np.ndarray] = {}
        self.others: dict[str, np.ndarray] = {}
        for name, space in self.spaces.items():
            if isinstance(space, Scalar):
                self.places[name] = next(places)
            elif isinstance(space, Vector):
                length = math.sqrt(math.prod(space.norm))
                self.drawn[name] = space.direction(rng, self.sizes) * length
                self.others[name] = space.direction(rng, self.sizes)
        known = self._known()
        for name, space in self.spaces.items():
            if name not in known:
                self.drawn[name] = np.asarray(space.draw(rng, self.sizes, known))
                self.others[name] = np.asarray(space.draw(rng, self.sizes, known))

    def _known(self) -> dict[str, Any]:
        """The static values, numbers and vectors: other laws may depend on them."""
        row: dict[str, Any] = {**self.case.static, **self.drawn}
        waiting = list(self.places)
        while waiting:
            ready = [n for n in waiting if set(self.spaces[n].needs()) <= {*row}]
            if not ready:  # An end depends on an array: it has its turn later.
                break
            for name in ready:
                space = self.spaces[name]
                assert isinstance(space, Scalar)
                row[name] = _held(space, self.places[name], row)
                waiting.remove(name)
        return row

    def rows(self, direction: Direction | None, parts) -> dict[str, np.ndarray]:
        """Points of a slice, stacked along a leading axis.

        Args:
            direction: What moves; None for the point that all slices go through.
            parts: How far along, one number a point.
        """
        rows = [self._row(direction, float(part)) for part in parts]
        return {n: np.stack([np.asarray(row[n]) for row in rows]) for n in self.spaces}

    def abscissae(self, direction: Direction, parts) -> np.ndarray:
        """Where these points stand on the axis."""
        return np.array(
            [direction.at(float(p), self._row(direction, float(p))) for p in parts]
        )

    def held_values(
        self, direction: Direction | None, without: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """The numbers, static values and lengths that do not move.

        Args:
            direction: What moves, and what depends on it.
            without: Further names to leave out.
        """
        moved = {*(direction.moved if direction else ()), *without}
        row = self._row(None, 0.0)
        numbers = {
            name: row[name]
            for name in self.places
            if not moved & {name, *self.spaces[name].needs()}
        }
        shown = {**numbers, **self.case.static, **self.case.sizes}
        return {n: v for n, v in shown.items() if n not in moved}

    def _row(self, direction: Direction | None, part: float) -> dict[str, Any]:
        row: dict[str, Any] = dict(self.case.static)
        waiting = list(self.spaces)
        while waiting:
            for name in list(waiting):
                space = self.spaces[name]
                if not set(space.needs()) <= {*row}:
                    continue
                if direction is not None and name in direction.moved:
                    row[name] = direction.value(name, part, row)
                elif isinstance(space, Scalar):
                    row[name] = _held(space, self.places[name], row)
                else:
                    row[name] = self.drawn[name]
                waiting.remove(name)
        return row

    def directions(self) -> list[Direction]:
        """All of them, the most telling ones first.

        Angles between vectors come first, then numbers, those whose interval depends on
        others before the rest, then lengths of vectors and arrays.
        """
        numbers = {n: s for n, s in self.spaces.items() if isinstance(s, Scalar)}
        ordered = sorted(numbers.items(), key=lambda pair: not pair[1].needs())
        found = self._angles()
        found += [of_number(n, s) for n, s in ordered if _is_wide(s)]
        for name, space in self.spaces.items():
            drawn = self.drawn.get(name)
            if drawn is None:
                continue
            if isinstance(space, Vector) and space.norm[0] < space.norm[1]:
                found.append(of_length(name, drawn, space.norm))
            elif _has_one_length(space) and drawn.size > 1:
                found.append(of_turn(name, drawn, self.others[name]))
            elif isinstance(space, Matrix) or _is_drawn_from(space, Normal, Uniform):
                found.append(of_segment(name, drawn, self.others[name]))
        return found

    def _angles(self) -> list[Direction]:
        turning = [n for n, s in self.spaces.items() if _has_directions(s)]
        found = []
        for a, b in itertools.combinations(turning, 2):
            vectors = self.drawn[a], self.drawn[b]
            if vectors[0].shape == vectors[1].shape != (1,):
                found.append(
                    between_vectors(
                        (a, b),
                        vectors,
                        self._lengths(a, b),
                        name=f"{ANGLE}_{a}_{b}" if found else ANGLE,
                        without=self.domain.without,
                    )
                )
        return found

    def _lengths(self, a: str, b: str) -> tuple[float, float]:
        """The lengths of two vectors; equal ones keep parallel vectors exactly so."""
        first, second = self.spaces[a], self.spaces[b]
        if isinstance(first, Vector) and isinstance(second, Vector):
            low = max(first.norm[0], second.norm[0])
            high = min(first.norm[1], second.norm[1])
            if low <= high:
                middle = math.sqrt(low * high)
                return middle, middle
        lengths = (float(np.linalg.norm(self.drawn[name])) for name in (a, b))
        return next(lengths), next(lengths)


def choices(domain: Domain) -> dict[str, tuple[Any, ...]]:
    """The static parameters that have more than one value."""
    spaces = domain.spaces.items()
    found = {n: s.values for n, s in spaces if isinstance(s, Choice)}
    return {n: values for n, values in found.items() if len(values) > 1}


def known_names(slicer: Slicer, extra: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Everything that a figure of this domain can be drawn along."""
    names = [d.name for d in slicer.directions()]
    return tuple(dict.fromkeys([*extra, *names, *choices(slicer.domain)]))


def unknown(along: Any, names: tuple[str, ...]) -> DomainError:
    """The error of a name that nothing can be drawn along."""
    known = ", ".join(names) or "nothing"
    return DomainError(f"along must be one of: {known}; got {along!r}")


def _is_wide(space: Scalar) -> bool:
    return bool(space.needs()) or space.ends({})[0] < space.ends({})[1]


def _is_drawn_from(space: Space, *laws: type) -> bool:
    return isinstance(space, Noise) and isinstance(space.law, laws)


def _has_one_length(space: Space) -> bool:
    """Whether the values are the vectors of one length."""
    one_length = isinstance(space, Vector) and space.norm[0] == space.norm[1]
    return one_length or _is_drawn_from(space, Sphere)


def _has_directions(space: Space) -> bool:
    """Whether the values are vectors of all directions."""
    drawn = _is_drawn_from(space, Normal, Sphere) and len(space.axes) == 1
    return drawn or isinstance(space, Vector)


def _held(space: Scalar, part: float, row: Mapping[str, Any]) -> np.float64:
    """A number that is held fixed; a short one where its interval is fixed."""
    value, (low, high) = between(space, part, row), space.ends(row)
    rounded = np.float64(f"{value:.2g}")
    return rounded if not space.needs() and low <= rounded <= high else value
