"""Exact means: discrete noise with few outcomes is summed, not sampled."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from empirical.montecarlo.evaluate import Layout
from empirical.montecarlo.names import NoiseError

__all__ = ["MOST_OUTCOMES", "enumerated_sums", "outcome_count"]

MOST_OUTCOMES = 2**22
CHUNK = 2**12
"""Outcomes that one compiled call sums."""


def outcome_count(layout: Layout) -> int | None:
    """How many joint outcomes the noise has; None if too many or not discrete."""
    total = 1
    for name, law in layout.expectation.laws.items():
        count = law.outcome_count(layout.shapes[name])
        if count is None:
            return None
        total *= count
    return total if total <= MOST_OUTCOMES else None


def enumerated_sums(layout: Layout, points: Mapping[str, Any]) -> np.ndarray:
    """Means of the value, of its size, and of its distance from the first outcome's.

    Shape (3, points, outputs). Without noise there is one outcome: the value itself.
    """
    count = outcome_count(layout)
    assert count is not None
    expectation, static = layout.expectation, layout.static
    with jax.enable_x64(True):

        def outcome(point, index):
            parameters = {**static, **point}
            chance, noise = jnp.asarray(1.0), {}
            for name, law in expectation.laws.items():
                shape = layout.shapes[name]
                own = law.outcome_count(shape)
                noise[name], factor = law.outcome(index % own, shape, parameters)
                index, chance = index // own, chance * factor
            value = jnp.ravel(expectation(**parameters, **noise))
            return value.astype(jnp.float64), chance

        def term(point, index):
            value, chance = outcome(point, index)
            change = jnp.abs(value - outcome(point, 0)[0])
            every = jnp.stack([value, jnp.abs(value), change, jnp.ones_like(value)])
            # An impossible outcome counts for nothing, even where it is not finite.
            return jnp.where(chance > 0, chance * every, 0.0)

        lead = next(iter(points.values())).shape[0] if points else 1
        chunk = min(CHUNK, 1 << (count - 1).bit_length())

        @jax.jit
        def partial_sum(points, start):
            index = start + jnp.arange(chunk)
            inside = index < count
            over = jax.vmap(term, (None, 0), axis_size=chunk)
            over = jax.vmap(over, (0, None), axis_size=lead)
            terms = over(points, jnp.where(inside, index, 0))
            kept = jnp.where(inside[None, :, None, None], terms, 0.0)
            return jnp.moveaxis(jnp.sum(kept, axis=1), 1, 0)

        parts = [np.asarray(partial_sum(points, s)) for s in range(0, count, chunk)]
    stacked = np.stack(parts)
    total = stacked[:, 3].sum(axis=0)
    if not np.allclose(total, 1, rtol=0, atol=1e-9):
        raise NoiseError(
            f"the probabilities of the noise of {expectation.name} must lie in [0, 1]"
            f" and sum to 1, got the sum {total.flat[np.abs(total - 1).argmax()]}"
        )
    stacked = stacked[:, :3]
    if not np.isfinite(stacked).all():
        return stacked.sum(axis=0)
    # Exactly rounded over the chunks, entry by entry.
    columns = stacked.reshape(len(parts), -1).T
    return np.array([math.fsum(c) for c in columns]).reshape(stacked.shape[1:])
