"""One wide ReLU layer, as a function of h = (1 - cos theta) / 2, for whole arrays.

Private to `analytic`. A layer of gain 2 turns the angle theta of two inputs into theta'
with h' = h - S(theta) / (2 pi), S(theta) = sin theta - theta cos theta, and multiplies
tangent kernels by 1 - theta / pi. In z = min(h, 1 - h), of the angle phi = min(theta,
pi - theta), both are a polynomial in z times a power of sqrt z, because phi / sqrt z =
2 arcsin(sqrt z) / sqrt z and S(phi) / z^(3/2) are analytic there: no arccos, which
costs more than all the rest, and nothing that cancels at either end of [0, pi].

At fixed depth all layers together are one function of h, which is fitted as a whole.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

__all__ = ["ANGLE", "RESIDUAL", "Profile", "evaluate", "layer", "profile", "unfold"]

# A cosine of unit vectors is known to a few 1e-16, and so is h; inputs with a smaller
# one count as parallel in derivatives.
ROUNDING = 2.0**-48
# Near-minimax polynomials on [0, 1/2], lowest power first, of 2 arcsin(sqrt z) / sqrt z
# and of S / z^(3/2): mpmath.chebyfit at 60 digits. Relative errors below 3e-9 for
# float32 and 3e-17 for float64.
ANGLE = {
    "float32": (
        *(2.000000003, 0.3333322848, 0.1500551463, 0.08818323347, 0.07162847857),
        *(-0.0140411583, 0.2148000426, -0.2718325425, 0.2478269898),
    ),
    "float64": (
        *(2.00000000000000002, 0.333333333333299738, 0.150000000008036322),
        *(0.0892857135252300068, 0.0607639267935036571, 0.044743169558640706),
        *(0.0347285628782070564, 0.0276068917917839596, 0.0263820051435078072),
        *(-0.00520307569659937584, 0.157432227140042533, -0.593741086137964853),
        *(2.01640333010683749, -4.9817616252452234, 9.28413781997768673),
        *(-12.4585997507959715, 11.5158816626293975, -6.55786631347962454),
        1.7785808735277376,
    ),
}
RESIDUAL = {
    "float32": (
        *(2.666666663, 0.266667637, 0.08567418181, 0.0403044615, 0.01745561194),
        *(0.03197484781, -0.02799758841, 0.04061521876),
    ),
    "float64": (
        *(2.66666666666666666, 0.26666666666668141, 0.0857142857111221069),
        *(0.0396825399507744808, 0.0220959476394276373, 0.0137678056820296547),
        *(0.00924904802486040812, 0.00664309351324180492, 0.00422624297616466706),
        *(0.00791530661372585538, -0.017704735518716593, 0.0784003947555341355),
        *(-0.207942446018569877, 0.429097475221878857, -0.624588932872608859),
        *(0.62699798013686559, -0.384892190725572749, 0.113661325924460362),
    ),
}


def layer(
    h: Float[Array, "..."],
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """From h in [0, 1/2] to h after one layer, and the factor 1 - theta / pi.

    Args:
        h: (1 - cos theta) / 2; after a first layer it is at most 1/2.
    """
    return h - _residual(h) / (2 * jnp.pi), 1 - _angle(h) / jnp.pi


def unfold(
    h: Float[Array, "..."], rest: Float[Array, "..."]
) -> tuple[Float[Array, "..."], Float[Array, "..."], Float[Array, "..."]]:
    """One layer from any angle: cos theta', h' and 1 - theta / pi.

    Args:
        h: (1 - cos theta) / 2 in [0, 1].
        rest: 1 - h, known on its own: then cos theta' and 1 - theta / pi keep their
            digits as they vanish at theta = pi.
    """
    acute = h <= rest
    z = jnp.where(acute, h, rest)
    part, active = _residual(z) / (2 * jnp.pi), _angle(z) / jnp.pi
    after = jnp.where(acute, h, 0.5) - part
    return (
        jnp.where(acute, 1 - 2 * after, 2 * part),
        after,
        jnp.where(acute, 1 - active, active),
    )


def _horner(coefficients: tuple[float, ...], x: Float[Array, "..."]) -> Array:
    """Sum of coefficients[k] x^k, in the dtype of x."""
    value = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = value * x + coefficient
    return value


@jax.custom_jvp
def _angle(z: Float[Array, "..."]) -> Float[Array, "..."]:
    """The angle in [0, pi/2] with (1 - cos) / 2 = z."""
    return _root(z) * _horner(ANGLE[str(z.dtype)], z)


@jax.custom_jvp
def _residual(z: Float[Array, "..."]) -> Float[Array, "..."]:
    """S of that angle."""
    return z * _root(z) * _horner(RESIDUAL[str(z.dtype)], z)


def _root(value: Float[Array, "..."]) -> Float[Array, "..."]:
    """Square root with slope 0 at 0: second derivatives of a loop look inside."""
    some = value > 0
    return jnp.where(some, jnp.sqrt(jnp.where(some, value, 1)), 0)


def _unless_zero(value: Float[Array, "..."], power: float) -> Float[Array, "..."]:
    """value^power, but 0 where rounding hides whether it is 0, also in derivatives."""
    some = value > ROUNDING
    return jnp.where(some, jnp.where(some, value, 1) ** power, 0)


# The slope 2 / sin of the angle is infinite at z = 0, a kink; 0 is the mean of the
# slopes that meet there.
_angle.defjvps(lambda t, _, z: t * _unless_zero(z * (1 - z), -0.5))
_residual.defjvps(lambda t, _, z: t * 2 * _angle(z))


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
    series = _horner(fit.coefficients, 2 * v - 1)
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
    total = _unless_zero(h, 0.5) + stretch * _unless_zero(rest, 0.5)
    slope = stretch / 2 * _unless_zero(h * rest, -0.5) / total**2
    return _coordinate(h, rest, stretch), slope * tangents[0]


@_square.defjvp
def _square_jvp(stretch, primals, tangents):
    h, rest = primals
    total = _unless_zero(h, 0.5) + stretch * _unless_zero(rest, 0.5)
    slope = stretch * _unless_zero(rest, -0.5) / total**3
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
