"""Means over independent replicates of scrambled Sobol points, by one program.

A replicate is a scrambled set of 2^m points; the replicates differ in their scrambling
only, so that their means are independent and each is unbiased. All points of a batch
use the same numbers, each turned by the rotation of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import ndtri

from empirical.montecarlo.evaluate import Layout
from empirical.montecarlo.quasi.pilot import point_count
from empirical.montecarlo.quasi.sobol import (
    DIGITS,
    direction_numbers,
    reversed_points,
    scrambled,
    seeds,
)
from empirical.montecarlo.sampler import stream_key

__all__ = ["GROUP", "LARGEST", "MOST", "Plan", "ReplicateMeans", "Replicates"]

GROUP = 2**6
"""Fewest draws of a replicate."""
LARGEST = 2**DIGITS
"""Most draws of a replicate."""
MOST = 64
"""Most replicates of one run."""
DIMENSIONS = 1024
"""Coordinates of the Sobol points; further base numbers are independent.

Many at little cost: sums of functions of one number each gain in all dimensions, where
64 coordinates of 512 gained nothing and control variates less.
"""
BLOCK = 2**17
"""Base numbers in a block."""
WORKING = 2**18
"""Numbers held at a time, over all points."""


@dataclass(frozen=True)
class Plan:
    """What is done to the normal numbers before the integrand sees them.

    Attributes:
        v: Reflectors of the rotations I - V W, shape (points, numbers, directions).
        w: Likewise, shape (points, directions, numbers).
        scale: Factors, undone by weights, shape (points, numbers).
        flip: 1 or -1, shape (points, numbers): the signs of the second of two draws.
        mirrored: Whether draws come in pairs that differ by these signs.
    """

    v: np.ndarray
    w: np.ndarray
    scale: np.ndarray
    flip: np.ndarray
    mirrored: bool = False


@dataclass(frozen=True)
class ReplicateMeans:
    """Means of replicates.

    Attributes:
        means: Shape (replicates, points, outputs).
        variance: Of one draw of the integrand, independent of others, shape (points,
            outputs).
        draws: Evaluations of the integrand at every point, over all replicates.
    """

    means: np.ndarray
    variance: np.ndarray
    draws: int

    @property
    def mean(self) -> np.ndarray:
        """Mean over the replicates."""
        return self.means.mean(axis=0)

    @property
    def standard_error(self) -> np.ndarray:
        """Standard error of that mean, from the spread of the replicates."""
        return self.means.std(axis=0, ddof=1) / np.sqrt(len(self.means))


class Replicates:
    """Runs replicates of an expectation at a batch of points.

    Args:
        layout: What is averaged, and the other parameters.
        points: Array parameters, each with a leading axis for the points.
        width: Directions of the rotations; 0 if there are none.
        optimized: Whether to compile for speed.
    """

    def __init__(
        self,
        layout: Layout,
        points: Mapping[str, Any],
        width: int,
        *,
        optimized: bool = True,
    ):
        self.layout, self.points, self.width = layout, dict(points), width
        self.count = point_count(points)
        self.outputs = self.count * layout.value_size
        numbers = layout.sizes.get("normal", 0), layout.sizes.get("uniform", 0)
        self.columns = _columns(*numbers)
        self.dimensions = sum(len(own) for own in self.columns.values())
        widest = max(layout.sizes.values(), default=1)
        rows = max(BLOCK // max(widest, 1), GROUP)
        held = self.count * max(layout.value_size, numbers[0] if width else 1)
        self.groups = 1 << (rows // GROUP).bit_length() - 1
        fitting = max(WORKING // (GROUP * held), 1)
        self.step = min(self.groups, 1 << fitting.bit_length() - 1)
        options = None if optimized else {"xla_backend_optimization_level": 0}
        self._block = jax.jit(
            self._add_block, donate_argnums=0, compiler_options=options
        )

    def run(
        self, key: tuple[int, int], plan: Plan | None, replicates: int, size: int
    ) -> ReplicateMeans:
        """Means of replicates.

        Args:
            key: Names the scrambling, and the noise beyond the Sobol points.
            plan: What is done to the normal numbers; None if `width` is 0.
            replicates: How many, at most 64.
            size: Draws of each: a power of two from 2^6 to 2^20.
        """
        each = size // GROUP
        mirrored = plan is not None and plan.mirrored
        arrays = (
            {}
            if plan is None
            else {"v": plan.v, "w": plan.w, "scale": plan.scale, "flip": plan.flip}
        )
        random = seeds(stream_key(*key, "scrambling"), MOST, max(self.dimensions, 1))
        with jax.enable_x64(True):
            inputs = {
                "points": self.points,
                "plan": arrays,
                "seeds": jax.tree.map(jnp.asarray, random),
                "directions": jnp.asarray(direction_numbers(max(self.dimensions, 1))),
                "replicates": jnp.asarray(replicates),
                "each": jnp.asarray(each),
                "mirrored": jnp.asarray(mirrored),
            }
            sums = jnp.zeros((MOST, self.outputs)), jnp.zeros(self.outputs)
            for start in range(0, replicates * each, self.groups):
                words = stream_key(*key, "independent", start)
                sums = self._block(
                    sums, inputs, jnp.asarray(start), np.array(words, np.uint32)
                )
            totals, squares = map(np.asarray, sums)
        shape = (self.count, self.layout.value_size)
        means = (totals[:replicates] / each).reshape(-1, *shape)
        second = (squares / (replicates * each)).reshape(shape)
        variance = np.maximum(second - means.mean(axis=0) ** 2, 0.0)
        return ReplicateMeans(means, variance, replicates * size)

    def _add_block(self, sums, inputs, start, words):
        """Sums over groups of the values, by replicate, and of the squares."""
        key = jax.random.wrap_key_data(words, impl="threefry2x32")

        def one_step(sums, number):
            totals, squares = sums
            group = start + number * self.step + jnp.arange(self.step)
            replicate = group // inputs["each"]
            base = self._base(inputs, group, replicate, jax.random.fold_in(key, number))
            values, square = self._values(inputs, base)
            # What lies beyond the last replicate is dropped.
            last = replicate < inputs["replicates"]
            totals = totals.at[jnp.where(last, replicate, MOST)].add(
                values, mode="drop"
            )
            squares = squares + jnp.sum(jnp.where(last[:, None], square, 0.0), axis=0)
            return (totals, squares), None

        return lax.scan(one_step, sums, jnp.arange(self.groups // self.step))[0]

    def _base(self, inputs, group, replicate, key):
        """Base numbers of each source, shape (groups, GROUP, numbers)."""
        mirrored, directions = inputs["mirrored"], inputs["directions"]
        # In mirrored groups the second half repeats the numbers of the first.
        half = jnp.where(mirrored, GROUP // 2, GROUP)
        low = jnp.arange(GROUP) % half
        high = group % inputs["each"] * half
        points = (
            reversed_points(directions, high.astype(jnp.uint32))[:, None]
            ^ reversed_points(directions, low.astype(jnp.uint32))[None]
        )
        own = jax.tree.map(
            lambda seed: seed[jnp.minimum(replicate, MOST - 1)][:, None],
            inputs["seeds"],
        )
        uniform = scrambled(points, own)
        shape, base = (len(group), GROUP), {}
        for number, (source, size) in enumerate(self.layout.sizes.items()):
            columns = self.columns.get(source, np.zeros(0, int))
            rest = (*shape, size - len(columns))
            random, parts = jax.random.fold_in(key, number), []
            if len(columns):
                covered = uniform[:, :, columns]
                if source == "normal":
                    covered = ndtri(jnp.maximum(covered, 2.0**-60))
                parts.append(covered)
            if rest[2]:
                parts.append(_repeated(_independent(random, source, rest), mirrored))
            base[source] = jnp.concatenate(parts, axis=2)
        return base

    def _values(self, inputs, base):
        """Means over each group, and mean squares, of shape (groups, outputs)."""
        groups = next(iter(base.values())).shape[0] if base else self.step
        # First halves of the groups, then second halves: (2, draws, numbers).
        halves = {
            source: jnp.moveaxis(
                numbers.reshape(groups, 2, GROUP // 2, -1), 1, 0
            ).reshape(2, groups * GROUP // 2, -1)
            for source, numbers in base.items()
        }
        shape, plan = (2, groups * GROUP // 2, self.count), inputs["plan"]
        weights, own = jnp.ones(shape), dict.fromkeys(halves)
        if plan:
            weights, turned = _turned(halves["normal"], plan)
            halves, own = {**halves, "normal": turned}, {**own, "normal": 0}
        over_points = jax.vmap(self.layout.draw, (0, own), axis_size=self.count)
        over_draws = jax.vmap(jax.vmap(over_points, (None, 0)), (None, 0))
        values = over_draws(inputs["points"], halves)
        weighted = weights[:, :, :, None] * values
        split = (2, groups, GROUP // 2, -1)
        return (
            jnp.mean(part.reshape(split), axis=(0, 2))
            for part in (weighted, weighted * values)
        )


def _turned(normals, plan):
    """Importance weights, and the normal numbers of each point: (2, draws, points, _).

    With factors s and signs e the numbers z become Q (s e z), Q = I - V W.
    """
    _, draws, numbers = normals.shape
    points, width, _ = plan["w"].shape
    scale = plan["scale"]
    excess = normals.reshape(-1, numbers) ** 2 @ (scale**2 - 1).T
    weights = jnp.prod(scale, axis=1)[None] * jnp.exp(-excess / 2)
    factors = scale[None] * jnp.stack([jnp.ones_like(scale), plan["flip"]])
    # One product of matrices for all points, then few multiplications for each.
    along = (plan["w"][None] * factors[:, :, None]).reshape(2, -1, numbers)
    along = (normals @ jnp.swapaxes(along, 1, 2)).reshape(2, draws, points, width)
    turned = normals[:, :, None] * factors[:, None]
    for k in range(width):
        turned = turned - along[..., k, None] * plan["v"][None, None, :, :, k]
    return weights.reshape(2, draws, points), turned


def _columns(normals: int, uniforms: int) -> dict[str, np.ndarray]:
    """Which coordinates of the Sobol points each source takes.

    The earlier coordinates are the better ones: a few for the leading normals, then the
    uniforms, then the other normals.
    """
    first = min(normals, 8)
    own = min(uniforms, DIMENSIONS - first)
    rest = min(normals - first, DIMENSIONS - first - own)
    places = np.arange(first + own + rest)
    return {
        "normal": np.concatenate([places[:first], places[first + own :]]),
        "uniform": places[first : first + own],
    }


def _independent(key: jax.Array, source: str, shape: tuple[int, ...]) -> jax.Array:
    if source == "normal":
        return jax.random.normal(key, shape, jnp.float64)
    if source == "uniform":
        return jax.random.uniform(key, shape, jnp.float64)
    return jax.random.bits(key, shape, jnp.uint32)


def _repeated(numbers: jax.Array, mirrored: jax.Array) -> jax.Array:
    """In mirrored groups, the first half of the draws twice."""
    half = numbers[:, : GROUP // 2]
    return jnp.where(mirrored, jnp.concatenate([half, half], axis=1), numbers)
