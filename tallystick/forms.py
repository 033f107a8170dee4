"""Evaluating closed forms at many points, in double precision."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from empirical.montecarlo import Sampler
from empirical.montecarlo.tracing import traceable
from tallystick.domain import Case
from tallystick.errors import ClaimError

__all__ = ["Form", "evaluate_forms", "evaluate_probabilities"]

Form = Callable[..., Any]
# A form runs once: what it gains by optimization is less than what that costs.
_OPTIONS = {"xla_backend_optimization_level": 0}


def evaluate_forms(
    forms: Sequence[Form],
    case: Case,
    points: Mapping[str, np.ndarray],
    sampler: Sampler,
    shape: tuple[int, ...] | None = None,
) -> list[np.ndarray]:
    """Forms at every point of a case, each of shape (points, outputs).

    All forms are compiled as one program, so what they share is compiled once.

    Args:
        forms: The forms.
        case: The static parameters.
        points: The others, with a leading axis for the points.
        sampler: The experiment, whose dtype the forms must follow.
        shape: Shape of a form's value, if it is not that of a draw.

    Raises:
        ClaimError: A value has another shape or dtype than the experiment's.
    """
    expected = sampler.value_shape if shape is None else shape

    def every(point):
        values = []
        for form in forms:
            with traceable(_name(form)):
                value = form(**case.static, **point)
            # A constant formula may be a plain number.
            value = jnp.asarray(value) if isinstance(value, (int, float)) else value
            _require_alike(form, value, sampler, expected)
            values.append(value)
        return values

    with jax.enable_x64(True):
        if points:
            batched = jax.jit(jax.vmap(every), compiler_options=_OPTIONS)
            values = batched(dict(points))
        else:
            values = every({})
        return [np.asarray(v, np.float64).reshape(sampler.count, -1) for v in values]


def evaluate_probabilities(
    form: Form,
    case: Case,
    points: Mapping[str, np.ndarray],
    argument: str,
    values: np.ndarray,
) -> np.ndarray:
    """A distribution function at some values for every point, shape (points, values).

    Args:
        form: Takes the parameters and the value, and returns one probability.
        case: The static parameters.
        points: The others, with a leading axis for the points.
        argument: Name of the parameter for the value.
        values: Shape (points, values, *shape of a draw).

    Raises:
        ClaimError: It returns something else.
    """

    def one(point, value):
        with traceable(_name(form)):
            found = form(**case.static, **point, **{argument: value})
        found = jnp.asarray(found) if isinstance(found, (int, float)) else found
        shape = getattr(found, "shape", None)
        if shape != ():
            raise ClaimError(
                f"{_name(form)} must return one probability for the value of a draw,"
                f" got the shape {shape}"
            )
        if found.dtype != np.float64 and found.dtype.kind not in "iub":
            raise ClaimError(
                f"the dtype of {_name(form)} must follow its inputs (float64 here), got"
                f" {found.dtype}"
            )
        return found

    with jax.enable_x64(True):
        over_values = jax.vmap(one, (None, 0))
        batched = jax.jit(jax.vmap(over_values), compiler_options=_OPTIONS)
        return np.asarray(batched(dict(points), jnp.asarray(values)), np.float64)


def _name(form: Form) -> str:
    return getattr(form, "__name__", "the formula")


def _require_alike(
    form: Form, value: Any, sampler: Sampler, expected: tuple[int, ...]
) -> None:
    """Refuse a form whose value is not what its experiment measures."""
    name = _name(form)
    twin = sampler.layout.expectation.name
    if not hasattr(value, "shape"):
        raise ClaimError(
            f"{name} must return one array, as {twin} does, got {type(value).__name__}"
        )
    shape = value.shape
    if shape != expected:
        raise ClaimError(
            f"{name} and its experiment must have one shape, got {shape} from the"
            f" formula and {expected} from {twin}"
        )
    for half, dtype in ((name, value.dtype), (twin, sampler.layout.value_dtype)):
        if dtype.kind == "c":
            raise ClaimError(f"{half} must be real, got {dtype}: take jnp.real")
        if dtype != np.float64 and dtype.kind not in "iub":
            raise ClaimError(
                f"the dtype of {half} must follow its inputs (float64 here),"
                f" got {dtype}"
            )
