"""Claims: a step of dropout, and what it adds to the loss at Gaussian sensors."""

import jax.numpy as jnp

from analytic import dropout_sensing as analytic
from claims._mask import with_variance
from empirical import dropout_sensing as empirical
from tallystick import (
    Axis,
    Choice,
    Claim,
    Control,
    Domain,
    Identity,
    Matrix,
    Mean,
    Scalar,
)

__all__ = ["CLAIMS"]

BOOK = "Arora et al., Theory of Deep Learning (draft)"
SAMPLES = 4


def _without_regularizer_of_the_right(left, right, sensors, targets, rate):
    """The gradient in V as without dropout."""
    plain = analytic.loss_gradient(left, right, sensors, targets, 0 * rate)
    full = analytic.loss_gradient(left, right, sensors, targets, rate)
    return jnp.concatenate([full[: len(left)], plain[len(left) :]])


def _kronecker(left, right, sensor, *, swapped=False, by_rows=False):
    """The measurement with another order of the factors, or of the entries of U."""
    identity = jnp.eye(len(left), dtype=right.dtype)
    lifted = jnp.kron(right.T, identity) if swapped else jnp.kron(identity, right.T)
    entries = left.T.ravel() if by_rows else left.ravel()
    return entries @ lifted @ sensor.ravel()


GAUSSIAN = {
    "left": Matrix("m", "width", zero=True),
    "right": Matrix("k", "width"),
    "rate": Scalar(0, 0.9),
    "samples": Choice(2),
    "m": Axis(2),
    "k": Axis(2),
    "width": Axis(2, 1),
}

CLAIMS = (
    Claim(
        "drop.sgd_unbiased",
        statement="E_i,B of the gradient of (<U B V', A_i> - y_i)^2 = the gradient of "
        "the mean over i of (<U V', A_i> - y_i)^2 + lambda sum_j (u_j' A_i v_j)^2",
        analytic=analytic.loss_gradient,
        empirical=empirical.loss_gradient,
        domain=Domain(
            left=Matrix("m", "width", zero=True),
            right=Matrix("k", "width"),
            sensors=Matrix("n", "m", "k"),
            targets=Matrix("n"),
            rate=Scalar(0, 0.9),
            n=Axis(SAMPLES),
            m=Axis(3),
            k=Axis(2),
            width=Axis(3, 1),
        ),
        source=f"{BOOK}, section 11.1, (11.2)-(11.4)",
        controls=(
            Control(
                "the gradient without dropout",
                with_variance(analytic.loss_gradient, lambda rate: 0 * rate),
            ),
            Control(
                "lambda = p in place of p / (1 - p)",
                with_variance(analytic.loss_gradient, lambda rate: rate),
            ),
            Control(
                "the regularizer differentiated in U alone",
                _without_regularizer_of_the_right,
            ),
        ),
        notes="All samples and masks are summed.",
    ),
    Claim(
        "drop.sensing_gauss",
        statement="E_A of what dropout adds to the loss = lambda sum_j |u_j|^2 |v_j|^2"
        ", A_kl ~ N(0, 1)",
        analytic=analytic.added_loss,
        empirical=empirical.added_loss,
        domain=Domain(**GAUSSIAN),
        relation=Mean(detectable=0.003),
        source=f"{BOOK}, section 11.1.1, above (11.6)",
        controls=(
            Control(
                "|U V'|^2 in place of the sum over the units",
                lambda left, right, rate, samples: (
                    rate / (1 - rate) * jnp.sum((left @ right.T) ** 2)
                ),
            ),
            Control(
                "|U|^2 |V|^2",
                lambda left, right, rate, samples: (
                    rate / (1 - rate) * jnp.sum(left**2) * jnp.sum(right**2)
                ),
            ),
            Control(
                "lambda left out",
                with_variance(analytic.added_loss, lambda rate: 1),
            ),
        ),
        notes="All masks are summed.",
    ),
    Claim(
        "drop.sensing_gauss_variance",
        statement="Var_A of what dropout adds to the loss at n sensors = "
        "(2 lambda^2 / n) sum_jk ((u_j . u_k) (v_j . v_k))^2, A_kl ~ N(0, 1)",
        analytic=analytic.added_loss_variance,
        empirical=empirical.added_loss_variance,
        domain=Domain(**GAUSSIAN),
        relation=Mean(detectable=0.003),
        source="derived here: Wick's formula for the measurements of two units",
        controls=(
            Control(
                "independent units: the terms with j = k alone",
                lambda left, right, rate, samples: (
                    2
                    * (rate / (1 - rate)) ** 2
                    / samples
                    * jnp.sum((jnp.sum(left**2, 0) * jnp.sum(right**2, 0)) ** 2)
                ),
            ),
            Control(
                "without 1 / n",
                lambda left, right, rate, samples: analytic.added_loss_variance(
                    left, right, rate, 1
                ),
            ),
            Control(
                "without the factor 2",
                lambda left, right, rate, samples: (
                    analytic.added_loss_variance(left, right, rate, samples) / 2
                ),
            ),
        ),
        notes="All masks are summed; the variance is half the mean squared difference "
        "of two sets of sensors.",
    ),
    Claim(
        "drop.vec_identity",
        statement="<U V', A> = vec(U')' (I x V') vec(A'), vec stacking columns",
        analytic=analytic.vectorized_product,
        empirical=empirical.vectorized_product,
        domain=Domain(
            left=Matrix("m", "width", zero=True),
            right=Matrix("k", "width"),
            sensor=Matrix("m", "k"),
            m=Axis(3, 1),
            k=Axis(4, 1),
            width=Axis(2, 1),
        ),
        relation=Identity(),
        source=f"{BOOK}, section 11.1",
        controls=(
            Control(
                "vec stacks rows",
                lambda left, right, sensor: _kronecker(
                    left, right, sensor, by_rows=True
                ),
            ),
            Control(
                "the Kronecker factors in the other order",
                lambda left, right, sensor: _kronecker(
                    left, right, sensor, swapped=True
                ),
            ),
        ),
    ),
)
