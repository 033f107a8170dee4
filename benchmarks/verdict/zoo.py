"""Laws of one draw with known means: a zoo on which the verdict's errors are measured.

A law is a table of atoms with probabilities, so a look of any size costs one
multinomial draw of their counts: the counts give every moment of the look, exactly as
that many independent draws would. Continuous laws are cut into cells of equal
probability in the middle and of geometrically falling probability in the tails, down
to 1e-13; the mean is that of the atoms, so the true formula is known to rounding.
`DIRECT` holds some of the same laws uncut, to show that cutting does not matter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

__all__ = ["DIRECT", "FAMILIES", "Law", "cut", "scalar_laws", "vector_laws"]

LEAST = 1e-13
"""Probability of the outermost cells."""
INFINITE = ("Pareto 2.5",)
"""Laws that stand for one whose third moment is infinite."""


@dataclass(frozen=True)
class Law:
    """A discrete law of one draw.

    Attributes:
        name: In tables.
        atoms: Shape (atoms, outputs).
        chances: Probabilities, shape (atoms,), the smallest first.
        value_shape: Shape of one value.
    """

    name: str
    atoms: np.ndarray
    chances: np.ndarray
    value_shape: tuple[int, ...]

    @classmethod
    def of(cls, name, atoms, chances, value_shape=(1,)) -> "Law":
        """A law from atoms in any order; the smallest probabilities come first."""
        atoms = np.asarray(atoms, float).reshape(len(chances), -1)
        chances = np.asarray(chances, float)
        # numpy.random gives the last atom what is left: the rare ones stay exact.
        order = np.argsort(chances, kind="stable")
        chances = chances[order] / chances.sum()
        return cls(name, atoms[order], chances, tuple(value_shape))

    @property
    def mean(self) -> np.ndarray:
        """The mean of each output."""
        return self.chances @ self.atoms

    @property
    def deviation(self) -> np.ndarray:
        """The standard deviation of each output."""
        return np.sqrt(self.chances @ (self.atoms - self.mean) ** 2)

    @property
    def skewness(self) -> np.ndarray:
        """The skewness of each output."""
        return self.chances @ (self.atoms - self.mean) ** 3 / self.deviation**3

    def along(self, direction: np.ndarray, name: str) -> "Law":
        """The law of a linear combination of the outputs; close atoms are merged."""
        return Law.of(name, *merged(self.atoms @ direction, self.chances, 256))


def cut(
    survival: Callable, quantile: Callable, middle: int = 160, tail: int = 48
) -> tuple[np.ndarray, np.ndarray]:
    """Atoms and probabilities of a continuous law.

    Args:
        survival: Its value at a probability u is the point that is exceeded with
            probability u.
        quantile: Its value at u is the point that is not exceeded with probability u.
        middle: Cells of equal probability.
        tail: Cells in each tail.
    """
    edge = 0.5 / middle
    inside = np.linspace(edge, 1 - edge, middle + 1)
    outside = np.geomspace(LEAST, edge, tail + 1)
    centres = np.sqrt(outside[1:] * outside[:-1])
    widths = np.diff(outside)
    atoms = [quantile(centres), quantile((inside[1:] + inside[:-1]) / 2)]
    atoms.append(survival(centres))
    chances = [widths, np.diff(inside), widths]
    return np.concatenate(atoms), np.concatenate(chances)


def of_scipy(name: str, law, shift: float = 0.0, power: int = 1) -> Law:
    """A frozen law of scipy.stats, raised to a power and shifted."""
    atoms, chances = cut(law.isf, law.ppf)
    return Law.of(name, atoms**power + shift, chances)


def merged(values: np.ndarray, chances: np.ndarray, cells: int = 512):
    """Neighbouring atoms put together at their mean, with fine tails."""
    order = np.argsort(values)
    values, chances = values[order], chances[order]
    below = np.cumsum(chances) - chances / 2
    side = np.minimum(below, 1 - below)
    # The logit of the rank is even in both tails, and in the middle.
    rank = np.where(below < 0.5, 1, -1) * np.log(np.maximum(side, 1e-16))
    label = np.floor((rank - rank.min()) / (np.ptp(rank) / cells)).astype(int)
    _, label = np.unique(label, return_inverse=True)
    weight = np.bincount(label, chances)
    return np.bincount(label, chances * values) / weight, weight


def _half_normal():
    return cut(stats.halfnorm.isf, stats.halfnorm.ppf)


def _relu_power(name: str, power: int) -> Law:
    """relu(z)^power: zero with probability 1/2."""
    atoms, chances = _half_normal()
    return Law.of(name, [0.0, *atoms**power], [0.5, *(chances / 2)])


def _products(name: str, factors: int, rank: int = 41) -> Law:
    """The product of independent standard normals, shifted by one."""
    nodes, weights = cut(stats.norm.isf, stats.norm.ppf, rank, rank // 2)
    values, chances = nodes, weights
    for _ in range(factors - 1):
        values = np.multiply.outer(values, nodes).ravel()
        chances = np.multiply.outer(chances, weights).ravel()
        values, chances = merged(values, chances)
    return Law.of(name, values + 1, chances)


def _kernel(name: str) -> Law:
    """relu(u) relu(v) for a normal pair of correlation 1/2."""
    nodes, weights = cut(stats.norm.isf, stats.norm.ppf, 81, 40)
    u, e = np.meshgrid(nodes, nodes)
    values = np.maximum(u, 0) * np.maximum(0.5 * u + np.sqrt(0.75) * e, 0)
    return Law.of(name, *merged(values.ravel(), np.outer(weights, weights).ravel()))


def scalar_laws() -> list[Law]:
    """The laws with one output."""
    half, chances = _half_normal()
    poisson: Any = stats.poisson(1)
    return [
        of_scipy("normal", stats.norm(1)),
        of_scipy("uniform", stats.uniform()),
        of_scipy("1000 + uniform", stats.uniform(1000)),
        of_scipy("Laplace", stats.laplace()),
        of_scipy("exponential", stats.expon()),
        of_scipy("gamma 0.3", stats.gamma(0.3)),
        of_scipy("chi-square 1", stats.chi2(1)),
        of_scipy("Weibull 0.7", stats.weibull_min(0.7)),
        _relu_power("relu(z)^2", 2),
        Law.of("z^4", half**4, chances),
        Law.of("z^6", half**6, chances),
        of_scipy("lognormal 0.5", stats.lognorm(0.5)),
        of_scipy("lognormal 1", stats.lognorm(1.0)),
        Law.of("Bernoulli 0.5", [0, 1], [0.5, 0.5]),
        Law.of("Bernoulli 0.01", [0, 1], [0.99, 0.01]),
        Law.of("two points", [1, 30], [0.999, 0.001]),
        Law.of("Poisson 1", np.arange(40), poisson.pmf(np.arange(40))),
        of_scipy("Student 5", stats.t(5), 1.0),
        of_scipy("Student 3.5", stats.t(3.5)),
        _products("1 + z1 z2", 2),
        _products("1 + z1 z2 z3", 3),
        of_scipy("Pareto 3.5", stats.pareto(3.5)),
        of_scipy("Pareto 2.5", stats.pareto(2.5)),
        _kernel("relu(u) relu(v)"),
    ]


def _discrete(dimension: int, values, chances):
    """All outcomes of independent coordinates with the same few values."""
    grid = np.stack(np.meshgrid(*[values] * dimension, indexing="ij"), -1)
    odds = np.stack(np.meshgrid(*[chances] * dimension, indexing="ij"), -1)
    return grid.reshape(-1, dimension), odds.reshape(-1, dimension).prod(1)


def _outer(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return left[:, :, None] * right[:, None, :]


def vector_laws() -> list[Law]:
    """Laws with 16 and 256 correlated outputs, square matrices among them."""
    rng = np.random.default_rng(2026)
    three = np.array([-1.0, 0.0, 1.0]) * np.sqrt(3), np.array([1, 4, 1]) / 6
    four, odds4 = _discrete(4, *three)
    six, odds6 = _discrete(6, *three)
    mix4 = np.eye(4) + 0.5
    mix16 = rng.normal(size=(6, 16)) / np.sqrt(6)
    wide = six @ mix16
    low = rng.normal(size=(3, 16)) + 1
    tenth = rng.normal(size=(1500, 16)) @ (np.eye(16) + 0.3 * rng.normal(size=(16, 16)))
    table = np.full(1500, 1 / 1500)
    weights = rng.exponential(size=1500) ** 2
    many = rng.normal(size=(1000, 12)) @ rng.normal(size=(12, 256)) / 4
    return [
        Law.of("4 x 4: x x'", _outer(four @ mix4, four @ mix4), odds4, (4, 4)),
        Law.of("4 x 4: relu u relu v", _relu_pairs(six), odds6, (4, 4)),
        Law.of("16: lognormal", np.exp(tenth / 4), table, (16,)),
        Law.of("16: uneven table", tenth**2, weights, (16,)),
        Law.of("16 x 16: x x'", _outer(wide, wide), odds6, (16, 16)),
        Law.of(
            "16 x 16: rank 1",
            _outer(six[:, :3] @ low, six[:, 3:] @ low),
            odds6,
            (16, 16),
        ),
        Law.of("256: lognormal", np.exp(many / 4), np.full(1000, 1e-3), (256,)),
        Law.of("256: exponential, independent", *_independent(rng), (256,)),
    ]


def _relu_pairs(six: np.ndarray) -> np.ndarray:
    """A kernel matrix of four fixed inputs, x in the plane."""
    angles = np.array([0.1, 0.9, 2.0, 2.9])
    inputs = np.stack([np.cos(angles), np.sin(angles)])
    first = np.maximum((six[:, :2] + six[:, 2:4]) @ inputs, 0)
    return _outer(first, first)


def _independent(rng: np.random.Generator):
    """2,000 equally likely vectors of exponential numbers."""
    return rng.exponential(size=(2000, 256)), np.full(2000, 1 / 2000)


FAMILIES: dict[str, tuple[Callable[[float], Law], np.ndarray]] = {
    "lognormal sigma": (
        lambda s: of_scipy("lognormal", stats.lognorm(s)),
        np.linspace(0.4, 2.8, 13),
    ),
    "gamma shape": (
        lambda a: of_scipy("gamma", stats.gamma(a)),
        np.geomspace(0.003, 1.0, 14),
    ),
    "Bernoulli p": (
        lambda p: Law.of("Bernoulli", [0, 1], [1 - p, p]),
        np.geomspace(1e-4, 0.2, 14),
    ),
    "Weibull shape": (
        lambda a: of_scipy("Weibull", stats.weibull_min(a)),
        np.geomspace(0.3, 1.0, 10),
    ),
    "Pareto index": (
        lambda a: of_scipy("Pareto", stats.pareto(a)),
        np.geomspace(2.05, 8.0, 12),
    ),
}
"""Families of one parameter, to find the worst law just above the skewness gate."""

DIRECT: dict[str, tuple[Callable, float]] = {
    "normal": (lambda rng, n: 1 + rng.standard_normal(n), 1.0),
    "exponential": (lambda rng, n: rng.standard_exponential(n), 1.0),
    "chi-square 1": (lambda rng, n: rng.standard_normal(n) ** 2, 1.0),
    "lognormal 0.5": (lambda rng, n: rng.lognormal(0, 0.5, n), np.exp(1 / 8)),
}
"""The same laws drawn number by number: a function of a generator and n; the mean."""
