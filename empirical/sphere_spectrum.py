"""Spectra on the unit sphere: on random points, and by quadrature of projections.

The twin of `analytic.sphere_spectrum`. Kernels are taken from their definition, the
mean product of random units; Gegenbauer polynomials by their recursion.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from empirical.montecarlo import Normal, Sphere, expectation

__all__ = [
    "circle_coefficients",
    "decay_exponent",
    "first_layer_eigenvalues",
    "funk_hecke",
    "relu_eigenvalues",
]


@expectation(y=Sphere("d"), weight=Normal("d"))
def funk_hecke(
    x: Float[Array, " d"],
    kernel: str,
    order: int,
    *,
    y: Float[Array, " d"],
    weight: Float[Array, " d"],
) -> Float[Array, " k"]:
    """Products k(x . y) Re (y_1 + i y_2)^k with a random unit vector y.

    Args:
        x: Unit vector.
        kernel: exp, or step, relu or squared_relu for twice the product of such units.
        order: The largest degree k.
        y: Noise: the other vector, uniform on the sphere.
        weight: Noise: the weights of the unit, standard normal.

    Returns:
        One draw. Its mean over the noise is the kernel, applied to the harmonics.

    Degenerate cases:
        None: all draws are finite.

    Raises:
        ValueError: `x` has less than two entries, `kernel` is not listed, or `order`
            is negative.
    """
    if x.ndim != 1 or x.size < 2:
        raise ValueError(f"x must be a vector of two entries or more, got {x.shape=}")
    _require(x.size, order)
    powers = [jnp.ones_like(y[0]), jnp.zeros_like(y[0])]
    harmonics = []
    for _ in range(order + 1):
        harmonics.append(powers[0])
        powers = [
            powers[0] * y[0] - powers[1] * y[1],
            powers[0] * y[1] + powers[1] * y[0],
        ]
    units = {
        "step": lambda z: jnp.where(z > 0, jnp.ones_like(z), 0),
        "relu": jax.nn.relu,
        "squared_relu": lambda z: jax.nn.relu(z) ** 2,
    }
    if kernel == "exp":
        value = jnp.exp(jnp.sum(x * y))
    elif kernel in units:
        z = jnp.stack([jnp.sum(x * weight), jnp.sum(y * weight)])
        value = 2 * jnp.prod(units[kernel](z))
    else:
        names = ", ".join(("exp", *units))
        raise ValueError(f"kernel must be one of {names}, got {kernel=}")
    return value * jnp.stack(harmonics)


def relu_eigenvalues(dimension: int, degree: int, order: int) -> Float[Array, " k"]:
    """Projections of the arc-cosine kernel on Gegenbauer polynomials, by quadrature.

    Args:
        dimension: Of the space around the sphere.
        degree: Exponent of the units: 0, 1 or 2.
        order: The largest degree k.

    Returns:
        The projections.

    Degenerate cases:
        Those that vanish do so to rounding.

    Raises:
        ValueError: `dimension`, `degree` or `order` is out of range.
    """
    _require(dimension, order, degree)
    theta, masses = _angles(dimension, 96 + order)
    values = _arc_cosine(theta, degree)
    return jnp.asarray(
        _polynomials(np.cos(theta), dimension, order) @ (masses * values)
    )


def first_layer_eigenvalues(dimension: int, order: int) -> Float[Array, " k"]:
    """Projections of t times the share of units active at both inputs.

    Args:
        dimension: Of the space around the sphere.
        order: The largest degree k.

    Returns:
        The projections.

    Degenerate cases:
        Those that vanish do so to rounding.

    Raises:
        ValueError: `dimension` or `order` is out of range.
    """
    _require(dimension, order)
    theta, masses = _angles(dimension, 96 + order)
    values = np.cos(theta) * _arc_cosine(theta, 0) / 2
    return jnp.asarray(
        _polynomials(np.cos(theta), dimension, order) @ (masses * values)
    )


def circle_coefficients(degree: int, order: int) -> Float[Array, " k"]:
    """Mean products of the arc-cosine kernel with cosines over the circle.

    Args:
        degree: Exponent of the units: 0 or 1.
        order: The largest k.

    Returns:
        The means.

    Degenerate cases:
        Those that vanish do so to rounding.

    Raises:
        ValueError: `degree` is not 0 or 1, or `order` is negative.
    """
    if degree not in (0, 1):
        raise ValueError(f"degree must be 0 or 1, got {degree=}")
    _require(2, order)
    theta, masses = _angles(2, 96 + order)
    waves = np.cos(np.arange(order + 1)[:, None] * theta)
    return jnp.asarray(waves @ (masses * _arc_cosine(theta, degree)))


def decay_exponent(dimension: int, degree: int, *, index: int) -> Float[Array, ""]:
    """One projection of the arc-cosine kernel, on the polynomial of a large degree k.

    Args:
        dimension: Of the space around the sphere; even.
        degree: Exponent of the units.
        index: Size: k + (dimension - 2) / 2; projections are even functions of it, so
            that powers show early. k - degree must be odd.

    Returns:
        The projection, positive.

    Degenerate cases:
        None.

    Raises:
        ValueError: `dimension`, `degree` or `index` is out of range.
    """
    order = index - (dimension - 2) // 2
    _require(dimension, order, degree)
    if dimension % 2 or (order - degree) % 2 == 0:
        raise ValueError(
            "dimension must be even and the degree of the polynomial less degree odd, "
            f"got {dimension=}, {degree=}, {index=}"
        )
    theta, masses = _angles(dimension, 96 + order)
    polynomial = _polynomials(np.cos(theta), dimension, order)[-1]
    value = math.fsum(polynomial * masses * _arc_cosine(theta, degree))
    return jnp.asarray(value)


def _require(dimension: int, order: int, degree: int = 0) -> None:
    if dimension < 2:
        raise ValueError(f"dimension must be at least 2, got {dimension=}")
    if order < 0:
        raise ValueError(f"order must be at least 0, got {order=}")
    if degree not in (0, 1, 2):
        raise ValueError(f"degree must be 0, 1 or 2, got {degree=}")


def _angles(dimension: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes for the angle of two uniform vectors, and their chances."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    theta = np.pi / 2 * (nodes + 1)
    masses = weights * np.sin(theta) ** (dimension - 2)
    return theta, masses / masses.sum()


def _arc_cosine(theta: np.ndarray, degree: int) -> np.ndarray:
    """Twice the mean product of units, by quadrature over the plane of two inputs."""
    nodes, weights = np.polynomial.legendre.leggauss(32)
    arc = (np.pi - theta)[:, None]
    place = (nodes + 1) / 2
    products = np.sin(arc * place) * np.sin(arc * (1 - place))
    angular = np.sum(weights / 2 * products**degree, axis=1) * (np.pi - theta)
    # The mean of the radius to the power 2n is 2^n n!.
    return 2 * 2**degree * math.factorial(degree) * angular / (2 * np.pi)


def _polynomials(t: np.ndarray, dimension: int, order: int) -> np.ndarray:
    """Gegenbauer polynomials with value 1 at 1, of degree 0 to `order`."""
    found = [np.ones_like(t), t]
    for k in range(1, order):
        above = (2 * k + dimension - 2) * t * found[k] - k * found[k - 1]
        found.append(above / (k + dimension - 2))
    return np.stack(found[: order + 1])
