"""Kill rates of the catalogue's formulas, and the processor time that judging takes.

    python benchmarks/mutation.py [--most N] [--json FILE] [NAME ...]

Each formula is mutated twice: the first run compiles, the second one is timed. Of
record is the share of the mutants with an error of 1 % or more that are refused, and
how many of them within one processor second. Results of further names are added to a
file that exists already.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from machine import described

from tallystick.bench import Settings
from tallystick.catalogue import find
from tallystick.mutation import MOST, Mutation, Mutator, Status
from tallystick.mutation.mutating import bench_of_form


def measured(claim, most: int) -> tuple[Mutation, Mutation]:
    """The reports of a first and of a second run."""
    mutator = Mutator(claim.analytic, bench_of_form(claim, Settings()), most)
    return mutator.run(), mutator.run()


def row(first: Mutation, second: Mutation) -> dict:
    """What is kept of one formula."""
    large = second.large
    return {
        "verdict": str(second.verdict),
        "made": second.made,
        **{str(status): second.count(status) for status in Status},
        "large": len(large),
        "large_refused": sum(m.refused for m in large),
        "large_refused_within_1_s": sum(m.refused and m.judging <= 1 for m in large),
        "missed": len(second.missed),
        "detectable": second.detectable,
        "detectable_factor": second.detectable_factor,
        "tolerance": second.tolerance,
        "exact": second.exact,
        "judging_cpu_s": round(second.judging, 3),
        "first_wall_s": round(first.seconds, 1),
        "survivors": [
            {
                "operator": m.operator,
                "location": m.location,
                "size": m.size if np.isfinite(m.size) else None,
                "accepted": m.accepted,
                "hidden": m.hidden,
            }
            for m in second.survivors
        ],
    }


def total(rows: dict[str, dict]) -> dict:
    """The sums over all formulas."""
    names = (
        *(str(status) for status in Status),
        "large",
        "large_refused",
        "large_refused_within_1_s",
        "missed",
        "judging_cpu_s",
    )
    found = {name: sum(r[name] for r in rows.values()) for name in names}
    alive = [s for r in rows.values() for s in r["survivors"]]
    found["large_hidden"] = sum(s["hidden"] for s in alive)
    return found


def main() -> None:
    """Mutate the formulas and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--most", type=int, default=MOST)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: dict[str, dict] = {}
    if options.json and options.json.exists():
        rows = json.loads(options.json.read_text())["claims"]
    start = time.perf_counter()
    for entry in find(options.names).entries:
        try:
            first, second = measured(entry.claim, options.most)
        except Exception as error:
            print(f"{entry.name:<32} {type(error).__name__}: {error}", flush=True)
            continue
        if second.skipped:
            print(f"{entry.name:<32} {second.skipped}", flush=True)
            continue
        rows[entry.name] = found = row(first, second)
        print(
            f"{entry.name:<32} {found['large_refused']:>4} of {found['large']:>4}"
            f" ({found['large_refused_within_1_s']:>4} in 1 s)"
            f"  {found['judging_cpu_s']:6.2f} s  first {found['first_wall_s']:6.1f} s",
            flush=True,
        )
        if options.json:
            results = {
                **described(),
                "most": options.most,
                "total": total(rows),
                "claims": rows,
            }
            options.json.write_text(json.dumps(results, indent=2) + "\n")
    found = total(rows)
    share = found["large_refused"] / max(found["large"], 1)
    quick = found["large_refused_within_1_s"] / max(found["large"], 1)
    print(
        f"{found['large_refused']} of {found['large']} of 1 % or more refused"
        f" ({100 * share:.1f} %), {100 * quick:.1f} % within one processor second;"
        f" {found['missed']} missed; {time.perf_counter() - start:.0f} s"
    )


if __name__ == "__main__":
    main()
