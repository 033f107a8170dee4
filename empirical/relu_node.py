"""One ReLU node that learns another, on single inputs, step by step, and from a ball.

The twin of `analytic.relu_node`: velocities come from the gradient of the loss of one
input, ends of the flow from many steps of descent, and chances from starts drawn in a
ball or from the volumes of its slices.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from empirical._two_layer import dot, require_vectors
from empirical.montecarlo import Normal, Sphere, Uniform, expectation

__all__ = [
    "distance_decay",
    "hit_loss",
    "hit_probability",
    "limit_point",
    "polar_velocity",
]

# Rounding would leave the ray opposite to the teacher after 750 steps.
STEPS, LEARNING_RATE = 600, 0.1
# Gauss-Legendre nodes and weights on [0, 1].
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_NODES, _WEIGHTS = (1 + _NODES) / 2, _WEIGHTS / 2


@expectation(inputs=Normal("d"))
def polar_velocity(
    student: Float[Array, " d"],
    teacher: Float[Array, " d"],
    *,
    inputs: Float[Array, " d"],
) -> Float[Array, " 2"]:
    """How descent on the loss of one input changes the student's norm and angle.

    Args:
        student: Weight of the student.
        teacher: Weight of the teacher, of the length and dtype of `student`.
        inputs: Noise: the input, standard normal.

    Returns:
        One draw: the rates of the norm and of the angle to the teacher.

    Degenerate cases:
        Along the teacher or against it no turn is defined: its rate is 0.

    Raises:
        ValueError: The parameters are not vectors alike.
    """
    velocity = _descent(student, teacher, inputs)
    norm = jnp.linalg.norm(student)
    ahead = student / norm
    side = teacher - dot(teacher, ahead) * ahead
    height = jnp.linalg.norm(side)
    there = height > 1e-9 * jnp.linalg.norm(teacher)
    side = jnp.where(there, side / jnp.where(there, height, 1), 0)
    return jnp.stack([dot(ahead, velocity), -dot(side, velocity) / norm])


@expectation(inputs=Normal("d"))
def distance_decay(
    student: Float[Array, " d"],
    teacher: Float[Array, " d"],
    *,
    inputs: Float[Array, " d"],
) -> Float[Array, ""]:
    """How descent on the loss of one input changes half the squared distance.

    Args:
        student: Weight of the student.
        teacher: Weight of the teacher, of the length and dtype of `student`.
        inputs: Noise: the input, standard normal.

    Returns:
        One draw. Its mean over `inputs` is the analytic rate.

    Degenerate cases:
        Where the two are equal, every draw is 0.

    Raises:
        ValueError: The parameters are not vectors alike.
    """
    velocity = _descent(student, teacher, inputs)
    return dot(student - teacher, velocity)


def limit_point(
    student: Float[Array, " d"], teacher: Float[Array, " d"]
) -> Float[Array, " d"]:
    """The student after many steps of descent on the population loss.

    The mean gradient is integrated numerically over the directions of the input in the
    plane of the two weights; there the squared length of the input has mean 2.

    Args:
        student: Weight from which descent starts, not zero.
        teacher: Weight of the teacher, of the length and dtype of `student`.

    Returns:
        The weight after the last step.

    Degenerate cases:
        A start opposite to the teacher stays on its ray.

    Raises:
        ValueError: The parameters are not vectors alike.
    """
    require_vectors(student=student, teacher=teacher)

    def step(_, weight):
        return weight - LEARNING_RATE * _mean_gradient(weight, teacher)

    return jax.lax.fori_loop(0, STEPS, step, student)


@expectation(direction=Sphere("dimension"), depth=Uniform())
def hit_probability(
    ratio: Float[Array, ""],
    dimension: int,
    *,
    direction: Float[Array, " dimension"],
    depth: Float[Array, ""],
) -> Float[Array, ""]:
    """Whether a start drawn in a ball about zero is nearer to the teacher than zero is.

    Args:
        ratio: Radius of the ball over the norm of the teacher.
        dimension: Of the weights.
        direction: Noise: the direction of the start.
        depth: Noise: the share of the ball within the start's norm, uniform.

    Returns:
        One draw, 1 or 0.

    Degenerate cases:
        A ball of radius 0 is never hit, although half of any other small one is.

    Raises:
        ValueError: `ratio` is not a scalar.
    """
    if ratio.shape:
        raise ValueError(f"ratio must be a scalar, got {ratio.shape=}")
    start = ratio * depth ** (1 / dimension) * direction
    teacher = jnp.zeros(dimension, ratio.dtype).at[0].set(1)
    return jnp.where(jnp.sum((start - teacher) ** 2) < 1, 1, 0).astype(ratio.dtype)


@expectation(fraction=Uniform())
def hit_loss(
    teacher: Float[Array, " d"], *, fraction: Float[Array, ""]
) -> Float[Array, ""]:
    """(1 - 2 P) / r for a ball of random radius r < 2 R, P from the volumes of slices.

    Slices at the height h above the plane through zero, across the teacher, have the
    radius sqrt(r^2 - h^2); up to the height r^2 / (2 R) an inner part of the radius
    sqrt(2 R h - h^2) hits.

    Args:
        teacher: The teacher's weight, of norm R.
        fraction: Noise: the radius is 2 R fraction^4, as small ones matter.

    Returns:
        One draw of what the probability lacks of a half, doubled, over the radius.

    Degenerate cases:
        A zero teacher gives inf.

    Raises:
        ValueError: `teacher` is not a vector.
    """
    if teacher.ndim != 1:
        raise ValueError(f"teacher must be a vector, got {teacher.shape=}")
    d, norm = teacher.size, jnp.linalg.norm(teacher)
    # Volumes of the unit balls in d - 1 dimensions and in d.
    ratio = math.exp(math.lgamma(d / 2 + 1) - math.lgamma((d + 1) / 2)) / math.pi**0.5
    v, weights = (jnp.asarray(a, teacher.dtype) for a in (_NODES, _WEIGHTS))
    height = fraction**4 * v**2  # Over r: up to r / (2 R), in the variable v.
    outer = (1 - height**2) ** ((d - 1) / 2)
    inner = (v**2 - height**2) ** ((d - 1) / 2)
    return ratio * jnp.sum(weights * 2 * v * (outer - inner)) / norm


def _descent(student, teacher, x):
    """Minus the gradient of the loss of one input in the student's weight."""
    require_vectors(student=student, teacher=teacher)

    def loss(weight):
        wanted = jax.nn.relu(dot(teacher, x))
        return (jax.nn.relu(dot(weight, x)) - wanted) ** 2 / 2

    return -jax.grad(loss)(student)


def _mean_gradient(weight, teacher):
    """Mean of (student - teacher) x over the inputs on which the student is active."""
    norm = jnp.linalg.norm(weight)
    ahead = weight / norm
    along = dot(teacher, ahead)
    side = teacher - along * ahead
    across = jnp.linalg.norm(side)
    side /= jnp.where(across > 0, across, 1)
    edge = (
        jnp.arctan2(across, along) - jnp.pi / 2
    )  # From here on the teacher is active.
    total = jnp.zeros_like(weight)
    for low, high, active in ((-jnp.pi / 2, edge, 0), (edge, jnp.pi / 2, 1)):
        turn = low + (high - low) * jnp.asarray(_NODES, weight.dtype)
        cos, sin = jnp.cos(turn), jnp.sin(turn)
        residual = norm * cos - active * (along * cos + across * sin)
        residual *= jnp.asarray(_WEIGHTS, weight.dtype) * (high - low) / jnp.pi
        total += jnp.sum(residual * cos) * ahead + jnp.sum(residual * sin) * side
    return total
