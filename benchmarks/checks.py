"""Seconds that a check takes once its programs are compiled, as a table and as JSON.

    python benchmarks/checks.py [--repeats 21] [--json FILE]

Each check has a scalar integrand of eight normal numbers, 32 parameter points and the
default tolerance, and is decided anew from a fresh seed every time; programs are traced
anew, and their compiled code comes from JAX's cache on disk. The sampled checks have
a uniform number more, which rules the exact route out. Forms times 1.01 are convicted,
and their time includes the diagnosis.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from machine import described

from tallystick import Domain, Mean, Normal, Uniform, expectation
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


def sampled(integrand):
    """The same mean, with noise that can be neither summed nor integrated."""
    return expectation(
        lambda u, v, x, s: (1 + s) * integrand(u, v, x),
        x=Normal(8),
        s=Uniform(low=-0.5, high=0.5),
    )


def larger(form):
    """A form one percent too large."""
    return lambda u, v: 1.01 * form(u, v)


def gated_mean(u, v):
    """The mean of the gated product."""
    return v @ v / 2 + 0 * u[0]


RELU = expectation(relu_product, x=Normal(8))
CHECKS = {
    "ReLU kernel": (RELU, relu_kernel),
    "gated square": (expectation(gated_product, x=Normal(8)), gated_mean),
    "ReLU kernel x 1.01": (RELU, larger(relu_kernel)),
    "ReLU kernel, sampled": (sampled(relu_product), relu_kernel),
    "gated square, sampled": (sampled(gated_product), gated_mean),
    "x 1.01, sampled": (sampled(relu_product), larger(relu_kernel)),
}


def measure(experiment, form, repeats: int) -> dict:
    """Wall and CPU seconds of whole decisions, the compiled programs being ready."""
    bench = Bench("benchmark", experiment, VECTORS, Mean(), Settings(), [form])
    prepared = bench.prepared(bench.cases()[0])
    start = time.perf_counter()
    decision = prepared.judge(form, explain=True)
    cold = time.perf_counter() - start
    wall, cpu, verdicts = [], [], []
    for repeat in range(repeats):
        prepared.seed = ("benchmark", repeat)
        prepared.__dict__.pop("exact", None)  # Else the exact mean is kept.
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
    cache = tempfile.TemporaryDirectory()
    jax.config.update("jax_compilation_cache_dir", cache.name)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    print(f"{'check':<22}{'first':>8}{'median':>8}{'slowest':>9}{'CPU':>8}  verdicts")
    for name, (experiment, form) in CHECKS.items():
        row = rows[name] = measure(experiment, form, options.repeats)
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
