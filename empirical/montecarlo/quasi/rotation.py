"""Frames that put the few directions of normal noise that matter first.

A rotation Q of standard normals z gives standard normals Q z. The first columns of Q
are taken from pilot gradients of the integrand and of its steps, which are independent
of the noise of the estimate: so the estimate stays unbiased, whatever the pilots say.
Each point of a batch has a rotation of its own.
"""

from dataclasses import dataclass

import numpy as np

from empirical.montecarlo.quasi.pilot import Pilot

__all__ = ["Frames", "aligned", "frames", "span"]

MOST_DIRECTIONS = 16
"""Directions that are put first; what is beyond them follows in no special order."""
ENERGY = 1e-9
"""Share of the squared gradients that may stay outside the leading directions."""
SQUARINGS = 4
"""The cosine to the power of 2^4 says how near two directions are."""
SPREAD = 1e-3
"""Weight of a gradient, relative to a bend: its direction is rarely that of an axis."""
RANK = 1e-7
"""Singular values of unit gradients below this, relative to the largest, are rounding.
"""


@dataclass(frozen=True)
class Frames:
    """Rotations Q = I - V W of the normal numbers at every point, as reflectors.

    Attributes:
        v: Shape (points, numbers, directions).
        w: Shape (points, directions, numbers).
        leading: How many columns of Q matter at each point.
        core: How many of them span the gradients of the switches; `numbers` where
            these are too many.
        nothing: Whether no gradient was found at any point.
    """

    v: np.ndarray
    w: np.ndarray
    leading: np.ndarray
    core: np.ndarray
    nothing: bool


def frames(found: Pilot) -> Frames:
    """Rotations whose first columns span the switches, then the gradients."""
    numbers = found.gradients.shape[2]
    most = min(MOST_DIRECTIONS, numbers)
    columns, core = [], []
    for gradients, turns, bends, jumps in zip(
        found.gradients, found.turns, found.bends, found.jumps, strict=True
    ):
        switching = span(turns)
        crowded = len(switching) > most or len(switching) == numbers
        if crowded:
            switching = switching[:0]
        inside = aligned(turns @ switching.T, jumps) @ switching
        every = np.concatenate([gradients, turns])
        total = max((every**2).sum(), 1e-300)
        outside = every - every @ switching.T @ switching
        _, sizes, axes = np.linalg.svd(outside, full_matrices=False)
        left = np.sqrt(np.cumsum(sizes[::-1] ** 2)[::-1])
        axes = axes[left > np.sqrt(ENERGY * total)][: most - len(switching)]
        # Every pilot is a turn or a bend; of the gradients a few are enough.
        few = gradients[::3]
        weights = np.concatenate(
            [np.full(len(few), SPREAD), np.where(bends.any(axis=1), 1.0, jumps)]
        )
        every = np.concatenate([few, turns + bends])
        outside = aligned(every @ axes.T, weights) @ axes
        columns.append(np.concatenate([inside, outside]))
        core.append(numbers if crowded else len(switching))
    leading = np.array([len(rows) for rows in columns])
    width = max(int(leading.max()), 1)
    reflectors = [_reflectors(rows.T, numbers, width) for rows in columns]
    v, w = (np.stack(part) for part in zip(*reflectors, strict=True))
    return Frames(v, w, leading, np.array(core), nothing=not leading.any())


def aligned(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """An orthonormal basis, its first vectors where most of the weighted rows point.

    Kinks and jumps across a coordinate axis are no obstacle to Sobol points, oblique
    ones are: so the axes go through single rows, not between them.
    """
    size = rows.shape[1]
    rows, basis = np.concatenate([rows, np.eye(size)]), np.zeros((0, size))
    # The given axes come last, where no row points in a new direction.
    weights = np.concatenate([weights, np.full(size, 1e-12)])
    for _ in range(size):
        norms = np.linalg.norm(rows, axis=1)
        unit = rows / np.maximum(norms, 1e-12)[:, None]
        near = unit @ unit.T
        for _ in range(SQUARINGS):
            near *= near
        chosen = unit[np.argmax(near @ (weights * norms**2) * (norms > RANK))]
        # Once more, against rounding where little was left of a row.
        chosen = chosen - chosen @ basis.T @ basis
        basis = np.concatenate([basis, chosen[None] / np.linalg.norm(chosen)])
        rows = rows - (rows @ basis[-1])[:, None] * basis[-1]
    return basis


def span(rows: np.ndarray) -> np.ndarray:
    """Orthonormal rows that span the given ones."""
    _, sizes, axes = np.linalg.svd(rows, full_matrices=False)
    return axes[sizes > RANK * max(sizes.max(initial=0.0), 1e-300)]


def _reflectors(columns: np.ndarray, numbers: int, width: int):
    """V and W with I - V W orthogonal, its first columns the given ones up to sign.

    The product of Householder reflections is I - V T V', T upper triangular (Schreiber
    & Van Loan 1989).
    """
    v, w = np.zeros((numbers, width)), np.zeros((width, numbers))
    given = columns.shape[1]
    if given:
        raw, tau = np.linalg.qr(columns, mode="raw")
        own = np.tril(raw.T, -1) + np.eye(numbers, given)
        products = own.T @ own
        # Reflections along no direction have tau = 0, and then T has a zero there.
        factor = np.zeros((given, given))
        for j in range(given):
            factor[:j, j] = -tau[j] * factor[:j, :j] @ products[:j, j]
            factor[j, j] = tau[j]
        v[:, :given], w[:given] = own, factor @ own.T
    return v, w
