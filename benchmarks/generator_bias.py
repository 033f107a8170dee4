"""Bias of random generators: how far the means of what they draw lie from the law's.

    python benchmarks/generator_bias.py [--json FILE] [--draws N] [NAME ...]

A generator of normal numbers maps random bits to a grid of uniform numbers and these to
normal ones, so that its tails end and its values are lumps. The installed JAX's own
program is run on given bits in place of random ones:

- up to 2^23 values (float32, float16, bfloat16) all of them are summed: exact;
- for 2^52 values (float64) the outermost 2^16 at each end are summed and compared with
  the integral over their part of the law. Between them the values are
  (k + c) h-quantiles, h = 2^-52, and the Euler-Maclaurin formula gives the difference
  h (c - 1/2) [g] of sum and integral. The rounding of the inverse error function is
  measured at sampled quantiles, and its effect bounded.

The engine's own normal numbers are R cos A of a random radius and a random angle. The
mean over the angle is known as a function of R, and the 2^32 radii are treated like the
values of float64. The 2^32 angles are spaced evenly, so that their sums miss a mean by
rounding only, which is measured at sampled angles, and its effect bounded.

The column that matters for a verdict is the number of draws, (deviation / bias)^2, at
which the bias equals one standard error, with the deviation of what is drawn.
"""

import argparse
import itertools
import json
import math
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
from scipy import integrate, special, stats

from empirical.montecarlo.noise import minus_log, normal_pair, sine_of_turns
from empirical.montecarlo.program import apply, run

__all__ = ["GENERATORS", "Entry", "Test", "audit", "normal_tests", "uniform_tests"]

MOST_ENUMERATED = 2**23
CHUNK = 2**16
TAIL = 2**16
"""Values of float64 that are summed one by one at each end."""
ROUNDED = 512
"""Quantiles at which the rounding of a float64 generator is measured."""
RESULTS = Path(__file__).parent / "results" / "generator_bias.json"


@dataclass(frozen=True)
class Test:
    """A function g whose mean a generator should reproduce.

    Attributes:
        name: The formula.
        value: g, of an array in double precision.
        mean: Its mean under the law.
        slope: E |x g'(x)|: the relative error of x times this bounds its effect.
        jump: Where |x| makes g jump; 0 if g is continuous.
    """

    name: str
    value: Callable[[np.ndarray], np.ndarray]
    mean: float
    slope: float
    jump: float = 0.0


@dataclass(frozen=True)
class Entry:
    """What a generator makes of the mean of one function.

    Attributes:
        true: The mean under the law.
        bias: The mean of what is drawn, minus the true one; None if it is not finite.
        uncertainty: What the bias may be off by.
        deviation: Standard deviation of what is drawn.
        draws: How many draws make the bias equal one standard error.
    """

    true: float
    bias: float | None
    uncertainty: float
    deviation: float | None
    draws: float | None


@dataclass(frozen=True)
class Generator:
    """A way to draw, and the grid behind it.

    Attributes:
        draw: Numbers of a shape, from a key.
        dtype: Their precision.
        law: What they should follow.
        place: Where in its cell of probability h a value lies, from 0 to 1.
    """

    draw: Callable[[jax.Array, tuple[int, ...]], jax.Array]
    dtype: Any
    law: Any
    place: float

    def grid(self, ranks: np.ndarray) -> np.ndarray:
        """The values made from these ranks among the uniform numbers, as doubles."""
        bits, width = self.resolution
        with jax.enable_x64(True):
            words = jnp.asarray(ranks.astype(np.uint64) << np.uint64(width - bits))
            words = words.astype(f"uint{width}")

            def rule(equation, values):
                if equation.primitive.name != "random_bits":
                    return apply(equation, values)
                assert equation.params["bit_width"] == width
                return [words]

            key = jax.random.key(0)
            program = jax.make_jaxpr(lambda key: self.draw(key, ranks.shape))(key)
            return np.asarray(run(program, [key], rule)[0].astype(jnp.float64))

    @property
    def resolution(self) -> tuple[int, int]:
        """Random bits that count, and bits that are drawn."""
        kept = int(jnp.finfo(self.dtype).nmant)
        return kept, max(8, int(jnp.finfo(self.dtype).bits) if kept >= 8 else 8)

    @property
    def size(self) -> int:
        """How many values the uniform numbers have."""
        return 2 ** self.resolution[0]

    def quantile(self, share: Any) -> Any:
        """The value of the law below which a share lies, in the digits of mpmath."""
        return mpmath.sqrt(2) * mpmath.erfinv(2 * share - 1)

    @property
    def tests(self) -> list[Test]:
        """What it is judged by."""
        return normal_tests() if self.law is stats.norm else uniform_tests()

    @property
    def further_rounding(self) -> float:
        """Relative error that the values get after those of the grid."""
        return 0.0


class Native(Generator):
    """The engine's normal numbers; the grid is that of their radii."""

    def grid(self, ranks: np.ndarray) -> np.ndarray:
        """Radii, as doubles."""
        words = jnp.asarray((self.size - 1 - ranks.astype(np.int64)).astype(np.uint32))
        radius = jax.jit(lambda words: jnp.sqrt(2 * minus_log(words)))(words)
        return np.asarray(radius, np.float64)

    @property
    def resolution(self) -> tuple[int, int]:
        """All bits of a word count."""
        return 32, 32

    def quantile(self, share: Any) -> Any:
        """Of the law of the radius."""
        return mpmath.sqrt(-2 * mpmath.log1p(-share))

    @property
    def tests(self) -> list[Test]:
        """Means over the angle, of the functions that are not odd."""
        return radial_tests()

    @property
    def further_rounding(self) -> float:
        """Of the sine and of the product."""
        spread = np.random.default_rng(1).integers(0, 2**32, ROUNDED)
        near = (2.0 ** np.linspace(0, 31, ROUNDED)).astype(np.int64)
        words = np.concatenate([spread, near, 2**31 + near - 1]).astype(np.uint32)
        sines = np.asarray(jax.jit(sine_of_turns)(jnp.asarray(words)), np.float64)
        worst = 0.0
        with mpmath.workdps(40):
            for word, sine in zip(words, sines, strict=True):
                turns = (mpmath.mpf(int(word)) + 0.5) / 2**32
                exact = mpmath.sinpi(2 * turns)
                worst = max(worst, float(abs(mpmath.mpf(float(sine)) / exact - 1)))
        return worst + 2.0**-24


def _generators() -> dict[str, Generator]:
    found = {}
    for kind in ("bfloat16", "float16", "float32", "float64"):
        dtype = jnp.dtype(kind)
        tiny = float(jnp.finfo(dtype).tiny)

        def normal(key, shape, dtype=dtype):
            return jax.random.normal(key, shape, dtype)

        def uniform(key, shape, dtype=dtype):
            return jax.random.uniform(key, shape, dtype)

        def inverse(key, shape, dtype=dtype):
            return jax.scipy.special.ndtri(jax.random.uniform(key, shape, dtype))

        def above(key, shape, dtype=dtype, tiny=tiny):
            base = jax.random.uniform(key, shape, dtype, minval=tiny)
            return jax.scipy.special.ndtri(base)

        # jax.random.normal takes uniform numbers from the one after -1, in steps of
        # twice the spacing there: a quarter of a step above the end of the cell.
        found[f"normal {kind}"] = Generator(normal, dtype, stats.norm, 0.25)
        found[f"uniform {kind}"] = Generator(uniform, dtype, stats.uniform, 0.0)
        if kind in ("float32", "float64"):
            found[f"ndtri(uniform) {kind}"] = Generator(inverse, dtype, stats.norm, 0.0)
            found[f"ndtri(uniform > 0) {kind}"] = Generator(
                above, dtype, stats.norm, 0.0
            )

    def native(key, shape):
        words = jax.random.bits(key, (2, math.prod(shape) // 2), jnp.uint32)
        return jnp.concatenate(normal_pair(*words)).reshape(shape)

    single = jnp.dtype("float32")
    found["native normal float32"] = Native(native, single, stats.rayleigh, 0.5)
    return found


GENERATORS = _generators()


def normal_tests() -> list[Test]:
    """Moments, exponentials, exponentials of squares, ReLU moments and tails."""

    def absolute(k: int) -> float:  # E |z|^k
        return 2 ** (k / 2) * math.gamma((k + 1) / 2) / math.sqrt(math.pi)

    tests = [
        Test(f"z^{k}", lambda z, k=k: z**k, absolute(k) * (k % 2 == 0), k * absolute(k))
        for k in range(1, 13)
    ]
    for t in (number / 2 for number in range(1, 9)):
        spread = t * math.erf(t / math.sqrt(2)) + 2 * float(stats.norm.pdf(t))
        mean = math.exp(t**2 / 2)
        tests.append(
            Test(f"exp({t:g} z)", lambda z, t=t: np.exp(t * z), mean, t * mean * spread)
        )
    for a in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3):
        mean = (1 - 2 * a) ** -0.5
        tests.append(
            Test(
                f"exp({a:g} z^2)",
                lambda z, a=a: np.exp(a * z**2),
                mean,
                2 * a * mean**3,
            )
        )
    tests += [
        Test(
            f"relu(z)^{k}",
            lambda z, k=k: np.maximum(z, 0) ** k,
            absolute(k) / 2,
            k * absolute(k) / 2,
        )
        for k in range(1, 9)
    ]
    tests += [
        Test(
            f"1(|z| > {t})",
            lambda z, t=t: 1.0 * (np.abs(z) > t),
            math.erfc(t / math.sqrt(2)),
            2 * t * float(stats.norm.pdf(t)),
            jump=t,
        )
        for t in range(1, 9)
    ]
    return tests


def radial_tests() -> list[Test]:
    """Means of `normal_tests` over the angle, as functions of the radius."""

    def power(k: int) -> float:  # E r^k
        return 2 ** (k / 2) * math.gamma(1 + k / 2)

    def of(test: Test) -> Callable[[np.ndarray], np.ndarray] | None:
        kind, _, number = test.name.partition("^")
        if kind == "z":
            # Odd powers cancel exactly: the angles come in pairs.
            factor, k = test.mean / power(int(number)), int(number)
            return (lambda r: factor * r**k) if k % 2 == 0 else None
        if kind == "relu(z)":
            factor, k = test.mean / power(int(number)), int(number)
            return lambda r: factor * r**k
        if test.jump:
            jump = test.jump
            return lambda r: (
                2 / math.pi * np.arccos(jump / np.maximum(r, jump)) * (r > jump)
            )
        rate = float(test.name[4:].split()[0])
        if "z^2" in test.name:
            return lambda r: np.exp(rate * r**2) * special.ive(0, rate * r**2 / 2)
        return lambda r: special.i0(rate * r)

    found = [(test, of(test)) for test in normal_tests()]
    return [replace(test, value=value) for test, value in found if value is not None]


def uniform_tests() -> list[Test]:
    """Moments, and moments of the exponential number -log(1 - u)."""
    tests = [
        Test(f"u^{k}", lambda u, k=k: u**k, 1 / (k + 1), k / (k + 1))
        for k in range(1, 13)
    ]
    return tests + [
        Test(
            f"(-log(1-u))^{k}",
            lambda u, k=k: (-np.log1p(-u)) ** k,
            math.gamma(k + 1),
            0,
        )
        for k in range(1, 5)
    ]


def audit(generator: Generator, tests: Sequence[Test]) -> dict[str, Entry]:
    """The bias of a generator for the mean of each function."""
    if generator.size > MOST_ENUMERATED:
        found = dict(_stratified(generator, tests))
        if isinstance(generator, Native):
            return {name: _spread(name, entry) for name, entry in found.items()}
        return found
    # Sums of chunks, each pairwise, added exactly.
    parts = []
    for start in range(0, generator.size, CHUNK):
        stop = min(start + CHUNK, generator.size)
        parts.append(_sums(generator.grid(np.arange(start, stop)), tests))
    means, squares = (
        [_total(column) / generator.size for column in np.stack(parts)[:, which].T]
        for which in (0, 1)
    )
    return {
        test.name: _entry(test, mean - test.mean, 1e-15 * _size(test), mean, square)
        for test, mean, square in zip(tests, means, squares, strict=True)
    }


def _spread(name: str, entry: Entry) -> Entry:
    """The entry with the deviation of g itself, not of its mean over the angle."""
    test = next(test for test in normal_tests() if test.name == name)
    if name in ("exp(0.25 z^2)", "exp(0.3 z^2)"):  # Their squares have no mean.
        return replace(entry, deviation=None, draws=None)

    def square(x):
        return float(test.value(np.asarray(x)) ** 2 * stats.norm.pdf(x))

    cuts = [-40.0, -8.0, -test.jump, 0.0, test.jump, 8.0, 40.0]
    parts = (_integral(square, a, b, 1e-8) for a, b in itertools.pairwise(cuts))
    deviation = math.sqrt(sum(parts) - test.mean**2)
    draws = (deviation / entry.bias) ** 2 if entry.bias else None
    return replace(entry, deviation=deviation, draws=draws)


def _sums(values: np.ndarray, tests: Sequence[Test]) -> np.ndarray:
    """Sums of the functions and of their squares, shape (2, tests)."""
    with np.errstate(all="ignore"):
        every = np.stack([test.value(values) for test in tests])
        return np.stack([every.sum(axis=1), (every**2).sum(axis=1)])


def _total(column: np.ndarray) -> float:
    finite = np.isfinite(column).all()
    return math.fsum(column) if finite else float(np.sum(column))


def _size(test: Test) -> float:
    return max(abs(test.mean), test.slope, 1e-300)


def _entry(test, bias, uncertainty, mean, square) -> Entry:
    if not math.isfinite(bias):
        return Entry(test.mean, None, uncertainty, None, None)
    variance = float(square) - float(mean) * float(mean)
    if not math.isfinite(variance):
        return Entry(test.mean, bias, uncertainty, None, None)
    deviation = math.sqrt(max(variance, 0.0))
    draws = (deviation / bias) ** 2 if bias and deviation else None
    return Entry(test.mean, bias, uncertainty, deviation, draws)


def _stratified(
    generator: Generator, tests: Sequence[Test]
) -> Iterator[tuple[str, Entry]]:
    """Entries for a grid too fine to be enumerated: ends summed, middle in formulas."""
    step = 1 / generator.size
    ends = [np.arange(TAIL), generator.size - TAIL + np.arange(TAIL)]
    grids = [generator.grid(ranks) for ranks in ends]
    rounding = _rounding(generator)
    sums = np.sum([_sums(grid, tests) for grid in grids], axis=0) * step
    density = generator.law.pdf
    low, high = generator.law.support()
    # g is smooth between these quantiles, and neither ends nor mass are lost.
    inner = 10.0 ** -np.arange(9, 0, -1)
    shares = [TAIL * step, *inner[inner > TAIL * step], 0.5]
    lower, upper = (side(shares) for side in (generator.law.ppf, generator.law.isf))
    cuts = np.unique(np.concatenate([lower, upper]))
    edges = cuts[0], cuts[-1]
    for test, tail, tail_square in zip(tests, *sums, strict=True):

        def integral(power, start, stop, test=test):
            def weighted(x):
                return float(test.value(np.asarray(x)) ** power * density(x))

            return _integral(weighted, start, stop, 1e-11 if power == 1 else 1e-6)

        if test.jump and test.jump < edges[1]:
            # The values beyond the jump are counted right up to one on each side.
            mean, bias, square = test.mean, 0.0, test.mean
            uncertainty = 2 * step + rounding * test.slope
        else:
            reach = _outer(test, edges, low, high, integral)
            at = [float(test.value(np.asarray(edge))) for edge in edges]
            bias = tail - reach + step * (generator.place - 0.5) * (at[1] - at[0])
            middle = sum(integral(2, a, b) for a, b in itertools.pairwise(cuts))
            square, mean = middle + tail_square, test.mean + bias
            uncertainty = rounding * test.slope + 1e-11 * abs(reach)
        yield test.name, _entry(test, bias, uncertainty, mean, square)


def _outer(test, edges, low, high, integral) -> float:
    """The integral over both ends of the law."""
    if test.jump:
        return test.mean
    if math.isfinite(high):
        # An end of a bounded law: g may grow without bound there, in the logarithm.
        width = edges[0]
        lower = integral(1, low, edges[0])
        return lower + _integral(lambda gap: _near_one(test, gap), 0.0, width)
    return sum(
        integral(1, a, b)
        for a, b in [
            (edges[1], edges[1] + 3),
            (edges[1] + 3, edges[1] + 30),
            (max(edges[0] - 3, low), edges[0]),
            (max(edges[0] - 30, low), max(edges[0] - 3, low)),
        ]
    )


def _integral(function, start: float, stop: float, relative: float = 1e-11) -> float:
    """An integral to a relative error, of a function that may vanish."""
    return integrate.quad(
        function, start, stop, epsabs=1e-300, epsrel=relative, limit=400
    )[0]


def _near_one(test: Test, gap: float) -> float:
    """g(1 - gap) without the cancellation."""
    if test.name.startswith("(-log"):
        return (-math.log(gap)) ** int(test.name.rpartition("^")[2])
    return float(test.value(np.asarray(1 - gap)))


def _rounding(generator: Generator) -> float:
    """Largest relative error of sampled values against quantiles at 40 digits."""
    if generator.law is stats.uniform:
        return 0.0
    spread = np.random.default_rng(0).uniform(size=ROUNDED)
    size = generator.size
    outer = 2.0 ** np.linspace(1, generator.resolution[0] - 2, ROUNDED)
    ranks = np.unique(
        np.concatenate([spread * size, outer, size - 1 - outer]).astype(np.uint64)
    )
    worst = 0.0
    with mpmath.workdps(40):
        for rank, value in zip(ranks, generator.grid(ranks), strict=True):
            share = (mpmath.mpf(int(rank)) + generator.place) / size
            exact = generator.quantile(share)
            if exact:
                worst = max(worst, float(abs(mpmath.mpf(float(value)) / exact - 1)))
    return worst + generator.further_rounding


def sampled(name: str, tests: Sequence[Test], draws: int) -> dict[str, list[float]]:
    """Mean and standard error of real draws, to compare with the table."""
    generator = GENERATORS[name]
    block = 2**20

    @jax.jit
    def values(key):
        return generator.draw(key, (block,)).astype(jnp.float64)

    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(7), -(-draws // block))
        parts = [_sums(np.asarray(values(key)), tests) for key in keys]
    mean, square = np.sum(parts, axis=0) / (len(parts) * block)
    error = np.sqrt((square - mean**2) / (len(parts) * block))
    return {
        test.name: [float(m), float(e)]
        for test, m, e in zip(tests, mean, error, strict=True)
    }


def _rounded(entry: Entry) -> dict[str, float | None]:
    return {
        name: None if value is None else float(f"{value:.6g}")
        for name, value in asdict(entry).items()
    }


def _print_table(entries: Mapping[str, Entry]) -> None:
    print(f"{'':<18}{'true':>12}{'bias':>12}{'+-':>9}{'relative':>11}{'draws':>10}")
    for name, entry in entries.items():
        if entry.bias is None:
            print(f"{name:<18}{entry.true:12.5g}{'not finite':>12}")
            continue
        relative = f"{entry.bias / entry.true:11.1e}" if entry.true else " " * 11
        draws = f"{entry.draws:10.1e}" if entry.draws else f"{'-':>10}"
        print(
            f"{name:<18}{entry.true:12.5g}{entry.bias:12.2e}"
            f"{entry.uncertainty:9.0e}{relative}{draws}"
        )


def _cross_check(table: Mapping[str, Any], draws: int) -> dict[str, Any]:
    """Means of real draws, and how far they lie from the table and from the law."""
    wanted = ("z^2", "z^8", "exp(3 z)", "exp(4 z)", "1(|z| > 5)")
    tests = [test for test in normal_tests() if test.name in wanted]
    checks = {}
    for name in filter(table.get, ("normal float32", "normal float64")):
        checks[name] = sampled(name, tests, draws)
        print(f"\n{name}, {draws} draws: standard errors from the table, from the law")
        for test in tests:
            mean, error = checks[name][test.name]
            off = (mean - test.mean) / error
            bias = table[name]["entries"][test.name]["bias"] / error
            print(f"{test.name:<18}{off - bias:8.2f}{off:8.2f}")
    return {"draws": draws, "mean and error": checks}


def main() -> None:
    """Audit the generators, print the table and store it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help=", ".join(GENERATORS))
    parser.add_argument("--json", type=Path, default=RESULTS)
    parser.add_argument("--draws", type=int, default=2**26, help="of the cross-check")
    options = parser.parse_args()
    table: dict[str, Any] = {}
    for name in options.names or GENERATORS:
        generator = GENERATORS[name]
        tests = generator.tests
        low, high = map(float, generator.grid(np.array([0, generator.size - 1])))
        entries = audit(generator, tests)
        how = "enumerated"
        if generator.size > MOST_ENUMERATED:
            how = (
                "radii: "
                * isinstance(generator, Native)
                + "ends summed, middle by Euler-Maclaurin; relative rounding"
                f" {_rounding(generator):.1e} bounded"
            )
        table[name] = {
            "values": generator.size,
            "smallest": low if math.isfinite(low) else str(low),
            "largest": high,
            "how": how,
            "entries": {key: _rounded(entry) for key, entry in entries.items()},
        }
        print(f"\n{name}: {generator.size} values from {low:.6g} to {high:.6g}")
        _print_table(entries)
    found = {
        "versions": {
            "python": platform.python_version(),
            "jax": jax.__version__,
            "numpy": np.__version__,
        },
        "device": jax.devices()[0].device_kind,
        "generators": table,
    }
    if options.draws:
        found["sampled"] = _cross_check(table, options.draws)
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
