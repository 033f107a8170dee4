"""Claims: Hermite polynomials of normal pairs, Mehler's kernel and coefficients."""

import jax.numpy as jnp
from jax.scipy.special import factorial

from analytic import hermite as analytic
from empirical import hermite as empirical
from tallystick import Choice, Claim, Control, Domain, Identity, Scalar

__all__ = ["CLAIMS"]


def _factorials(order):
    """The factorials of 0 to `order`."""
    return factorial(jnp.arange(order + 1))


CLAIMS = (
    Claim(
        "hermite.orthogonality",
        statement="E[h_j(u) h_k(v)] = k! rho^k if j = k, else 0, for a normal pair of "
        "correlation rho",
        analytic=analytic.cross_moments,
        empirical=empirical.cross_moments,
        domain=Domain(correlation=Scalar(-1, 1), order=3),
        source="Szego 1939, (5.5.1); O'Donnell, Analysis of Boolean Functions 2014, "
        "section 11.2",
        controls=(
            Control(
                "without the factorial",
                lambda correlation, order: (
                    analytic.cross_moments(correlation, order)
                    / _factorials(order)[:, None]
                ),
            ),
            Control(
                "rho in place of rho^k",
                lambda correlation, order: jnp.diag(
                    jnp.where(jnp.arange(order + 1) == 0, 1, correlation)
                    * _factorials(order)
                ),
            ),
            Control(
                "the physicists' factor 2^k",
                lambda correlation, order: (
                    analytic.cross_moments(correlation, order)
                    * 2.0 ** jnp.arange(order + 1)[:, None]
                ),
            ),
        ),
    ),
    Claim(
        "hermite.mehler",
        statement="sum_k rho^k h_k(x) h_k(y) / k! = (1 - rho^2)^(-1/2) "
        "exp(-(rho^2 (x^2 + y^2) - 2 rho x y) / (2 (1 - rho^2)))",
        analytic=analytic.kernel,
        empirical=empirical.kernel,
        domain=Domain(x=Scalar(-2, 2), y=Scalar(-2, 2), correlation=Scalar(-0.7, 0.7)),
        relation=Identity(tolerance=1e-9),
        source="Mehler 1866; Szego 1939, problem 23",
        controls=(
            Control(
                "for the physicists' polynomials",
                lambda x, y, correlation: analytic.kernel(
                    2**0.5 * x, 2**0.5 * y, correlation
                ),
            ),
            Control(
                "without the root in front",
                lambda x, y, correlation: (
                    analytic.kernel(x, y, correlation) * jnp.sqrt(1 - correlation**2)
                ),
            ),
            Control(
                "the sign of rho turned",
                lambda x, y, correlation: analytic.kernel(x, y, -correlation),
            ),
        ),
    ),
    Claim(
        "hermite.coefficients",
        statement="E[f(z) h_k(z)] = c_k(f), from the table of links",
        analytic=analytic.coefficients,
        empirical=empirical.coefficients,
        domain=Domain(
            function=Choice("relu", "sign", "x2_exp", "gelu", "tanh"),
            order=4,
        ),
        source="O'Donnell, Analysis of Boolean Functions 2014, section 11.2; "
        "moments of the normal law",
        controls=(
            Control(
                "divided by k!, as if f were the sum of c_k h_k",
                lambda function, order: (
                    analytic.coefficients(function, order) / _factorials(order)
                ),
            ),
            Control(
                "normalized, divided by the root of k!",
                lambda function, order: (
                    analytic.coefficients(function, order)
                    / jnp.sqrt(_factorials(order))
                ),
            ),
            Control(
                "without alternating signs",
                lambda function, order: jnp.abs(analytic.coefficients(function, order)),
            ),
        ),
        notes="The other names are compared with quadrature in tests/test_hermite.py.",
    ),
    Claim(
        "hermite.information_exponent",
        statement="min{k >= 1: c_k(f) != 0} is k*(f)",
        analytic=analytic.information_exponent,
        empirical=empirical.information_exponent,
        domain=Domain(
            function=Choice(
                "relu", "tanh", "abs", "cos", "x2_exp", "power_3", "hermite_3", "gelu"
            )
        ),
        relation=Identity(),
        source="Ben Arous, Gheissari & Jagannath, JMLR 2021, section 1",
        controls=(
            Control(
                "counted from k = 0",
                lambda function: jnp.argmax(analytic.coefficients(function, 8) != 0),
            ),
            Control(
                "1 for odd and 2 for even links",
                lambda function: jnp.where(
                    jnp.any(analytic.coefficients(function, 9)[1::2] != 0), 1, 2
                ),
            ),
            Control(
                "the degree, of the last coefficient up to 8",
                lambda function: (
                    8 - jnp.argmax(analytic.coefficients(function, 8)[::-1] != 0)
                ),
            ),
        ),
    ),
)
