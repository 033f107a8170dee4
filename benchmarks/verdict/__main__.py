"""Run the measurements of the verdict: `python -m benchmarks.verdict NAME`.

Names: stages, whole, null, engine, power, undecided; page (adds up the null checks and
fills docs/verdict.md, its figures and those of the report from the results); check
(fails if the page and the results differ).
Use one thread (OPENBLAS_NUM_THREADS=1): the matrices are small.
"""

import argparse
import sys

from benchmarks.verdict import (
    calibration,
    engine_checks,
    null_checks,
    page,
    pictures,
    power,
    stage_levels,
    undecided,
    whole_procedure,
)


def main() -> int:
    """Run one measurement, or make the page."""
    parser = argparse.ArgumentParser(description="Measure the verdict.")
    names = ["stages", "whole", "null", "engine", "power", "undecided"]
    names += ["page", "check"]
    parser.add_argument("name", choices=names)
    parser.add_argument("--runs", type=int, help="how many checks; each has a default")
    parser.add_argument("--quick", action="store_true", help="a try, not a measurement")
    options = parser.parse_args()
    many = {} if options.runs is None else {"runs": options.runs}
    match options.name:
        case "stages":
            stage_levels.main(quick=options.quick)
        case "whole":
            whole_procedure.main(**many)
        case "null":
            null_checks.main(**many)
        case "engine":
            engine_checks.main(**many)
        case "power":
            power.main(**many)
        case "undecided":
            undecided.main(**many)
        case "page":
            null_checks.summary()
            pictures.main()
            page.main()
            calibration.main()
        case "check":
            return page.check()
    return 0


if __name__ == "__main__":
    sys.exit(main())
