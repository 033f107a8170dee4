"""Certificates: what is known of the tails of an integrand before any draw.

A certificate turns a sample into a statement that holds for every number of draws. All
bounds below are one-sided, at a level: the probability that they fail.
"""

import math
from dataclasses import dataclass, field

import numpy as np

__all__ = [
    "Bounded",
    "Certificate",
    "Lipschitz",
    "Polynomial",
    "VarianceBound",
    "influence_scale",
    "variance_above",
]


@dataclass(frozen=True)
class Certificate:
    """The base of all certificates: it certifies nothing.

    Attributes:
        words: What is certified, in a few words; empty if nothing about the tails.
        low: What no draw of each output is below; None if not known.
        high: What no draw of each output is above; None if not known.
    """

    words: str
    low: np.ndarray | None = field(default=None, kw_only=True, repr=False)
    high: np.ndarray | None = field(default=None, kw_only=True, repr=False)

    def outside(self, values: np.ndarray) -> np.ndarray:
        """How far each value lies outside the range of all draws; 0 inside."""
        if self.low is None or self.high is None:
            return np.zeros(values.shape)
        return np.maximum(np.maximum(self.low - values, values - self.high), 0.0)

    def radius(
        self,
        deviation: np.ndarray,
        count: int,
        level: float,
        weights: np.ndarray | None = None,
    ) -> np.ndarray:
        """How far a mean of draws may lie above its expectation, or below.

        Args:
            deviation: Sample standard deviation of each quantity.
            count: How many draws were averaged.
            level: Probability that a mean lies further off, to one side.
            weights: The quantities as linear combinations of the outputs, shape
                (quantities, outputs); if not given, the outputs themselves.

        Returns:
            A radius for each quantity; infinite where none is known.
        """
        del count, level, weights
        return np.full(np.shape(deviation), np.inf)

    def variance(
        self, weights: np.ndarray, deviation: float, count: int, level: float
    ) -> float:
        """Upper bound on the variance of a linear combination of the outputs.

        Args:
            weights: The coefficients, fixed before the draws.
            deviation: Sample standard deviation of the combination.
            count: How many draws that was measured on.
            level: Probability that the variance is larger; it is used only where
                `estimates` is true.

        Returns:
            The bound; infinite if none is known.
        """
        del weights, deviation, count, level
        return math.inf

    @property
    def estimates(self) -> bool:
        """Whether the bound on the variance is itself estimated from draws."""
        return False


@dataclass(frozen=True)
class Bounded(Certificate):
    """Every output lies in an interval: empirical Bernstein bounds.

    Source: Maurer & Pontil, "Empirical Bernstein bounds and sample variance
    penalization", COLT 2009, theorem 4.

    Attributes:
        width: The length of the interval of each output.
    """

    width: np.ndarray

    def radius(self, deviation, count, level, weights=None):
        """sqrt(2 V L / n) + 7 w L / (3 (n - 1)), L = log(2 / level)."""
        width = self.width if weights is None else np.abs(weights) @ self.width
        logarithm = math.log(2 / level)
        first = deviation * math.sqrt(2 * logarithm / count)
        return first + 7 * width * logarithm / (3 * max(count - 1, 1))


@dataclass(frozen=True)
class Lipschitz(Certificate):
    """Every output changes at most so fast with its normal noise.

    Attributes:
        slope: The bound G of each output on the norm of its gradient.
    """

    slope: np.ndarray

    def radius(self, deviation, count, level, weights=None):
        """G sqrt(2 L / n), L = log(1 / level)."""
        del deviation
        slope = self.slope if weights is None else np.abs(weights) @ self.slope
        return slope * math.sqrt(-2 * math.log(level) / count)


@dataclass(frozen=True)
class Polynomial(Certificate):
    """Every linear combination of the outputs has a bounded kurtosis.

    Attributes:
        kurtosis: Bound on E (Y - E Y)^4 / Var(Y)^2.
    """

    kurtosis: float

    def variance(self, weights, deviation, count, level):
        """The sample variance, enlarged; see `variance_above`."""
        del weights
        return variance_above(deviation**2, self.kurtosis, count, level)

    @property
    def estimates(self):
        """True: the scale of a polynomial comes from a sample."""
        return True


@dataclass(frozen=True)
class VarianceBound(Certificate):
    """Every output has at most a known standard deviation.

    Attributes:
        deviation: The bound for each output.
        fourth: Bounds on (E Y^4)^(1/4), if known: then the variance may be estimated.
    """

    deviation: np.ndarray
    fourth: np.ndarray | None = None

    def variance(self, weights, deviation, count, level):
        """The square of sum_j |c_j| s_j, or less if a sample shows that.

        With X = (Y - Y')^2 / 2 as in `variance_above`, and M = sum_j |c_j| m_j for the
        bounds m_j of order 4, E X^2 = E (Y - Y')^4 / 4 <= 4 M^4, so that the variance
        exceeds the sample variance by more than M^2 sqrt(8 L / (n // 2)),
        L = log(1 / level), with at most the probability `level`.
        """
        known = float(np.abs(weights) @ self.deviation) ** 2
        if self.fourth is None:
            return known
        size = float(np.abs(weights) @ self.fourth) ** 2
        excess = size * math.sqrt(-8 * math.log(level) / max(count // 2, 1))
        return min(known, deviation**2 + excess)

    @property
    def estimates(self):
        """Whether a sample may lower the bound."""
        return self.fourth is not None


def variance_above(
    sample_variance: float, kurtosis: float, count: int, level: float
) -> float:
    """Upper confidence bound for the variance of a law of bounded kurtosis K.

    For X = (Y - Y')^2 / 2 of two draws, E X = Var(Y) =: v and
    E X^2 = (E (Y - E Y)^4 + 3 v^2) / 2 <= b v^2, b = (K + 3) / 2. As X >= 0,
    E exp(-t X) <= exp(-t v + t^2 b v^2 / 2), so that a mean of m independent copies is
    below (1 - e) v with probability at most exp(-m e^2 / (2 b)). The sample variance is
    an average over the orders of the n draws of such means of m = n // 2 copies, and by
    the convexity of exp it has the same bound (Hoeffding 1963, section 5).

    Source: Maurer, "A bound on the deviation probability for sums of non-negative
    random variables", JIPAM 2003, for one sum.

    Args:
        sample_variance: With the divisor n - 1.
        kurtosis: The bound K.
        count: The number n of draws.
        level: Probability that the variance is larger than the bound.
    """
    moment = (kurtosis + 3) / 2
    loss = math.sqrt(-2 * moment * math.log(level) / max(count // 2, 1))
    return sample_variance / (1 - loss) if loss < 1 else math.inf


def influence_scale(variance: float, count: int, level: float) -> float:
    """The scale s of the influence function psi for which its bound is least.

    With psi(x) = sign(x) log(1 + |x| + x^2 / 2), exp(psi(x)) <= 1 + x + x^2 / 2. For
    draws with E Y <= c and Var(Y) <= v the mean of psi(s (Y - c)) / s therefore exceeds
    s v / 2 + L / (s n), L = log(1 / level), with at most the probability `level`; for
    the scale sqrt(2 L / (n v)) this is sqrt(2 v L / n).

    Source: Catoni, "Challenging the empirical mean and empirical variance", Annales de
    l'IHP 2012, section 2.
    """
    return math.sqrt(-2 * math.log(level) / (count * variance))
