"""The numbers of the pictures in the report: package data, from the results."""

import json
from importlib.resources import files

from benchmarks.verdict.records import load

__all__ = ["TARGET", "main", "numbers"]

TARGET = files("tallystick.page").joinpath("calibration.json")
LAW = "relu(u) relu(v)"
"""The experiment of the pictures of refusals: skewed, as kernels of networks are."""
ERRORS = ("0.0", "0.01")


def numbers() -> dict:
    """What the pictures show, rounded to what can be seen."""
    power, null = load("power"), load("null_checks")
    whole = load("whole_procedure")["all"]
    characteristic, law = power["characteristic"], power["laws"][LAW]
    methods = {"tallystick": law["checks"]["default"]} | law["others"]
    refused = {
        error: {
            name: _rounded(
                rates[error]["curve"] if name == "tallystick" else rates[error]
            )
            for name, rates in methods.items()
            if name in ("tallystick", "allclose", "retried", "3 sigma")
        }
        for error in ERRORS
    }
    return {
        "characteristic": {
            "law": characteristic["law"],
            "runs": characteristic["runs"],
            "errors": _rounded(characteristic["errors"], 6),
            "shares": {k: _rounded(v) for k, v in characteristic["shares"].items()},
        },
        "refused": {"law": LAW, "sizes": power["sizes"], "errors": refused},
        "null": {"runs": null["runs"], "disagree": null["DISAGREE"][0]}
        | {"below": float(f"{null['DISAGREE'][2]:.2g}")},
        "raised": {"runs": whole["runs"], "ratio": float(f"{whole['ratio']:.3g}")}
        | {"interval": _rounded(whole["interval"], 2)},
    }


def _rounded(values: list[float], digits: int = 3) -> list[float]:
    return [round(value, digits) for value in values]


def main() -> None:
    """Write the numbers where the package finds them."""
    text = json.dumps(numbers(), indent=None, separators=(",", ":"))
    with open(str(TARGET), "w", encoding="utf-8") as file:
        file.write(text + "\n")
