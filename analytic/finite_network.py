"""What random ReLU networks satisfy at every width, not only when they are wide.

The deep network has L hidden layers g_h = (c/m)^(1/2) phi(W_h g_(h-1)) with g_0 = x,
and the output f(x) = a . g_L; weights are standard normal. Activations are positively
homogeneous, phi(z) = alpha z for z < 0 and beta z for z > 0, with the gain c = 2 /
(alpha^2 + beta^2) that keeps norms: 2 for the ReLU. The two-layer network of width m is
f(x) = m^(-1/2) sum_r a_r (w_r . x)_+.

Source: Theory of Deep Learning (draft), Lemma 9.2.2 (concentration), section 9.4,
(9.12)-(9.17); Hanin & Nica,
"Finite Depth and Width Corrections to the Neural Tangent Kernel", ICLR 2020 (the
diagonal); the fourth cumulant of a sum of independent units.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["backprop", "deviation_bound", "diagonal", "fourth_cumulant", "norm_square"]


def backprop(
    x: Float[Array, " d"],
    first: Float[Array, "m d"],
    others: Float[Array, "h m m"],
    readout: Float[Array, " m"],
) -> Float[Array, " n"]:
    """Gradient of a deep ReLU network in all weights, as outer products b_h g_(h-1)'.

    With D_h the diagonal matrix of active units, b_L = (2/m)^(1/2) D_L a and b_h =
    (2/m)^(1/2) D_h W_(h+1)' b_(h+1).

    Args:
        x: Input.
        first: W_1.
        others: W_2 to W_L.
        readout: a.

    Returns:
        The gradient in W_1, ..., W_L and a, in one vector; each entry to a few ulp of
        the sums of sizes that it is made of.

    Degenerate cases:
        A unit at exactly 0 counts as not active. A zero input gives 0.

    Raises:
        ValueError: The shapes do not fit.
    """
    width = len(readout)
    fits = x.ndim == 1 and first.shape == (width, *x.shape)
    if not fits or others.shape[1:] != (width, width):
        raise ValueError(
            "first must be (m, d), others (h, m, m) and readout (m,), got "
            f"{first.shape=}, {others.shape=}, {readout.shape=} for {x.shape=}"
        )
    gain = jnp.sqrt(jnp.asarray(2 / width, x.dtype))
    matrices = [first, *others]
    inputs, active = [x], []
    for matrix in matrices:
        values = jnp.matmul(matrix, inputs[-1], precision="highest")
        active.append(values > 0)
        inputs.append(gain * jnp.where(values > 0, values, 0))
    signal, parts = readout, [inputs[-1]]
    for layer in reversed(range(len(matrices))):
        signal = gain * jnp.where(active[layer], signal, 0)
        parts.append(jnp.ravel(signal[:, None] * inputs[layer][None, :]))
        signal = jnp.matmul(matrices[layer].T, signal, precision="highest")
    return jnp.concatenate(parts[::-1])


def diagonal(
    x: Float[Array, " d"],
    depth: int,
    negative: Float[Array, ""],
    positive: Float[Array, ""],
) -> Float[Array, ""]:
    """Mean squared gradient E|grad f(x)|^2 = (L + 1) |x|^2, whatever alpha and beta.

    Args:
        x: Input.
        depth: Number L of hidden layers.
        negative: alpha.
        positive: beta; not both are 0.

    Returns:
        The diagonal of the tangent kernel, to a few ulp of itself.

    Degenerate cases:
        A zero input gives 0. Where alpha and beta are 0 the gain does not exist: nan.

    Raises:
        ValueError: `x` is not a vector, or `depth` is less than 1.
    """
    square = norm_square(x, depth)
    some = (negative != 0) | (positive != 0)
    return jnp.where(some, (depth + 1) * square, jnp.nan)


def norm_square(x: Float[Array, " d"], depth: int) -> Float[Array, ""]:
    """Mean squared norm of a hidden layer of ReLU units, E|g_h|^2 = |x|^2.

    Args:
        x: Input.
        depth: Number h of the layer.

    Returns:
        |x|^2, to a few ulp of itself.

    Degenerate cases:
        A zero input gives 0.

    Raises:
        ValueError: `x` is not a vector, or `depth` is less than 1.
    """
    if x.ndim != 1:
        raise ValueError(f"x must be a vector, got {x.shape=}")
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth=}")
    return jnp.sum(x * x)


def fourth_cumulant(
    x: Float[Array, " d"], width: int, fourth_moment: float
) -> Float[Array, ""]:
    """E f^4 - 3 (E f^2)^2 = (6 k - 3) |x|^4 / (4 m) of the two-layer ReLU network.

    Over (E f^2)^2 = |x|^4 / 4 it is the excess kurtosis (6 k - 3) / m: 3 / m for signs
    as read-out weights, 15 / m for normal ones. So f tends to a normal law.

    Args:
        x: Input.
        width: Number m of hidden units.
        fourth_moment: k = E a^4 of the read-out weights, of mean 0 and variance 1: 1
            for signs, 3 for normal ones.

    Returns:
        The cumulant, to a few ulp of itself.

    Degenerate cases:
        A zero input gives 0.

    Raises:
        ValueError: `x` is not a vector, `width` is less than 1, or `fourth_moment`
            is less than 1.
    """
    if x.ndim != 1:
        raise ValueError(f"x must be a vector, got {x.shape=}")
    if width < 1:
        raise ValueError(f"width must be at least 1, got {width=}")
    if fourth_moment < 1:
        raise ValueError(f"fourth_moment must be at least 1, got {fourth_moment=}")
    return (6 * fourth_moment - 3) * jnp.sum(x * x) ** 2 / (4 * width)


def deviation_bound(
    angles: Float[Array, " n"], deviation: Float[Array, ""], width: int
) -> Float[Array, ""]:
    """2 n^2 exp(-m e^2 / (2 n^2)), which bounds P(|H - E H| > e) for n unit inputs.

    H_ij = x_i . x_j times the share of the m first-layer units that are active at both
    inputs is the tangent kernel of the first layer at initialization; the norm is the
    spectral one. So m >= 2 n^2 log(2 n^2 / delta) / e^2 units keep it within e with
    probability 1 - delta.

    Args:
        angles: Of the unit inputs (cos a_i, sin a_i); only their number n counts.
        deviation: e > 0.
        width: m.

    Returns:
        The bound, to a few ulp times 1 + m e^2 / n^2; it may exceed 1.

    Degenerate cases:
        Without a deviation it is 2 n^2.

    Raises:
        ValueError: `angles` is no vector, or the width is less than 1.
    """
    if angles.ndim != 1 or width < 1:
        raise ValueError(
            f"angles must be a vector and width at least 1, got {angles.shape=},"
            f" {width=}"
        )
    number = len(angles)
    exponent = deviation * deviation * (width / (2 * number**2))
    return 2 * number**2 * jnp.exp(-exponent)
