"""Claims: how Hermite expansions smooth, shift and scale, and the table of links."""

import jax.numpy as jnp
from jax.scipy.special import factorial

from analytic import hermite, hermite_rules as analytic
from empirical import hermite_rules as empirical
from tallystick import Choice, Claim, Control, Domain, Scalar

__all__ = ["CLAIMS"]


def _degrees(order):
    return jnp.arange(order + 1)


CLAIMS = (
    Claim(
        "hermite.ou",
        statement="E[h_k(rho y + sqrt(1 - rho^2) xi)] = rho^k h_k(y), xi ~ N(0, 1)",
        analytic=analytic.smoothed,
        empirical=empirical.smoothed,
        domain=Domain(point=Scalar(-2, 2), correlation=Scalar(-1, 1), order=6),
        source="O'Donnell, Analysis of Boolean Functions 2014, section 11.2",
        controls=(
            Control(
                "rho in place of rho^k",
                lambda point, correlation, order: (
                    jnp.where(_degrees(order) == 0, 1, correlation)
                    * analytic.smoothed(point, jnp.ones_like(correlation), order)
                ),
            ),
            Control(
                "the polynomial at rho y",
                lambda point, correlation, order: analytic.smoothed(
                    correlation * point, jnp.ones_like(correlation), order
                ),
            ),
            Control(
                "rho^2 in place of rho, as for both numbers smoothed",
                lambda point, correlation, order: analytic.smoothed(
                    point, correlation**2, order
                ),
            ),
        ),
    ),
    Claim(
        "hermite.derivative",
        statement="c_k(f') = c_{k+1}(f); c_k(x f) = c_{k+1} + k c_{k-1}; "
        "c_k(x^2 f) = c_{k+2} + (2k + 1) c_k + k (k - 1) c_{k-2}",
        analytic=analytic.transformed,
        empirical=empirical.transformed,
        domain=Domain(function=Choice("relu", "x2_exp", "silu"), order=5),
        source="Szego 1939, section 5.5; Stein's lemma",
        controls=(
            Control(
                "k c_{k-1}, as for normalized expansions f = sum c_k h_k",
                lambda function, order: (
                    analytic.transformed(function, order)
                    .at[0]
                    .set(
                        (1 + _degrees(order)) * analytic.transformed(function, order)[0]
                    )
                ),
            ),
            Control(
                "c_k(x f) without k c_{k-1}",
                lambda function, order: (
                    analytic.transformed(function, order)
                    .at[1]
                    .set(analytic.transformed(function, order)[0])
                ),
            ),
            Control(
                "c_k(x^2 f) with 2k - 1 for 2k + 1",
                lambda function, order: (
                    analytic.transformed(function, order)
                    .at[2]
                    .add(-2 * hermite.coefficients(function, order))
                ),
            ),
        ),
        notes="The derivative of a jump, a point mass, is tested in "
        "tests/test_hermite_rules.py: no draw meets it.",
    ),
    Claim(
        "hermite.scaled",
        statement="c_k of exp(-r x^2 / 2), erf(r x), sin(r x), cos(r x) and exp(r x)",
        analytic=analytic.scaled,
        empirical=empirical.scaled,
        domain=Domain(
            rate=Scalar(0.25, 1.5),
            order=5,
        ),
        source="O'Donnell, Analysis of Boolean Functions 2014, section 11.2; moments "
        "of the normal law",
        controls=(
            Control(
                "the coefficients at rate 1, times r^k",
                lambda rate, order: (
                    rate ** _degrees(order)[None]
                    * analytic.scaled(jnp.ones_like(rate), order)
                ),
            ),
            Control(
                "r^2 in place of r",
                lambda rate, order: analytic.scaled(rate**2, order),
            ),
            Control(
                "divided by k!",
                lambda rate, order: (
                    analytic.scaled(rate, order) / factorial(_degrees(order))[None]
                ),
            ),
        ),
    ),
    Claim(
        "hermite.coefficient_table",
        statement="E[f(z) h_k(z)] = c_k(f), for every link of the table at once",
        analytic=analytic.coefficient_table,
        empirical=empirical.coefficient_table,
        domain=Domain(family=Choice("kinked", "smooth"), order=5),
        source="O'Donnell, Analysis of Boolean Functions 2014, section 11.2; "
        "moments of the normal law",
        controls=(
            Control(
                "divided by k!",
                lambda family, order: (
                    analytic.coefficient_table(family, order)
                    / factorial(_degrees(order))[None]
                ),
            ),
            Control(
                "without alternating signs",
                lambda family, order: jnp.abs(
                    analytic.coefficient_table(family, order)
                ),
            ),
            Control(
                "the last row 1 % off",
                lambda family, order: (
                    analytic.coefficient_table(family, order).at[-1].multiply(1.01)
                ),
            ),
        ),
    ),
)
