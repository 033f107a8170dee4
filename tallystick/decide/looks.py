"""Looks: samples of a check, each with its own stream of noise."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from empirical.montecarlo import Moments, Sampler, stream_key
from empirical.montecarlo.lazy import lazy
from tallystick import levels
from tallystick.verdict import Worst

__all__ = [
    "ROUNDING",
    "Look",
    "Looks",
    "beyond",
    "detectable",
    "draws_wanted",
    "made_of_heavy",
    "ratio",
    "rounding_beside",
    "rounding_floor",
]

ROUNDING = 1e-12
"""Numerical slack of a sum of products in double precision, relative to its terms."""
NEGLIGIBLE = 1e-3
"""Part of a combination's deviation that one output may add without a look at it."""
SPREAD = 4.0
"""Deviations under inflated noise, weighted back, in units of the plain ones: more says
that plain draws miss a part of the tails. At most 2.2 in the catalogue."""
RARE_DRAWS = 30
"""How often each declared value of discrete noise must be expected among the draws."""


@dataclass(frozen=True)
class Look:
    """What one sample measured.

    Attributes:
        moments: Of every output at every point, flattened.
        lines: Of the linear combinations `directions`.
        names: The patterns of error that these directions show.
        directions: Shape (names, outputs).
        squashed: Mean of the influence function of the first direction, if one was
            asked for.
    """

    moments: Moments
    lines: Moments
    names: list[str]
    directions: np.ndarray
    squashed: float = math.nan

    def only(self, start: int, stop: int | None = None) -> "Look":
        """The same sample with some of its directions."""
        part = slice(start, stop)
        return Look(
            self.moments, self.lines[part], self.names[part], self.directions[part]
        )

    def factor_within(self, z: float, tolerance: float) -> bool:
        """Whether a factor common to all outputs is known to be one, as `z` has it."""
        if "scale" not in self.names:
            return False
        line = self.names.index("scale")
        gap = abs(self.lines.mean[line] - 1)
        return bool(gap + z * self.lines.standard_error[line] <= tolerance)

    def at(self, index: int, target: np.ndarray, outputs: int) -> Worst:
        """One output beside the flattened target.

        Args:
            index: Which one, counted over all points.
            target: The closed form.
            outputs: How many a point has.
        """
        return Worst(
            index // outputs,
            index % outputs,
            float(target[index]),
            float(self.moments.mean[index]),
            float(self.moments.standard_error[index]),
        )


class Looks:
    """Draws samples for one check and counts the draws.

    Args:
        sampler: Draws the experiment at a batch of points.
        seed: Names the noise; every stage adds its own part.
    """

    def __init__(self, sampler: Sampler, seed: tuple):
        self.sampler, self.seed = sampler, seed
        self.draws = 0
        normals = sampler.layout.sizes.get("normal", 0)
        # Inflated so that the logarithm of the weights has a deviation of about 0.7.
        self.inflation = math.sqrt(1 + 0.7 * math.sqrt(2 / normals)) if normals else 1.0
        square = self.inflation**2
        self.weight_deviation = math.sqrt(
            (square / math.sqrt(2 * square - 1)) ** normals - 1
        )

    def take(
        self,
        stage: tuple[Any, ...],
        draws: int,
        names: list[str],
        directions: np.ndarray,
        inflation: float = 1.0,
        squash: tuple[float, float] | None = None,
    ) -> Look:
        """One sample with directions.

        Args:
            stage: Names the noise.
            draws: How many, at least.
            names: The patterns of error that the directions show.
            directions: Shape (names, outputs).
            inflation: Factor on all normal noise, undone by weights.
            squash: Centre and scale of an influence function; see `Sampler`.
        """
        options: dict[str, Any] = {} if squash is None else {"squash": squash}
        entries, lines, _ = self.sampler.moments_and_directions(
            stream_key(*self.seed, *stage), draws, directions, inflation, **options
        )
        squashed = math.nan
        if squash is not None:
            squashed, lines = float(lines.mean[-1]), lines[:-1]
        self.draws += entries.count
        size = np.abs(entries.mean) + entries.deviation
        line_floor = ROUNDING * (np.abs(directions) @ size.ravel())
        cleaned = _clean(entries, rounding_floor(size))
        cleaned_lines = _clean(lines, line_floor)
        return Look(cleaned, cleaned_lines, names, directions, squashed)

    def take_first(
        self, stage: tuple[Any, ...], draws: int, *, cross: bool
    ) -> tuple[Look, np.ndarray | None]:
        """One sample without directions, and the cross sums of its outputs."""
        entries, lines, products = self.sampler.moments_and_directions(
            stream_key(*self.seed, *stage), draws, cross=cross
        )
        self.draws += entries.count
        floor = rounding_floor(np.abs(entries.mean) + entries.deviation)
        nothing = np.zeros((0, self.sampler.outputs))
        return Look(_clean(entries, floor), lines, [], nothing), products

    def too_rare(self, draws: int) -> str:
        """Which declared value of discrete noise is too rare for so many draws."""
        noise, chance = self._rarest
        if draws * chance >= RARE_DRAWS:
            return ""
        return (
            f"a value of the noise {noise!r} has the probability {chance:.1g}, too rare"
            f" for {draws:,} draws"
        )

    @lazy
    def _rarest(self) -> tuple[str, float]:
        return self.sampler.layout.rarest(self.sampler.points)

    def tails_hold(self, stage: tuple[Any, ...], plain: Look) -> bool:
        """Whether inflated noise, weighted back, gives the same means and spreads.

        Compares the directions if there are any, else all outputs. Noise that is not
        normal cannot be inflated: then there is nothing to compare.
        """
        if self.inflation == 1.0:
            return True
        probe = self.take(
            stage,
            plain.moments.count // 4,
            plain.names,
            plain.directions,
            self.inflation,
        )
        if plain.names:
            ours, theirs, limit = plain.lines, probe.lines, levels.CONVICTION_Z
        else:
            ours, theirs = plain.moments, probe.moments
            limit = levels.z_value(levels.ACCEPT_LEVEL / (2 * self.sampler.outputs))
        error = np.hypot(ours.standard_error, theirs.standard_error)
        size = np.abs(plain.moments.mean) + plain.moments.deviation
        if plain.names:
            slack = ROUNDING * (np.abs(plain.directions) @ size)
        else:
            slack = rounding_floor(size.reshape(self.sampler.count, -1)).ravel()
        near = np.abs(theirs.mean - ours.mean) <= limit * error + slack
        # An error bar that swells covers any difference. The weights alone add a part.
        weights = self.weight_deviation * np.abs(ours.mean)
        alike = theirs.deviation <= SPREAD * ours.deviation + 2 * weights + slack
        return bool((near & alike).all())


def detectable(look: Look, target: np.ndarray, screen: float) -> tuple[float, float]:
    """Smallest errors that pass a screen with 99 % probability.

    Args:
        look: The sample.
        target: The closed form, flattened.
        screen: Threshold of the screen, in standard errors.

    Returns:
        Of one output, relative to the larger of its size and the deviation of a draw;
        and of a factor common to all outputs. nan if there is nothing to see.
    """
    z = screen + levels.POWER_Z
    scale = np.maximum(np.abs(target), look.moments.deviation)
    live = look.moments.second > 0
    single = factor = math.nan
    if live.any():
        single = float((z * look.moments.standard_error[live] / scale[live]).max())
    if "scale" in look.names:
        line = look.names.index("scale")
        if look.lines.second[line] > 0:
            factor = float(z * look.lines.standard_error[line])
    return single, factor


def made_of_heavy(
    lines: Moments, outputs: Moments, directions: np.ndarray, factor: float = 1.0
) -> np.ndarray:
    """Which combinations are made of outputs too skewed for `factor` times the draws.

    The tails of several outputs can cancel as far as the draws go, and not beyond: such
    a combination looks light, and its mean is known no better than theirs.

    Args:
        lines: Moments of the combinations.
        outputs: Moments of the outputs.
        directions: Their coefficients, shape (combinations, outputs).
        factor: See `levels.enough_draws`.
    """
    heavy = ~levels.enough_draws(outputs, factor)
    share = np.abs(directions[:, heavy]) * outputs.deviation[heavy]
    return np.any(share > NEGLIGIBLE * lines.deviation[:, None], axis=1)


def draws_wanted(what: str, error: float, tolerance: float, count: int) -> str:
    """How far from decided, in draws.

    Args:
        what: What is to be known better.
        error: To what it is known from `count` draws, relative to its size.
        tolerance: To what it must be known.
        count: How many draws there were.
    """
    if not math.isfinite(error):
        return f"{what} is not known to {tolerance:.2g} yet"
    if error <= tolerance:
        return (
            f"{what} differs by more than the tolerance {tolerance:.2g}, but fresh"
            " draws did not confirm it"
        )
    draws = count * (error / tolerance) ** 2
    return (
        f"{what} is known to {error:.2g} only, the tolerance is {tolerance:.2g}: about"
        f" {draws:.1g} draws would decide"
    )


def ratio(gap: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Gap over error, zero where there is no error."""
    return np.divide(gap, error, out=np.zeros_like(gap), where=error > 0)


def beyond(gap: np.ndarray, slack: np.ndarray) -> np.ndarray:
    """The part of a gap that the slack does not explain, with its sign."""
    return np.sign(gap) * np.maximum(np.abs(gap) - slack, 0.0)


def _clean(moments: Moments, floor: np.ndarray) -> Moments:
    """Flattened, and spreads that are no more than rounding set to zero."""
    real = (moments.deviation > floor) | ~np.isfinite(moments.second)
    return Moments(
        moments.count,
        moments.mean.ravel(),
        np.where(real, moments.second, 0.0).ravel(),
        np.where(real, moments.third, 0.0).ravel(),
    )


def rounding_beside(moments: Moments, target: np.ndarray, points: int) -> np.ndarray:
    """What rounding may leave between each mean and its closed form, flattened."""
    size = np.maximum(np.abs(target), np.abs(moments.mean) + moments.deviation)
    floor = rounding_floor(size.reshape(points, -1)).ravel()
    return 1e-9 * np.abs(target) + floor


def rounding_floor(size: np.ndarray) -> np.ndarray:
    """What rounding may leave of each output, given sizes of shape (points, outputs).

    Relative to the largest output at the same point, since an output may be zero by
    cancellation; where all of a point is (as for orthogonal vectors), to the median.
    """
    largest = size.max(axis=-1, keepdims=True)
    typical = np.median(largest) if np.isfinite(largest).all() else 0.0
    # A point of less than this is rounding as a whole.
    least = ROUNDING * typical
    floor = np.where(largest < least, least, ROUNDING * largest)
    return np.broadcast_to(floor, size.shape)
