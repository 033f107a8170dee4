"""Counterexamples of printed forms, in words: where, and by how much they are wrong."""

import jax
import numpy as np

from tallystick.claim import Claim, Erratum
from tallystick.entries import one_line
from tallystick.report import short

__all__ = ["counterexample"]


def counterexample(claim: Claim, erratum: Erratum) -> str:
    """Where the printed form is wrong, and by how much, in words."""
    at = ", ".join(f"{name} = {short(value)}" for name, value in erratum.at.items())
    try:
        printed, right = (
            _value(form, erratum.at) for form in (erratum.form, claim.analytic)
        )
    except Exception as error:
        return f"{at}: not evaluated ({one_line(error)})"
    return f"{at}: printed {short(printed)}, corrected {short(right)}"


def _value(form, at) -> np.ndarray:
    """A form at one point, in double precision."""
    with jax.enable_x64(True):
        values = {
            name: value
            if isinstance(value, (bool, int, str))
            else np.asarray(value, np.float64)
            for name, value in at.items()
        }
        return np.asarray(form(**values))
