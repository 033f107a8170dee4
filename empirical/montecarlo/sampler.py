"""Means by sampling: blocks of base numbers, streamed into moments.

All points of a batch see the same noise (common random numbers), so a block of base
numbers is made once for all of them, and the differences between points are sharp.
The result depends on the key and the number of draws only: not on devices, on
processes, or on the order in which they come to an end.
"""

import logging
import os
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from empirical.montecarlo.evaluate import Layout
from empirical.montecarlo.fleet import Fleet
from empirical.montecarlo.merging import MergeTree, Part
from empirical.montecarlo.moments import Moments
from empirical.montecarlo.noise import NOISES, Block, Noise, first_rows, stream_key
from empirical.montecarlo.streaming import BlockProgram

__all__ = ["Sampler", "stream_key"]

BLOCK = 2**17
"""Base numbers in a block, and in a step at most: they stay in a core's cache."""
WORKING = 2**16
"""Values of the integrand held at a time, over all points."""
DIRECTIONS = 6
"""Linear combinations of the outputs that a sampler follows beside the outputs."""
MOST_CROSSED = 512
"""With more outputs, cross sums have a program of their own: others need no room."""
GROUP = 16
"""Most blocks of a call."""
GROUP_VALUES = 2**16
"""Results of a call, counted in numbers."""
WIDE = {"xla_cpu_prefer_vector_width": 512}
"""On CPU, where there are no more outputs than base numbers and so most of the time
goes to noise: in vectors of 256 bits there are but four pairs of numbers."""
LOG = logging.getLogger(__name__)


class Sampler:
    """Draws an expectation at a batch of points and keeps only moments.

    Args:
        layout: What is averaged, and the other parameters.
        points: Array parameters, each with a leading axis for the points.
        optimized: Whether to compile for speed; if not, compilation takes half as long
            and draws up to twice.
        directions: Largest number of linear combinations that are followed at a time.
        noise: "native", "fine" (normal numbers of 53 bits, four times slower) or "jax"
            (`jax.random`); see `empirical.montecarlo.noise`.
        precision: Of the integrand and its parameters. The harness decides in
            "float64"; "float32" takes half the time. Moments are double either way.
        fleet: Other processes that draw the same; None if there are none.

    Raises:
        ValueError: `noise` or `precision` is none of these.
    """

    def __init__(
        self,
        layout: Layout,
        points: Mapping[str, Any],
        *,
        optimized: bool = True,
        directions: int = DIRECTIONS,
        noise: Noise = "native",
        precision: Literal["float64", "float32"] = "float64",
        fleet: Fleet | None = None,
    ):
        for name, value, known in (
            ("noise", noise, NOISES),
            ("precision", precision, ("float64", "float32")),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {known}, got {value!r}")
        self.layout, self.points = layout, dict(points)
        self.count = next(iter(points.values())).shape[0] if points else 1
        self.value_shape = self.layout.value_shape
        self.outputs = self.count * self.layout.value_size
        self.directions = directions
        widest = max(self.layout.sizes.values(), default=1)
        self.rows = max(_power_of_two(BLOCK // widest), 2)
        self.step = min(self.rows, max(_power_of_two(WORKING // self.outputs), 2))
        self.noise, self.fleet = noise, fleet
        self._layout_of_noise = Block(
            layout.sizes, self.rows, noise, jnp.dtype(precision), layout.coins
        )
        self._options = None
        if not optimized:
            self._options = {"xla_backend_optimization_level": 0}
        self._programs: dict[bool, Any] = {}
        self._few = jax.jit(
            self._all_values, static_argnames="draws", compiler_options=self._options
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
        options = {
            "directions": wanted,
            "always": np.asarray(True),
            "inflated": np.asarray(inflation != 1),
            "inflation": self._weighting(float(inflation)),
            "cross": np.asarray(cross),
            "squash": np.asarray(squash or (0.0, 0.0), float),
        }
        total = self._total(key, -(-draws // self.rows), options)
        found = total.moments
        found = Moments(int(found.count[0]), found.mean, found.second, found.third)
        shape = (self.count, self.layout.value_size)
        lines = [self.outputs + 1 + number for number in range(given)]
        if squash is not None:  # Its place is before those of the directions.
            lines.append(self.outputs)
        return (
            _reshape(found[: self.outputs], shape),
            found[np.array(lines, int)],
            total.products if cross else None,
        )

    def values(self, key: tuple[int, int], draws: int) -> np.ndarray:
        """The first draws themselves, shape (draws, points, outputs).

        Without noise there is one.
        """
        with jax.enable_x64(True):
            if not self.points and not self.layout.sizes:
                return np.asarray(self.layout.draw({}, {}))[None, None]
            block = self._layout_of_noise
            keys = block.keys(key, range(1))
            streams = {
                stream: first_rows(
                    keys[stream][0], stream, size, self.rows, draws, self.noise
                )
                for stream, size in block.streams.items()
            }
            base = block.joined(streams, axis=1)
            return np.asarray(self._few(self.points, base, draws=draws))

    def _weighting(self, inflation: float) -> np.ndarray:
        """The factor f, d log f and (1 - 1 / f^2) / 2, for d normal numbers."""
        normals = self.layout.sizes.get("normal", 0)
        slope = (1 - 1 / inflation**2) / 2
        return np.array([inflation, normals * np.log(inflation), slope])

    def _total(self, key, blocks: int, options) -> Part:
        """All blocks together, some of them made by others."""
        fleet = self.fleet
        if fleet is None or fleet.size == 1:
            return self._halving(key, range(blocks), options)
        # Runs that are whole branches of the tree, a few for each process.
        length = _power_of_two(blocks // (4 * fleet.size))
        own = {
            number: self._halving(
                key, range(start, min(start + length, blocks)), options
            ).arrays
            for number, start in enumerate(range(0, blocks, length))
            if fleet.mine(number)
        }
        tree = MergeTree()
        for _, arrays in sorted(fleet.exchange(own).items()):
            tree.extend(Part.of(tuple(np.asarray(a)[None] for a in arrays)))
        return tree.total()

    def _halving(self, key, blocks: range, options) -> Part:
        """Blocks in a row, in smaller steps if memory does not suffice."""
        while True:
            try:
                with jax.enable_x64(True):
                    tree = MergeTree()
                    for part in self._parts(key, blocks, options):
                        tree.extend(part)
                    return tree.total()
            except jax.errors.JaxRuntimeError as error:
                if "RESOURCE_EXHAUSTED" not in str(error) or self.step == 2:
                    raise
            self.step //= 2
            self._programs.clear()
            LOG.warning(
                "%s: out of memory, going on with %d draws at a time",
                self.layout.expectation.name,
                self.step,
            )

    def _parts(self, key, blocks: range, options) -> Iterator[Part]:
        """Blocks in a row, computed in groups on all devices in turn."""
        cross = bool(options["cross"])
        kept = cross or self.outputs <= MOST_CROSSED
        program, group = self._program(kept)
        devices, workers = _devices()
        # Few blocks are worth few devices, each of which compiles.
        devices = devices[: max(len(blocks) // 4, 1)]
        inputs = [jax.device_put((self.points, options), d) for d in devices]
        size = min(group, max(len(blocks) // (4 * workers), 1))
        pending: deque[tuple[Any, int]] = deque()
        for turn, start in enumerate(range(blocks.start, blocks.stop, size)):
            numbers = range(start, min(start + size, blocks.stop))
            which = turn % len(devices)
            points, settings = inputs[which]
            keys = self._layout_of_noise.keys(key, numbers)
            padded = np.zeros(group, np.uint32)
            padded[: len(numbers)] = numbers
            rest = {
                s: np.pad(w, ((0, group - len(numbers)), (0, 0)))
                for s, w in keys.items()
            }
            count = np.asarray(len(numbers))
            pending.append(
                (program(points, rest, padded, count, settings), len(numbers))
            )
            # A short queue keeps the devices busy while the host merges.
            if len(pending) > 2 * workers:
                yield _fetched(*pending.popleft(), cross)
        while pending:
            yield _fetched(*pending.popleft(), cross)

    def _program(self, cross: bool) -> tuple[Any, int]:
        """The compiled program, and the number of blocks of a call."""
        room = self.outputs**2 if cross else 0
        group = _power_of_two(min(GROUP_VALUES // (3 * self.outputs + room), GROUP))
        if cross not in self._programs:
            program = BlockProgram(
                self.layout,
                self._layout_of_noise,
                self.count,
                self.outputs,
                self.directions,
                self.step,
                group,
                cross,
            )
            options, numbers = self._options, sum(self.layout.sizes.values())
            if options is None and numbers >= self.outputs:
                options = WIDE if _devices()[0][0].platform == "cpu" else None
            self._programs[cross] = jax.jit(program, compiler_options=options)
        return self._programs[cross], group

    def _all_values(self, points, base, draws):
        over_points = jax.vmap(self.layout.draw, (0, None), axis_size=self.count)
        over_draws = jax.vmap(over_points, (None, 0), axis_size=draws)
        return over_draws(points, base).reshape(draws, self.count, -1)


def _devices() -> tuple[list[Any], int]:
    """Devices to use, and how many calls can be computed at a time."""
    settings: Any = jax.config
    chosen = settings.jax_default_device  # None, a device, or the name of a platform.
    if chosen is None or isinstance(chosen, str):
        devices = jax.local_devices(backend=chosen)
    else:
        devices = [chosen]
    cores = (os.cpu_count() or 1) if devices[0].platform == "cpu" else 1
    return devices, max(len(devices), cores)


def _fetched(arrays, count: int, cross: bool) -> Part:
    return Part.of(tuple(np.asarray(a)[:count] for a in arrays[: 5 if cross else 4]))


def _reshape(moments: Moments, shape: tuple[int, ...]) -> Moments:
    return Moments(
        moments.count,
        *(a.reshape(shape) for a in (moments.mean, moments.second, moments.third)),
    )


def _power_of_two(limit: int) -> int:
    """The largest power of two that is at most `limit`, and at least 1."""
    return 1 << max(limit.bit_length() - 1, 0) if limit > 0 else 1
