"""One additive term has the wrong coefficient, or an obvious one is missing.

The terms are the operands of additions and subtractions in the formula's own program
that reach the value through operations linear in them: sums, signs, products and
quotients with other factors, sums over an axis, concatenations.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal

from empirical.montecarlo.program import apply
from tallystick.diagnosis.evidence import Evidence, fit
from tallystick.diagnosis.explanation import (
    Explanation,
    number,
    parameter_cost,
    settled,
)
from tallystick.diagnosis.expressions import Reader

__all__ = ["Term", "missing", "program_terms", "terms"]

MOST_TERMS = 24
MOST_SIBLINGS = 12
_SUMS = {"add", "add_any", "sub"}
# Linear in the first operand, with any other operands fixed.
_PASSING = {"neg", "broadcast_in_dim", "reshape", "squeeze", "transpose", "reduce_sum"}
_PASSING |= {"convert_element_type", "slice", "copy", "rev", "expand_dims", "cumsum"}
_BILINEAR = {"mul", "dot_general"}


@dataclass(frozen=True)
class Term:
    """An additive term of a formula.

    Attributes:
        text: The term as an expression.
        place: Which one of how many, with its siblings.
        values: What it adds to the formula, flattened over points and outputs.
    """

    text: str
    place: str
    values: np.ndarray


@dataclass(frozen=True)
class _Step:
    """Operand `position` of an equation."""

    equation: JaxprEqn
    position: int


def terms(evidence: Evidence) -> list[Explanation]:
    """Explanations by one wrong coefficient in the formula."""
    target = evidence.target.ravel()
    found, columns = [], program_terms(evidence)
    for term in columns:
        start = target - term.values
        fitted = fit(evidence, term.values, start)
        if fitted is None or not fitted.good:
            continue
        value, error = fitted.value, fitted.error
        if fitted.near(1.0):
            continue
        kept, guess = settled(evidence, fitted, term.values, start)
        shown = number(evidence, value, error)
        head = f"{term.place} ({term.text})"
        best = guess.best
        if best and best.value == 0:
            what, change = f"should be absent (coefficient {shown})", "no term"
            suggestion = f"drop {term.text}"
        elif best and best.value == -1:
            what, change = f"has the wrong sign (coefficient {shown})", "other sign of"
            suggestion = f"change the sign of {term.text}"
        else:
            what, change = (
                f"has the coefficient {shown} in place of 1",
                f"{shown} x",
            )
            times = best.name if best else shown
            if best:
                what += f": off by the factor {times}"
            elif guess.fits:
                what += f" ({guess.fits.name} fits)"
            suggestion = f"multiply {term.text} by {times}"
        cost = 3.0 + math.log(len(columns)) + parameter_cost(value, error, guess)
        found.append(
            Explanation(
                "term",
                f"{change} {term.text}",
                f"{head} {what}; the others fit",
                suggestion,
                cost,
                kept,
            )
        )
    return found


def missing(evidence: Evidence) -> list[Explanation]:
    """Explanations by one absent term among the obvious ones."""
    candidates = _obvious(evidence)
    target, found = evidence.target.ravel(), []
    for name, column in candidates.items():
        fitted = fit(evidence, column, target)
        if fitted is None or not fitted.good:
            continue
        value, error = fitted.value, fitted.error
        if fitted.near(0.0):
            continue
        kept, guess = settled(evidence, fitted, column, target, neutral=0.0)
        shown = number(evidence, value, error)
        amount = guess.best.name if guess.best else shown
        factor = "" if amount == "1" else "-" if amount == "-1" else f"{amount} "
        text = (
            f"empirical = formula + {shown} {name}: the term {factor}{name} is missing"
        )
        cost = 4.0 + math.log(len(candidates)) + parameter_cost(value, error, guess)
        found.append(
            Explanation(
                "missing",
                f"a missing term {name}",
                text,
                f"add {factor}{name} to the formula",
                cost,
                kept,
            )
        )
    return found


def _obvious(evidence: Evidence) -> dict[str, np.ndarray]:
    """Squared norms, inner products and scalars; vectors where the value is one."""
    shape, found = evidence.value_shape, {}
    arrays = {n: v for n, v in evidence.points.items() if v.dtype.kind == "f"}
    count = len(evidence.mean)
    if shape:
        found |= {n: v for n, v in arrays.items() if v.shape[1:] == shape}
    if evidence.target.shape[1] == 1:
        flat = {n: v.reshape(count, -1) for n, v in arrays.items()}
        for name, values in flat.items():
            if arrays[name].ndim == 1:
                found |= {name: values, f"{name}^2": values**2}
            else:
                found[f"|{name}|^2"] = (values**2).sum(axis=1)
        for (a, x), (b, y) in itertools.combinations(flat.items(), 2):
            if x.shape == y.shape:
                found[f"{a} . {b}"] = (x * y).sum(axis=1)
    if len(shape) == 2 and shape[0] == shape[1]:
        found["I"] = np.broadcast_to(np.eye(shape[0]), (count, *shape))
        for name, values in arrays.items():
            if values.shape[1:] == shape[:1]:
                found[f"{name} {name}'"] = values[:, :, None] * values[:, None, :]
    return {name: np.asarray(values).ravel() for name, values in found.items()}


def program_terms(evidence: Evidence) -> list[Term]:
    """The additive terms of the formula's program, the outer ones first."""
    if not evidence.points:
        return []
    program = evidence.program
    made = {out: e for e in program.jaxpr.eqns for out in e.outvars}
    paths = _paths(program, made)
    if not paths:
        return []
    said = Reader(program, sorted(evidence.points))
    values = _contributions(evidence, program, paths)
    found = []
    for path, place, column in zip(*_numbered(paths), values, strict=True):
        if not np.isfinite(column).all():
            continue
        atom = path[0].equation.invars[path[0].position]
        text = said(atom)
        found.append(Term(text, place, column))
    return found


def _paths(program: ClosedJaxpr, made) -> list[tuple[_Step, ...]]:
    """Paths from an operand of a sum to the value; breadth first."""
    found: list[tuple[_Step, ...]] = []
    waiting: list[tuple[Any, tuple[_Step, ...]]] = [(program.jaxpr.outvars[0], ())]
    while waiting and len(found) < MOST_TERMS:
        atom, path = waiting.pop(0)
        if isinstance(atom, Literal) or atom not in made:
            continue
        equation = made[atom]
        is_sum = equation.primitive.name in _SUMS
        for position in _linear(equation):
            step = _Step(equation, position)
            if is_sum and len(found) < MOST_TERMS:
                found.append((step, *path))
            waiting.append((equation.invars[position], (step, *path)))
    return found


def _linear(equation: JaxprEqn) -> Sequence[int]:
    """The operands in which an equation is linear, the others being fixed."""
    kind, parts = equation.primitive.name, equation.invars
    if len(equation.outvars) != 1:
        return ()
    if kind in _SUMS or kind == "concatenate":
        return range(len(parts))
    if kind in _PASSING or kind == "div":
        return (0,)
    if kind in _BILINEAR and parts[0] is not parts[1]:
        return (0, 1)
    if kind == "select_n":
        return range(1, len(parts))
    return ()


def _numbered(paths):
    """The paths, and for each what it is called among its siblings.

    Siblings are the operands of one tree of sums.
    """
    places = []
    for path in paths:
        chain = [path[0]]
        # Outwards while the sum is itself an operand of a sum.
        for step in path[1:]:
            if step.equation.primitive.name not in _SUMS | {"neg"}:
                break
            chain.append(step)
        siblings = _siblings(chain[-1].equation, paths)
        if path[0] in siblings and len(siblings) <= MOST_SIBLINGS:
            places.append(f"term {siblings.index(path[0]) + 1} of {len(siblings)}")
        else:
            places.append("the part")
    return paths, places


def _siblings(root: JaxprEqn, paths) -> list[_Step]:
    """Leaves of the tree of sums below an equation, from left to right."""
    made = {s.equation.outvars[0]: s.equation for p in paths for s in p}

    def leaves(equation: JaxprEqn):
        for position, atom in enumerate(equation.invars):
            inner = None if isinstance(atom, Literal) else made.get(atom)
            if inner is not None and inner.primitive.name in _SUMS:
                yield from leaves(inner)
            else:
                yield _Step(equation, position)

    return list(leaves(root))


def _contributions(evidence: Evidence, program: ClosedJaxpr, paths) -> np.ndarray:
    """What each operand adds to the value, shape (terms, points * outputs)."""

    def at_point(point):
        known: dict[Any, Any] = dict(
            zip(program.jaxpr.constvars, program.consts, strict=True)
        )
        known.update(
            zip(program.jaxpr.invars, (point[n] for n in sorted(point)), strict=True)
        )

        def read(atom):
            return atom.val if isinstance(atom, Literal) else known[atom]

        for equation in program.jaxpr.eqns:
            results = apply(equation, [read(a) for a in equation.invars])
            known.update(zip(equation.outvars, results, strict=True))
        return jnp.stack([jnp.ravel(_carried(path, read)) for path in paths])

    with jax.enable_x64(True):
        values = jax.jit(jax.vmap(at_point))(dict(evidence.points))
    values = np.asarray(values, np.float64)  # (points, terms, outputs)
    return np.moveaxis(values, 1, 0).reshape(len(paths), -1)


def _carried(path: tuple[_Step, ...], read) -> Any:
    """An operand's contribution, carried to the value along its path."""
    start = path[0]
    value = read(start.equation.invars[start.position])
    for step in path:
        equation, position = step.equation, step.position
        kind = equation.primitive.name
        given = [read(a) for a in equation.invars]
        if kind in _SUMS or kind in ("concatenate", "select_n"):
            keep = {0} if kind == "select_n" else set()
            given = [g if n in keep else jnp.zeros_like(g) for n, g in enumerate(given)]
        given[position] = jnp.asarray(value, jnp.asarray(given[position]).dtype)
        (value,) = apply(equation, given)
    return value
