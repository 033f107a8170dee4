"""What single precision costs a formula that is right in double precision."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["Float32Error", "float32_error"]


@dataclass(frozen=True)
class Float32Error:
    """The largest error of a formula in single precision.

    Attributes:
        relative: Relative to the largest output at that point; infinite if the value is
            finite in double precision only.
        point: Index of the point.
        single: Value of that output in single precision.
        double: Its value in double precision.
    """

    relative: float
    point: int
    single: float
    double: float


def float32_error(
    form: Callable[..., Any],
    static: Mapping[str, Any],
    points: Mapping[str, np.ndarray],
) -> Float32Error:
    """Compare a formula with itself in the two precisions.

    The parameters are rounded to single precision first, so that only the formula's own
    rounding is seen.

    Args:
        form: The closed form.
        static: Its static parameters.
        points: Its array parameters, with a leading axis for the points.
    """
    rounded = {
        n: v.astype(np.float32) if v.dtype.kind == "f" else v for n, v in points.items()
    }
    count = len(next(iter(rounded.values()))) if rounded else 1
    single = _values(form, static, rounded, count, double=False)
    double = _values(form, static, rounded, count, double=True)
    size = np.abs(double).max(axis=1, keepdims=True)
    typical = float(np.median(size)) if np.isfinite(size).all() else 0.0
    # A point where all is zero is compared with the others.
    scale = np.where(size > 1e-12 * typical, size, typical if typical > 0 else 1.0)
    with np.errstate(invalid="ignore"):
        gaps = np.abs(single - double) / scale
    gaps = np.where(np.isfinite(double), np.where(np.isfinite(gaps), gaps, np.inf), 0.0)
    point, output = np.unravel_index(int(np.argmax(gaps)), gaps.shape)
    return Float32Error(
        float(gaps[point, output]),
        int(point),
        float(single[point, output]),
        float(double[point, output]),
    )


def _values(form, static, points, count: int, *, double: bool) -> np.ndarray:
    with jax.enable_x64(double):
        given = {
            n: jnp.asarray(v, (jnp.float64 if double else jnp.float32))
            if v.dtype.kind == "f"
            else jnp.asarray(v)
            for n, v in points.items()
        }
        if not given:
            values = jnp.asarray(form(**static))
        else:
            values = jax.jit(jax.vmap(lambda p: form(**static, **p)))(given)
        return np.asarray(values, np.float64).reshape(count, -1)
