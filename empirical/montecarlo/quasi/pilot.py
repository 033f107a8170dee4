"""Pilot draws: gradients of an integrand and of its steps in the normal noise."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from empirical.montecarlo.evaluate import Layout
from empirical.montecarlo.quasi.steps import steps

__all__ = ["Pilot", "pilot", "point_count"]

PILOTS = 256
"""Gradients at every point."""
FEWEST = 32
"""With room for fewer than this there is no pilot."""
MOST_NUMBERS = 2**21
"""Entries of all pilot gradients together; four times as many values of switches."""
NEAR = 1e-6
"""How far from a switch its jump is measured."""
CONTINUOUS = 1e-2
"""Weight of a kink without a jump."""


@dataclass(frozen=True)
class Pilot:
    """Gradients at draws of the noise, in each draw of one function in turn.

    All gradients have shape (points, pilots, numbers) and unit length, or are zero.

    Attributes:
        normals: The draws, shape (pilots, numbers).
        gradients: Of one output in turn.
        turns: Of one switch in turn; zero where its sign is the same in all pilots.
        bends: Of one bend in turn: in those pilots in which `turns` has no switch.
        jumps: By how much the integrand jumps at the switch, relative to its mean size
            and at most 1, and a little more; shape (points, pilots).
        switches: Values of all switches, shape (points, pilots, switches).
        own: Which switch has its turn in each pilot; from `switches` on, a bend.
    """

    normals: np.ndarray
    gradients: np.ndarray
    turns: np.ndarray
    bends: np.ndarray
    jumps: np.ndarray
    switches: np.ndarray
    own: np.ndarray


def point_count(points: Mapping[str, Any]) -> int:
    """How many points there are."""
    return next(iter(points.values())).shape[0] if points else 1


def pilot(
    layout: Layout,
    points: Mapping[str, Any],
    key: tuple[int, int],
    *,
    switching: bool = False,
) -> Pilot | None:
    """Gradients at a few draws; None without normal noise or without derivatives.

    Args:
        layout: What is averaged, and the other parameters.
        points: Array parameters, with a leading axis for the points.
        key: Names the draws.
        switching: Whether to give up, before anything is compiled, if the integrand
            neither compares, clips nor takes signs.
    """
    count, numbers = point_count(points), layout.sizes.get("normal", 0)
    if not numbers or not layout.value_size:
        return None
    pilots = min(PILOTS, MOST_NUMBERS // (count * numbers))
    if pilots < FEWEST:
        return None
    base = _base(layout, pilots, np.random.default_rng(key))
    try:
        with jax.enable_x64(True):
            switches, bends = jax.eval_shape(
                lambda: steps(layout.draw, *_first(points, base))
            )
            kinked, every = switches.size, switches.size + bends.size
            if switching and not kinked:
                return None
            if kinked * pilots * count > 4 * MOST_NUMBERS:
                return None
            own = np.arange(pilots) % max(every, 1)
            one = _gradients(layout, kinked)
            over_draws = jax.vmap(one, (None, 0, 0, 0))
            over = jax.vmap(over_draws, (0, None, None, None), axis_size=count)
            quick = {"xla_backend_optimization_level": 0}
            output = np.arange(pilots) % layout.value_size
            found = jax.jit(over, compiler_options=quick)(points, base, output, own)
    except (TypeError, ValueError, NotImplementedError):
        # Loops with an unknown number of steps, for one, have no such derivative.
        return None
    gradients, turns, values, value, gaps = map(np.asarray, found)
    gradients, turns = _unit(gradients), _unit(turns)
    typical = np.maximum(np.abs(value).mean(axis=1, keepdims=True), 1e-300)
    jumps = np.mean(gaps / typical, axis=2)
    jumps = np.where(np.isfinite(jumps), np.minimum(jumps, 1.0), 0.0) + CONTINUOUS
    changing = (values > 0).any(axis=1) & (values < 0).any(axis=1)
    changing = np.pad(changing, ((0, 0), (0, max(every, 1) - kinked)))[:, own, None]
    return Pilot(
        base["normal"],
        gradients,
        np.where(changing, turns, 0.0),
        np.where(own[None, :, None] >= kinked, turns, 0.0),
        jumps,
        values,
        own,
    )


def _gradients(layout: Layout, kinked: int):
    """What is computed in one pilot at one point."""

    def one(point, base, output, own):
        def values(normals):
            every = layout.draw(point, {**base, "normal": normals})
            return every[output], every

        def turn(normals):
            every = steps(layout.draw, point, {**base, "normal": normals})
            joined = jnp.concatenate([*every, jnp.zeros(1)])
            return joined[own], (joined[own], every[0])

        normals = base["normal"]
        slope, value = jax.grad(values, has_aux=True)(normals)
        across, (distance, switches) = jax.grad(turn, has_aux=True)(normals)
        # From the draw to either side of the switch, by a step of Newton's method.
        square = jnp.maximum(jnp.sum(across**2), 1e-300)
        near = NEAR / jnp.sqrt(square)
        before, after = (
            layout.draw(point, {**base, "normal": normals - step * across})
            for step in (distance / square - near, distance / square + near)
        )
        jump = jnp.where(own < kinked, jnp.abs(after - before), 0.0)
        return slope, across, switches, value, jump

    return one


def _base(layout: Layout, draws: int, random: np.random.Generator) -> dict:
    sizes = layout.sizes
    every = {
        "normal": random.standard_normal((draws, sizes.get("normal", 0))),
        "uniform": random.random((draws, sizes.get("uniform", 0))),
        "words": random.integers(
            2**32, size=(draws, sizes.get("words", 0)), dtype=np.uint32
        ),
    }
    return {source: every[source] for source in sizes}


def _first(*trees: Any) -> list[Any]:
    return [{name: jnp.asarray(v[0]) for name, v in tree.items()} for tree in trees]


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows divided by their norms; zero where they are zero or not finite."""
    norms = np.linalg.norm(rows, axis=-1, keepdims=True)
    fine = np.isfinite(norms) & (norms > 0)
    return np.where(fine, rows / np.where(fine, norms, 1.0), 0.0)
