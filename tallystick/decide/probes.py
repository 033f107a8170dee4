"""Laws at probes: draws in blocks, values to compare at, and how many draws lie below.

Everything here is about one number per draw, a line: an output, or a projection.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from empirical.montecarlo import Sampler, stream_key
from tallystick.verdict import Decision, Verdict

__all__ = [
    "NotFiniteError",
    "blocks",
    "count_below",
    "count_joint",
    "edges",
    "intervals",
    "joint_probes",
    "probe_count",
    "until_decided",
]

VALUE_ROUNDING = 1e-12
"""Values this close, relative to their size, are one value."""
WHOLE = 2.0**53
PER_TOLERANCE = 8
MOST_PROBES = 4096
"""Probes lie closer than the tolerance: a law may do anything between two of them."""


JOINT_PROBES = 96
"""Places to compare at where a draw has several entries: each is counted by itself."""


class NotFiniteError(ValueError):
    """A draw is not finite."""


def probe_count(tolerance: float) -> int:
    """How many quantiles to compare at."""
    return int(np.clip(np.ceil(PER_TOLERANCE / tolerance), 32, MOST_PROBES))


def blocks(sampler: Sampler, key: tuple[Any, ...], draws: int) -> Iterator[np.ndarray]:
    """Draws in blocks of shape (block, points, outputs): `draws`, or a few more.

    Raises:
        NotFiniteError: A draw is not.
    """
    size = max(min(sampler.step, draws), 1)
    for number in range(-(-draws // size)):
        values = sampler.values(stream_key(*key, number), size)
        if not np.isfinite(values).all():
            raise NotFiniteError("a draw is not finite")
        yield values


def edges(pilot: np.ndarray, count: int) -> np.ndarray:
    """Values just below and at some quantiles of a pilot sample.

    Draws that differ by rounding are one value, which lies between its two edges; a
    whole number is taken as it is. So edges never separate what rounding has moved.

    Args:
        pilot: Draws of a few lines, shape (draws, lines).
        count: How many quantiles.

    Returns:
        Shape (lines, 2 count): below, at, below, at, ...; equal values are kept once,
        and the last one is repeated.
    """
    return np.stack([_edges(np.sort(line), count) for line in pilot.T])


def _edges(line: np.ndarray, count: int) -> np.ndarray:
    room = VALUE_ROUNDING * np.maximum(np.abs(line), np.median(np.abs(line)))
    starts = np.concatenate([[True], np.diff(line) > 2 * room[1:]])
    ranks = np.linspace(0, line.size - 1, count).round().astype(int)
    chosen = np.unique((np.cumsum(starts) - 1)[ranks])
    low, high = line[starts][chosen], line[np.append(starts[1:], True)][chosen]
    room = room[starts][chosen]
    whole = (low == high) & _whole(low)
    # Below zero comes the smallest number that no device takes for zero.
    before = np.where(low == 0, -np.finfo(float).tiny, np.nextafter(low, -np.inf))
    below = np.where(whole, before, low - room)
    at = np.where(whole, high, high + room)
    found = np.stack([below, at], axis=1)
    return np.pad(found, ((0, count - len(found)), (0, 0)), mode="edge").ravel()


def _whole(values: np.ndarray) -> np.ndarray:
    return (values == np.round(values)) & (np.abs(values) < WHOLE)


def count_below(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """How many draws are less than or equal to each place, line by line.

    Args:
        values: Shape (draws, lines).
        places: Shape (lines, places).
    """
    # A copy even of a single line, whose transpose is contiguous already.
    rows = np.array(values.T, order="C")
    rows.sort(axis=1)
    found = [
        np.searchsorted(row, where, side="right")
        for row, where in zip(rows, places, strict=True)
    ]
    return np.stack(found)


def intervals(at_edges: np.ndarray, most: float) -> tuple[np.ndarray, np.ndarray]:
    """A monotone function's ends on the intervals between the edges of `edges`.

    Args:
        at_edges: The function at the edges, shape (lines, 2 count).
        most: Its value at infinity; at minus infinity it is zero.

    Returns:
        Its least and its largest value on each interval, shape (lines, count + 1).
    """
    low = np.pad(at_edges[:, 1::2], ((0, 0), (1, 0)))
    high = np.pad(at_edges[:, ::2], ((0, 0), (0, 1)), constant_values=most)
    return low, high


def joint_probes(draws: np.ndarray) -> np.ndarray:
    """Places in several dimensions, shape (points, probes, entries).

    A third are draws; a third are componentwise maxima of two, three, ... draws, since
    few draws lie below a draw; a third are draws in one entry and beyond all draws in
    the others, so that the law of every entry is compared.
    """
    count, _, size = draws.shape
    each = JOINT_PROBES // 3
    taken = np.moveaxis(draws[np.linspace(0, count - 1, 2 * each).astype(int)], 1, 0)
    single = taken[:, :each]
    groups = [1 + number % (2 * size) for number in range(each)]
    joint = [
        np.moveaxis(draws[np.arange(k + 1) * (count // (k + 1)) + number], 1, 0)
        for number, k in enumerate(groups)
    ]
    maxima = np.stack([part.max(axis=1) for part in joint], axis=1)
    top = draws.max(axis=0)[:, None]
    own = np.arange(each)[:, None] % size == np.arange(size)[None]
    alone = np.where(own[None], taken[:, each:], top)
    places = np.concatenate([single, maxima, alone], axis=1)
    # Draws that differ by rounding are on one side, as with `edges`.
    room = np.where(_whole(places), 0.0, VALUE_ROUNDING * np.abs(places))
    return places + room


def count_joint(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """How many draws lie below each place in every entry, shape (points, places).

    Args:
        values: Shape (draws, points, entries).
        places: Shape (points, places, entries).
    """
    with jax.enable_x64(True):
        return np.asarray(_count_compiled(values, places))


@jax.jit
def _count_compiled(values, places):
    below = jnp.all(values[:, :, None] <= places[None], axis=-1)
    return jnp.sum(below, axis=0)


def until_decided(look: Callable[[int], Decision], most: int) -> Decision:
    """The decision of the first look that is conclusive, or of the last one.

    Args:
        look: Takes the look of a number, counted from 0, and decides.
        most: How many looks there may be; at least one is taken.
    """
    decision = look(0)
    for number in range(1, most):
        if decision.verdict is not Verdict.INCONCLUSIVE:
            break
        decision = look(number)
    return decision
