"""Complete checks of true claims at the default settings: how often DISAGREE?

Each chunk of checks appends one line to a file, so a run that was stopped goes on
where it was; the seeds of a chunk are its law, the rounding of its looks and the
numbers `first` to `first + runs`. A DISAGREE is kept with its seed.
"""

import hashlib
import inspect
import json
import time
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.verdict.records import RESULTS, interval, save
from benchmarks.verdict.standin import CountSampler, DirectSampler, judged
from benchmarks.verdict.zoo import DIRECT, scalar_laws, vector_laws
from tallystick import Settings, levels
from tallystick.decide import acceptance, contrasts, looks, mean
from tallystick.relations import Mean

__all__ = ["added", "main", "summary"]

ROWS = (1, 16384, 131072)
"""Rounding of a look: none, that of eight normal numbers a draw, and of one."""
SHARES = (0.4, 0.4, 0.2)
SLOW = {16: 0.25, 256: 0.004}
"""Checks of vector laws, as a share of those of a scalar law."""
DIRECT_SHARE = 0.01
VERDICTS = ("AGREE", "DISAGREE", "INCONCLUSIVE", "INVALID")
PASSES = 20
"""Chunks in which the checks of a law are done, in turn with the others."""


def _samplers(checks: int):
    """Every law with each rounding: name, rounding, sampler, mean, number of checks."""
    laws = [*scalar_laws(), *vector_laws()]
    share = [SLOW.get(law.atoms.shape[1], 1.0) for law in laws]
    scalar = checks / sum(share)
    for law, part in zip(laws, share, strict=True):
        for rows, weight in zip(ROWS, SHARES, strict=True):
            wanted = round(scalar * part * weight)
            yield law.name, rows, CountSampler(law, rows), law.mean, wanted
    for name, (draw, center) in DIRECT.items():
        sampler = DirectSampler(draw)
        target = np.full(1, center)
        yield f"{name}, uncut", 1, sampler, target, round(scalar * DIRECT_SHARE)


def _chunk(name: str, rows: int, sampler, target, first: int, runs: int) -> dict:
    """Judge a true target with the seeds first, ..., first + runs - 1."""
    counts, flags, flagged, passed, draws = Counter(), 0, 0, 0, 0
    wrong = []
    tolerance, budget = Mean().tolerance, Settings().budget
    for number in range(first, first + runs):
        seed = ("null", name, rows, number)
        decision = judged(sampler, target, seed, tolerance=tolerance, budget=budget)
        counts[decision.verdict.value] += 1
        flags += sampler.flags
        flagged += sampler.flags > 0
        passed += sampler.passed
        draws += sampler.draws
        if decision.verdict.value == "DISAGREE":
            wrong.append(number)
    found = {"law": name, "rows": rows, "first": first, "runs": runs}
    found |= {verdict: counts[verdict] for verdict in VERDICTS}
    found |= {"flags": flags, "flagged": flagged, "passed": passed, "draws": draws}
    return found | {"wrong": wrong}


def main(runs: int = 1_000_000, path: Path | None = None) -> None:
    """Run what is still missing of so many checks; `summary` saves the sums."""
    path = path or RESULTS / "null_checks.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    done = Counter()
    for line in _lines(path):
        done[line["law"], line["rows"]] += line["runs"]
    plan, code = list(_samplers(runs)), _code()
    for number in range(1, PASSES + 1):
        for name, rows, sampler, target, wanted in plan:
            until = round(wanted * number / PASSES)
            first = done[name, rows]
            if until <= first:
                continue
            start = time.process_time()
            found = _chunk(name, rows, sampler, target, first, until - first)
            found["code"] = code
            found["seconds"] = round(time.process_time() - start, 2)
            with path.open("a") as file:
                file.write(json.dumps(found) + "\n")
            done[name, rows] = until
            if found["wrong"]:
                print("DISAGREE", found, flush=True)
        print(f"pass {number} of {PASSES}: {sum(done.values()):,} checks", flush=True)


def summary(path: Path | None = None) -> None:
    """Save the sums over all chunks so far."""
    lines = _lines(path or RESULTS / "null_checks.jsonl")
    if lines:
        save("null_checks", added(lines), sum(line["seconds"] for line in lines))


def added(lines: list[dict]) -> dict:
    """Add up chunks, by law, by rounding and in all."""
    keys = ("runs", *VERDICTS, "flags", "flagged", "passed", "draws")
    laws: dict[str, Counter] = {}
    roundings: dict[str, Counter] = {}
    for line in lines:
        for table, key in ((laws, line["law"]), (roundings, str(line["rows"]))):
            table.setdefault(key, Counter()).update({k: line[k] for k in keys})
    code = Counter()
    newest: dict[str, Counter] = {}
    for line in lines:
        code[line["code"]] += line["runs"]
        if line["code"] == lines[-1]["code"]:
            counts = {k: line[k] for k in ("runs", "INCONCLUSIVE")}
            newest.setdefault(line["law"], Counter()).update(counts)
    whole = sum(laws.values(), Counter())
    return {
        "runs": whole["runs"],
        "wrong": [(x["law"], x["rows"], x["wrong"]) for x in lines if x["wrong"]],
        "DISAGREE": [whole["DISAGREE"], *interval(whole["DISAGREE"], whole["runs"])],
        "screen": [whole["flagged"], *interval(whole["flagged"], whole["runs"])],
        "code": dict(code),
        "newest": {law: [c["INCONCLUSIVE"], c["runs"]] for law, c in newest.items()},
        "bound": levels.false_alarm_bound(),
        "laws": {
            law: {key: c[key] for key in keys}
            | {"screen interval": interval(c["flagged"], c["runs"])}
            for law, c in laws.items()
        },
        "roundings": {r: {k: c[k] for k in keys} for r, c in roundings.items()},
    }


def _code() -> str:
    """Names the decision that was measured: a hash of its modules."""
    modules = (acceptance, contrasts, looks, mean)
    text = "".join(inspect.getsource(module) for module in modules)
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def _lines(path: Path) -> list[dict]:
    """The finished chunks; a line cut short by a kill is dropped from the file."""
    if not path.exists():
        return []
    text = path.read_text()
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole)
    return [json.loads(line) for line in whole.splitlines()]
