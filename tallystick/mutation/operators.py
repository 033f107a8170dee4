"""Operators: the wrong variants of one operation.

Literals and captured constants are multiplied by 0, 1/2, 0.99, 1.01, 2 and -1 (a zero
becomes one); integers, exponents among them, become one more and one less. An operation
becomes its sibling (sin and cos, plus and minus, ...), is left out (square roots,
squares, signs, one operand of a sum or product), or has its operands swapped.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import JaxprEqn, Literal
from jax.scipy import special

from empirical.montecarlo.program import apply

__all__ = ["FACTORS", "changed_literals", "changed_numbers", "changed_operations"]

FACTORS = (0.0, 0.5, 0.99, 1.01, 2.0, -1.0)

Change = Callable[[Sequence[Any]], Any]
"""The wrong value of an equation's first output, from its inputs."""


def changed_numbers(value: Any) -> Iterator[tuple[str, Any]]:
    """Wrong values of a number or an array of numbers, with what was done to it."""
    array = np.asarray(value)
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            return
        if not array.any():
            yield "0 -> 1", np.ones_like(array)
            return
        for factor in FACTORS:
            yield f"x {factor:g}", (array * factor).astype(array.dtype)
    elif array.dtype.kind in "iu":
        yield "+ 1", (array + 1).astype(array.dtype)
        yield "- 1", (array - 1).astype(array.dtype)


def changed_literals(equation: JaxprEqn) -> Iterator[tuple[int, str, str, Any]]:
    """For each literal operand: its position, its value in words, change, new value."""
    for position, atom in enumerate(equation.invars):
        if isinstance(atom, Literal):
            for change, value in changed_numbers(atom.val):
                shown = f"{float(np.ravel(atom.val)[0]):.6g}"
                yield position, shown, change, value


def changed_operations(equation: JaxprEqn) -> Iterator[tuple[str, Change]]:
    """The wrong variants of what an equation does."""
    name = equation.primitive.name
    output = _kind(equation.outvars[0])
    for sibling in _SIBLINGS.get(name, ()):
        yield f"{name} -> {sibling}", _call(_FUNCTIONS[sibling])
    if name in _DROPPED or (
        name == "transpose" and _kind(equation.invars[0]).shape == output.shape
    ):
        yield f"{name} left out", _operand(0, output)
    if name in _DROPPED_OPERANDS:
        for position, word in enumerate(("first", "second")):
            kept = _operand(1 - position, output)
            yield f"{word} operand of {name} left out", kept
    if name == "integer_pow":
        exponent = equation.params["y"]
        for other in (exponent + 1, exponent - 1):
            yield f"exponent {exponent} -> {other}", _power(other)
    first = _swappable(equation)
    if first is not None:
        shown = "where" if name not in _SWAPPED and name != "dot_general" else name
        yield f"operands of {shown} swapped", _swapped(equation, first)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "acos": lax.acos,
    "acosh": lax.acosh,
    "add": lax.add,
    "asin": lax.asin,
    "asinh": lax.asinh,
    "cos": lax.cos,
    "cosh": lax.cosh,
    "div": lax.div,
    "erf": lax.erf,
    "erfc": lax.erfc,
    "exp": lax.exp,
    "expm1": lax.expm1,
    "ge": lax.ge,
    "gt": lax.gt,
    "le": lax.le,
    "log": lax.log,
    "log1p": lax.log1p,
    "logistic": lax.logistic,
    "lt": lax.lt,
    "max": lax.max,
    "min": lax.min,
    "mul": lax.mul,
    "ndtr": special.ndtr,
    "rsqrt": lax.rsqrt,
    "sin": lax.sin,
    "sinh": lax.sinh,
    "sqrt": lax.sqrt,
    "sub": lax.sub,
    "tan": lax.tan,
    "tanh": lax.tanh,
}
_SIBLINGS: dict[str, tuple[str, ...]] = {
    "acos": ("asin",),
    "acosh": ("asinh",),
    "add": ("sub",),
    "asin": ("acos",),
    "asinh": ("acosh",),
    "cos": ("sin",),
    "cosh": ("sinh",),
    "div": ("mul",),
    "erf": ("tanh", "erfc"),
    "erfc": ("erf",),
    "exp": ("expm1",),
    "expm1": ("exp",),
    "ge": ("le",),
    "gt": ("lt",),
    "le": ("ge",),
    "log": ("log1p",),
    "log1p": ("log",),
    "logistic": ("ndtr",),
    "lt": ("gt",),
    "max": ("min",),
    "min": ("max",),
    "mul": ("div",),
    "rsqrt": ("sqrt",),
    "sin": ("cos",),
    "sinh": ("cosh",),
    "sub": ("add",),
    "tan": ("sin",),
    "tanh": ("erf",),
}
_DROPPED = {"abs", "cbrt", "exp2", "neg", "rsqrt", "sqrt", "square"}
_DROPPED_OPERANDS = {"add", "mul"}
_SWAPPED = {"atan2": 0, "div": 0, "pow": 0, "rem": 0, "select_n": 1, "sub": 0}


def _swappable(equation: JaxprEqn) -> int | None:
    """Position of the first of two operands whose order matters and may change."""
    name, operands = equation.primitive.name, equation.invars
    first = _SWAPPED.get(name)
    if name == "dot_general":  # Two vectors or numbers commute.
        first = 0 if len(_kind(operands[0]).shape) >= 2 else None
    elif equation.params.get("name") == "_where" and len(operands) == 3:
        first = 1
    if first is None or len(operands) != first + 2:
        return None
    pair = operands[first : first + 2]
    one, two = map(_kind, pair)
    if pair[0] is pair[1] or one.dtype != two.dtype:
        return None
    result = _kind(equation.outvars[0]).shape
    if name in ("dot_general", "select_n") or "jaxpr" in equation.params:
        return first if one.shape == two.shape else None
    # Of elementwise operations one operand may be a number.
    return first if {one.shape, two.shape} <= {(), result} else None


def _kind(atom: Any) -> Any:
    """Shape and dtype of a value of the program."""
    return atom.aval


def _call(function: Callable[..., Any]) -> Change:
    return lambda values: function(*values)


def _operand(position: int, output: Any) -> Change:
    return lambda values: jnp.broadcast_to(values[position], output.shape)


def _power(exponent: int) -> Change:
    return lambda values: lax.integer_pow(values[0], exponent)


def _swapped(equation: JaxprEqn, first: int) -> Change:
    def change(values: Sequence[Any]) -> Any:
        one, two = values[first : first + 2]
        return apply(equation, [*values[:first], two, one])[0]

    return change
