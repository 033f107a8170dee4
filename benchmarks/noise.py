"""Numbers a second of the generators, and of whole estimates, as a table and as JSON.

    python benchmarks/noise.py [--rounds N] [--json FILE] [--quick]

All cases take turns in one process, because machines and their hours differ. Numbers
are consumed by a mean and a variance in two passes, the same for all. "per CPU" is the
median over the rounds of work per second of processor time, "wall" the best by the
clock; ratios are between medians of the same run. The BLAS of NumPy keeps to one
thread; PyTorch, if it is installed, has all cores, as the engine has.

The estimate is the population gradient of a ReLU unit, E 1(u.x > 0) (v.x)_+ x, with the
mean and the variance of each coordinate. Its share of the generator is the normal
numbers that the engine uses a second over those of "normal: native". Beside it is a
loss with dropout, E |y - W m / p|^2, of 16 outputs and 64 masks m that are 1 with
probability p.
"""

# ruff: noqa: E402
import os

for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import functools
import importlib
import importlib.util
import json
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from machine import described

from empirical.montecarlo import Bernoulli, Layout, Normal, Sampler, expectation
from empirical.montecarlo.noise import (
    Block,
    exact_bits,
    exact_normal,
    threefry2x32,
)
from empirical.montecarlo.sampler import WIDE

SIZE = 2**17
"""Numbers of a chunk."""
CHUNKS = 64
DIMENSIONS = (8, 64, 1024)
NORMALS = 2**23
"""Normal numbers of an estimate."""
CHANCES = {"1/2": 0.5, "0.3": 0.3}
"""Probabilities of masks."""
MASKS, LOSSES = 64, 16
"""Masks and outputs of the loss with dropout."""
RESULTS = Path(__file__).parent / "results" / "noise.json"
Case = tuple[Callable[[], Any], int]
"""What to run, and the numbers or draws that it takes."""


def consumed(values: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean and variance, in two passes."""
    mean = jnp.mean(values)
    variance = jnp.mean((values - mean) ** 2)
    return mean.astype(jnp.float64), variance.astype(jnp.float64)


def streamed(chunk: Callable[[jax.Array, jax.Array], jax.Array]) -> Callable[[], Any]:
    """Mean and variance of many chunks of numbers, in one program."""

    @jax.jit
    def run(key, chunks):
        def body(number, carry):
            values = chunk(key, number.astype(jnp.uint32))
            wide = values.astype(jnp.promote_types(values.dtype, jnp.float32))
            return jax.tree.map(jnp.add, carry, consumed(wide))

        start = jnp.zeros((), jnp.float64)
        return lax.fori_loop(0, chunks, body, (start, start))

    def call():
        with jax.enable_x64(True):
            key = jax.random.key_data(jax.random.key(1))
            return jax.block_until_ready(run(key, CHUNKS))

    return call


def streamed_halves(block: Block, below: float | None = None) -> Callable[[], Any]:
    """The same of the engine's numbers, which come in halves of a block.

    They are compiled as the engine does it where noise is most of the work.

    Args:
        block: With one source.
        below: If given, what is consumed is whether the numbers lie below it.
    """
    half = block.rows // 2
    (source,), (stream,) = block.sizes, block.streams

    @functools.partial(jax.jit, compiler_options=WIDE)
    def run(key, chunks):
        def body(number, carry):
            place = jnp.zeros((), jnp.int64)
            pairs = block.pairs({stream: key}, number, {}, place, half)

            def one_half(side, carry):
                values = block.taken(pairs, side, half)[source]
                if below is not None:
                    values = (values < below).astype(values.dtype)
                return jax.tree.map(jnp.add, carry, consumed(values))

            return lax.fori_loop(0, 2, one_half, carry)

        start = jnp.zeros((), jnp.float64)
        return lax.fori_loop(0, chunks, body, (start, start))

    def call():
        with jax.enable_x64(True):
            key = jax.random.key_data(jax.random.key(1))
            return jax.block_until_ready(run(key, CHUNKS))

    return call


def generators() -> dict[str, Case]:
    """Ways to make words and normal numbers."""

    def with_number(key, number):
        return key ^ jnp.stack([number, jnp.zeros_like(number)])

    def counters(number):
        index = lax.iota(jnp.uint32, SIZE // 2)
        return index, jnp.broadcast_to(number, index.shape)

    def jax_key(key, number):
        return jax.random.wrap_key_data(with_number(key, number))

    def native_words(key, number):
        return jnp.concatenate(threefry2x32((key[0], key[1]), *counters(number)))

    cases = {
        "words: jax.random.bits": lambda k, n: jax.random.bits(
            jax_key(k, n), (SIZE,), jnp.uint32
        ),
        "words: exact_bits": lambda k, n: exact_bits(with_number(k, n), (SIZE,)),
        "words: threefry2x32, both": native_words,
        "normal: jax.random.normal": lambda k, n: jax.random.normal(
            jax_key(k, n), (SIZE,), jnp.float32
        ),
        "normal: exact_normal": lambda k, n: exact_normal(with_number(k, n), (SIZE,)),
        "normal float64: jax.random.normal": lambda k, n: jax.random.normal(
            jax_key(k, n), (SIZE,), jnp.float64
        ),
    }
    found: dict[str, Case] = {
        name: (streamed(chunk), SIZE * CHUNKS) for name, chunk in cases.items()
    }
    for name, noise, dtype in (
        ("normal: native", "native", jnp.float32),
        ("normal float64: native, widened", "native", jnp.float64),
        ("normal float64: fine", "fine", jnp.float64),
    ):
        block = Block({"normal": 8}, SIZE // 8, noise, jnp.dtype(dtype))
        found[name] = streamed_halves(block), SIZE * CHUNKS
    for name, chance in CHANCES.items():
        found |= masks(f"mask {name}", chance)
    random = np.random.default_rng(0)
    for name, dtype in (("normal", np.float32), ("normal float64", np.float64)):
        found[f"{name}: NumPy"] = (
            functools.partial(_numpy_normals, random, dtype),
            SIZE * CHUNKS // 4,
        )
    torch = _torch()
    if torch:
        buffer = torch.empty(SIZE)

        def filled():
            for _ in range(CHUNKS):
                buffer.normal_().var()

        found["normal: torch"] = filled, SIZE * CHUNKS
    return found


def _torch():
    """PyTorch on all cores, if it is installed."""
    if not importlib.util.find_spec("torch"):
        return None
    torch = importlib.import_module("torch")
    torch.set_num_threads(os.cpu_count() or 1)
    return torch


def masks(name: str, chance: float) -> dict[str, Case]:
    """Ways to make masks; all but the packed ones compare uniform numbers with p."""

    def of_jax(key, number):
        own = key ^ jnp.stack([number, jnp.zeros_like(number)])
        own = jax.random.wrap_key_data(own)
        drawn = jax.random.bernoulli(own, jnp.float32(chance), (SIZE,))
        return drawn.astype(jnp.float32)

    found = {f"{name}: jax.random.bernoulli": streamed(of_jax)}
    for kind, dtype in (("float32", jnp.float32), ("float64", jnp.float64)):
        for way, coins in (("compared", ()), ("packed", ((0, 8, chance),))):
            block = Block(
                {"uniform": 8}, SIZE // 8, "native", jnp.dtype(dtype), coins=coins
            )
            found[f"{name}: {way}, as {kind}"] = streamed_halves(block, chance)
    return {name: (run, SIZE * CHUNKS) for name, run in found.items()}


def _numpy_normals(random: np.random.Generator, dtype: Any) -> None:
    for _ in range(CHUNKS // 4):
        random.standard_normal(SIZE, dtype).var()


def relu_gradient(u, v, x):
    """One draw of the gradient."""
    return jnp.where(u @ x > 0, jax.nn.relu(v @ x), 0.0) * x


def estimates(dimension: int) -> dict[str, Case]:
    """Ways to estimate the gradient."""
    rng = np.random.default_rng(dimension)
    u, v = rng.standard_normal((2, 1, dimension))
    points = {"u": u, "v": v}
    draws = NORMALS // dimension
    found: dict[str, Case] = {}

    def engine(name, integrand, **options):
        layout = Layout(expectation(integrand, x=Normal(dimension)), points, {})
        sampler = Sampler(layout, points, directions=0, **options)
        found[name] = (lambda: sampler.moments((1, 2), draws)), draws

    engine("engine float32", relu_gradient, precision="float32")
    engine("engine float64", relu_gradient)
    engine("engine float64, jax.random", relu_gradient, noise="jax")
    single = [jnp.asarray(w[0], jnp.float32) for w in (u, v)]
    over = jax.vmap(relu_gradient, (None, None, 0))

    @jax.jit
    def naive(key):
        values = over(*single, jax.random.normal(key, (draws, dimension), jnp.float32))
        return jnp.mean(values, axis=0), jnp.var(values, axis=0)

    chunk = max(SIZE // dimension, 64)

    @jax.jit
    def streaming(key):
        def body(number, carry):
            count, mean, second = carry
            own = jax.random.fold_in(key, number)
            values = over(*single, jax.random.normal(own, (chunk, dimension), "f4"))
            part = jnp.mean(values, axis=0)
            gap, total = part - mean, count + chunk
            second += jnp.sum((values - part[None]) ** 2, axis=0)
            second += gap**2 * (count * chunk / total)
            return total, mean + gap * (chunk / total), second

        zeros = jnp.zeros(dimension)
        start = (jnp.zeros(()), zeros, zeros)
        return lax.fori_loop(0, draws // chunk, body, start)

    for name, form in (("JAX, naive", naive), ("JAX, streaming", streaming)):
        call = functools.partial(_keyed, form)
        found[name] = call, draws
    random = np.random.default_rng(0)
    host = [w[0].astype(np.float32) for w in (u, v)]
    found["NumPy, chunked"] = (
        functools.partial(_numpy_gradient, random, *host, draws // 4, chunk // 8),
        draws // 4,
    )
    torch = _torch()
    if torch:
        found["torch, chunked"] = (
            functools.partial(_torch_gradient, torch, *host, draws, chunk),
            draws,
        )
    return found


def dropout_loss(w, y, mask):
    """One draw of the loss of a linear layer with dropout, but for the factor 1 / p."""
    return jnp.sum((y - w @ mask) ** 2)


def dropout(chance: float) -> dict[str, Case]:
    """Ways to estimate the loss with dropout."""
    random = np.random.default_rng(0)
    points = {
        "w": random.standard_normal((1, LOSSES, MASKS)) / chance,
        "y": random.standard_normal((1, LOSSES)),
    }
    draws = NORMALS // MASKS
    law, found = Bernoulli(chance, MASKS), dict[str, Case]()
    for precision in ("float32", "float64"):
        layout = Layout(expectation(dropout_loss, mask=law), points, {})
        sampler = Sampler(layout, points, directions=0, precision=precision)
        run = functools.partial(sampler.moments, (1, 2), draws)
        found[f"engine {precision}"] = run, draws
    single = [jnp.asarray(points[name][0], jnp.float32) for name in "wy"]
    over = jax.vmap(dropout_loss, (None, None, 0))

    def drawn(key, count):
        masks = jax.random.bernoulli(key, jnp.float32(chance), (count, MASKS))
        return over(*single, masks.astype(jnp.float32))

    @jax.jit
    def naive(key):
        values = drawn(key, draws)
        return jnp.mean(values), jnp.var(values)

    chunk = SIZE // MASKS

    @jax.jit
    def streaming(key):
        def body(number, carry):
            count, mean, second = carry
            values = drawn(jax.random.fold_in(key, number), chunk)
            gap, total = jnp.mean(values) - mean, count + chunk
            second += chunk * jnp.var(values) + gap**2 * (count * chunk / total)
            return total, mean + gap * (chunk / total), second

        zero = jnp.zeros(())
        return lax.fori_loop(0, draws // chunk, body, (zero, zero, zero))

    for name, form in (("JAX, naive", naive), ("JAX, streaming", streaming)):
        found[name] = functools.partial(_keyed, form), draws
    return found


def _keyed(form):
    return jax.block_until_ready(form(jax.random.key(1)))


def _numpy_gradient(random, u, v, draws, chunk):
    count, mean, second = 0, 0.0, 0.0
    while count < draws:
        x = random.standard_normal((chunk, u.size), np.float32)
        values = (np.maximum(x @ v, 0) * (x @ u > 0))[:, None] * x
        part = values.mean(axis=0)
        gap, total = part - mean, count + chunk
        second = second + ((values - part) ** 2).sum(axis=0)
        second = second + gap**2 * (count * chunk / total)
        count, mean = total, mean + gap * (chunk / total)
    return mean, second


def _torch_gradient(torch, u, v, draws, chunk):
    u, v = torch.from_numpy(u), torch.from_numpy(v)
    count, mean, second = 0, 0.0, 0.0
    x = torch.empty(chunk, u.numel())
    while count < draws:
        x.normal_()
        values = (torch.relu(x @ v) * (x @ u > 0))[:, None] * x
        variance, part = torch.var_mean(values, 0, correction=0)
        gap, total = part - mean, count + chunk
        second = second + variance * chunk + gap**2 * (count * chunk / total)
        count, mean = total, mean + gap * (chunk / total)
    return mean, second


def turns(cases: dict[str, Case], rounds: int) -> dict[str, dict[str, float]]:
    """Million numbers a second of each case, per CPU and by the clock."""
    for run, _ in cases.values():
        run()
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, (run, _) in cases.items():
            cpu, wall = time.process_time(), time.perf_counter()
            run()
            spent = time.process_time() - cpu, time.perf_counter() - wall
            seconds[name].append(spent)
    return {
        name: {
            "per CPU": count / statistics.median(c for c, _ in seconds[name]) / 1e6,
            "wall": count / min(w for _, w in seconds[name]) / 1e6,
        }
        for name, (_, count) in cases.items()
    }


def memory(draws: int) -> dict[str, float]:
    """Growth of the resident memory during many draws, in MiB."""
    points = {name: np.ones((1, 8)) for name in "uv"}
    layout = Layout(expectation(relu_gradient, x=Normal(8)), points, {})
    sampler = Sampler(layout, points, directions=0, precision="float32")
    sampler.moments((1, 2), 2**20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    count = sampler.moments((1, 3), draws).count
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    program, group = sampler._program(True)
    with jax.enable_x64(True):
        options = {
            "directions": np.zeros((0, sampler.outputs)),
            "always": np.asarray(True),
            "inflated": np.asarray(False),
            "inflation": np.zeros(3),
            "cross": np.asarray(False),
            "squash": np.zeros(2),
        }
        keys = sampler._layout_of_noise.keys((1, 2), range(group))
        numbers = np.zeros(group, np.uint32)
        lowered = program.lower(points, keys, numbers, np.asarray(1), options)
        analysis = lowered.compile().memory_analysis()
    return {
        "draws": count,
        "seconds": seconds,
        "growth MiB": (after - before) / 1024,
        "temporaries MiB": analysis.temp_size_in_bytes / 2**20,
    }


def shown(title: str, found: dict[str, dict[str, float]], base: str) -> None:
    """Print a table; ratios are to the base."""
    print(f"\n{title:<38}{'M/s per CPU':>14}{'wall':>10}{'ratio':>9}")
    for name, rates in found.items():
        ratio = rates["per CPU"] / found[base]["per CPU"]
        print(f"{name:<38}{rates['per CPU']:14.2f}{rates['wall']:10.2f}{ratio:9.2f}")


def main() -> None:
    """Measure, print, store."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, default=RESULTS)
    parser.add_argument("--quick", action="store_true", help="no 1e9 draws")
    options = parser.parse_args()
    results: dict[str, Any] = {**described(), "unit": "million a second"}
    results["vector width"] = os.environ.get("XLA_FLAGS", "")
    every = generators()
    native = every["normal: native"][0]
    assert SIZE * CHUNKS == NORMALS
    results["generators"] = turns(every, options.rounds)
    shown("numbers", results["generators"], "normal: jax.random.normal")
    results["gradient"] = {}
    for dimension in DIMENSIONS:
        cases = estimates(dimension)
        cases["generator"] = native, NORMALS // dimension
        found = turns(cases, options.rounds)
        share = found["engine float32"]["per CPU"] / found["generator"]["per CPU"]
        found["engine float32"]["share of the generator"] = share
        results["gradient"][str(dimension)] = found
        shown(f"draws of the gradient, d = {dimension}", found, "JAX, naive")
    results["dropout"] = {}
    for name, chance in CHANCES.items():
        found = turns(dropout(chance), options.rounds)
        results["dropout"][name] = found
        shown(f"draws of the loss with dropout, p = {name}", found, "JAX, naive")
    if not options.quick:
        results["memory"] = memory(10**9)
        print("\n", results["memory"])
    options.json.write_text(json.dumps(_rounded(results), indent=1) + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
