"""Dual activations: the mean product of an activation at two correlated normal inputs.

For (u, v) normal with means 0, variances a and b, and covariance c, the dual of an
activation phi is E[phi(u) phi(v)], and that of its derivative E[phi'(u) phi'(v)]. By
Price's theorem the second is the derivative of the first in c. The two make up the
recursions of infinitely wide networks.

Source: Daniely, Frostig & Singer, "Toward Deeper Understanding of Neural Networks",
NeurIPS 2016, section 4 (duals); Cho & Saul, NeurIPS 2009 (ReLU); Williams, "Computing
with Infinite Networks", NeurIPS 1997 (erf).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic._angle import sine_residual

__all__ = ["erf", "erf_derivative", "relu", "relu_derivative"]


@jax.custom_jvp
def relu(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
) -> Float[Array, ""]:
    """Dual of the ReLU: E[u_+ v_+] = sqrt(ab) (sin t + (pi - t) cos t) / (2 pi).

    Here cos t = c / sqrt(ab) is the correlation.

    Args:
        variance_x: Variance a of u.
        variance_y: Variance b of v.
        covariance: Covariance c of u and v, at most sqrt(ab) in size.

    Returns:
        The mean product, to a few ulp of itself while squared variances stay in range.

    Degenerate cases:
        Where c^2 exceeds ab by rounding (4 ulp) the correlation is taken to be 1 or -1;
        further out, and for a negative variance, the value is nan. A zero variance
        gives 0; the slope in that variance, infinite there, is returned as 0.

    Raises:
        ValueError: An argument is not a scalar.
    """
    root = jnp.sqrt(_determinant(variance_x, variance_y, covariance))
    gap = jnp.arctan2(root, -covariance)  # pi - t
    return jnp.sqrt(variance_x) * jnp.sqrt(variance_y) * sine_residual(gap) / _TWO_PI


@jax.custom_jvp
def relu_derivative(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
) -> Float[Array, ""]:
    """Dual of the step function: P(u > 0, v > 0) = (pi - t) / (2 pi).

    Here cos t = c / sqrt(ab) is the correlation.

    Args:
        variance_x: Variance a of u.
        variance_y: Variance b of v.
        covariance: Covariance c of u and v, at most sqrt(ab) in size.

    Returns:
        The probability, to a few ulp of itself while squared variances stay in range.

    Degenerate cases:
        Where c^2 exceeds ab by rounding (4 ulp) the correlation is taken to be 1 or -1;
        further out, and for a negative variance, the value is nan. A zero variance
        gives 0, as u = 0 is not positive. Where ab = c^2 the slopes are infinite, or do
        not exist; they are returned as 0, so that slopes in vectors x and y with a =
        |x|^2, b = |y|^2, c = x . y are the mean of those that meet at the kink.

    Raises:
        ValueError: An argument is not a scalar.
    """
    determinant = _determinant(variance_x, variance_y, covariance)
    gap = jnp.arctan2(jnp.sqrt(determinant), -covariance)
    never = (variance_x == 0) | (variance_y == 0)
    return jnp.where(never & (determinant == 0), 0, gap) / _TWO_PI


def erf(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
) -> Float[Array, ""]:
    """Dual of the error function: (2 / pi) arcsin(2c / sqrt((1 + 2a) (1 + 2b))).

    Args:
        variance_x: Variance a of u.
        variance_y: Variance b of v.
        covariance: Covariance c of u and v, at most sqrt(ab) in size.

    Returns:
        The mean product, to a few ulp of itself while squared variances stay in range.

    Degenerate cases:
        Where c^2 exceeds ab by rounding (4 ulp) the correlation is taken to be 1 or -1;
        further out, and for a negative variance, the value is nan. A zero variance is
        regular and gives 0.

    Raises:
        ValueError: An argument is not a scalar.
    """
    root = jnp.sqrt(_erf_radicand(variance_x, variance_y, covariance))
    # The arcsine of the quotient would lose half the digits where it nears 1.
    return 2 / jnp.pi * jnp.arctan2(2 * covariance, root)


def erf_derivative(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
) -> Float[Array, ""]:
    """Dual of erf' = 2 exp(-z^2) / sqrt(pi): (4/pi) / sqrt((1+2a) (1+2b) - 4c^2).

    Args:
        variance_x: Variance a of u.
        variance_y: Variance b of v.
        covariance: Covariance c of u and v, at most sqrt(ab) in size.

    Returns:
        The mean product, to a few ulp of itself while squared variances stay in range.

    Degenerate cases:
        Where c^2 exceeds ab by rounding (4 ulp) the correlation is taken to be 1 or -1;
        further out, and for a negative variance, the value is nan. A zero variance is
        regular.

    Raises:
        ValueError: An argument is not a scalar.
    """
    radicand = _erf_radicand(variance_x, variance_y, covariance)
    return 4 / jnp.pi / jnp.sqrt(radicand)


_TWO_PI = 2 * jnp.pi


@relu.defjvp
def _relu_jvp(primals, tangents):
    """Slopes sqrt(ab - c^2) / (4 pi a) in a, likewise in b, and P(u, v > 0) in c."""
    half_root = jnp.sqrt(_determinant(*primals)) / 2
    x, y = (jnp.where(v > 0, half_root / v, 0) / _TWO_PI for v in primals[:2])
    change = x * tangents[0] + y * tangents[1] + relu_derivative(*primals) * tangents[2]
    return relu(*primals), change


@relu_derivative.defjvp
def _relu_derivative_jvp(primals, tangents):
    """Slope 1 / (2 pi sqrt(ab - c^2)) in c, and -c / (2a) times that in a."""
    variance_x, variance_y, covariance = primals
    root = jnp.sqrt(_determinant(*primals))
    smooth = root != 0  # and then both variances are positive
    x, y, safe_root = (jnp.where(smooth, v, 1) for v in (variance_x, variance_y, root))
    change = tangents[2] - covariance / 2 * (tangents[0] / x + tangents[1] / y)
    slope = jnp.where(smooth, 1 / (_TWO_PI * safe_root), 0)
    return relu_derivative(*primals), slope * change


def _erf_radicand(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
) -> Float[Array, ""]:
    """(1 + 2a) (1 + 2b) - 4c^2, as a sum of terms that are not negative."""
    determinant = _determinant(variance_x, variance_y, covariance)
    return 1 + 2 * (variance_x + variance_y) + 4 * determinant


@jax.custom_jvp
def _determinant(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
) -> Float[Array, ""]:
    """The value of ab - c^2, to an ulp of itself; 0 if negative by rounding only."""
    for name, value in (
        ("variance_x", variance_x),
        ("variance_y", variance_y),
        ("covariance", covariance),
    ):
        if jnp.shape(value) != ():
            raise ValueError(f"{name} must be a scalar, got shape {jnp.shape(value)}")
    product, product_rest = _exact_product(variance_x, variance_y)
    square, square_rest = _exact_product(covariance, covariance)
    # Near |correlation| = 1 the first difference is exact, and the rests decide.
    determinant = (product - square) + (product_rest - square_rest)
    slack = 4 * jnp.finfo(product.dtype).eps * product
    inside = (variance_x >= 0) & (variance_y >= 0) & (determinant >= -slack)
    return jnp.where(inside, jnp.maximum(determinant, 0), jnp.nan)


@_determinant.defjvp
def _determinant_jvp(primals, tangents):
    """The derivative of ab - c^2, one-sided where it is 0."""
    a, b, c = primals
    da, db, dc = tangents
    return _determinant(a, b, c), b * da + a * db - 2 * c * dc


def _exact_product(
    x: Float[Array, ""], y: Float[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """A rounded product and what rounding took from it (Dekker 1971)."""
    x, y = jnp.asarray(x), jnp.asarray(y)
    info = jnp.finfo(jnp.result_type(x, y))
    half = info.nmant // 2
    x_head, y_head = (jax.lax.reduce_precision(v, info.nexp, half) for v in (x, y))
    x_tail, y_tail = x - x_head, y - y_head
    # One bit short of the format: compilers fuse a plain product with a later sum.
    product = jax.lax.reduce_precision(x * y, info.nexp, info.nmant - 1)
    rest = x_head * y_head - product + x_head * y_tail + x_tail * y_head
    return product, rest + x_tail * y_tail
