"""Seconds that each claim takes from a cold start, as a table and as JSON.

    python benchmarks/catalogue.py [--quick] [--json FILE] [NAME ...]

Every claim runs in a process of its own, so that compilation and imports count for it
alone; the last line is the whole catalogue in one process, as the command runs it.
Compare figures of one run only: machines differ, and so do their hours.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from machine import described

from tallystick.catalogue import find


def seconds(arguments: list[str]) -> float:
    """Wall time of one command of the command line, in a folder of its own."""
    command = [sys.executable, "-m", "tallystick.cli", "check", *arguments]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Time the claims and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    mode = ["--quick"] if options.quick else []
    entries = find(options.names).entries
    rows = {}
    for entry in entries:
        rows[entry.name] = seconds([entry.name, *mode])
        print(f"{entry.name:<36}{rows[entry.name]:7.1f} s", flush=True)
    whole = seconds([*options.names, *mode])
    print(f"{'all in one process':<36}{whole:7.1f} s")
    if options.json:
        found = {
            **described(),
            "quick": options.quick,
            "seconds": rows,
            "seconds_all": whole,
        }
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
