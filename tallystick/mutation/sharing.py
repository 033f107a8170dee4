"""Judging many forms with one set of samples.

Each form is judged by the procedure that `check` uses, unchanged, in a thread of its
own that runs only while it is its turn. Where the procedure asks for draws it stops;
once all stand still, what they asked for is drawn once for all of them. The streams of
noise are those of `check`, so each verdict is the one that `check` would reach.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

import numpy as np

from empirical.montecarlo import Moments, Sampler, stream_key
from tallystick import levels
from tallystick.mutation.turns import Judge, Looked, Request

__all__ = ["Judging", "SharedSampler"]

MOST_DIRECTIONS = 256
"""Linear combinations of the outputs that are followed at a time."""


class Judging:
    """Judges at work, each with a name; to be closed.

    Args:
        shared: Who draws for them.
        works: Procedures; each is given a sampler.
    """

    def __init__(
        self, shared: "SharedSampler", works: Mapping[Hashable, Callable[[Any], Any]]
    ):
        self.shared, self._works = shared, dict(works)
        self._judges: dict[Hashable, Judge] = {}

    def __enter__(self) -> "Judging":
        return self

    def __exit__(self, *_: object) -> None:
        self.drop(list(self._judges))

    def drop(self, names: Iterable[Hashable]) -> None:
        """Leave some undecided."""
        for name in names:
            self._works.pop(name, None)
            if name in self._judges:
                self._judges.pop(name).stop()

    def advance(self, looks: int = levels.MOST_LOOKS) -> dict[Hashable, Looked]:
        """Let all go on up to a number of looks; what came of those that are done."""
        while self._works:
            name = next(iter(self._works))
            self._judges[name] = Judge(self._works.pop(name), self.shared)
            self._judges[name].go(None)
        while group := self._next(looks):
            self.shared.answer(group)
        done = {n: j.looked() for n, j in self._judges.items() if j.request is None}
        self.drop(done)
        return done

    def _next(self, looks: int) -> list["Judge"]:
        """Judges that want one sample; a look waits until all have come to it."""
        number = self.shared.looks
        waiting = [
            judge
            for judge in self._judges.values()
            if judge.request is not None and number.get(judge.wanted.key, -1) < looks
        ]
        if not waiting:
            return []
        first = min(waiting, key=lambda judge: number.get(judge.wanted.key, -1))
        return [j for j in waiting if j.wanted.sample == first.wanted.sample]


class SharedSampler:
    """Draws one experiment for many judges.

    Args:
        sampler: Draws the experiment.
        seed: Names the noise of the check.
    """

    def __init__(self, sampler: Sampler, seed: tuple):
        self.sampler = sampler
        self.looks = {
            stream_key(*seed, "look", number): number
            for number in range(levels.MOST_LOOKS)
        }
        # Of fresh samples and of probes only the first direction decides.
        self.trials = {
            stream_key(*seed, *stage)
            for number in range(levels.MOST_LOOKS)
            for stage in (
                ("conviction", number, 2),
                ("conviction", number, 4),
                ("tail", number),
            )
        }
        self._wide: Sampler | None = None

    def answer(self, judges: list["Judge"]) -> None:
        """Draw what several judges want of one sample, and let them go on."""
        first = judges[0].wanted
        cross = any(j.wanted.cross for j in judges)
        needed = {
            row.tobytes(): row
            for j in judges
            for row in self._rows(j.wanted)
            if np.count_nonzero(row) > 1
        }
        entries, lines, products = self._draw(first, list(needed.values()), cross)
        found = dict(zip(needed, lines, strict=True))
        for judge in judges:
            own = judge.wanted.directions
            rows = np.zeros((0, self.sampler.outputs)) if own is None else own
            measured = _stacked(
                entries.count, [_line(row, entries, found) for row in rows]
            )
            if judge.wanted.squash is not None:
                measured = self._squashed(judge.wanted, measured)
            judge.go((entries, measured, products if judge.wanted.cross else None))

    def _squashed(self, wanted: "Request", lines: Moments) -> Moments:
        """The lines, and the mean of the influence function of the first.

        Its settings belong to one judge alone, and it matters only where the draws are
        too skewed for the normal law: elsewhere it is nan, which proves nothing.
        """
        if not levels.enough_draws(lines)[0]:
            return self.sampler.moments_and_directions(
                wanted.key,
                wanted.draws,
                wanted.directions,
                wanted.inflation,
                squash=wanted.squash,
            )[1]
        unknown = (
            np.append(a, np.nan) for a in (lines.mean, lines.second, lines.third)
        )
        return Moments(lines.count, *unknown)

    def _rows(self, wanted: "Request") -> np.ndarray:
        """The directions that decide: of a fresh sample only the suspicious one."""
        if wanted.directions is None:
            return np.zeros((0, self.sampler.outputs))
        return wanted.directions[: 1 if wanted.key in self.trials else None]

    def _draw(self, wanted: "Request", rows: list[np.ndarray], cross: bool):
        """Moments of the outputs, and of each of the directions."""
        sampler = self.sampler
        if len(rows) > sampler.directions:
            if self._wide is None:
                size = min(1 << (len(rows) - 1).bit_length(), MOST_DIRECTIONS)
                self._wide = Sampler(sampler.layout, sampler.points, directions=size)
            sampler = self._wide
        lines: list[Moments] = []
        entries = products = None
        for start in range(0, max(len(rows), 1), sampler.directions):
            part = rows[start : start + sampler.directions]
            entries, found, products = sampler.moments_and_directions(
                wanted.key,
                wanted.draws,
                np.stack(part) if part else None,
                wanted.inflation,
                cross,
            )
            lines += [found[number] for number in range(len(part))]
        assert entries is not None
        return entries, lines, products


def _line(row: np.ndarray, entries: Moments, found: dict[bytes, Moments]) -> Moments:
    """Moments of one direction; zero where it was not followed."""
    known = found.get(row.tobytes())
    if known is not None:
        return known
    places = np.flatnonzero(row)
    if len(places) != 1:
        return Moments(entries.count, *(np.float64(0.0) for _ in range(3)))
    place = int(places[0])
    weight = row[place]
    return Moments(
        entries.count,
        entries.mean.ravel()[place] * weight,
        entries.second.ravel()[place] * weight**2,
        entries.third.ravel()[place] * weight**3,
    )


def _stacked(count: Any, lines: list[Moments]) -> Moments:
    return Moments(
        count,
        np.array([line.mean for line in lines], float),
        np.array([line.second for line in lines], float),
        np.array([line.third for line in lines], float),
    )
