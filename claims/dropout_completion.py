"""Claims: dropout in matrix completion, and the weighted nuclear norm it induces."""

import jax.numpy as jnp

from analytic import dropout_completion as analytic, dropout_induced
from empirical import dropout_completion as empirical
from empirical.montecarlo import Uniform
from tallystick import (
    Axis,
    Bound,
    Choice,
    Claim,
    Control,
    Domain,
    Erratum,
    Matrix,
    Scalar,
)

__all__ = ["CLAIMS"]

BOOK = "Arora et al., Theory of Deep Learning (draft)"
# Probabilities differ by a factor of up to ten.
ROWS, COLUMNS = Uniform("m", low=0.1, high=1.0), Uniform("k", low=0.1, high=1.0)


def _equal(weights):
    """Equal probabilities."""
    return jnp.ones_like(weights)


CLAIMS = (
    Claim(
        "drop.completion",
        statement="E_k,l,B (e_k' U B V' e_l - e_k' U V' e_l)^2 = "
        "lambda sum_jkl p_k q_l U_kj^2 V_lj^2, entry (k, l) seen with probability "
        "p_k q_l",
        analytic=analytic.regularizer,
        empirical=empirical.regularizer,
        domain=Domain(
            left=Matrix("m", "width", zero=True),
            right=Matrix("k", "width"),
            rows=ROWS,
            columns=COLUMNS,
            rate=Scalar(0, 0.9),
            m=Axis(3, 1),
            k=Axis(4),
            width=Axis(2, 1),
        ),
        source=f"{BOOK}, section 11.1.2, above (11.7)",
        controls=(
            Control(
                "all entries seen alike",
                lambda left, right, rows, columns, rate: analytic.regularizer(
                    left, right, _equal(rows), _equal(columns), rate
                ),
            ),
            Control(
                "without dropout of single units: the mean square of the product",
                lambda left, right, rows, columns, rate: (
                    rate
                    / (1 - rate)
                    * (rows / jnp.sum(rows))
                    @ (left @ right.T) ** 2
                    @ (columns / jnp.sum(columns))
                ),
            ),
            Control(
                "lambda = p in place of p / (1 - p)",
                lambda left, right, rows, columns, rate: analytic.regularizer(
                    left, right, rows, columns, rate / (1 + rate)
                ),
            ),
        ),
        notes="All entries and masks are summed.",
    ),
    Claim(
        "drop.completion_minimum",
        statement="min over U V' = M of sum_jkl p_k q_l U_kj^2 V_lj^2 = "
        "|P^(1/2) M Q^(1/2)|_*^2 / width, P = diag(p), Q = diag(q)",
        analytic=analytic.minimum,
        empirical=empirical.minimum,
        domain=Domain(
            product=Matrix("m", "k", zero=True),
            rows=ROWS,
            columns=COLUMNS,
            width=Choice(2, 3),
            m=Axis(2),
            k=Axis(3),
        ),
        relation=Bound("lower", attained=True, tolerance=1e-8, draws=48),
        source=f"{BOOK}, (11.7)",
        controls=(
            Control(
                "all entries seen alike",
                lambda product, rows, columns, width: analytic.minimum(
                    product, _equal(rows), _equal(columns), width
                ),
            ),
            Control(
                "probabilities in place of their square roots",
                lambda product, rows, columns, width: dropout_induced.minimum(
                    (rows / jnp.sum(rows))[:, None]
                    * product
                    * (columns / jnp.sum(columns))[None],
                    width,
                ),
            ),
            Control(
                "without 1 / width",
                lambda product, rows, columns, width: (
                    width * analytic.minimum(product, rows, columns, width)
                ),
            ),
        ),
        notes="Each draw is a search from random factors of M.",
    ),
    Claim(
        "drop.completion_rotation",
        statement="min over rotations T of sum_jkl p_k q_l (U T)_kj^2 (V T)_lj^2 = "
        "that of Gaussian sensors (drop.rotation) for P^(1/2) U and Q^(1/2) V, width 2",
        analytic=analytic.rotation_minimum,
        empirical=empirical.rotation_minimum,
        domain=Domain(
            left=Matrix("m", 2, zero=True),
            right=Matrix("k", 2),
            rows=ROWS,
            columns=COLUMNS,
            m=Axis(3),
            k=Axis(2),
        ),
        relation=Bound("lower", attained=True, tolerance=1e-8),
        source=f"derived here, to make the erratum of (11.7) of {BOOK} exact",
        controls=(
            Control(
                "all entries seen alike",
                lambda left, right, rows, columns: analytic.rotation_minimum(
                    left, right, _equal(rows), _equal(columns)
                ),
            ),
            Control(
                "the weighted nuclear norm, as if all factors could be reached",
                lambda left, right, rows, columns: analytic.minimum(
                    left @ right.T, rows, columns, 3
                ),
            ),
        ),
        errata=(
            Erratum(
                "E11.3",
                where="Theory of Deep Learning (draft), section 11.1.2, (11.7)",
                printed="a rotation of any factors reaches "
                "|P^(1/2) U V' Q^(1/2)|_*^2 / width",
                corrected="a rotation of the balanced factors of "
                "P^(1/2) M Q^(1/2) does",
                form=lambda left, right, rows, columns: analytic.minimum(
                    left @ right.T, rows, columns, 2
                ),
                at={  # 2 in place of 5/2, which every rotation gives
                    "left": [[1.0, 0.0], [0.0, 1.0]],
                    "right": [[3.0, 0.0], [0.0, 1.0]],
                    "rows": [0.5, 0.5],
                    "columns": [0.5, 0.5],
                },
            ),
        ),
    ),
)
