"""Claims: what a two-layer linear network learns with dropout: a shrunk map."""

import jax.numpy as jnp

from analytic import dropout_shrinkage as analytic
from empirical import dropout_shrinkage as empirical
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
    Scalar,
)

__all__ = ["CLAIMS"]

BOOK = "Arora et al., Theory of Deep Learning (draft)"
MIANJY = "Mianjy, Arora & Vidal, ICML 2018"


def _of_any_rank(product, factor, rate, width):
    """The least loss if the map could have a larger rank than the width."""
    # Only lambda / width counts, but for the rank.
    added = 4 * rate / (1 - rate)
    return analytic.minimum(product, factor, added / (1 + added), 4 * width)


def _scaled(product, factor, rate, width):
    """The map of least loss among the multiples of M, for M of rank one."""
    return product / (1 + rate / (1 - rate) / width)


SPACES = {
    "factor": Matrix("d", "d"),
    "rate": Scalar(0, 0.9),
    "width": Choice(2, 1),
    "m": Axis(3, 1),
    "d": Axis(2),
}

CLAIMS = (
    Claim(
        "drop.svt_untied",
        statement="min over U, V of E_x,B |M x - U B V' x|^2 = "
        "alpha (s_1 + ... + s_rho) + sum over i > rho of s_i^2, s the singular values "
        "of M S, E x x' = S S', alpha = lambda (s_1 + ... + s_rho) / "
        "(width + lambda rho)",
        analytic=analytic.minimum,
        empirical=empirical.minimum,
        domain=Domain(product=Matrix("m", "d", zero=True), **SPACES),
        # Every search of 10,000 ended at rounding; the share is far below that.
        relation=Bound("lower", attained=True, tolerance=1e-8, draws=16, share=0.9),
        source=f"{MIANJY}; {BOOK}, section 11.1.1",
        controls=(
            Control(
                "the regularizer at M itself: lambda |M S|_*^2 / width",
                lambda product, factor, rate, width: (
                    rate
                    / (1 - rate)
                    / width
                    * jnp.sum(jnp.linalg.svd(product @ factor, compute_uv=False)) ** 2
                ),
            ),
            Control(
                "lambda = p in place of p / (1 - p)",
                lambda product, factor, rate, width: analytic.minimum(
                    product, factor, rate / (1 + rate), width
                ),
            ),
            Control(
                "the singular values of M in place of M S",
                lambda product, factor, rate, width: analytic.minimum(
                    product, jnp.eye(len(factor)), rate, width
                ),
            ),
        ),
        errata=(
            Erratum(
                "E11.5",
                where="Theory of Deep Learning (draft), (11.6)",
                printed="Theta(M) = |M|_*^2 / width for every M, so that all singular "
                "values are thresholded",
                corrected="Theta(M) is infinite where the rank of M exceeds the width, "
                "so that only the first `width` are",
                form=_of_any_rank,
                at={
                    "product": [[1.0, 0.0], [0.0, 0.99]],
                    "factor": [[1.0, 0.0], [0.0, 1.0]],
                    "rate": 1 / 21,  # lambda = 0.05
                    "width": 1,
                },
            ),
        ),
        notes="Each draw trains both layers from a random start, on all masks. With "
        "S = I the loss is that of matrix sensing with Gaussian sensors.",
    ),
    Claim(
        "drop.svt_untied_minimizer",
        statement="argmin of E_x,B |M x - U B V' x|^2 = U V' = M S with its singular "
        "values less alpha, those beyond rho 0, times S^-1",
        analytic=analytic.minimizer,
        empirical=empirical.minimizer,
        # At zero, and near a threshold, the loss is flat and the search is slow.
        domain=Domain(product=Matrix("m", "d"), **SPACES),
        relation=Identity(tolerance=1e-6, draws=4),
        source=f"{MIANJY}; {BOOK}, section 11.1.1",
        controls=(
            Control(
                "M itself",
                lambda product, factor, rate, width: product,
            ),
            Control(
                "the singular values of M in place of M S",
                lambda product, factor, rate, width: analytic.minimizer(
                    product, jnp.eye(len(factor)), rate, width
                ),
            ),
            Control(
                "lambda = p in place of p / (1 - p)",
                lambda product, factor, rate, width: analytic.minimizer(
                    product, factor, rate / (1 + rate), width
                ),
            ),
        ),
        errata=(
            Erratum(
                "E11.21",
                where="Theory of Deep Learning (draft), section 11.4",
                printed="dropout on a linear network only scales the map: "
                "M / (1 + lambda / width)",
                corrected="the singular values are shrunk and thresholded; the map is "
                "only scaled if it has rank one",
                form=_scaled,
                at={  # (2, 1.33) in place of (1.75, 0.75)
                    "product": [[3.0, 0.0], [0.0, 2.0]],
                    "factor": [[1.0, 0.0], [0.0, 1.0]],
                    "rate": 0.5,
                    "width": 2,
                },
            ),
        ),
        notes="Each draw trains both layers from a random start, on all masks.",
    ),
)
