"""Measure the accuracy of the closed forms: `python -m benchmarks.accuracy NAME`.

Names: run (runs the tests that compare with 50 digits, measures the gradients at
corners, and stores both in results/accuracy.json; minutes), page (fills
docs/accuracy.md from the results), check (fails if the two differ).

`run TOPIC ...` measures these topics alone and keeps the other rows, for a new form.
`run --peer PYTHON` measures the gradients of neural-tangents, too; PYTHON belongs to an
environment that has it, see benchmarks/peers. Without it the stored ones are kept.
"""

import argparse
import json
import sys

from benchmarks.accuracy import corners, oracles, page
from benchmarks.machine import described


def main() -> int:
    """Measure, or make the page, or compare it."""
    parser = argparse.ArgumentParser(description="Accuracy of the closed forms.")
    parser.add_argument("name", choices=["run", "page", "check"])
    parser.add_argument("topics", nargs="*", help="measure these alone, keep the rest")
    parser.add_argument("--peer", help="python of an environment with neural-tangents")
    options = parser.parse_args()
    match options.name:
        case "run":
            old = json.loads(page.RESULTS.read_text()) if page.RESULTS.exists() else {}
            if options.topics:
                rows = oracles.measured(options.topics)
                found = old | {"errors": oracles.replaced(old["errors"], rows)}
            else:
                found = described() | {
                    "errors": oracles.measured(),
                    "corners": corners.measured(options.peer, old.get("corners", {})),
                }
            page.RESULTS.write_text(json.dumps(found, indent=1) + "\n")
        case "page":
            page.main()
        case "check":
            return page.check()
    return 0


if __name__ == "__main__":
    sys.exit(main())
