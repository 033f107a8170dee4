"""Fewer draws: quasi-random points in the right directions, and wedges of a plane."""

from empirical.montecarlo.quasi.estimator import (
    METHODS,
    Choice,
    Estimator,
    FewerDraws,
    choose,
    estimate,
)
from empirical.montecarlo.quasi.wedges import wedge_sums

__all__ = [
    "METHODS",
    "Choice",
    "Estimator",
    "FewerDraws",
    "choose",
    "estimate",
    "wedge_sums",
]
