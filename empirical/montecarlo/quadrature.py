"""Near-exact means: few normal numbers and a smooth integrand need no sampling."""

import itertools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from empirical.montecarlo.evaluate import Layout

__all__ = ["AGREEMENT", "quadrature_mean"]

ORDERS = {1: (96, 128), 2: (48, 64), 3: (24, 32)}
"""Nodes per number, twice: two rules that agree have converged."""
AGREEMENT = 1e-10
"""Largest difference of the two rules, relative to the mean of |value|."""
CHUNK = 2**9


def quadrature_mean(
    layout: Layout, points: Mapping[str, Any]
) -> tuple[np.ndarray, int] | None:
    """Mean at every point by Gauss-Hermite rules, shape (points, *value).

    Returns:
        The mean and how many nodes it took; None if the noise is not one to three
        normal numbers, or if two orders of the rule differ, as they do about a kink.
    """
    numbers = layout.sizes.get("normal", 0)
    if set(layout.sizes) != {"normal"} or numbers not in ORDERS:
        return None
    with jax.enable_x64(True):
        count = next(iter(points.values())).shape[0] if points else 1

        @jax.jit
        def weighted(points, nodes, weights):
            over_nodes = jax.vmap(layout.draw, (None, 0))
            over_points = jax.vmap(over_nodes, (0, None), axis_size=count)
            values = over_points(points, {"normal": nodes})
            total = jnp.einsum("n,pnm->pm", weights, values)
            return total, jnp.einsum("n,pnm->pm", weights, jnp.abs(values))

        def rule(order: int) -> tuple[np.ndarray, np.ndarray, int]:
            nodes, weights = _tensor_rule(order, numbers)
            total = size = 0.0
            for start in range(0, len(weights), CHUNK):
                part = slice(start, start + CHUNK)
                sums = weighted(points, nodes[part], weights[part])
                total, size = total + np.asarray(sums[0]), size + np.asarray(sums[1])
            return np.asarray(total), np.asarray(size), order**numbers

        coarse, _, few = rule(ORDERS[numbers][0])
        fine, size, many = rule(ORDERS[numbers][1])
        if not (np.abs(fine - coarse) <= AGREEMENT * size).all():
            return None
        return fine.reshape(count, *layout.value_shape), few + many


def _tensor_rule(order: int, numbers: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of the product rule for independent standard normals."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(order)
    weights = weights / weights.sum()
    grid = np.array(list(itertools.product(nodes, repeat=numbers)))
    mass = np.array([np.prod(w) for w in itertools.product(weights, repeat=numbers)])
    # Padded with nodes of no weight, so that both rules run one compiled program.
    pad = -len(mass) % CHUNK
    return np.pad(grid, ((0, pad), (0, 0))), np.pad(mass, (0, pad))
