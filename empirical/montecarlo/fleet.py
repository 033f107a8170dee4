"""Several processes that sample as one: each draws some blocks, each receives all.

The partial moments of a block are the same numbers wherever it is drawn, and they are
merged in an order that the block numbers fix. So a mean does not depend on how many
processes there are, or on which of them drew what.

The messages are JSON and raw numbers. Nothing is unpickled, so that a message can be
wrong but cannot run code.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["Fleet", "FleetError", "pack", "unpack"]


class FleetError(Exception):
    """The other processes are gone, or do not draw the same numbers.

    Whoever runs the check begins it again without them.
    """


class Fleet:
    """The processes that share the draws of one check, as one of them sees them.

    All of them run the same check and so meet in the same exchanges, in the same order.

    Args:
        index: Which process this is, from 0.
        size: How many there are.
        swap: Gives the message of exchange number n to all others and returns theirs,
            in any order; raises `FleetError` if one of them is gone.
    """

    def __init__(
        self, index: int, size: int, swap: Callable[[int, bytes], Sequence[bytes]]
    ):
        if not 0 <= index < size:
            raise ValueError(
                f"index must be at least 0 and below size, got {index=}, {size=}"
            )
        self.index, self.size, self._swap = index, size, swap
        self._number = 0

    def mine(self, block: int) -> bool:
        """Whether this process draws a block."""
        return block % self.size == self.index

    def exchange(self, parts: Mapping[int, Any]) -> dict[int, Any]:
        """Everybody's parts.

        Args:
            parts: What this process computed, by number: trees of arrays and numbers.
                The processes together must have each number from 0 once.

        Returns:
            The parts of all processes, by number in increasing order.

        Raises:
            FleetError: A process is gone, or computes something else.
        """
        number, self._number = self._number, self._number + 1
        found = list(parts.items())
        for other in self._swap(number, pack(dict(parts))):
            found += unpack(other).items()
        found.sort(key=lambda pair: pair[0])
        if [key for key, _ in found] != list(range(len(found))):
            raise FleetError("the processes do not draw the same numbers")
        return dict(found)


def pack(tree: Any) -> bytes:
    """A tree of tuples, lists, dictionaries, numbers and arrays, as bytes.

    Raises:
        TypeError: It holds something else.
    """
    arrays: list[np.ndarray] = []
    described = _describe(tree, arrays)
    shapes = [[array.dtype.str, array.shape] for array in arrays]
    head = json.dumps([described, shapes]).encode()
    return b"".join([head, b"\n", *(array.tobytes() for array in arrays)])


def unpack(message: bytes) -> Any:
    """The inverse of `pack`; arrays are NumPy's.

    Raises:
        FleetError: The bytes are no such message.
    """
    try:
        head, _, rest = message.partition(b"\n")
        described, shapes = json.loads(head)
        arrays, start = [], 0
        for name, shape in shapes:
            dtype = np.dtype(name)
            if dtype.kind not in "biufc":
                raise ValueError(f"dtype {dtype}")
            count = int(np.prod(shape, dtype=np.int64))
            array = np.frombuffer(rest, dtype, count, start) if count else np.empty(0)
            arrays.append(array.astype(dtype).reshape(shape))  # A copy can be written.
            start += array.size * dtype.itemsize
        if start != len(rest):
            raise ValueError(f"{len(rest) - start} bytes too many")
        return _rebuild(described, arrays)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise FleetError(f"a message cannot be read: {error}") from error


def _describe(tree: Any, arrays: list[np.ndarray]) -> Any:
    """A tree as JSON; its arrays are put aside and named by their number."""
    if tree is None:
        return None
    if type(tree) in (bool, int, float, str):
        return ["value", tree]
    if type(tree) in (tuple, list):
        return [type(tree).__name__, [_describe(item, arrays) for item in tree]]
    if isinstance(tree, Mapping):
        pairs = [[key, _describe(item, arrays)] for key, item in tree.items()]
        if any(type(key) not in (int, str) for key, _ in pairs):
            raise TypeError(f"keys must be integers or strings, got {list(tree)}")
        return ["dict", pairs]
    array = np.asarray(tree)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"a {type(tree).__name__} cannot be sent to other processes")
    arrays.append(array)
    return ["array", len(arrays) - 1]


def _rebuild(described: Any, arrays: list[np.ndarray]) -> Any:
    """The inverse of `_describe`."""
    if described is None:
        return None
    kind, held = described
    if kind == "value":
        return held
    if kind == "array":
        return arrays[held]
    if kind == "dict":
        return {key: _rebuild(item, arrays) for key, item in held}
    return {"tuple": tuple, "list": list}[kind](_rebuild(i, arrays) for i in held)
