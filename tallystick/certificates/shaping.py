"""Operations that only move, copy or add up entries, on NumPy arrays.

Each is linear and has no negative coefficient: it acts on both ends of an interval, and
on slopes, as it does on values.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["SHAPING", "dot", "kind_of", "matrices"]

Parameters = dict[str, Any]


def _broadcast(options: Parameters, array: np.ndarray) -> np.ndarray:
    shape = options["shape"]
    expanded = [1] * len(shape)
    for axis, place in enumerate(options["broadcast_dimensions"]):
        expanded[place] = array.shape[axis]
    return np.broadcast_to(array.reshape(expanded), shape)


def _slice(options: Parameters, array: np.ndarray) -> np.ndarray:
    starts, limits = options["start_indices"], options["limit_indices"]
    strides = options["strides"] or (1,) * array.ndim
    return array[tuple(map(slice, starts, limits, strides))]


def _sum(options: Parameters, array: np.ndarray) -> np.ndarray:
    return array.sum(axis=tuple(map(int, options["axes"])))


def _cumulate(options: Parameters, array: np.ndarray) -> np.ndarray:
    axis = options["axis"]
    if options["reverse"]:
        return np.flip(np.cumsum(np.flip(array, axis), axis), axis)
    return np.cumsum(array, axis)


def _split(options: Parameters, array: np.ndarray) -> list[np.ndarray]:
    places = list(itertools.accumulate(map(int, options["sizes"])))[:-1]
    return np.split(array, places, axis=options["axis"])


def _squeeze(options: Parameters, array: np.ndarray) -> np.ndarray:
    return np.squeeze(array, axis=tuple(map(int, options["dimensions"])))


SHAPING: dict[str, Callable[..., Any]] = {
    "broadcast_in_dim": _broadcast,
    "concatenate": lambda o, *arrays: np.concatenate(arrays, axis=o["dimension"]),
    "copy": lambda o, array: array,
    "copy_p": lambda o, array: array,
    "cumsum": _cumulate,
    "expand_dims": lambda o, array: np.expand_dims(array, tuple(o["dimensions"])),
    "reduce_sum": _sum,
    "reshape": lambda o, array: array.reshape(o["new_sizes"]),
    "rev": lambda o, array: np.flip(array, tuple(o["dimensions"])),
    "slice": _slice,
    "split": _split,
    "squeeze": _squeeze,
    "stack": lambda o, *arrays: np.stack(arrays, axis=int(o["axis"])),
    "tile": lambda o, array: np.tile(array, tuple(map(int, o["reps"]))),
    "transpose": lambda o, array: np.transpose(array, o["permutation"]),
}
"""From the name of a primitive to its value, given its options and its inputs."""


def kind_of(variable: Any) -> Any:
    """The shape and dtype of an input or output of an equation."""
    return variable.aval


def matrices(
    options: Parameters, left: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """A `dot_general` as one product of stacks of matrices.

    Returns:
        Shapes (stack, rows, inner) and (stack, inner, columns), and the shape of the
        result.
    """
    (mine, yours), (my_stack, your_stack) = options["dimension_numbers"]
    mine, yours = list(map(int, mine)), list(map(int, yours))
    my_stack, your_stack = list(map(int, my_stack)), list(map(int, your_stack))
    rows = [a for a in range(left.ndim) if a not in (*mine, *my_stack)]
    columns = [a for a in range(right.ndim) if a not in (*yours, *your_stack)]
    stack = [left.shape[a] for a in my_stack]
    inner = math.prod(left.shape[a] for a in mine)
    row_shape = [left.shape[a] for a in rows]
    column_shape = [right.shape[a] for a in columns]
    first = np.transpose(left, [*my_stack, *rows, *mine])
    second = np.transpose(right, [*your_stack, *yours, *columns])
    return (
        first.reshape(math.prod(stack), math.prod(row_shape), inner),
        second.reshape(math.prod(stack), inner, math.prod(column_shape)),
        (*stack, *row_shape, *column_shape),
    )


def dot(options: Parameters, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The value of a `dot_general`."""
    first, second, shape = matrices(options, left, right)
    return (first @ second).reshape(shape)
