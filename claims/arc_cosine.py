"""Claims: the kernels of random step, ReLU and squared-ReLU units, and their series."""

import math

import jax.numpy as jnp

from analytic import arc_cosine as analytic
from empirical import arc_cosine as empirical
from tallystick import (
    Axis,
    Choice,
    Claim,
    Control,
    Domain,
    Erratum,
    Identity,
    Scalar,
    Vector,
)

__all__ = ["CLAIMS"]


def _without_the_sine_term(x, y, degree):
    """J_n with the terms in sin theta dropped."""
    norms = jnp.linalg.norm(x) * jnp.linalg.norm(y)
    cosine = jnp.clip(jnp.sum(x * y) / jnp.where(norms > 0, norms, 1), -1, 1)
    polynomial = [1, cosine, 1 + 2 * cosine**2][degree]
    # Degree 0 has no such term; there the angle is taken for its supplement.
    gap = jnp.arccos(cosine) if degree == 0 else jnp.pi - jnp.arccos(cosine)
    return norms**degree * gap * polynomial / jnp.pi


def _printed_step_series(cosine, degree, terms):
    """The kernel of degree 0, the arccosine as printed: powers and divisors lost."""
    del degree
    coefficients = [math.comb(2 * k, k) / 4**k for k in range(terms)]
    arccosine = jnp.pi / 2 - cosine - sum(c * cosine for c in coefficients)
    return 1 - arccosine / jnp.pi


def _series_without_divisors(cosine, degree, terms):
    """The series with (2l - 3)!! / (2l - 2)!! in place of A_l = that / (2l - 1)."""
    powers = jnp.arange(terms)
    coefficients = jnp.array([math.comb(2 * k, k) / 4**k for k in range(terms)])
    divisor = jnp.array(
        [math.prod(range(2 * k + 2, 2 * k + 2 + degree)) for k in range(terms)]
    )
    rest = jnp.sum(coefficients / divisor * cosine ** (2 * powers + 1 + degree))
    start = [0.5, 1 / jnp.pi + cosine / 2, 0.5 + cosine**2 + 4 * cosine / jnp.pi]
    return start[degree] + [1, 1, 4][degree] * rest / jnp.pi


def _arccosine(x, y):
    """The arccosine of the inner product of unit vectors, in float32."""
    u, v = (
        w.astype(jnp.float32) / jnp.linalg.norm(w).astype(jnp.float32) for w in (x, y)
    )
    theta = jnp.arccos(jnp.clip(jnp.sum(u * v), -1, 1)).astype(x.dtype)
    return jnp.stack([theta, jnp.pi - theta])


CLAIMS = (
    Claim(
        "arccos.kernel",
        statement="2 E[(w.x)_+^n (w.y)_+^n] = |x|^n |y|^n J_n(theta) / pi, w ~ N(0, I)",
        analytic=analytic.kernel,
        empirical=empirical.kernel,
        domain=Domain(
            x=Vector("d", zero=True),
            y=Vector("d", zero=True),
            degree=Choice(0, 1, 2),
            d=Axis(5, 1),
        ),
        source="Cho & Saul 2009, section 2.1",
        controls=(
            Control("without the sine terms", _without_the_sine_term),
            Control(
                "without the factor 2",
                lambda x, y, degree: analytic.kernel(x, y, degree) / 2,
            ),
            Control(
                "the angle of x and -y",
                lambda x, y, degree: analytic.kernel(x, -y, degree),
            ),
        ),
    ),
    Claim(
        "arccos.bias",
        statement="2 E[p_+^n q_+^n] for p = (s/d)^(1/2) w.x + b^(1/2) z is the kernel "
        "of the inputs (s/d)^(1/2) x with the further coordinate b^(1/2)",
        analytic=analytic.biased,
        empirical=empirical.biased,
        domain=Domain(
            x=Vector("d", zero=True),
            y=Vector("d", zero=True),
            degree=Choice(1),
            weight_variance=Scalar(0.5, 2),
            bias_variance=Scalar(0, 1),
            d=Axis(2),
        ),
        source="Cho & Saul 2009, section 2.1, for units with a bias; Lee et al., ICLR "
        "2018",
        controls=(
            Control(
                "without the bias",
                lambda x, y, degree, weight_variance, bias_variance: analytic.biased(
                    x, y, degree, weight_variance, 0 * bias_variance
                ),
            ),
            Control(
                "weights not divided by the dimension",
                lambda x, y, degree, weight_variance, bias_variance: analytic.biased(
                    x, y, degree, x.size * weight_variance, bias_variance
                ),
            ),
            Control(
                "the bias variance added to the kernel",
                lambda x, y, degree, weight_variance, bias_variance: (
                    analytic.biased(x, y, degree, weight_variance, 0 * bias_variance)
                    + bias_variance
                ),
            ),
        ),
    ),
    Claim(
        "arccos.angle",
        statement="theta = 2 arctan(|u - v| / |u + v|) for unit vectors u and v, to "
        "rounding also where theta or pi - theta is small",
        analytic=analytic.angle,
        empirical=empirical.angle,
        domain=Domain(x=Vector("d", zero=True), y=Vector("d", zero=True), d=Axis(5, 1)),
        relation=Identity(tolerance=1e-13),
        source="Kahan 2006, section 12",
        controls=(
            Control("the arccosine of u.v, in float32", _arccosine),
            Control(
                "half of the angle",
                lambda x, y: analytic.angle(x, y) / 2,
            ),
        ),
        notes="tests/test_arc_cosine.py measures float32 at angles down to 1e-7.",
    ),
    Claim(
        "arccos.taylor",
        statement="J_n(theta) / pi is the series of arcsin, integrated n times, in cos "
        "theta",
        analytic=analytic.series,
        empirical=empirical.series,
        # Where what is left out is below 1e-10: the mean is known to 1e-8.
        domain=Domain(cosine=Scalar(-0.7, 0.7), degree=Choice(0, 1, 2), terms=32),
        source="Theory of Deep Learning (draft), chapter 9, exercise 3(a)",
        controls=(
            Control("the divisors 2l - 1 lost", _series_without_divisors),
            Control(
                "the linear term alone",
                lambda cosine, degree, terms: analytic.series(cosine, degree, 1),
            ),
        ),
        errata=(
            Erratum(
                "E9.3",
                where="Theory of Deep Learning (draft), chapter 9, exercise 3(a)",
                printed="arccos z = pi/2 - z - sum_l (2l-3)!! z / (2l-2)!!",
                corrected="pi/2 - sum_(l>=1) (2l-3)!! z^(2l-1) / ((2l-2)!! (2l-1))",
                form=_printed_step_series,
                at={"cosine": 0.4, "degree": 0, "terms": 32},
            ),
        ),
    ),
)
