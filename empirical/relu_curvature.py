"""Curvature of the loss of ReLU networks, measured on single Gaussian inputs.

The twin of `analytic.relu_curvature`. A second derivative in a weight has two sources:
inputs on which the node is active, and inputs on the edge where it switches. The latter
have a probability density 1 / (sqrt(2 pi) |w|) per unit of w.x, and an input without
its component along w is one of them.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical._two_layer import dot, network, require_networks, require_vectors
from empirical.montecarlo import Normal, expectation

__all__ = ["gate_slope", "hessian", "weight_slope", "zero_slope"]


@expectation(inputs=Normal("d"))
def gate_slope(
    gate: Float[Array, " d"],
    weight: Float[Array, " d"],
    *,
    inputs: Float[Array, " d"],
) -> Float[Array, "d d"]:
    """How the gate's turn lets inputs on its edge in, each with a node's output.

    Args:
        gate: The vector whose node must be active.
        weight: The weight of the node, of the length and dtype of `gate`.
        inputs: Noise: the network's input, standard normal, moved onto the edge.

    Returns:
        One draw. Its mean over `inputs` is the analytic slope.

    Degenerate cases:
        A zero weight gives 0, a zero gate nan.

    Raises:
        ValueError: The parameters are not vectors alike.
    """
    require_vectors(gate=gate, weight=weight)
    edge, density = _on_the_edge(gate, inputs)
    return density * jax.nn.relu(dot(weight, edge)) * jnp.outer(edge, edge)


@expectation(inputs=Normal("d"))
def weight_slope(
    gate: Float[Array, " d"],
    weight: Float[Array, " d"],
    *,
    inputs: Float[Array, " d"],
) -> Float[Array, "d d"]:
    """The input's outer square where both nodes are active.

    Args:
        gate: The weight of one node.
        weight: The weight of the other, of the length and dtype of `gate`.
        inputs: Noise: the network's input, standard normal.

    Returns:
        One draw. Its mean over `inputs` is the analytic slope.

    Degenerate cases:
        Opposite or zero vectors give 0 in every draw.

    Raises:
        ValueError: The parameters are not vectors alike.
    """
    require_vectors(gate=gate, weight=weight)
    both = (dot(gate, inputs) > 0) & (dot(weight, inputs) > 0)
    return jnp.where(both, jnp.outer(inputs, inputs), 0)


@expectation(inputs=Normal("d"))
def hessian(
    students: Float[Array, "k d"],
    student_outputs: Float[Array, " k"],
    teachers: Float[Array, "m d"],
    teacher_outputs: Float[Array, " m"],
    *,
    inputs: Float[Array, " d"],
) -> Float[Array, "k d k d"]:
    """The Hessian of the loss of one input, and what the edges of its nodes add.

    Args:
        students: Rows are the weights of the student's nodes.
        student_outputs: Their output weights.
        teachers: Rows are the weights of the teacher's nodes.
        teacher_outputs: Their output weights.
        inputs: Noise: the input, standard normal; moved onto each node's edge besides.

    Returns:
        One draw. Its mean over `inputs` is the analytic Hessian.

    Degenerate cases:
        A student of zero weight gives nan.

    Raises:
        ValueError: The shapes do not fit together.
    """
    require_networks(students, student_outputs, teachers, teacher_outputs)
    active = jnp.matmul(students, inputs, precision="highest") > 0
    slope = jnp.outer(jnp.where(active, student_outputs, 0), inputs)
    smooth = jnp.einsum("id,je->idje", slope, slope, precision="highest")
    diagonal = jnp.arange(len(students))

    def kink(node, weight, output):
        edge, density = _on_the_edge(weight, inputs)
        # The node itself is at zero there; rounding would let it switch.
        others = jnp.where((diagonal == node)[:, None], 0, students)
        residual = network(others, student_outputs, edge)
        residual -= network(teachers, teacher_outputs, edge)
        return output * residual * density * jnp.outer(edge, edge)

    kinks = jax.vmap(kink)(diagonal, students, student_outputs)
    return smooth.at[diagonal, :, diagonal].add(kinks)


@expectation(inputs=Normal("d"))
def zero_slope(
    direction: Float[Array, " d"],
    output: Float[Array, ""],
    students: Float[Array, "k d"],
    student_outputs: Float[Array, " k"],
    teachers: Float[Array, "m d"],
    teacher_outputs: Float[Array, " m"],
    *,
    step: float | Float[Array, ""],
    inputs: Float[Array, " d"],
) -> Float[Array, ""]:
    """Rise of the loss of one input as a node leaves weight zero, over its step.

    Args:
        direction: Where the node goes.
        output: The node's output weight.
        students: Rows are the weights of the student's other nodes.
        student_outputs: Their output weights.
        teachers: Rows are the weights of the teacher's nodes.
        teacher_outputs: Their output weights.
        step: How far the node goes, in lengths of `direction`; the bias is linear.
        inputs: Noise: the input, standard normal.

    Returns:
        One draw. Its mean over `inputs` tends to the analytic slope as `step` to 0.

    Degenerate cases:
        The direction 0 gives 0.

    Raises:
        ValueError: The shapes do not fit together.
    """
    require_networks(students, student_outputs, teachers, teacher_outputs)
    if direction.shape != students.shape[1:] or output.shape:
        raise ValueError(
            f"direction must have shape {students.shape[1:]} and output be a scalar,"
            f" got {direction.shape=}, {output.shape=}"
        )
    before = network(students, student_outputs, inputs)
    before -= network(teachers, teacher_outputs, inputs)
    after = before + output * jax.nn.relu(step * dot(direction, inputs))
    return (after**2 / 2 - before**2 / 2) / step


def _on_the_edge(weight, x):
    """The input moved to where the node switches, and the density of w.x there."""
    square = dot(weight, weight)
    return x - dot(weight, x) / square * weight, 1 / jnp.sqrt(2 * jnp.pi * square)
