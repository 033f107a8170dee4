"""A sampler that stands in for the engine, so that a whole check takes a millisecond.

It has the interface that `decide_mean` uses. What it cannot show (compilation, float64
generators, the tail probe) is measured by `engine_checks` with the engine itself.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.verdict.zoo import Law
from empirical.montecarlo import Moments, stream_key
from tallystick.decide.mean import decide_mean
from tallystick.levels import FIRST_LOOK
from tallystick.verdict import Decision

__all__ = ["CountSampler", "DirectSampler", "judged"]


class _Standin:
    """What both samplers share: shapes, and a record of the looks taken.

    Attributes:
        flags: Looks that passed the screen.
        passed: First convictions that succeeded.
        draws: Total number of draws since `watch`.
    """

    def __init__(self, outputs: int, value_shape: tuple[int, ...], rows: int):
        self.count, self.outputs, self.value_shape = 1, outputs, value_shape
        self.rows = rows
        # No normal numbers to inflate: the tail probe has nothing to do.
        self.layout: Any = SimpleNamespace(
            sizes={"uniform": 1}, value_size=outputs, rarest=lambda points: ("", 1.0)
        )
        self.points: dict[str, Any] = {}
        self.watch(())

    def watch(self, seed: tuple) -> None:
        """Start counting for a check with this seed."""
        self.seed, self.flags, self.passed, self.draws = seed, 0, 0, 0
        self._asked = 0
        self._second: tuple[int, int] | None = None

    def _generator(self, key: tuple[int, int], draws: int):
        """The stream of a look, its rounded size, and what the key tells."""
        if self._second:  # The second conviction, or the next look: as large.
            self.passed += key == self._second
            self._second = None
        else:
            number = (self._asked // FIRST_LOOK).bit_length() // 2
            if key == stream_key(*self.seed, "conviction", number, 2):
                self.flags += 1
                self._second = stream_key(*self.seed, "conviction", number, 4)
        self._asked = draws
        rounded = -(-draws // self.rows) * self.rows
        self.draws += rounded
        return np.random.Generator(np.random.SFC64(key)), rounded


class CountSampler(_Standin):
    """Draws how often each atom of a law occurs.

    Args:
        law: The law of one draw.
        rows: Looks are rounded up to whole multiples of this, as the engine rounds
            them up to whole blocks.
    """

    def __init__(self, law: Law, rows: int = 1):
        super().__init__(law.atoms.shape[1], law.value_shape, rows)
        self.law = law

    def moments_and_directions(
        self,
        key: tuple[int, int],
        draws: int,
        directions: np.ndarray | None = None,
        inflation: float = 1.0,
        cross: bool = False,
        squash: tuple[float, float] | None = None,
    ) -> tuple[Moments, Moments, np.ndarray | None]:
        """As the engine's method of the same name."""
        assert inflation == 1.0
        assert squash is None
        generator, total = self._generator(key, draws)
        counts = generator.multinomial(total, self.law.chances)
        seen = np.flatnonzero(counts)
        counts, values = counts[seen].astype(float), self.law.atoms[seen]
        moments, gaps = _moments(counts, values, total)
        lines = np.zeros((len(seen), 0))
        if directions is not None:
            lines = values @ directions.T
        products = (gaps.T * counts) @ gaps if cross else None
        shaped = Moments(
            total, moments.mean[None], moments.second[None], moments.third[None]
        )
        return shaped, _moments(counts, lines, total)[0], products


class DirectSampler(_Standin):
    """Draws one output number by number with NumPy.

    Args:
        draw: A function of a generator and a number of draws.
        rows: As for `CountSampler`.
    """

    def __init__(self, draw: Callable, rows: int = 1):
        super().__init__(1, (1,), rows)
        self.draw = draw

    def moments_and_directions(
        self, key, draws, directions=None, inflation=1.0, cross=False, squash=None
    ):
        """As the engine's method of the same name."""
        assert inflation == 1.0
        assert squash is None
        generator, total = self._generator(key, draws)
        values = self.draw(generator, total)
        mean = values.mean()
        gaps = values - mean
        square = gaps * gaps
        second, third = square.sum(), (square * gaps).sum()
        weights = np.zeros(0) if directions is None else directions[:, 0]
        shaped = [np.full((1, 1), moment) for moment in (mean, second, third)]
        lines = Moments(total, weights * mean, weights**2 * second, weights**3 * third)
        return Moments(total, *shaped), lines, shaped[1] if cross else None


def _moments(counts: np.ndarray, values: np.ndarray, total: int):
    """Moments of values that occurred so often, and the gaps from the mean."""
    mean = counts @ values / total
    gaps = values - mean
    square = gaps * gaps
    return Moments(total, mean, counts @ square, counts @ (square * gaps)), gaps


def judged(
    sampler: Any,
    target: np.ndarray,
    seed: tuple,
    *,
    tolerance: float,
    budget: int | None,
) -> Decision:
    """The decision on a target of shape (outputs,); the sampler counts its looks."""
    sampler.watch(seed)
    return decide_mean(
        sampler, target[None], tolerance=tolerance, budget=budget, seed=seed
    )
