"""Seconds for a test suite of 100 checks with 64 parameter points each.

    python benchmarks/suite.py [--json FILE]

Run twice in a fresh process with one cache folder: at first nothing is compiled, then
everything. One half of the checks is decided exactly; the other half has a uniform
number beside the normal ones, so it is sampled. As on the command line, as many are
checked at a time as there are cores. Programs are counted by JAX's own events. The
second table is of one property: a kernel at 200 pairs of vectors of one shape, as a
property test has them.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from machine import described

from tallystick import Normal, Uniform, Vector, check, expectation
from tallystick.compilation import SWITCH, keep_programs

SIZE, POINTS = 8, 64
KINDS = 5
VECTOR = Vector(SIZE, norm=(0.5, 1.5))


def pair(kind: int, k: int):
    """A function of u.x and v.x, and its mean, which depends on the number k."""
    # Vectors are no longer than 1.5: no mean is much smaller than a draw.
    scale = k / 20
    match kind:
        case 0:
            return (
                lambda a, b: jnp.cos(scale * a) + 0 * b,
                lambda u, v: jnp.exp(-(scale**2) * (u @ u) / 2) + 0 * v[0],
            )
        case 1:
            return (
                lambda a, b: jnp.exp(scale / 2 * a) * b,
                lambda u, v: scale / 2 * (u @ v) * jnp.exp(scale**2 * (u @ u) / 8),
            )
        case 2:
            order = 1 + k % 3
            moment = math.gamma((order + 1) / 2) * 2 ** (order / 2 - 1) / math.pi**0.5
            return (
                lambda a, b: scale * jnp.maximum(a, 0) ** order + 0 * b,
                lambda u, v: scale * moment * (u @ u) ** (order / 2) + 0 * v[0],
            )
        case 3:
            return (
                lambda a, b: jnp.where(a > 0, scale * b * b, 0.0),
                lambda u, v: scale * (v @ v) / 2 + 0 * u[0],
            )
        case _:
            slope = 2 * scale / math.sqrt(math.pi)
            return (
                lambda a, b: jax.scipy.special.erf(scale * a) * b,
                lambda u, v: slope * (u @ v) / jnp.sqrt(1 + 2 * scale**2 * (u @ u)),
            )


def experiment(function, sampled: bool):
    """The draws of a function of u.x and v.x, if wanted with a factor of mean one."""
    if not sampled:
        return expectation(lambda u, v, x: function(u @ x, v @ x), x=Normal(SIZE))
    return expectation(
        lambda u, v, x, s: (1 + s) * function(u @ x, v @ x),
        x=Normal(SIZE),
        s=Uniform(low=-0.5, high=0.5),
    )


def checked(index: int):
    """The report of one of the checks."""
    k = index // KINDS
    function, mean = pair(index % KINDS, 1 + k)
    draws = experiment(function, sampled=bool(k % 2))
    return check(mean, draws, u=VECTOR, v=VECTOR, points=POINTS)


def suite(number: int) -> dict:
    """Wall seconds, programs and verdicts of the checks in this process."""
    counts = {"compiled": 0, "loaded": 0}
    events = {
        "/jax/compilation_cache/cache_misses": "compiled",
        "/jax/compilation_cache/cache_hits": "loaded",
    }

    def count(event: str, **_) -> None:
        if event in events:
            counts[events[event]] += 1

    jax.monitoring.register_event_listener(count)
    keep_programs()
    verdicts: dict[str, int] = {}
    start = time.perf_counter()
    first = math.nan
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for report in pool.map(checked, range(number)):
            verdicts[report.verdict] = verdicts.get(report.verdict, 0) + 1
            if math.isnan(first):
                first = time.perf_counter() - start
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "first": first, **counts, "verdicts": verdicts}


def property_examples(examples: int = 200) -> dict:
    """Median seconds of one more example of a property, all of one shape."""
    from analytic import arc_cosine

    kernel = jax.jit(arc_cosine.kernel, static_argnames="degree")
    random = np.random.default_rng(0)
    seconds = []
    for _ in range(examples):
        x, y = random.standard_normal((2, SIZE)).astype(np.float32)
        start = time.perf_counter()
        assert abs(kernel(x, y, degree=1) - kernel(y, x, degree=1)) < 1e-5
        seconds.append(time.perf_counter() - start)
    return {"median": float(np.median(seconds)), "first": seconds[0]}


def main() -> None:
    """Run the suite cold and warm and print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checks", type=int, default=100)
    parser.add_argument("--here", action="store_true", help="once, in this process")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.here:
        found = suite(options.checks) | {"example": property_examples()}
        print(json.dumps(found))
        return
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("cold", "warm"):
            command = [sys.executable, __file__, "--here"]
            command += ["--checks", str(options.checks)]
            start = time.perf_counter()
            done = subprocess.run(
                command,
                env={**environment(), SWITCH: folder},
                capture_output=True,
                text=True,
                check=True,
            )
            row = rows[name] = json.loads(done.stdout)
            row["process"] = time.perf_counter() - start
            print(
                f"{name}: {row['seconds']:.1f} s for {options.checks} checks, first"
                f" verdict {row['first']:.2f} s, {row['compiled']} programs compiled,"
                f" {row['loaded']} loaded, {row['verdicts']}; one more example of a"
                f" property {1e3 * row['example']['median']:.2f} ms"
            )
    if options.json:
        found = {**described(), "checks": options.checks, "points": POINTS}
        options.json.write_text(json.dumps({**found, "runs": rows}, indent=2) + "\n")


def environment() -> dict[str, str]:
    """The environment without a cache folder of the user's."""
    return {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}


if __name__ == "__main__":
    main()
