"""Claims: mean products of polynomials, and of their slopes, at correlated normals."""

import math

import jax.numpy as jnp

from analytic import dual_polynomial as analytic
from empirical import dual_polynomial as empirical
from tallystick import Choice, Claim, Control, Domain, Matrix, Scalar

__all__ = ["CLAIMS"]

ISSERLIS = "Isserlis 1918; Daniely et al. 2016, section 4"


def _domain(**parameters):
    """All pairs, a zero variance and perfect correlation among them."""
    return Domain(
        variance_x=Scalar(0, 2),
        variance_y=Scalar(0, 2),
        covariance=Scalar(
            lambda variance_x, variance_y: -((variance_x * variance_y) ** 0.5),
            lambda variance_x, variance_y: (variance_x * variance_y) ** 0.5,
        ),
        **parameters,
    )


def _power_of_covariance(variance_x, variance_y, covariance, degree):
    """The last term of the sum alone."""
    return math.factorial(degree) * covariance**degree


def _one_degree(form):
    """Wrong slopes of a form that has one degree."""

    def divided(variance_x, variance_y, covariance, degree):
        return form.derivative(variance_x, variance_y, covariance, degree) / degree

    def not_lowered(variance_x, variance_y, covariance, degree):
        return degree**2 * form(variance_x, variance_y, covariance, degree)

    return (
        Control("n in place of n^2", divided),
        Control("the degree not lowered", not_lowered),
    )


CLAIMS = (
    Claim(
        "dual.monomial",
        statement="E[u^n v^n] = sum_k n!^2 (ab)^j c^k / (j!^2 k! 4^j), j = (n - k) / 2,"
        " k = n, n - 2, ...",
        analytic=analytic.monomial,
        empirical=empirical.monomial,
        domain=_domain(degree=Choice(2, 3)),
        source=ISSERLIS,
        controls=(
            Control("the last term, n! c^n, alone", _power_of_covariance),
            Control(
                "for independent u and v",
                lambda variance_x, variance_y, covariance, degree: analytic.monomial(
                    variance_x, variance_y, 0 * covariance, degree
                ),
            ),
        ),
    ),
    Claim(
        "dual.monomial_derivative",
        statement="n^2 E[u^(n-1) v^(n-1)] is the mean of the slopes",
        analytic=analytic.monomial.derivative,
        empirical=empirical.monomial.derivative,
        domain=_domain(degree=Choice(2, 3)),
        source=ISSERLIS,
        controls=_one_degree(analytic.monomial),
    ),
    Claim(
        "dual.monomial_pair",
        statement="E[u^n v^m] = sum_k n! m! a^i b^j c^k / (i! j! k! 2^(i+j)), 2i + k = "
        "n, 2j + k = m; 0 if n + m is odd",
        analytic=analytic.monomial_pair,
        empirical=empirical.monomial_pair,
        domain=_domain(degree_x=Choice(1, 2), degree_y=Choice(3)),
        source=ISSERLIS,
        controls=(
            Control(
                "the degrees interchanged",
                lambda variance_x, variance_y, covariance, degree_x, degree_y: (
                    analytic.monomial_pair(
                        variance_x, variance_y, covariance, degree_y, degree_x
                    )
                ),
            ),
            Control(
                "the term with k = 1 counted once in place of three times",
                lambda variance_x, variance_y, covariance, degree_x, degree_y: (
                    analytic.monomial_pair(
                        variance_x, variance_y, covariance, degree_x, degree_y
                    )
                    / 3
                ),
            ),
        ),
    ),
    Claim(
        "dual.polynomial",
        statement="phi = sum_i p_i z^i: E[phi(u) phi(v)] = sum_ij p_i p_j E[u^i v^j]",
        analytic=analytic.polynomial,
        empirical=empirical.polynomial,
        domain=_domain(coefficients=Matrix(4)),
        source=ISSERLIS,
        controls=(
            Control(
                "highest power first",
                lambda variance_x, variance_y, covariance, coefficients: (
                    analytic.polynomial(
                        variance_x, variance_y, covariance, coefficients[::-1]
                    )
                ),
            ),
            Control(
                "without the mixed products",
                lambda variance_x, variance_y, covariance, coefficients: sum(
                    p**2 * analytic.monomial(variance_x, variance_y, covariance, i)
                    for i, p in enumerate(coefficients)
                ),
            ),
        ),
    ),
    Claim(
        "dual.polynomial_derivative",
        statement="phi = sum_i p_i z^i: the mean of the slopes is the dual of "
        "sum_i i p_i z^(i-1)",
        analytic=analytic.polynomial.derivative,
        empirical=empirical.polynomial.derivative,
        domain=_domain(coefficients=Matrix(4)),
        source=ISSERLIS,
        controls=(
            Control(
                "without the exponents in front",
                lambda variance_x, variance_y, covariance, coefficients: (
                    analytic.polynomial(
                        variance_x, variance_y, covariance, coefficients[1:]
                    )
                ),
            ),
            Control(
                "the covariance turned",
                lambda variance_x, variance_y, covariance, coefficients: (
                    analytic.polynomial.derivative(
                        variance_x, variance_y, -covariance, coefficients
                    )
                ),
            ),
        ),
    ),
    Claim(
        "dual.hermite_poly",
        statement="E[h_n(u) h_n(v)] = sum_k n!^2 ((a - 1) (b - 1) / 4)^j c^k / (j!^2 "
        "k!), j = (n - k) / 2, k = n, n - 2, ...",
        analytic=analytic.hermite_poly,
        empirical=empirical.hermite_poly,
        domain=_domain(degree=Choice(2, 3)),
        source="Szego 1939, (5.5.1), for variances other than 1",
        controls=(
            Control("as for variances of 1: n! c^n", _power_of_covariance),
            Control(
                "moments in place of Hermite polynomials",
                lambda variance_x, variance_y, covariance, degree: analytic.monomial(
                    variance_x, variance_y, covariance, degree
                ),
            ),
        ),
    ),
    Claim(
        "dual.hermite_poly_derivative",
        statement="h_n' = n h_(n-1): n^2 E[h_(n-1)(u) h_(n-1)(v)] is the mean of the "
        "slopes",
        analytic=analytic.hermite_poly.derivative,
        empirical=empirical.hermite_poly.derivative,
        domain=_domain(degree=Choice(2, 3)),
        source="Szego 1939, (5.5.10), for variances other than 1",
        controls=(
            *_one_degree(analytic.hermite_poly),
            Control(
                "as for variances of 1: n n! c^(n-1)",
                lambda variance_x, variance_y, covariance, degree: (
                    degree * math.factorial(degree) * covariance ** (degree - 1)
                    + 0 * jnp.sqrt(variance_x * variance_y)
                ),
            ),
        ),
    ),
)
