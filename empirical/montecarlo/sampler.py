"""Means by sampling: blocks of base numbers, streamed into moments.

All points of a batch see the same noise (common random numbers), so a block of base
numbers is made once for all of them, and the differences between points are sharp.
The result depends on the key and the number of draws only.
"""

import functools
import hashlib
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from empirical.montecarlo.evaluate import Layout
from empirical.montecarlo.moments import Moments

__all__ = ["Sampler", "stream_key"]

BLOCK = 2**17
"""Base numbers in a block: about the size that stays in a core's cache."""
WORKING = 2**17
"""Values of the integrand held at a time, over all points."""
DIRECTIONS = 6
"""Linear combinations of the outputs that a sampler follows beside the outputs."""


def stream_key(*parts: Any) -> tuple[int, int]:
    """Two words that name a stream of noise: a hash of all parts."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:], "big")


class Sampler:
    """Draws an expectation at a batch of points and keeps only moments.

    Args:
        layout: What is averaged, and the other parameters.
        points: Array parameters, each with a leading axis for the points.
        optimized: Whether to compile for speed; if not, compilation takes half as long
            and draws up to twice.
        directions: Largest number of linear combinations that are followed at a time.
    """

    def __init__(
        self,
        layout: Layout,
        points: Mapping[str, Any],
        *,
        optimized: bool = True,
        directions: int = DIRECTIONS,
    ):
        self.layout, self.points = layout, dict(points)
        self.count = next(iter(points.values())).shape[0] if points else 1
        self.value_shape = self.layout.value_shape
        self.outputs = self.count * self.layout.value_size
        self.directions = directions
        widest = max(self.layout.sizes.values(), default=1)
        self.rows = _power_of_two(BLOCK // widest)
        self.step = min(self.rows, _power_of_two(WORKING // max(self.outputs, 1)))
        options = None if optimized else {"xla_backend_optimization_level": 0}
        self._block = jax.jit(self._block_moments, compiler_options=options)
        self._few = jax.jit(
            self._all_values, static_argnames="draws", compiler_options=options
        )

    def moments(self, key: tuple[int, int], draws: int) -> Moments:
        """Moments of every output at every point, shape (points, outputs).

        Args:
            key: The stream of noise.
            draws: How many draws, rounded up to whole blocks.
        """
        return self.moments_and_directions(key, draws)[0]

    def moments_and_directions(
        self,
        key: tuple[int, int],
        draws: int,
        directions: np.ndarray | None = None,
        inflation: float = 1.0,
        cross: bool = False,
        squash: tuple[float, float] | None = None,
    ) -> tuple[Moments, Moments, np.ndarray | None]:
        """Moments of the outputs and of linear combinations of them.

        Args:
            key: The stream of noise.
            draws: How many draws, rounded up to whole blocks.
            directions: Coefficients, shape (at most `self.directions`, points *
                outputs).
            inflation: Factor on all normal noise, undone by importance weights.
            cross: Whether to return the matrix of cross sums as well.
            squash: A centre c and a scale s: the moments of the directions then end
                with those of psi(s (y - c)), y the first direction and
                psi(x) = sign(x) log(1 + |x| + x^2 / 2) (Catoni 2012, (2.1)).

        Returns:
            Moments of shape (points, outputs), moments of shape (directions,), and the
            sums of products of deviations, or None.
        """
        given = 0 if directions is None else len(directions)
        wanted = np.zeros((self.directions, self.outputs))
        if directions is not None:
            wanted[:given] = directions
        total, products = None, np.zeros((self.outputs, self.outputs) if cross else ())
        with jax.enable_x64(True):
            options = {
                "directions": jnp.asarray(wanted),
                "inflation": jnp.asarray(float(inflation)),
                "cross": jnp.asarray(cross),
                "squash": jnp.asarray(squash or (0.0, 0.0)),
            }
            for part, part_products in self._blocks(key, draws, options, cross):
                if cross:
                    products = products + part_products
                    if total is not None:
                        gap = (part.mean - total.mean)[: self.outputs]
                        weight = total.count * part.count / (total.count + part.count)
                        products = products + weight * np.outer(gap, gap)
                total = part if total is None else total.merge(part)
        assert total is not None
        shape = (self.count, self.layout.value_size)
        lines = [self.outputs + 1 + number for number in range(given)]
        if squash is not None:  # Its column stands before those of the directions.
            lines.append(self.outputs)
        return (
            _reshape(total[: self.outputs], shape),
            total[np.array(lines, int)],
            products if cross else None,
        )

    def values(self, key: tuple[int, int], draws: int) -> np.ndarray:
        """A few draws themselves, shape (draws, points, outputs); one without noise."""
        with jax.enable_x64(True):
            if not self.points and not self.layout.sizes:
                return np.asarray(self.layout.draw({}, {}))[None, None]
            base = {
                source: _base_numbers(_key(key, 0, source), source, draws * size)
                for source, size in self.layout.sizes.items()
            }
            return np.asarray(self._few(self.points, base, draws=draws))

    def _blocks(
        self, key, draws, options, cross
    ) -> Iterator[tuple[Moments, np.ndarray]]:
        pending: deque[Any] = deque()
        for number in range(-(-draws // self.rows)):
            base = {
                source: _base_numbers(
                    _key(key, number, source), source, _at_least(self.rows * size)
                )
                for source, size in self.layout.sizes.items()
            }
            pending.append(self._block(self.points, base, options))
            # A short queue keeps the device busy while the host merges.
            if len(pending) > 2:
                yield _fetch(pending.popleft(), cross)
        while pending:
            yield _fetch(pending.popleft(), cross)

    def _block_moments(self, points, base, options):
        """Moments of one block, by steps of `step` draws."""
        steps = self.rows // self.step
        rows = {
            source: numbers[: self.rows * self.layout.sizes[source]].reshape(
                steps, self.step, self.layout.sizes[source]
            )
            for source, numbers in base.items()
        }
        width = self.outputs + 1 + self.directions
        inflation, cross = options["inflation"], options["cross"]

        def one_step(carry, row):
            total, products = carry
            weights = jnp.ones(self.step)
            if "normal" in row:
                inflated = inflation * row["normal"]
                weights = _importance(inflated, inflation)
                row = {**row, "normal": inflated}
            values = self._batch(points, row) * weights[:, None]
            along = values @ options["directions"].T
            squashed = _squash(along[:, :1], *options["squash"])
            values = jnp.concatenate([values, squashed, along], axis=1)
            part = Moments.of(values)
            merged = total.merge(part)
            gap = (values - merged.mean[None])[:, : self.outputs]
            # About the running mean: exact up to the drift of that mean over a block.
            products = lax.cond(cross, lambda: products + gap.T @ gap, lambda: products)
            return (merged, products), None

        start = Moments(jnp.zeros(()), *(jnp.zeros(width) for _ in range(3)))
        zeros = jnp.zeros((self.outputs, self.outputs))
        (total, products), _ = lax.scan(one_step, (start, zeros), rows, length=steps)
        return total, products

    def _batch(self, points, rows):
        """Values of shape (draws, points * outputs) for a batch of rows."""
        draws = next(iter(rows.values())).shape[0] if rows else 1
        over_points = jax.vmap(self.layout.draw, (0, None), axis_size=self.count)
        over_draws = jax.vmap(over_points, (None, 0), axis_size=draws)
        return over_draws(points, rows).reshape(draws, -1)

    def _all_values(self, points, base, draws):
        rows = {source: numbers.reshape(draws, -1) for source, numbers in base.items()}
        values = self._batch(points, rows)
        return values.reshape(values.shape[0], self.count, -1)


@functools.partial(jax.jit, static_argnames=("source", "size"))
def _base_numbers(key, source: str, size: int):
    """The one place where randomness is made."""
    key = jax.random.wrap_key_data(key, impl="threefry2x32")
    if source == "normal":
        return jax.random.normal(key, (size,), jnp.float64)
    if source == "uniform":
        return jax.random.uniform(key, (size,), jnp.float64)
    return jax.random.bits(key, (size,), jnp.uint32)


def _key(key: tuple[int, int], number: int, source: str) -> np.ndarray:
    return np.array(stream_key(*key, number, source), np.uint32)


def _importance(normals: jax.Array, inflation: jax.Array) -> jax.Array:
    """Density of N(0, 1) over that of N(0, inflation^2), for rows of normals."""
    square = jnp.sum(normals**2, axis=1)
    shrink = 1 - 1 / inflation**2
    return jnp.exp(normals.shape[1] * jnp.log(inflation) - square * shrink / 2)


def _squash(values: jax.Array, center: jax.Array, scale: jax.Array) -> jax.Array:
    """Catoni's influence function of centred and scaled values."""
    scaled = scale * (values - center)
    return jnp.sign(scaled) * jnp.log1p(jnp.abs(scaled) + scaled**2 / 2)


def _fetch(block: tuple[Moments, jax.Array], cross: bool) -> tuple[Moments, Any]:
    moments, products = block
    host = Moments(
        int(moments.count),
        *map(np.asarray, (moments.mean, moments.second, moments.third)),
    )
    return host, np.asarray(products) if cross else None


def _reshape(moments: Moments, shape: tuple[int, ...]) -> Moments:
    return Moments(
        moments.count,
        *(a.reshape(shape) for a in (moments.mean, moments.second, moments.third)),
    )


def _power_of_two(limit: int) -> int:
    """The largest power of two that is at most `limit`, and at least 1."""
    return 1 << max(limit.bit_length() - 1, 0) if limit > 0 else 1


def _at_least(size: int) -> int:
    """The smallest power of two that is at least `size`: few shapes to compile."""
    return 1 << (size - 1).bit_length()
