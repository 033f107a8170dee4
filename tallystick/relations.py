"""Relations: what a claim says about its two halves."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from tallystick.errors import ClaimError

__all__ = [
    "Bound",
    "Distribution",
    "Exponent",
    "Identity",
    "Limit",
    "Mean",
    "MeanBound",
    "Relation",
    "as_relation",
]


@dataclass(frozen=True)
class Mean:
    """The mean of the draws equals the closed form.

    Attributes:
        tolerance: AGREE needs every output to lie within `tolerance` times the larger
            of its size and the standard deviation of a draw, and the factor common to
            all outputs within `tolerance` of one.
        variance_bound: A number that the variance of every output is known not to
            exceed, at every point. With it DISAGREE can hold for any number of draws,
            where the program of the experiment alone does not show that.
        detectable: AGREE also needs so many draws that an error of this size in any
            one output, relative to the same scale, would have been noticed. Without it
            that error may be as large as twice the tolerance. A quick check leaves it
            out.
    """

    name: ClassVar[str] = "mean"
    tolerance: float = 0.01
    variance_bound: float | None = None
    detectable: float | None = None

    def __post_init__(self):
        _positive("tolerance", self.tolerance)
        for name in ("variance_bound", "detectable"):
            if getattr(self, name) is not None:
                _positive(name, getattr(self, name))


@dataclass(frozen=True)
class Identity:
    """Every draw, or a deterministic algorithm's one value, equals the closed form.

    Attributes:
        tolerance: Largest difference, relative to the largest output at the same point.
        draws: How many draws of the noise are compared at each point.
    """

    name: ClassVar[str] = "identity"
    tolerance: float = 1e-9
    draws: int = 8

    def __post_init__(self):
        _positive("tolerance", self.tolerance)


@dataclass(frozen=True)
class Bound:
    """No draw lies on the wrong side of the closed form.

    Attributes:
        side: "lower" if the closed form is at most every draw, "upper" if at least.
        attained: Whether the claim also says that the bound is reached: at every point
            some draw must come within `tolerance` of it.
        tolerance: Rounding (and, for an attained bound, what the algorithm leaves
            open), relative to the largest output at the same point.
        draws: How many draws of the noise are compared at each point.
        share: Of an attained bound, how often at least a draw reaches it, as the claim
            has it. A bound that no draw reaches is refused if that had a probability
            below 1e-9, (1 - share)^draws for each output; else it is INCONCLUSIVE.
    """

    name: ClassVar[str] = "bound"
    side: Literal["lower", "upper"] = "lower"
    attained: bool = False
    tolerance: float = 1e-9
    draws: int = 64
    share: float = 0.5

    def __post_init__(self):
        _positive("tolerance", self.tolerance)
        if self.side not in ("lower", "upper"):
            raise ClaimError(f"side must be 'lower' or 'upper', got {self.side!r}")
        if not 0 < self.share <= 1:
            raise ClaimError(f"share must lie in (0, 1], got {self.share}")


@dataclass(frozen=True)
class MeanBound:
    """No mean of the draws lies on the wrong side of the closed form.

    The mean of an indicator is a probability: P(event) <= closed form is of this kind.

    Attributes:
        side: "lower" if the closed form is at most every mean, "upper" if at least.
        tolerance: How far a mean may lie beyond, relative to the larger of the closed
            form and the standard deviation of a draw: a bound that holds with equality
            can be confirmed to some tolerance only.
    """

    name: ClassVar[str] = "mean_bound"
    side: Literal["lower", "upper"] = "upper"
    tolerance: float = 0.01

    def __post_init__(self):
        _positive("tolerance", self.tolerance)
        if self.side not in ("lower", "upper"):
            raise ClaimError(f"side must be 'lower' or 'upper', got {self.side!r}")


@dataclass(frozen=True)
class Limit:
    """The mean of the draws tends to the closed form as a size grows or shrinks.

    With an error c * size^-rate + smaller terms, the combination
    (q M(b) - M(a)) / (q - 1), q = (b / a)^rate, of the means at sizes a and b has lost
    the term c; its mean is checked like `Mean`. A wrong rate leaves part of c behind.

    With three sizes or more the two nearest to the limit are combined, and the rate is
    fitted: the slope of log |M(size) - closed form| against log size, the errors of all
    points projected on the pattern that a pilot sample shows. The report gives the
    fitted rate with its error bar, or says at which size the error is lost in the
    noise. A rate that a screen and two fresh samples contradict is DISAGREE.

    An experiment without noise, such as a scheme with a step size, has no sampling
    error: AGREE needs a difference within `bias` and within `tolerance`, DISAGREE one
    beyond `bias`, both relative to the closed form.

    Attributes:
        size: Name of the twin's size, a keyword-only parameter that the closed form
            lacks.
        sizes: Two sizes a and b, or more.
        rate: The exponent; negative if the size goes to zero.
        tolerance: As for `Mean`.
        bias: What the next term of the expansion may leave of an error, relative to the
            closed form. DISAGREE needs a larger difference, AGREE allows for none.
        allowance: What the next term may change of the fitted rate, relative to `rate`.
    """

    name: ClassVar[str] = "limit"
    size: str
    sizes: tuple[float, ...]
    rate: float
    tolerance: float = 0.01
    bias: float = 1e-3
    allowance: float = 0.25

    def __post_init__(self):
        _positive("tolerance", self.tolerance)
        _positive("bias", self.bias)
        _positive("allowance", self.allowance)
        _distinct_sizes(self.sizes, 2, "two positive numbers, or more, all different")
        if not self.rate or not math.isfinite(self.rate):
            raise ClaimError(f"rate must be finite and not zero, got {self.rate}")

    @property
    def towards(self) -> tuple[float, ...]:
        """The sizes, nearest to the limit last; two are kept in their order."""
        if len(self.sizes) == 2:
            return tuple(self.sizes)
        return tuple(sorted(self.sizes, reverse=self.rate < 0))


@dataclass(frozen=True)
class Distribution:
    """The draws follow the law that the closed form states.

    The closed form is one of two things.

    A distribution function: a JAX function with one parameter more than the experiment,
    named by `argument`. There it is given an array of the shape of one value of the
    experiment, in double precision, and it returns the probability that a draw is less
    than or equal to it in every entry, a scalar:

        def chi_square(degrees, value):  # P(|z|^2 <= value)
            return jax.scipy.special.gammainc(degrees / 2, jnp.maximum(value, 0) / 2)

    Where a draw is one number, the function must be monotone, may jump, and is right
    continuous at its jumps: P(Y <= value), not P(Y < value). It is compared at draws of
    a pilot sample and just below them, so that atoms are compared too, and AGREE holds
    for every value: P(Y <= t) and the function differ by at most `tolerance` at every
    t. Values are equal if they differ by rounding, except whole numbers, which are
    taken as they are. Where a draw has several entries, the comparison is made at draws
    of the pilot sample, at componentwise maxima of a few of them, and at single
    entries; AGREE then holds at these places only.

    Or another experiment of the same law: an `expectation` with the same parameters and
    its own noise, whose values have the same shape. Both are drawn at the same points
    and compared along every entry (64 at most), along the norm, and along random
    projections (Cramer & Wold 1936: all projections together fix a law). AGREE then
    holds for every value along these directions.

    DISAGREE takes a screen and two fresh samples, each judged by the exact tail of a
    binomial law, so its false-alarm bound holds for every number of draws and whatever
    the law is. Only probabilities are compared: what happens with a probability less
    than `tolerance` may be anything.

    Attributes:
        argument: Name of the closed form's parameter for the value.
        tolerance: AGREE needs every probability to lie within it.
        bias: A difference in probability that is not a disagreement, as the law at a
            finite size has from a limiting one. AGREE allows for none.
        projections: How many random projections a reference experiment is compared
            along.
    """

    name: ClassVar[str] = "law"
    argument: str = "value"
    tolerance: float = 0.01
    bias: float = 0.0
    projections: int = 32

    def __post_init__(self):
        _positive("tolerance", self.tolerance)
        _not_negative("bias", self.bias)
        if not isinstance(self.argument, str) or not self.argument.isidentifier():
            raise ClaimError(f"argument must be a name, got {self.argument!r}")
        if not isinstance(self.projections, int) or self.projections < 0:
            raise ClaimError(
                f"projections must be an integer, at least 0, got {self.projections!r}"
            )


@dataclass(frozen=True)
class Exponent:
    """The mean of the draws grows like size^p, and the closed form is the power p.

    The experiment takes the size, a keyword-only number that the closed form lacks, and
    returns a positive quantity: its mean over the noise, or its value where there is no
    noise, is measured at every size. The closed form returns the exponent, of the shape
    of one value of the experiment; a negative one for a quantity that shrinks:

        def variance(scale, *, d: int, z):  # Var of a mean of d draws: exponent -1
            return (scale * jnp.mean(z)) ** 2

        check(lambda scale: -1.0, expectation(variance, z=Normal("d")),
              relation=Exponent("d", sizes=(8, 16, 32, 64)), scale=Scalar(1, 2))

    The exponent is the slope of log mean against log size, by least squares with the
    errors that the first samples show. A mean must be known to five percent before it
    counts. If the slopes over the smaller and over the larger sizes differ by more than
    `tolerance` and the noise, there is no one power, and the verdict is INCONCLUSIVE,
    unless the stated exponent is farther off than the slopes differ.

    Attributes:
        size: Name of the twin's size.
        sizes: Three sizes or more.
        tolerance: AGREE needs the slope within `tolerance` of the stated exponent, its
            error bar included.
        bias: A difference of the exponent that is not a disagreement, as finite sizes
            have from the limiting power.
    """

    name: ClassVar[str] = "exponent"
    size: str
    sizes: tuple[float, ...]
    tolerance: float = 0.05
    bias: float = 0.0

    def __post_init__(self):
        _positive("tolerance", self.tolerance)
        _not_negative("bias", self.bias)
        _distinct_sizes(self.sizes, 3, "three positive numbers, or more, all different")

    @property
    def towards(self) -> tuple[float, ...]:
        """The sizes in increasing order."""
        return tuple(sorted(self.sizes))


Relation = Mean | Identity | Bound | MeanBound | Limit | Distribution | Exponent
_EVERY = (Mean, Identity, Bound, MeanBound, Limit, Distribution, Exponent)
_DEFAULT = {kind.name: kind for kind in (Mean, Identity, Bound, Distribution)}


def as_relation(relation: "Relation | str") -> Relation:
    """A relation, or the default one of a name.

    Raises:
        ClaimError: There is no such relation.
    """
    if isinstance(relation, _EVERY):
        return relation
    if relation not in _DEFAULT:
        named = ", ".join(f"{name!r}" for name in _DEFAULT)
        raise ClaimError(
            "relation must be one of Mean, Identity, Bound, MeanBound, Limit,"
            f" Distribution and Exponent, or one of the names {named}, got {relation!r}"
        )
    return _DEFAULT[relation]()


def _distinct_sizes(sizes: tuple[float, ...], least: int, what: str) -> None:
    numbers = all(isinstance(s, (int, float)) for s in sizes)
    fine = numbers and all(0 < s < math.inf for s in sizes)
    if not fine or len(sizes) < least or len({*sizes}) != len(sizes):
        raise ClaimError(f"sizes must be {what}, got {sizes}")


def _not_negative(name: str, value: float) -> None:
    if not 0 <= value < math.inf:
        raise ClaimError(f"{name} must be finite and at least 0, got {value}")


def _positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ClaimError(f"{name} must be positive and finite, got {value}")
