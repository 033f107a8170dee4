"""Limits as means: the leading error term is removed by extrapolation."""

import copy
import inspect
import typing
from typing import Any

from empirical.montecarlo import Expectation, Law
from tallystick.relations import Limit

__all__ = ["extrapolated"]


def extrapolated(expectation: Expectation, relation: Limit) -> Expectation:
    """The expectation whose mean has lost the leading error term in the size.

    Each of the two sizes has its own independent noise; see `Limit` for the
    combination.
    """
    first, second = relation.sizes
    growth = (second / first) ** relation.rate
    laws: dict[str, Law] = {}
    names: list[dict[str, str]] = []
    for number, size in enumerate(relation.sizes):
        renamed = {noise: f"{noise}_{number}" for noise in expectation.laws}
        names.append(renamed)
        for noise, law in expectation.laws.items():
            own = copy.copy(law)
            own.axes = tuple(
                int(size) if axis == relation.size else axis for axis in law.axes
            )
            laws[renamed[noise]] = own
    shared = [n for n in expectation.parameters if n != relation.size]

    def combined(**values: Any) -> Any:
        parameters = {name: values[name] for name in shared}
        small, large = (
            expectation(
                **parameters,
                **{relation.size: size},
                **{noise: values[renamed[noise]] for noise in expectation.laws},
            )
            for size, renamed in zip(relation.sizes, names, strict=True)
        )
        return (growth * large - small) / (growth - 1)

    kinds = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.Signature(
        [inspect.Parameter(name, kinds) for name in [*shared, *laws]]
    )
    try:
        hints = typing.get_type_hints(expectation.integrand)
    except (NameError, TypeError):
        hints = {}
    combined.__name__ = f"{expectation.name}, extrapolated in {relation.size}"
    combined.__annotations__ = {n: hints[n] for n in shared if n in hints}
    combined.__signature__ = signature  # type: ignore[attr-defined]  # Read by inspect.
    return Expectation(combined, laws)
