"""How fast an average over inputs tends to the gated mean, and over which inputs.

The gated mean is F(e, w) = E[1{e.x > 0} 1{w.x > 0} (w.x) x], see `relu_gradient`; here
are the second moment of what is averaged, the error of an average over N inputs, and
the mean over inputs whose entries are independent but not normal.

With p = pi - theta, R(p) = p - sin p cos p and S(p) = sin p - p cos p, F has the length
|w| sqrt(S^2 + p^2 sin^2 p) / (2 pi).

Source: Tian, "Symmetry-Breaking Convergence Analysis of Certain Two-layered Neural
Networks with ReLU nonlinearity", ICLR workshop 2017, section 5.1 and figure 3, whose
simulations these formulas predict.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic._angle import angles, cosine, polar, sine, sine_residual
from analytic._two_layer import require_vectors

__all__ = ["dense_mean", "relative_variance", "second_moment"]

# What the float nearest pi, of either precision, leaves of it.
_REST_OF_PI = {"float32": -8.742278e-8, "float64": 1.2246467991473532e-16}


def second_moment(
    gate: Float[Array, " d"], weight: Float[Array, " d"]
) -> Float[Array, ""]:
    """|w|^2 (d + 2) [pi - theta + sin theta cos theta] / (2 pi).

    It is E[1{e.x > 0} 1{w.x > 0} (w.x)^2 |x|^2], of which the gated mean's square is a
    part.

    Args:
        gate: The vector e; only its direction matters.
        weight: The vector w, of the length and dtype of `gate`.

    Returns:
        The second moment, to a few ulp of itself; it vanishes like (pi - theta)^3.

    Degenerate cases:
        theta = 0 gives |w|^2 (d + 2) / 2; theta = pi and w = 0 give 0; e = 0 gives nan
        unless w = 0.

    Raises:
        ValueError: The inputs are not vectors alike.
    """
    require_vectors(gate=gate, weight=weight)
    norms = polar(gate)[0], polar(weight)[0]
    theta, gap = angles(gate, weight)
    share = (gate.size + 2) * _sector(theta, gap) / (2 * jnp.pi)
    defined = jnp.where((norms[0] > 0) | (norms[1] == 0), 1, jnp.nan)
    return defined * norms[1] ** 2 * share


def relative_variance(
    angle: Float[Array, ""], dimension: int, samples: int
) -> Float[Array, ""]:
    """Mean of |average - F|^2 / |F|^2: [2 pi (d + 2) R / (S^2 + p^2 sin^2 p) - 1] / N.

    Its root is the relative error of an average over N inputs in the mean square. It
    grows with the angle and with the root of d / N.

    Args:
        angle: theta between gate and weight, in [0, pi].
        dimension: d, at least 1, or at least 2 for angles inside (0, pi).
        samples: N, at least 1.

    Returns:
        The relative variance, to a few ulp of itself.

    Degenerate cases:
        theta = 0 gives (2 d + 3) / N; theta = pi gives inf: F vanishes. Outside [0, pi]
        nan.

    Raises:
        ValueError: `angle` is not a scalar, or a size is less than 1.
    """
    if angle.shape or dimension < 1 or samples < 1:
        raise ValueError(
            "angle must be a scalar, dimension and samples at least 1, got"
            f" {angle.shape=}, {dimension=}, {samples=}"
        )
    gap = jnp.maximum(_gap(angle), 0)
    across = gap * sine(angle, gap)
    length = sine_residual(gap) ** 2 + across**2
    ratio = _sector(angle, gap) / jnp.where(length > 0, length, 1)
    value = (2 * jnp.pi * (dimension + 2) * ratio - 1) / samples
    value = jnp.where(length > 0, value, jnp.inf)
    return jnp.where((angle >= 0) & (_gap(angle) >= 0), value, jnp.nan)


def dense_mean(angle: Float[Array, ""]) -> Float[Array, " 2"]:
    """[S(pi - theta), (pi - theta) sin theta] / (2 pi): F along the gate and across it.

    This is F for |w| = 1, and the limit of the mean over inputs whose entries are
    independent of mean 0 and variance 1, as their number grows, if no entry of gate and
    weight dominates.

    Args:
        angle: theta between gate and weight, in [0, pi].

    Returns:
        The components of F along the gate and, towards the weight, across it, to a few
        ulp of themselves.

    Degenerate cases:
        theta = 0 gives (1/2, 0), theta = pi 0; outside [0, pi] nan.

    Raises:
        ValueError: `angle` is not a scalar.
    """
    if angle.shape:
        raise ValueError(f"angle must be a scalar, got {angle.shape=}")
    gap = _gap(angle)
    parts = jnp.stack([sine_residual(gap), gap * sine(angle, gap)]) / (2 * jnp.pi)
    return jnp.where((angle >= 0) & (gap >= 0), parts, jnp.nan)


def _gap(angle):
    """The gap pi - angle, to an ulp of itself."""
    # A plain constant the compiler would add to pi first, where it is lost.
    rest = jnp.where(angle > 1, _REST_OF_PI[angle.dtype.name], 0)
    return (jnp.pi - angle) + rest


def _sector(theta, gap):
    """R = p - sin p cos p = p sin^2 p - cos p S(p), p the gap, to a few ulp of itself.

    Up to pi / 2 the second term is at most a third of the first; then the terms add.
    """
    return gap * sine(theta, gap) ** 2 + cosine(theta, gap) * sine_residual(gap)
