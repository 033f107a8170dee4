"""Results on disk: one JSON file a measurement, with the machine and the versions."""

import json
import os
import platform
from pathlib import Path
from typing import Any

import jax
import numpy as np
import scipy
from scipy.stats import beta

import tallystick
from tallystick import levels

__all__ = ["RESULTS", "interval", "load", "save"]

RESULTS = Path(__file__).parents[1] / "results" / "verdict"


def interval(count: int, runs: int, level: float = 0.95) -> list[float]:
    """Clopper-Pearson interval of a probability; one-sided if nothing was seen."""
    if count == 0:
        return [0.0, float(1 - (1 - level) ** (1 / runs))]
    tail = (1 - level) / 2
    high = 1.0 if count == runs else beta.isf(tail, count + 1, runs - count)
    return [float(beta.ppf(tail, count, runs - count + 1)), float(high)]


def save(name: str, found: dict[str, Any], seconds: float) -> Path:
    """Write what was found, replacing the file at once."""
    settings = {
        key: getattr(levels, key)
        for key in ("SCREEN_LEVEL", "CONVICTION_Z", "ACCEPT_LEVEL", "SKEW_FACTOR")
    }
    machine = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "device": jax.devices()[0].device_kind,
        "python": platform.python_version(),
        "jax": jax.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "tallystick": tallystick.__version__,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    whole = found | {
        "machine": machine,
        "levels": settings,
        "processor seconds": round(seconds),
    }
    part = path.with_suffix(".part")
    part.write_text(json.dumps(whole, indent=1) + "\n")
    part.replace(path)
    return path


def load(name: str) -> dict[str, Any]:
    """Read what was found."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def _processor() -> str:
    """The model's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()
