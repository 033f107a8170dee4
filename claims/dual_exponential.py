"""Claims: mean products of sines, exponentials and bumps at correlated normals."""

from functools import partial

import jax.numpy as jnp

from analytic import dual_exponential as analytic
from claims._normal_pair import claim_of, doubled, independent, opposite, other, pairs
from empirical import dual_exponential as empirical
from tallystick import Scalar

__all__ = ["CLAIMS"]

_ALL = pairs(-1)
_WAVE = pairs(-1, frequency=Scalar(0.5, 2), phase=Scalar(0, 3))

DANIELY = "Daniely et al. 2016, table 1"
NORMAL = "characteristic function of the normal law"

_claim = partial(claim_of, (analytic, empirical))

CLAIMS = (
    _claim(
        "sin",
        "E[sin(w u + psi) sin(w v + psi)] = (e_- - cos(2 psi) e_+) / 2, e_-/+ = "
        "exp(-w^2 (a + b -/+ 2c) / 2)",
        NORMAL,
        _WAVE,
        {
            "psi in place of 2 psi": lambda f, a, b, c, frequency, phase: f(
                a, b, c, frequency, phase / 2
            ),
            "w in place of w^2": lambda f, a, b, c, frequency, phase: f(
                a, b, c, jnp.sqrt(frequency), phase
            ),
        },
    ),
    _claim(
        "sin.derivative",
        "w^2 (e_- + cos(2 psi) e_+) / 2 is the mean of the slopes",
        NORMAL,
        _WAVE,
        {
            "without the factor w^2": lambda f, a, b, c, frequency, phase: (
                f(a, b, c, frequency, phase) / frequency**2
            ),
            "the sign of the dual itself": lambda f, a, b, c, frequency, phase: f(
                a, b, c, frequency, phase + jnp.pi / 2
            ),
        },
    ),
    _claim(
        "cos",
        "E[cos u cos v] = (e_- + e_+) / 2, e_-/+ = exp(-(a + b -/+ 2c) / 2)",
        NORMAL,
        _ALL,
        {
            "the sign of the sine": lambda f, *pair: f.derivative(*pair),
            "e_- alone": other(analytic.rbf),
        },
    ),
    _claim(
        "cos.derivative",
        "E[sin u sin v] = (e_- - e_+) / 2",
        NORMAL,
        _ALL,
        {
            "the sign of the cosine": other(analytic.cos),
            "half of e_-": lambda f, *pair: analytic.rbf(*pair) / 2,
        },
    ),
    _claim(
        "rbf",
        "phi(z) = sqrt(2) sin(z + pi/4): E[phi(u) phi(v)] = exp(-(a + b - 2c) / 2)",
        "Rahimi & Recht 2007, section 3; " + NORMAL,
        _ALL,
        {"without the factor 1/2": doubled, "the covariance turned": opposite},
    ),
    _claim(
        "rbf.derivative",
        "E[phi'(u) phi'(v)] = exp(-(a + b - 2c) / 2), as for phi",
        "Rahimi & Recht 2007, section 3; " + NORMAL,
        _ALL,
        {"without the factor 1/2": doubled, "the covariance turned": opposite},
    ),
    _claim(
        "exp",
        "E[exp(k u) exp(k v)] = exp(k^2 (a + b + 2c) / 2)",
        DANIELY,
        pairs(-1, variances=(0, 1), rate=Scalar(-1, 1)),
        {"without the factor 1/2": doubled, "the covariance turned": opposite},
    ),
    _claim(
        "exp.derivative",
        "E[exp'(k u) exp'(k v)] = k^2 exp(k^2 (a + b + 2c) / 2)",
        DANIELY,
        pairs(-1, variances=(0, 1), rate=Scalar(-1, 1)),
        {
            "without the factor k^2": lambda f, a, b, c, rate: (
                f(a, b, c, rate) / rate**2
            ),
            "the covariance turned": opposite,
        },
    ),
    _claim(
        "gaussian",
        "E[exp(-k u^2) exp(-k v^2)] = D^(-1/2), D = (1 + 2ka) (1 + 2kb) - 4 k^2 c^2",
        "Williams 1997, section 3",
        pairs(-1, rate=Scalar(0.1, 2)),
        {
            "for independent u and v": independent,
            "k in place of 2k": lambda f, a, b, c, rate: f(a, b, c, rate / 2),
        },
    ),
    _claim(
        "gaussian.derivative",
        "4 k^2 c D^(-3/2) is the mean of the slopes",
        "Williams 1997, section 3",
        pairs(-1, rate=Scalar(0.1, 2)),
        {
            "the covariance turned": opposite,
            "the root of D alone": lambda f, a, b, c, rate: (
                4 * rate**2 * c * analytic.gaussian(a, b, c, rate)
            ),
        },
    ),
)
