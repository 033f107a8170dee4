"""Population loss and gradient of two-layer ReLU networks on Gaussian inputs.

A student sum_i a_i (w_i . x)_+ learns a teacher sum_l b_l (w*_l . x)_+ under the loss
(1/2) E (student - teacher)^2 for one input x ~ N(0, I); Tian sums over N inputs, so his
vectors, gradients and losses are N times these. All rests on one vector, the gated
mean: what the weight w adds to the gradient of the node whose weight is the gate e,

    F(e, w) = E[1{e.x > 0} 1{w.x > 0} (w.x) x].

Source: Tian, "Symmetry-Breaking Convergence Analysis of Certain Two-layered Neural
Networks with ReLU nonlinearity", ICLR workshop 2017, Lemma 3.1 and (10)-(13).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic._angle import angles, kinked, polar, sine, sine_residual
from analytic._two_layer import require_vectors, signed, table

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


def gated_mean(
    gate: Float[Array, " d"], weight: Float[Array, " d"]
) -> Float[Array, " d"]:
    """F(e, w) = [(pi - theta) w + |w| sin(theta) e / |e|] / (2 pi).

    Args:
        gate: The vector e; only its direction matters.
        weight: The vector w, of the length and dtype of `gate`.

    Returns:
        F, to a few ulp of |w|. Its first derivatives are those of the mean, at theta =
        0 and pi too.

    Degenerate cases:
        theta = 0 gives w / 2; theta = pi and w = 0 give 0. e = 0 gives nan unless w =
        0: the limit depends on the direction from which zero is approached. In a zero
        vector the derivative does not exist and is nan.

    Raises:
        ValueError: The inputs are not vectors alike.
    """
    require_vectors(gate=gate, weight=weight)
    gate, weight = kinked(gate), kinked(weight)
    (gate_norm, u), (weight_norm, _) = polar(gate), polar(weight)
    theta, gap = angles(gate, weight)
    mean = gap * weight + weight_norm * sine(theta, gap) * u
    return _defined(gate_norm, weight_norm) * mean / (2 * jnp.pi)


def gated_mean_squared(
    gate: Float[Array, " d"], weight: Float[Array, " d"]
) -> Float[Array, ""]:
    """|F|^2 = |w|^2 [p^2 + sin^2 theta + 2 p sin theta cos theta] / (4 pi^2).

    Here p = pi - theta. The body adds the squares of the components of F along the gate
    and across it, because the three terms cancel as p goes to 0.

    Args:
        gate: The vector e; only its direction matters.
        weight: The vector w, of the length and dtype of `gate`.

    Returns:
        The squared length of the gated mean, to a few ulp of |w|^2.

    Degenerate cases:
        theta = 0 gives |w|^2 / 4; theta = pi and w = 0 give 0; e = 0 gives nan unless
        w = 0.

    Raises:
        ValueError: The inputs are not vectors alike.
    """
    require_vectors(gate=gate, weight=weight)
    gate = kinked(gate)
    gate_norm, norm = polar(gate)[0], polar(weight)[0]
    theta, gap = angles(gate, weight)
    along, across = sine_residual(gap), gap * sine(theta, gap)
    scale = _defined(gate_norm, norm) * norm / (2 * jnp.pi)
    return (scale * along) ** 2 + (scale * across) ** 2


def opposite_limit(weight: Float[Array, " d"]) -> Float[Array, " 2"]:
    """How F vanishes as the gate turns against the weight: |w| (1/3, 1) / (2 pi).

    With p = pi - theta -> 0, F is |w| (p^3 / 3, p^2) / (2 pi) + O(p^5, p^4) along the
    gate and across it, towards the weight. These are the limits over p^3 and p^2.

    Args:
        weight: The vector w.

    Returns:
        The two limits, to a few ulp of each; 0 where w = 0.

    Raises:
        ValueError: `weight` is not a vector of at least 2 entries.
    """
    if weight.ndim != 1 or weight.size < 2:
        raise ValueError(f"weight must be a vector of 2 or more, got {weight.shape=}")
    norm = polar(weight)[0]
    return jnp.stack([norm / (6 * jnp.pi), norm / (2 * jnp.pi)])


@jax.custom_jvp
def kernel(x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
    """E[(x.z)_+ (y.z)_+] = |x| |y| [sin theta + (pi - theta) cos theta] / (2 pi).

    Args:
        x: Weight of one node.
        y: Weight of another, of the length and dtype of `x`.

    Returns:
        The kernel over z ~ N(0, I), to a few ulp of |x| |y|. The error is absolute: the
        kernel vanishes like (pi - theta)^3. Its derivative in x is F(x, y).

    Degenerate cases:
        x = y gives |x|^2 / 2; theta = pi and a zero vector give 0. The derivative in x
        is y / 2 at theta = 0 and 0 at theta = pi; it is nan at x = 0 unless y = 0.

    Raises:
        ValueError: The inputs are not vectors alike.
    """
    require_vectors(x=x, y=y)
    gap = angles(x, y)[1]
    return polar(x)[0] * polar(y)[0] * sine_residual(gap) / (2 * jnp.pi)


def loss(
    students: Float[Array, "k d"],
    student_outputs: Float[Array, " k"],
    teachers: Float[Array, "m d"],
    teacher_outputs: Float[Array, " m"],
) -> Float[Array, ""]:
    """(1/2) sum_ij c_i c_j kernel(v_i, v_j), v = students and teachers, c = (a, -b).

    Args:
        students: Rows are the weights w_i of the student's nodes.
        student_outputs: Their output weights a_i.
        teachers: Rows are the weights w*_l of the teacher's nodes.
        teacher_outputs: Their output weights b_l.

    Returns:
        The loss, to a few ulp of (sum_i |c_i| |v_i|)^2. Its Hessian is that of the mean
        loss, which the mean of the Hessians of single inputs is not: those miss the
        inputs on the kinks.

    Degenerate cases:
        Zero weights are regular nodes of output 0. There the loss has slopes, one in
        each direction, but no gradient: its derivative in w_i is nan at w_i = 0.

    Raises:
        ValueError: The shapes do not fit together.
    """
    vectors, outputs = signed(students, student_outputs, teachers, teacher_outputs)
    gram = table(kernel)(vectors, vectors)
    return jnp.einsum("i,ij,j->", outputs, gram, outputs, precision="highest") / 2


def gradient(
    students: Float[Array, "k d"],
    student_outputs: Float[Array, " k"],
    teachers: Float[Array, "m d"],
    teacher_outputs: Float[Array, " m"],
) -> Float[Array, "k d"]:
    """Gradient in w_i: a_i [sum_j a_j F(w_i, w_j) - sum_l b_l F(w_i, w*_l)].

    Args:
        students: Rows are the weights w_i of the student's nodes.
        student_outputs: Their output weights a_i.
        teachers: Rows are the weights w*_l of the teacher's nodes.
        teacher_outputs: Their output weights b_l.

    Returns:
        The gradient (descent goes against it), row i to a few ulp of |a_i| sum_j |c_j|
        |v_j|, with v and c as in `loss`.

    Degenerate cases:
        Row i is nan where w_i = 0, unless all weights are 0: no gradient exists.

    Raises:
        ValueError: The shapes do not fit together.
    """
    vectors, outputs = signed(students, student_outputs, teachers, teacher_outputs)
    means = table(gated_mean)(students, vectors)
    pulls = jnp.einsum("j,ijd->id", outputs, means, precision="highest")
    return student_outputs[:, None] * pulls


@jax.custom_jvp
def node_loss(
    student: Float[Array, " d"], teacher: Float[Array, " d"]
) -> Float[Array, ""]:
    """(r^2 + R^2) / 4 - r R [sin theta + (pi - theta) cos theta] / (2 pi).

    Here r = |w| and R = |w*|. The body has |w - w*|^2 / 4 - r R [sin theta - theta cos
    theta] / (2 pi): the same, but it keeps its digits as w nears w*.

    Args:
        student: The weight w.
        teacher: The weight w*, of the length and dtype of `student`.

    Returns:
        The loss, to a few ulp of itself, also where it is small.

    Degenerate cases:
        w = w* gives 0; w = 0 gives R^2 / 4, where the loss has a slope in each
        direction but no gradient: the derivative is nan unless w* = 0.

    Raises:
        ValueError: The inputs are not vectors alike.
    """
    require_vectors(student=student, teacher=teacher)
    norms = polar(student)[0] * polar(teacher)[0]
    theta = angles(student, teacher)[0]
    distance = polar(student - teacher)[0]
    return distance**2 / 4 - norms * sine_residual(theta) / (2 * jnp.pi)


def node_gradient(
    student: Float[Array, " d"], teacher: Float[Array, " d"]
) -> Float[Array, " d"]:
    """Gradient in w: (w - w*) / 2 - [alpha sin(theta) w - theta w*] / (2 pi).

    Here alpha = |w*| / |w|. Tian's (11) is the direction of descent, minus this.

    Args:
        student: The weight w.
        teacher: The weight w*, of the length and dtype of `student`.

    Returns:
        The gradient of `node_loss` in w, to a few ulp of |w - w*|. Its derivatives are
        those of the mean, at theta = 0 and pi too; in a zero vector they are nan.

    Degenerate cases:
        w = w* gives 0; theta = pi gives w / 2; w = 0 gives nan unless w* = 0.

    Raises:
        ValueError: The inputs are not vectors alike.
    """
    require_vectors(student=student, teacher=teacher)
    student, teacher = kinked(student), kinked(teacher)
    (student_norm, u), (teacher_norm, _) = polar(student), polar(teacher)
    theta, gap = angles(student, teacher)
    turn = teacher_norm * sine(theta, gap) * u - theta * teacher
    value = (student - teacher) / 2 - turn / (2 * jnp.pi)
    return _defined(student_norm, teacher_norm) * value


kernel.defjvps(
    lambda t, _, x, y: _dot(gated_mean(x, y), t),
    lambda t, _, x, y: _dot(gated_mean(y, x), t),
)
node_loss.defjvps(
    lambda t, _, student, teacher: _dot(node_gradient(student, teacher), t),
    lambda t, _, student, teacher: _dot(node_gradient(teacher, student), t),
)


def _dot(a, b):
    return jnp.vdot(a, b, precision="highest")  # some accelerators default to less


def _defined(gate_norm, weight_norm):
    """A factor: nan where the gate has no direction but the weight is not zero."""
    return jnp.where((gate_norm > 0) | (weight_norm == 0), 1, jnp.nan)
