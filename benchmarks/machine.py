"""The machine and the versions that stored figures belong to."""

import os
import platform
from pathlib import Path
from typing import Any

import jax
import numpy as np

import tallystick

__all__ = ["described"]


def described() -> dict[str, Any]:
    """Processor, cores, device and versions, ready for JSON."""
    return {
        "machine": _processor(),
        "cores": os.cpu_count(),
        "device": jax.devices()[0].device_kind,
        "versions": {
            "python": platform.python_version(),
            "jax": jax.__version__,
            "numpy": np.__version__,
            "tallystick": tallystick.__version__,
        },
    }


def _processor() -> str:
    """The model's name where the system tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    models = [text.partition(":")[2].strip() for text in lines if "model name" in text]
    return models[0] if models else platform.processor() or platform.machine()
