"""Means from far fewer draws than independent ones take, with honest error bars.

Scrambled Sobol points, as they are or after the normal noise has been

- *rotated*, so that the directions of kinks, jumps and bends are coordinate axes;
- *stretched* along these, with importance weights: the tails are met more often, and
  replicate means become nearly normal;
- *mirrored* across the directions of the switches: what is odd in the others cancels.

Error bars come from independent replicates (Student's t). Where the replicate means are
too skewed or heavy-tailed for that, plain draws are used instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy

from empirical.montecarlo.evaluate import Layout
from empirical.montecarlo.expectation import NoiseError
from empirical.montecarlo.lazy import lazy
from empirical.montecarlo.quasi.pilot import pilot
from empirical.montecarlo.quasi.replicates import (
    GROUP,
    LARGEST,
    MOST,
    Plan,
    ReplicateMeans,
    Replicates,
)
from empirical.montecarlo.quasi.rotation import Frames, frames
from empirical.montecarlo.sampler import Sampler, stream_key

__all__ = ["METHODS", "Choice", "Estimator", "FewerDraws", "choose", "estimate"]

METHODS = {
    "plain": "independent draws",
    "sobol": "Sobol points",
    "rotated": "rotated Sobol points",
    "stretched": "rotated and stretched Sobol points",
    "mirrored": "rotated, stretched and mirrored Sobol points",
}
"""What can be asked for by name, and what it is called in texts."""
REPLICATES = 32
PILOT = 2**9
"""Most draws of a replicate in the choice of a method."""
WORTH = 4.0
"""With less than this many times fewer draws than plain, plain is the choice."""
STRETCH = 1.2
"""The squared factor on each of k leading directions is 1 + 1.2 / k."""
SKEWNESS = 1.5
"""Largest root mean square, over the outputs, of the skewness of replicate means."""
WORST_SKEWNESS = 3.0
KURTOSIS = 10.0
"""Largest for any one output."""
ROUNDING = 1e-15
"""Standard error below which, relative to the mean, rounding has the say."""


@dataclass(frozen=True)
class Choice:
    """A method and what a pilot found it to be worth.

    Attributes:
        method: A name in `METHODS`.
        fewer: How many times fewer draws than plain it takes for the same mean squared
            standard error, in the pilot; more draws make it more.
        draws: Draws of the pilot, at every point.
        text: The same in words.
    """

    method: str
    fewer: float
    draws: int
    text: str


@dataclass(frozen=True)
class FewerDraws:
    """Means at a batch of points.

    Attributes:
        mean: Shape (points, outputs).
        standard_error: Of the mean, same shape.
        degrees: Degrees of freedom of the standard error; infinite for plain draws.
        draws: Draws at every point, those of pilots and of refused methods included.
        method: The method that was used, a name in `METHODS`.
        fewer: Draws that plain sampling would take for this mean squared standard
            error, divided by `draws`.
        text: The method and its gain in words; why another was refused.
    """

    mean: np.ndarray
    standard_error: np.ndarray
    degrees: float
    draws: int
    method: str
    fewer: float
    text: str

    def half_width(self, confidence: float = 0.95) -> np.ndarray:
        """Half the width of the interval about the mean, of each output by itself."""
        factor = scipy.special.stdtrit(self.degrees, (1 + confidence) / 2)
        return float(factor) * self.standard_error


class Estimator:
    """Estimates at one batch of points; compiles one program for all its methods.

    Args:
        layout: What is averaged, and the other parameters.
        points: Array parameters, each with a leading axis for the points.
        key: Names the noise of all pilots: directions and the choice of the method.
        sampler: The same experiment by plain draws, if there is one already.
        optimized: Whether to compile for speed.
    """

    def __init__(
        self,
        layout: Layout,
        points: Mapping[str, Any],
        key: tuple[int, int],
        *,
        sampler: Sampler | None = None,
        optimized: bool = True,
    ):
        self.layout, self.points, self.key = layout, dict(points), key
        self.optimized, self._sampler = optimized, sampler
        self._choices: dict[int, Choice] = {}

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that the noise and the integrand allow."""
        return "plain", *self._plans

    def choose(self, draws: int = 2**20) -> Choice:
        """The method with the fewest draws, from a pilot of every one that applies.

        Args:
            draws: How many draws are to be made: the pilots take a fourth at most, or
                2^16 in all, and no less than 2^11 each.
        """
        size = _power_of_two(draws // (16 * REPLICATES))
        size = min(max(size, GROUP), PILOT)
        if size not in self._choices:
            best, fewer, spent = "plain", WORTH, 0
            for method in self._plans:
                key = stream_key(*self.key, "pilot", method, size)
                found = self._run(key, method, REPLICATES, size)
                spent += found.draws
                gain = _fewer(found.variance, found.standard_error, found.draws)
                if gain > fewer and _refusal(found) is None:
                    best, fewer = method, gain
            fewer = 1.0 if best == "plain" else fewer
            self._choices[size] = Choice(best, fewer, spent, _text(best, fewer))
        return self._choices[size]

    def estimate(
        self, key: tuple[int, int], draws: int = 2**20, method: str = "auto"
    ) -> FewerDraws:
        """The mean at every point.

        Args:
            key: Names the noise; must differ from that of the pilots.
            draws: How many draws at every point, beside those of the pilots: rounded to
                replicates of a power of two, at least 2^11 and at most 2^26.
            method: A name in `METHODS`, or "auto" for what `choose` says. A method that
                is asked for by name is not replaced by plain draws.

        Raises:
            NoiseError: The method is unknown, or the noise does not allow it.
        """
        if method not in ("auto", "plain") and method not in self.methods:
            if method in METHODS:
                raise NoiseError(
                    f"method {method!r} does not suit {self.layout.expectation.name}:"
                    f" it allows {', '.join(['auto', *self.methods])}"
                )
            names = ", ".join(["auto", *METHODS])
            raise NoiseError(f"method must be one of {names}, got {method!r}")
        chosen, spent = method, 0
        if method == "auto":
            choice = self.choose(draws)
            chosen, spent = choice.method, choice.draws
        if chosen == "plain":
            return self._plain(key, draws, spent)
        size = min(max(_power_of_two(draws // REPLICATES), GROUP), LARGEST)
        replicates = min(max(draws // size, REPLICATES), MOST)
        own = stream_key(*key, "estimate", chosen)
        found = self._run(own, chosen, replicates, size)
        refusal = _refusal(found)
        if refusal is not None and method == "auto":
            plain = self._plain(key, draws, spent + found.draws)
            text = f"{plain.text}, since {METHODS[chosen]} had {refusal}"
            return replace(plain, text=text)
        error = np.maximum(found.standard_error, ROUNDING * np.abs(found.mean))
        total = spent + found.draws
        fewer = _fewer(found.variance, error, total)
        text = _text(chosen, fewer)
        return FewerDraws(found.mean, error, replicates - 1, total, chosen, fewer, text)

    def _plain(self, key, draws: int, spent: int) -> FewerDraws:
        if self._sampler is None:
            self._sampler = Sampler(self.layout, self.points, optimized=self.optimized)
        found = self._sampler.moments(stream_key(*key, "plain"), draws)
        total = int(found.count) + spent
        return FewerDraws(
            found.mean,
            found.standard_error,
            float("inf"),
            total,
            "plain",
            found.count / total,
            METHODS["plain"],
        )

    @lazy
    def _plans(self) -> dict[str, Plan | None]:
        """What is done to the noise by each method that applies."""
        if not {"normal", "uniform"} & set(self.layout.sizes):
            return {}
        found = pilot(self.layout, self.points, stream_key(*self.key, "gradients"))
        turned = None if found is None else frames(found)
        return {"sobol": None} if turned is None or turned.nothing else _plans(turned)

    @lazy
    def _program(self) -> Replicates:
        plan = self._plans["sobol"]
        width = 0 if plan is None else plan.v.shape[2]
        return Replicates(self.layout, self.points, width, optimized=self.optimized)

    def _run(self, key, method: str, replicates: int, size: int) -> ReplicateMeans:
        return self._program.run(key, self._plans[method], replicates, size)


def choose(layout: Layout, points: Mapping[str, Any], key: tuple[int, int]) -> Choice:
    """Which method takes the fewest draws: see `Estimator.choose`."""
    return Estimator(layout, points, stream_key(*key, "pilots")).choose()


def estimate(
    layout: Layout,
    points: Mapping[str, Any],
    key: tuple[int, int],
    draws: int = 2**20,
    method: str = "auto",
) -> FewerDraws:
    """The mean at every point: see `Estimator.estimate`."""
    estimator = Estimator(layout, points, stream_key(*key, "pilots"))
    return estimator.estimate(key, draws, method)


def _plans(turned: Frames) -> dict[str, Plan | None]:
    count, numbers = turned.v.shape[:2]
    ones, column = np.ones((count, numbers)), np.arange(numbers)[None]
    leading, core = turned.leading[:, None], turned.core[:, None]

    def stretched(directions):
        factor = np.sqrt(1 + STRETCH / np.maximum(directions, 1))
        return np.where(column < directions, factor, 1.0)

    plans: dict[str, Plan | None] = {
        "sobol": Plan(0 * turned.v, 0 * turned.w, ones, ones),
        "rotated": Plan(turned.v, turned.w, ones, ones),
        "stretched": Plan(turned.v, turned.w, stretched(leading), ones),
    }
    if ((core > 0) & (core < leading)).all():
        flip = np.where(column < core, 1.0, -1.0)
        plans["mirrored"] = Plan(turned.v, turned.w, stretched(core), flip, True)
    return plans


def _fewer(variance: np.ndarray, error: np.ndarray, draws: int) -> float:
    """Plain draws for the same mean squared standard error, over the draws taken.

    Outputs count alike: each error is relative to the deviation of a draw.
    """
    varying = variance > 0
    if not varying.any() or not np.isfinite(variance).all():
        return 1.0
    share = np.mean(error[varying] ** 2 / variance[varying])
    return float(1 / (draws * max(share, 1e-30)))


def _refusal(found: ReplicateMeans) -> str | None:
    """Why the replicate means give no honest error bar; None if they do."""
    if not np.isfinite(found.means).all():
        return "replicate means that are not finite"
    gaps = found.means - found.mean[None]
    spread = np.sqrt(np.mean(gaps**2, axis=0))
    rough = spread > 100 * ROUNDING * np.abs(found.mean)
    if not rough.any():
        return None
    scaled = gaps[:, rough] / spread[rough][None]
    skewness = np.mean(scaled**3, axis=0)
    kurtosis = np.mean(scaled**4, axis=0) - 3
    typical, worst = np.sqrt(np.mean(skewness**2)), np.abs(skewness).max()
    if typical > SKEWNESS or worst > WORST_SKEWNESS:
        return f"replicate means of skewness {max(typical, worst):.1f}"
    if kurtosis.max() > KURTOSIS:
        return f"replicate means of excess kurtosis {kurtosis.max():.1f}"
    return None


def _text(method: str, fewer: float) -> str:
    if method == "plain":
        return METHODS["plain"]
    digits = max(int(np.log10(max(fewer, 1.0))) - 1, 0)
    rounded = round(fewer / 10**digits) * 10**digits
    return f"{METHODS[method]}, {rounded:,} times fewer draws than plain"


def _power_of_two(limit: int) -> int:
    """The largest power of two that is at most `limit`; 0 below 1."""
    return 1 << limit.bit_length() - 1 if limit > 0 else 0
