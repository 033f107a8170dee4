"""Dropout as a regularizer: the mean squared loss of a model with dropped units.

A unit is kept with probability 1 - rate and then divided by it, so that the mask has
mean 1 and variance lambda = rate / (1 - rate). Where the prediction is linear in the
masked units, the mean loss over the masks is the loss without dropout plus lambda times
the sum of the squares of what each unit adds to the prediction. Losses are means over
the samples of the squared error, with no factor 1/2.

Source: Arora et al., "Theory of Deep Learning" (draft), chapter 11: (11.2)-(11.4),
(11.8), Propositions 11.2.1 and 11.2.2, section 11.4, corrected; Srivastava et al.,
"Dropout", JMLR 2014, section 9.1 (linear regression).
"""

import jax.numpy as jnp
from jax.scipy.linalg import solve
from jaxtyping import Array, Float

from analytic._mask import variance

__all__ = [
    "minimizer",
    "network_loss",
    "path_regularizer",
    "regression_loss",
    "sensing_loss",
]


def sensing_loss(
    left: Float[Array, "m width"],
    right: Float[Array, "k width"],
    sensors: Float[Array, "n m k"],
    targets: Float[Array, " n"],
    rate: Float[Array, ""],
) -> Float[Array, ""]:
    """Matrix sensing, <U V', A_i> fitted to y_i, with dropout on the inner dimension.

    The mean over i of (y_i - <U V', A_i>)^2 + lambda sum_j (u_j' A_i v_j)^2.

    Args:
        left: U, with columns u_j.
        right: V, with columns v_j.
        sensors: The matrices A_i.
        targets: The measurements y_i.
        rate: Probability of dropping a unit j, in [0, 1).

    Returns:
        The mean loss over the masks, to a few ulp of its own value at |U|, |V|, |A| and
        -|y|, entry by entry: no cancellation adds to the error.

    Degenerate cases:
        Rate 0 gives the loss without dropout; a rate outside [0, 1) gives nan.

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
    terms = jnp.einsum("mw,nmk,kw->nw", left, sensors, right, precision="highest")
    return _loss(terms[:, :, None], targets[:, None], rate)


def network_loss(
    inner: Float[Array, "hidden d"],
    outer: Float[Array, "width hidden"],
    readout: Float[Array, "out width"],
    inputs: Float[Array, "n d"],
    targets: Float[Array, "n out"],
    rate: Float[Array, ""],
) -> Float[Array, ""]:
    """Regression by a deep ReLU network with dropout on its last hidden layer.

    With a_i = relu(outer relu(inner x_i)), the mean over i of
    |y_i - readout a_i|^2 + lambda sum_j |readout_j|^2 a_ij^2, readout_j being column j.
    Only a_i enters, so the formula holds for any network below the last hidden layer.

    Args:
        inner: Weights of the first layer.
        outer: Weights of the second layer, the last hidden one.
        readout: Weights of the linear output layer.
        inputs: Inputs x_i, one a row.
        targets: Targets y_i, one a row.
        rate: Probability of dropping a unit of the last hidden layer, in [0, 1).

    Returns:
        The mean loss over the masks, to a few ulp of its own value at the absolute
        values of all weights and inputs and at -|y|, entry by entry.

    Degenerate cases:
        Rate 0 gives the loss without dropout; a rate outside [0, 1) gives nan.

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
    hidden = jnp.maximum(jnp.matmul(inputs, inner.T, precision="highest"), 0)
    hidden = jnp.maximum(jnp.matmul(hidden, outer.T, precision="highest"), 0)
    return _loss(hidden[:, :, None] * readout.T[None], targets, rate)


def path_regularizer(
    inner: Float[Array, "width d"],
    readout: Float[Array, "out width"],
    rate: Float[Array, ""],
) -> Float[Array, ""]:
    """What dropout adds to the population loss of a two-layer ReLU network.

    (lambda / 2) sum_ijk readout_ij^2 inner_jk^2, that is lambda / 2 times the squared
    l2 path norm, for inputs whose law is symmetric (x and -x alike) with E x x' = I.

    Args:
        inner: Weights of the hidden layer.
        readout: Weights of the linear output layer.
        rate: Probability of dropping a hidden unit, in [0, 1).

    Returns:
        The regularizer, to a few ulp of itself.

    Degenerate cases:
        Rate 0 and zero weights give 0; a rate outside [0, 1) gives nan.

    Raises:
        ValueError: The shapes do not fit.
    """
    if inner.ndim != 2 or readout.ndim != 2 or readout.shape[1] != inner.shape[0]:
        raise ValueError(
            "inner and readout must have shapes (width, d) and (out, width),"
            f" got {inner.shape=}, {readout.shape=}"
        )
    paths = jnp.sum(inner**2, axis=1) * jnp.sum(readout**2, axis=0)
    return variance(rate) / 2 * jnp.sum(paths)


def regression_loss(
    weights: Float[Array, " d"],
    inputs: Float[Array, "n d"],
    targets: Float[Array, " n"],
    rate: Float[Array, ""],
    unit: str,
) -> Float[Array, ""]:
    """Linear regression with dropout of each coordinate, or of each whole prediction.

    With L the loss without dropout and C = X' X / n, coordinates give
    L(u) + lambda u' diag(C) u, and predictions L(u) + lambda u' C u.

    Args:
        weights: u.
        inputs: X, one sample a row.
        targets: y.
        rate: Probability of dropping a unit, in [0, 1).
        unit: What is kept or dropped as a whole: "coordinate" (of an input) or
            "prediction" (of a sample).

    Returns:
        The mean loss over the masks, to a few ulp of its own value at |u|, |X| and
        -|y|, entry by entry.

    Degenerate cases:
        Rate 0 gives the loss without dropout; a rate outside [0, 1) gives nan.

    Raises:
        ValueError: The shapes do not fit, or `unit` is another word.
    """
    if inputs.ndim != 2 or (*targets.shape, *weights.shape) != inputs.shape:
        raise ValueError(
            "weights, inputs and targets must have shapes (d,), (n, d) and (n,),"
            f" got {weights.shape=}, {inputs.shape=}, {targets.shape=}"
        )
    match unit:
        case "coordinate":
            terms = inputs * weights[None]
        case "prediction":
            terms = jnp.matmul(inputs, weights, precision="highest")[:, None]
        case _:
            raise ValueError(f"unit must be 'coordinate' or 'prediction', got {unit=}")
    return _loss(terms[:, :, None], targets[:, None], rate)


def minimizer(
    inputs: Float[Array, "n d"],
    targets: Float[Array, " n"],
    rate: Float[Array, ""],
    unit: str,
) -> Float[Array, " d"]:
    """The weights that minimize `regression_loss`.

    Coordinates: (X' X + lambda diag(X' X)) u = X' y, ridge regression on coordinates
    scaled to equal size. Predictions: ordinary least squares times 1 - rate.

    Args:
        inputs: X, one sample a row.
        targets: y.
        rate: Probability of dropping a unit, in [0, 1).
        unit: "coordinate" or "prediction".

    Returns:
        The minimizer u. With D = diag(X' X)^(1/2) and K = D^-1 X' X D^-1, the error of
        D u is a few ulp of |y| times the condition number of the matrix that is solved:
        K + lambda I for coordinates, K for predictions.

    Degenerate cases:
        The minimizer must be unique. A zero column gives nan; so do fewer samples than
        coordinates, for predictions and at rate 0. Where other columns are dependent
        there, rounding decides between large numbers and nan.
        A rate outside [0, 1) gives nan.

    Raises:
        ValueError: The shapes do not fit, or `unit` is another word.
    """
    if inputs.ndim != 2 or targets.shape != inputs.shape[:1]:
        raise ValueError(
            "inputs and targets must have shapes (n, d) and (n,),"
            f" got {inputs.shape=}, {targets.shape=}"
        )
    # Unit columns: the scales of the coordinates then cost no accuracy.
    sizes = jnp.sqrt(jnp.sum(inputs**2, axis=0))
    columns = inputs / sizes[None]
    gram = jnp.matmul(columns.T, columns, precision="highest")
    unique = inputs.shape[0] >= inputs.shape[1]
    match unit:
        case "coordinate":
            matrix = gram + variance(rate) * jnp.eye(len(sizes), dtype=gram.dtype)
            unique |= rate > 0
        case "prediction":
            matrix = gram + variance(rate) * gram
        case _:
            raise ValueError(f"unit must be 'coordinate' or 'prediction', got {unit=}")
    right = jnp.matmul(columns.T, targets, precision="highest")
    solution = solve(jnp.where(unique, matrix, jnp.nan), right, assume_a="pos")
    return solution / sizes


def _loss(
    terms: Float[Array, "n unit out"],
    targets: Float[Array, "n out"],
    rate: Float[Array, ""],
) -> Float[Array, ""]:
    """Mean loss of the sum over the units of their masked terms."""
    residuals = targets - jnp.sum(terms, axis=1)
    added = jnp.sum(terms**2, axis=1)
    return jnp.mean(jnp.sum(residuals**2 + variance(rate) * added, axis=1))
