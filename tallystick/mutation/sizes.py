"""How large an error a wrong variant makes."""

from dataclasses import dataclass

import numpy as np

from tallystick.decide.looks import ROUNDING, rounding_floor

__all__ = ["Size", "Yardstick"]


@dataclass(frozen=True)
class Size:
    """The error of one variant in one case.

    Attributes:
        output: The largest error of an output, in units of the yardstick.
        seen: The same over the outputs whose draws vary: others show no error.
        factor: Distance from one of the factor that fits the variant best.
        visible: The larger of `seen` and of the distance from one of the factor that
            fits best where draws vary.
        pure: Whether the variant is that factor times the formula.
        same: Whether it is the formula, to rounding.
    """

    output: float
    seen: float
    factor: float
    visible: float
    pure: bool
    same: bool

    @property
    def largest(self) -> float:
        """The larger of both."""
        return max(self.output, self.factor)


class Yardstick:
    """What errors are relative to, at the points of one case.

    Sampled means are judged relative to the larger of an output's size and the standard
    deviation of a draw. Where nothing is sampled they are judged relative to the
    largest output at the point, or to the mean size of what was summed.

    Args:
        right: The formula at the points, shape (points, outputs).
        deviation: Standard deviation of a draw; None if nothing was sampled.
        size: Mean size of what was summed, if anything was.
    """

    def __init__(
        self,
        right: np.ndarray,
        deviation: np.ndarray | None,
        size: np.ndarray | None = None,
    ):
        self.right, self.live = right, np.ones(right.shape, bool)
        scale = np.abs(right)
        if deviation is not None:
            spread = deviation.reshape(right.shape)
            self.live = spread > rounding_floor(np.abs(right) + spread)
            scale = np.maximum(scale, spread)
        else:
            scale = np.broadcast_to(scale.max(axis=-1, keepdims=True), right.shape)
            if size is not None:
                scale = np.maximum(scale, size)
        floor = rounding_floor(scale)
        # Where all there is to see is rounding, errors are relative to what is usual.
        usual = np.where(floor > 0, floor / ROUNDING, 1.0)
        self.scale = np.where(scale > floor, scale, usual)
        self.floor = floor + ROUNDING * np.abs(right)

    def size(self, wrong: np.ndarray) -> Size:
        """The error of a variant, shape (points, outputs)."""
        if not np.isfinite(wrong).all():
            return Size(*(np.inf,) * 4, pure=False, same=False)
        gap = np.abs(wrong - self.right)
        relative = gap / self.scale
        factor = self._factor(wrong, np.ones_like(self.live))
        seen = float(relative[self.live].max(initial=0.0))
        rest = np.abs(wrong - factor * self.right)
        pure = bool((rest <= 1e-9 * np.abs(self.right) + self.floor).all())
        return Size(
            float(relative.max(initial=0.0)),
            seen,
            abs(factor - 1),
            max(seen, abs(self._factor(wrong, self.live) - 1)),
            pure,
            bool((gap <= self.floor).all()),
        )

    def _factor(self, wrong: np.ndarray, where: np.ndarray) -> float:
        """The factor on the formula that fits a variant best at some outputs."""
        right = (self.right / self.scale)[where]
        norm = float((right**2).sum())
        if norm == 0:
            return 1.0
        return float(((wrong / self.scale)[where] * right).sum()) / norm
