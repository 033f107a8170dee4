"""Claims: spectra of arc-cosine kernels on the sphere."""

import jax.numpy as jnp

from analytic import sphere_spectrum as analytic
from empirical import sphere_spectrum as empirical
from tallystick import (
    Axis,
    Choice,
    Claim,
    Control,
    Domain,
    Exponent,
    Identity,
    Mean,
    Vector,
)

__all__ = ["CLAIMS"]

BACH = "Bach 2017, appendix D, with d = D - 1"

CLAIMS = (
    Claim(
        "sphere.funk_hecke",
        statement="E[k(x.y) Y_k(y)] = m_k Y_k(x), Y_k a spherical harmonic of degree k,"
        " m_k = E[k(t) P_k(t)]",
        analytic=analytic.funk_hecke,
        empirical=empirical.funk_hecke,
        domain=Domain(
            x=Vector("d", norm=(1, 1)),
            kernel=Choice("exp", "relu"),
            order=2,
            d=Axis(3),
        ),
        relation=Mean(detectable=0.003),
        source="Funk 1916; Hecke 1918; Mueller 1966, theorem 6",
        controls=(
            Control(
                "the trace in place of the eigenvalue: times the multiplicity",
                lambda x, kernel, order: (
                    (2 * jnp.arange(order + 1) + 1)
                    * analytic.funk_hecke(x, kernel, order)
                ),
            ),
            Control(
                "one eigenvalue for all degrees",
                lambda x, kernel, order: (
                    analytic.funk_hecke(x, kernel, order)[:1]
                    * jnp.ones(order + 1, x.dtype)
                ),
            ),
        ),
    ),
    Claim(
        "sphere.relu_eigs",
        statement="m_k = 2 c_n l_k^2, c = (1, D, D (D + 2)), l_k the mean of "
        "t_+^n P_k(t) in closed form; 0 for k > n, k - n even",
        analytic=analytic.relu_eigenvalues,
        empirical=empirical.relu_eigenvalues,
        domain=Domain(dimension=Choice(3, 6), degree=Choice(0, 1, 2), order=9),
        relation=Identity(tolerance=1e-12),
        source=BACH,
        controls=(
            Control(
                "in the dimension of the sphere",
                lambda dimension, degree, order: analytic.relu_eigenvalues(
                    dimension - 1, degree, order
                ),
            ),
            Control(
                "without the factor 2",
                lambda dimension, degree, order: (
                    analytic.relu_eigenvalues(dimension, degree, order) / 2
                ),
            ),
        ),
    ),
    Claim(
        "sphere.times_t",
        statement="m_k[t k] = (k m_(k-1)[k] + (k + D - 2) m_(k+1)[k]) / (2k + D - 2): "
        "spectrum of the first-layer tangent kernel t k_0 / 2",
        analytic=analytic.first_layer_eigenvalues,
        empirical=empirical.first_layer_eigenvalues,
        domain=Domain(dimension=Choice(3, 6), order=9),
        relation=Identity(tolerance=1e-12),
        source=BACH + "; recursion of Gegenbauer polynomials",
        controls=(
            Control(
                "without the factor t",
                lambda dimension, order: (
                    analytic.relu_eigenvalues(dimension, 0, order) / 2
                ),
            ),
            Control(
                "the weights of D = 2, 1/2 each",
                lambda dimension, order: (
                    (
                        analytic.relu_eigenvalues(dimension, 0, order + 1)[
                            jnp.abs(jnp.arange(order + 1) - 1)
                        ]
                        + analytic.relu_eigenvalues(dimension, 0, order + 1)[1:]
                    )
                    / 4
                ),
            ),
        ),
    ),
    Claim(
        "sphere.circle",
        statement="on the circle k_0 has 1/2 and 2 / (pi k)^2 for odd k, k_1 has 1/4 "
        "at k = 1 and 4 / (pi (k^2 - 1))^2 for even k",
        analytic=analytic.circle_coefficients,
        empirical=empirical.circle_coefficients,
        domain=Domain(degree=Choice(0, 1), order=9),
        relation=Identity(tolerance=1e-12),
        source="Fourier series of (pi - theta) / pi and of its integral",
        controls=(
            Control(
                "both halves of the series, 2 c_k",
                lambda degree, order: 2 * analytic.circle_coefficients(degree, order),
            ),
            Control(
                "the other degree",
                lambda degree, order: analytic.circle_coefficients(1 - degree, order),
            ),
        ),
    ),
    Claim(
        "sphere.decay",
        statement="the eigenvalues of k_n that are not 0 decay like k^-(D + 2n)",
        analytic=analytic.decay_exponent,
        empirical=empirical.decay_exponent,
        # Those of higher dimension or degree are lost in the rounding of the
        # projections before the power shows.
        domain=Domain(dimension=Choice(4), degree=0),
        relation=Exponent("index", sizes=(32, 64, 128), tolerance=0.02, bias=0.01),
        source=BACH,
        controls=(
            Control(
                "D - 1, the dimension of the sphere",
                lambda dimension, degree: analytic.decay_exponent(
                    dimension - 1, degree
                ),
            ),
            Control(
                "that of the next kernel",
                lambda dimension, degree: analytic.decay_exponent(
                    dimension, degree + 1
                ),
            ),
        ),
        notes="Measured against k + (D - 2) / 2. Other dimensions and degrees are "
        "compared with 50 digits in the tests.",
    ),
)
