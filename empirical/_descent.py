"""Descent: two searches from a given start, quasi-Newton and Newton.

Private to `empirical`.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

__all__ = ["descend", "descend_by_curvature"]

STEPS = 40
"""About half of the quasi-Newton searches among factors are at rounding after 20."""


def descend(
    loss: Callable[[Array], Float[Array, ""]], start: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Where a quasi-Newton search ends.

    Args:
        loss: What goes down.
        start: The first point.
    """
    # Backtracking: the default line search does not end where a loss is constant.
    search = optax.scale_by_backtracking_linesearch(max_backtracking_steps=16)
    solver = optax.lbfgs(linesearch=search)

    def step(carry, _):
        point, state = carry
        value, slope = jax.value_and_grad(loss)(point)
        update, state = solver.update(
            slope, state, point, value=value, grad=slope, value_fn=loss
        )
        return (jnp.asarray(optax.apply_updates(point, update)), state), None

    (point, _), _ = jax.lax.scan(step, (start, solver.init(start)), length=STEPS)
    return point


def descend_by_curvature(
    loss: Callable[[Any], Float[Array, ""]], start: Any, steps: int
) -> Any:
    """Where damped Newton steps end; each uses the size of the curvatures.

    Steps that do not go down are not taken, and more damping is tried. With the sizes
    of the curvatures and not their signs, saddle points repel (Dauphin et al., NeurIPS
    2014).

    Args:
        loss: What goes down; it has few variables.
        start: The first point, an array or several.
        steps: How many steps are tried.
    """
    flat, unravel = ravel_pytree(start)

    def value_of(point: Array) -> Array:
        return loss(unravel(point))

    def step(carry, _):
        point, (value, slope), damping = carry
        curvatures, axes = jnp.linalg.eigh(jax.hessian(value_of)(point))
        sizes = jnp.abs(curvatures)
        # A floor for the flat, for example where the loss is constant.
        divisors = sizes + damping * jnp.max(sizes) + jnp.finfo(point.dtype).tiny
        turned = jnp.matmul(slope, axes, precision="highest") / divisors
        proposal = point - jnp.matmul(axes, turned, precision="highest")
        reached, slope_there = jax.value_and_grad(value_of)(proposal)
        # Near the minimum the loss is known to rounding only, and its slope better.
        level = reached <= value * (1 + 8 * jnp.finfo(point.dtype).eps)
        flatter = jnp.sum(slope_there**2) < jnp.sum(slope**2)
        better = (reached < value) | (level & flatter)
        carry = (
            jnp.where(better, proposal, point),
            (jnp.where(better, reached, value), jnp.where(better, slope_there, slope)),
            jnp.where(better, damping / 8, damping * 4),
        )
        return carry, None

    first = flat, jax.value_and_grad(value_of)(flat), jnp.asarray(0.1, flat.dtype)
    (point, _, _), _ = jax.lax.scan(step, first, length=steps)
    return unravel(point)
