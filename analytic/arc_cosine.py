"""Arc-cosine kernels: the inner product of the features of an infinitely wide layer.

A unit with weights w ~ N(0, I) maps an input x to (w . x)^n where w . x > 0 and to 0
elsewhere; n = 0 is the step function, n = 1 the ReLU. Twice the mean product of the
features of x and y, over w, is the arc-cosine kernel of degree n.

Source: Cho & Saul, "Kernel Methods for Deep Learning", NeurIPS 2009, section 2.1; the
series from Theory of Deep Learning (draft), chapter 9, exercise 3(a), corrected.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from analytic._angle import (
    angles,
    cosine,
    double_angle_residual,
    polar,
    sine,
    sine_residual,
)
from analytic._smooth_kernel import smooth

__all__ = ["angle", "biased", "kernel", "series"]


def kernel(
    x: Float[Array, " d"], y: Float[Array, " d"], degree: int
) -> Float[Array, ""]:
    """Arc-cosine kernel |x|^n |y|^n J_n(theta) / pi, theta the angle between x and y.

    With a = pi - theta: J_0 = a, J_1 = sin theta + a cos theta,
    J_2 = 3 sin theta cos theta + a (1 + 2 cos^2 theta).

    Args:
        x: First input.
        y: Second input, of the length and dtype of `x`.
        degree: The exponent n: 0, 1 or 2.

    Returns:
        The kernel, to 16 ulp of itself, also as y nears -x, where it vanishes like
        (pi - theta)^(2n + 1); of the gradient in x, as a vector, as much for degree 1.
        Degrees 1 and 2 have their second derivatives at theta = 0 and pi, too.

    Degenerate cases:
        A zero input gives 0 at every degree; for degree 0, where the limit depends on
        the direction of approach, by convention. At a zero input the derivative of
        degree 1 does not exist; 0 is returned, as differentiating the units does.
        Degree 0 has a kink where the inputs are parallel or opposite; the mean of the
        slopes that meet there, 0, is returned.

    Raises:
        ValueError: `degree` is not 0, 1 or 2, or the inputs are not alike.
    """
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x and y must be vectors alike, got {x.shape=}, {y.shape=}")
    match degree:
        case 0:
            either_zero = ~(jnp.any(x != 0) & jnp.any(y != 0))
            product = jnp.where(either_zero, 0, angles(x, y)[1])
        case 1 | 2:
            product = smooth(x, y, degree)
        case _:
            raise ValueError(f"degree must be 0, 1 or 2, got {degree=}")
    return product / jnp.pi


def angle(x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, "2"]:
    """The angle theta between two vectors, and pi - theta.

    Args:
        x: First vector.
        y: Second vector, of the length and dtype of `x`.

    Returns:
        Both in [0, pi], each to a few ulp of itself, also where it is small: the
        arccosine of an inner product has lost half of the digits there.

    Degenerate cases:
        A zero vector is taken to be orthogonal to all. Where the vectors are parallel
        or opposite there is a kink; the mean of the slopes that meet there, 0, is
        returned.

    Raises:
        ValueError: The inputs are not alike.
    """
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x and y must be vectors alike, got {x.shape=}, {y.shape=}")
    return jnp.stack(angles(x, y))


def biased(
    x: Float[Array, " d"],
    y: Float[Array, " d"],
    degree: int,
    weight_variance: Float[Array, ""],
    bias_variance: Float[Array, ""],
) -> Float[Array, ""]:
    """Arc-cosine kernel of units with a bias: (s/d)^(1/2) w . x + b^(1/2) z.

    Here z is standard normal like w. It is the kernel of the inputs (s/d)^(1/2) x and
    (s/d)^(1/2) y with the further coordinate b^(1/2).

    Args:
        x: First input.
        y: Second input, of the length and dtype of `x`.
        degree: The exponent n: 0, 1 or 2.
        weight_variance: s, positive.
        bias_variance: b, not negative.

    Returns:
        The kernel, as accurate as `kernel`.

    Degenerate cases:
        With a bias a zero input is regular; without one it is as for `kernel`. In a
        bias variance of 0 the slope is that from above; where that is infinite it is
        returned as 0: for degree 1 at one zero input, for degree 0 at any and where the
        inputs are parallel or opposite. For a negative variance: nan.

    Raises:
        ValueError: `degree` is not 0, 1 or 2, or the inputs are not alike.
    """
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x and y must be vectors alike, got {x.shape=}, {y.shape=}")
    scale = jnp.sqrt(jnp.asarray(weight_variance, x.dtype) / x.size)
    some = jnp.asarray(bias_variance != 0)
    root = jnp.where(some, jnp.sqrt(jnp.where(some, bias_variance, 1)), 0)
    root = root.astype(x.dtype)[None]
    first, second = (jnp.concatenate([scale * v, root]) for v in (x, y))
    value = kernel(first, second, degree)
    # The root hides the slope at 0.
    slope = lax.stop_gradient(_slope_without_bias(scale * x, scale * y, degree))
    lost = _flat(jnp.asarray(bias_variance, x.dtype), slope)
    return value + jnp.where(some, 0, lost)


@jax.custom_jvp
def _flat(variable: Float[Array, ""], slope: Float[Array, ""]) -> Float[Array, ""]:
    """Nothing but a slope: 0, whose derivative in the variable is the one given."""
    del variable
    return jnp.zeros_like(slope)


@_flat.defjvp
def _flat_jvp(primals, tangents):
    return jnp.zeros_like(primals[1]), primals[1] * tangents[0]


def _slope_without_bias(
    x: Float[Array, " d"], y: Float[Array, " d"], degree: int
) -> Float[Array, ""]:
    """Slope of the kernel as b is added to both squared norms and the inner product.

    With r = |x| / |y| + |y| / |x| the cosine changes by (1 - r cos theta / 2) / (|x|
    |y|). J_1' = -(pi - theta) sin theta and J_2' = -4 sin theta J_1.
    """
    first, second = polar(x)[0], polar(y)[0]
    theta, gap = angles(x, y)
    s, c, norms = sine(theta, gap), cosine(theta, gap), first * second
    some, both_zero = (first > 0) & (second > 0), (first == 0) & (second == 0)
    quotient = jnp.where(some, first, 1) / jnp.where(some, second, 1)
    ratio = quotient + 1 / quotient
    match degree:
        case 0:
            steep = norms * s
            kink = steep == 0
            slope = jnp.where(kink, 0, (1 - ratio * c / 2) / jnp.where(kink, 1, steep))
        case 1:
            slope = ratio * s / 2 + gap
        case _:
            bent = 4 * sine_residual(gap) * (1 - ratio * c / 2)
            slope = norms * (ratio * double_angle_residual(gap) + bent)
    # With a zero input: the kernel of degree 1 is b itself if both are.
    rest = (jnp.zeros_like(s), both_zero.astype(s.dtype), (first**2 + second**2) / 2)
    return jnp.where(some, slope / jnp.pi, rest[degree])


def series(cosine: Float[Array, ""], degree: int, terms: int) -> Float[Array, ""]:
    """Taylor polynomial of the kernel of two unit vectors in z, their inner product.

    With arcsin z = A_1 z + A_2 z^3 + A_3 z^5 + ... and sums over l = 1 ... `terms`:
    degree 0 is 1/2 + sum A_l z^(2l-1) / pi, degree 1 is 1/pi + z/2 + sum A_l z^(2l) /
    (2l pi), and degree 2 is 1/2 + 4 (z/pi + z^2/4 + sum A_l z^(2l+1) / (2l (2l+1) pi)).

    Args:
        cosine: z in [-1, 1].
        degree: The exponent n of the kernel: 0, 1 or 2.
        terms: How many terms of the series of arcsin are kept, at least 1.

    Returns:
        The polynomial, to a few ulp of its value at |z|. It approaches the kernel from
        below for z > 0, with an error below |z|^(2 terms + 1 + n) terms^(-1/2 - n).

    Degenerate cases:
        At |z| = 1 the series converges, but only like terms^(-1/2 - n). Beyond 1 it
        diverges, and the value is nan.

    Raises:
        ValueError: `cosine` is not a scalar, `degree` is not 0, 1 or 2, or `terms` is
            not positive.
    """
    if jnp.shape(cosine) != ():
        raise ValueError(f"cosine must be a scalar, got {jnp.shape(cosine)=}")
    if degree not in (0, 1, 2):
        raise ValueError(f"degree must be 0, 1 or 2, got {degree=}")
    if terms < 1:
        raise ValueError(f"terms must be at least 1, got {terms=}")
    square = cosine * cosine
    value = jnp.zeros_like(cosine)
    for order in reversed(range(terms)):
        value = value * square + _arcsine_coefficient(order, degree)
    match degree:
        case 0:
            value = 0.5 + cosine * value / jnp.pi
        case 1:
            value = 1 / jnp.pi + cosine / 2 + square * value / jnp.pi
        case _:
            value = 0.5 + square + 4 * cosine * (1 + square * value) / jnp.pi
    return jnp.where(jnp.abs(cosine) <= 1, value, jnp.nan)


def _arcsine_coefficient(order: int, integrations: int) -> float:
    """Coefficient number `order` of arcsin, integrated zero, one or two times."""
    power = 2 * order + 1
    divisor = power * math.prod(range(power + 1, power + 1 + integrations))
    # A quotient of integers rounds once, however long they are.
    return math.comb(2 * order, order) / (4**order * divisor)
