"""Hermite expansions under the Gaussian law: moments, kernel, coefficients, exponent.

The polynomials are the probabilists': h_0 = 1, h_1 = x, h_{k+1} = x h_k - k h_{k-1},
so that E[h_j(z) h_k(z)] = k! [j = k] for z ~ N(0, 1). Coefficients are unnormalized:
c_k(f) = E[f(z) h_k(z)] and f = sum_k c_k h_k / k!.

Functions are named. Without a parameter: relu, abs, sign, step (1 above 0), exp, sin,
cos, gaussian (e^{-x^2/2}), x_gaussian (x e^{-x^2/2}), x2_exp (x^2 e^{-x^2}), erf,
normal_cdf, gelu (x normal_cdf(x)), tanh, log_cosh, sigmoid, softplus, silu. With a
degree from 1 to 99: power_3 is x^3, hermite_3 is h_3, and so on.

Source: Szego, "Orthogonal Polynomials", AMS 1939, chapter 5 (orthogonality, Mehler's
formula); Ben Arous, Gheissari & Jagannath, "Online stochastic gradient descent on
non-convex losses from high-dimensional inference", JMLR 2021 (information exponent).
"""

import math
import re
from collections.abc import Callable
from fractions import Fraction

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

__all__ = ["coefficients", "cross_moments", "information_exponent", "kernel"]


def cross_moments(
    correlation: Float[Array, ""], order: int
) -> Float[Array, "rows columns"]:
    """Matrix of E[h_j(u) h_k(v)] = k! rho^k [j = k], for j and k from 0 to `order`.

    Args:
        correlation: The correlation rho of the standard normals u and v, in [-1, 1].
        order: The largest degree, from 0 to 100; float32 overflows above 34.

    Returns:
        The matrix, each entry to a few ulp of itself.

    Degenerate cases:
        At rho = 0 only the entry of degree 0 remains. Where |rho| > 1 all are nan.

    Raises:
        ValueError: `correlation` is not a scalar, or `order` is out of range.
    """
    if correlation.shape:
        raise ValueError(f"correlation must be a scalar, got {correlation.shape=}")
    if not 0 <= order <= _LARGEST:
        raise ValueError(f"order must be from 0 to {_LARGEST}, got {order=}")
    powers = [float(math.factorial(k)) * correlation**k for k in range(order + 1)]
    inside = jnp.abs(correlation) <= 1
    return jnp.where(inside, jnp.diag(jnp.stack(powers)), jnp.nan)


def kernel(
    x: Float[Array, ""], y: Float[Array, ""], correlation: Float[Array, ""]
) -> Float[Array, ""]:
    """Mehler kernel sum_k rho^k h_k(x) h_k(y) / k!, in closed form.

    It is (1 - rho^2)^{-1/2} exp(-(rho^2 (x^2 + y^2) - 2 rho x y) / (2 (1 - rho^2))),
    the density of a normal pair of correlation rho over that of an independent pair.

    Args:
        x: First point.
        y: Second point.
        correlation: The correlation rho, inside (-1, 1).

    Returns:
        The kernel K, to a few ulp of K (1 + |a| + |b|), where a and b are the terms of
        the exponent as grouped in the body.

    Degenerate cases:
        At rho = 0 the kernel is 1. Where |rho| >= 1 the series diverges: nan.

    Raises:
        ValueError: An argument is not a scalar.
    """
    if x.shape or y.shape or correlation.shape:
        raise ValueError(
            "x, y and correlation must be scalars, "
            f"got {x.shape=}, {y.shape=}, {correlation.shape=}"
        )
    rho = jnp.where(jnp.abs(correlation) < 1, correlation, jnp.nan)
    # Grouped around x = y (or x = -y) so that the poles at rho = 1 (or -1) meet a
    # small difference; the expanded square cancels there. Not jnp.abs: its zero
    # derivative at rho = 0 would spoil the second derivative.
    sign = jnp.where(rho < 0, -1, 1).astype(rho.dtype)
    size = sign * rho
    square = (1 - size) * (1 + size)
    a = rho * (x * y) / (1 + size)
    b = (rho * (x - sign * y)) ** 2 / (2 * square)
    return jnp.exp(a - b) / jnp.sqrt(square)


def coefficients(function: str, order: int) -> Float[Array, " degrees"]:
    """Hermite coefficients c_k = E[f(z) h_k(z)], for k from 0 to `order`.

    Args:
        function: The name of f, as listed at the head of the module.
        order: The largest degree k: from 0 to 100; to 10 for tanh, log_cosh, sigmoid,
            softplus and silu, which are tabulated. float32 may overflow above 34.

    Returns:
        The coefficients in the default floating type, each to a few ulp of itself.

    Degenerate cases:
        A coefficient that vanishes is exactly 0.

    Raises:
        ValueError: `function` is not a listed name, or `order` is out of range.
    """
    coefficient, largest = _coefficient(function), largest_order(function)
    if not 0 <= order <= largest:
        raise ValueError(
            f"order must be from 0 to {largest} for {function}, got {order=}"
        )
    return jnp.asarray([float(coefficient(k)) for k in range(order + 1)])


def information_exponent(function: str) -> Int[Array, ""]:
    """Information exponent k* = min{k >= 1: c_k(f) != 0}.

    Online gradient descent on a single-index model with link f needs about d^{k* - 1}
    samples in d dimensions to leave a random start, once k* is 3 or more.

    Args:
        function: The name of the link f, as listed at the head of the module.

    Returns:
        The exponent, exactly.

    Degenerate cases:
        None: each listed function has a coefficient other than c_0.

    Raises:
        ValueError: `function` is not a listed name.
    """
    coefficient, k = _coefficient(function), 1
    while coefficient(k) == 0:
        k += 1
    return jnp.asarray(k)


def largest_order(function: str) -> int:
    """Largest degree of which the coefficient of a named function is known."""
    return _LARGEST_TABULATED if function in _TABULATED else _LARGEST


_LARGEST = 100  # Keeps every coefficient within the range of float64.
_LARGEST_TABULATED = 10
_PI = math.pi

# Integrals without closed form: E[f(z) h_k(z)] by quadrature at 40 digits.
_TANH = {
    1: 0.60570550960215882558,
    3: -0.36359537628097414950,
    5: 0.68517379350891888759,
    7: -2.2324033118271138833,
    9: 10.493683406004383602,
}
_SIGMOID = {
    0: 0.5,
    1: 0.20662096414190703726,
    3: -0.062396483959259193493,
    5: 0.064379973249044120669,
    7: -0.12258043626292642735,
    9: 0.35408138457140788512,
    11: -1.4025243530166613629,
}
_TABULATED: dict[str, Callable[[int], float]] = {
    "tanh": lambda k: _TANH.get(k, 0),
    # c_k(f') = c_{k+1}(f) links an antiderivative to its derivative.
    "log_cosh": lambda k: _TANH.get(k - 1, 0) if k else 0.37456720749143797410,
    "sigmoid": lambda k: _SIGMOID.get(k, 0),
    "softplus": lambda k: _SIGMOID.get(k - 1, 0) if k else 0.80605918334743978453,
    # c_k(x f) = c_{k+1}(f) + k c_{k-1}(f).
    "silu": lambda k: _SIGMOID.get(k + 1, 0) + k * _SIGMOID.get(k - 1, 0),
}


def _odd_factorial(m: int) -> int:
    """(2m - 1)!!, with (-1)!! = 1 and (-3)!! = -1."""
    return math.prod(range(1, 2 * m, 2)) if m >= 0 else -1


def _even(
    scale: float, rational: Callable[[int], Fraction | int]
) -> Callable[[int], float]:
    """An even function: scale * rational(m) at k = 2m."""
    return lambda k: 0 if k % 2 else scale * float(rational(k // 2))


def _odd(
    scale: float, rational: Callable[[int], Fraction | int]
) -> Callable[[int], float]:
    """An odd function: scale * rational(m) at k = 2m + 1."""
    return lambda k: scale * float(rational(k // 2)) if k % 2 else 0


def _powers(base: Fraction) -> Callable[[int], Fraction]:
    """(2m - 1)!! base^m."""
    return lambda m: _odd_factorial(m) * base**m


_HALF, _TWO_THIRDS = Fraction(-1, 2), Fraction(-2, 3)
_KINK = _even(1 / math.sqrt(2 * _PI), lambda m: -((-1) ** m) * _odd_factorial(m - 1))
_JUMP = _odd(1 / math.sqrt(2 * _PI), _powers(Fraction(-1)))
_CDF = _odd(0.5 / math.sqrt(_PI), _powers(_HALF))
_CLOSED: dict[str, Callable[[int], float]] = {
    "relu": lambda k: 0.5 if k == 1 else _KINK(k),
    "abs": lambda k: 2 * _KINK(k),
    "sign": lambda k: 2 * _JUMP(k),
    "step": lambda k: _JUMP(k) if k else 0.5,
    "exp": lambda k: math.exp(0.5),
    "sin": _odd(math.exp(-0.5), lambda m: (-1) ** m),
    "cos": _even(math.exp(-0.5), lambda m: (-1) ** m),
    "gaussian": _even(math.sqrt(0.5), _powers(_HALF)),
    "x_gaussian": _odd(-math.sqrt(0.5), lambda m: _powers(_HALF)(m + 1)),
    "x2_exp": _even(math.sqrt(1 / 27), lambda m: (1 - m) * _powers(_TWO_THIRDS)(m)),
    "erf": _odd(2 / math.sqrt(3 * _PI), _powers(_TWO_THIRDS)),
    "normal_cdf": lambda k: _CDF(k) if k else 0.5,
    "gelu": lambda k: 0.5 if k == 1 else _GELU(k),
}
_GELU = _even(
    0.25 / math.sqrt(_PI),
    lambda m: (2 * m + 1) * _odd_factorial(m - 1) * _HALF ** (m - 1),
)


def _coefficient(function: str) -> Callable[[int], float]:
    """The map from k to c_k, or an error that lists the names."""
    if family := re.fullmatch(r"(power|hermite)_([1-9][0-9]?)", function):
        degree = int(family[2])
        if family[1] == "hermite":
            return lambda k: math.factorial(degree) if k == degree else 0
        return lambda k: _power(degree, k)
    named = _CLOSED | _TABULATED
    if function not in named:
        raise ValueError(
            f"function must be one of {', '.join(named)}, power_1 to power_99, "
            f"hermite_1 to hermite_99, got {function=}"
        )
    return named[function]


def _power(degree: int, k: int) -> float:
    """Coefficient of x^m: m! / (2^j j!) where k = m - 2j >= 0, else 0."""
    j, odd = divmod(degree - k, 2)
    if odd or j < 0:
        return 0
    return math.factorial(degree) / (2**j * math.factorial(j))
