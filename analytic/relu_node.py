"""One ReLU node that learns another: its gradient flow, and where it may start.

The student w moves by dw/dt = -(gradient of the population loss), see `node_gradient`
of `relu_gradient`. With r = |w|, R = |w*| and the angle theta between them the flow
closes in r and theta. It ends at the teacher w* from every start but the ray opposite
to it; the classical proof covers the ball Omega = {|w - w*| < R} alone, which half of
the small starts hit.

With p = pi - theta, S(p) = sin p - p cos p; the loss is for one input x ~ N(0, I).

Source: Tian, "Symmetry-Breaking Convergence Analysis of Certain Two-layered Neural
Networks with ReLU nonlinearity", ICLR workshop 2017, section 3: (11), Lemma 3.2 and
Theorem 3.3.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.polynomial import legendre

from analytic._angle import angles, cosine, polar, sine, sine_residual
from analytic._two_layer import require_vectors

__all__ = [
    "distance_decay",
    "hit_loss",
    "hit_probability",
    "limit_point",
    "polar_velocity",
]


def _gauss_rule(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on [0, 1], rounded once.

    The powers of a sine multiply the error of a node by up to the power; NumPy's nodes
    are a few ulp off, a step of Newton's in extended precision mends that.
    """
    series = np.zeros(size + 1, np.longdouble)
    series[size] = 1
    slope = legendre.legder(series)
    nodes = legendre.leggauss(size)[0].astype(np.longdouble)
    nodes -= legendre.legval(nodes, series) / legendre.legval(nodes, slope)
    weights = 2 / ((1 - nodes**2) * legendre.legval(nodes, slope) ** 2)
    return ((1 + nodes) / 2).astype(float), (weights / 2).astype(float)


_NODES, _WEIGHTS = _gauss_rule(64)  # Enough for the hundredth power.


def polar_velocity(
    student: Float[Array, " d"], teacher: Float[Array, " d"]
) -> Float[Array, " 2"]:
    """(dr/dt, dtheta/dt) = (R S(p) / (2 pi) - r / 2, -R p sin(theta) / (2 pi r)).

    Args:
        student: The weight w.
        teacher: The weight w*, of the length and dtype of `student`.

    Returns:
        The velocities, the first to a few ulp of r + R, the second to a few ulp of
        itself.

    Degenerate cases:
        theta = 0 and theta = pi are invariant: no turn. w* = 0 gives (-r / 2, 0). w = 0
        gives nan: the direction in which it leaves is not defined.

    Raises:
        ValueError: The inputs are not vectors alike.
    """
    require_vectors(student=student, teacher=teacher)
    r, R = polar(student)[0], polar(teacher)[0]
    theta, gap = angles(student, teacher)
    growth = R * sine_residual(gap) / (2 * jnp.pi) - r / 2
    turn = R / jnp.where(r > 0, r, 1) * gap * sine(theta, gap) / (2 * jnp.pi)
    return jnp.where(r > 0, jnp.stack([growth, -turn]), jnp.nan)


def distance_decay(
    student: Float[Array, " d"], teacher: Float[Array, " d"]
) -> Float[Array, ""]:
    """d/dt |w - w*|^2 / 2 = -y' M y, y = (R, r), by the flow.

    M = [[p + sin(2 theta) / 2, -o], [-o, pi]] / (2 pi), o = [(2 pi - theta) cos theta
    + sin theta] / 2. M is positive definite for 0 < theta < 2.3276 and indefinite
    beyond. The body has -|w - w*|^2 / 2 + R [R (theta - sin theta cos theta) + r (sin
    theta - theta cos theta)] / (2 pi): the same, but it keeps its digits as w nears w*.

    Args:
        student: The weight w.
        teacher: The weight w*, of the length and dtype of `student`.

    Returns:
        The derivative, to a few ulp of |w - w*|^2. It is negative on Omega.

    Degenerate cases:
        w = w* gives 0; theta = pi gives -r (r + R) / 2; w* = 0 gives -r^2 / 2. w = 0
        gives nan unless w* = 0: the loss has no gradient there.

    Raises:
        ValueError: The inputs are not vectors alike.
    """
    require_vectors(student=student, teacher=teacher)
    r, R = polar(student)[0], polar(teacher)[0]
    theta, gap = angles(student, teacher)
    s, c, residual = sine(theta, gap), cosine(theta, gap), sine_residual(theta)
    # theta - sin theta cos theta without cancellation: the terms share no digit.
    sector = theta * s * s - c * residual
    gain = R * (R * sector + r * residual) / (2 * jnp.pi)
    value = gain - polar(student - teacher)[0] ** 2 / 2
    return jnp.where((r > 0) | (R == 0), value, jnp.nan)


def limit_point(
    student: Float[Array, " d"], teacher: Float[Array, " d"]
) -> Float[Array, " d"]:
    """Where the flow ends: w* if theta < pi, and 0 if theta = pi.

    Args:
        student: The weight w from which the flow starts.
        teacher: The weight w*, of the length and dtype of `student`.

    Returns:
        The limit, exactly; theta = pi to a few eps^2, see `angles`.

    Degenerate cases:
        theta = pi: r falls as exp(-t / 2). w = 0 gives nan unless w* = 0: all
        directions are open.

    Raises:
        ValueError: The inputs are not vectors alike.
    """
    require_vectors(student=student, teacher=teacher)
    end = jnp.where(angles(student, teacher)[1] > 0, teacher, 0)
    defined = jnp.any(student != 0) | jnp.all(teacher == 0)
    return jnp.where(defined, end, jnp.nan)


def hit_probability(ratio: Float[Array, ""], dimension: int) -> Float[Array, ""]:
    """P(w in Omega), w uniform in the ball |w| < r, for rho = r / R.

    Two caps of balls make up the event. With sin phi = rho / 2 <= 1 and I_d(a) the
    integral of sin^d from 0 to a, I_d(pi) = sqrt(pi) Gamma((d + 1) / 2) / Gamma(d / 2 +
    1), it has the probability [I_d(pi / 2 - phi) + rho^-d I_d(2 phi)] / I_d(pi), where
    2 I_d(a) / I_d(pi) is the regularized incomplete beta function of sin^2 a at ((d +
    1) / 2, 1 / 2). For rho >= 2 it is rho^-d: Omega lies in the ball.

    Args:
        ratio: rho >= 0.
        dimension: d, at least 1 and at most 100.

    Returns:
        The probability, to a few ulp of itself up to d = 20 and d / 2 ulp beyond, as
        the power d multiplies errors by d; likewise its slope, relative to d times the
        probability, over rho where that is less than 1.

    Degenerate cases:
        rho = 0 gives 1/2, a limit. d = 1 gives 1/2 up to rho = 2. rho < 0 gives nan.

    Raises:
        ValueError: `ratio` is not a scalar, or `dimension` is outside [1, 100].
    """
    if ratio.shape or not 1 <= dimension <= 100:
        raise ValueError(
            "ratio must be a scalar and dimension between 1 and 100, got"
            f" {ratio.shape=}, {dimension=}"
        )
    return jnp.where(ratio >= 0, _hit(ratio, dimension), jnp.nan)


def hit_loss(teacher: Float[Array, " d"]) -> Float[Array, ""]:
    """Least s with P(w in Omega) >= (1 - r s) / 2 for w uniform in any ball |w| < r.

    It is s = (d - 1) / (d + 1) kappa / R with kappa = Gamma(d / 2 + 1) / [sqrt(pi)
    Gamma((d + 1) / 2)], reached as r -> 0. The proof of Theorem 3.3 gives up a whole
    slab of the ball, that is s = kappa / R, and then kappa <= sqrt((d + 1) / (2 pi)).

    Args:
        teacher: The weight w*, R = |w*|, in dimension 3 or more.

    Returns:
        s, to a few ulp of itself.

    Degenerate cases:
        d = 3 has P = (1 - r s) / 2 for all r <= 2 R. w* = 0 gives inf.

    Raises:
        ValueError: `teacher` is not a vector of at least 3 entries: in the plane s is
            not the slope at 0, and on the line it is 0.
    """
    if teacher.ndim != 1 or teacher.size < 3:
        raise ValueError(f"teacher must be a vector of 3 or more, got {teacher.shape=}")
    d = teacher.size
    return (d - 1) / (d + 1) / _sine_integral(d) / polar(teacher)[0]


def _sine_integral(d: int) -> float:
    """The integral of sin^d over [0, pi], 1 / kappa: Wallis's, in integers."""
    half = (d + 1) // 2
    middle = math.comb(2 * half, half) / 4**half
    return 1 / (half * middle) if d % 2 else math.pi * middle


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _hit(ratio, d):
    base, second, _ = _caps(ratio, d)
    far = jnp.maximum(ratio, 2) ** -d
    return jnp.where(ratio > 2, far, (base + ratio * second) / _sine_integral(d))


@_hit.defjvp
def _hit_jvp(d, primals, tangents):
    (ratio,), (tangent,) = primals, tangents
    _, second, cosine = _caps(ratio, d)
    near = (cosine ** (d - 1) / 2 - d * second) / _sine_integral(d)
    far = -d * jnp.maximum(ratio, 2) ** (-d - 1)
    return _hit(ratio, d), tangent * jnp.where(ratio > 2, far, near)


def _caps(ratio, d):
    """I_d(pi / 2 - phi), rho^(-d - 1) I_d(2 phi), and cos phi."""
    half = jnp.clip(ratio / 2, 0, 1)
    cosine = jnp.sqrt((1 - half) * (1 + half))
    nodes, weights = (jnp.asarray(a, half.dtype) for a in (_NODES, _WEIGHTS))
    rest, phi = jnp.arctan2(cosine, half), jnp.arctan2(half, cosine)
    base = rest * jnp.sum(weights * jnp.sin(rest * nodes) ** d)
    safe = jnp.where(half > 0, half, 1)
    sines = jnp.where(half > 0, jnp.sin(2 * phi * nodes) / (2 * safe), nodes)
    growth = jnp.where(half > 0, phi / safe, 1)  # 2 phi / rho
    return base, growth * jnp.sum(weights * sines**d), cosine
