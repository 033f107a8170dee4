"""Claims: what dropout adds to the mean loss, and where that moves the minimizer."""

import functools

import jax.numpy as jnp

from analytic import dropout as analytic
from claims._mask import with_variance
from empirical import dropout as empirical
from tallystick import (
    Axis,
    Choice,
    Claim,
    Control,
    Domain,
    Erratum,
    Identity,
    Matrix,
    Mean,
    Scalar,
)

__all__ = ["CLAIMS"]

BOOK = "Arora et al., Theory of Deep Learning (draft)"
SAMPLES = 5


def _with_unit(form, unit):
    """A form at a fixed unit, whatever the unit asked for."""

    @functools.wraps(form)
    def wrong(**given):
        return form(**{**given, "unit": unit})

    return wrong


REGRESSION = {
    "inputs": Matrix("n", "d"),
    "targets": Matrix("n", zero=True),
    "rate": Scalar(0, 0.9),
    "n": Axis(SAMPLES),
    "d": Axis(3, 1),
}
# Inputs with X' X / n = [[1, 1/2], [1/2, 1]], targets X (1, 1), and lambda = 1.
CORRELATED = {
    "inputs": [[2**0.5, 0.5**0.5], [0.0, 1.5**0.5]],
    "targets": [2**0.5 + 0.5**0.5, 1.5**0.5],
    "rate": 0.5,
    "unit": "coordinate",
}

CLAIMS = (
    Claim(
        "drop.sensing",
        statement="mean over i, B of (y_i - <U B V', A_i>)^2 = mean over i of "
        "(y_i - <U V', A_i>)^2 + lambda sum_j (u_j' A_i v_j)^2, lambda = p / (1 - p)",
        analytic=analytic.sensing_loss,
        empirical=empirical.sensing_loss,
        domain=Domain(
            left=Matrix("m", "width", zero=True),
            right=Matrix("k", "width"),
            sensors=Matrix("n", "m", "k"),
            targets=Matrix("n"),
            rate=Scalar(0, 0.9),
            n=Axis(SAMPLES),
            m=Axis(3),
            k=Axis(4),
            width=Axis(4, 1),
        ),
        source=f"{BOOK}, (11.2)-(11.4)",
        controls=(
            Control(
                "lambda = p in place of p / (1 - p)",
                with_variance(analytic.sensing_loss, lambda rate: rate),
            ),
            Control(
                "lambda left out",
                with_variance(analytic.sensing_loss, lambda rate: 1),
            ),
        ),
        errata=(
            Erratum(
                "E11.6",
                where="Theory of Deep Learning (draft), (11.3) and Proposition 11.2.1",
                printed="L + lambda R, with the R of Proposition 11.2.1, which "
                "contains lambda",
                corrected="L + lambda R, with the R of (11.3), which does not",
                form=with_variance(
                    analytic.sensing_loss, lambda rate: (rate / (1 - rate)) ** 2
                ),
                at={  # 10 in place of 4
                    "left": [[1.0]],
                    "right": [[1.0]],
                    "sensors": [[[1.0]]],
                    "targets": [0.0],
                    "rate": 0.75,
                },
            ),
        ),
        notes="All masks are summed. The regularizer of (11.3) leaves lambda out.",
    ),
    Claim(
        "drop.deep_regression",
        statement="mean over i, B of |y_i - W B a_i|^2 = mean over i of "
        "|y_i - W a_i|^2 + lambda sum_j |W_j|^2 a_ij^2, a_i the last hidden layer",
        analytic=analytic.network_loss,
        empirical=empirical.network_loss,
        domain=Domain(
            inner=Matrix("hidden", "d"),
            outer=Matrix("width", "hidden", zero=True),
            readout=Matrix("out", "width"),
            inputs=Matrix("n", "d"),
            targets=Matrix("n", "out"),
            rate=Scalar(0, 0.9),
            n=Axis(SAMPLES),
            d=Axis(3),
            hidden=Axis(4),
            width=Axis(6, 1),
            out=Axis(2),
        ),
        source=f"{BOOK}, Proposition 11.2.1",
        controls=(
            Control(
                "lambda = p (1 - p), the variance of a mask that is not divided",
                with_variance(analytic.network_loss, lambda rate: rate * (1 - rate)),
            ),
            Control(
                "a regularizer summed over the samples, without 1 / n",
                with_variance(
                    analytic.network_loss, lambda rate: SAMPLES * rate / (1 - rate)
                ),
            ),
        ),
        notes="All masks are summed. The book's regularizer contains lambda here, and "
        "does not in (11.3) (E11.6).",
    ),
    Claim(
        "drop.path_norm",
        statement="E_x,B |W B relu(V x) - W relu(V x)|^2 = "
        "(lambda / 2) sum_ijk W_ij^2 V_jk^2, x symmetric with E x x' = I",
        analytic=analytic.path_regularizer,
        empirical=empirical.path_regularizer,
        domain=Domain(
            inner=Matrix("width", "d"),
            readout=Matrix("out", "width"),
            # Near 0 and 1 a few draws carry the mean, which sampling cannot decide.
            rate=Scalar(0.1, 0.6),
            width=Axis(4, 1),
            d=Axis(3, 1),
            out=Axis(2),
        ),
        relation=Mean(detectable=0.003),
        source=f"{BOOK}, Proposition 11.2.2",
        controls=(
            Control(
                "without 1/2: every unit active at every input",
                lambda inner, readout, rate: (
                    2 * analytic.path_regularizer(inner, readout, rate)
                ),
            ),
            Control(
                "lambda = p in place of p / (1 - p)",
                with_variance(analytic.path_regularizer, lambda rate: rate),
            ),
            Control(
                "the product of the squared norms of both layers",
                lambda inner, readout, rate: (
                    rate / (1 - rate) / 2 * jnp.sum(inner**2) * jnp.sum(readout**2)
                ),
            ),
        ),
        errata=(
            Erratum(
                "E11.8",
                where="Theory of Deep Learning (draft), proof of Proposition 11.2.2",
                printed="R = lambda sum_j E a_j(x)^2",
                corrected="R = lambda sum_j |W_j|^2 E a_j(x)^2",
                form=lambda inner, readout, rate: (
                    rate / (1 - rate) / 2 * jnp.sum(inner**2)
                ),
                at={
                    "inner": [[1.0, 0.0], [0.0, 1.0]],
                    "readout": [[1.0, 3.0]],
                    "rate": 0.5,
                },
            ),
        ),
        notes="Inputs are standard normal. Symmetry is needed: centered exponential "
        "inputs give 0.92 times the formula.",
    ),
    Claim(
        "drop.linreg_coordinate",
        statement="mean over i, B of (y_i - u' B x_i)^2 = L(u) + lambda u' diag(C) u, "
        "C = X' X / n, each coordinate of each sample masked",
        analytic=analytic.regression_loss,
        empirical=empirical.regression_loss,
        domain=Domain(weights=Matrix("d"), unit=Choice("coordinate"), **REGRESSION),
        source=f"{BOOK}, section 11.4; Srivastava et al. 2014, section 9.1",
        controls=(
            Control(
                "lambda = p in place of p / (1 - p)",
                with_variance(analytic.regression_loss, lambda rate: rate),
            ),
            Control(
                "X' X in place of X' X / n",
                with_variance(
                    analytic.regression_loss, lambda rate: SAMPLES * rate / (1 - rate)
                ),
            ),
        ),
        errata=(
            Erratum(
                "E11.20",
                where="Theory of Deep Learning (draft), section 11.4",
                printed="L(u) + lambda u' C u",
                corrected="L(u) + lambda u' diag(C) u",
                form=_with_unit(analytic.regression_loss, "prediction"),
                at={"weights": [1.0, 1.0], **CORRELATED},  # 3 in place of 2
            ),
        ),
        notes="All masks are summed. Both forms of E11.20 agree where C is diagonal.",
    ),
    Claim(
        "drop.linreg_scalar",
        statement="mean over i, b of (y_i - b_i u' x_i)^2 = L(u) + lambda u' C u, "
        "C = X' X / n, the prediction of each sample masked",
        analytic=analytic.regression_loss,
        empirical=empirical.regression_loss,
        domain=Domain(weights=Matrix("d"), unit=Choice("prediction"), **REGRESSION),
        source=f"{BOOK}, section 11.4",
        controls=(
            Control(
                "diag(C) in place of C",
                _with_unit(analytic.regression_loss, "coordinate"),
            ),
            Control(
                "lambda = 1 / (1 - p), the mean square of the mask",
                with_variance(analytic.regression_loss, lambda rate: 1 / (1 - rate)),
            ),
        ),
        notes="All masks are summed.",
    ),
    Claim(
        "drop.linreg_coordinate_minimizer",
        statement="(X' X + lambda diag(X' X)) u = X' y where the mean loss with masked "
        "coordinates is least",
        analytic=analytic.minimizer,
        empirical=empirical.minimizer,
        domain=Domain(unit=Choice("coordinate"), **REGRESSION),
        relation=Identity(),
        source=f"{BOOK}, section 11.4; Srivastava et al. 2014, section 9.1",
        controls=(
            Control(
                "plain ridge regression",
                lambda inputs, targets, rate, unit: jnp.linalg.solve(
                    inputs.T @ inputs + rate / (1 - rate) * jnp.eye(inputs.shape[1]),
                    inputs.T @ targets,
                ),
            ),
            Control(
                "lambda = p in place of p / (1 - p)",
                with_variance(analytic.minimizer, lambda rate: rate),
            ),
        ),
        errata=(
            Erratum(
                "E11.20",
                where="Theory of Deep Learning (draft), section 11.4",
                printed="(1 + lambda) X' X u = X' y",
                corrected="(X' X + lambda diag(X' X)) u = X' y",
                form=_with_unit(analytic.minimizer, "prediction"),
                at=CORRELATED,  # (1/2, 1/2) in place of (3/5, 3/5)
            ),
        ),
    ),
    Claim(
        "drop.linreg_scalar_minimizer",
        statement="(1 + lambda) X' X u = X' y where the mean loss with masked "
        "predictions is least: 1 - p times ordinary least squares",
        analytic=analytic.minimizer,
        empirical=empirical.minimizer,
        domain=Domain(unit=Choice("prediction"), **REGRESSION),
        relation=Identity(),
        source=f"{BOOK}, section 11.4",
        controls=(
            Control(
                "ordinary least squares",
                with_variance(analytic.minimizer, lambda rate: 0 * rate),
            ),
            Control(
                "the minimizer with masked coordinates",
                _with_unit(analytic.minimizer, "coordinate"),
            ),
        ),
    ),
)
