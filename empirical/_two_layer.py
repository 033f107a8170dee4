"""Two-layer ReLU networks on one input, and what they require of their shapes.

Private to `empirical`.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["dot", "network", "require_networks", "require_vectors"]


def dot(a: Float[Array, " d"], b: Float[Array, " d"]) -> Float[Array, ""]:
    """Full-precision product: the default of some accelerators would bias the mean."""
    return jnp.vdot(a, b, precision="highest")


def network(
    weights: Float[Array, "k d"], outputs: Float[Array, " k"], x: Float[Array, " d"]
) -> Float[Array, ""]:
    """The network's output, sum_i outputs_i (weights_i . x)_+.

    Args:
        weights: Rows are the weights of the nodes.
        outputs: Their output weights.
        x: The input.
    """
    nodes = jax.nn.relu(jnp.matmul(weights, x, precision="highest"))
    return dot(outputs, nodes)


def require_networks(
    students: Float[Array, "k d"],
    student_outputs: Float[Array, " k"],
    teachers: Float[Array, "m d"],
    teacher_outputs: Float[Array, " m"],
) -> None:
    """Refuse weights that make no pair of networks.

    Args:
        students: Rows are the weights of the student's nodes.
        student_outputs: Their output weights.
        teachers: Rows are the weights of the teacher's nodes.
        teacher_outputs: Their output weights.

    Raises:
        ValueError: The shapes do not fit together.
    """
    nodes = students, student_outputs, teachers, teacher_outputs
    k, m, width = student_outputs.size, teacher_outputs.size, students.shape[-1:]
    if [a.shape for a in nodes] != [(k, *width), (k,), (m, *width), (m,)]:
        raise ValueError(
            "students, student_outputs, teachers, teacher_outputs must have shapes"
            f" (k, d), (k,), (m, d), (m,), got {[a.shape for a in nodes]}"
        )


def require_vectors(**vectors: Float[Array, " d"]) -> None:
    """Refuse what is not a set of vectors alike.

    Args:
        vectors: The arguments, by their names.

    Raises:
        ValueError: One is no vector, or they differ in length.
    """
    shapes = {name: vector.shape for name, vector in vectors.items()}
    if len({*shapes.values()}) > 1 or any(len(s) != 1 for s in shapes.values()):
        raise ValueError(f"{' and '.join(shapes)} must be vectors alike, got {shapes}")
