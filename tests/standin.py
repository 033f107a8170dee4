"""A sampler that draws with NumPy: thousands of whole decisions take seconds."""

from types import SimpleNamespace

import numpy as np

from empirical.montecarlo import Moments

__all__ = ["NumpySampler"]


class NumpySampler:
    """One point with some outputs; the interface of the engine's sampler.

    Args:
        draw: A function of a NumPy generator and a number of draws n, giving an array
            of shape (n, outputs).
        shape: Shape of one value.
    """

    def __init__(self, draw, shape=(2,)):
        self.draw, self.value_shape = draw, tuple(shape)
        self.count, self.outputs = 1, int(np.prod(shape))
        # No normal numbers to inflate: the tail probe has nothing to do.
        self.layout = SimpleNamespace(
            sizes={"uniform": 2},
            value_size=self.outputs,
            rarest=lambda points: ("", 1.0),
        )
        self.points = {}

    def moments_and_directions(
        self, key, draws, directions=None, inflation=1.0, cross=False, squash=None
    ):
        assert inflation == 1.0
        values = self.draw(np.random.default_rng(key), draws)
        lines = np.zeros((draws, 0)) if directions is None else values @ directions.T
        if squash is not None:
            center, scale = squash
            scaled = scale * (lines[:, :1] - center)
            psi = np.sign(scaled) * np.log1p(np.abs(scaled) + scaled**2 / 2)
            lines = np.concatenate([lines, psi], axis=1)
        gaps = values - values.mean(axis=0)
        return moments(values), moments(lines), gaps.T @ gaps if cross else None


def moments(values):
    """Count, mean and central sums of the columns."""
    gaps = values - values.mean(axis=0)
    return Moments(
        len(values), values.mean(axis=0), (gaps**2).sum(axis=0), (gaps**3).sum(axis=0)
    )
