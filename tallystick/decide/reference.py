"""The decision for two experiments of one law, along many directions.

Two independent samples are paired draw by draw. At a probe t along a direction g, count
the pairs with g(Y) <= t < g(Y') and those with g(Y') <= t < g(Y): if the laws are one,
given the sum of both counts each is binomial with probability 1/2. So this sign test is
exact for every number of draws and whatever the law is.

Source: Cramer & Wold 1936 (projections fix a law); Dixon & Mood 1946 (sign test).
"""

import math
from dataclasses import dataclass

import numpy as np
import scipy

from empirical.montecarlo import Sampler, stream_key
from tallystick import levels
from tallystick.decide.law import (
    conviction_level,
    law_decision,
    law_needs,
    pilot_draws,
)
from tallystick.decide.probes import (
    NotFiniteError,
    blocks,
    count_below,
    edges,
    intervals,
    probe_count,
    until_decided,
)
from tallystick.relations import Distribution
from tallystick.verdict import Decision, Verdict, Worst

__all__ = ["decide_same_law"]

MOST_ENTRIES = 64
"""Entries of a value that are compared one by one."""
CHUNK = 2**13
"""Draws that are sorted at a time."""
UNSURE = 1e-3
"""Part of a level that an unknown number of unequal pairs may use up."""


def decide_same_law(
    sampler: Sampler,
    reference: Sampler,
    *,
    relation: Distribution,
    tolerance: float,
    budget: int,
    seed: tuple,
) -> Decision:
    """Decide whether two experiments have the same law at every point.

    Args:
        sampler: Draws the experiment at a batch of points.
        reference: Draws the other one there; its values have the same shape.
        relation: The number of projections, and the bias allowed.
        tolerance: AGREE needs every probability, along every direction, within it.
        budget: Largest number of draws of one look, from each.
        seed: Names the noise; the same seed gives the same decision.
    """
    return _Trial(sampler, reference, relation, tolerance, budget, seed).run()


@dataclass(frozen=True)
class _Counts:
    """How many draws lie below each probe: the experiment's, the reference's, both."""

    ours: np.ndarray
    theirs: np.ndarray
    both: np.ndarray
    draws: int


class _Trial:
    def __init__(self, sampler, reference, relation, tolerance, budget, seed):
        self.sampler, self.reference, self.relation = sampler, reference, relation
        self.tolerance, self.budget, self.seed = tolerance, budget, seed
        self.most_looks = levels.looks_within(budget)
        self.size = math.prod(sampler.value_shape)
        self.draws = 0
        self.probes = self.directions = np.zeros((0, 0))
        self.names: list[str] = []

    def run(self) -> Decision:
        try:
            self._choose_probes()
            return until_decided(self._look, self.most_looks)
        except NotFiniteError as error:
            return Decision(Verdict.INVALID, reason=str(error), draws=self.draws)

    def _look(self, number: int) -> Decision:
        """What one more pair of samples, and those that confirm it, say."""
        counts = self._counts(("look", number), levels.FIRST_LOOK * 4**number)
        convicted = self._convict(number, counts)
        if convicted is not None:
            return convicted
        doubt = self._doubt(counts)
        verdict = Verdict.INCONCLUSIVE if doubt else Verdict.AGREE
        return self._decision(verdict, counts, doubt)

    # --- draws and probes ------------------------------------------------------------

    def _pairs(self, stage: tuple, draws: int):
        """Draws of both, in blocks; the blocks of one kind may be the smaller ones."""
        ours = blocks(self.sampler, (*self.seed, *stage, "ours"), draws)
        theirs = blocks(self.reference, (*self.seed, *stage, "theirs"), draws)
        left, right = next(ours, None), next(theirs, None)
        while left is not None and right is not None:
            count = min(len(left), len(right))
            self.draws += count
            yield left[:count], right[:count]
            left = left[count:] if len(left) > count else next(ours, None)
            right = right[count:] if len(right) > count else next(theirs, None)

    def _chunks(self, stage: tuple, draws: int):
        """The same in larger blocks: looking up the probes costs once for each."""
        waiting, held = [], 0
        for pair in self._pairs(stage, draws):
            waiting.append(pair)
            held += len(pair[0])
            if held >= CHUNK:
                yield [np.concatenate(sides) for sides in zip(*waiting, strict=True)]
                waiting, held = [], 0
        if waiting:
            yield [np.concatenate(sides) for sides in zip(*waiting, strict=True)]

    def _choose_probes(self) -> None:
        pilot = pilot_draws(self.tolerance, self.budget)
        pairs = list(self._pairs(("pilot",), pilot))
        draws = np.concatenate(
            [np.concatenate(sides) for sides in zip(*pairs, strict=True)]
        )
        self._choose_directions(draws)
        self.probes = edges(self._lines(draws), probe_count(self.tolerance))

    def _choose_directions(self, draws: np.ndarray) -> None:
        """Entries, then projections of the entries in units of their deviations."""
        rng = np.random.default_rng(stream_key(*self.seed, "projections"))
        entries = np.arange(self.size)
        if self.size > MOST_ENTRIES:
            entries = np.sort(rng.choice(self.size, MOST_ENTRIES, replace=False))
        self.directions = np.eye(self.size)[entries]
        self.names = [f"entry {number}" for number in entries]
        if self.size == 1:
            return
        deviation = draws.std(axis=(0, 1))
        scale = np.where(deviation > 0, deviation, 1.0)
        normals = rng.standard_normal((self.relation.projections, self.size))
        self.directions = np.concatenate([self.directions, normals / scale])
        self.names += [f"projection {n}" for n in range(len(normals))] + ["the norm"]

    def _lines(self, values: np.ndarray) -> np.ndarray:
        """Draws along every direction at every point, shape (draws, lines)."""
        along = values @ self.directions.T
        if self.size > 1:
            norm = np.linalg.norm(values, axis=-1, keepdims=True)
            along = np.concatenate([along, norm], axis=-1)
        return along.reshape(len(values), -1)

    def _counts(self, stage: tuple, draws: int) -> _Counts:
        before = self.draws
        total = np.zeros((3, *self.probes.shape), np.int64)
        for pair in self._chunks(stage, draws):
            ours, theirs = map(self._lines, pair)
            for row, lines in enumerate((ours, theirs, np.maximum(ours, theirs))):
                total[row] += count_below(lines, self.probes)
        ours, theirs, both = total
        return _Counts(ours, theirs, both, self.draws - before)

    # --- verdicts --------------------------------------------------------------------

    def _convict(self, number: int, counts: _Counts) -> Decision | None:
        """Try the most suspicious probe and direction on two fresh samples."""
        more, fewer = counts.ours - counts.both, counts.theirs - counts.both
        tails = np.stack(
            [
                self._tail(more, fewer, counts.draws, self._screen_level),
                self._tail(fewer, more, counts.draws, self._screen_level),
            ]
        )
        side, line, place = np.unravel_index(int(np.argmin(tails)), tails.shape)
        if not tails[side, line, place] < self._screen_level:
            return None
        where, found = self.probes[line, place], np.zeros(4, np.int64)
        for factor in (2, 4):
            stage = ("conviction", number, factor)
            found = np.zeros(4, np.int64)
            for pair in self._pairs(stage, factor * levels.FIRST_LOOK * 4**number):
                ours, theirs = (self._lines(half)[:, line] <= where for half in pair)
                parts = ours & ~theirs, theirs & ~ours, ours & theirs
                found += [*(part.sum() for part in parts), len(ours)]
            first, second = found[:2] if side == 0 else found[1::-1]
            level = conviction_level()
            if not self._tail(first, second, int(found[3]), level) < level:
                return None
        more, fewer, both, total = (int(n) for n in found)
        worst = self._worst(line, place, more + both, fewer + both, total)
        return self._decision(
            Verdict.DISAGREE, counts, f"the laws differ: {worst.place}", worst
        )

    def _tail(self, more, fewer, draws: int, level: float):
        """Probability of so many pairs of one kind, given how many are unequal.

        With a bias the kinds may differ by so much; the test is then made at a bound
        for the share of unequal pairs, and takes `UNSURE` of the level for it.
        """
        unequal = more + fewer
        if not self.relation.bias:
            more, unequal = np.asarray(more), np.asarray(unequal)
            # Within three deviations no tail is below a ten-thousandth.
            least = 3 * np.sqrt(unequal) if level < 1e-4 else -np.inf
            far = 2 * more - unequal >= np.minimum(least, unequal)
            tails = np.ones(more.shape)
            tails[far] = scipy.stats.binom.sf(more[far] - 1, unequal[far], 0.5)
            return tails
        least = scipy.stats.beta.ppf(UNSURE * level, unequal, draws - unequal + 1)
        least = np.maximum(np.nan_to_num(least), 1e-300)
        chance = np.minimum(0.5 + self.relation.bias / (2 * least), 1.0)
        return scipy.stats.binom.sf(more - 1, unequal, chance) + UNSURE * level

    @property
    def _screen_level(self) -> float:
        return levels.SCREEN_LEVEL / (2 * self.probes.size * self.most_looks)

    def _doubt(self, counts: _Counts) -> str:
        """What keeps the laws from being within the tolerance; "" if nothing does.

        As for a distribution function, each test may have the whole level.
        """
        n, z = counts.draws, levels.z_value(levels.ACCEPT_LEVEL / self.most_looks)
        worst = []
        for ours, theirs in (
            (counts.ours, counts.theirs),
            (counts.theirs, counts.ours),
        ):
            most, least = intervals(ours, n)[1], intervals(theirs, n)[0]
            gap = (most - least) / n
            worst.append(
                (gap, gap + z * np.hypot(_error(most, n, z), _error(least, n, z)))
            )
        gap, bound = (np.maximum(*pair) for pair in zip(*worst, strict=True))
        if (bound <= self.tolerance).all():
            return ""
        screen = levels.z_value(self._screen_level)
        return law_needs(
            float(gap.max()), self._largest_error(counts), screen, n, self.tolerance
        )

    def _largest_error(self, counts: _Counts) -> float:
        share = counts.ours / counts.draws
        return float(np.sqrt(2 * share * (1 - share) / counts.draws).max())

    def _decision(self, verdict, counts: _Counts, reason="", worst=None) -> Decision:
        if worst is None:
            unequal = counts.ours + counts.theirs - 2 * counts.both
            scores = np.abs(counts.ours - counts.theirs) / np.sqrt(unequal + 1)
            line, place = np.unravel_index(int(np.argmax(scores)), scores.shape)
            ours, theirs = counts.ours[line, place], counts.theirs[line, place]
            worst = self._worst(line, place, ours, theirs, counts.draws)
        error = self._largest_error(counts)
        certain = "exact sign test" if verdict is Verdict.DISAGREE else ""
        return law_decision(
            verdict, reason, self.draws, error, self._screen_level, worst, certain
        )

    def _worst(self, line, place, ours, theirs, draws: int) -> Worst:
        point, direction = divmod(int(line), len(self.names))
        name = self.names[direction] if self.size > 1 else self.relation.argument
        share, claimed = float(ours / draws), float(theirs / draws)
        error = math.sqrt((share * (1 - share) + claimed * (1 - claimed)) / draws)
        where = f"P({name} <= {self.probes[line, place]:.6g})"
        return Worst(point, 0, claimed, share, error, place=where)


def _error(counts: np.ndarray, draws: int, z: float) -> np.ndarray:
    """Standard error of a frequency, not zero where nothing was counted (Wilson)."""
    share = (counts + z * z / 2) / (draws + z * z)
    return np.sqrt(share * (1 - share) / draws)
