"""Dropout, run as defined: a random mask, then the mean squared loss.

A mask of zeros and ones keeps a unit with probability 1 - rate, and what is kept is
divided by 1 - rate. In a draw of `sensing_loss` and `network_loss` one mask serves all
samples: their losses are added, and the mean of each depends on its own mask alone.
"""

import itertools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical.montecarlo import Bernoulli, Normal, expectation

__all__ = [
    "minimizer",
    "network_loss",
    "path_regularizer",
    "regression_loss",
    "sensing_loss",
]


def _kept(rate: Float[Array, ""]) -> Float[Array, ""]:
    """Probability of keeping a unit."""
    return 1 - rate


@expectation(mask=Bernoulli(_kept, "width"))
def sensing_loss(
    left: Float[Array, "m width"],
    right: Float[Array, "k width"],
    sensors: Float[Array, "n m k"],
    targets: Float[Array, " n"],
    rate: Float[Array, ""],
    *,
    mask: Float[Array, " width"],
) -> Float[Array, ""]:
    """Loss of matrix sensing with the masked product U B V'.

    Args:
        left: U, with columns u_j.
        right: V, with columns v_j.
        sensors: The matrices A_i.
        targets: The measurements y_i.
        rate: Probability of dropping a unit j, in [0, 1).
        mask: Noise: 1 for the units that are kept.

    Returns:
        One draw. Its mean over `mask` is the analytic loss.

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
    product = jnp.matmul(left * mask[None] / (1 - rate), right.T, precision="highest")
    measured = jnp.sum(sensors * product[None], axis=(1, 2))
    return jnp.mean((targets - measured) ** 2)


@expectation(mask=Bernoulli(_kept, "width"))
def network_loss(
    inner: Float[Array, "hidden d"],
    outer: Float[Array, "width hidden"],
    readout: Float[Array, "out width"],
    inputs: Float[Array, "n d"],
    targets: Float[Array, "n out"],
    rate: Float[Array, ""],
    *,
    mask: Float[Array, " width"],
) -> Float[Array, ""]:
    """Loss of a ReLU network, run forward with its last hidden layer masked.

    Args:
        inner: Weights of the first layer.
        outer: Weights of the second layer, the last hidden one.
        readout: Weights of the linear output layer.
        inputs: Inputs x_i, one a row.
        targets: Targets y_i, one a row.
        rate: Probability of dropping a unit of the last hidden layer, in [0, 1).
        mask: Noise: 1 for the units that are kept.

    Returns:
        One draw. Its mean over `mask` is the analytic loss.

    Raises:
        ValueError: The shapes do not fit.
    """
    layers = (inner, outer, readout)
    if {2} != {a.ndim for a in (*layers, inputs, targets)} or (
        [inputs.shape[1], *(layer.shape[0] for layer in layers)]
        != [*(layer.shape[1] for layer in layers), targets.shape[1]]
        or inputs.shape[0] != targets.shape[0]
    ):
        raise ValueError(
            "inner, outer, readout, inputs and targets must have shapes (hidden, d),"
            f" (width, hidden), (out, width), (n, d) and (n, out), got {inner.shape=},"
            f" {outer.shape=}, {readout.shape=}, {inputs.shape=}, {targets.shape=}"
        )

    def network(x: Float[Array, " d"]) -> Float[Array, " out"]:
        hidden = jax.nn.relu(jnp.matmul(inner, x, precision="highest"))
        hidden = jax.nn.relu(jnp.matmul(outer, hidden, precision="highest"))
        return jnp.matmul(readout, mask / (1 - rate) * hidden, precision="highest")

    errors = jax.vmap(network)(inputs) - targets
    return jnp.mean(jnp.sum(errors**2, axis=1))


@expectation(x=Normal("d"), mask=Bernoulli(_kept, "width"))
def path_regularizer(
    inner: Float[Array, "width d"],
    readout: Float[Array, "out width"],
    rate: Float[Array, ""],
    *,
    x: Float[Array, " d"],
    mask: Float[Array, " width"],
) -> Float[Array, ""]:
    """Squared change of a two-layer ReLU network's output by a mask.

    The masked output has the mean of the other, so that the mean squared change is what
    the mask adds to the mean squared loss, whatever the targets.

    Args:
        inner: Weights of the hidden layer.
        readout: Weights of the linear output layer.
        rate: Probability of dropping a hidden unit, in [0, 1).
        x: Noise: an input.
        mask: Noise: 1 for the units that are kept.

    Returns:
        One draw. Its mean over `x` and `mask` is the analytic regularizer.

    Raises:
        ValueError: The shapes do not fit.
    """
    if inner.ndim != 2 or readout.ndim != 2 or readout.shape[1] != inner.shape[0]:
        raise ValueError(
            "inner and readout must have shapes (width, d) and (out, width),"
            f" got {inner.shape=}, {readout.shape=}"
        )
    hidden = jax.nn.relu(jnp.matmul(inner, x, precision="highest"))
    masked = mask / (1 - rate) * hidden
    return jnp.sum(jnp.matmul(readout, masked - hidden, precision="highest") ** 2)


@expectation(mask=Bernoulli(_kept, "n", "d"))
def regression_loss(
    weights: Float[Array, " d"],
    inputs: Float[Array, "n d"],
    targets: Float[Array, " n"],
    rate: Float[Array, ""],
    unit: str,
    *,
    mask: Float[Array, "n d"],
) -> Float[Array, ""]:
    """Loss of linear regression with masked coordinates or masked predictions.

    Args:
        weights: u.
        inputs: X, one sample a row.
        targets: y.
        rate: Probability of dropping a unit, in [0, 1).
        unit: What is kept or dropped as a whole: "coordinate" (of an input) or
            "prediction" (of a sample).
        mask: Noise: 1 for the coordinates of each sample that are kept. A prediction is
            kept if its first coordinate would be.

    Returns:
        One draw. Its mean over `mask` is the analytic loss.

    Raises:
        ValueError: The shapes do not fit, or `unit` is another word.
    """
    if inputs.ndim != 2 or (*targets.shape, *weights.shape) != inputs.shape:
        raise ValueError(
            "weights, inputs and targets must have shapes (d,), (n, d) and (n,),"
            f" got {weights.shape=}, {inputs.shape=}, {targets.shape=}"
        )
    if unit not in ("coordinate", "prediction"):
        raise ValueError(f"unit must be 'coordinate' or 'prediction', got {unit=}")
    scaled = mask / (1 - rate)
    if unit == "coordinate":
        predictions = jnp.matmul(scaled * inputs, weights, precision="highest")
    else:
        predictions = jnp.matmul(inputs, weights, precision="highest") * scaled[:, 0]
    return jnp.mean((targets - predictions) ** 2)


def minimizer(
    inputs: Float[Array, "n d"],
    targets: Float[Array, " n"],
    rate: Float[Array, ""],
    unit: str,
) -> Float[Array, " d"]:
    """Least squares on all masked copies of the data, weighted by their probability.

    Args:
        inputs: X, one sample a row.
        targets: y.
        rate: Probability of dropping a unit, in [0, 1).
        unit: "coordinate" or "prediction".

    Returns:
        The minimizer; where it is not unique, the one of least norm.

    Raises:
        ValueError: The shapes do not fit, or `unit` is another word.
    """
    if inputs.ndim != 2 or targets.shape != inputs.shape[:1]:
        raise ValueError(
            "inputs and targets must have shapes (n, d) and (n,),"
            f" got {inputs.shape=}, {targets.shape=}"
        )
    if unit not in ("coordinate", "prediction"):
        raise ValueError(f"unit must be 'coordinate' or 'prediction', got {unit=}")
    units = inputs.shape[1] if unit == "coordinate" else 1
    masks = jnp.asarray(list(itertools.product((False, True), repeat=units)))
    roots = jnp.sqrt(jnp.prod(jnp.where(masks, 1 - rate, rate), axis=1))
    # A dropped prediction is that of a zero input.
    copies = jnp.where(masks[:, None], inputs[None] / (1 - rate), 0)
    rows = (roots[:, None, None] * copies).reshape(-1, inputs.shape[1])
    return jnp.linalg.lstsq(rows, jnp.outer(roots, targets).ravel())[0]
