"""Matching by name: which parameter is which, and how long a named axis is."""

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

__all__ = ["NoiseError", "axis_lengths", "call_by_name", "parameter_names"]


class NoiseError(ValueError):
    """Noise that is declared wrongly: an unknown name, axis or setting."""


def parameter_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """The parameters of a function, which must all have names.

    Raises:
        NoiseError: The function takes *args or **kwargs.
    """
    every = inspect.signature(function).parameters.values()
    for parameter in every:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise NoiseError(
                f"every parameter of {getattr(function, '__name__', function)} must"
                f" have a name, got {parameter}"
            )
    return tuple(parameter.name for parameter in every)


def call_by_name(setting: Any, parameters: Mapping[str, Any]) -> Any:
    """A number as it is; a function, called with the parameters that it names."""
    if not callable(setting):
        return setting
    return setting(**{name: parameters[name] for name in parameter_names(setting)})


def axis_lengths(
    function: Callable[..., Any], parameters: Mapping[str, Any]
) -> dict[str, int]:
    """Length of every axis that the annotations name, and every integer parameter.

    Raises:
        NoiseError: Two parameters give one axis different lengths.
    """
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError):  # Annotations that do not evaluate name no axes.
        hints = {}
    lengths: dict[str, int] = {}
    for name, value in parameters.items():
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            lengths[name] = int(value)
    for name, value in parameters.items():
        axes = getattr(hints.get(name), "dim_str", "").split()
        shape = np.shape(value)
        if len(axes) != len(shape):
            continue
        for axis, length in zip(axes, shape, strict=True):
            if not axis.isidentifier():
                continue
            if lengths.setdefault(axis, length) != length:
                raise NoiseError(
                    f"axis {axis!r} must have one length, got {lengths[axis]} and"
                    f" {length} (parameter {name})"
                )
    return lengths
