"""Averages of gated inputs, their spread, and gated inputs that are not normal.

The twin of `analytic.gate_error`: inputs are drawn in all their dimensions and averaged
as they are in a simulation.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from empirical._two_layer import require_vectors
from empirical.montecarlo import Normal, Uniform, expectation

__all__ = ["dense_mean", "relative_variance", "second_moment"]

# Gauss-Legendre nodes and weights on [-1, 1]: exact for the cosines over a sector.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


@expectation(inputs=Normal("d"))
def second_moment(
    gate: Float[Array, " d"],
    weight: Float[Array, " d"],
    *,
    inputs: Float[Array, " d"],
) -> Float[Array, ""]:
    """The squared length of one gated input, times the node's output.

    Args:
        gate: The vector whose node must be active.
        weight: The weight of the node, of the length and dtype of `gate`.
        inputs: Noise: the network's input, standard normal.

    Returns:
        One draw. Its mean over `inputs` is the analytic moment.

    Degenerate cases:
        A zero gate never opens: 0. A zero weight gives 0. If weight = -gate, every draw
        is 0.

    Raises:
        ValueError: The parameters are not vectors alike.
    """
    require_vectors(gate=gate, weight=weight)
    open_ = jnp.vdot(gate, inputs, precision="highest") > 0
    drive = jax.nn.relu(jnp.vdot(weight, inputs, precision="highest"))
    return jnp.sum(jnp.where(open_, drive * inputs, 0) ** 2)


@expectation(inputs=Normal("samples", "dimension"))
def relative_variance(
    angle: Float[Array, ""],
    dimension: int,
    samples: int,
    *,
    inputs: Float[Array, "samples dimension"],
) -> Float[Array, ""]:
    """Squared distance of an average over inputs from their mean, relative to that.

    The mean is integrated numerically over the directions that open both gates.

    Args:
        angle: Between gate and weight, less than pi.
        dimension: Of the inputs, at least 2.
        samples: Inputs in an average.
        inputs: Noise: the inputs of one average, standard normal.

    Returns:
        One draw. Its mean over `inputs` is the analytic variance.

    Degenerate cases:
        At an angle of pi nothing passes: nan.

    Raises:
        ValueError: `angle` is not a scalar, or a size is too small.
    """
    if angle.shape or dimension < 2 or samples < 1:
        raise ValueError(
            "angle must be a scalar, dimension at least 2 and samples at least 1, got"
            f" {angle.shape=}, {dimension=}, {samples=}"
        )
    drive = _gated(angle, inputs[:, 0], inputs[:, 1])
    average = jnp.sum(drive[:, None] * inputs, axis=0) / samples
    # Directions between the gate's edge and the weight's; E r^2 = 2 in the plane.
    half = (jnp.pi - angle) / 2
    turn = angle - jnp.pi / 2 + half * (1 + jnp.asarray(_NODES, angle.dtype))
    plane = jnp.stack([jnp.cos(turn), jnp.sin(turn)])
    drive = _gated(angle, *plane) * jnp.asarray(_WEIGHTS, angle.dtype)
    mean = jnp.sum(drive[None] * plane, axis=1) * half / jnp.pi
    error = average - jnp.pad(mean, (0, dimension - 2))
    return jnp.sum(error**2) / jnp.sum(mean**2)


@expectation(inputs=Uniform("dimension", low=-(3**0.5), high=3**0.5))
def dense_mean(
    angle: Float[Array, ""], *, dimension: int, inputs: Float[Array, " dimension"]
) -> Float[Array, " 2"]:
    """The gated input of uniform entries, along the gate and across it.

    All entries of the gate have one size, and so have those of the direction across it,
    of alternating sign.

    Args:
        angle: Between gate and weight, which has length 1.
        dimension: Of the input, even; the bias is of order 1 / dimension.
        inputs: Noise: the input, of entries uniform with variance 1.

    Returns:
        One draw. Its mean over `inputs` tends to the analytic mean as `dimension`
        grows.

    Degenerate cases:
        At an angle of pi every draw is 0, to rounding.

    Raises:
        ValueError: `angle` is not a scalar, or `dimension` is odd.
    """
    if angle.shape or dimension % 2:
        raise ValueError(
            "angle must be a scalar and dimension even, got"
            f" {angle.shape=}, {dimension=}"
        )
    signs = jnp.asarray((-1) ** np.arange(dimension), angle.dtype)
    scale = dimension**-0.5
    along, across = scale * jnp.sum(inputs), scale * jnp.sum(signs * inputs)
    return _gated(angle, along, across) * jnp.stack([along, across])


def _gated(angle, along, across):
    """Output of a node of unit weight where the gate, the first axis, is open."""
    drive = jax.nn.relu(jnp.cos(angle) * along + jnp.sin(angle) * across)
    return jnp.where(along > 0, drive, 0)
