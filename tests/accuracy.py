"""Error of a float against a 50-digit reference, in units of the last place."""

import json
import os
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import mpmath
import numpy as np

__all__ = ["DIGITS", "RECORDS", "Worst", "assert_near", "ulps"]

DIGITS = 50
RECORDS = "TALLYSTICK_ACCURACY"
"""Environment variable: a file to which every `Worst.check` adds what it found."""


def ulps(value, reference, scale) -> float:
    """|value - reference| in units of eps(dtype of value) * |scale|.

    Args:
        value: A JAX or NumPy scalar; its dtype sets the unit.
        reference: The exact value, as an mpmath number.
        scale: The positive scale that the docstring of the closed form states.
    """
    with mpmath.workdps(DIGITS):
        error = abs(mpmath.mpf(float(value)) - reference)
        return float(error / (float(jnp.finfo(value.dtype).eps) * abs(scale)))


class Worst:
    """The largest errors of a closed form over the points of a test.

    `python -m benchmarks.accuracy` runs the tests and makes tables of what they found.
    """

    def __init__(self, form: str, scale: str, what: str = "", *, slope: bool = False):
        """Start with no error.

        Args:
            form: Topic and name of the closed form, as in "arc_cosine.kernel".
            scale: The scale of the error in words, as in the docstring of the form.
            what: Which part or case, as in "degree 2".
            slope: Whether a derivative is measured, not the value.
        """
        self.names = {"form": form, "what": what, "scale": scale, "slope": slope}
        self.found: dict[str, dict[str, Any]] = {}

    def add(self, value, reference, scale, **point) -> None:
        """Compare a number with its reference at a named point; see `ulps`."""
        self.put(ulps(value, reference, scale), value.dtype, **point)

    def put(self, error: float, dtype, **point) -> None:
        """Keep an error that was measured in ulp of this dtype."""
        row = self.found.setdefault(str(dtype), {"worst": -1.0, "points": 0})
        row["points"] += 1
        if not error <= row["worst"]:  # Also if it is nan.
            row["worst"], row["at"] = error, _written(point)

    def check(self, bound: float) -> None:
        """Refuse errors above a bound in ulp, and keep a record if one is asked for."""
        assert self.found, "nothing was measured"
        bound = float(bound)
        for dtype, row in self.found.items():
            assert row["worst"] <= bound, (self.names, bound, dtype, row)
        path = os.environ.get(RECORDS)
        if path:
            with Path(path).open("a") as lines:
                for dtype, row in self.found.items():
                    record = self.names | {"dtype": dtype, "bound": bound} | row
                    lines.write(json.dumps(record) + "\n")


def _written(point: dict[str, Any]) -> str:
    """A point as text; of long arrays the first entries."""

    def number(entry) -> str:
        return f"{float(entry):.6g}"

    def text(value) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, mpmath.matrix):
            value = list(value)
        entries = np.ravel(np.asarray(value, object))
        if np.ndim(value) == 0 and len(entries) == 1:
            return number(entries[0])
        shown = [number(e) for e in entries[:4]] + ["..."] * (len(entries) > 4)
        return f"[{', '.join(shown)}]"

    return ", ".join(f"{name}={text(value)}" for name, value in point.items())


def assert_near(value, expected, absolute=1e-6, relative=0.0):
    """Refuse values off by more than a number and a share of what is expected."""
    np.testing.assert_allclose(value, expected, rtol=relative, atol=absolute)
