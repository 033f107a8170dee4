"""Claims: Gram matrices of the kernels of infinitely wide ReLU networks."""

import jax.numpy as jnp

from analytic import gram as analytic
from empirical import gram as empirical
from tallystick import Axis, Choice, Claim, Control, Domain, Limit, Matrix, Scalar

__all__ = ["CLAIMS"]

NETWORKS = "Jacot, Gabriel & Hongler, NeurIPS 2018, section 4, with trained biases"


def _domain(depths, others):
    """Inputs in three dimensions; `others` is the number of rows of y."""
    return Domain(
        x=Matrix("n", "d"),
        y=Matrix("m", "d"),
        depth=Choice(*depths),
        weight_variance=Scalar(1, 2),
        bias_variance=Scalar(0, 1),
        n=Axis(1),
        m=Axis(others),
        d=Axis(3),
    )


def _without_biases(form):
    """The form of a network without biases."""

    def wrong(x, y, depth, weight_variance, bias_variance):
        return form(x, y, depth=depth, weight_variance=weight_variance)

    return wrong


def _with_gain_two(form):
    """The form with the weight variance that keeps norms."""

    def wrong(x, y, depth, weight_variance, bias_variance):
        return form(x, y, depth=depth, bias_variance=bias_variance)

    return wrong


def _untrained_biases(x, y, depth, weight_variance, bias_variance):
    """The tangent kernel at depth 1 without the slopes in the last bias."""
    kernel = analytic.tangent(
        x,
        y,
        depth=depth,
        weight_variance=weight_variance,
        bias_variance=bias_variance,
    )
    return kernel - jnp.asarray(bias_variance)


CLAIMS = (
    Claim(
        "gram.covariance",
        statement="E[f(x_i) f(y_j)] -> K_L, K_h = (s/2) |K_(h-1)| J_1(theta) / pi + b,"
        " as the width grows",
        analytic=analytic.covariance,
        empirical=empirical.covariance,
        domain=_domain(depths=(1, 2), others=2),
        relation=Limit("width", sizes=(4, 8), rate=1.0, tolerance=0.03, bias=0.02),
        source="Lee et al., ICLR 2018, section 2.3; Cho & Saul 2009, section 2.3",
        controls=(
            Control("without biases", _without_biases(analytic.covariance)),
            Control("weight variance 2", _with_gain_two(analytic.covariance)),
        ),
    ),
    Claim(
        "gram.tangent",
        statement="E[grad f(x_i) . grad f(y_j)] -> Theta_L, Theta_h = K_h + (s/2)"
        " (1 - theta/pi) Theta_(h-1), as the width grows",
        analytic=analytic.tangent,
        empirical=empirical.tangent,
        # Gradients of networks are dear: depth 1 is the business of `ntk.both_layers`.
        domain=_domain(depths=(2,), others=1),
        relation=Limit("width", sizes=(4, 8), rate=1.0, tolerance=0.03, bias=0.02),
        source=NETWORKS,
        controls=(
            Control("without biases", _without_biases(analytic.tangent)),
            Control("weight variance 2", _with_gain_two(analytic.tangent)),
            Control("the last bias is not trained", _untrained_biases),
        ),
    ),
)
