"""Moments of blocks, merged along a tree that depends on their number alone.

Blocks are merged in pairs, pairs in fours, and so on, as a binary counter carries. So
every sum is rounded the same way whoever made the blocks, and in whatever groups.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from empirical.montecarlo.moments import Moments

__all__ = ["MergeTree", "Part"]


@dataclass(frozen=True)
class Part:
    """What some blocks measured; several parts may be stacked along a first axis.

    Attributes:
        moments: Of all quantities, with a count of shape (1,).
        products: Sums of products of deviations of the first quantities, or None.
    """

    moments: Moments
    products: np.ndarray | None = None

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All of it, as other processes are sent it."""
        found = self.moments
        rest = () if self.products is None else (self.products,)
        return (found.count, found.mean, found.second, found.third, *rest)

    @classmethod
    def of(cls, arrays: tuple[Any, ...]) -> "Part":
        """The inverse of `arrays`."""
        every = [np.asarray(array) for array in arrays]
        return cls(Moments(*every[:4]), every[4] if len(every) > 4 else None)

    def __getitem__(self, index: Any) -> "Part":
        return Part.of(tuple(array[index] for array in self.arrays))

    def merge(self, other: "Part") -> "Part":
        """Both together."""
        # Numbers that are not finite are the harness's to report.
        with np.errstate(all="ignore"):
            moments = self.moments.merge(other.moments)
            if self.products is None or other.products is None:
                return Part(moments)
            size = self.products.shape[-1]
            gap = (other.moments.mean - self.moments.mean)[..., :size]
            weight = self.moments.count * other.moments.count / moments.count
            outer = gap[..., :, None] * gap[..., None, :] * weight[..., None]
            return Part(moments, self.products + other.products + outer)


class MergeTree:
    """Takes parts in the order of their numbers and holds one for each level."""

    def __init__(self):
        self._size = 0
        self._stack: list[tuple[int, Part]] = []

    def extend(self, parts: Part) -> None:
        """The next parts, stacked."""
        start, stop = 0, len(parts.moments.mean)
        while start < stop:
            # As many as make a whole branch.
            size = 1 << ((stop - start).bit_length() - 1)
            if self._size:
                size = min(size, self._size & -self._size)
            branch = parts[start : start + size]
            for _ in range(size.bit_length() - 1):
                branch = branch[0::2].merge(branch[1::2])
            self._push(size.bit_length() - 1, branch[0])
            self._size, start = self._size + size, start + size

    def total(self) -> Part:
        """All parts together; there must be one."""
        parts = [part for _, part in self._stack]
        found = parts.pop()
        while parts:
            found = parts.pop().merge(found)
        return found

    def _push(self, level: int, part: Part) -> None:
        while self._stack and self._stack[-1][0] == level:
            part = self._stack.pop()[1].merge(part)
            level += 1
        self._stack.append((level, part))
