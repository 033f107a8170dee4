"""Points and 50-digit means for closed forms of a pair of normal numbers."""

import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
from accuracy import DIGITS

__all__ = ["broken_mean", "compare", "points", "scalars", "smooth_mean"]

ANGLES = [1e-7, 1e-5, 1e-3, 0.03, 0.5, 1.0, 1.5, 1.6, 2.0, 2.6, 3.1]


def points(dtype, variances):
    """Variances and covariances at the angles above, as far as rounding allows."""
    kind = np.dtype(dtype).type
    angles = [*ANGLES, *(np.pi - a for a in ANGLES[:4])]
    rows = [
        (kind(a), kind(b), kind(np.sqrt(a * b) * np.cos(angle)))
        for (a, b), angle in itertools.product(variances, angles)
    ]
    # One ulp from perfect correlation, where a b - c^2 is all rounding if done naively.
    eps = np.finfo(kind).eps
    one = kind(1)
    rows += [(one + 3 * eps, one, one + eps), (one, one, -one + eps / 2)]
    with mpmath.workdps(DIGITS):
        exact = [[mpmath.mpf(float(v)) for v in row] for row in rows]
        inside = [r for r, (a, b, c) in zip(rows, exact, strict=True) if a * b > c * c]
    return [jnp.asarray(column) for column in np.array(inside, dtype).T]


def scalars(*values):
    """JAX scalars."""
    return [jnp.array(v) for v in values]


def smooth_mean(first, second, a, b, c, fine=1):
    """E[f(u) g(v)] of analytic functions, by the trapezoidal rule: 18 digits.

    Where f(u) or g(v) has a pole at a distance d from the real axis, in standard
    deviations, the error is exp(-10 pi d fine).
    """
    a, b, c = map(mpmath.mpf, (a, b, c))
    step = mpmath.mpf(1) / (5 * fine)
    nodes = [step * k for k in range(-48 * fine, 48 * fine + 1)]
    weights = [step * mpmath.npdf(z) for z in nodes]
    scale, spread = mpmath.sqrt(a), mpmath.sqrt(b - c * c / a)
    return mpmath.fsum(
        weight
        * first(scale * z)
        * mpmath.fsum(
            other * second(c / scale * z + spread * x)
            for other, x in zip(weights, nodes, strict=True)
        )
        for weight, z in zip(weights, nodes, strict=True)
    )


def broken_mean(first, second, a, b, c):
    """E[f(u) g(v)] of functions that are smooth on either side of 0: 15 digits.

    In polar coordinates, where kinks and jumps lie at the ends of four arcs.
    """
    a, b, c = map(mpmath.mpf, (a, b, c))
    theta = mpmath.atan2(mpmath.sqrt(a * b - c * c), c)
    quarter = mpmath.pi / 2
    ends = [-quarter, theta - quarter, quarter, theta + quarter, 3 * quarter]

    def ray(angle):
        x, y = mpmath.sqrt(a) * mpmath.cos(angle), mpmath.sqrt(b)
        y *= mpmath.cos(angle - theta)
        return mpmath.quad(
            lambda r: first(r * x) * second(r * y) * r * mpmath.exp(-r * r / 2),
            [0, 2, 5, 10],
            method="gauss-legendre",
            maxdegree=4,
        )

    total = mpmath.quad(ray, ends, method="gauss-legendre", maxdegree=4)
    return total / (2 * mpmath.pi)


def compare(worst, form, reference, arguments, extra=()):
    """Add the errors over batched points, in ulp of the scale that a reference states.

    Args:
        worst: The errors of the form so far.
        form: The closed form, of scalars.
        reference: Gives the exact value and the scale, from mpmath numbers.
        arguments: Batched arrays.
        extra: Static parameters, passed to both.
    """
    values = jax.jit(jax.vmap(lambda *row: form(*row, *extra)))(*arguments)
    assert values.dtype == arguments[0].dtype
    tiny = 1e3 * float(jnp.finfo(values.dtype).tiny)
    with mpmath.workdps(DIGITS):
        for value, *row in zip(values, *arguments, strict=True):
            exact, scale = reference(*(mpmath.mpf(float(v)) for v in row), *extra)
            if scale > tiny:  # else it underflows
                worst.add(value, exact, scale, at=row)
