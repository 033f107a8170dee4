"""Exact means: discrete noise with few outcomes is summed, not sampled."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from empirical.montecarlo.evaluate import Layout

__all__ = ["MOST_OUTCOMES", "enumerated_mean", "outcome_count"]

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


def enumerated_mean(layout: Layout, points: Mapping[str, Any]) -> np.ndarray:
    """Mean at every point, shape (points, *value): the sum over all outcomes.

    Without noise this is the value itself.
    """
    count = outcome_count(layout)
    assert count is not None
    expectation, static = layout.expectation, layout.static
    with jax.enable_x64(True):

        def term(point, index):
            parameters = {**static, **point}
            chance, noise = jnp.asarray(1.0), {}
            for name, law in expectation.laws.items():
                shape = layout.shapes[name]
                own = law.outcome_count(shape)
                noise[name], factor = law.outcome(index % own, shape, parameters)
                index, chance = index // own, chance * factor
            value = jnp.ravel(expectation(**parameters, **noise))
            # An impossible outcome counts for nothing, even where it is not finite.
            return jnp.where(chance > 0, chance * value, 0.0)

        lead = next(iter(points.values())).shape[0] if points else 1
        chunk = min(CHUNK, 1 << (count - 1).bit_length())

        @jax.jit
        def partial_sum(points, start):
            index = start + jnp.arange(chunk)
            inside = index < count
            over = jax.vmap(term, (None, 0), axis_size=chunk)
            over = jax.vmap(over, (0, None), axis_size=lead)
            terms = over(points, jnp.where(inside, index, 0))
            return jnp.sum(jnp.where(inside[None, :, None], terms, 0.0), axis=-2)

        parts = [np.asarray(partial_sum(points, s)) for s in range(0, count, chunk)]
        stacked = np.stack(parts)
        if not np.isfinite(stacked).all():
            summed = stacked.sum(axis=0)
        else:
            # Exactly rounded over the chunks, entry by entry.
            columns = stacked.reshape(len(parts), -1).T
            summed = np.array([math.fsum(column) for column in columns])
    return summed.reshape(lead, *layout.value_shape)
