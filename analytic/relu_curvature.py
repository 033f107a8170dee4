"""Second derivatives of the population loss of two-layer ReLU networks.

The loss is that of `relu_gradient`, for one input x ~ N(0, I). Its gradient is made of
the gated mean F(e, w) = E[1{e.x > 0} 1{w.x > 0} (w.x) x], its Hessian of the two
derivatives of F. The one in the gate comes from the inputs on the gate's edge e.x = 0
alone: it is what the mean of the Hessians of single inputs misses.

With the unit vectors u along the gate and n across it, on the side of the weight, all
is explicit in the angle theta between the two.

Source: Tian, "Symmetry-Breaking Convergence Analysis of Certain Two-layered Neural
Networks with ReLU nonlinearity", ICLR workshop 2017, differentiated from (10)-(13).
"""

import functools

import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic._angle import angles, cosine, normal, polar, sine
from analytic._two_layer import require_vectors, signed, table
from analytic.relu_gradient import kernel

__all__ = ["gate_slope", "hessian", "weight_slope", "zero_slope"]


def gate_slope(
    gate: Float[Array, " d"], weight: Float[Array, " d"]
) -> Float[Array, "d d"]:
    """Slope dF / de = |w| sin(theta) (I - u u' + n n') / (2 pi |e|).

    Args:
        gate: The vector e.
        weight: The vector w, of the length and dtype of `gate`.

    Returns:
        The derivative of the gated mean in the gate, symmetric, to a few ulp of |w| /
        |e|.

    Degenerate cases:
        theta = 0, theta = pi and w = 0 give 0, a kink of the derivative: its own slopes
        there are 0 by convention. e = 0 gives nan unless w = 0.

    Raises:
        ValueError: The inputs are not vectors alike.
    """
    require_vectors(gate=gate, weight=weight)
    (gate_norm, u), (weight_norm, _) = polar(gate), polar(weight)
    n = normal(gate, weight)
    ratio = weight_norm / jnp.where(gate_norm > 0, gate_norm, 1)
    scale = ratio * sine(*angles(gate, weight)) / (2 * jnp.pi)
    identity = jnp.eye(gate.size, dtype=gate.dtype)
    value = scale * (identity - jnp.outer(u, u) + jnp.outer(n, n))
    return jnp.where((gate_norm > 0) | (weight_norm == 0), value, jnp.nan)


def weight_slope(
    gate: Float[Array, " d"], weight: Float[Array, " d"]
) -> Float[Array, "d d"]:
    """Slope dF / dw = E[1{e.x > 0} 1{w.x > 0} x x'], alike in both.

    It is [(pi - theta) I + m w' / |w| + n u'] / (2 pi), m the unit vector across w on
    the side of e. The body has (pi - theta) I + sin theta cos theta (u u' - n n')
    + sin^2 theta (u n' + n u'): the same, but nothing cancels near theta = 0.

    Args:
        gate: The vector e; only its direction matters.
        weight: The vector w, of the length and dtype of `gate`; likewise.

    Returns:
        The derivative of the gated mean in the weight, to a few ulp of 1.

    Degenerate cases:
        theta = 0 gives I / 2; theta = pi gives 0. A zero vector gives nan: the limit
        depends on the direction from which zero is approached.

    Raises:
        ValueError: The inputs are not vectors alike.
    """
    require_vectors(gate=gate, weight=weight)
    (gate_norm, u), (weight_norm, _) = polar(gate), polar(weight)
    n = normal(gate, weight)
    theta, gap = angles(gate, weight)
    s, c = sine(theta, gap), cosine(theta, gap)
    cross = jnp.outer(u, n)
    turned = s * c * (jnp.outer(u, u) - jnp.outer(n, n)) + s * s * (cross + cross.T)
    value = (gap * jnp.eye(gate.size, dtype=gate.dtype) + turned) / (2 * jnp.pi)
    return jnp.where((gate_norm > 0) & (weight_norm > 0), value, jnp.nan)


def hessian(
    students: Float[Array, "k d"],
    student_outputs: Float[Array, " k"],
    teachers: Float[Array, "m d"],
    teacher_outputs: Float[Array, " m"],
) -> Float[Array, "k d k d"]:
    """Blocks a_i a_j H2(w_i, w_j), and a_i sum_l c_l H1(w_i, v_l) besides if i = j.

    H1 is `gate_slope` and H2 `weight_slope`; v are the weights of all nodes, c = (a,
    -b) their output weights.

    Args:
        students: Rows are the weights w_i of the student's nodes.
        student_outputs: Their output weights a_i.
        teachers: Rows are the weights w*_l of the teacher's nodes.
        teacher_outputs: Their output weights b_l.

    Returns:
        The Hessian of the loss in the student's weights, block (i, j) to a few ulp of
        |a_i a_j|, and of |a_i| sum_l |c_l| |v_l| / |w_i| besides if i = j.

    Degenerate cases:
        At the teacher's weights and outputs only the blocks a_i a_j H2 are left. Row
        and column i are nan where w_i = 0: there is no gradient.

    Raises:
        ValueError: The shapes do not fit together.
    """
    vectors, outputs = signed(students, student_outputs, teachers, teacher_outputs)
    pairs = table(weight_slope)(students, students)
    total = functools.partial(jnp.einsum, precision="highest")
    blocks = total("i,j,ijde->idje", student_outputs, student_outputs, pairs)
    kinks = table(gate_slope)(students, vectors)
    kinks = total("i,l,ilde->ide", student_outputs, outputs, kinks)
    diagonal = jnp.arange(len(students))
    return blocks.at[diagonal, :, diagonal].add(kinks)


def zero_slope(
    direction: Float[Array, " d"],
    output: Float[Array, ""],
    students: Float[Array, "k d"],
    student_outputs: Float[Array, " k"],
    teachers: Float[Array, "m d"],
    teacher_outputs: Float[Array, " m"],
) -> Float[Array, ""]:
    """Slope of the loss as one node leaves zero: a sum_l c_l kernel(u, v_l).

    The node, of weight 0 and output weight a, moves along u. The slope is positively
    homogeneous in u but not linear: at a weight of zero the loss has no gradient.

    Args:
        direction: The direction u, of any length.
        output: The output weight a of the node.
        students: Rows are the weights of the student's other nodes; with the teacher's
            they are v.
        student_outputs: Their output weights; with the teacher's, negated, they are c.
        teachers: Rows are the weights of the teacher's nodes.
        teacher_outputs: Their output weights.

    Returns:
        The one-sided derivative, to a few ulp of |a| |u| sum_l |c_l| |v_l|.

    Degenerate cases:
        u = 0 gives 0.

    Raises:
        ValueError: The shapes do not fit together.
    """
    vectors, outputs = signed(students, student_outputs, teachers, teacher_outputs)
    if direction.shape != vectors.shape[1:] or output.shape:
        raise ValueError(
            f"direction must have shape {vectors.shape[1:]} and output be a scalar, got"
            f" {direction.shape=}, {output.shape=}"
        )
    pulls = table(kernel)(direction[None], vectors)[0]
    return output * jnp.vdot(outputs, pulls, precision="highest")
