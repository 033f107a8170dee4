"""Arc-cosine kernels of degree 1 and 2 with their first and second derivatives.

Private to `arc_cosine`. They are twice differentiable away from zero vectors, where the
angle itself has kinks, so that differentiating by way of it would lose second
derivatives where the inputs are parallel.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from analytic._angle import (
    angles,
    cosine,
    double_angle_residual,
    normal,
    polar,
    sine,
    sine_residual,
)

__all__ = ["smooth"]


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def smooth(
    x: Float[Array, " d"], y: Float[Array, " d"], degree: int
) -> Float[Array, ""]:
    """The product |x|^n |y|^n J_n(theta) of degree n = 1 or 2, as in `arc_cosine`.

    Args:
        x: First vector.
        y: Second vector, of the length and dtype of `x`.
        degree: n.

    Returns:
        The product and its gradient to a few ulp of themselves, the gradient of degree
        1 as a vector; second derivatives to a few ulp of their largest.

    Degenerate cases:
        Zero vectors give 0, and derivatives 0 by convention.
    """
    return (polar(x)[0] * polar(y)[0]) ** degree * _profile(angles(x, y)[1], degree)[0]


@smooth.defjvp
def _smooth_jvp(degree, primals, tangents):
    x, y = primals
    change = jnp.sum(_slope(x, y, degree) * tangents[0])
    change += jnp.sum(_slope(y, x, degree) * tangents[1])
    return smooth(x, y, degree), change


def _bent_slope(
    x: Float[Array, " d"], y: Float[Array, " d"], degree: int
) -> Float[Array, " d"]:
    """Gradient in x: |x|^(n-1) |y|^n (n J_n u + a_n sin(theta) m), where u = x / |x|.

    The unit vector m is across u, towards y. Neither term cancels digits of the other
    as y nears -x.
    """
    norm, u = polar(x)
    theta, gap = angles(x, y)
    value, steepness = _profile(gap, degree)
    across = steepness * sine(theta, gap) * jnp.where(norm > 0, normal(x, y), 0)
    return norm ** (degree - 1) * polar(y)[0] ** degree * (degree * value * u + across)


_slope = jax.custom_jvp(_bent_slope, nondiff_argnums=(2,))


@_slope.defjvp
def _slope_jvp(degree, primals, tangents):
    """Where there is no direction across u, sin(theta) m is v - cos(theta) u."""
    theta, gap = angles(*primals)
    value, steepness, c = (
        lax.stop_gradient(v) for v in (*_profile(gap, degree), cosine(theta, gap))
    )

    def flat(x, y):
        (norm, u), (other, v) = polar(x), polar(y)
        across = steepness * (v - c * u)
        return norm ** (degree - 1) * other**degree * (degree * value * u + across)

    def bent(x, y):
        return _bent_slope(x, y, degree)

    straight = (theta == 0) | (gap == 0)
    slopes = (jax.jvp(form, primals, tangents)[1] for form in (flat, bent))
    return _slope(*primals, degree), jnp.where(straight, *slopes)


def _profile(
    gap: Float[Array, ""], degree: int
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """J_n as a function of pi - theta, and its slope there over sin(theta), a_n.

    The residuals are without cancellation near gap = 0.
    """
    if degree == 1:
        return sine_residual(gap), gap
    return double_angle_residual(gap), 4 * sine_residual(gap)
