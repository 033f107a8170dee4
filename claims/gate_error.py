"""Claims: errors of averages of gated inputs, and inputs that are not normal."""

import math

import jax.numpy as jnp

from analytic import gate_error as analytic
from empirical import gate_error as empirical
from tallystick import Axis, Choice, Claim, Control, Domain, Limit, Mean, Scalar, Vector

__all__ = ["CLAIMS"]

PAPER = "Tian, Symmetry-Breaking Convergence Analysis, ICLR workshop 2017"


def _second_moment(gate, weight, *, cross=1.0, more=2):
    """The second moment with another cross term, or another constant beside d."""
    norm = jnp.linalg.norm(weight)
    scale = norm * jnp.linalg.norm(gate)
    cosine = jnp.vdot(gate, weight) / jnp.where(scale > 0, scale, 1)
    theta = jnp.arccos(jnp.clip(cosine, -1, 1))
    share = jnp.pi - theta + cross * jnp.sin(theta) * jnp.cos(theta)
    return norm**2 * (gate.size + more) * share / (2 * jnp.pi)


CLAIMS = (
    Claim(
        "gate.second_moment",
        statement=(
            "E[1{e.x > 0} 1{w.x > 0} (w.x)^2 |x|^2]"
            " = |w|^2 (d + 2) [pi - theta + sin theta cos theta] / (2 pi)"
        ),
        analytic=analytic.second_moment,
        empirical=empirical.second_moment,
        domain=Domain(gate=Vector("d"), weight=Vector("d", zero=True), d=Axis(5, 1)),
        relation=Mean(detectable=0.003),
        source="derived as gate.mean is",
        controls=(
            Control(
                "d in place of d + 2, as if |x| and w.x were independent",
                lambda gate, weight: _second_moment(gate, weight, more=0),
            ),
            Control(
                "without the cross term",
                lambda gate, weight: _second_moment(gate, weight, cross=0),
            ),
            Control(
                "cross term of the wrong sign",
                lambda gate, weight: _second_moment(gate, weight, cross=-1),
            ),
        ),
    ),
    Claim(
        "gate.rms_error",
        statement=(
            "average over N inputs: E|average - F|^2 / |F|^2 = (m / |F|^2 - 1) / N, F"
            " the mean of gate.mean, m the moment of gate.second_moment"
        ),
        analytic=analytic.relative_variance,
        empirical=empirical.relative_variance,
        # Near pi few inputs pass both gates: |F| vanishes, and the tails are heavy.
        domain=Domain(angle=Scalar(0, 2.2), dimension=Choice(3, 6), samples=Choice(6)),
        relation=Mean(detectable=0.003),
        source=f"derived; predicts {PAPER}, section 5.1, figure 3 (a, b)",
        notes="The root is the relative error, of the order sqrt(d / N).",
        controls=(
            Control(
                "the second moment in place of the variance",
                lambda angle, dimension, samples: (
                    analytic.relative_variance(angle, dimension, samples) + 1 / samples
                ),
            ),
            Control(
                "1 / (N - 1) in place of 1 / N",
                lambda angle, dimension, samples: analytic.relative_variance(
                    angle, dimension, samples - 1
                ),
            ),
            Control(
                "the same at every angle",
                lambda angle, dimension, samples: analytic.relative_variance(
                    0 * angle, dimension, samples
                ),
            ),
        ),
    ),
    Claim(
        "gate.uniform_inputs",
        statement=(
            "inputs of d independent uniform entries of variance 1, gate and weight"
            " dense: the mean of gate.mean tends to the same F as d grows"
        ),
        analytic=analytic.dense_mean,
        empirical=empirical.dense_mean,
        domain=Domain(angle=Scalar(0, math.pi / 2)),
        relation=Limit("dimension", sizes=(4, 40), rate=1.0),
        source=f"{PAPER}, section 5.1, figure 3 (c)",
        notes="The figure has entries on [-1/2, 1/2], of variance 1/12.",
        controls=(
            Control(
                "the variance 1/12 of U[-1/2, 1/2]",
                lambda angle: analytic.dense_mean(angle) / 12,
            ),
            Control(
                "E|x| of a uniform number in place of a normal one",
                lambda angle: (
                    analytic.dense_mean(angle) * (3**0.5 / 2) / (2 / math.pi) ** 0.5
                ),
            ),
            Control(
                "the components interchanged",
                lambda angle: analytic.dense_mean(angle)[::-1],
            ),
        ),
    ),
)
