"""Looks: samples of a check, each with its own stream of noise."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from empirical.montecarlo import Moments, Sampler, stream_key
from tallystick import levels

__all__ = ["ROUNDING", "Look", "Looks", "beyond", "ratio"]

ROUNDING = 1e-12
"""Numerical slack of a sum of products in double precision, relative to its terms."""


@dataclass(frozen=True)
class Look:
    """What one sample measured.

    Attributes:
        moments: Of every output at every point, flattened.
        lines: Of the linear combinations `directions`.
        names: The patterns of error that these directions show.
        directions: Shape (names, outputs).
    """

    moments: Moments
    lines: Moments
    names: list[str]
    directions: np.ndarray

    def only(self, start: int, stop: int | None = None) -> "Look":
        """The same sample with some of its directions."""
        part = slice(start, stop)
        return Look(
            self.moments, self.lines[part], self.names[part], self.directions[part]
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

    def take(
        self,
        stage: tuple[Any, ...],
        draws: int,
        names: list[str],
        directions: np.ndarray,
        inflation: float = 1.0,
    ) -> Look:
        """One sample with directions."""
        entries, lines, _ = self.sampler.moments_and_directions(
            stream_key(*self.seed, *stage), draws, directions, inflation
        )
        self.draws += entries.count
        return Look(_clean(entries), _clean(lines), names, directions)

    def take_first(
        self, stage: tuple[Any, ...], draws: int, *, cross: bool
    ) -> tuple[Look, np.ndarray | None]:
        """One sample without directions, and the cross sums of its outputs."""
        entries, lines, products = self.sampler.moments_and_directions(
            stream_key(*self.seed, *stage), draws, cross=cross
        )
        self.draws += entries.count
        nothing = np.zeros((0, self.sampler.outputs))
        return Look(_clean(entries), _clean(lines), [], nothing), products

    def tails_hold(self, stage: tuple[Any, ...], plain: Look) -> bool:
        """Whether inflated noise, weighted back, gives the same means.

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
        slack = ROUNDING * np.abs(ours.mean)
        return bool((np.abs(theirs.mean - ours.mean) <= limit * error + slack).all())


def ratio(gap: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Gap over error, zero where there is no error."""
    return np.divide(gap, error, out=np.zeros_like(gap), where=error > 0)


def beyond(gap: np.ndarray, slack: np.ndarray) -> np.ndarray:
    """The part of a gap that the slack does not explain, with its sign."""
    return np.sign(gap) * np.maximum(np.abs(gap) - slack, 0.0)


def _clean(moments: Moments) -> Moments:
    """Flattened, and spreads that are mere rounding set to zero.

    Rounding is relative to the mean; where the mean is zero but for rounding (as for
    exactly orthogonal vectors), it is relative to the typical size of an output.
    """
    size = np.abs(moments.mean) + moments.deviation
    usable = size.size and np.isfinite(size).all()
    typical = np.median(size) if usable else 0.0
    spread = moments.deviation > ROUNDING * np.maximum(np.abs(moments.mean), typical)
    real = spread | ~np.isfinite(moments.second)
    return Moments(
        moments.count,
        moments.mean.ravel(),
        np.where(real, moments.second, 0.0).ravel(),
        np.where(real, moments.third, 0.0).ravel(),
    )
