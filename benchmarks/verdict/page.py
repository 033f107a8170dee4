"""The numbers of docs/verdict.md: filled in from the results, and compared."""

import json
from collections.abc import Callable

from benchmarks.pages import differences, fill, small, table, whole
from benchmarks.verdict.records import RESULTS, load
from tallystick import levels

__all__ = ["check", "main"]

PAGE = "verdict.md"
SHOWN = (8192, 32768, 131072)
"""Sizes of a conviction in the table of laws."""
MANY = "260"
"""Contrasts of a case with 256 outputs."""


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value >= 0.01 else "0"


def null() -> str:
    """One sentence: checks, false alarms, bound."""
    found = load("null_checks")
    wrong, _, high = found["DISAGREE"]
    return (
        f"**{wrong} DISAGREE in {whole(found['runs'])} checks** of true formulas at"
        f" the default settings: below {small(high)} a check with 95 % confidence"
        f" (the bound that a report states is {small(found['bound'])})"
    )


def law_table() -> str:
    """Law by law: verdicts on true claims, the screen's level, a conviction's."""
    stages = load("stage_levels")["laws"]
    rows = []
    found = load("null_checks")
    for name, law in found["laws"].items():
        runs, nominal = law["runs"], levels.SCREEN_LEVEL
        low, high = law["screen interval"]
        stage = stages.get(name)
        row = [name, _skewness(stage["skewness"]) if stage else ""]
        row += [whole(runs), whole(law["DISAGREE"])]
        undecided, tried = found["newest"][name]
        row.append(f"{100 * undecided / tried:.1f} %")
        share = law["flagged"] / runs / nominal
        row.append(f"{share:.2f} ({low / nominal:.2f}-{high / nominal:.2f})")
        for size in SHOWN:
            pair = [
                _ratio(stage["ratios"][f"{size} {sign}{levels.CONVICTION_Z}"][0])
                if stage
                else ""
                for sign in "-+"
            ]
            row.append(" / ".join(pair) if stage else "")
        rows.append(row)
    head = ["law", "skewness", "checks", "DISAGREE", "INCONCLUSIVE"]
    head += ["screen / nominal", *(f"n = {whole(size)}" for size in SHOWN)]
    return table(head, rows)


def _skewness(value: float) -> str:
    size = abs(value)
    return f"{size:.0f}" if size >= 100 else f"{size:.2g}" if size >= 0.01 else "0"


def stage_vectors() -> str:
    """The largest excess over the linear combinations of vector laws."""
    laws = load("stage_levels")["laws"]
    values = [
        (ratio[0], name)
        for name, law in laws.items()
        if "," in name
        for key, ratio in law["ratios"].items()
        if key.endswith(str(levels.CONVICTION_Z))
    ]
    worst, name = max(values)
    return f"{worst:.1f} ({name})"


def family_table() -> str:
    """The worst law of each family, and its false alarms."""
    rows = []
    for family, part in load("stage_levels")["families"].items():
        row = part["worst"][MANY]
        # The look that contributes most to the false alarms.
        worst = max(row["tails"], key=_product)
        cells = [f"{family} {row['parameter']:.3g}", whole(worst["look"])]
        cells += [f"{worst['screen'][MANY]:.0f}"]
        cells += [f"{worst[stage]:.1f}" for stage in ("first", "second")]
        for contrasts, most in part["worst"].items():
            both = most["alarm"][contrasts], most["alarm, rounded"][contrasts]
            cells.append(small(max(both)))
        rows.append(cells)
    many = next(iter(load("stage_levels")["families"].values()))["worst"]
    head = ["worst law", "worst look", "screen", "first", "second"]
    return table([*head, *(f"{whole(int(c))} contrasts" for c in many)], rows)


def _product(tails: dict) -> float:
    """The excess of all three stages of a look."""
    return tails["screen"][MANY] * tails["first"] * tails["second"]


def generator_table() -> str:
    """The bias of random numbers, from the audit of the generators."""
    path = RESULTS.parent / "generator_bias.json"
    rows = []
    for name, found in json.loads(path.read_text())["generators"].items():
        if not name.startswith("normal"):
            continue
        cells = [name, f"{found['smallest']:.2f} to {found['largest']:.2f}"]
        for moment in ("z^2", "z^8", "exp(3 z)"):
            entry = found["entries"][moment]
            cells.append(f"{100 * entry['bias'] / entry['true']:.2g} %")
        seen = [e["draws"] for e in found["entries"].values() if e["draws"]]
        cells.append(small(max(min(seen), 1.0)))
        rows.append(cells)
    head = ["generator", "range", "E z^2", "E z^8", "E exp(3 z)", "seen after"]
    return table(head, rows)


def bound() -> str:
    """What a report states as its false-alarm bound."""
    return small(levels.false_alarm_bound())


def whole_table() -> str:
    """The whole procedure at raised levels."""
    found = load("whole_procedure")
    rows = []
    for name, row in [*found["screens"].items(), ("all", found["all"])]:
        low, high = row["interval"]
        rows.append(
            [
                name,
                whole(row["runs"]),
                whole(row["flags"]),
                whole(row["DISAGREE"]),
                f"{row['ratio']:.2f} ({low:.2f}-{high:.2f})",
            ]
        )
    head = ["screen level", "checks", "flags", "DISAGREE", "DISAGREE a flag / 0.01"]
    return table(head, rows)


def power_table() -> str:
    """Verdicts and draws at the default settings."""
    found = load("power")
    rows = []
    for name, law in found["laws"].items():
        for error, row in law["checks"]["default"].items():
            runs = row["runs"]
            share = {k: 100 * v / runs for k, v in row["verdicts"].items()}
            others = law["others"]
            at = [found["sizes"].index(size) for size in (2**14, 2**20)]
            rows.append(
                [
                    name if error == "0.0" else "",
                    "none" if error == "0.0" else f"{100 * float(error):g} %",
                    f"{share.get('AGREE', 0):.1f} %",
                    f"{share.get('DISAGREE', 0):.1f} %",
                    small(row["median draws"]),
                    *(
                        " / ".join(f"{100 * others[m][error][k]:.0f} %" for k in at)
                        for m in ("allclose", "retried", "3 sigma")
                    ),
                ]
            )
    head = ["law", "error", "AGREE", "DISAGREE", "median draws"]
    return table([*head, "allclose", "best of 3", "3 sigma"], rows)


def seconds_table() -> str:
    """Seconds of the engine to a verdict."""
    rows = []
    for name, row in load("engine_checks")["timed"].items():
        cells = [name, str(row["outputs"])]
        for error in row["errors"].values():
            said = max(error["verdicts"], key=error["verdicts"].get)
            cells.append(f"{error['median seconds of CPU']:.2f} ({said})")
        rows.append(cells)
        rows[-1].append(f"{row['seconds of CPU of the first check']:.1f}")
    head = ["experiment", "outputs", "no error", "1 %", "5 %", "20 %"]
    return table([*head, "first check, with compilation"], rows)


def engine() -> str:
    """One sentence on the checks through the engine."""
    found = load("engine_checks")
    wrong, _, high = found["DISAGREE"]
    return f"{wrong} DISAGREE in {whole(found['runs'])} (below {small(high)})"


def undecided_table() -> str:
    """Verdicts on the pathological set, for the true value and for 0.7 of it."""
    rows = []
    for name, runs in load("undecided")["set"].items():
        cells = [name]
        for claimed in (1.0, 0.7):
            counts: dict[str, int] = {}
            for run in runs:
                if run["claimed / true"] == claimed:
                    for verdict, count in run["verdicts"].items():
                        counts[verdict] = counts.get(verdict, 0) + count
            cells.append(", ".join(f"{count} {v}" for v, count in counts.items()))
        reasons = {reason: 0 for run in runs for reason in run["reasons"]}
        rows.append([*cells, _common([reason for reason in reasons if reason])])
    return table(["draws", "true value", "0.7 of it", "reason"], rows)


def _common(reasons: list[str]) -> str:
    """The shortest reason, without numbers that vary."""
    return min(reasons, key=len)


def hidden_table() -> str:
    """False DISAGREE for events that no gate can see."""
    rows = [
        [
            f"{row['expected in 4,096']:g}",
            whole(row["runs"]),
            whole(row["DISAGREE"][0]),
            small(row["probability of none in 7 looks"]),
        ]
        for row in load("undecided")["hidden"]
    ]
    head = ["expected events in 4,096 draws", "checks", "DISAGREE"]
    head.append("exp(-7 x expected)")
    return table(head, rows)


def machine() -> str:
    """Where it was measured."""
    found = load("null_checks")["machine"]
    return (
        f"{found['processor']}, {found['cores']} cores, Python {found['python']},"
        f" JAX {found['jax']}, NumPy {found['numpy']}, SciPy {found['scipy']}"
    )


PARTS: dict[str, Callable[[], str]] = {
    part.__name__: part
    for part in (
        null,
        law_table,
        stage_vectors,
        family_table,
        generator_table,
        bound,
        whole_table,
        power_table,
        seconds_table,
        engine,
        undecided_table,
        hidden_table,
        machine,
    )
}


def main() -> None:
    """Fill the page."""
    fill(PAGE, PARTS)


def check() -> int:
    """Compare the page with the results; nonzero if they differ."""
    wrong = differences(PAGE, PARTS)
    for name in wrong:
        print(f"{PAGE}: {name} is not what the results say")
    if not wrong:
        print(f"{PAGE} says what the results say")
    return 1 if wrong else 0
