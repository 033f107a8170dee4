"""Directions: what a slice moves, and how."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tallystick.figures.labels import MINUS, number, symbol
from tallystick.spaces import Angle, Scalar

__all__ = [
    "ANGLE",
    "Direction",
    "between",
    "between_vectors",
    "of_length",
    "of_number",
    "of_segment",
    "of_turn",
]

ANGLE = "angle"
"""Names the slice that turns one vector away from another."""
APART = 0.02
"""How far from an end a slice stays that does not belong to the domain, as a part."""
NEARLY = 0.01
"""How near to pi an interval of angles may end."""
RIGHT_ANGLES = (
    (0.0, "0"),
    (math.pi / 4, "π/4"),
    (math.pi / 2, "π/2"),
    (3 * math.pi / 4, "3π/4"),
    (math.pi, "π"),
)


@dataclass(frozen=True)
class Direction:
    """What a slice moves.

    Attributes:
        name: What chooses it.
        label: Label of its axis.
        short: What varies, in short, as in "theta".
        meaning: What the short name stands for, in plain text, where it does not say.
        moved: Parameters that it moves.
        value: Their values at a part t of the way, with the parameters known so far.
        at: The abscissa there.
        first: Where it starts, as a part of the way.
        last: Where it ends.
        ticks: Places and labels of ticks; empty for the usual ones.
        log: Whether the axis is logarithmic.
    """

    name: str
    label: str
    short: str
    moved: tuple[str, ...]
    value: Callable[[str, float, Mapping[str, Any]], Any]
    at: Callable[[float, Mapping[str, Any]], float]
    first: float = 0.0
    last: float = 1.0
    ticks: tuple[tuple[float, str], ...] = ()
    log: bool = False
    meaning: str = ""

    def parts(self, count: int) -> np.ndarray:
        """Parts of the way, evenly apart, both ends included."""
        return np.linspace(self.first, self.last, count)

    def position(self, at: float) -> str:
        """One place on it, as in "theta = 0.47"."""
        return f"{self.short} = {number(np.float64(at))}"


def of_number(name: str, space: Scalar) -> Direction:
    """Moves a number from one end of its interval to the other."""
    return Direction(
        name,
        f"{name} θ" if name == ANGLE else symbol(name),
        "θ" if name == ANGLE else symbol(name),
        (name,),
        lambda _, part, row: between(space, part, row),
        lambda part, row: float(row[name]),
        ticks=RIGHT_ANGLES if _is_angle(space) else (),
        log=space.log,
    )


def between(space: Scalar, part: float, row: Mapping[str, Any]) -> np.float64:
    """A part of the way through an interval; its ends to the last bit."""
    low, high = space.ends(row)
    if part in (0.0, 1.0):
        return np.float64(high if part else low)
    if space.log:
        return np.float64(low * (high / low) ** part)
    return np.float64(low + part * (high - low))


def _is_angle(space: Scalar) -> bool:
    if isinstance(space, Angle):
        return True
    if space.needs():
        return False
    low, high = space.ends({})
    return low >= 0 and abs(high - math.pi) < NEARLY


def between_vectors(
    names: tuple[str, str],
    vectors: tuple[np.ndarray, np.ndarray],
    lengths: tuple[float, float],
    *,
    name: str = ANGLE,
    without: Iterable[str] = (),
) -> Direction:
    """Turns the second of two vectors away from the first one, in a plane.

    Args:
        names: Their names.
        vectors: Two vectors of this plane.
        lengths: Their lengths on the slice.
        name: What chooses the slice.
        without: Which of "parallel", "opposite" and "orthogonal" must not come up.
    """
    start = vectors[0] / np.linalg.norm(vectors[0])
    across = _across(vectors[1], start)
    exact = {0.0: start, 0.5: across, 1.0: -start}

    def value(which: str, part: float, row: Mapping[str, Any]) -> np.ndarray:
        del row
        if which == names[0]:
            return lengths[0] * start
        angle = math.pi * part
        turned = exact.get(part)
        if turned is None:
            turned = math.cos(angle) * start + math.sin(angle) * across
        return lengths[1] * turned

    # An odd beginning steps over the right angle.
    odd = APART / 2 if "orthogonal" in without else 0.0
    first, second = names
    return Direction(
        name,
        f"angle between {symbol(first)} and {symbol(second)}",
        "θ",
        names,
        value,
        lambda part, row: math.pi * part,
        odd + (APART if "parallel" in without else 0.0),
        1 - APART if "opposite" in without else 1.0,
        RIGHT_ANGLES,
        meaning=f"θ the angle between {symbol(first)} and {symbol(second)}",
    )


def _across(vector: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """The unit vector orthogonal to a unit vector, in the plane of both."""
    rest = vector - unit * np.sum(unit * vector)
    return rest / np.linalg.norm(rest)


def of_length(name: str, vector: np.ndarray, ends: tuple[float, float]) -> Direction:
    """Lengthens a vector from the smallest length to the largest one."""
    low, high = ends
    unit = vector / np.linalg.norm(vector)

    def length(part: float) -> float:
        return high if part == 1 else low + part * (high - low)

    return Direction(
        name,
        f"length of {symbol(name)}",
        f"|{symbol(name)}|",
        (name,),
        lambda _, part, row: length(part) * unit,
        lambda part, row: length(part),
    )


def of_turn(name: str, vector: np.ndarray, other: np.ndarray) -> Direction:
    """Turns a vector in the plane of both through half a circle."""
    size = float(np.linalg.norm(vector))
    across = size * _across(other, vector / size)

    def value(_, part, row):
        angle = math.pi * part
        return math.cos(angle) * vector + math.sin(angle) * across

    return Direction(
        name,
        f"angle by which {symbol(name)} is turned",
        "θ",
        (name,),
        value,
        lambda part, row: math.pi * part,
        ticks=RIGHT_ANGLES,
        meaning=f"θ the angle by which {symbol(name)} is turned",
    )


def of_segment(name: str, start: np.ndarray, end: np.ndarray) -> Direction:
    """Moves an array along a segment between two."""
    return Direction(
        name,
        f"t, with {symbol(name)} = (1 {MINUS} t) A + t B",
        "t",
        (name,),
        lambda _, part, row: (1 - part) * start + part * end,
        lambda part, row: part,
        meaning=f"{symbol(name)} = (1 {MINUS} t) A + t B",
    )
