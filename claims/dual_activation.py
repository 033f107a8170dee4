"""Claims: mean products of an activation, and of its slope, at correlated normals."""

from functools import partial
from typing import Any

import jax.numpy as jnp

from analytic import dual_activation as analytic
from claims._normal_pair import (
    claim_of,
    correlation,
    doubled,
    independent,
    opposite,
    other,
    pairs,
    times,
)
from empirical import dual_activation as empirical
from tallystick import Choice, Scalar

__all__ = ["CLAIMS"]

# Rounding alone would decide about a jump where the correlation is -1 or 1.
_JUMPS = pairs(-0.99, 0.99)
# Integration by parts multiplies by the inverse of the covariance matrix.
_DELTAS = pairs(-0.8, 0.8, (0.3, 3))
_ALL = pairs(-1)
_LEAKY: dict[str, Any] = {"negative": Scalar(-1, 1), "positive": Scalar(-1, 1)}

CHO, DANIELY = "Cho & Saul 2009, section 2.1", "Daniely et al. 2016, table 1"
WILLIAMS, TSUCHIDA = "Williams 1997, equation (11)", "Tsuchida et al. 2021, section 3"

_claim = partial(claim_of, (analytic, empirical))


def _linear(f, *pair):
    """A probability linear in the correlation."""
    return (1 + correlation(f, *pair)) / 4


def _halved(f, a, b, c):
    return f(a / 2, b / 2, c / 2)


CLAIMS = (
    _claim(
        "step",
        "P(u > 0, v > 0) = (pi - t) / (2 pi), cos t = c / sqrt(ab)",
        "Sheppard 1899; Cho & Saul 2009, equation (5)",
        _JUMPS,
        {
            "the angle in place of its supplement": opposite,
            "a probability linear in the correlation": _linear,
        },
    ),
    _claim(
        "step.derivative",
        "E[delta(u) delta(v)] = 1 / (2 pi sqrt(ab - c^2)), delta the slope of the step",
        "Sheppard 1899; Cho & Saul 2009, equation (5)",
        _DELTAS,
        {
            "without the root": lambda f, *pair: 2 * jnp.pi * f(*pair) ** 2,
            "the jump of the sign": times(4),
        },
    ),
    _claim(
        "sign",
        "E[sgn u sgn v] = (2/pi) arcsin(c / sqrt(ab))",
        "Sheppard 1899; " + DANIELY,
        _JUMPS,
        {
            "the correlation": correlation,
            "as for two steps": lambda f, *pair: (1 + f(*pair)) / 4,
        },
    ),
    _claim(
        "sign.derivative",
        "E[sgn'(u) sgn'(v)] = 2 / (pi sqrt(ab - c^2))",
        "Sheppard 1899; " + DANIELY,
        _DELTAS,
        {
            "the jump of the step": times(1 / 4),
            "for independent u and v": independent,
        },
    ),
    _claim(
        "relu",
        "E[u_+ v_+] = sqrt(ab) (sin t + (pi - t) cos t) / (2 pi), cos t = c / sqrt(ab)",
        "Cho & Saul 2009, equation (6); " + DANIELY,
        _ALL,
        {
            "the kernel, twice the mean": times(2),
            "variances in place of standard deviations": lambda f, a, b, c: (
                jnp.sqrt(a * b) * f(a, b, c)
            ),
            "the first two terms of the series in the correlation": lambda f, a, b, c: (
                c / 4 + jnp.sqrt(a * b) / (2 * jnp.pi)
            ),
        },
    ),
    _claim(
        "relu.derivative",
        "P(u > 0, v > 0) = (pi - t) / (2 pi), the mean of the slopes",
        "Cho & Saul 2009, equation (6); " + DANIELY,
        _JUMPS,
        {
            "the angle in place of its supplement": opposite,
            "a probability linear in the correlation": _linear,
        },
    ),
    _claim(
        "relu_power",
        "E[(u_+)^n (v_+)^n] = (ab)^(n/2) J_n(t) / (2 pi), dJ_n / d cos t = n^2 J_(n-1)",
        CHO,
        pairs(-1, degree=Choice(2, 3)),
        {
            "the kernel, twice the mean": times(2),
            "the power of the mean for n = 1": lambda f, a, b, c, degree: (
                f(a, b, c, 1) ** degree
            ),
        },
    ),
    _claim(
        "relu_power.derivative",
        "n^2 E[(u_+)^(n-1) (v_+)^(n-1)] is the mean of the slopes",
        CHO,
        pairs(-1, degree=Choice(2, 3)),
        {
            "n in place of n^2": lambda f, a, b, c, degree: f(a, b, c, degree) / degree,
            "the covariance turned": opposite,
        },
    ),
    _claim(
        "abrelu",
        "z < 0 -> alpha z, z > 0 -> beta z: alpha beta c + (beta - alpha)^2 E[u_+ v_+]",
        DANIELY + ", leaky ReLU",
        pairs(-1, **_LEAKY),
        {
            "without the linear part": lambda f, a, b, c, negative, positive: f(
                a, b, c, 0, positive - negative
            ),
            "beta + alpha": lambda f, a, b, c, negative, positive: f(
                a, b, c, -negative, positive
            ),
        },
    ),
    _claim(
        "abrelu.derivative",
        "alpha beta + (beta - alpha)^2 P(u > 0, v > 0) is the mean of the slopes",
        DANIELY + ", leaky ReLU",
        pairs(-0.99, 0.99, (0.1, 3), **_LEAKY),
        {
            "without alpha beta": lambda f, a, b, c, negative, positive: f(
                a, b, c, 0, positive - negative
            ),
            "the covariance turned": opposite,
        },
    ),
    _claim(
        "abs",
        "E[|u| |v|] = (2/pi) sqrt(ab) (sin t + (pi/2 - t) cos t)",
        "Nabeya 1951; " + DANIELY,
        _ALL,
        {
            "to first order in the correlation": lambda f, a, b, c: (
                2 / jnp.pi * jnp.sqrt(a * b)
            ),
            "twice that of the ReLU": lambda f, a, b, c: 2 * analytic.relu(a, b, c),
        },
    ),
    _claim(
        "abs.derivative",
        "E[sgn u sgn v] = 1 - 2t/pi is the mean of the slopes",
        "Nabeya 1951; " + DANIELY,
        _JUMPS,
        {
            "without the sign": lambda f, *pair: jnp.abs(f(*pair)),
            "the correlation": correlation,
        },
    ),
    _claim(
        "erf",
        "E[erf(u) erf(v)] = (2/pi) arcsin(2c / sqrt((1 + 2a) (1 + 2b)))",
        WILLIAMS,
        _ALL,
        {
            "the arcsine of the correlation, as for the sign": other(analytic.sign),
            "variances not doubled, as for the normal distribution function": _halved,
        },
    ),
    _claim(
        "erf.derivative",
        "E[erf'(u) erf'(v)] = (4/pi) / sqrt((1 + 2a) (1 + 2b) - 4c^2)",
        WILLIAMS,
        _ALL,
        {
            "c^2 in place of 4 c^2": lambda f, a, b, c: (
                4 / jnp.pi / jnp.sqrt((1 + 2 * a) * (1 + 2 * b) - c**2)
            ),
            "the factor 2/pi of the dual itself": times(1 / 2),
        },
    ),
    _claim(
        "probit",
        "Phi the normal distribution function: E[Phi(u) Phi(v)] = 1/4 + arcsin(c / "
        "sqrt((1 + a) (1 + b))) / (2 pi)",
        WILLIAMS + ", for (1 + erf(z / sqrt 2)) / 2",
        _ALL,
        {"the variances of erf": doubled, "for independent u and v": independent},
    ),
    _claim(
        "probit.derivative",
        "E[Phi'(u) Phi'(v)] = 1 / (2 pi sqrt((1 + a) (1 + b) - c^2))",
        WILLIAMS + ", for (1 + erf(z / sqrt 2)) / 2",
        _ALL,
        {"the variances of erf": doubled, "for independent u and v": independent},
    ),
    _claim(
        "gelu",
        "c p + [ab + c^2 (1/(1+a) + 1/(1+b) - 1)] / (2 pi sqrt D), p = E[Phi(u) "
        "Phi(v)], D = (1 + a) (1 + b) - c^2",
        TSUCHIDA,
        _ALL,
        {
            "the first term alone": lambda f, a, b, c: c * analytic.probit(a, b, c),
            "the ReLU": other(analytic.relu),
        },
    ),
    _claim(
        "gelu.derivative",
        "p + c (1/(1+a) + 1/(1+b) + 1/D) / (2 pi sqrt D) is the mean of the slopes",
        TSUCHIDA,
        _ALL,
        {
            "the first term alone": other(analytic.probit),
            "the step": other(analytic.step),
        },
    ),
)
