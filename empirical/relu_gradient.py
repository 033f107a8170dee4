"""Loss and gradient of two-layer ReLU networks, measured on single Gaussian inputs.

The twin of `analytic.relu_gradient`: every function evaluates the network, its loss, or
a back-propagated gradient on one random input.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical._two_layer import dot, network, require_networks, require_vectors
from empirical.montecarlo import Normal, Uniform, expectation

__all__ = [
    "gated_mean",
    "gated_mean_squared",
    "gradient",
    "kernel",
    "loss",
    "node_gradient",
    "node_loss",
    "opposite_limit",
]


@expectation(inputs=Normal("d"))
def gated_mean(
    gate: Float[Array, " d"],
    weight: Float[Array, " d"],
    *,
    inputs: Float[Array, " d"],
) -> Float[Array, " d"]:
    """The input times the output of one node, let through by the gate of another.

    Args:
        gate: The vector whose node must be active.
        weight: The weight of the node, of the length and dtype of `gate`.
        inputs: Noise: the network's input, standard normal.

    Returns:
        One draw. Its mean over `inputs` is the analytic mean.

    Degenerate cases:
        A zero gate never opens: 0. A zero weight gives 0. If weight = -gate, every draw
        is 0.

    Raises:
        ValueError: The parameters are not vectors alike.
    """
    require_vectors(gate=gate, weight=weight)
    drive = jnp.where(dot(gate, inputs) > 0, jax.nn.relu(dot(weight, inputs)), 0)
    return drive * inputs


@expectation(inputs=Normal(2, 4, "d"))
def gated_mean_squared(
    gate: Float[Array, " d"],
    weight: Float[Array, " d"],
    *,
    inputs: Float[Array, "2 4 d"],
) -> Float[Array, ""]:
    """The inner product of two independent averages of `gated_mean`, hence unbiased.

    Args:
        gate: The vector whose node must be active.
        weight: The weight of the node, of the length and dtype of `gate`.
        inputs: Noise: two sets of inputs, standard normal.

    Returns:
        One draw. Its mean over `inputs` is the analytic square.

    Degenerate cases:
        As for `gated_mean`.

    Raises:
        ValueError: The parameters are not vectors alike.
    """
    require_vectors(gate=gate, weight=weight)
    gates, drives = (
        jax.nn.relu(jnp.matmul(inputs, v, precision="highest")) for v in (gate, weight)
    )
    drives = jnp.where(gates > 0, drives, 0)
    first, second = jnp.einsum("in,ind->id", drives, inputs, precision="highest") / 4
    return dot(first, second)


@expectation(plane=Normal(2), fraction=Uniform())
def opposite_limit(
    weight: Float[Array, " d"],
    *,
    gap: float | Float[Array, ""],
    plane: Float[Array, " 2"],
    fraction: Float[Array, ""],
) -> Float[Array, " 2"]:
    """Components of a draw of `gated_mean` over gap^3 and gap^2, at a small gap.

    The gate lies at the angle pi - gap from the weight. Only the plane of the two
    matters, where the direction of the input is uniform. Inputs that open both gates
    are rare: inputs are drawn from a sector around these, of probability gap / pi, two
    of them mirrored for less variance.

    Args:
        weight: The weight of the node.
        gap: pi - theta, small; the bias is of relative order gap^2.
        plane: Noise: two normal numbers; the input's length in the plane is theirs.
        fraction: Noise: the place of two mirrored inputs in the sector, uniform.

    Returns:
        One draw: the components along the gate and across it, towards the weight.

    Degenerate cases:
        A zero weight gives 0.

    Raises:
        ValueError: `weight` is not a vector of at least 2 entries.
    """
    if weight.ndim != 1 or weight.size < 2:
        raise ValueError(f"weight must be a vector of 2 or more, got {weight.shape=}")
    gap = jnp.asarray(gap, weight.dtype)
    # Coordinates along the gate and across it; both gates open less than a gap off the
    # second axis. Spelled out, as products of tiny arrays are slow.
    pull = jnp.linalg.norm(weight) * jnp.stack([-jnp.cos(gap), jnp.sin(gap)])
    turn, radius = gap * fraction, jnp.linalg.norm(plane)
    draw = jnp.zeros_like(pull)
    for side in (1, -1):
        along, across = side * radius * jnp.sin(turn), radius * jnp.cos(turn)
        drive = jax.nn.relu(pull[0] * along + pull[1] * across)
        draw += jnp.where(along > 0, drive * jnp.stack([along, across]), 0) / 2
    return draw * gap / jnp.pi / jnp.stack([gap**3, gap**2])


@expectation(inputs=Normal("d"))
def kernel(
    x: Float[Array, " d"], y: Float[Array, " d"], *, inputs: Float[Array, " d"]
) -> Float[Array, ""]:
    """Product of the outputs of two ReLU nodes.

    Args:
        x: Weight of one node.
        y: Weight of another, of the length and dtype of `x`.
        inputs: Noise: the network's input, standard normal.

    Returns:
        One draw. Its mean over `inputs` is the analytic kernel.

    Degenerate cases:
        A zero vector gives 0.

    Raises:
        ValueError: The parameters are not vectors alike.
    """
    require_vectors(x=x, y=y)
    return jax.nn.relu(dot(x, inputs)) * jax.nn.relu(dot(y, inputs))


@expectation(inputs=Normal("d"))
def loss(
    students: Float[Array, "k d"],
    student_outputs: Float[Array, " k"],
    teachers: Float[Array, "m d"],
    teacher_outputs: Float[Array, " m"],
    *,
    inputs: Float[Array, " d"],
) -> Float[Array, ""]:
    """Half the squared difference between the two networks on one input.

    Args:
        students: Rows are the weights of the student's nodes.
        student_outputs: Their output weights.
        teachers: Rows are the weights of the teacher's nodes.
        teacher_outputs: Their output weights.
        inputs: Noise: the input, standard normal.

    Returns:
        One draw. Its mean over `inputs` is the analytic loss.

    Degenerate cases:
        A node of zero weight has output 0.

    Raises:
        ValueError: The shapes do not fit together.
    """
    require_networks(students, student_outputs, teachers, teacher_outputs)
    student = network(students, student_outputs, inputs)
    return (student - network(teachers, teacher_outputs, inputs)) ** 2 / 2


@expectation(inputs=Normal("d"))
def gradient(
    students: Float[Array, "k d"],
    student_outputs: Float[Array, " k"],
    teachers: Float[Array, "m d"],
    teacher_outputs: Float[Array, " m"],
    *,
    inputs: Float[Array, " d"],
) -> Float[Array, "k d"]:
    """The loss of one input, back-propagated by hand to the student's weights.

    Args:
        students: Rows are the weights of the student's nodes.
        student_outputs: Their output weights.
        teachers: Rows are the weights of the teacher's nodes.
        teacher_outputs: Their output weights.
        inputs: Noise: the input, standard normal.

    Returns:
        One draw. Its mean over `inputs` is the analytic gradient.

    Degenerate cases:
        A node of zero weight is never active and its row is 0, although the loss has no
        gradient there.

    Raises:
        ValueError: The shapes do not fit together.
    """
    require_networks(students, student_outputs, teachers, teacher_outputs)
    student = network(students, student_outputs, inputs)
    residual = student - network(teachers, teacher_outputs, inputs)
    active = jnp.matmul(students, inputs, precision="highest") > 0
    return jnp.outer(residual * student_outputs * active, inputs)


@expectation(inputs=Normal("d"))
def node_loss(
    student: Float[Array, " d"],
    teacher: Float[Array, " d"],
    *,
    inputs: Float[Array, " d"],
) -> Float[Array, ""]:
    """Half the squared difference between two nodes on one input.

    Args:
        student: Weight of the student.
        teacher: Weight of the teacher, of the length and dtype of `student`.
        inputs: Noise: the input, standard normal.

    Returns:
        One draw. Its mean over `inputs` is the analytic loss.

    Degenerate cases:
        A node of zero weight has output 0.

    Raises:
        ValueError: The parameters are not vectors alike.
    """
    require_vectors(student=student, teacher=teacher)
    wanted = jax.nn.relu(dot(teacher, inputs))
    return (jax.nn.relu(dot(student, inputs)) - wanted) ** 2 / 2


@expectation(inputs=Normal("d"))
def node_gradient(
    student: Float[Array, " d"],
    teacher: Float[Array, " d"],
    *,
    inputs: Float[Array, " d"],
) -> Float[Array, " d"]:
    """Gradient of the loss of one input in the student's weight, by autodiff.

    Args:
        student: Weight of the student.
        teacher: Weight of the teacher, of the length and dtype of `student`.
        inputs: Noise: the input, standard normal.

    Returns:
        One draw. Its mean over `inputs` is the analytic gradient.

    Degenerate cases:
        A zero student is never active: 0, although the loss has no gradient there.

    Raises:
        ValueError: The parameters are not vectors alike.
    """
    return jax.grad(node_loss.integrand)(student, teacher, inputs=inputs)
