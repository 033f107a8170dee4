"""Matrix sensing with dropout, run as defined: steps at random, sensors drawn.

A mask of zeros and ones keeps a unit with probability 1 - rate, and what is kept is
divided by 1 - rate. What dropout adds to the loss is measured at targets that the
product explains: there the loss without dropout is zero.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical._masked_network import all_masks, kept
from empirical.montecarlo import Bernoulli, Normal, Permutation, expectation

__all__ = [
    "added_loss",
    "added_loss_variance",
    "loss_gradient",
    "vectorized_product",
]


@expectation(order=Permutation("n"), mask=Bernoulli(kept, "width"))
def loss_gradient(
    left: Float[Array, "m width"],
    right: Float[Array, "k width"],
    sensors: Float[Array, "n m k"],
    targets: Float[Array, " n"],
    rate: Float[Array, ""],
    *,
    order: Array,
    mask: Float[Array, " width"],
) -> Float[Array, "rows width"]:
    """Gradient at one sample, under one mask: the first step of an epoch.

    Args:
        left: U, with columns u_j.
        right: V, with columns v_j.
        sensors: The matrices A_i.
        targets: The measurements y_i.
        rate: Probability of dropping a unit j, in [0, 1).
        order: Noise: the order of the samples in the epoch.
        mask: Noise: 1 for the units that are kept.

    Returns:
        One draw, the gradient in U above the gradient in V. Its mean over `order` and
        `mask` is the analytic gradient.

    Raises:
        ValueError: The shapes do not fit.
    """
    expected = (*targets.shape, *left.shape[:1], *right.shape[:1])
    fits = left.ndim == right.ndim == 2 and left.shape[1:] == right.shape[1:]
    if targets.ndim != 1 or not fits or sensors.shape != expected:
        raise ValueError(
            "left, right, sensors and targets must have shapes (m, width), (k, width),"
            f" (n, m, k) and (n,), got {left.shape=}, {right.shape=}, {sensors.shape=},"
            f" {targets.shape=}"
        )

    def loss(u: Float[Array, "m width"], v: Float[Array, "k width"]):
        masked = u * mask[None] / (1 - rate)
        return (_measured(masked, v, sensors[order[0]]) - targets[order[0]]) ** 2

    return jnp.concatenate(jax.grad(loss, argnums=(0, 1))(left, right))


@expectation(sensors=Normal("samples", "m", "k"))
def added_loss(
    left: Float[Array, "m width"],
    right: Float[Array, "k width"],
    rate: Float[Array, ""],
    samples: int,
    *,
    sensors: Float[Array, "samples m k"],
) -> Float[Array, ""]:
    """Mean loss over all masks, at targets that the product explains.

    Args:
        left: U, with columns u_j.
        right: V, with columns v_j.
        rate: Probability of dropping a unit j, in [0, 1).
        samples: How many sensors.
        sensors: Noise: the sensors.

    Returns:
        One draw. Its mean over `sensors` is the analytic value.

    Raises:
        ValueError: The shapes do not fit, or there are no sensors.
    """
    _check(left, right, samples)
    return _added(left, right, rate, sensors)


@expectation(sensors=Normal(2, "samples", "m", "k"))
def added_loss_variance(
    left: Float[Array, "m width"],
    right: Float[Array, "k width"],
    rate: Float[Array, ""],
    samples: int,
    *,
    sensors: Float[Array, "2 samples m k"],
) -> Float[Array, ""]:
    """Half the squared difference of what dropout adds at two sets of sensors.

    Args:
        left: U, with columns u_j.
        right: V, with columns v_j.
        rate: Probability of dropping a unit j, in [0, 1).
        samples: How many sensors each set has.
        sensors: Noise: both sets.

    Returns:
        One draw. Its mean over `sensors` is the analytic variance.

    Raises:
        ValueError: The shapes do not fit, or there are no sensors.
    """
    _check(left, right, samples)
    first, second = (_added(left, right, rate, s) for s in sensors)
    return (first - second) ** 2 / 2


def vectorized_product(
    left: Float[Array, "m width"],
    right: Float[Array, "k width"],
    sensor: Float[Array, "m k"],
) -> Float[Array, ""]:
    """The measurement: the entries of the product against those of the sensor.

    Args:
        left: U.
        right: V.
        sensor: A.

    Returns:
        The measurement.

    Raises:
        ValueError: The shapes do not fit.
    """
    fits = left.ndim == right.ndim == 2 and left.shape[1:] == right.shape[1:]
    if not fits or sensor.shape != (len(left), len(right)):
        raise ValueError(
            "left, right and sensor must have shapes (m, width), (k, width) and (m, k),"
            f" got {left.shape=}, {right.shape=}, {sensor.shape=}"
        )
    return _measured(left, right, sensor)


def _measured(
    left: Float[Array, "m width"],
    right: Float[Array, "k width"],
    sensor: Float[Array, "m k"],
) -> Float[Array, ""]:
    """Inner product of left right' and a sensor."""
    return jnp.sum(jnp.matmul(left, right.T, precision="highest") * sensor)


def _added(
    left: Float[Array, "m width"],
    right: Float[Array, "k width"],
    rate: Float[Array, ""],
    sensors: Float[Array, "n m k"],
) -> Float[Array, ""]:
    """Mean squared change of the measurements, over the sensors and all masks."""
    masks, chances = all_masks(left.shape[1], rate)
    changes = jnp.matmul(
        left[None] * (masks - 1)[:, None], right.T, precision="highest"
    )
    measured = jnp.einsum("bmk,nmk->bn", changes, sensors, precision="highest")
    return jnp.vdot(chances, jnp.mean(measured**2, axis=1))


def _check(
    left: Float[Array, "m width"], right: Float[Array, "k width"], samples: int
) -> None:
    """Refuse factors that do not fit together, and no sensors."""
    if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[1]:
        raise ValueError(
            "left and right must have shapes (m, width) and (k, width),"
            f" got {left.shape=}, {right.shape=}"
        )
    if samples < 1:
        raise ValueError(f"samples must be at least 1, got {samples=}")
