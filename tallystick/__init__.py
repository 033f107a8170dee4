"""tallystick: checks closed forms against independent experiments.

    from tallystick import Normal, check, expectation

`check` compares one formula with one experiment; `Claim` declares a pair that is
checked again and again, by `tallystick check` and by the pytest plugin.
"""

from importlib.metadata import version as _version

from empirical.montecarlo import (
    Bernoulli,
    Categorical,
    Estimate,
    Expectation,
    Key,
    NoiseError,
    Normal,
    Permutation,
    Rademacher,
    Sphere,
    Uniform,
    expectation,
)
from tallystick.bench import Settings
from tallystick.checking import check, check_claim
from tallystick.claim import Claim, Control, Erratum
from tallystick.domain import Case, Domain
from tallystick.errors import (
    ClaimError,
    DomainError,
    TallystickError,
    UnknownClaimError,
)
from tallystick.mutation import Mutant, Mutation, mutate
from tallystick.relations import (
    Bound,
    Distribution,
    Exponent,
    Identity,
    Limit,
    Mean,
    MeanBound,
)
from tallystick.report import Refusal, Report
from tallystick.spaces import Angle, Axis, Choice, Fixed, Matrix, Scalar, Vector
from tallystick.verdict import Verdict

__version__ = _version("tallystick")

__all__ = [
    "Angle",
    "Axis",
    "Bernoulli",
    "Bound",
    "Case",
    "Categorical",
    "Choice",
    "Claim",
    "ClaimError",
    "Control",
    "Distribution",
    "Domain",
    "DomainError",
    "Erratum",
    "Estimate",
    "Expectation",
    "Exponent",
    "Fixed",
    "Identity",
    "Key",
    "Limit",
    "Matrix",
    "Mean",
    "MeanBound",
    "Mutant",
    "Mutation",
    "NoiseError",
    "Normal",
    "Permutation",
    "Rademacher",
    "Refusal",
    "Report",
    "Scalar",
    "Settings",
    "Sphere",
    "TallystickError",
    "Uniform",
    "UnknownClaimError",
    "Vector",
    "Verdict",
    "check",
    "check_claim",
    "expectation",
    "mutate",
]
