"""Variants: all wrong versions of a formula in one program, chosen by a number.

Every changed operation stands beside the right one, and a selector that is an argument
of the program picks one of them. So a case is compiled once, whatever the number of its
variants, and all of them run as one batch.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import ClosedJaxpr, JaxprEqn

from empirical.montecarlo.program import apply, run, subprograms
from tallystick.mutation.operators import (
    Change,
    changed_literals,
    changed_numbers,
    changed_operations,
)
from tallystick.mutation.sites import Author, sites

__all__ = ["Program", "Variant"]

BATCH = 2**21
"""Numbers in the largest array that one batch of variants holds."""
_OPTIONS = {"xla_backend_optimization_level": 0}


@dataclass(frozen=True)
class Variant:
    """One wrong version of a formula, in the program of one case.

    Attributes:
        key: What names it in the programs of all cases.
        operator: What was changed, in words.
        location: Where, as "file:line: code"; or what, if no line says it.
        place: What the change belongs to: an equation, an operand of one, a captured
            constant, two parameters, or the result.
        change: The wrong value there.
    """

    key: tuple
    operator: str
    location: str
    place: tuple
    change: Any = field(compare=False, default=None)


class Program:
    """A formula as the program of one case, with its variants.

    Args:
        form: The formula.
        static: Its static parameters.
        points: Its array parameters, with a leading axis for the points.
        author: Tells what may be changed.
    """

    def __init__(
        self,
        form: Callable[..., Any],
        static: Mapping[str, Any],
        points: Mapping[str, np.ndarray],
        author: Author,
    ):
        self.author, self.names = author, sorted(points)
        self.points = [np.asarray(points[name]) for name in self.names]
        self.count = self.points[0].shape[0] if self.points else 1
        with jax.enable_x64(True):
            example = {
                name: jax.ShapeDtypeStruct(value.shape[1:], value.dtype)
                for name, value in zip(self.names, self.points, strict=True)
            }
            self.closed = jax.make_jaxpr(
                lambda values: jnp.asarray(form(**static, **values))
            )(example)
        self.variants = list(self._variants())
        self._ready: dict[tuple, Callable[[], np.ndarray]] = {}

    def _variants(self) -> Iterator[Variant]:
        for site in sites(self.closed, self.author):
            equation = site.equation
            for position, shown, change, value in changed_literals(equation):
                yield Variant(
                    (*site.key, position, change),
                    f"{shown} {change}" if change != "0 -> 1" else change,
                    site.location,
                    ("literal", id(equation), position),
                    value,
                )
            for operator, changed in changed_operations(equation):
                place = ("operation", id(equation))
                key = (*site.key, operator)
                yield Variant(key, operator, site.location, place, changed)
        for number, constant in enumerate(self.closed.consts):
            where = f"captured array of shape {np.shape(constant)}"
            for change, value in changed_numbers(constant):
                key = ("constant", number, change)
                yield Variant(key, change, where, ("constant", number), value)
        inputs = list(zip(self.names, self.closed.jaxpr.invars, strict=True))
        for (one, first), (two, second) in itertools.combinations(inputs, 2):
            if first.aval.shape == second.aval.shape:
                key = ("parameters", one, two)
                place = ("parameters", self.names.index(one), self.names.index(two))
                yield Variant(key, f"{one} and {two} swapped", "the parameters", place)
        for operator, change in self._results():
            key = ("result", operator)
            yield Variant(key, operator, "the result", ("result",), change)

    def _results(self) -> Iterator[tuple[str, Callable[[np.ndarray], np.ndarray]]]:
        for factor in (1.01, 0.99, -1.0):
            yield f"x {factor:g}", lambda value, factor=factor: factor * value
        shape = self.closed.out_avals[0].shape
        if len(shape) >= 2 and shape[-1] == shape[-2] > 1:
            yield "transposed", lambda value: np.swapaxes(value, -1, -2)

    def values(self, variants: Sequence[Variant]) -> tuple[np.ndarray, np.ndarray]:
        """The formula, and its variants, at the points.

        Returns:
            Shapes (points, outputs) and (variants, points, outputs).
        """
        inside = [v for v in variants if v.place != ("result",)]
        keys = tuple(v.key for v in inside)
        if keys not in self._ready:
            self._ready[keys] = self._compiled(inside)
        found = self._ready[keys]()
        right = found[0]
        wrong = dict(zip((v.key for v in inside), found[1:], strict=True))
        for variant in variants:
            if variant.place == ("result",):
                wrong[variant.key] = variant.change(right)
        flat = right.reshape(self.count, -1)
        stacked = [wrong[v.key].reshape(flat.shape) for v in variants]
        return flat, np.stack(stacked) if stacked else np.zeros((0, *flat.shape))

    def _compiled(self, variants: Sequence[Variant]) -> Callable[[], np.ndarray]:
        """The program with a selector: 0 for the formula, k for variant k - 1."""
        numbered = _by_place(variants)

        def chosen(selector: Any, *inputs: Any) -> Any:
            return _run_chosen(
                self.closed, selector, inputs, numbered, self.author.opens
            )

        def every(selectors: Any, *points: Any) -> Any:
            axes = (None, *(0 for _ in points))
            batched = jax.vmap(chosen, axes) if points else chosen
            size = max(1, BATCH // self._largest())
            return lax.map(
                lambda selector: batched(selector, *points),
                selectors,
                batch_size=min(size, len(selectors)),
            )

        compiled = jax.jit(every, compiler_options=_OPTIONS)

        def call() -> np.ndarray:
            with jax.enable_x64(True):
                selectors = np.arange(len(variants) + 1)
                found = np.asarray(compiled(selectors, *self.points), np.float64)
            shape = self.closed.out_avals[0].shape
            return found.reshape(len(selectors), self.count, *shape)

        return call

    def _largest(self) -> int:
        """Numbers in the largest array of the program, over all points."""
        avals = [v.aval for e in self.closed.jaxpr.eqns for v in e.outvars]
        avals += [v.aval for v in self.closed.jaxpr.invars]
        sizes = [int(np.prod(getattr(aval, "shape", ()))) for aval in avals]
        return self.count * max(sizes, default=1)


def _by_place(variants: Sequence[Variant]) -> dict[tuple, list[tuple[int, Variant]]]:
    """Numbered variants by the place that they change."""
    found: dict[tuple, list[tuple[int, Variant]]] = {}
    for number, variant in enumerate(variants, start=1):
        place = variant.place[:1] if variant.place[0] == "parameters" else variant.place
        found.setdefault(place, []).append((number, variant))
    return found


def _run_chosen(
    closed: ClosedJaxpr,
    selector: Any,
    inputs: Sequence[Any],
    numbered: Mapping[tuple, list[tuple[int, Variant]]],
    opens: Callable[[JaxprEqn], bool],
) -> Any:
    """The formula's value, with the selected change."""

    def select(place: tuple, value: Any, wrong: Callable[[Variant], Any]) -> Any:
        for number, variant in numbered.get(place, ()):
            other = jnp.asarray(wrong(variant))
            right = jnp.asarray(value, other.dtype)
            value = lax.select(
                jnp.broadcast_to(selector == number, right.shape), other, right
            )
        return value

    def rule(equation: JaxprEqn, values: list[Any]) -> Sequence[Any]:
        values = [
            select(("literal", id(equation), position), value, lambda v: v.change)
            for position, value in enumerate(values)
        ]
        if equation.primitive.name == "scan" and opens(equation):
            return _scan(equation, values, rule, opens)
        results = list(apply(equation, values))

        def changed(variant: Variant) -> Any:
            change: Change = variant.change
            kind: Any = equation.outvars[0].aval
            return jnp.asarray(change(values), kind.dtype)

        place = ("operation", id(equation))
        if place in numbered:
            results[0] = select(place, results[0], changed)
        return results

    given = list(inputs)
    for number, variant in numbered.get(("parameters",), ()):
        _, one, two = variant.place
        here = jnp.broadcast_to(selector == number, inputs[one].shape)
        given[one] = lax.select(here, inputs[two], given[one])
        given[two] = lax.select(here, inputs[one], given[two])
    constants = [
        select(("constant", number), constant, lambda v: v.change)
        for number, constant in enumerate(closed.consts)
    ]
    return run(ClosedJaxpr(closed.jaxpr, constants), given, rule, opens)[0]


def _scan(
    equation: JaxprEqn,
    values: list[Any],
    rule: Callable[[JaxprEqn, list[Any]], Sequence[Any]],
    opens: Callable[[JaxprEqn], bool],
) -> list[Any]:
    """A loop of a fixed number of turns, with the rule for its body."""
    options = equation.params
    start = options["num_consts"]
    carried = options["num_carry"]
    body = next(subprograms(equation))
    assert isinstance(body, ClosedJaxpr)
    fixed = values[:start]

    def turn(carry: list[Any], row: list[Any]) -> tuple[list[Any], list[Any]]:
        found = run(body, [*fixed, *carry, *row], rule, opens)
        return found[:carried], found[carried:]

    types = [v.aval for v in body.jaxpr.invars[start : start + carried]]
    first = [
        jnp.asarray(value, kind.dtype)
        for value, kind in zip(values[start : start + carried], types, strict=True)
    ]
    last, rows = lax.scan(
        turn,
        first,
        values[start + carried :],
        length=options["length"],
        reverse=options["reverse"],
    )
    return [*last, *rows]
