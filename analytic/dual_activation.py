"""Dual activations: the mean product of an activation at two correlated normal inputs.

For (u, v) normal with means 0, variances a and b, and covariance c, the dual of an
activation phi is E[phi(u) phi(v)], and that of its derivative E[phi'(u) phi'(v)]. By
Price's theorem the second is the derivative of the first in c. The two make up the
recursions of infinitely wide networks. Each name below is a closed form, called as
`relu(variance_x, variance_y, covariance)`, that has the other one as an attribute,
`relu.derivative(variance_x, variance_y, covariance)`; parameters of the activation
follow. In the formulas cos t = c / sqrt(ab) is the correlation. `dual_polynomial` holds
polynomials, `dual_expansion` what has no closed form.

Accuracy: values are good to a few ulp of themselves while squared variances stay in
range, with the exceptions that the formulas name: terms of different sign leave a few
ulp of the larger one, an exponential as many ulp as its exponent.

Degenerate cases: where c^2 exceeds ab by rounding (4 ulp) the correlation is taken to
be 1 or -1; further out, and for a negative variance, the value is nan. A zero variance
is regular for smooth activations and gives 0 for the others, also for step and sign,
whose value at 0 is 0 by convention. Where slopes are infinite or do not exist, for step
and sign where ab = c^2, and in a zero variance, they are returned as 0, so that slopes
in vectors x and y with a = |x|^2, b = |y|^2, c = x . y are the mean of those that meet
at a kink. The derivatives of step and sign are infinite where ab = c^2.

Source: Daniely, Frostig & Singer, "Toward Deeper Understanding of Neural Networks",
NeurIPS 2016, section 4 (duals); Cho & Saul, NeurIPS 2009 (powers of the ReLU);
Williams, "Computing with Infinite Networks", NeurIPS 1997 (erf, gaussian); Tsuchida,
Pearce, van der Heide, Roosta & Gallagher, "Avoiding Kernel Fixed Points: Computing with
ELU and GELU Infinite Networks", AAAI 2021 (GELU).
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic import _kinked_pair as kinked
from analytic._normal_pair import Dual, determinant, radicand

__all__ = [
    "abrelu",
    "abs",
    "erf",
    "gelu",
    "probit",
    "relu",
    "relu_power",
    "sign",
    "step",
]

_TWO_PI = 2 * jnp.pi
_NUMBER = Float[Array, ""]


def _probit(a, b, c):
    # One arctangent: 1/4 and an arcsine would cancel for opposite inputs.
    return jnp.arctan2(jnp.sqrt(radicand(a, b, c, 1)), -c) / _TWO_PI


def _gelu(a, b, c):
    squares = determinant(a, b, c) + c**2 * (1 / (1 + a) + 1 / (1 + b))
    root = jnp.sqrt(radicand(a, b, c, 1))
    return c * _probit(a, b, c) + squares / (_TWO_PI * root)


def _gelu_derivative(a, b, c):
    square = radicand(a, b, c, 1)
    factors = 1 / (1 + a) + 1 / (1 + b) + 1 / square
    return _probit(a, b, c) + c * factors / (_TWO_PI * jnp.sqrt(square))


def _abrelu(a, b, c, negative, positive):
    rest = (positive - negative) ** 2 * kinked.relu(a, b, c)
    return negative * positive * c + rest


step = Dual(
    __name__,
    "step",
    "P(u > 0, v > 0) = (pi - t) / (2 pi), for 1 where z > 0, else 0.\n\n"
    "The derivative, 1 / (2 pi sqrt(ab - c^2)), is the density of (u, v) at 0.",
    kinked.step,
    lambda a, b, c: 1 / (_TWO_PI * jnp.sqrt(determinant(a, b, c))),
)
sign = Dual(
    __name__,
    "sign",
    "E[sgn u sgn v] = (2/pi) arcsin(c / sqrt(ab)).\n\n"
    "The derivative, 2 / (pi sqrt(ab - c^2)), is four times that of `step`.",
    kinked.sign,
    lambda a, b, c: 2 / (jnp.pi * jnp.sqrt(determinant(a, b, c))),
)
relu = Dual(
    __name__,
    "relu",
    "E[u_+ v_+] = sqrt(ab) (sin t + (pi - t) cos t) / (2 pi); derivative: `step`.",
    kinked.relu,
    kinked.step,
)
relu_power = Dual(
    __name__,
    "relu_power",
    "E[(u_+)^n (v_+)^n] = (ab)^(n/2) J_n(t) / (2 pi), n >= 1.\n\n"
    "J_0 = pi - t, and dJ_n / d(cos t) = n^2 J_(n-1). The derivative is n^2 times the\n"
    "dual of the power n - 1.",
    kinked.power,
    kinked.power_slope,
    {"degree": int},
)
abrelu = Dual(
    __name__,
    "abrelu",
    "Dual of alpha z where z < 0 and beta z elsewhere.\n\n"
    "It is alpha beta c + (beta - alpha)^2 times that of `relu`, to a few ulp of the\n"
    "larger term; the derivative alpha beta + (beta - alpha)^2 times that of `step`.",
    _abrelu,
    lambda a, b, c, negative, positive: (
        negative * positive + (positive - negative) ** 2 * kinked.step(a, b, c)
    ),
    {"negative": _NUMBER, "positive": _NUMBER},
)
abs = Dual(
    __name__,
    "abs",
    "E[|u| |v|] = (2/pi) sqrt(ab) (sin t + (pi/2 - t) cos t); derivative: `sign`.",
    kinked.absolute,
    kinked.sign,
)
erf = Dual(
    __name__,
    "erf",
    "E[erf(u) erf(v)] = (2/pi) arcsin(2c / sqrt((1 + 2a) (1 + 2b))).\n\n"
    "The derivative is (4/pi) / sqrt((1 + 2a) (1 + 2b) - 4c^2).",
    # The arcsine of the quotient would lose half the digits where it nears 1.
    lambda a, b, c: 2 / jnp.pi * jnp.arctan2(2 * c, jnp.sqrt(radicand(a, b, c, 2))),
    lambda a, b, c: 4 / jnp.pi / jnp.sqrt(radicand(a, b, c, 2)),
)
probit = Dual(
    __name__,
    "probit",
    "Dual of the normal distribution function: 1/4 + arcsin(r) / (2 pi).\n\n"
    "Here r = c / sqrt((1 + a) (1 + b)). The derivative is 1 / (2 pi sqrt((1 + a)\n"
    "(1 + b) - c^2)).",
    _probit,
    lambda a, b, c: 1 / (_TWO_PI * jnp.sqrt(radicand(a, b, c, 1))),
)
gelu = Dual(
    __name__,
    "gelu",
    "Dual of z times the normal distribution function.\n\n"
    "With p that of `probit` and D = (1 + a) (1 + b) - c^2 it is c p + [ab + c^2\n"
    "(1/(1+a) + 1/(1+b) - 1)] / (2 pi sqrt D), and the derivative p + c (1/(1+a) +\n"
    "1/(1+b) + 1/D) / (2 pi sqrt D); each to a few ulp of the larger term.",
    _gelu,
    _gelu_derivative,
)
