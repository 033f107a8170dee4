"""How much more often than the normal law says a true claim passes one stage.

A stage is passed if the statistic of one contrast lies beyond z and the draws pass the
skewness gate. Such events are too rare to count, so they are made common: counts are
drawn from the atoms' probabilities times exp(t x - t^2 x^2 / 2), x the standardised
value and t = z / sqrt(n), and weighted back. On the event the weight is close to
exp(-z^2 / 2), so 20,000 replicates give a few per cent (the tilt of self-normalised
sums: Jing, Shao & Wang, Annals of Probability 2003). `counted` counts replicates
without weights, and `exact` sums the binomial law.

The skewed side has the larger excess, so both sides are given.
"""

import time
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from scipy.stats import binom

from benchmarks.verdict.records import interval, load, save
from benchmarks.verdict.zoo import FAMILIES, Law, scalar_laws, vector_laws
from tallystick import levels

__all__ = ["counted", "exact_bernoulli", "main", "tail"]

SIZES = (8192, 32768, 131072)
"""First convictions of the looks 0 to 2; second convictions are in between."""
COUNTED = (3.1, 3.7, 4.0)
ZS = (*COUNTED, levels.CONVICTION_Z)
"""Thresholds that can be counted without weights, and the one in use."""
CONVICTION_FACTOR, SCREEN_FACTOR = 1.0, 2.0
"""The screen's gate counts the draws of the first conviction, twice its own."""
CONTRASTS = (4, 260, 10_000)
"""One output, 256, and many, with the patterns over them."""


@dataclass(frozen=True)
class Tail:
    """Excess over the normal tail, its relative standard error, replicates."""

    ratio: float
    error: float

    def rounded(self) -> list[float]:
        """For JSON: the ratio and its 95 % interval."""
        half = 1.96 * self.error
        values = (self.ratio, max(self.ratio - half, 0.0), self.ratio + half)
        return [float(f"{v:.4g}") for v in values]


def tail(
    law: Law,
    draws: int,
    sign: int,
    zs: tuple[float, ...] = ZS,
    *,
    factor: float = CONVICTION_FACTOR,
    replicates: int = 20_000,
    seed: int = 0,
) -> list[Tail]:
    """P(sign T > z, gate passed) / P(N > z) for each z, by importance sampling."""
    scaled = ((law.atoms - law.mean) / law.deviation)[:, 0]
    tilt = sign * (0.5 * zs[0] + 0.5 * zs[-1]) / np.sqrt(draws)
    exponent = tilt * scaled - tilt**2 * scaled**2 / 2
    tilted = law.chances * np.exp(exponent)
    constant = tilted.sum()
    rng = np.random.default_rng([seed, draws, sign + 1])
    powers = np.stack([scaled, scaled**2, scaled**3, exponent], 1)
    sums = np.concatenate(
        [
            rng.multinomial(draws, tilted / constant, size=min(2000, replicates))
            @ powers
            for _ in range(-(-replicates // 2000))
        ]
    )
    weights = np.exp(draws * np.log(constant) - sums[:, 3])
    statistic, gate = _studentised(sums, draws, factor)
    found = []
    for z in zs:
        hits = np.where((sign * statistic > z) & gate, weights, 0.0) / ndtr(-z)
        error = hits.std() / np.sqrt(len(hits))
        found.append(Tail(float(hits.mean()), float(error)))
    return found


def _studentised(sums: np.ndarray, draws: int, factor: float):
    """The statistic, and whether the gate is passed, from sums of powers."""
    mean = sums[:, 0] / draws
    second = sums[:, 1] - draws * mean**2
    third = sums[:, 2] - 3 * mean * sums[:, 1] + 2 * draws * mean**3
    live = second > 1e-9
    safe = np.where(live, second, 1.0)
    statistic = np.where(live, mean / np.sqrt(safe / (draws - 1) / draws), 0.0)
    skewness = third / safe**1.5 * np.sqrt(draws)
    return statistic, live & (factor * draws >= levels.SKEW_FACTOR * skewness**2)


def counted(law: Law, draws: int, replicates: int, seed: int = 0) -> dict:
    """The same for both signs by plain counting, with Clopper-Pearson intervals."""
    scaled = ((law.atoms - law.mean) / law.deviation)[:, 0]
    powers = np.stack([scaled, scaled**2, scaled**3], 1)
    rng = np.random.default_rng([seed, draws])
    hits = {(sign, z): 0 for sign in (-1, 1) for z in COUNTED}
    done = 0
    while done < replicates:
        size = min(20_000, replicates - done)
        sums = rng.multinomial(draws, law.chances, size=size) @ powers
        statistic, gate = _studentised(sums, draws, CONVICTION_FACTOR)
        for sign, z in hits:
            hits[sign, z] += int(((sign * statistic > z) & gate).sum())
        done += size
    return {
        f"{'+' if sign > 0 else '-'}{z}": [
            hits[sign, z],
            *(b / float(ndtr(-z)) for b in interval(hits[sign, z], done)),
        ]
        for sign, z in hits
    }


def exact_bernoulli(p: float, draws: int, sign: int, z: float, factor=1.0) -> float:
    """The ratio of `tail` for a Bernoulli law, summed over the binomial law."""
    ones = np.arange(draws + 1)
    share = ones / draws
    spread = np.sqrt(share * (1 - share))
    live = spread > 0
    safe = np.where(live, spread, 1.0)
    statistic = np.where(live, (share - p) / safe * np.sqrt(draws - 1), 0.0)
    skewness = np.where(live, (1 - 2 * share) / safe, 0.0)
    gate = factor * draws >= levels.SKEW_FACTOR * skewness**2
    event = live & gate & (sign * statistic > z)
    return float(binom.pmf(ones[event], draws, p).sum() / ndtr(-z))


def _contrasts(law: Law) -> list[Law]:
    """One output, the best linear combination for a common factor, a random one."""
    gaps = law.atoms - law.mean
    covariance = (gaps.T * law.chances) @ gaps
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale) + 0.1 * np.eye(len(scale))
    rng = np.random.default_rng(5)
    patterns = {
        "factor": law.mean,
        "offset": np.ones(len(scale)),
        "learned": scale * rng.normal(size=len(scale)),
    }
    skewest = int(np.argmax(np.abs(law.skewness)))
    found = [law.along(np.eye(len(scale))[skewest], f"{law.name}, skewest output")]
    for name, pattern in patterns.items():
        weights = np.linalg.solve(correlation, pattern / scale) / scale
        if np.abs(law.mean).max() > 1e-9 or name != "factor":
            found.append(law.along(weights, f"{law.name}, {name}"))
    return found


def _stage_table(replicates: int) -> dict:
    """Both signs of every law at every size."""
    table = {}
    laws = scalar_laws()
    for vector in vector_laws():
        laws += _contrasts(vector)
    for law in laws:
        rows = {}
        for draws in SIZES:
            for sign in (-1, 1):
                found = tail(law, draws, sign, replicates=replicates)
                for z, one in zip(ZS, found, strict=True):
                    rows[f"{draws} {'+' if sign > 0 else '-'}{z}"] = one.rounded()
        table[law.name] = {"skewness": float(law.skewness[0]), "ratios": rows}
        worst = max(r[0] for k, r in rows.items() if k.endswith(str(ZS[-1])))
        print(f"{law.name:<40} largest ratio at {ZS[-1]}: {worst:.2f}", flush=True)
    return table


def _alarms(replicates: int) -> dict:
    """False alarms of a whole check along each family, look by look.

    The screen and the two convictions of a look are independent samples, so the
    probability of DISAGREE is at most the sum over the looks and signs of the product
    of three tails; the screen's is multiplied by the number of contrasts, as if all had
    this law. Early verdicts and correlation only lower it.
    """
    found = {}
    for family, (make, grid) in FAMILIES.items():
        rows = [_alarm(make(float(value)), replicates) for value in grid]
        for row, value in zip(rows, grid, strict=True):
            row["parameter"] = float(value)
        worst = {
            str(c): max(rows, key=lambda row: row["alarm"][str(c)]) for c in CONTRASTS
        }
        found[family] = {"rows": rows, "worst": worst}
        for c, row in worst.items():
            alarm, rounded = row["alarm"][c], row["alarm, rounded"][c]
            print(
                f"{family} = {row['parameter']:.3g}, {c} contrasts:"
                f" {alarm:.2e}, rounded looks {rounded:.2e}",
                flush=True,
            )
    return found


def _alarm(law: Law, replicates: int) -> dict:
    """Tails of the three stages at every look, and the sum of their products."""
    most = levels.looks_within(levels.BUDGET)
    looks = [levels.FIRST_LOOK * 4**number for number in range(most)]
    zs = {c: levels.z_value(levels.SCREEN_LEVEL / (2 * c * most)) for c in CONTRASTS}
    heavy = -1 if law.skewness[0] >= 0 else 1
    tails = []
    for draws in looks:
        # The light side is left out: its tails are lighter than the normal ones.
        first, second = (
            tail(law, factor * draws, heavy, ZS[-1:], replicates=replicates)[0].ratio
            for factor in (2, 4)
        )
        one = {"look": draws, "first": first, "second": second, "screen": {}}
        for c, z in zs.items():
            screened = tail(
                law, draws, heavy, (z,), factor=SCREEN_FACTOR, replicates=replicates
            )[0]
            one["screen"][str(c)] = screened.ratio
        tails.append(one)
    nominal = float(ndtr(-ZS[-1])) ** 2
    row: dict = {"skewness": float(law.skewness[0]), "tails": tails}
    for label, least in (("alarm", 0), ("alarm, rounded", 131072)):
        row[label] = {}
        for c, z in zs.items():
            total = 0.0
            for one in tails:
                # Looks below `least` are as large as the first one that is not.
                same = next(t for t in tails if t["look"] >= max(one["look"], least))
                product = same["screen"][str(c)] * same["first"] * same["second"]
                total += c * float(ndtr(-z)) * product * nominal
            row[label][str(c)] = total
    return row


def _checks(replicates: int) -> dict:
    """The weighted figures beside exact sums and plain counts."""
    laws = {law.name: law for law in scalar_laws()}
    exact = []
    for p, draws in ((0.5, 8192), (0.05, 8192), (0.01, 32768), (0.01, 131072)):
        law = Law.of("Bernoulli", [0, 1], [1 - p, p])
        for sign in (-1, 1):
            weighted = tail(law, draws, sign, (4.0,))[0].rounded()
            sums = exact_bernoulli(p, draws, sign, 4.0)
            exact.append({"p": p, "draws": draws, "sign": sign, "exact": sums})
            exact[-1]["weighted"] = weighted
            print(exact[-1], flush=True)
    plain = {}
    for name, draws in {
        "Bernoulli 0.5": 8192,
        "two points": 524288,
        "Poisson 1": 8192,
        "exponential": 8192,
        "lognormal 0.5": 8192,
        "relu(z)^2": 8192,
    }.items():
        runs = 10 * replicates if len(laws[name].chances) < 50 else replicates
        plain[name] = {
            "draws": draws,
            "replicates": runs,
            "counts": counted(laws[name], draws, runs),
            "weighted": {
                f"{'+' if sign > 0 else '-'}{z}": one.rounded()
                for sign in (-1, 1)
                for z, one in zip(
                    COUNTED, tail(laws[name], draws, sign, COUNTED), strict=True
                )
            },
        }
        print(name, plain[name], flush=True)
    return {"exact": exact, "counted": plain}


PARTS = {"laws": _stage_table, "families": _alarms, "checks": _checks}


def main(quick: bool = False, parts: tuple[str, ...] = tuple(PARTS)) -> None:
    """Measure and save the parts of this module; what else was saved stays."""
    few = 2000 if quick else 20_000
    sizes = {"laws": few, "families": few // 8, "checks": 50 * few}
    try:
        found = load("stage_levels")
    except FileNotFoundError:
        found = {}
    seconds = found.get("seconds of parts", {})
    for part in parts:
        start = time.process_time()
        found[part] = PARTS[part](sizes[part])
        seconds[part] = round(time.process_time() - start)
        found |= {"replicates": few, "seconds of parts": seconds}
        save("stage_levels", found, sum(seconds.values()))
