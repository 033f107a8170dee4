"""All layers of a wide ReLU network as one function of h = (1 - cos theta) / 2.

Private to `analytic`, beside `_layers`: at fixed depth the layers together are one
function of h, which is fitted as a whole, for float32.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from analytic._layers import RESIDUAL, horner, unless_zero

__all__ = ["Profile", "evaluate", "profile"]


class Profile(NamedTuple):
    """A kernel of unit inputs: start - v^power P(2v - 1), v = coordinate(h).

    Attributes:
        start: Value for parallel inputs.
        power: 2 for covariances, whose slope in the angle vanishes there; else 1.
        stretch: The constant kappa of the coordinate.
        coefficients: Those of P, lowest power first.
    """

    start: float
    power: int
    stretch: float
    coefficients: tuple[float, ...]


def evaluate(
    fit: Profile, h: Float[Array, "..."], rest: Float[Array, "..."]
) -> Float[Array, "..."]:
    """The kernel of unit inputs at h.

    Args:
        fit: The kernel.
        h: (1 - cos theta) / 2 in [0, 1].
        rest: 1 - h, known on its own.
    """
    v = _coordinate(h, rest, fit.stretch)
    series = horner(fit.coefficients, 2 * v - 1)
    leading = _square(h, rest, fit.stretch) if fit.power == 2 else v
    return fit.start - leading * series


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _coordinate(
    h: Float[Array, "..."], rest: Float[Array, "..."], stretch: float
) -> Float[Array, "..."]:
    """The ratio tan(theta/2) / (tan(theta/2) + kappa), analytic on [0, pi]."""
    root = jnp.sqrt(h)
    return root / (root + stretch * jnp.sqrt(rest))


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _square(
    h: Float[Array, "..."], rest: Float[Array, "..."], stretch: float
) -> Float[Array, "..."]:
    """v^2, whose slope at h = 0 is finite."""
    return _coordinate(h, rest, stretch) ** 2


@_coordinate.defjvp
def _coordinate_jvp(stretch, primals, tangents):
    h, rest = primals
    total = unless_zero(h, 0.5) + stretch * unless_zero(rest, 0.5)
    slope = stretch / 2 * unless_zero(h * rest, -0.5) / total**2
    return _coordinate(h, rest, stretch), slope * tangents[0]


@_square.defjvp
def _square_jvp(stretch, primals, tangents):
    h, rest = primals
    total = unless_zero(h, 0.5) + stretch * unless_zero(rest, 0.5)
    slope = stretch * unless_zero(rest, -0.5) / total**3
    return _square(h, rest, stretch), slope * tangents[0]


NODES = 128
# Relative to the smallest value; half an ulp of float32 is 6e-8.
TAIL = 2e-8
LONGEST = 26


@functools.cache
def profile(depth: int, tangent: bool) -> Profile | None:
    """All layers of a network as one function, or None where it takes too many terms.

    The recursion is near-parabolic at theta = 0: after L layers theta turns into about
    theta / (1 + L theta / (3 pi)), with a pole that nears 0 as L grows. The stretch of
    the coordinate moves the pole away.

    Args:
        depth: Number of hidden layers, at least 2.
        tangent: The tangent kernel; else the covariance.

    Returns:
        A fit to 2e-8 of its values, made for float32, in float64.
    """
    points = np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)
    orders = np.arange(NODES)[:, np.newaxis]
    start, power = (depth + 1.0, 1) if tangent else (1.0, 2)
    best = None
    for stretch in (1.0, 0.7, 0.5, *(c / depth for c in (20.0, 10.0, 7.0, 5.0))):
        v = (1 + points) / 2
        values = _recursion(stretch * v, 1 - v, depth, tangent)
        scaled = (start - values) / v**power
        series = 2 / NODES * np.cos(orders * np.arccos(points)) @ scaled
        series[0] /= 2
        tails = np.cumsum(np.abs(series[::-1]))[::-1]
        small = np.flatnonzero(tails < TAIL * values.min())
        if small.size and (best is None or small[0] < best[0]):
            terms = np.polynomial.chebyshev.cheb2poly(series[: small[0]])
            best = small[0], Profile(start, power, stretch, tuple(terms.tolist()))
    return None if best is None or best[0] > LONGEST else best[1]


def _recursion(opposite, adjacent, depth: int, tangent: bool) -> np.ndarray:
    """Kernel of unit inputs, layer by layer in float64, given tan(theta/2)."""
    theta = 2 * np.arctan2(opposite, adjacent)
    gap = 2 * np.arctan2(adjacent, opposite)
    cosine = np.where(theta < gap, np.cos(theta), -np.cos(gap))
    h = np.where(
        theta < gap,
        np.sin(theta / 2) ** 2 - _series_residual(theta) / (2 * math.pi),
        0.5 - _series_residual(gap) / (2 * math.pi),
    )
    kernel = 1 - 2 * h + gap / math.pi * cosine
    for _ in range(depth - 1):
        theta = 2 * np.arctan2(np.sqrt(h), np.sqrt(1 - h))
        h = h - _series_residual(theta) / (2 * math.pi)
        kernel = 1 - 2 * h + (1 - theta / math.pi) * kernel
    return kernel if tangent else 1 - 2 * h


def _series_residual(angle: np.ndarray) -> np.ndarray:
    """S in float64: by the polynomial below a right angle, where its terms cancel."""
    z = np.minimum(np.sin(angle / 2) ** 2, 0.5)
    small = z**1.5 * np.polynomial.polynomial.polyval(z, RESIDUAL["float64"])
    return np.where(z < 0.3, small, np.sin(angle) - angle * np.cos(angle))
