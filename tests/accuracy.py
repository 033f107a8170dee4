"""Error of a float against a 50-digit reference, in units of the last place."""

import jax.numpy as jnp
import mpmath
import numpy as np

__all__ = ["DIGITS", "assert_near", "ulps"]

DIGITS = 50


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


def assert_near(value, expected, absolute=1e-6, relative=0.0):
    """Refuse values off by more than a number and a share of what is expected."""
    np.testing.assert_allclose(value, expected, rtol=relative, atol=absolute)
