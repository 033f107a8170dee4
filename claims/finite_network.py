"""Claims: gradients and moments of random ReLU networks at every width."""

import jax.numpy as jnp

from analytic import finite_network as analytic
from empirical import finite_network as empirical
from tallystick import (
    Axis,
    Choice,
    Claim,
    Control,
    Domain,
    Identity,
    Matrix,
    Mean,
    MeanBound,
    Scalar,
    Vector,
)

__all__ = ["CLAIMS"]


def _scaled(x, first, others, readout):
    """The gain of one layer forgotten on the way back."""
    return analytic.backprop(x, first, others, readout) * jnp.sqrt(len(readout) / 2)


def _not_transposed(x, first, others, readout):
    """The matrices not transposed on the way back."""
    size = first.size + others.size
    right = analytic.backprop(x, first, others, readout)
    wrong = analytic.backprop(x, first, jnp.swapaxes(others, 1, 2), readout)
    return jnp.concatenate([wrong[:size], right[size:]])


CLAIMS = (
    Claim(
        "ntk.backprop",
        statement="df/dW_h = b_h g_(h-1)', b_h = (2/m)^(1/2) D_h W_(h+1)' b_(h+1), "
        "b_L = (2/m)^(1/2) D_L a",
        analytic=analytic.backprop,
        empirical=empirical.backprop,
        domain=Domain(
            x=Vector("d", zero=True),
            first=Matrix("m", "d"),
            others=Matrix(2, "m", "m"),
            readout=Matrix("m"),
            d=Axis(3),
            m=Axis(4),
        ),
        relation=Identity(),
        source="Theory of Deep Learning (draft), section 9.4, (9.13) and (9.14)",
        controls=(
            Control("without one gain (2/m)^(1/2)", _scaled),
            Control("W in place of its transpose", _not_transposed),
        ),
    ),
    Claim(
        "ntk.diagonal",
        statement="E|grad f(x)|^2 = (L + 1) |x|^2 at every width, for slopes alpha and "
        "beta with the gain 2 / (alpha^2 + beta^2)",
        analytic=analytic.diagonal,
        empirical=empirical.diagonal,
        domain=Domain(
            x=Vector("d"),
            depth=Choice(1, 2),
            negative=Scalar(-1, 0.5),
            positive=Scalar(0.75, 1.5),
            d=Axis(2),
        ),
        relation=Mean(detectable=0.003),
        source="Hanin & Nica, ICLR 2020; Theory of Deep Learning (draft), (9.17)",
        controls=(
            Control(
                "L in place of L + 1",
                lambda x, depth, negative, positive: depth * jnp.sum(x * x),
            ),
            Control(
                "the gain 2 of the ReLU",
                lambda x, depth, negative, positive: (
                    (depth + 1)
                    * jnp.sum(x * x)
                    * ((negative**2 + positive**2) / 2) ** depth
                ),
            ),
        ),
    ),
    Claim(
        "nngp.norm_preservation",
        statement="E|g_h|^2 = |x|^2 at every width, g_h = (2/m)^(1/2) (W_h g_(h-1))_+",
        analytic=analytic.norm_square,
        empirical=empirical.norm_square,
        domain=Domain(x=Vector("d", zero=True), depth=Choice(1, 2), d=Axis(3, 1)),
        relation=Mean(detectable=0.003),
        source="Theory of Deep Learning (draft), section 9.4, with c = 2",
        controls=(
            Control(
                "without the gain 2",
                lambda x, depth: jnp.sum(x * x) / 2**depth,
            ),
            Control("the norm, not squared", lambda x, depth: jnp.linalg.norm(x)),
        ),
    ),
    Claim(
        "nngp.kurtosis",
        statement="E f^4 - 3 (E f^2)^2 = (6 E a^4 - 3) |x|^4 / (4 m): excess kurtosis "
        "3 / m for signs a, 15 / m for normal a",
        analytic=analytic.fourth_cumulant,
        empirical=empirical.fourth_cumulant,
        # Fourth powers of the inputs would leave those of small norm in the noise.
        domain=Domain(
            x=Vector("d", norm=(0.8, 1.25)),
            width=2,
            fourth_moment=Choice(1, 3),
            d=Axis(2),
        ),
        relation=Mean(detectable=0.003),
        source="Theory of Deep Learning (draft), section 9.2; cumulants of sums",
        controls=(
            Control(
                "a normal law",
                lambda x, width, fourth_moment: 0 * jnp.sum(x * x),
            ),
            Control(
                "not divided by the width",
                lambda x, width, fourth_moment: (
                    width * analytic.fourth_cumulant(x, width, fourth_moment)
                ),
            ),
            Control(
                "the moments of a linear unit",
                lambda x, width, fourth_moment: (
                    (3 * fourth_moment - 3) * jnp.sum(x * x) ** 2 / (4 * width)
                ),
            ),
        ),
    ),
    Claim(
        "ntk.hoeffding_width",
        statement=(
            "P(|H - E H| > e) <= 2 n^2 exp(-m e^2 / (2 n^2)) for the tangent kernel H"
            " of the first layer at n unit inputs: m >= 2 n^2 log(2 n^2 / delta) / e^2"
            " units keep it within e with probability 1 - delta"
        ),
        analytic=analytic.deviation_bound,
        empirical=empirical.deviation_bound,
        domain=Domain(
            angles=Vector("n", zero=True),
            deviation=Scalar(0.5, 0.8),
            width=Choice(64),
            n=Axis(4),
        ),
        source="Theory of Deep Learning (draft), Lemma 9.2.2, with its constant",
        relation=MeanBound("upper"),
        notes=(
            "A bound that is never reached: smaller ones hold as well, so that only"
            " forms that are too small by orders of magnitude are refused. Equal inputs"
            " (angles zero) come closest."
        ),
        controls=(
            Control(
                "without n^2 in the exponent",
                lambda angles, deviation, width: (
                    2 * len(angles) ** 2 * jnp.exp(-width * deviation**2 / 2)
                ),
            ),
            Control(
                "the bound of one entry alone",
                lambda angles, deviation, width: 2 * jnp.exp(-2 * width * deviation**2),
            ),
        ),
    ),
)
