"""Means over normal inputs in the plane of two weights, to 50 digits."""

import mpmath
import numpy as np
from mpmath import fdot, mpf, norm

__all__ = [
    "add_each",
    "exact",
    "gated_reference",
    "in_plane",
    "pairs",
    "plane_gradient",
    "plane_mean",
    "relu",
]

NEAR = [0.0, 1e-7, 1e-4, 0.01]
ANGLES = [*NEAR, 0.5, 1.2, 1.5707, 2.5, *(np.pi - np.array(NEAR))]
NORMS = [(1e-3, 1e3), (1.3, 0.7), (1e3, 1e-3)]


def pairs(dtype):
    """Pairs of vectors at all angles, of like and unlike norms; two nearly equal."""
    rng = np.random.default_rng(3)
    for number, theta in enumerate(ANGLES):
        for first, second in (NORMS[number % 3], NORMS[(number + 1) % 3]):
            u, v = np.linalg.qr(rng.normal(size=(5, 2)))[0].T
            turned = np.cos(theta) * u + np.sin(theta) * v
            yield (first * u).astype(dtype), (second * turned).astype(dtype)
    x = rng.normal(size=5)
    yield x.astype(dtype), (x + 1e-4 * x[::-1]).astype(dtype)


def exact(vector):
    return [mpf(float(entry)) for entry in vector]


def relu(t):
    return max(t, mpf(0))


def plane_mean(function, vectors):
    """E function(x) for a function of degree 2 of x ~ N(0, I) in the plane.

    The squared radius has mean 2 and is independent of the direction, over which the
    average is an integral, smooth between the directions at right angles to `vectors`.
    """
    kinks = {-mpmath.pi, mpmath.pi}
    for a, b in vectors:
        for turn in (-mpmath.pi / 2, mpmath.pi / 2):
            angle = mpmath.atan2(b, a) + turn
            kinks.add(angle - 2 * mpmath.pi * mpmath.nint(angle / (2 * mpmath.pi)))

    def around(t):
        return function((mpmath.cos(t), mpmath.sin(t)))

    return mpmath.quad(around, sorted(kinks), method="gauss-legendre") / mpmath.pi


def plane_gradient(residual, gate, vectors):
    """The mean gradient of residual^2 / 2 in the weight `gate`."""
    return [
        plane_mean(
            lambda x, i=i: residual(x) * x[i] if fdot(gate, x) > 0 else mpf(0), vectors
        )
        for i in (0, 1)
    ]


def in_plane(first, second):
    """An orthonormal basis of the plane of two vectors, and both in that basis."""
    along = [a / norm(first) for a in first]
    shadow = fdot(along, second)
    rest = [b - shadow * a for a, b in zip(along, second, strict=True)]
    height = norm(rest)
    across = [b / height if height else mpf(0) for b in rest]
    return [*zip(along, across, strict=True)], (norm(first), mpf(0)), (shadow, height)


def gated_reference(gate, weight):
    basis, e, w = in_plane(gate, weight)
    mean = plane_gradient(lambda x: relu(fdot(w, x)), e, [e, w])
    return [fdot(mean, row) for row in basis]


def add_each(worst, values, truths, scale, **point):
    """Add the error of every entry of an array."""
    for value, truth in zip(np.asarray(values).reshape(-1), truths, strict=True):
        worst.add(value, truth, scale, **point)
