"""Evaluating closed forms at many points, in double precision."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from empirical.montecarlo import Sampler
from empirical.montecarlo.names import traceable
from tallystick.domain import Case
from tallystick.errors import ClaimError

__all__ = ["evaluate_forms"]

Form = Callable[..., Any]
# A form runs once: what it gains by optimization is less than what that costs.
_OPTIONS = {"xla_backend_optimization_level": 0}


def evaluate_forms(
    forms: Sequence[Form],
    case: Case,
    points: Mapping[str, np.ndarray],
    sampler: Sampler,
) -> list[np.ndarray]:
    """Forms at every point of a case, each of shape (points, outputs).

    All forms are compiled as one program, so what they share is compiled once.

    Raises:
        ClaimError: A value has another shape or dtype than the experiment's.
    """

    def every(point):
        values = []
        for form in forms:
            with traceable(_name(form)):
                value = form(**case.static, **point)
            # A constant formula may be a plain number.
            value = jnp.asarray(value) if isinstance(value, (int, float)) else value
            _require_alike(form, value, sampler)
            values.append(value)
        return values

    with jax.enable_x64(True):
        if points:
            batched = jax.jit(jax.vmap(every), compiler_options=_OPTIONS)
            values = batched(dict(points))
        else:
            values = every({})
        return [np.asarray(v, np.float64).reshape(sampler.count, -1) for v in values]


def _name(form: Form) -> str:
    return getattr(form, "__name__", "the formula")


def _require_alike(form: Form, value: Any, sampler: Sampler) -> None:
    """Refuse a form whose value is not what its experiment measures."""
    name = _name(form)
    twin = sampler.layout.expectation.name
    shape = getattr(value, "shape", None)
    if shape != sampler.value_shape:
        raise ClaimError(
            f"{name} and its experiment must have one shape, got {shape} from the"
            f" formula and {sampler.value_shape} from {twin}"
        )
    for half, dtype in ((name, value.dtype), (twin, sampler.layout.value_dtype)):
        if dtype != np.float64 and dtype.kind not in "iub":
            raise ClaimError(
                f"the dtype of {half} must follow its inputs (float64 here),"
                f" got {dtype}"
            )
