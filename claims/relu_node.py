"""Claims: the gradient flow of one ReLU node, and where it may start."""

import math

import jax.numpy as jnp

from analytic import relu_node as analytic
from empirical import relu_node as empirical
from tallystick import (
    Axis,
    Bound,
    Choice,
    Claim,
    Control,
    Domain,
    Erratum,
    Identity,
    Mean,
    Scalar,
    Vector,
)

__all__ = ["CLAIMS"]

PAPER = "Tian, Symmetry-Breaking Convergence Analysis, ICLR workshop 2017"
PAIR = Domain(student=Vector("d"), teacher=Vector("d"), d=Axis(5, 1))
# Larger balls are hit too rarely to be told from zero by draws.
LARGEST = {5: 1.6, 2: 2.5, 20: 0.8}


def _parts(student, teacher):
    """Both norms and the angle."""
    r, R = jnp.linalg.norm(student), jnp.linalg.norm(teacher)
    cosine = jnp.clip(jnp.vdot(student, teacher) / (r * R), -1, 1)
    return r, R, jnp.arccos(cosine)


def _velocity(student, teacher, *, pull=1, turn=lambda theta: jnp.pi - theta):
    """The polar velocities with another power of R / r, or another turn."""
    r, R, theta = _parts(student, teacher)
    angular = jnp.sin(theta) + turn(theta) * jnp.cos(theta)
    growth = R * angular / (2 * jnp.pi) - r / 2
    return jnp.stack(
        [growth, -((R / r) ** pull) * turn(theta) * jnp.sin(theta) / (2 * jnp.pi)]
    )


def _decay(student, teacher, *, double=0.5, off=0.5, own=1.0):
    """The quadratic form -y' M y with the entries of M at the writer's mercy."""
    r, R, theta = _parts(student, teacher)
    first = jnp.pi - theta + double * jnp.sin(2 * theta)
    mixed = off * ((2 * jnp.pi - theta) * jnp.cos(theta) + jnp.sin(theta))
    form = first * R**2 - 2 * mixed * R * r + own * jnp.pi * r**2
    return -form / (2 * jnp.pi)


def _kappa(dimension):
    """Volume of the unit ball in one dimension less, over that in this one."""
    half = dimension / 2
    return math.exp(math.lgamma(half + 1) - math.lgamma(half + 0.5)) / math.pi**0.5


def _within_the_ball(student, teacher):
    """The teacher from inside |w - w*| < |w*|, and no progress from elsewhere."""
    inside = jnp.linalg.norm(student - teacher) < jnp.linalg.norm(teacher)
    return jnp.where(inside, teacher, student)


CLAIMS = (
    Claim(
        "relu1.flow_polar",
        statement=(
            "descent w' = -grad L of one node: r' = R [sin theta + (pi - theta) cos"
            " theta] / (2 pi) - r / 2, theta' = -R (pi - theta) sin theta / (2 pi r)"
        ),
        analytic=analytic.polar_velocity,
        empirical=empirical.polar_velocity,
        domain=PAIR,
        source=f"derived from {PAPER}, (11)",
        notes="Per input; Tian sums over N inputs, which makes time run N times as"
        " fast (E5).",
        controls=(
            Control(
                "theta in place of pi - theta",
                lambda student, teacher: _velocity(
                    student, teacher, turn=lambda theta: theta
                ),
            ),
            Control(
                "the turn with r / R",
                lambda student, teacher: _velocity(student, teacher, pull=-1),
            ),
            Control(
                "the norm's own decay without its half",
                lambda student, teacher: (
                    _velocity(student, teacher)
                    - jnp.array([0.5, 0.0]) * jnp.linalg.norm(student)
                ),
            ),
        ),
    ),
    Claim(
        "relu1.lyapunov",
        statement=(
            "d/dt |w - w*|^2 / 2 = -y' M y, y = (R, r), M = [[pi - theta + sin(2 theta)"
            " / 2, -o], [-o, pi]] / (2 pi), o = [(2 pi - theta) cos theta + sin theta]"
            " / 2"
        ),
        analytic=analytic.distance_decay,
        empirical=empirical.distance_decay,
        domain=PAIR,
        source=f"{PAPER}, Lemma 3.2, with the constants worked out anew",
        notes="Negative on |w - w*| < R, where theta < pi / 2; M is positive definite"
        " for 0 < theta < 2.3276 only.",
        controls=(
            Control(
                "sin(2 theta) without its half",
                lambda student, teacher: _decay(student, teacher, double=1),
            ),
            Control(
                "o without its half",
                lambda student, teacher: _decay(student, teacher, off=1),
            ),
            Control(
                "pi / 2 in place of pi in M",
                lambda student, teacher: _decay(student, teacher, own=0.5),
            ),
        ),
    ),
    Claim(
        "relu1.basin",
        statement=(
            "t -> infinity: w(t) -> w* from every start with theta < pi, w(t) -> 0 from"
            " theta = pi"
        ),
        analytic=analytic.limit_point,
        empirical=empirical.limit_point,
        domain=Domain(
            student=Vector("d", norm=(0.05, 2.0)), teacher=Vector("d"), d=Axis(5, 2)
        ),
        relation=Identity(tolerance=1e-8),
        source="derived from relu1.flow_polar: theta falls, r stays above zero",
        notes="Measured by descent of step 0.1. A start at pi - p needs a time of about"
        " 2 log(1 / p) to leave; then |w - w*| falls as exp(-t / 2).",
        controls=(
            Control(
                "w* from the opposite ray too",
                lambda student, teacher: teacher + 0 * student,
            ),
            Control(
                "the teacher's direction, at the norm of the start",
                lambda student, teacher: (
                    analytic.limit_point(student, teacher)
                    * (jnp.linalg.norm(student) / jnp.linalg.norm(teacher))
                ),
            ),
            Control(
                "w* from acute angles only",
                lambda student, teacher: jnp.where(
                    jnp.vdot(student, teacher) > 0, teacher, 0
                ),
            ),
        ),
        errata=(
            Erratum(
                "E3",
                where="Tian, ICLR workshop 2017, section 3",
                printed="convergence outside |w - w*| < R is unlikely to be provable",
                corrected="the flow converges from every theta < pi, in two dimensions"
                " and more with probability one",
                form=_within_the_ball,
                at={"student": [-0.8, 0.6], "teacher": [1.0, 0.0]},
            ),
        ),
    ),
    Claim(
        "relu1.init_probability",
        statement=(
            "w uniform in |w| < r, rho = r / R <= 2: P(|w - w*| < R) = I(1 - rho^2 / 4)"
            " / 2 + rho^-d C, C = I(1 - (1 - rho^2 / 2)^2) / 2 up to rho = sqrt 2 and 1"
            " minus that beyond, I(x) the incomplete beta function at ((d + 1) / 2,"
            " 1 / 2); rho^-d for rho >= 2"
        ),
        analytic=analytic.hit_probability,
        empirical=empirical.hit_probability,
        domain=Domain(
            ratio=Scalar(0.01, lambda dimension: LARGEST[dimension]),
            dimension=Choice(*LARGEST),
        ),
        relation=Mean(detectable=0.003),
        source="derived: the common volume of two balls",
        controls=(
            Control(
                "always a half, as for small balls",
                lambda ratio, dimension: jnp.full_like(ratio, 0.5),
            ),
            Control(
                "the bound by a slab in place of the probability",
                lambda ratio, dimension: 0.5 - ratio * _kappa(dimension) / 2,
            ),
            Control(
                "of the dimension less one",
                lambda ratio, dimension: analytic.hit_probability(
                    ratio, max(dimension - 1, 1)
                ),
            ),
        ),
        errata=(
            Erratum(
                "E2",
                where="Tian, ICLR workshop 2017, section 3, on sampling",
                printed="a large ball hits with probability (r / R)^d",
                corrected="(R / r)^d for r >= 2 R: at r = 2 R it is 2^-d",
                form=lambda ratio, dimension: ratio**dimension,
                at={"ratio": 2.0, "dimension": 2},
            ),
        ),
    ),
    Claim(
        "relu1.init_bound",
        statement=(
            "d >= 3, w uniform in |w| < r <= 2 R: P(|w - w*| < R) >= [1 - kappa (d - 1)"
            " r / ((d + 1) R)] / 2, kappa = Gamma(d / 2 + 1) / [sqrt(pi)"
            " Gamma((d + 1) / 2)], sharp as r -> 0; so >= [1 - kappa r / R] / 2"
            " >= (1 - eps) / 2 for r <= eps R sqrt(2 pi / (d + 1))"
        ),
        analytic=analytic.hit_loss,
        empirical=empirical.hit_loss,
        domain=Domain(teacher=Vector("d"), d=Axis(5, 3, 20)),
        # Radii small enough to come within a thousandth are drawn a third of the time.
        relation=Bound("upper", attained=True, tolerance=1e-3, draws=128, share=0.3),
        source=f"{PAPER}, Theorem 3.3, sharpened by (d - 1) / (d + 1)",
        notes="Compared are (1 - 2 P) / r and its least upper bound. The paper's"
        " bounds hold, and are not reached: the control shows by how much.",
        controls=(
            Control(
                "a whole slab lost, kappa without (d - 1) / (d + 1)",
                lambda teacher: _kappa(teacher.size) / jnp.linalg.norm(teacher),
            ),
            Control(
                "the theorem's sqrt((d + 1) / (2 pi))",
                lambda teacher: (
                    ((teacher.size + 1) / (2 * math.pi)) ** 0.5
                    / jnp.linalg.norm(teacher)
                ),
            ),
            Control(
                "kappa of the dimension less one",
                lambda teacher: (
                    analytic.hit_loss(teacher)
                    * (_kappa(teacher.size - 1) / _kappa(teacher.size))
                ),
            ),
        ),
    ),
)
