"""What must stay INCONCLUSIVE: means that do not exist or that rare draws decide.

Through the engine, with `tallystick.check`; and events too rare to be drawn, which no
gate can see, with the stand-in.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln

from benchmarks.verdict.records import interval, load, save
from benchmarks.verdict.standin import CountSampler, judged
from benchmarks.verdict.zoo import Law as Atoms
from empirical.montecarlo import Bernoulli, Law, Normal, Uniform, expectation
from tallystick import Settings
from tallystick.bench import Bench
from tallystick.decide.mean import decide_mean
from tallystick.domain import Domain
from tallystick.relations import Mean
from tallystick.spaces import Scalar

__all__ = ["main"]

BUDGETS = {2**18: 20, 2**20: 20, 2**22: 3}
"""Largest look, and how many seeds."""
HIDDEN = (0.25, 0.5, 1.0, 1.5, 2.0)
"""Expected number of rare events in the first look."""
CLAIMED = (1.0, 0.7)
"""What the formula says, relative to the true mean."""


def _cauchy(a, u):
    return a + jnp.tan(jnp.pi * (u - 0.5))


def _pareto(a, u):
    return a * (1 - u) ** (-1 / 1.5)


def _exponential_square(a, z):
    return a * jnp.exp(0.3 * z[0] ** 2)


def _exponential_squares(a, z):
    return a * jnp.exp(0.3 * z**2).mean()


def _spikes(a, b):
    return a * 1e7 * b.mean()


def _undeclared_spike(a, u):
    return a * 1e7 * (u < 1e-7)


def _logarithm(a, z):
    return jnp.log(a * z[0])


def _exponential_norm(a, z):
    return jnp.exp(a * z @ z)


def _pole(a, z):
    return jnp.abs(z) ** -a


def _pole_mean(a):
    return 2 ** (-a / 2) * jnp.exp(gammaln((1 - a) / 2)) / jnp.sqrt(jnp.pi)


def _power(a, u):
    return (1 - u) ** -a


@dataclass(frozen=True)
class Experiment:
    """A mean that no verdict should be given about.

    Attributes:
        integrand: Of a parameter and the noise.
        laws: Of the noise.
        mean: The true mean, or what takes its place.
        low: The least parameter.
        high: The largest.
        points: How many are judged together. The tails of many cancel in a combination
            of them, as far as the draws go.
    """

    integrand: Callable[..., Any]
    laws: dict[str, Law]
    mean: Callable[[Any], Any]
    low: float = 1.0
    high: float = 2.0
    points: int = 2


def _multiple(factor: float):
    """The formula factor * a."""
    return lambda a: factor * a


SET = {
    "Cauchy": Experiment(_cauchy, {"u": Uniform()}, _multiple(1.0)),
    "Pareto 1.5": Experiment(_pareto, {"u": Uniform()}, _multiple(3.0)),
    "exp(0.3 z1^2), integrated": Experiment(
        _exponential_square, {"z": Normal(8)}, _multiple(0.4**-0.5)
    ),
    "mean of exp(0.3 z_i^2), i <= 8": Experiment(
        _exponential_squares, {"z": Normal(8)}, _multiple(0.4**-0.5)
    ),
    "1e7 Bernoulli(1e-7)": Experiment(
        _spikes, {"b": Bernoulli(1e-7, 30)}, _multiple(1.0)
    ),
    "1e7 (u < 1e-7)": Experiment(_undeclared_spike, {"u": Uniform()}, _multiple(1.0)),
    "log of a negative number": Experiment(
        _logarithm, {"z": Normal(8)}, _multiple(1.0)
    ),
    "exp(a z.z), 32 a from 0.26 to 0.45": Experiment(
        _exponential_norm, {"z": Normal(8)}, lambda a: (1 - 2 * a) ** -4, 0.26, 0.45, 32
    ),
    "abs(z)^-a, 32 a from 0.5 to 0.95": Experiment(
        _pole, {"z": Normal()}, _pole_mean, 0.5, 0.95, 32
    ),
    "(1 - u)^-a, 32 a from 0.5 to 0.95": Experiment(
        _power, {"u": Uniform()}, lambda a: 1 / (1 - a), 0.5, 0.95, 32
    ),
}
RIGHT = {"log of a negative number": "INVALID"}
"""What is right to say, if not INCONCLUSIVE."""


def _judged(name: str) -> list[dict]:
    """Verdicts for one experiment, which is compiled once, over many seeds."""
    chosen = SET[name]
    forms = {claimed: _times(claimed, chosen.mean) for claimed in CLAIMED}
    bench = Bench(
        name,
        expectation(chosen.integrand, **chosen.laws),
        Domain(a=Scalar(chosen.low, chosen.high)),
        Mean(),
        Settings(points=chosen.points),
        list(forms.values()),
    )
    prepared = bench.prepared(bench.cases()[0])
    rows = []
    for budget, seeds in BUDGETS.items():
        for claimed, form in forms.items():
            counts, reasons = Counter(), Counter()
            start = time.process_time()
            for number in range(seeds):
                # As `Prepared.judge` does, with a seed of its own for each check.
                seed = ("undecided", name, budget, claimed, number)
                decision = (
                    prepared.judge(form, explain=False)
                    if prepared.exact is not None
                    else decide_mean(
                        prepared.sampler,
                        prepared.target(form),
                        tolerance=Mean().tolerance,
                        budget=budget,
                        seed=seed,
                        certificate=prepared.certificate,
                    )
                )
                counts[decision.verdict.value] += 1
                reasons[decision.reason] += 1
            rows.append(
                {
                    "budget": budget,
                    "claimed / true": claimed,
                    "right": RIGHT.get(name, "INCONCLUSIVE"),
                    "exact": prepared.exact is not None,
                    "verdicts": dict(counts),
                    "reasons": dict(reasons),
                    "seconds a check": (time.process_time() - start) / seeds,
                }
            )
            print(f"{name:<32}{budget:>9} x{claimed} {dict(counts)}", flush=True)
    return rows


def _times(factor: float, mean: Callable[[Any], Any]):
    """A formula that is right but for a factor."""

    def formula(a):
        return factor * mean(a)

    return formula


def _hidden(expected: float, runs: int) -> dict:
    """A normal draw plus a spike that occurs so often in a first look of 4,096.

    The spike is large: a sample without one looks normal about a wrong mean, a sample
    with one fails the skewness gate.
    """
    chance = expected / 4096
    nodes = np.linspace(-5, 5, 101)
    weights = np.exp(-(nodes**2) / 2)
    atoms = np.concatenate([nodes, [1e4]])
    law = Atoms.of("hidden", atoms, [*(weights / weights.sum() * (1 - chance)), chance])
    sampler = CountSampler(law)
    wrong = 0
    for number in range(runs):
        seed = ("hidden", expected, number)
        decision = judged(sampler, law.mean, seed, tolerance=0.01, budget=2**18)
        wrong += decision.verdict.value == "DISAGREE"
    return {
        "expected in 4,096": expected,
        "runs": runs,
        "DISAGREE": [wrong, *interval(wrong, runs)],
        "probability of none in 7 looks": float(np.exp(-7 * expected)),
    }


def main(runs: int = 5000, names: tuple[str, ...] = tuple(SET)) -> None:
    """Judge the pathological set and the hidden events; save the counts.

    Args:
        runs: Checks for each number of hidden events; none if 0.
        names: Of the set; the others stay as they were saved.
    """
    start = time.process_time()
    rows = {name: _judged(name) for name in names}
    hidden = [_hidden(expected, runs) for expected in HIDDEN] if runs else []
    for row in hidden:
        print(row, flush=True)
    whole = time.process_time() - start
    try:
        found = load("undecided")
    except FileNotFoundError:
        found = {"set": {}, "hidden": []}
    if len(rows) < len(SET) or not runs:
        whole += found.get("processor seconds", 0)
    found["set"] |= rows
    found["hidden"] = hidden or found["hidden"]
    save("undecided", found, whole)
