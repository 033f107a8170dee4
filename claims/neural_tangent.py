"""Claims: tangent kernels of two-layer and deep ReLU networks at initialization."""

import jax.numpy as jnp

from analytic import arc_cosine, neural_tangent as analytic
from empirical import neural_tangent as empirical
from tallystick import (
    Axis,
    Choice,
    Claim,
    Control,
    Domain,
    Erratum,
    Limit,
    Mean,
    Scalar,
    Vector,
)

__all__ = ["CLAIMS"]


def _layer_covariance(x, y, depth):
    """Covariance of the two inputs' activations after some hidden layers."""
    norms = jnp.linalg.norm(x) * jnp.linalg.norm(y)
    cosine = jnp.sum(x * y) / norms
    for _ in range(depth):
        theta = jnp.arccos(jnp.clip(cosine, -1, 1))
        cosine = (jnp.sin(theta) + (jnp.pi - theta) * jnp.cos(theta)) / jnp.pi
    return norms * cosine


def _product_too_long(x, y, depth):
    """The deep kernel with one factor more: the slopes after the last layer."""
    last = _layer_covariance(x, y, depth)
    cosine = last / (jnp.linalg.norm(x) * jnp.linalg.norm(y))
    after = 1 - jnp.arccos(jnp.clip(cosine, -1, 1)) / jnp.pi
    return analytic.deep(x, y, depth) * after


def _network(activations, depths):
    """Pairs of inputs in three dimensions, with variances of weights and biases."""
    return Domain(
        x=Vector("d"),
        y=Vector("d"),
        depth=Choice(*depths),
        activation=Choice(*activations),
        weight_variance=Scalar(1, 2),
        bias_variance=Scalar(0, 1),
        d=Axis(3),
    )


def _changed(form, **changes):
    """A network form with other settings."""

    def wrong(x, y, depth, activation, weight_variance, bias_variance):
        settings = {
            "depth": depth,
            "activation": activation,
            "weight_variance": weight_variance,
            "bias_variance": bias_variance,
        }
        return form(x, y, **{**settings, **changes})

    return wrong


def _untrained_biases(x, y, depth, activation, weight_variance, bias_variance):
    """Without the slopes in the last bias."""
    value = analytic.kernel(
        x,
        y,
        depth=depth,
        activation=activation,
        weight_variance=weight_variance,
        bias_variance=bias_variance,
    )
    return value - bias_variance


CLAIMS = (
    Claim(
        "ntk.first_layer",
        statement="E[df(x)/dW . df(y)/dW] = x.y (pi - theta) / (2 pi) at every width",
        analytic=analytic.first_layer,
        empirical=empirical.first_layer,
        domain=Domain(
            x=Vector("d", zero=True),
            y=Vector("d", zero=True),
            d=Axis(5, 1),
        ),
        relation=Mean(detectable=0.003),
        source="Theory of Deep Learning (draft), section 9.2, Problem 9.2.1, corrected",
        controls=(
            Control(
                "the kernel of the features",
                lambda x, y: arc_cosine.kernel(x, y, 1) / 2,
            ),
            Control(
                "the arc-cosine normalization, twice as large",
                lambda x, y: 2 * analytic.first_layer(x, y),
            ),
        ),
        errata=(
            Erratum(
                "E9.1",
                where="Theory of Deep Learning (draft), (9.8), Problem 9.2.1",
                printed="H*_ij = E[s'(w.x_i) s'(w.x_j)]",
                corrected="H*_ij = x_i.x_j E[s'(w.x_i) s'(w.x_j)]",
                form=lambda x, y: arc_cosine.kernel(x, y, 0) / 2,
                at={"x": [1.0, 0, 0], "y": [0.6, 0.8, 0]},
            ),
            Erratum(
                "E9.2",
                where="Theory of Deep Learning (draft), chapter 9, exercise 3",
                printed="H*_ij = (pi - arccos(x_i.x_j)) / (2 pi)",
                corrected="x_i.x_j (pi - arccos(x_i.x_j)) / (2 pi), which 3(a) expands",
                form=lambda x, y: (jnp.pi - jnp.arccos(jnp.sum(x * y))) / (2 * jnp.pi),
                at={"x": [1.0, 0, 0], "y": [0.6, 0.8, 0]},
            ),
        ),
    ),
    Claim(
        "ntk.first_layer_variance",
        statement="Var(df(x)/dW . df(y)/dW) = (x.y)^2 p (1 - p) / m, p = (pi - theta) "
        "/ (2 pi)",
        analytic=analytic.first_layer_variance,
        empirical=empirical.first_layer_variance,
        domain=Domain(
            x=Vector("d", zero=True),
            y=Vector("d", zero=True),
            width=Choice(1, 2),
            d=Axis(5, 1),
        ),
        relation=Mean(detectable=0.003),
        source="Theory of Deep Learning (draft), section 9.2, Lemma 9.2.2, made exact",
        controls=(
            Control(
                "without the factor 1 - p",
                lambda x, y, width: jnp.sum(x * y) * analytic.first_layer(x, y) / width,
            ),
            Control(
                "p as large as for the arc-cosine kernel",
                lambda x, y, width: (
                    jnp.sum(x * y) ** 2
                    * arc_cosine.kernel(x, y, 0)
                    * (1 - arc_cosine.kernel(x, y, 0))
                    / width
                ),
            ),
        ),
    ),
    Claim(
        "ntk.both_layers",
        statement="E[grad f(x) . grad f(y)] = [x.y (pi - theta) + |x| |y| (sin theta + "
        "(pi - theta) cos theta)] / (2 pi) at every width",
        analytic=analytic.both_layers,
        empirical=empirical.both_layers,
        domain=Domain(x=Vector("d", zero=True), y=Vector("d", zero=True), d=Axis(5, 1)),
        relation=Mean(detectable=0.003),
        source="Theory of Deep Learning (draft), section 9.4; Jacot et al. 2018",
        controls=(
            Control("the first layer alone", analytic.first_layer),
            Control("the read-out alone", lambda x, y: arc_cosine.kernel(x, y, 1) / 2),
            Control(
                "without the sine term", lambda x, y: 2 * analytic.first_layer(x, y)
            ),
        ),
    ),
    Claim(
        "ntk.deep",
        statement="E[grad f(x) . grad f(y)] -> Theta_L, Theta_h = Sigma_h + Sigma'_h "
        "Theta_(h-1), as the width grows",
        analytic=analytic.deep,
        empirical=empirical.deep,
        domain=Domain(x=Vector("d"), y=Vector("d"), depth=Choice(1, 2), d=Axis(3)),
        # After extrapolation from widths 4 and 8 no bias is left at depth 2 within
        # 0.006 standard deviations (1e5 draws at 30, 90, 150 and 180 degrees); without
        # it, width 4 is off by up to 0.3. Draws of networks are too dear for a tighter
        # tolerance.
        relation=Limit("width", sizes=(4, 8), rate=1.0, tolerance=0.03, bias=0.02),
        source="Theory of Deep Learning (draft), section 9.4, (9.15)-(9.17), corrected",
        controls=(
            Control(
                "the covariance of the last layer alone",
                lambda x, y, depth: _layer_covariance(x, y, depth),
            ),
            Control(
                "one layer less",
                lambda x, y, depth: (
                    jnp.sum(x * y) if depth == 1 else analytic.deep(x, y, depth - 1)
                ),
            ),
            Control(
                "without the gain 2 of each layer",
                lambda x, y, depth: analytic.deep(x, y, depth) / 2**depth,
            ),
        ),
        errata=(
            Erratum(
                "E9.11",
                where="Theory of Deep Learning (draft), section 9.4, the final display",
                printed="Theta = sum_h Sigma_(h-1) prod_(h'=h)^(L+1) Sigma'_h'",
                corrected="the product ends at L",
                form=_product_too_long,
                at={"x": [1.0, 0, 0], "y": [0, 1.0, 0], "depth": 1},
            ),
        ),
        notes="ReLU with the gain c = 2, which keeps norms; the first layer has no "
        "factor 1 / sqrt(d). Exact at every width for depth 1, biased like 1 / width "
        "beyond.",
    ),
    Claim(
        "nngp.deep",
        statement="E[f(x) f(y)] -> K_L, K_h = s E[phi(u) phi(v)] + b, (u, v) of "
        "covariance K_(h-1), as the width grows",
        analytic=analytic.covariance,
        empirical=empirical.covariance,
        domain=_network(("erf",), (2,)),  # `gram.covariance` has the ReLU.
        relation=Limit("width", sizes=(4, 8), rate=1.0, tolerance=0.03, bias=0.02),
        source="Lee et al., ICLR 2018, section 2.3; Theory of Deep Learning (draft), "
        "(9.15)",
        controls=(
            Control("without biases", _changed(analytic.covariance, bias_variance=0.0)),
            Control("one layer less", _changed(analytic.covariance, depth=1)),
            Control("the tangent kernel", _changed(analytic.kernel)),
        ),
    ),
    Claim(
        "ntk.kernel",
        statement="E[grad f(x) . grad f(y)] -> Theta_L, Theta_h = K_h + s E[phi'(u) "
        "phi'(v)] Theta_(h-1), as the width grows",
        analytic=analytic.kernel,
        empirical=empirical.kernel,
        # Bounded slopes keep the spread of a draw small; `gram.tangent` has the ReLU.
        domain=_network(("erf",), (2,)),
        relation=Limit("width", sizes=(4, 8), rate=1.0, tolerance=0.03, bias=0.02),
        source="Jacot, Gabriel & Hongler, NeurIPS 2018, section 4, with trained biases",
        controls=(
            Control("without biases", _changed(analytic.kernel, bias_variance=0.0)),
            Control("the last bias is not trained", _untrained_biases),
            Control("the covariance alone", _changed(analytic.covariance)),
        ),
    ),
)
