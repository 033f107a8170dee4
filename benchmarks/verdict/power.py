"""Power and false alarms of a check beside other tests, against the number of draws.

Wrong formulas are the true mean times 1 + error. The others see one sample of N draws:

- `allclose`: numpy.testing.assert_allclose(mean, formula, rtol=1e-2);
- `retried`: the same, passing if one of three tries does, each with N / 3 draws;
- `3 sigma`: fails if any output is more than three standard errors off;
- `Hoeffding`: level 1e-9, for draws in [0, 1] only (Hoeffding 1963, Theorem 2; the
  DKWM bound for the distribution function, Massart 1990, gives the same radius).

A check draws until it has a verdict, so its curve is the share of checks that had said
DISAGREE within N draws, all its looks counted. Looks are rounded up to 16,384 draws.
"""

import time

import numpy as np

from benchmarks.verdict.records import save
from benchmarks.verdict.standin import CountSampler, judged
from benchmarks.verdict.zoo import Law, merged, scalar_laws, vector_laws
from tallystick.relations import Mean

__all__ = ["ERRORS", "LAWS", "METHODS", "SIZES", "main"]

ERRORS = (0.0, 0.001, 0.01, 0.05, 0.2)
SIZES = tuple(2**k for k in range(8, 27))
METHODS = ("allclose", "retried", "3 sigma", "Hoeffding")
LEVEL = 1e-9
BUDGET = 2**24
ROWS = 16384
STRICT = 1e-3
"""A tolerance for which an error of 1e-3 counts."""


def _bounded() -> Law:
    """The product of two uniform numbers."""
    nodes = (np.arange(200) + 0.5) / 200
    values = np.multiply.outer(nodes, nodes).ravel()
    return Law.of("u v, uniform", *merged(values, np.full(values.size, nodes.size**-2)))


def _laws() -> dict[str, Law]:
    named = {law.name: law for law in [*scalar_laws(), *vector_laws()]}
    return {
        "u v, uniform": _bounded(),
        "relu(u) relu(v)": named["relu(u) relu(v)"],
        "exponential": named["exponential"],
        "16 outputs": named["4 x 4: relu u relu v"],
    }


LAWS = tuple(_laws())


def _means(law: Law, draws: int, runs: int, rng: np.random.Generator):
    """Means and standard errors of so many samples, shape (runs, outputs)."""
    centred = law.atoms - law.mean
    counts = rng.multinomial(draws, law.chances, size=runs) / draws
    mean = counts @ centred
    variance = np.maximum(counts @ centred**2 - mean**2, 0) / max(draws - 1, 1)
    return mean + law.mean, np.sqrt(variance)


def _far(mean: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Whether assert_allclose(mean, target, rtol=1e-2) would fail."""
    return np.any(np.abs(mean - target) > 1e-2 * np.abs(target), axis=1)


def _others(law: Law, runs: int) -> dict:
    """Rejection rates of the other tests: method, error, one rate a size."""
    rates = {m: {str(e): [] for e in ERRORS} for m in METHODS}
    rng = np.random.default_rng(17)
    for draws in SIZES:
        mean, error = _means(law, draws, runs, rng)
        tries = [_means(law, draws // 3, runs, rng)[0] for _ in range(3)]
        radius = np.sqrt(np.log(2 / LEVEL) / (2 * draws))
        for wrong in ERRORS:
            target = (1 + wrong) * law.mean
            gap = np.abs(mean - target)
            failed = {
                "allclose": _far(mean, target),
                "retried": np.logical_and.reduce([_far(m, target) for m in tries]),
                "3 sigma": (gap > 3 * error).any(axis=1),
                "Hoeffding": (gap > radius).any(axis=1),
            }
            for method, refused in failed.items():
                rates[method][str(wrong)].append(float(refused.mean()))
    if law.name != "u v, uniform":
        del rates["Hoeffding"]
    return rates


def _checks(law: Law, wrong: float, tolerance: float, runs: int) -> dict:
    """Verdicts of whole checks, and the curve of DISAGREE."""
    sampler = CountSampler(law, ROWS)
    target = (1 + wrong) * law.mean
    counts: dict[str, int] = {}
    said = []
    used = []
    for number in range(runs):
        seed = ("power", law.name, wrong, tolerance, number)
        verdict = judged(
            sampler, target, seed, tolerance=tolerance, budget=BUDGET
        ).verdict.value
        counts[verdict] = counts.get(verdict, 0) + 1
        used.append(sampler.draws)
        if verdict == "DISAGREE":
            said.append(sampler.draws)
    draws = np.array(said)
    return {
        "runs": runs,
        "verdicts": counts,
        "median draws": int(np.median(used)),
        "median draws to DISAGREE": int(np.median(draws)) if said else None,
        "curve": [float((draws <= size).sum() / runs) for size in SIZES],
    }


def _characteristic(law: Law, runs: int) -> dict:
    """Verdicts at the default settings for errors about the tolerance."""
    errors = [float(e) for e in np.geomspace(1e-3, 0.1, 25)]
    rows = [_checks(law, e, Mean().tolerance, runs)["verdicts"] for e in errors]
    shares = {
        verdict: [row.get(verdict, 0) / runs for row in rows]
        for verdict in ("AGREE", "INCONCLUSIVE", "DISAGREE")
    }
    return {"law": law.name, "errors": errors, "runs": runs, "shares": shares}


def main(runs: int = 1000) -> None:
    """Measure every law, error and test."""
    start = time.process_time()
    found: dict = {"sizes": SIZES, "errors": ERRORS, "budget": BUDGET, "laws": {}}
    for name, law in _laws().items():
        checks = {
            label: {str(e): _checks(law, e, tolerance, runs) for e in ERRORS}
            for label, tolerance in (("default", Mean().tolerance), ("strict", STRICT))
        }
        found["laws"][name] = {"others": _others(law, 4 * runs), "checks": checks}
        found["laws"][name]["deviation / mean"] = float(
            (law.deviation / np.abs(law.mean)).max()
        )
        print(name, flush=True)
        for label, rows in checks.items():
            for e, row in rows.items():
                print(f"  {label:<8}{e:>6} {row['verdicts']}", flush=True)
    law = _laws()["exponential"]
    found["characteristic"] = _characteristic(law, -(-runs // 2))
    save("power", found, time.process_time() - start)
