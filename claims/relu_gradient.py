"""Claims: population loss and gradient of two-layer ReLU networks, Gaussian inputs."""

import jax.numpy as jnp

from analytic import relu_gradient as analytic
from empirical import relu_gradient as empirical
from tallystick import Axis, Claim, Control, Domain, Limit, Matrix, Mean, Vector

__all__ = ["CLAIMS"]

PAPER = "Tian, Symmetry-Breaking Convergence Analysis, ICLR workshop 2017"
PER_SAMPLE = "Per input; Tian sums over N inputs."
GATED = Domain(gate=Vector("d"), weight=Vector("d", zero=True), d=Axis(5, 1))
NETWORKS = Domain(
    students=Matrix("k", "d"),
    student_outputs=Matrix("k"),
    teachers=Matrix("m", "d"),
    teacher_outputs=Matrix("m"),
    k=Axis(3, 1),
    m=Axis(2),
    d=Axis(5, 1),
)


def _parts(x, y):
    """Norms, angle from the first to the second, and the first's direction."""
    norms = jnp.linalg.norm(x), jnp.linalg.norm(y)
    cosine = x @ y / jnp.where(norms[0] * norms[1] > 0, norms[0] * norms[1], 1)
    return *norms, jnp.arccos(jnp.clip(cosine, -1, 1)), x / jnp.maximum(norms[0], 1e-9)


def _mean(gate, weight, *, opening=lambda theta: jnp.pi - theta, sine=1.0):
    """The gated mean with its two terms at the writer's mercy."""
    _, norm, theta, direction = _parts(gate, weight)
    terms = opening(theta) * weight + sine * norm * jnp.sin(theta) * direction
    return terms / (2 * jnp.pi)


def _squared(gate, weight, cross):
    """The squared gated mean with another factor before its cross term."""
    _, norm, theta, _ = _parts(gate, weight)
    gap, sine = jnp.pi - theta, jnp.sin(theta)
    total = gap**2 + sine**2 + cross * gap * sine * jnp.cos(theta)
    return norm**2 * total / (4 * jnp.pi**2)


def _kernel(x, y, *, opening=lambda theta: jnp.pi - theta, sine=1.0):
    """The kernel with its two terms at the writer's mercy."""
    first, second, theta, _ = _parts(x, y)
    angular = sine * jnp.sin(theta) + opening(theta) * jnp.cos(theta)
    return first * second * angular / (2 * jnp.pi)


def _of_networks(form):
    """A form of two networks, under the names that the claims give them."""
    return lambda students, student_outputs, teachers, teacher_outputs: form(
        students, student_outputs, teachers, teacher_outputs
    )


def _loss(students, student_outputs, teachers, teacher_outputs, cross, own):
    """The loss with other factors before its cross term and the teacher's own term."""
    student, none = (students, student_outputs), jnp.zeros_like(teacher_outputs)
    both = analytic.loss(*student, teachers, teacher_outputs)
    first = analytic.loss(*student, teachers, none)
    second = analytic.loss(students, 0 * student_outputs, teachers, teacher_outputs)
    return first + own * second + cross * (both - first - second)


def _node_gradient(student, teacher, *, alpha=1, turn=1.0):
    """The gradient of one node with another power of |w*| / |w|, or another turn."""
    ratio = jnp.linalg.norm(teacher) / jnp.linalg.norm(student)
    theta = _parts(student, teacher)[2]
    terms = ratio**alpha * jnp.sin(theta) * student - turn * theta * teacher
    return (student - teacher) / 2 - terms / (2 * jnp.pi)


CLAIMS = (
    Claim(
        "gate.mean",
        statement=(
            "E[1{e.x > 0} 1{w.x > 0} (w.x) x]"
            " = [(pi - theta) w + |w| sin(theta) e / |e|] / (2 pi)"
        ),
        analytic=analytic.gated_mean,
        empirical=empirical.gated_mean,
        domain=GATED,
        source=f"{PAPER}, Lemma 3.1 and (10)",
        notes=f"{PER_SAMPLE} At theta = pi every draw is exactly 0.",
        controls=(
            Control(
                "theta in place of pi - theta",
                lambda gate, weight: _mean(gate, weight, opening=lambda theta: theta),
            ),
            Control(
                "without the sine", lambda gate, weight: _mean(gate, weight, sine=0)
            ),
            Control(
                "the sine term along the weight, not along the gate",
                lambda gate, weight: _mean(
                    gate, weight, opening=lambda t: jnp.pi - t + jnp.sin(t), sine=0
                ),
            ),
            Control(
                "1 / pi in place of 1 / (2 pi)",
                lambda gate, weight: 2 * analytic.gated_mean(gate, weight),
            ),
        ),
    ),
    Claim(
        "gate.limits",
        statement=(
            "p = pi - theta -> 0: the mean of gate.mean is |w| (p^3 / 3, p^2) / (2 pi)"
            " along the gate and across it"
        ),
        analytic=analytic.opposite_limit,
        empirical=empirical.opposite_limit,
        domain=Domain(weight=Vector("d"), d=Axis(5, 2)),
        relation=Limit("gap", sizes=(0.8, 0.2), rate=-2.0),
        source="derived from gate.mean",
        notes="The ends theta = 0 (w / 2) and theta = pi (0) are points of gate.mean.",
        controls=(
            Control(
                "p^3 / 6 along the gate, the cubic term of the sine alone",
                lambda weight: analytic.opposite_limit(weight) * jnp.array([0.5, 1.0]),
            ),
            Control(
                "p^2 / 2 across the gate",
                lambda weight: analytic.opposite_limit(weight) * jnp.array([1.0, 0.5]),
            ),
            Control(
                "the components interchanged",
                lambda weight: analytic.opposite_limit(weight)[::-1],
            ),
        ),
    ),
    Claim(
        "gate.norm",
        statement=(
            "|F|^2 = |w|^2 [(pi - theta)^2 + sin^2 theta"
            " + 2 (pi - theta) sin theta cos theta] / (4 pi^2), F the mean of gate.mean"
        ),
        analytic=analytic.gated_mean_squared,
        empirical=empirical.gated_mean_squared,
        domain=GATED,
        relation=Mean(detectable=0.003),
        source="derived from gate.mean",
        controls=(
            Control(
                "without the cross term", lambda gate, weight: _squared(gate, weight, 0)
            ),
            Control(
                "cross term without its factor 2",
                lambda gate, weight: _squared(gate, weight, 1),
            ),
            Control(
                "cross term of the wrong sign",
                lambda gate, weight: _squared(gate, weight, -2),
            ),
        ),
    ),
    Claim(
        "relu2.kernel",
        statement=(
            "E[(x.z)_+ (y.z)_+] = |x| |y| [sin theta + (pi - theta) cos theta] / (2 pi)"
        ),
        analytic=analytic.kernel,
        empirical=empirical.kernel,
        domain=Domain(x=Vector("d", zero=True), y=Vector("d", zero=True), d=Axis(5, 1)),
        source="Cho & Saul, NeurIPS 2009, section 2.1, degree 1, without the factor 2",
        controls=(
            Control(
                "theta in place of pi - theta",
                lambda x, y: _kernel(x, y, opening=lambda theta: theta),
            ),
            Control("without the sine", lambda x, y: _kernel(x, y, sine=0)),
            Control(
                "1 / pi in place of 1 / (2 pi)", lambda x, y: 2 * analytic.kernel(x, y)
            ),
        ),
    ),
    Claim(
        "relu2.loss",
        statement=(
            "(1/2) E[(sum_i a_i (w_i.x)_+ - sum_l b_l (w*_l.x)_+)^2]"
            " = (1/2) sum_ij c_i c_j k(v_i, v_j), v = (w, w*), c = (a, -b)"
        ),
        analytic=analytic.loss,
        empirical=empirical.loss,
        domain=NETWORKS,
        relation=Mean(detectable=0.003),
        source="derived from relu2.kernel",
        notes=PER_SAMPLE,
        controls=(
            Control(
                "cross term without its factor 2",
                _of_networks(lambda w, a, v, b: _loss(w, a, v, b, 0.5, 1)),
            ),
            Control(
                "without the teacher's own term",
                _of_networks(lambda w, a, v, b: _loss(w, a, v, b, 1, 0)),
            ),
        ),
    ),
    Claim(
        "relu2.grad",
        statement=(
            "gradient of relu2.loss in w_i"
            " = a_i [sum_j a_j F(w_i, w_j) - sum_l b_l F(w_i, w*_l)], F of gate.mean"
        ),
        analytic=analytic.gradient,
        empirical=empirical.gradient,
        domain=NETWORKS,
        relation=Mean(detectable=0.003),
        source=f"{PAPER}, (12)-(13), with output weights",
        notes=f"{PER_SAMPLE} His is the direction of descent, minus this.",
        controls=(
            Control(
                "without the output weight a_i",
                _of_networks(
                    lambda w, a, v, b: analytic.gradient(w, a, v, b) / a[:, None]
                ),
            ),
            Control(
                "the teacher's pull of the wrong sign",
                _of_networks(lambda w, a, v, b: analytic.gradient(w, a, v, -b)),
            ),
            Control(
                "a student's pull on itself counted twice",
                _of_networks(
                    lambda w, a, v, b: (
                        analytic.gradient(w, a, v, b) + a[:, None] ** 2 * w / 2
                    )
                ),
            ),
        ),
    ),
    Claim(
        "relu1.loss",
        statement=(
            "one node each: L = (|w|^2 + |w*|^2) / 4"
            " - |w| |w*| [sin theta + (pi - theta) cos theta] / (2 pi)"
        ),
        analytic=analytic.node_loss,
        empirical=empirical.node_loss,
        domain=Domain(
            student=Vector("d", zero=True), teacher=Vector("d"), d=Axis(5, 1)
        ),
        source="derived from relu2.kernel",
        notes=PER_SAMPLE,
        controls=(
            Control(
                "theta in place of pi - theta",
                lambda student, teacher: (
                    (student @ student + teacher @ teacher) / 4
                    - _kernel(student, teacher, opening=lambda theta: theta)
                ),
            ),
            Control(
                "without the sine",
                lambda student, teacher: (
                    (student @ student + teacher @ teacher) / 4
                    - _kernel(student, teacher, sine=0)
                ),
            ),
            Control(
                "1 / pi in place of 1 / (2 pi)",
                lambda student, teacher: (
                    (student @ student + teacher @ teacher) / 4
                    - 2 * _kernel(student, teacher)
                ),
            ),
        ),
    ),
    Claim(
        "relu1.grad",
        statement=(
            "one node each: gradient in w = (w - w*) / 2"
            " - [alpha sin(theta) w - theta w*] / (2 pi), alpha = |w*| / |w|"
        ),
        analytic=analytic.node_gradient,
        empirical=empirical.node_gradient,
        domain=Domain(student=Vector("d"), teacher=Vector("d"), d=Axis(5, 1)),
        source=f"{PAPER}, (11)",
        notes=f"{PER_SAMPLE} (11) is the direction of descent, minus this.",
        controls=(
            Control(
                "alpha inverted",
                lambda student, teacher: _node_gradient(student, teacher, alpha=-1),
            ),
            Control(
                "without alpha",
                lambda student, teacher: _node_gradient(student, teacher, alpha=0),
            ),
            Control(
                "the turn of the wrong sign",
                lambda student, teacher: _node_gradient(student, teacher, turn=-1),
            ),
        ),
    ),
)
