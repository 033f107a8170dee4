"""Time and accuracy of Gram matrices of ReLU kernels, as a table and as JSON.

    python benchmarks/kernels.py [--peer PYTHON] [--rounds N] [--json FILE]

The cases take turns in one process, since machines and their hours differ; figures are
medians. PYTHON belongs to an environment with neural-tangents, see benchmarks/peers; it
serves its turns from a process of its own. Errors are against the recursion in
50 digits, relative to the entry or a quarter of |x| |y|, the larger, for the diagonal,
for planted pairs of close inputs, and for 200 pairs drawn. The floor is what no
program avoids that keeps the digits of close inputs: to write a matrix of this size,
and to form half of its inner products in float64.
"""

import argparse
import functools
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
from machine import described

from analytic import gram

SIZES, DEPTHS, DIMENSION = (1000, 4000), (1, 10), 64
DISTANCES = (1e-1, 1e-2, 1e-3, 1e-4)
SERVER = Path(__file__).parent / "peers" / "serve_neural_tangents.py"


def inputs(size: int) -> np.ndarray:
    """Normal rows; number 2k + 1 of the first eight is close to number 2k."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(size, DIMENSION))
    for k, distance in enumerate(DISTANCES):
        x[2 * k + 1] = x[2 * k] + distance * x[2 * k + 1]
    return x.astype("float32")


@functools.partial(jax.jit, static_argnames="depth")
def with_arccos(x: jax.Array, depth: int) -> jax.Array:
    """The tangent kernel as one writes it down."""
    norms = jnp.linalg.norm(x, axis=1)
    u = x / norms[:, None]
    cosine = tangent = jnp.clip(u @ u.T, -1, 1)
    for _ in range(depth):
        theta = jnp.arccos(cosine)
        cosine = (jnp.sin(theta) + (jnp.pi - theta) * cosine) / jnp.pi
        tangent = cosine + (1 - theta / jnp.pi) * tangent
    return norms[:, None] * norms[None] * tangent


@jax.jit
def filled(x: jax.Array) -> jax.Array:
    """A matrix of the size of the result, all of it the same number."""
    return jnp.full((len(x), len(x)), x[0, 0])


@jax.jit
def products(x: jax.Array) -> jax.Array:
    """Inner products in float64 of one half, each tile written over the one before."""
    size = min(gram.TILE, len(x))
    with jax.enable_x64(True):
        wide = x.astype(jnp.float64)
        starts = range(0, len(x) - size + 1, size)
        places = jnp.asarray([(i, j) for i in starts for j in starts if j <= i])

        def step(number: jax.Array, tile: jax.Array) -> jax.Array:
            del tile
            u, v = (
                jax.lax.dynamic_slice_in_dim(wide, start, size)
                for start in places[number]
            )
            return jax.lax.dot_general(u, v, (((1,), (1,)), ((), ())))

        empty = jnp.zeros((size, size), wide.dtype)
        return jax.lax.fori_loop(0, len(places), step, empty)


def exact(x: np.ndarray, y: np.ndarray, depth: int) -> float:
    """One entry, in 50 digits."""
    with mpmath.workdps(50):
        u, v = ([mpmath.mpf(float(entry)) for entry in row] for row in (x, y))
        norms = mpmath.sqrt(mpmath.fdot(u, u) * mpmath.fdot(v, v))
        kernel = tangent = mpmath.fdot(u, v)
        for _ in range(depth):
            theta = mpmath.acos(max(-1, min(1, kernel / norms)))
            angular = mpmath.sin(theta) + (mpmath.pi - theta) * mpmath.cos(theta)
            kernel = norms * angular / mpmath.pi
            tangent = kernel + (1 - theta / mpmath.pi) * tangent
        return float(tangent)


def errors(matrix: np.ndarray, x: np.ndarray, depth: int) -> dict[str, float]:
    """Worst relative errors: close pairs, diagonal, pairs drawn."""
    rng = np.random.default_rng(1)
    groups = {f"close {d:g}": [(2 * k, 2 * k + 1)] for k, d in enumerate(DISTANCES)}
    groups["diagonal"] = [(k, k) for k in range(0, len(x), len(x) // 50)]
    pairs = rng.integers(8, len(x), (200, 2))
    groups["drawn"] = [(int(i), int(j)) for i, j in pairs if i != j]
    found = {}
    for name, places in groups.items():
        found[name] = 0.0
        for i, j in places:
            want = exact(x[i], x[j], depth)
            # The kernel of one layer changes its sign within the pairs drawn.
            norms = np.linalg.norm(x[i].astype(float)) * np.linalg.norm(x[j])
            error = abs(float(matrix[i, j]) - want) / max(abs(want), norms / 4)
            found[name] = max(found[name], error)
    return found


def timed(form: Callable[[], jax.Array]) -> tuple[float, float]:
    """CPU and wall seconds of one evaluation."""
    cpu, wall = time.process_time(), time.perf_counter()
    form().block_until_ready()
    return time.process_time() - cpu, time.perf_counter() - wall


def measure(size: int, depth: int, rounds: int, peer: subprocess.Popen | None) -> dict:
    """All cases of one size and depth, in turns."""
    data = inputs(size)
    x = jnp.asarray(data)
    ours = jax.jit(lambda x: gram.tangent(x, depth=depth))
    forms = {"gram": lambda: ours(x), "arccos": lambda: with_arccos(x, depth)}
    matrices = {name: np.asarray(form()) for name, form in forms.items()}
    cases: dict[str, Callable] = {
        name: functools.partial(timed, form) for name, form in forms.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/inputs.npy"
        np.save(path, data)

        def ask(*rest: str) -> tuple[float, float]:
            assert peer is not None
            assert peer.stdin is not None
            assert peer.stdout is not None
            peer.stdin.write(" ".join(["ntk", str(depth), path, *rest]) + "\n")
            peer.stdin.flush()
            cpu, wall = map(float, peer.stdout.readline().split())
            return cpu, wall

        if peer:
            ask("values")
            matrices["neural-tangents"] = np.load(path + ".peer.npy")
            cases["neural-tangents"] = ask
        least = {"fill": filled, "float64 products": products}
        for name, form in least.items():
            form(x).block_until_ready()
            cases[name] = functools.partial(timed, functools.partial(form, x))
        times: dict[str, list] = {name: [] for name in cases}
        for _ in range(rounds):
            for name, case in cases.items():
                times[name].append(case())
    floor = {name: times.pop(name) for name in least}
    memory = ours.lower(x).compile().memory_analysis()
    row: dict = {
        "size": size,
        "depth": depth,
        "temporaries_over_result": memory.temp_size_in_bytes
        / memory.output_size_in_bytes,
        "floor_cpu_ms": {
            name: 1e3 * statistics.median(cpu for cpu, _ in pairs)
            for name, pairs in floor.items()
        },
        "cases": {
            name: {
                "cpu_ms": 1e3 * statistics.median(cpu for cpu, _ in pairs),
                "wall_ms": 1e3 * statistics.median(wall for _, wall in pairs),
                "errors": errors(matrices[name], data, depth),
            }
            for name, pairs in times.items()
        },
    }
    least_ms = row["floor_cpu_ms"]
    print(f"n={size:<5} " + ", ".join(f"{k} {v:.1f} ms" for k, v in least_ms.items()))
    best = row["cases"]["gram"]
    for name, case in row["cases"].items():
        case["times_gram_cpu"] = case["cpu_ms"] / best["cpu_ms"]
        case["times_gram_wall"] = case["wall_ms"] / best["wall_ms"]
        worst = max(case["errors"].values())
        print(
            f"n={size:<5} depth={depth:<3} {name:<16}{case['cpu_ms']:9.1f} ms CPU"
            f"{case['wall_ms']:9.1f} ms wall {case['times_gram_cpu']:6.1f}x"
            f"   worst error {worst:.1e}",
            flush=True,
        )
    return row


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", help="python of an environment with neural-tangents")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    peer = None
    if options.peer:
        peer = subprocess.Popen(
            [options.peer, str(SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    rows = [measure(n, depth, options.rounds, peer) for n in SIZES for depth in DEPTHS]
    if peer and peer.stdin:
        peer.stdin.close()
        peer.wait()
    if options.json:
        found = {
            **described(),
            "load": os.getloadavg(),
            "peer": "neural-tangents 0.6.5 with jax 0.4.30" if options.peer else None,
            "rounds": options.rounds,
            "rows": rows,
        }
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
