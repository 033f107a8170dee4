"""The whole procedure with every level raised, so that false alarms can be counted.

With the screen at 0.1 to 0.5 and each conviction at 0.1 (z = 1.28), a true claim must
still pass all three: DISAGREE should come in a hundredth of the checks that the screen
flags. `flags` counts looks that passed the screen, so DISAGREE / flags is compared
with 0.1^2; the ratio may exceed one only by what skewness adds to a stage at z = 1.28.
"""

import time
from collections import Counter

from benchmarks.verdict.records import interval, save
from benchmarks.verdict.standin import CountSampler, judged
from benchmarks.verdict.zoo import Law, scalar_laws, vector_laws
from tallystick import levels

__all__ = ["main"]

SCREENS = (0.1, 0.3, 0.5)
CONVICTION = 0.1
BUDGET = 2**18
SLOW = {16: 0.25, 256: 0.02}
VERDICTS = ("AGREE", "DISAGREE", "INCONCLUSIVE", "INVALID")


def _run(law: Law, screen: float, runs: int) -> Counter:
    """Checks of the true mean at the levels now set."""
    counts = Counter(runs=runs)
    sampler = CountSampler(law)
    for number in range(runs):
        seed = ("whole", law.name, screen, number)
        decision = judged(sampler, law.mean, seed, tolerance=0.02, budget=BUDGET)
        counts[decision.verdict.value] += 1
        counts["flags"] += sampler.flags
        counts["flagged"] += sampler.flags > 0
        counts["passed"] += sampler.passed
    return counts


def main(runs: int = 100_000) -> None:
    """Count verdicts over the zoo at three levels of the screen."""
    start = time.process_time()
    usual = levels.SCREEN_LEVEL, levels.CONVICTION_Z
    laws = [*scalar_laws(), *vector_laws()]
    share = {law.name: SLOW.get(law.atoms.shape[1], 1.0) for law in laws}
    each = runs / len(SCREENS) / sum(share.values())
    table: dict[str, dict] = {}
    whole: dict[str, Counter] = {}
    try:
        levels.CONVICTION_Z = levels.z_value(CONVICTION)
        for screen in SCREENS:
            levels.SCREEN_LEVEL = screen
            whole[str(screen)] = Counter()
            for law in laws:
                counts = _run(law, screen, -int(-each * share[law.name] // 1))
                whole[str(screen)].update(counts)
                table.setdefault(law.name, {})[str(screen)] = dict(counts)
            print(screen, dict(whole[str(screen)]), flush=True)
    finally:
        levels.SCREEN_LEVEL, levels.CONVICTION_Z = usual
    sums = {screen: _row(counts) for screen, counts in whole.items()}
    everything = _row(sum(whole.values(), Counter()))
    worst = {}
    for name, rows in table.items():
        worst[name] = _row(sum((Counter(r) for r in rows.values()), Counter()))
    found = {"screens": sums, "all": everything, "laws": worst, "budget": BUDGET}
    found["product"] = CONVICTION**2
    save("whole_procedure", found, time.process_time() - start)


def _row(counts: Counter) -> dict:
    """Counts, and DISAGREE a flag in units of the product of the two levels."""
    row: dict = {key: counts[key] for key in ("runs", *VERDICTS, "flags", "flagged")}
    row["passed"] = counts["passed"]
    if counts["flags"]:
        low, high = interval(counts["DISAGREE"], counts["flags"])
        product = CONVICTION**2
        row["ratio"] = counts["DISAGREE"] / counts["flags"] / product
        row["interval"] = [low / product, high / product]
    return row
