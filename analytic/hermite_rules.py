"""Rules of Hermite expansions: smoothing, derivatives, products with x, scaled links.

Polynomials and coefficients are normalized as in `hermite`: h_k is the probabilists'
polynomial, and c_k(f) = E[f(z) h_k(z)] for z ~ N(0, 1).

Source: O'Donnell, "Analysis of Boolean Functions", Cambridge 2014, section 11.2
(smoothing); Szego, "Orthogonal Polynomials", AMS 1939, section 5.5 (recurrence and
derivative); moments of the normal law (scaled links).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic.hermite import coefficients, largest_order

__all__ = ["coefficient_table", "scaled", "smoothed", "transformed"]

KINKED = ("relu", "abs", "sign", "step")
SMOOTH = (
    *("exp", "sin", "cos", "gaussian", "x_gaussian", "x2_exp", "erf", "normal_cdf"),
    *("gelu", "tanh", "log_cosh", "sigmoid", "softplus", "silu", "power_1", "power_2"),
    *("power_3", "power_4", "hermite_1", "hermite_2", "hermite_3", "hermite_4"),
)
SCALED = ("gaussian", "erf", "sin", "cos", "exp")


def smoothed(
    point: Float[Array, ""], correlation: Float[Array, ""], order: int
) -> Float[Array, " degrees"]:
    """Ornstein-Uhlenbeck smoothing of h_k: rho^k h_k(y), for k from 0 to `order`.

    It is the mean of h_k(rho y + sqrt(1 - rho^2) xi) over xi ~ N(0, 1).

    Args:
        point: The point y.
        correlation: The correlation rho, in [-1, 1].
        order: The largest degree, from 0 to 100; float32 may overflow above 34.

    Returns:
        The smoothed polynomials, each to a few ulp of |rho|^k times the sum of the
        sizes of the terms of h_k(y).

    Degenerate cases:
        At rho = 0 only the 1 of degree 0 remains. Where |rho| > 1 all are nan.

    Raises:
        ValueError: `point` or `correlation` is not a scalar, or `order` is out of
            range.
    """
    if point.shape or correlation.shape:
        raise ValueError(
            "point and correlation must be scalars, "
            f"got {point.shape=}, {correlation.shape=}"
        )
    if not 0 <= order <= _LARGEST:
        raise ValueError(f"order must be from 0 to {_LARGEST}, got {order=}")
    step = correlation * point
    found = [jnp.ones_like(step), step]
    for k in range(1, order):
        # The recurrence of h_k, times rho^{k + 1}.
        found.append(step * found[-1] - k * correlation**2 * found[-2])
    inside = jnp.abs(correlation) <= 1
    return jnp.where(inside, jnp.stack(found[: order + 1]), jnp.nan)


def transformed(function: str, order: int) -> Float[Array, "3 degrees"]:
    """Coefficients of f', x f and x^2 f, in this order, from those of f.

    They are c_{k+1}(f), c_{k+1}(f) + k c_{k-1}(f), and
    c_{k+2}(f) + (2k + 1) c_k(f) + k (k - 1) c_{k-2}(f), for k from 0 to `order`.

    Args:
        function: The name of f, as listed at the head of `analytic.hermite`.
        order: The largest degree k: from 0 to 98; to 8 for the tabulated functions
            tanh, log_cosh, sigmoid, softplus and silu. float32 may overflow above 32.

    Returns:
        The coefficients in the default floating type, each to a few ulp of the sum of
        the sizes of its terms.

    Degenerate cases:
        The derivative of sign and step is a point mass at 0; its coefficients are
        2 h_k(0) / sqrt(2 pi) and half of that.

    Raises:
        ValueError: `function` is not a listed name, or `order` is out of range.
    """
    largest = largest_order(function) - 2
    if function in (*KINKED, *SMOOTH) and not 0 <= order <= largest:
        raise ValueError(
            f"order must be from 0 to {largest} for {function}, got {order=}"
        )
    known = coefficients(function, max(order, 0) + 2)
    k = jnp.arange(order + 1, dtype=known.dtype)
    here, above, next_above = known[:-2], known[1:-1], known[2:]
    below = jnp.roll(above, 2).at[:2].set(0).at[1:2].set(here[:1])
    next_below = jnp.roll(here, 2).at[:2].set(0)
    by_x = above + k * below
    by_square = next_above + (2 * k + 1) * here + k * (k - 1) * next_below
    return jnp.stack([above, by_x, by_square])


def scaled(rate: Float[Array, ""], order: int) -> Float[Array, "functions degrees"]:
    """Coefficients of the links of `SCALED`, of rate r, k from 0 to `order`.

    A row each, in this order. e^{-r x^2 / 2}: c_{2m} = (1 + r)^{-1/2} (2m - 1)!!
    (-r / (1 + r))^m. erf(r x): c_{2m+1} = (2r / sqrt(pi)) (1 + 2r^2)^{-1/2} (2m - 1)!!
    (-2r^2 / (1 + 2r^2))^m. sin(r x) and cos(r x): (-1)^m r^k e^{-r^2 / 2} at k = 2m + 1
    and at k = 2m. e^{r x}: r^k e^{r^2 / 2}.

    Args:
        rate: The rate r.
        order: The largest degree k, from 0 to 100; float32 may overflow above 34.

    Returns:
        The coefficients, each to a few ulp of (1 + k + r^2) times itself.

    Degenerate cases:
        A coefficient of the other parity is exactly 0. At r <= -1 the first function
        has none: nan.

    Raises:
        ValueError: `rate` is not a scalar, or `order` is out of range.
    """
    if rate.shape:
        raise ValueError(f"rate must be a scalar, got {rate.shape=}")
    if not 0 <= order <= _LARGEST:
        raise ValueError(f"order must be from 0 to {_LARGEST}, got {order=}")
    rows = jnp.stack([_LINKS[name].series(rate, order) for name in SCALED])
    outside = (rate <= -1) & (jnp.arange(len(SCALED))[:, None] == 0)
    return jnp.where(outside, jnp.nan, rows)


def coefficient_table(family: str, order: int) -> Float[Array, "functions degrees"]:
    """The coefficients of every function of a family, a row each, k from 0 to `order`.

    Args:
        family: kinked or smooth, for the functions of `KINKED` or `SMOOTH`.
        order: The largest degree k, from 0 to 10.

    Returns:
        The table in the default floating type, each entry to a few ulp of itself.

    Degenerate cases:
        A coefficient that vanishes is exactly 0.

    Raises:
        ValueError: `family` is not a listed name, or `order` is out of range.
    """
    if family not in ("kinked", "smooth"):
        raise ValueError(f"family must be kinked or smooth, got {family=}")
    if not 0 <= order <= 10:
        raise ValueError(f"order must be from 0 to 10, got {order=}")
    names = KINKED if family == "kinked" else SMOOTH
    return jnp.stack([coefficients(name, order) for name in names])


_LARGEST = 100  # Keeps every coefficient within the range of float64.
Term = Callable[[Float[Array, ""]], Float[Array, ""]]


@dataclass(frozen=True)
class _Link:
    """A link whose coefficients of one parity are a geometric or factorial series.

    Attributes:
        even: c_0, or None if all even coefficients vanish.
        odd: c_1, or None if all odd ones do.
        ratio: c_{k+2} / c_k, but for the growth.
        grows: Whether c_{k+2} has the odd factor of a double factorial besides.
    """

    even: Term | None
    odd: Term | None
    ratio: Term
    grows: bool

    def series(self, rate: Float[Array, ""], order: int) -> Float[Array, " degrees"]:
        """The coefficients from 0 to `order`."""
        ratio, found = self.ratio(rate), []
        for k in range(order + 1):
            if k < 2:
                first = self.odd if k else self.even
                found.append(first(rate) if first else 0 * rate)
            else:
                # A double factorial grows by 2m - 1, where k is 2m or 2m + 1.
                growth = k - 1 - k % 2 if self.grows else 1
                found.append(growth * ratio * found[-2])
        return jnp.stack(found)


_LINKS = {
    "gaussian": _Link(
        lambda r: 1 / jnp.sqrt(1 + r), None, lambda r: -r / (1 + r), grows=True
    ),
    "erf": _Link(
        None,
        lambda r: 2 / math.sqrt(math.pi) * r / jnp.sqrt(1 + 2 * r**2),
        lambda r: -2 * r**2 / (1 + 2 * r**2),
        grows=True,
    ),
    "sin": _Link(
        None, lambda r: r * jnp.exp(-(r**2) / 2), lambda r: -(r**2), grows=False
    ),
    "cos": _Link(lambda r: jnp.exp(-(r**2) / 2), None, lambda r: -(r**2), grows=False),
    "exp": _Link(
        lambda r: jnp.exp(r**2 / 2),
        lambda r: r * jnp.exp(r**2 / 2),
        lambda r: r**2,
        grows=False,
    ),
}
