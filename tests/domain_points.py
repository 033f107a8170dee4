"""Points of the claims' domains, and where the closed forms have no slope."""

import numpy as np

from tallystick import Distribution

__all__ = ["KINKED_AT_ZERO", "NUMBERS", "points_of"]

# Not differentiable at a zero vector, where the slope depends on the direction from
# which zero is approached: nan there and nowhere else, in these parameters only.
KINKED_AT_ZERO = {
    "gate.mean": {"weight"},
    "relu2.kernel": {"x", "y"},
    "relu1.loss": {"student"},
}
# Nothing to differentiate: an integer, or no array among the parameters.
NUMBERS = {
    "sphere.relu_eigs",
    "sphere.times_t",
    "sphere.circle",
    "sphere.decay",
    "hermite.information_exponent",
    "hermite.derivative",
    "hermite.coefficient_table",
    "hermite.coefficients",
}


def points_of(claim, count=4):
    """The static parameters, and a few points with all corners among them."""
    case = claim.domain.cases()[0]
    points = claim.domain.points(case, 0, count)
    if isinstance(claim.relation, Distribution):
        # A distribution function of a number takes a value besides.
        rows = len(next(iter(points.values())))
        points[claim.relation.argument] = np.linspace(-0.5, 0.5, rows)
    return case.static, points
