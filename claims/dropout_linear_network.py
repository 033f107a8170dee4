"""Claims: dropout on every hidden layer of a deep linear network."""

import jax.numpy as jnp

from analytic import dropout_linear_network as analytic
from empirical import dropout_linear_network as empirical
from tallystick import (
    Axis,
    Bound,
    Choice,
    Claim,
    Control,
    Domain,
    Identity,
    Matrix,
    Scalar,
)

__all__ = ["CLAIMS"]

BOOK = "Arora et al., Theory of Deep Learning (draft)"
MIANJY = "Mianjy & Arora, ICML 2019"


def _one_layer_at_a_time(inner, middle, readout, factor, rate):
    """The terms of first order in lambda: what each layer alone adds."""
    tiny = 1e-6
    slope = analytic.regularizer(inner, middle, readout, factor, jnp.asarray(tiny))
    return rate / (1 - rate) * slope / (tiny / (1 - tiny))


def _with_excess(excess):
    """The bound with another factor in place of nu."""

    def wrong(product, factor, rate, widths):
        nuclear = jnp.sum(jnp.linalg.svd(product @ factor, compute_uv=False))
        return excess(rate / (1 - rate), widths) * nuclear**2

    return wrong


def _sum(added, widths):
    """The sum of lambda / d_l, without the products."""
    return sum(added / width for width in widths)


def _divided(form):
    """Least squares divided by another factor."""

    def wrong(inputs, targets, rate, widths):
        plain = analytic.scalar_minimizer(inputs, targets, 0 * rate, widths)
        return plain / form(rate / (1 - rate), widths)

    return wrong


CLAIMS = (
    Claim(
        "drop.dln_explicit",
        statement="E_x,B |W3 B2 W2 B1 W1 x - W3 W2 W1 x|^2 = "
        "lambda sum_j |(W3 W2)_j|^2 a_j + lambda sum_k |W3_k|^2 b_k + "
        "lambda^2 sum_jk |W3_k|^2 (W2_kj)^2 a_j, a_j = E (W1 x)_j^2, "
        "b_k = E (W2 W1 x)_k^2",
        analytic=analytic.regularizer,
        empirical=empirical.regularizer,
        domain=Domain(
            inner=Matrix("first", "d", zero=True),
            middle=Matrix("second", "first"),
            readout=Matrix("out", "second"),
            factor=Matrix("d", "d"),
            rate=Scalar(0, 0.9),
            d=Axis(2),
            first=Axis(3),
            second=Axis(4, 1),
            out=Axis(2),
        ),
        source=f"{MIANJY}, for two hidden layers",
        controls=(
            Control("without the term of both layers", _one_layer_at_a_time),
            Control(
                "lambda = p in place of p / (1 - p)",
                lambda inner, middle, readout, factor, rate: analytic.regularizer(
                    inner, middle, readout, factor, rate / (1 + rate)
                ),
            ),
            Control(
                "inputs with E x x' = I",
                lambda inner, middle, readout, factor, rate: analytic.regularizer(
                    inner, middle, readout, jnp.eye(len(factor)), rate
                ),
            ),
        ),
        notes="All masks and all inputs, S times signs, are summed.",
    ),
    Claim(
        "drop.dln_lower",
        statement="min over networks of the map M of what dropout adds = "
        "nu |M S|_*^2, nu = prod_l (1 + lambda / d_l) - 1, E x x' = S S', "
        "M of one output",
        analytic=analytic.minimum,
        empirical=empirical.minimum,
        domain=Domain(
            product=Matrix("m", "d"),
            factor=Matrix("d", "d"),
            rate=Scalar(0, 0.9),
            widths=Choice((2, 2), (1, 3)),
            m=Axis(1),
            d=Axis(2),
        ),
        relation=Bound("lower", attained=True, tolerance=1e-8, share=0.4),
        source=MIANJY,
        controls=(
            Control(
                "the sum of lambda / d_l in place of nu",
                _with_excess(_sum),
            ),
            Control(
                "lambda / d_1 in place of nu: the first layer alone",
                _with_excess(lambda added, widths: added / widths[0]),
            ),
            Control(
                "all hidden units as one layer",
                _with_excess(lambda added, widths: added / sum(widths)),
            ),
        ),
        notes="Each draw is a search among the networks of M. The bound holds for "
        "every M, and is reached if M S has rank one; for a higher rank and two hidden "
        "layers it need not be.",
    ),
    Claim(
        "drop.dln_lower_one_layer",
        statement="min over U V' = M of what dropout adds = (lambda / width) |M S|_*^2"
        ", E x x' = S S'",
        analytic=analytic.minimum,
        empirical=empirical.minimum,
        domain=Domain(
            product=Matrix("m", "d"),
            factor=Matrix("d", "d"),
            rate=Scalar(0, 0.9),
            widths=Choice((2,), (3,)),
            m=Axis(2),
            d=Axis(2),
        ),
        relation=Bound("lower", attained=True, tolerance=1e-8, draws=48),
        source=f"{MIANJY}; {BOOK}, (11.6)",
        controls=(
            Control(
                "M in place of M S",
                lambda product, factor, rate, widths: analytic.minimum(
                    product, jnp.eye(len(factor)), rate, widths
                ),
            ),
            Control(
                "the Frobenius norm in place of the nuclear norm",
                lambda product, factor, rate, widths: (
                    rate / (1 - rate) / widths[0] * jnp.sum((product @ factor) ** 2)
                ),
            ),
        ),
        notes="Each draw is a search among the factors of M.",
    ),
    Claim(
        "drop.dln_scalar",
        statement="argmin of the mean loss of a deep linear network with one output = "
        "least squares / (1 + nu), nu = prod_l (1 + lambda / d_l) - 1",
        analytic=analytic.scalar_minimizer,
        empirical=empirical.scalar_minimizer,
        domain=Domain(
            inputs=Matrix("n", "d"),
            targets=Matrix("n"),
            rate=Scalar(0, 0.9),
            widths=Choice((2, 1), (2,)),
            n=Axis(5),
            d=Axis(2),
        ),
        relation=Identity(tolerance=1e-6, draws=2),
        source=f"{BOOK}, section 11.4",
        controls=(
            Control("least squares", _divided(lambda added, widths: 1)),
            Control(
                "the sum of lambda / d_l in place of nu",
                _divided(lambda added, widths: 1 + _sum(added, widths)),
            ),
        ),
        notes="Each draw is the best of a few trainings on all samples and all masks.",
    ),
)
