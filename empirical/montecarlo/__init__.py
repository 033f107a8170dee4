"""The engine: laws of noise, expectations, and their means."""

from empirical.montecarlo.evaluate import Layout
from empirical.montecarlo.exact import Exact, exact_mean
from empirical.montecarlo.expectation import (
    Estimate,
    Expectation,
    NoiseError,
    expectation,
)
from empirical.montecarlo.laws import (
    Bernoulli,
    Categorical,
    Key,
    Law,
    Normal,
    Permutation,
    Rademacher,
    Sphere,
    Uniform,
)
from empirical.montecarlo.moments import Moments
from empirical.montecarlo.sampler import Sampler, stream_key

__all__ = [
    "Bernoulli",
    "Categorical",
    "Estimate",
    "Exact",
    "Expectation",
    "Key",
    "Law",
    "Layout",
    "Moments",
    "NoiseError",
    "Normal",
    "Permutation",
    "Rademacher",
    "Sampler",
    "Sphere",
    "Uniform",
    "exact_mean",
    "expectation",
    "stream_key",
]
