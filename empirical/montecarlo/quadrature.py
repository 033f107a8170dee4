"""Near-exact means: a smooth function of few normal directions needs no sampling."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy

from empirical.montecarlo.directions import frames, is_smooth
from empirical.montecarlo.evaluate import Layout
from empirical.montecarlo.laws import Sphere
from empirical.montecarlo.lazy import lazy

__all__ = ["AGREEMENT", "quadrature_sums"]

ORDERS = {1: (95, 128, 255, 512), 2: (47, 64, 127, 256, 383), 3: (23, 32, 63)}
"""Nodes per direction of rules in turn: two that agree have converged. Odd and even
take turns: rules of one parity agree about a jump near zero, where none has a node."""
TRIED = 2
"""Rules that are tried whatever the program looks like."""
AGREEMENT = 1e-10
"""Largest difference of two rules, relative to the mean of |value|."""
MOST_OUTCOMES = 2**10
"""Outcomes of discrete noise beside the normal numbers, each with a rule of its own."""
MOST_NODES = 2**22
"""Nodes of a rule, over all outcomes."""
WORKING = 2**20
"""Numbers held at a time, over all points."""


def quadrature_sums(
    layout: Layout, points: Mapping[str, Any], key: tuple[int, int]
) -> tuple[np.ndarray, int] | None:
    """Means of the value, its size and its distance from that at 0, by Gauss-Hermite.

    Args:
        layout: What is averaged, and the other parameters.
        points: Array parameters, with a leading axis for the points.
        key: Names the draws in which directions are looked for.

    Returns:
        The means, shape (3, points, outputs), and how many nodes they took; None if the
        noise is more than normal numbers and few discrete outcomes, if more than three
        directions matter, or if two orders of the rule differ, as they do about a kink.
    """
    numbers = layout.sizes.get("normal", 0)
    outcomes = _outcome_count(layout)
    if not numbers or outcomes is None:
        return None
    # One to three numbers alone are cheap to try, whatever the program looks like.
    cheap = numbers in ORDERS and outcomes == 1
    laws = layout.expectation.laws.values()
    if numbers not in ORDERS and any(isinstance(law, Sphere) for law in laws):
        return None  # A norm depends on all of its numbers.
    if not cheap and not is_smooth(layout, points):
        return None
    integrand = _Integrand(layout, points, outcomes)
    if numbers in ORDERS:
        found = np.broadcast_to(np.eye(numbers), (integrand.count, numbers, numbers))
    else:
        found = frames(integrand, points, outcomes, key, max(ORDERS))
    if found is None:
        return None
    before, spent = None, 0
    for number, order in enumerate(ORDERS[found.shape[2]]):
        nodes = outcomes * order ** found.shape[2]
        if nodes > MOST_NODES:
            return None
        if cheap and number == TRIED and not is_smooth(layout, points):
            return None
        sums = integrand.sums(order, found)
        spent += nodes
        if before is not None and _agree(before, sums):
            return sums, spent
        before = sums
    return None


def _agree(first: np.ndarray, second: np.ndarray) -> bool:
    # A node may be a pole, which no draw ever meets.
    finite = np.isfinite(first).all() and np.isfinite(second).all()
    with np.errstate(invalid="ignore"):
        near = np.abs(second[0] - first[0]) <= AGREEMENT * second[1]
    return bool(finite and near.all())


def _outcome_count(layout: Layout) -> int | None:
    """Joint outcomes of the noise that is not made of normal numbers; None if many."""
    total = 1
    for name, law in layout.expectation.laws.items():
        if law.source != "normal":
            count = law.outcome_count(layout.shapes[name])
            if count is None or total * count > MOST_OUTCOMES:
                return None
            total *= count
    return total


class _Integrand:
    """The outputs at all points, as functions of normal numbers and an outcome."""

    def __init__(self, layout: Layout, points: Mapping[str, Any], outcomes: int):
        self.layout, self.points, self.outcomes = layout, points, outcomes
        self.count = next(iter(points.values())).shape[0] if points else 1
        self.numbers = layout.sizes["normal"]
        self.outputs = layout.value_size
        held = self.count * max(self.numbers, self.outputs)
        largest = 9 if outcomes == 1 else 11
        self.chunk = 1 << min(max((WORKING // held).bit_length() - 1, 3), largest)
        over_draws = jax.vmap(self.draw, (None, 0, 0))
        over_points = jax.vmap(over_draws, (0, 0, None), axis_size=self.count)
        self._values = jax.jit(over_points)

    def draw(self, point, normals: jax.Array, index: Any) -> jax.Array:
        """The outputs at one point; the index names the outcome of discrete noise."""
        return self._with_chance(point, normals, index)[0]

    def _with_chance(self, point, normals, index):
        layout, chance, noise = self.layout, jnp.asarray(1.0), {}
        parameters = {**layout.static, **point}
        for name, law in layout.expectation.laws.items():
            shape = layout.shapes[name]
            if law.source == "normal":
                base = normals[layout.slices[name]]
                noise[name] = law.transform(base, shape, parameters)
            else:
                own = law.outcome_count(shape)
                noise[name], factor = law.outcome(index % own, shape, parameters)
                index, chance = index // own, chance * factor
        value = jnp.ravel(layout.expectation(**parameters, **noise))
        return value.astype(jnp.float64), chance

    def values(self, normals: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Outputs of shape (points, draws, outputs).

        Args:
            normals: Normal numbers, shape (points or 1, draws, numbers).
            index: Number of the discrete outcome of each draw.
        """
        draws = normals.shape[1]
        parts = []
        with jax.enable_x64(True):
            for start in range(0, draws, self.chunk):
                part = normals[:, start : start + self.chunk]
                # Filled up, so that all chunks run one compiled program.
                missing = self.chunk - part.shape[1]
                part = np.pad(part, ((0, 0), (0, missing), (0, 0)), mode="edge")
                part = np.broadcast_to(part, (self.count, *part.shape[1:]))
                which = np.pad(index[start : start + self.chunk], (0, missing))
                parts.append(np.asarray(self._values(self.points, part, which)))
        return np.concatenate(parts, axis=1)[:, :draws]

    @lazy
    def chances(self) -> np.ndarray:
        """Probability of every outcome at every point, shape (points, outcomes)."""
        if self.outcomes == 1:
            return np.ones((self.count, 1))
        zeros = jnp.zeros(self.numbers)
        with jax.enable_x64(True):

            def chance(point, index):
                return self._with_chance(point, zeros, index)[1]

            over = jax.vmap(
                jax.vmap(chance, (None, 0)), (0, None), axis_size=self.count
            )
            return np.asarray(jax.jit(over)(self.points, jnp.arange(self.outcomes)))

    def sums(self, order: int, frames: np.ndarray) -> np.ndarray:
        """The three means of `quadrature_sums`, by the product rule within frames."""
        grid, weights = _tensor_rule(order, frames.shape[2])
        origin = np.zeros((1, 1, self.numbers))
        middle = self.values(origin, np.zeros(1, int))
        total = np.zeros((3, self.count, self.outputs))
        nodes = len(weights) * self.outcomes
        for start in range(0, nodes, self.chunk):
            number = np.arange(start, min(start + self.chunk, nodes))
            row, index = number % len(weights), number // len(weights)
            values = self.values(grid[row] @ np.swapaxes(frames, 1, 2), index)
            mass = (weights[row] * self.chances[:, index])[:, :, None]
            # What cannot happen counts for nothing, even where it is not finite.
            values = np.where(mass > 0, values, 0.0)
            with np.errstate(invalid="ignore"):  # At a pole.
                total += np.stack(
                    [
                        np.sum(mass * values, axis=1),
                        np.sum(mass * np.abs(values), axis=1),
                        np.sum(mass * np.abs(values - middle), axis=1),
                    ]
                )
        return total


def _tensor_rule(order: int, numbers: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of the product rule for independent standard normals."""
    nodes, weights = scipy.special.roots_hermitenorm(order)
    weights = weights / weights.sum()
    grid = np.stack(np.meshgrid(*[nodes] * numbers, indexing="ij"), axis=-1)
    mass = functools.reduce(np.multiply.outer, [weights] * numbers)
    return grid.reshape(-1, numbers), mass.ravel()
