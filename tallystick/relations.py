"""Relations: what a claim says about its two halves."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from tallystick.errors import ClaimError

__all__ = ["Bound", "Identity", "Limit", "Mean", "Relation", "as_relation"]


@dataclass(frozen=True)
class Mean:
    """The mean of the draws equals the closed form.

    Attributes:
        tolerance: AGREE needs every output to lie within `tolerance` times the larger
            of its size and the standard deviation of a draw, and the factor common to
            all outputs within `tolerance` of one.
    """

    name: ClassVar[str] = "mean"
    tolerance: float = 0.01

    def __post_init__(self):
        _positive("tolerance", self.tolerance)


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
    """

    name: ClassVar[str] = "bound"
    side: Literal["lower", "upper"] = "lower"
    attained: bool = False
    tolerance: float = 1e-9
    draws: int = 64

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

    Attributes:
        size: Name of the twin's size, a keyword-only parameter that the closed form
            lacks.
        sizes: The two sizes a and b.
        rate: The exponent; negative if the size goes to zero.
        tolerance: As for `Mean`.
        bias: What the next term of the expansion may leave of an error, relative to the
            closed form. DISAGREE needs a larger difference, AGREE allows for none.
    """

    name: ClassVar[str] = "limit"
    size: str
    sizes: tuple[float, float]
    rate: float
    tolerance: float = 0.01
    bias: float = 1e-3

    def __post_init__(self):
        _positive("tolerance", self.tolerance)
        _positive("bias", self.bias)
        if len(self.sizes) != 2 or min(self.sizes) <= 0 or len({*self.sizes}) != 2:
            raise ClaimError(f"sizes must be two positive numbers, got {self.sizes}")
        if not self.rate or not math.isfinite(self.rate):
            raise ClaimError(f"rate must be finite and not zero, got {self.rate}")


Relation = Mean | Identity | Bound | Limit


def as_relation(relation: "Relation | str") -> Relation:
    """A relation, or the default one of a name.

    Raises:
        ClaimError: There is no such relation.
    """
    if isinstance(relation, (Mean, Identity, Bound, Limit)):
        return relation
    named = {kind.name: kind for kind in (Mean, Identity, Bound)}
    if relation not in named:
        raise ClaimError(
            f"relation must be one of Mean, Identity, Bound and Limit, got {relation!r}"
        )
    return named[relation]()


def _positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ClaimError(f"{name} must be positive and finite, got {value}")
