"""True claims judged through the engine itself, and its seconds to a verdict.

The stand-in leaves out the generators, compiled moments, rounding of looks and the tail
probe. Here one compiled experiment is judged with many seeds.
"""

import time
from collections import Counter
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.verdict.records import interval, save
from empirical.montecarlo import Expectation, Normal, Rademacher, Uniform, expectation
from tallystick import Settings
from tallystick.bench import Bench, Prepared
from tallystick.decide.mean import decide_mean
from tallystick.domain import Domain
from tallystick.relations import Mean
from tallystick.spaces import Scalar, Vector

__all__ = ["main"]

TOLERANCE, BUDGET = 0.05, 2**18
"""Of the many checks; the timed ones have the defaults."""
ERRORS = (0.0, 0.01, 0.05, 0.2)


def _kernel(u, v, x):
    return jax.nn.relu(u @ x) * jax.nn.relu(v @ x)


def _kernel_form(u, v):
    norms = jnp.linalg.norm(u) * jnp.linalg.norm(v)
    theta = jnp.arccos(jnp.clip(u @ v / norms, -1, 1))
    return norms * (jnp.sin(theta) + (jnp.pi - theta) * jnp.cos(theta)) / (2 * jnp.pi)


def _exponential(a, u):
    return -a * jnp.log1p(-u)


def _product(a, u):
    return a * u[0] * u[1]


def _outer(a, z):
    return a * jnp.outer(z, z)


def _signs(a, s):
    return a * (s.sum() ** 2)


EXPERIMENTS: dict[str, tuple[Expectation, Callable, Domain]] = {
    "relu(u x) relu(v x), x normal in R^8": (
        expectation(_kernel, x=Normal(8)),
        _kernel_form,
        Domain(u=Vector(8), v=Vector(8)),
    ),
    "z z', z normal in R^4": (
        expectation(_outer, z=Normal(4)),
        lambda a: a * jnp.eye(4),
        Domain(a=Scalar(1.0, 2.0)),
    ),
    "exponential": (
        expectation(_exponential, u=Uniform()),
        lambda a: a,
        Domain(a=Scalar(1.0, 2.0)),
    ),
    "u v, uniform": (
        expectation(_product, u=Uniform(2)),
        lambda a: a / 4,
        Domain(a=Scalar(1.0, 2.0)),
    ),
    "(sum of 30 signs)^2": (
        expectation(_signs, s=Rademacher(30)),
        lambda a: 30 * a,
        Domain(a=Scalar(1.0, 2.0)),
    ),
}


def _prepared(name: str, points: int) -> tuple[Prepared, np.ndarray]:
    """The compiled experiment and the true values at its points."""
    experiment, form, domain = EXPERIMENTS[name]
    bench = Bench(name, experiment, domain, Mean(), Settings(points=points), [form])
    prepared = bench.prepared(bench.cases()[0])
    return prepared, prepared.target(form)


def _many(name: str, runs: int) -> dict:
    """Verdicts on the true formula."""
    prepared, target = _prepared(name, 4)
    counts = Counter()
    start = time.process_time()
    for number in range(runs):
        decision = decide_mean(
            prepared.sampler,
            target,
            tolerance=TOLERANCE,
            budget=BUDGET,
            seed=("engine", name, number),
            certificate=prepared.certificate,
        )
        counts[decision.verdict.value] += 1
    seconds = time.process_time() - start
    return {
        "runs": runs,
        "verdicts": dict(counts),
        "DISAGREE": [counts["DISAGREE"], *interval(counts["DISAGREE"], runs)],
        "outputs": int(target.size),
        "tail probe": "normal" in prepared.sampler.layout.sizes,
        "seconds a check": seconds / runs,
    }


def _timed(name: str, seeds: int) -> dict:
    """Seconds to a verdict at the default settings, for several errors."""
    start, cpu = time.perf_counter(), time.process_time()
    prepared, target = _prepared(name, 32)
    rows, first, first_busy = {}, 0.0, 0.0
    for wrong in (None, *ERRORS):
        seconds, busy, draws, counts = [], [], [], Counter()
        for number in range(1 if wrong is None else seeds):
            begin, spent = time.perf_counter(), time.process_time()
            decision = decide_mean(
                prepared.sampler,
                (1 + (wrong or 0.0)) * target,
                tolerance=Mean().tolerance,
                budget=Settings().budget,
                seed=("timed", name, wrong, number),
                certificate=prepared.certificate,
            )
            seconds.append(time.perf_counter() - begin)
            busy.append(time.process_time() - spent)
            draws.append(decision.draws)
            counts[decision.verdict.value] += 1
        if wrong is None:  # The first check compiles.
            first = time.perf_counter() - start
            first_busy = time.process_time() - cpu
            continue
        rows[str(wrong)] = {
            "seeds": seeds,
            "verdicts": dict(counts),
            "median seconds": float(np.median(seconds)),
            "median seconds of CPU": float(np.median(busy)),
            "median draws": int(np.median(draws)),
        }
    return {
        "points": prepared.sampler.count,
        "outputs": int(target.size),
        "seconds of the first check": first,
        "seconds of CPU of the first check": first_busy,
        "errors": rows,
    }


def main(runs: int = 4000, seeds: int = 5) -> None:
    """Judge the true formulas many times, then time wrong ones."""
    start = time.process_time()
    timed, many = {}, {}
    for name in EXPERIMENTS:
        timed[name] = _timed(name, seeds)
        print(name, timed[name], flush=True)
    for name in EXPERIMENTS:
        many[name] = _many(name, runs // len(EXPERIMENTS))
        print(name, many[name], flush=True)
    total = sum(row["runs"] for row in many.values())
    wrong = sum(row["DISAGREE"][0] for row in many.values())
    found = {
        "tolerance": TOLERANCE,
        "budget": BUDGET,
        "runs": total,
        "DISAGREE": [wrong, *interval(wrong, total)],
        "many": many,
        "timed": timed,
    }
    save("engine_checks", found, time.process_time() - start)
