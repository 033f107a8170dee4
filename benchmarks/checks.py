"""Seconds that a check takes once its programs are compiled, as a table and as JSON.

    python benchmarks/checks.py [--repeats 21] [--json FILE]

Each check has a scalar integrand of eight normal numbers, 32 parameter points and the
default tolerance, and is decided anew from a fresh seed every time. Two formulas are
right; the third is off by one percent, and its time includes the diagnosis.
"""

import argparse
import json
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from machine import described

from tallystick import Domain, Mean, Normal, expectation
from tallystick.bench import Bench, Settings

VECTORS = Domain(u=Normal(8), v=Normal(8))


def relu_product(u, v, x):
    """One draw of the ReLU kernel."""
    return jax.nn.relu(u @ x) * jax.nn.relu(v @ x)


def relu_kernel(u, v):
    """Its mean."""
    norms = jnp.linalg.norm(u) * jnp.linalg.norm(v)
    theta = jnp.arccos(u @ v / norms)
    sine = jnp.sin(theta) + (jnp.pi - theta) * jnp.cos(theta)
    return norms * sine / (2 * jnp.pi)


def gated_product(u, v, x):
    """One draw of a step times a square."""
    return jnp.where(u @ x > 0, (v @ x) ** 2, 0.0)


CHECKS = {
    "ReLU kernel": (relu_product, relu_kernel),
    "gated square": (gated_product, lambda u, v: v @ v / 2 + 0 * u[0]),
    "ReLU kernel x 1.01": (relu_product, lambda u, v: 1.01 * relu_kernel(u, v)),
}


def measure(integrand, form, repeats: int) -> dict:
    """Wall and CPU seconds of whole decisions, the compiled programs being ready."""
    experiment = expectation(integrand, x=Normal(8))
    bench = Bench("benchmark", experiment, VECTORS, Mean(), Settings(), [form])
    prepared = bench.prepared(bench.cases()[0])
    start = time.perf_counter()
    decision = prepared.judge(form, explain=True)
    cold = time.perf_counter() - start
    wall, cpu, verdicts = [], [], []
    for repeat in range(repeats):
        prepared.seed = ("benchmark", repeat)
        clock, busy = time.perf_counter(), time.process_time()
        decision = prepared.judge(form, explain=True)
        wall.append(time.perf_counter() - clock)
        cpu.append(time.process_time() - busy)
        verdicts.append(str(decision.verdict))
    return {
        "cold": cold,
        "median": float(np.median(wall)),
        "slowest": max(wall),
        "cpu": float(np.median(cpu)),
        "draws": decision.draws,
        "verdicts": {v: verdicts.count(v) for v in sorted({*verdicts})},
        "diagnosis": decision.diagnosis,
    }


def main() -> None:
    """Time the checks and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = {}
    print(f"{'check':<22}{'first':>8}{'median':>8}{'slowest':>9}{'CPU':>8}  verdicts")
    for name, (integrand, form) in CHECKS.items():
        row = rows[name] = measure(integrand, form, options.repeats)
        print(
            f"{name:<22}{row['cold']:8.2f}{row['median']:8.3f}{row['slowest']:9.3f}"
            f"{row['cpu']:8.3f}  {row['verdicts']} {row['diagnosis']}"
        )
    if options.json:
        found = {
            **described(),
            "seconds": rows,
        }
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
