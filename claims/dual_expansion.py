"""Claims: Price's theorem, Hermite series of dual activations, and their quadrature."""

import math

import jax.numpy as jnp

from analytic import dual_activation, dual_expansion as analytic, hermite
from claims._normal_pair import pairs
from empirical import dual_expansion as empirical
from tallystick import Choice, Claim, Control, Domain, Scalar

__all__ = ["CLAIMS"]


def _not_squared(correlation, activation, terms):
    """The Hermite expansion of the activation itself, as if it were the dual's."""
    known = hermite.coefficients(activation, terms - 1)
    scale = jnp.array([math.sqrt(math.factorial(k)) for k in range(terms)])
    return jnp.sum(jnp.abs(known) / scale * correlation ** jnp.arange(terms))


def _one_divisor_less(correlation, activation, terms):
    """Divided by (k - 1)! in place of k!, as for the slope."""
    known = hermite.coefficients(activation, terms - 1)
    scale = jnp.array([math.sqrt(math.factorial(max(k - 1, 0))) for k in range(terms)])
    return jnp.sum((known / scale) ** 2 * correlation ** jnp.arange(terms))


def _linear(variance_x, variance_y, covariance, activation):
    """Mean product of the tangents at 0."""
    return covariance


CLAIMS = (
    Claim(
        "dual.price",
        statement="d E[phi(u) phi(v)] / dc = E[phi'(u) phi'(v)], c the covariance",
        analytic=analytic.price,
        empirical=empirical.price,
        # The slope of a draw is singular at perfect correlation.
        domain=pairs(-0.9, 0.9, (0.2, 3), activation=Choice("relu", "gelu")),
        source="Price 1958; Daniely et al. 2016, section 4",
        controls=(
            Control(
                "as for independent u and v",
                lambda variance_x, variance_y, covariance, activation: analytic.price(
                    variance_x, variance_y, 0 * covariance, activation
                ),
            ),
            Control(
                "in the correlation, not the covariance",
                lambda variance_x, variance_y, covariance, activation: (
                    jnp.sqrt(variance_x * variance_y)
                    * analytic.price(variance_x, variance_y, covariance, activation)
                ),
            ),
        ),
    ),
    Claim(
        "dual.hermite",
        statement="a = b = 1: E[phi(u) phi(v)] = sum_k c_k^2 rho^k / k!, c_k = "
        "E[phi(z) h_k(z)]",
        analytic=analytic.hermite,
        empirical=empirical.hermite,
        # Up to 0.8, where what 64 terms leave out is below 1e-9.
        domain=Domain(
            correlation=Scalar(-0.8, 0.8),
            activation=Choice("relu", "erf"),
            terms=64,
        ),
        source="Daniely et al. 2016, lemma 11",
        controls=(
            Control("coefficients not squared", _not_squared),
            Control("divided by (k - 1)!", _one_divisor_less),
            Control(
                "the linear term alone",
                lambda correlation, activation, terms: analytic.hermite(
                    correlation, activation, 2
                ),
            ),
        ),
    ),
    Claim(
        "dual.quadrature",
        statement="E[phi(u) phi(v)] of tanh and elu, by Gauss-Legendre rules "
        "on the four arcs between sign changes and along the radius",
        analytic=analytic.quadrature,
        empirical=empirical.quadrature,
        domain=pairs(-1, activation=Choice("tanh", "elu")),
        source="polar coordinates; Tsuchida et al. 2021, section 2, for elu",
        controls=(
            Control("the tangent at 0", _linear),
            Control(
                "the ReLU",
                lambda variance_x, variance_y, covariance, activation: (
                    dual_activation.relu(variance_x, variance_y, covariance)
                ),
            ),
            Control(
                "the covariance turned",
                lambda variance_x, variance_y, covariance, activation: (
                    analytic.quadrature(variance_x, variance_y, -covariance, activation)
                ),
            ),
        ),
        notes="sigmoid, softplus and silu are compared with 50 digits in the tests.",
    ),
)
