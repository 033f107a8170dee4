"""The compiled program of a block: noise, integrand and moments, without big arrays.

Draws are the last axis of all arrays, so that vectors run along them. A step makes the
noise of a few rows of both halves of a block, and then takes the halves in turn: the
bound of the inner loop keeps XLA from making the noise anew wherever it is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from empirical.montecarlo.evaluate import Layout
from empirical.montecarlo.moments import Moments
from empirical.montecarlo.noise import Block

__all__ = ["BlockProgram"]


@dataclass(frozen=True, eq=False)
class BlockProgram:
    """What is done with the blocks of a group.

    Attributes:
        layout: What is averaged.
        block: The noise.
        points: How many points there are.
        outputs: Values of a draw, over all points.
        directions: Linear combinations of the outputs that can be followed.
        step: Rows that are held at a time, an even number that divides those of a
            block.
        group: Most blocks of a call.
        cross: Whether there is room for the matrix of cross sums.
    """

    layout: Layout
    block: Block
    points: int
    outputs: int
    directions: int
    step: int
    group: int
    cross: bool

    @property
    def width(self) -> int:
        """Quantities whose moments are kept."""
        return self.outputs + (self.directions + 1 if self.directions else 0)

    def __call__(
        self,
        points: Mapping[str, Any],
        keys: Mapping[str, jax.Array],
        numbers: jax.Array,
        count: jax.Array,
        options: Mapping[str, jax.Array],
    ) -> tuple[jax.Array, ...]:
        """Arrays of a stacked `Part`, of which the first `count` entries are blocks.

        Args:
            points: Array parameters, with a leading axis for the points.
            keys: Words for each source and block, shape (group, 2).
            numbers: The blocks, shape (group,).
            count: How many of them.
            options: See `Sampler.moments_and_directions`.
        """
        points = jax.tree.map(self._cast, dict(points))

        def one(place, stacked):
            own, number = jax.tree.map(lambda a: _at(a, place), (dict(keys), numbers))
            found = self._block(points, own, number, options)
            return jax.tree.map(
                lambda a, b: lax.dynamic_update_index_in_dim(a, b, place, 0),
                stacked,
                found,
            )

        start = jax.tree.map(
            lambda a: jnp.zeros((self.group, *a.shape), a.dtype), self._nothing()
        )
        total, products = lax.fori_loop(0, count, one, start)
        rest = (products,) if self.cross else ()
        count = total.count[:, None]
        return (count, total.mean, total.second, total.third, *rest)

    def batch(self, points, rows, draws: int):
        """Values of shape (points * outputs, draws), for rows as columns."""

        def value(point, row):
            return self.layout.draw(point, row, self.block.dtype)

        over_points = jax.vmap(value, (0, None), axis_size=self.points)
        over_draws = jax.vmap(over_points, (None, 1), -1, axis_size=draws)
        return over_draws(points, rows).reshape(self.outputs, draws)

    def _cast(self, array):
        floating = jnp.issubdtype(array.dtype, jnp.floating)
        narrow = floating and self.block.dtype == jnp.float32
        return array.astype(jnp.float32) if narrow else array

    def _nothing(self):
        size = self.outputs if self.cross else 0
        zeros = (jnp.zeros(self.width) for _ in range(3))
        return Moments(jnp.zeros(()), *zeros), jnp.zeros((size, size))

    def _block(self, points, keys, number, options):
        """Moments of one block, by steps of `step` draws."""
        half = self.step // 2
        opened = self.block.opened(keys, number)

        def one_step(place, carry):
            pairs = self.block.pairs(keys, number, opened, place * half, half)

            def one_half(side, carry):
                rows = self.block.taken(pairs, side, half)
                return self._merged(carry, self._values(points, rows, options), options)

            return lax.fori_loop(0, 2, one_half, carry)

        return lax.fori_loop(0, self.block.rows // self.step, one_step, self._nothing())

    def _values(self, points, rows, options):
        if "normal" not in rows:
            return self.batch(points, rows, self.step // 2)
        factor, offset, slope = options["inflation"].astype(self.block.dtype)
        normals = factor * rows["normal"]
        # Density of N(0, 1) over that of N(0, factor^2).
        weights = lax.cond(
            options["inflated"],
            lambda: jnp.exp(offset - slope * jnp.sum(normals**2, axis=0)),
            lambda: jnp.ones(normals.shape[1], normals.dtype),
        )
        values = self.batch(points, {**rows, "normal": normals}, self.step // 2)
        return values * weights[None]

    def _merged(self, carry, values, options):
        total, products = carry
        # A branch that is always taken: the values are stored before, once.
        every = lax.cond(
            options["always"],
            lambda: Moments.of(self._followed(values, options), axis=-1),
            lambda: self._nothing()[0],
        )
        part, merged = every[: self.outputs], total.merge(every)
        if self.cross:
            products = lax.cond(
                options["cross"],
                lambda: products + self._products(total, part, merged, values),
                lambda: products,
            )
        return merged, products

    def _followed(self, values, options):
        """The values, the influence function of the first direction, and directions."""
        if not self.directions:
            return values
        directions = options["directions"].astype(values.dtype)
        along = jnp.matmul(directions, values, precision=lax.Precision.HIGHEST)
        center, scale = options["squash"].astype(values.dtype)
        # Catoni's influence function of centred and scaled values.
        scaled = scale * (along[:1] - center)
        squashed = jnp.sign(scaled) * jnp.log1p(jnp.abs(scaled) + scaled**2 / 2)
        return jnp.concatenate([values, squashed, along])

    def _products(self, total, part, merged, values):
        """What these values add to the sums of products of deviations."""
        gap = values - part.mean[:, None].astype(values.dtype)
        own = jnp.matmul(gap, gap.T, precision=lax.Precision.HIGHEST)
        shift = part.mean - total.mean[: self.outputs]
        weight = total.count * part.count / merged.count
        return own + weight * shift[:, None] * shift[None]


def _at(array: jax.Array, place: jax.Array) -> jax.Array:
    return lax.dynamic_index_in_dim(array, place, 0, keepdims=False)
