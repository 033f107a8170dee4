"""Near-exact means across kinks: wedges between the rays of a plane.

Many integrands of ReLU and step networks switch where a linear form of the noise is
zero. If the switches at a point span a plane at most, and what is odd in the other
directions is all that depends on these, the mean is an integral over that plane:

    E f = 1 / (2 pi) sum over wedges of int dphi int dr r exp(-r^2 / 2) f(r, phi),

and f is smooth on each wedge. Gauss-Legendre rules in the angle and Gauss rules in the
radius converge there exponentially.
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from empirical.montecarlo.evaluate import Layout
from empirical.montecarlo.quasi.pilot import Pilot, pilot, point_count
from empirical.montecarlo.quasi.rotation import aligned, span

__all__ = ["AGREEMENT", "RULES", "wedge_sums"]

RULES = ((16, 1), (12, 4), (24, 8), (32, 16), (64, 32), (96, 64))
"""Nodes in the angle of each wedge and in the radius, of rules in turn. The first is
exact for terms of degree 0 and 2: those of ReLU gradients and tangent kernels."""
AGREEMENT = 1e-10
"""Largest difference of two rules, relative to the mean of |value|."""
SAME = 1e-9
"""Largest distance of a draw from the plane's value, relative to their sizes."""
PARALLEL = 1e-9
"""Largest angle, in radians, between switches that share a ray."""
TESTS = 2**8
"""Fresh draws at every point on which the plane is tested, at three scales in turn."""
MOST_RAYS = 32
CHUNK = 2**8
"""Nodes evaluated at a time."""


def wedge_sums(
    layout: Layout, points: Mapping[str, Any], key: tuple[int, int]
) -> tuple[np.ndarray, int] | None:
    """Means of the value, its size and its distance from that at 0, over wedges.

    Args:
        layout: What is averaged, and the other parameters.
        points: Array parameters, with a leading axis for the points.
        key: Names the draws in which the switches are looked for, and the tests.

    Returns:
        The means, shape (3, points, outputs), and how many nodes they took, tests and
        confirming rules included; None if the noise is more than normal numbers, if
        there is no switch, if the switches are no linear forms in a plane, if more than
        the plane matters, or if no two rules in turn agree. Draws must confirm them,
        since a program may hide a switch.
    """
    if set(layout.sizes) != {"normal"}:
        return None
    found = pilot(layout, points, key, switching=True)
    if found is None or not found.turns.any():
        return None
    planes = [_plane(found, point) for point in range(len(found.turns))]
    if any(plane is None for plane in planes):
        return None
    frame = np.stack([plane[0] for plane in planes if plane is not None])
    rays = [plane[1] for plane in planes if plane is not None]
    most = max(map(len, rays))
    if most > MOST_RAYS:
        return None
    # The first ray again, a whole turn on, closes the last wedge; more have no width.
    edges = np.stack(
        [
            np.concatenate([r, np.full(most + 1 - len(r), r[0] + 2 * np.pi)])
            for r in rays
        ]
    )
    integrand = _Integrand(layout, points)
    sizes = _tested(integrand, frame, key)
    if sizes is None:
        return None
    before, spent = None, 3 * TESTS
    for rule in RULES:
        sums, nodes = integrand.sums(frame, edges, *rule)
        spent += nodes
        if not np.isfinite(sums).all():
            return None
        if before is not None:
            size = np.maximum(sums[1], sizes[0])
            if (np.abs(sums[0] - before[0]) <= AGREEMENT * size).all():
                # The first rule is the finer one in the angle.
                best = before if rule == RULES[1] else sums
                return np.stack([best[0], *np.maximum(best[1:], sizes)]), spent
        before = sums
    return None


def _plane(found: Pilot, point: int) -> tuple[np.ndarray, np.ndarray] | None:
    """An orthonormal frame, shape (numbers, 2), and the angles of its rays.

    A column is zero where one direction is enough.
    """
    turns, gradients = found.turns[point], found.gradients[point]
    axes = span(turns)
    if not 0 < len(axes) <= 2:
        return None
    directions = []
    for switch in np.unique(found.own[turns.any(axis=1)]):
        rows = turns[(found.own == switch) & turns.any(axis=1)]
        along = rows[0]
        gaps = rows - (rows @ along)[:, None] * along
        # A linear form has its sign on the one side, its opposite on the other.
        signs = np.sign(found.switches[point][:, switch] * (found.normals @ along))
        if np.abs(gaps).max() > PARALLEL or abs(signs.sum()) < len(signs):
            return None
        directions.append(along)
    if len(axes) == 1:
        # A second direction, if the integrand has one beside its kinks.
        rest = gradients - gradients @ axes.T @ axes
        basis = (
            span(rest) if np.abs(rest).max() > SAME else np.zeros((0, rest.shape[1]))
        )
        other = aligned(rest @ basis.T, np.ones(len(rest))) @ basis
        axes = np.concatenate([axes, other[:1], np.zeros((1, rest.shape[1]))])[:2]
    flat = np.stack(directions) @ axes.T
    angles = np.sort((np.arctan2(flat[:, 1], flat[:, 0]) + np.pi / 2) % np.pi)
    fresh = np.diff(angles, prepend=angles[-1] - np.pi) > PARALLEL
    angles = angles[fresh] if fresh.any() else angles[:1]
    return axes.T, np.concatenate([angles, angles + np.pi])


def _tested(
    integrand: "_Integrand", frame: np.ndarray, key: tuple[int, int]
) -> np.ndarray | None:
    """Mean sizes of the value and of its distance from that at 0, over fresh draws.

    None if a draw and its mirror image across the plane do not have the mean value of
    their projection on it.
    """
    random = np.random.default_rng((*key, 1))
    numbers = frame.shape[1]
    normals = random.standard_normal((1, TESTS, numbers))
    normals = normals * np.resize((1.0, 2.0, 3.0), TESTS)[None, :, None]
    inside = normals @ frame @ np.swapaxes(frame, 1, 2)
    draw, image, flat, middle = (
        integrand.values(rows)
        for rows in (normals + 0 * inside, 2 * inside - normals, inside, 0 * inside)
    )
    if not all(np.isfinite(part).all() for part in (draw, image, flat)):
        return None
    scale = np.abs(draw) + np.abs(image) + np.abs(draw).mean(axis=1, keepdims=True)
    if not (np.abs((draw + image) / 2 - flat) <= SAME * scale).all():
        return None
    first = slice(0, TESTS, 3)
    sizes = np.abs(draw), np.abs(draw - middle)
    return np.stack([part[:, first].mean(axis=1) for part in sizes])


class _Integrand:
    """The outputs at all points as functions of normal numbers."""

    def __init__(self, layout: Layout, points: Mapping[str, Any]):
        self.points, self.count = points, point_count(points)
        over_draws = jax.vmap(layout.draw, (None, 0))
        over_points = jax.vmap(over_draws, (0, 0), axis_size=self.count)
        self._values = jax.jit(
            over_points, compiler_options={"xla_backend_optimization_level": 0}
        )

    def values(self, normals: np.ndarray) -> np.ndarray:
        """Shape (points, draws, outputs), from (points, draws, numbers)."""
        draws, parts = normals.shape[1], []
        with jax.enable_x64(True):
            for start in range(0, draws, CHUNK):
                part = normals[:, start : start + CHUNK]
                missing = CHUNK - part.shape[1]
                part = np.pad(part, ((0, 0), (0, missing), (0, 0)))
                values = self._values(self.points, {"normal": jnp.asarray(part)})
                parts.append(np.asarray(values))
        return np.concatenate(parts, axis=1)[:, :draws]

    def sums(
        self, frame: np.ndarray, edges: np.ndarray, order: int, radii: int
    ) -> tuple[np.ndarray, int]:
        """The three means by one rule, and how many nodes of positive width it took."""
        nodes, weights = np.polynomial.legendre.leggauss(order)
        radius, mass = _radial_rule(radii)
        half = np.diff(edges, axis=1) / 2
        middle = edges[:, :-1] + half
        angle = middle[:, :, None] + half[:, :, None] * nodes
        share = (half[:, :, None] * weights / (2 * np.pi)).reshape(len(edges), -1)
        share = (share[:, :, None] * mass).reshape(len(edges), -1)
        plane = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        plane = plane.reshape(len(edges), -1, 1, 2) * radius[:, None]
        plane = plane.reshape(len(edges), -1, 2)
        normals = plane @ np.swapaxes(frame, 1, 2)
        values = self.values(normals)
        middle = self.values(0 * normals[:, :1])
        every = np.stack([values, np.abs(values), np.abs(values - middle)])
        # Wedges of no width may lie on a kink.
        every = np.where(share[:, :, None] > 0, every, 0.0)
        used = int((share > 0).sum(axis=1).max())
        return np.einsum("pn,kpnm->kpm", share, every), used


@functools.cache
def _radial_rule(order: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss nodes and weights on (0, inf) for the density r exp(-r^2 / 2).

    Of order 1: the node of Gauss-Laguerre in r^2 / 2, exact for degree 0 and 2. Else
    exact for all degrees below twice the order, by the Lanczos process on a fine rule
    (Gautschi 2004, section 2.2.3).
    """
    if order == 1:
        return np.array([np.sqrt(2.0)]), np.ones(1)
    fine, weight = np.polynomial.legendre.leggauss(600)
    radius = 20 * (fine + 1)
    start = np.sqrt(weight * 20 * radius * np.exp(-(radius**2) / 2))
    basis = [start / np.linalg.norm(start)]
    diagonal, off = [], []
    for _ in range(order):
        product = radius * basis[-1]
        diagonal.append(product @ basis[-1])
        done = np.stack(basis)
        for _ in range(2):  # Twice is enough.
            product = product - product @ done.T @ done
        off.append(np.linalg.norm(product))
        basis.append(product / off[-1])
    jacobi = np.diag(diagonal) + np.diag(off[:-1], 1) + np.diag(off[:-1], -1)
    nodes, vectors = np.linalg.eigh(jacobi)
    return nodes, vectors[0] ** 2
