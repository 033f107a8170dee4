"""Claims: second derivatives of the population loss of two-layer ReLU networks."""

import jax.numpy as jnp

from analytic import relu_curvature as analytic
from empirical import relu_curvature as empirical
from tallystick import (
    Axis,
    Claim,
    Control,
    Domain,
    Erratum,
    Limit,
    Matrix,
    Mean,
    Scalar,
    Vector,
)

__all__ = ["CLAIMS"]

PAPER = "Tian, Symmetry-Breaking Convergence Analysis, ICLR workshop 2017"
NETWORKS = {
    "students": Matrix("k", "d"),
    "student_outputs": Matrix("k"),
    "teachers": Matrix("m", "d"),
    "teacher_outputs": Matrix("m"),
    "m": Axis(2),
}


def _parts(gate, weight):
    """Angle, the direction of the gate, and the unit vector across it."""
    u, v = gate / jnp.linalg.norm(gate), weight / jnp.linalg.norm(weight)
    cosine = jnp.clip(jnp.vdot(u, v), -1, 1)
    across = v - cosine * u
    height = jnp.linalg.norm(across)
    n = jnp.where(height > 1e-7, across / jnp.maximum(height, 1e-7), 0)
    return jnp.arccos(cosine), u, n


def _gate_slope(gate, weight, *, along=1.0, across=1.0, power=1):
    """The slope in the gate with its terms at the writer's mercy."""
    theta, u, n = _parts(gate, weight)
    ratio = jnp.linalg.norm(weight) / jnp.linalg.norm(gate) ** power
    terms = jnp.eye(gate.size) - along * jnp.outer(u, u) + across * jnp.outer(n, n)
    return ratio * jnp.sin(theta) * terms / (2 * jnp.pi)


def _weight_slope(gate, weight, *, cross=1.0, opening=lambda theta: jnp.pi - theta):
    """The slope in the weight with its terms at the writer's mercy."""
    theta, u, n = _parts(gate, weight)
    _, v, m = _parts(weight, gate)
    terms = cross * (jnp.outer(m, v) + jnp.outer(n, u))
    return (opening(theta) * jnp.eye(gate.size) + terms) / (2 * jnp.pi)


def _without_kinks(students, student_outputs, teachers, teacher_outputs):
    """What the mean of the Hessians of single inputs is."""
    del teachers, teacher_outputs
    # No residual, no kink: each student is its own teacher.
    return analytic.hessian(students, student_outputs, students, student_outputs)


def _without_own_kinks(students, student_outputs, teachers, teacher_outputs):
    """The Hessian without what the students add on each other's edges."""
    mine = students, student_outputs
    nodes = (
        jnp.concatenate([students, teachers]),
        jnp.concatenate([student_outputs, teacher_outputs]),
    )
    return analytic.hessian(*mine, *nodes)


def _slope(form):
    """A form of the slope at zero, under the names that the claim gives them."""

    def wrong(direction, output, students, student_outputs, teachers, teacher_outputs):
        nodes = students, student_outputs, teachers, teacher_outputs
        return form(direction, output, nodes)

    return wrong


def _linear(direction, output, nodes):
    """The part of the slope that is linear in the direction: half the difference."""
    ahead = analytic.zero_slope(direction, output, *nodes)
    return (ahead - analytic.zero_slope(-direction, output, *nodes)) / 2


CLAIMS = (
    Claim(
        "relu2.h1",
        statement=(
            "dF / de = |w| sin(theta) (I - u u' + n n') / (2 pi |e|), F of gate.mean,"
            " u along e, n across it towards w"
        ),
        analytic=analytic.gate_slope,
        empirical=empirical.gate_slope,
        # On a line there is no edge to turn.
        domain=Domain(gate=Vector("d"), weight=Vector("d"), d=Axis(5, 2)),
        relation=Mean(detectable=0.003),
        source="derived from gate.mean",
        notes="Measured on the inputs on the gate's edge, from which all of it comes.",
        controls=(
            Control(
                "without n n'",
                lambda gate, weight: _gate_slope(gate, weight, across=0),
            ),
            Control(
                "without the projection across the gate",
                lambda gate, weight: _gate_slope(gate, weight, along=0),
            ),
            Control(
                "without 1 / |e|",
                lambda gate, weight: _gate_slope(gate, weight, power=0),
            ),
        ),
    ),
    Claim(
        "relu2.h2",
        statement=(
            "dF / dw = E[1{e.x > 0} 1{w.x > 0} x x']"
            " = [(pi - theta) I + m w' / |w| + n e' / |e|] / (2 pi), n across e towards"
            " w, m across w towards e"
        ),
        analytic=analytic.weight_slope,
        empirical=empirical.weight_slope,
        domain=Domain(gate=Vector("d"), weight=Vector("d"), d=Axis(5, 1)),
        relation=Mean(detectable=0.003),
        source="derived from gate.mean",
        notes="The trace is d (pi - theta) / (2 pi).",
        controls=(
            Control(
                "theta in place of pi - theta",
                lambda gate, weight: _weight_slope(
                    gate, weight, opening=lambda theta: theta
                ),
            ),
            Control(
                "the share of inputs alone, without what their directions have in"
                " common",
                lambda gate, weight: _weight_slope(gate, weight, cross=0),
            ),
            Control(
                "the common directions counted twice",
                lambda gate, weight: _weight_slope(gate, weight, cross=2),
            ),
        ),
    ),
    Claim(
        "relu2.hessian",
        statement=(
            "Hessian of relu2.loss: blocks a_i a_j H2(w_i, w_j), and"
            " a_i sum_l c_l H1(w_i, v_l) besides if i = j, v = (w, w*), c = (a, -b)"
        ),
        analytic=analytic.hessian,
        empirical=empirical.hessian,
        # In a plane, where all kinks are, the mean is exact; relu2.h1 and relu2.h2, of
        # which all is made, are checked in higher dimension.
        domain=Domain(**NETWORKS, k=Axis(2, 1), d=Axis(2)),
        source=f"{PAPER}, (12)-(13), differentiated",
        notes="Per input; Tian sums over N inputs.",
        controls=(
            Control(
                "the kinks' part of the wrong sign",
                lambda students, student_outputs, teachers, teacher_outputs: (
                    2
                    * _without_kinks(
                        students, student_outputs, teachers, teacher_outputs
                    )
                    - analytic.hessian(
                        students, student_outputs, teachers, teacher_outputs
                    )
                ),
            ),
            Control("the students' own kinks left out", _without_own_kinks),
        ),
        errata=(
            Erratum(
                "E6",
                where="Hessians by automatic differentiation of single inputs",
                printed="Hessian of the mean loss = mean of the Hessians, whose blocks"
                " are a_i a_j H2(w_i, w_j)",
                corrected="the mean of the Hessians misses the inputs on the kinks:"
                " a_i sum_l c_l H1(w_i, v_l) in block (i, i)",
                form=_without_kinks,
                at={
                    "students": [[1.0, 0.0]],
                    "student_outputs": [1.0],
                    "teachers": [[0.0, 1.0]],
                    "teacher_outputs": [1.0],
                },
            ),
        ),
    ),
    Claim(
        "relu2.zero_weight",
        statement=(
            "t -> 0+: [L(w_i = t u) - L(w_i = 0)] / t tends to a_i sum_l c_l k(u, v_l),"
            " k of relu2.kernel, v and c the weights and outputs of all other nodes"
        ),
        analytic=analytic.zero_slope,
        empirical=empirical.zero_slope,
        domain=Domain(
            direction=Vector("d"),
            output=Scalar(-2, 2),
            **NETWORKS,
            k=Axis(2),
            d=Axis(3),
        ),
        relation=Limit("step", sizes=(1.0, 0.5, 0.25), rate=-1.0),
        source="derived from relu2.loss",
        notes="Not linear in u: the loss has no gradient at a weight of zero.",
        controls=(
            Control("linear in the direction, as a gradient is", _slope(_linear)),
            Control(
                "the teacher's pull alone",
                _slope(
                    lambda direction, output, nodes: analytic.zero_slope(
                        direction, output, nodes[0], 0 * nodes[1], *nodes[2:]
                    )
                ),
            ),
            Control(
                "without the node's output weight",
                _slope(
                    lambda direction, output, nodes: analytic.zero_slope(
                        direction, jnp.ones_like(output), *nodes
                    )
                ),
            ),
        ),
    ),
)
