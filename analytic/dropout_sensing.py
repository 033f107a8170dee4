"""Matrix sensing with dropout: the mean gradient, and Gaussian sensors.

The model is <U V', A>, with dropout on the inner dimension: a unit j is kept with
probability 1 - rate and then divided by it, so that the mask has the variance
lambda = rate / (1 - rate). Dropout adds lambda times the mean over the sensors of
sum_j (u_j' A v_j)^2 to the mean squared loss, u_j and v_j being the columns.

Source: Arora et al., "Theory of Deep Learning" (draft), section 11.1: (11.2)-(11.6),
Theorem 11.1.1; Mianjy, Arora & Vidal, "On the Implicit Bias of Dropout", ICML 2018.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic._mask import variance

__all__ = [
    "added_loss",
    "added_loss_variance",
    "loss_gradient",
    "vectorized_product",
]


def loss_gradient(
    left: Float[Array, "m width"],
    right: Float[Array, "k width"],
    sensors: Float[Array, "n m k"],
    targets: Float[Array, " n"],
    rate: Float[Array, ""],
) -> Float[Array, "rows width"]:
    """Gradient of the loss with its regularizer: what a step of dropout is on average.

    The loss is the mean over i of r_i^2 + lambda sum_j (u_j' A_i v_j)^2, with
    r_i = <U V', A_i> - y_i. Its gradients in u_j and v_j are 2 / n times the sums over
    i of (r_i + lambda u_j' A_i v_j) A_i v_j and of the same factor times A_i' u_j.

    Args:
        left: U, with columns u_j.
        right: V, with columns v_j.
        sensors: The matrices A_i.
        targets: The measurements y_i.
        rate: Probability of dropping a unit j, in [0, 1).

    Returns:
        The gradient in U above the gradient in V, to a few ulp of its own value at |U|,
        |V|, |A| and -|y|, entry by entry.

    Degenerate cases:
        Rate 0 gives the gradient without dropout, zero factors give 0; a rate outside
        [0, 1) gives nan.

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
    across = jnp.einsum("nmk,kw->nmw", sensors, right, precision="highest")
    along = jnp.einsum("nmk,mw->nkw", sensors, left, precision="highest")
    terms = jnp.sum(left[None] * across, axis=1)
    residuals = jnp.sum(terms, axis=1) - targets
    factors = residuals[:, None] + variance(rate) * terms
    both = jnp.concatenate([across, along], axis=1)
    return 2 * jnp.mean(factors[:, None] * both, axis=0)


def added_loss(
    left: Float[Array, "m width"],
    right: Float[Array, "k width"],
    rate: Float[Array, ""],
    samples: int,
) -> Float[Array, ""]:
    """What dropout adds to the loss, on average over Gaussian sensors.

    lambda sum_j |u_j|^2 |v_j|^2, for any number of sensors with standard normal
    entries.

    Args:
        left: U, with columns u_j.
        right: V, with columns v_j.
        rate: Probability of dropping a unit j, in [0, 1).
        samples: How many sensors.

    Returns:
        The mean, to a few ulp of itself.

    Degenerate cases:
        Rate 0 and zero factors give 0; a rate outside [0, 1) gives nan.

    Raises:
        ValueError: The shapes do not fit, or there are no sensors.
    """
    _check(left, right, samples)
    sizes = jnp.sum(left**2, axis=0) * jnp.sum(right**2, axis=0)
    return variance(rate) * jnp.sum(sizes)


def added_loss_variance(
    left: Float[Array, "m width"],
    right: Float[Array, "k width"],
    rate: Float[Array, ""],
    samples: int,
) -> Float[Array, ""]:
    """Variance over Gaussian sensors of what dropout adds to the loss.

    (2 lambda^2 / n) sum_jk ((u_j . u_k) (v_j . v_k))^2, with n sensors.

    Args:
        left: U, with columns u_j.
        right: V, with columns v_j.
        rate: Probability of dropping a unit j, in [0, 1).
        samples: n, how many sensors.

    Returns:
        The variance, to a few ulp of its own value at |U| and |V|, entry by entry.

    Degenerate cases:
        Rate 0 and zero factors give 0; a rate outside [0, 1) gives nan.

    Raises:
        ValueError: The shapes do not fit, or there are no sensors.
    """
    _check(left, right, samples)
    products = jnp.matmul(left.T, left, precision="highest") * jnp.matmul(
        right.T, right, precision="highest"
    )
    return 2 * variance(rate) ** 2 / samples * jnp.sum(products**2)


def vectorized_product(
    left: Float[Array, "m width"],
    right: Float[Array, "k width"],
    sensor: Float[Array, "m k"],
) -> Float[Array, ""]:
    """The measurement <U V', A> as vec(U')' (I x V') vec(A').

    Here vec stacks columns, x is the Kronecker product, and I has the size of the rows
    of U. The measurement is thus linear in vec(U'), with coefficients (I x V') vec(A').

    Args:
        left: U.
        right: V.
        sensor: A.

    Returns:
        The measurement, to a few ulp of its own value at |U|, |V| and |A|.

    Degenerate cases:
        Zeros give 0.

    Raises:
        ValueError: The shapes do not fit.
    """
    fits = left.ndim == right.ndim == 2 and left.shape[1:] == right.shape[1:]
    if not fits or sensor.shape != (len(left), len(right)):
        raise ValueError(
            "left, right and sensor must have shapes (m, width), (k, width) and (m, k),"
            f" got {left.shape=}, {right.shape=}, {sensor.shape=}"
        )
    # The columns of a transpose are rows, and NumPy's order is by rows.
    identity = jnp.eye(len(left), dtype=right.dtype)
    lifted = jnp.kron(identity, right.T)
    coefficients = jnp.matmul(lifted, sensor.ravel(), precision="highest")
    return jnp.vdot(left.ravel(), coefficients, precision="highest")


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
