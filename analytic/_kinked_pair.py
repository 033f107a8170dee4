"""Mean products of step, sign, absolute value, ReLU and its powers at a normal pair.

Private to `analytic`: the closed forms behind `dual_activation`, which documents them,
with slopes by custom rules. Automatic differentiation would return nan where the
correlation is 1 or -1, or where a variance is 0.
"""

import functools

import jax
import jax.numpy as jnp

from analytic._angle import sine_residual
from analytic._normal_pair import determinant, moment

__all__ = ["absolute", "power", "power_slope", "relu", "sign", "step"]

_TWO_PI = 2 * jnp.pi


def _gap(a, b, c):
    """The supplement pi - t of the angle."""
    return jnp.arctan2(jnp.sqrt(determinant(a, b, c)), -c)


def _per_variance(value, a, b, da, db):
    """The change value (da / a + db / b), 0 in a variance that is 0."""
    return sum(
        jnp.where(v > 0, value / jnp.where(v > 0, v, 1), 0) * dv
        for v, dv in ((a, da), (b, db))
    )


@jax.custom_jvp
def step(a, b, c):
    """P(u > 0, v > 0)."""
    never = ((a == 0) | (b == 0)) & (determinant(a, b, c) == 0)
    return jnp.where(never, 0, _gap(a, b, c)) / _TWO_PI


@step.defjvp
def _step_jvp(primals, tangents):
    """Slope 1 / (2 pi sqrt(ab - c^2)) in c, and -c / (2a) times that in a."""
    a, b, c = primals
    root = jnp.sqrt(determinant(a, b, c))
    smooth = root != 0  # and then both variances are positive
    slope = jnp.where(smooth, 1 / (_TWO_PI * jnp.where(smooth, root, 1)), 0)
    change = tangents[2] - _per_variance(c / 2, a, b, *tangents[:2])
    return step(a, b, c), slope * change


@jax.custom_jvp
def sign(a, b, c):
    """E[sgn u sgn v]."""
    return 2 / jnp.pi * jnp.arctan2(c, jnp.sqrt(determinant(a, b, c)))


@sign.defjvp
def _sign_jvp(primals, tangents):
    """The slopes are four times those of the step: sgn z = 2 step(z) - 1."""
    return sign(*primals), 4 * jax.jvp(step, primals, tangents)[1]


@jax.custom_jvp
def absolute(a, b, c):
    """E[|u| |v|]."""
    root = jnp.sqrt(determinant(a, b, c))
    return 2 / jnp.pi * (root + c * jnp.arctan2(c, root))


@absolute.defjvp
def _abs_jvp(primals, tangents):
    """Slopes sqrt(ab - c^2) / (pi a) in a, likewise in b, and E[sgn u sgn v] in c."""
    a, b, c = primals
    root = jnp.sqrt(determinant(a, b, c))
    change = _per_variance(root / jnp.pi, a, b, *tangents[:2])
    return absolute(a, b, c), change + sign(a, b, c) * tangents[2]


@functools.partial(jax.custom_jvp, nondiff_argnums=(3,))
def _power(a, b, c, degree: int):
    roots = jnp.sqrt(a) * jnp.sqrt(b)
    some = roots > 0
    below = roots + jnp.abs(c)
    # The mean for the correlation -|cos t| is a series in z = (1 - |cos t|) / 2 whose
    # terms are positive; that for +|cos t| is the rest of the moment.
    z = determinant(a, b, c) / jnp.where(some, 2 * roots * below, 1)
    opposite = roots**degree * _angular_series(z, degree) / _TWO_PI
    rest = moment(a, b, c, degree, degree) / 2 - (-1) ** degree * opposite
    return jnp.where(some, jnp.where(c <= 0, opposite, rest), 0 * z)


@_power.defjvp
def _relu_power_jvp(degree, primals, tangents):
    """Price's theorem in c; in a and b by homogeneity, of degree n / 2 in a."""
    a, b, c = primals
    value = _power(a, b, c, degree)
    slope = power_slope(a, b, c, degree)
    change = _per_variance((degree * value - c * slope) / 2, a, b, *tangents[:2])
    return value, change + slope * tangents[2]


def power(a, b, c, degree: int):
    """E[(u_+)^n (v_+)^n] for n of at least 1."""
    if degree < 1:
        raise ValueError(f"degree must be at least 1, got {degree=}")
    return relu(a, b, c) if degree == 1 else _power(a, b, c, degree)


def power_slope(a, b, c, degree: int):
    """The derivative of `power` in c, n^2 times that of degree n - 1."""
    if degree < 1:
        raise ValueError(f"degree must be at least 1, got {degree=}")
    if degree == 1:
        return step(a, b, c)
    return degree**2 * power(a, b, c, degree - 1)


def _angular_series(z, degree: int):
    """J_n in z = (1 + cos t) / 2 up to 1/2: z^(n + 1/2) times a series.

    J_0 = pi - t = 2 arcsin(sqrt z), and d J_n / dz = 2 n^2 J_(n-1).
    """
    coefficients = [2.0]
    for k in range(1, 52):  # What is left out is below 2^-60 of the sum.
        factor = (2 * k - 1) ** 2 / (2 * k * (2 * k + 1))
        coefficients.append(coefficients[-1] * factor)
    for n in range(1, degree + 1):
        coefficients = [
            2 * n * n * value / (n + k + 0.5) for k, value in enumerate(coefficients)
        ]
    series = jnp.zeros_like(z)
    for value in reversed(coefficients):
        series = series * z + value
    return z**degree * jnp.sqrt(z) * series


@jax.custom_jvp
def relu(a, b, c):
    """E[u_+ v_+]."""
    gap = _gap(a, b, c)
    return jnp.sqrt(a) * jnp.sqrt(b) * sine_residual(gap) / _TWO_PI


@relu.defjvp
def _relu_jvp(primals, tangents):
    """Slopes sqrt(ab - c^2) / (4 pi a) in a, likewise in b, and P(u, v > 0) in c."""
    a, b, c = primals
    root = jnp.sqrt(determinant(a, b, c))
    change = _per_variance(root / (2 * _TWO_PI), a, b, *tangents[:2])
    return relu(a, b, c), change + step(a, b, c) * tangents[2]
