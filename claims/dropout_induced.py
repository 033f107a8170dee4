"""Claims: the regularizer that dropout induces, and the factors that reach it."""

import jax.numpy as jnp

from analytic import dropout_induced as analytic
from empirical import dropout_induced as empirical
from tallystick import (
    Axis,
    Bound,
    Choice,
    Claim,
    Control,
    Domain,
    Erratum,
    Identity,
    Matrix,
)

__all__ = ["CLAIMS"]

BOOK = "Arora et al., Theory of Deep Learning (draft)"


def _traces(left, right):
    """The regularizer of columns of equal norms."""
    return jnp.sum(left**2) * jnp.sum(right**2) / 2


CLAIMS = (
    Claim(
        "drop.nuclear",
        statement="min over U V' = M of sum_j |u_j|^2 |v_j|^2 = |M|_*^2 / width",
        analytic=analytic.minimum,
        empirical=empirical.minimum,
        domain=Domain(
            product=Matrix("m", "k", zero=True),
            width=Choice(3, 4),
            m=Axis(3),
            k=Axis(4, 1),
        ),
        # Half of the searches end at rounding, and only the best counts.
        relation=Bound("lower", attained=True, tolerance=1e-8),
        source=f"{BOOK}, (11.6)",
        controls=(
            Control(
                "the Frobenius norm in place of the nuclear norm",
                lambda product, width: jnp.sum(product**2) / width,
            ),
            Control(
                "without 1 / width",
                lambda product, width: width * analytic.minimum(product, width),
            ),
            Control(
                "the sum of the squared norms, as for weight decay: |M|_*",
                lambda product, width: jnp.sum(
                    jnp.linalg.svd(product, compute_uv=False)
                ),
            ),
        ),
        notes="Each draw is a search from random factors of M.",
    ),
    Claim(
        "drop.equalise",
        statement="width - 1 plane rotations of the balanced factors of M give columns "
        "with |u_j|^2 = |v_j|^2 = |M|_* / width for every j",
        analytic=analytic.squared_norms,
        empirical=empirical.squared_norms,
        domain=Domain(
            product=Matrix("m", "k", zero=True),
            width=Choice(3, 5),
            m=Axis(3),
            k=Axis(4, 1),
        ),
        relation=Identity(),
        source=f"{BOOK}, Theorem 11.1.1, for the balanced factors of its proof",
        controls=(
            Control(
                "the mean over the rank in place of the width",
                lambda product, width: (
                    analytic.squared_norms(product, width) * width / min(product.shape)
                ),
            ),
            Control(
                "the columns before the rotations: the singular values",
                lambda product, width: jnp.tile(
                    jnp.pad(
                        jnp.linalg.svd(product, compute_uv=False),
                        (0, width - min(product.shape)),
                    ),
                    (2, 1),
                ),
            ),
            Control(
                "the Frobenius norm in place of the nuclear norm",
                lambda product, width: jnp.full(
                    (2, width), jnp.sqrt(jnp.sum(product**2)) / width
                ),
            ),
        ),
        errata=(
            Erratum(
                "E11.4",
                where="Theory of Deep Learning (draft), proof of Theorem 11.1.1",
                printed="the r columns of the balanced factors are rotated, r the "
                "rank: |M|_* / r each",
                corrected="they are padded with zero columns first: |M|_* / width each",
                form=lambda product, width: jnp.tile(
                    jnp.pad(
                        analytic.squared_norms(product, min(product.shape))[0],
                        (0, width - min(product.shape)),
                    ),
                    (2, 1),
                ),
                at={  # 2, 2, 0 in place of 4/3 each
                    "product": [[3.0, 0.0], [0.0, 1.0]],
                    "width": 3,
                },
            ),
        ),
    ),
    Claim(
        "drop.rotation",
        statement="min over rotations Q of sum_j |(U Q)_j|^2 |(V Q)_j|^2 = "
        "tr A tr B / 2 + (<A_0, B_0> - |A_0| |B_0|) / 2 for width 2, A = U' U, "
        "B = V' V, the 0 marking traceless parts",
        analytic=analytic.rotation_minimum,
        empirical=empirical.rotation_minimum,
        domain=Domain(
            left=Matrix("m", 2, zero=True),
            right=Matrix("k", 2, zero=True),
            m=Axis(3, 1),
            k=Axis(4),
        ),
        relation=Bound("lower", attained=True, tolerance=1e-8),
        source=f"derived here, to make the erratum of Theorem 11.1.1 of {BOOK} exact",
        controls=(
            Control("columns of equal norms", _traces),
            Control(
                "the nuclear norm, as if all factors could be reached",
                lambda left, right: analytic.minimum(left @ right.T, 4),
            ),
            Control(
                "half of the traceless part",
                lambda left, right: (
                    (analytic.rotation_minimum(left, right) + _traces(left, right)) / 2
                ),
            ),
        ),
        errata=(
            Erratum(
                "E11.2",
                where="Theory of Deep Learning (draft), Theorem 11.1.1",
                printed="a rotation of any factors reaches |U V'|_*^2 / width",
                corrected="a rotation of the balanced factors does",
                form=lambda left, right: analytic.minimum(left @ right.T, 2),
                at={  # 8 in place of 10, which every rotation gives
                    "left": [[1.0, 0.0], [0.0, 1.0]],
                    "right": [[3.0, 0.0], [0.0, 1.0]],
                },
            ),
        ),
    ),
)
