"""Dual activations of sines, exponentials and Gaussian bumps.

As in `dual_activation`, (u, v) is normal with means 0, variances a and b, and
covariance c; each name is a closed form of E[phi(u) phi(v)], with that of E[phi'(u)
phi'(v)] as its attribute `derivative`, and the parameters of phi come last.

Accuracy: a few ulp of the larger term, times the size of its exponent where that
exceeds 1.

Degenerate cases: those of `dual_activation`; a zero variance is regular.

Source: Rahimi & Recht, "Random Features for Large-Scale Kernel Machines", NeurIPS 2007
(sines); Daniely, Frostig & Singer, NeurIPS 2016, section 4 (exp); Williams, "Computing
with Infinite Networks", NeurIPS 1997, section 3 (gaussian).
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from analytic._normal_pair import Dual, radicand, spread

__all__ = ["cos", "exp", "gaussian", "rbf", "sin"]

_NUMBER = Float[Array, ""]


def _sinusoid(a, b, c, frequency, mixture, rest):
    """(e_- - k e_+) / 2, e_-/+ = exp(-w^2 (a + b -/+ 2c) / 2), k the mixture.

    The rest is (1 - k) / 2, known on its own.
    """
    alike, opposite = (
        jnp.exp(-(frequency**2) / 2 * spread(a, b, side * c)) for side in (-1, 1)
    )
    # The difference of the two, which a large c must not let overflow.
    positive = c >= 0
    size = jnp.where(positive, c, -c)
    fall = -jnp.expm1(-2 * frequency**2 * size)
    difference = jnp.where(positive, alike * fall, -opposite * fall)
    return jnp.where(
        mixture >= 0,
        rest * alike + mixture * difference / 2,
        (alike - mixture * opposite) / 2,
    )


def _sin(a, b, c, frequency, phase):
    k, rest = jnp.cos(2 * phase), jnp.sin(phase) ** 2
    return _sinusoid(a, b, c, frequency, k, rest)


def _sin_derivative(a, b, c, frequency, phase):
    k, rest = -jnp.cos(2 * phase), jnp.cos(phase) ** 2
    return frequency**2 * _sinusoid(a, b, c, frequency, k, rest)


sin = Dual(
    __name__,
    "sin",
    "Dual of sin(w z + psi): (e_- - cos(2 psi) e_+) / 2.\n\n"
    "Here e_- and e_+ are exp(-w^2 (a + b - 2c) / 2) and exp(-w^2 (a + b + 2c) / 2).\n"
    "The derivative is w^2 (e_- + cos(2 psi) e_+) / 2. Each is good to a few ulp of\n"
    "the larger term, and of itself where psi is 0.",
    _sin,
    _sin_derivative,
    {"frequency": _NUMBER, "phase": _NUMBER},
)
cos = Dual(
    __name__,
    "cos",
    "E[cos u cos v] = (e_- + e_+) / 2 as in `sin`; derivative: (e_- - e_+) / 2.",
    lambda a, b, c: _sinusoid(a, b, c, 1, -1, 1),
    lambda a, b, c: _sinusoid(a, b, c, 1, 1, 0),
)
rbf = Dual(
    __name__,
    "rbf",
    "Dual of sqrt(2) sin(z + pi/4): exp(-(a + b - 2c) / 2), and so is the derivative.",
    lambda a, b, c: jnp.exp(-spread(a, b, -c) / 2),
    lambda a, b, c: jnp.exp(-spread(a, b, -c) / 2),
)
exp = Dual(
    __name__,
    "exp",
    "E[exp(k u) exp(k v)] = exp(k^2 (a + b + 2c) / 2); derivative: k^2 times that.",
    lambda a, b, c, rate: jnp.exp(rate**2 / 2 * spread(a, b, c)),
    lambda a, b, c, rate: rate**2 * jnp.exp(rate**2 / 2 * spread(a, b, c)),
    {"rate": _NUMBER},
)
gaussian = Dual(
    __name__,
    "gaussian",
    "E[exp(-k u^2) exp(-k v^2)] = D^(-1/2), k > 0; derivative: 4 k^2 c D^(-3/2).\n\n"
    "Here D = (1 + 2ka) (1 + 2kb) - 4 k^2 c^2.",
    lambda a, b, c, rate: radicand(a, b, c, 2 * rate) ** -0.5,
    lambda a, b, c, rate: 4 * rate**2 * c * radicand(a, b, c, 2 * rate) ** -1.5,
    {"rate": _NUMBER},
)
