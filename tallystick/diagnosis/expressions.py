"""Short readable expressions for the values inside a formula's program."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from tallystick.diagnosis.constants import recognize

__all__ = ["Reader"]

_INFIX = {"add": "+", "add_any": "+", "sub": "-", "mul": "*", "div": "/", "pow": "^"}
_INFIX |= {"max": "max", "min": "min", "dot_general": "@"}
_LEVEL = {"+": 1, "-": 1, "*": 2, "/": 2, "@": 2, "^": 3}
# They change the shape or the type only.
_SAME = {"broadcast_in_dim", "convert_element_type", "copy", "reshape", "squeeze"}
_SAME |= {"stop_gradient", "expand_dims", "reduce_precision"}
_NAMES = {"reduce_sum": "sum", "reduce_max": "max", "acos": "arccos", "neg": "-"}
_NAMES |= {"asin": "arcsin", "transpose": "transpose", "logistic": "sigmoid"}
LONGEST = 60


class Reader:
    """Writes values of a flat program as expressions of its inputs.

    Args:
        program: The program.
        names: Names of its inputs.
    """

    def __init__(self, program: ClosedJaxpr, names: Sequence[str]):
        jaxpr = program.jaxpr
        self.made = {out: e for e in jaxpr.eqns for out in e.outvars}
        self.names = dict(zip(jaxpr.invars, names, strict=True))
        self.constants = dict(zip(jaxpr.constvars, program.consts, strict=True))

    def __call__(self, atom: Any) -> str:
        """A variable or literal as an expression, cut where it gets long."""
        text = "..."
        for depth in range(1, 12):
            longer = self._text(atom, depth)[0]
            if len(longer) > LONGEST:
                break
            text = longer
        return text

    def _text(self, atom: Any, depth: int) -> tuple[str, int]:
        """An expression and how tightly it binds."""
        if isinstance(atom, Literal):
            return _number(atom.val)
        if atom in self.names:
            return self.names[atom], 9
        if atom in self.constants:
            return _number(self.constants[atom])
        equation = self.made.get(atom)
        if equation is None:
            return "...", 9
        kind, parts = equation.primitive.name, equation.invars

        def inner(number: int, deeper: int = 1) -> tuple[str, int]:
            return self._text(parts[number], depth - deeper)

        if kind in _SAME:
            return inner(0, 0)
        square = _squared(atom, self.made)
        if kind == "sqrt" and square is not None:
            return f"|{self._text(square, depth)[0]}|", 9
        if depth <= 0:
            return "...", 9
        if kind in _INFIX and len(parts) == 2:
            sign = _INFIX[kind]
            if sign in ("max", "min"):
                return f"{sign}({inner(0)[0]}, {inner(1)[0]})", 9
            level = _LEVEL[sign]
            left, right = inner(0), inner(1)
            if sign == "*" and "1" in (left[0], right[0]):
                return left if right[0] == "1" else right
            first = left[0] if left[1] >= level else f"({left[0]})"
            tight = right[1] > level or (right[1] == level and sign in "+*")
            second = right[0] if tight else f"({right[0]})"
            return f"{first} {sign} {second}", level
        if kind == "square" or kind == "integer_pow":
            base, level = inner(0)
            base = base if level >= 9 else f"({base})"
            return f"{base}^{equation.params.get('y', 2)}", 3
        if kind == "neg":
            base, level = inner(0)
            return f"-{base if level > 1 else f'({base})'}", 2
        name = _NAMES.get(kind, kind)
        shown = ", ".join(inner(number)[0] for number in range(min(len(parts), 3)))
        return f"{name}({shown})", 9


def _squared(atom, made):
    """The vector v where a variable is sqrt(sum(v * v)), or None."""
    for kinds in (("sqrt",), ("reduce_sum",), ("square", "integer_pow", "mul")):
        equation = made.get(atom) if not isinstance(atom, Literal) else None
        while equation is not None and equation.primitive.name in _SAME:
            equation = made.get(equation.invars[0])
        if equation is None or equation.primitive.name not in kinds:
            return None
        if equation.params.get("y", 2) != 2 or len({*map(id, equation.invars)}) > 1:
            return None
        atom = equation.invars[0]
    return atom


def _number(value: Any) -> tuple[str, int]:
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        return "...", 9
    if array.size != 1:
        return f"array{list(array.shape)}", 9
    number = float(array.reshape(()))
    if not math.isfinite(number):
        return str(number), 9
    if number == round(number) and abs(number) < 1e6:
        return str(int(number)), 9 if number >= 0 else 2
    found = recognize(number, 1e-12 * abs(number), neutral=0.0).best
    return (found.name, 2) if found else (f"{number:.5g}", 9)
