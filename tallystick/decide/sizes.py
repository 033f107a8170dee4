"""Experiments at several sizes as one, with independent noise at each size."""

import copy
import inspect
import typing
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

from empirical.montecarlo import Expectation, Law
from empirical.montecarlo.names import parameter_names

__all__ = ["at_sizes", "side_by_side"]


def side_by_side(
    expectation: Expectation, size: str, sizes: Sequence[float]
) -> Expectation:
    """The expectation whose draws hold one draw at each size, along a first axis."""
    return at_sizes(expectation, size, sizes, jnp.stack, expectation.name)


def at_sizes(
    expectation: Expectation,
    size: str,
    sizes: Sequence[float],
    combine: Callable[[list[Any]], Any],
    name: str,
) -> Expectation:
    """The expectation whose draws combine one draw at each size.

    Args:
        expectation: The experiment; it takes the size.
        size: Name of the size, of axes of the noise that have its length, and of a
            parameter that settings of the noise may depend on.
        sizes: Its values.
        combine: Makes one value of the list of draws.
        name: Name of the result.
    """
    laws: dict[str, Law] = {}
    names: list[dict[str, str]] = []
    for number, value in enumerate(sizes):
        renamed = {noise: f"{noise}_{number}" for noise in expectation.laws}
        names.append(renamed)
        for noise, law in expectation.laws.items():
            laws[renamed[noise]] = _law_at(law, size, value)
    shared = [n for n in expectation.parameters if n != size]

    def combined(**values: Any) -> Any:
        parameters = {n: values[n] for n in shared}
        draws = [
            expectation(
                **parameters,
                **{size: value},
                **{noise: values[renamed[noise]] for noise in expectation.laws},
            )
            for value, renamed in zip(sizes, names, strict=True)
        ]
        return combine(draws)

    kinds = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.Signature(
        [inspect.Parameter(n, kinds) for n in [*shared, *laws]]
    )
    try:
        hints = typing.get_type_hints(expectation.integrand)
    except (NameError, TypeError):
        hints = {}
    combined.__name__ = name
    combined.__annotations__ = {n: hints[n] for n in shared if n in hints}
    combined.__signature__ = signature  # type: ignore[attr-defined]  # Read by inspect.
    return Expectation(combined, laws)


def _law_at(law: Law, size: str, value: float) -> Law:
    """A law at one value of the size."""
    own = copy.copy(law)
    own.axes = tuple(int(value) if axis == size else axis for axis in law.axes)
    own.settings = tuple(_setting_at(s, size, value) for s in law.settings)
    return own


def _setting_at(setting: Any, size: str, value: float) -> Any:
    if not callable(setting) or size not in parameter_names(setting):
        return setting

    def bound(**others: Any) -> Any:
        return setting(**others, **{size: value})

    kept = [
        p.replace(kind=p.KEYWORD_ONLY)
        for n, p in inspect.signature(setting).parameters.items()
        if n != size
    ]
    bound.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]  # As above.
    return bound
