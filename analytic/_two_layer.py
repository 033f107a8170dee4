"""Student and teacher as one network, and functions of two weights on all pairs.

Private to `analytic`.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["require_vectors", "signed", "table"]


def table(function: Callable[..., Array]) -> Callable[..., Array]:
    """The function of two vectors, on all pairs of rows of two matrices.

    Args:
        function: Takes two vectors alike.
    """
    return jax.vmap(jax.vmap(function, (None, 0)), (0, None))


def signed(
    students: Float[Array, "k d"],
    student_outputs: Float[Array, " k"],
    teachers: Float[Array, "m d"],
    teacher_outputs: Float[Array, " m"],
) -> tuple[Float[Array, "n d"], Float[Array, " n"]]:
    """All nodes as those of one network, whose output is student minus teacher.

    Args:
        students: Rows are the weights of the student's nodes.
        student_outputs: Their output weights.
        teachers: Rows are the weights of the teacher's nodes.
        teacher_outputs: Their output weights.

    Returns:
        The weights, and the output weights, those of the teacher negated.

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
    outputs = jnp.concatenate([student_outputs, -teacher_outputs])
    return jnp.concatenate([students, teachers]), outputs


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
