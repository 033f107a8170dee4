"""Ranges of all values of a program, from the ranges of its inputs.

Each primitive has a rule on intervals; what has none is unbounded. What does not depend
on the noise is computed as it is.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax.extend.core import JaxprEqn

from empirical.montecarlo.program import apply
from tallystick.certificates.arithmetic import (
    Interval,
    absolute,
    add,
    complement,
    convert,
    cosine,
    divide,
    equal,
    interval_of,
    less,
    less_equal,
    multiply,
    multiply_all,
    negative,
    outwards,
    power,
    product,
    running_total,
    select,
    sine,
    total,
)
from tallystick.certificates.loops import followed
from tallystick.certificates.shaping import SHAPING, dot, kind_of

__all__ = ["evaluate", "exact_value"]


def evaluate(equation: JaxprEqn, values: list[Any]) -> Sequence[Interval]:
    """The rule that gives the ranges of an equation's outputs; see `program.run`."""
    given = [interval_of(value) for value in values]
    if _complex(equation):
        return [Interval.unbounded(kind_of(v).shape) for v in equation.outvars]
    with np.errstate(all="ignore"):
        found = (
            _known(equation, given)
            or followed(equation, given, evaluate)
            or _ranges(equation, given)
        )
    return [
        _checked(interval, equation, kind_of(variable))
        for interval, variable in zip(found, equation.outvars, strict=True)
    ]


# Functions of one number that do not decrease, with the range of their values.
_RISING: dict[str, tuple[Callable[..., np.ndarray], float, float]] = {
    "asinh": (np.arcsinh, -np.inf, np.inf),
    "atan": (np.arctan, -np.inf, np.inf),
    "cbrt": (np.cbrt, -np.inf, np.inf),
    "ceil": (np.ceil, -np.inf, np.inf),
    "erf": (lambda x: scipy.special.erf(x), -1, 1),
    "exp": (np.exp, 0, np.inf),
    "exp2": (np.exp2, 0, np.inf),
    "expm1": (np.expm1, -1, np.inf),
    "floor": (np.floor, -np.inf, np.inf),
    "log": (np.log, -np.inf, np.inf),
    "log1p": (np.log1p, -np.inf, np.inf),
    "logistic": (lambda x: scipy.special.expit(x), 0, 1),
    "sign": (np.sign, -1, 1),
    "sinh": (np.sinh, -np.inf, np.inf),
    "sqrt": (np.sqrt, 0, np.inf),
    "tanh": (np.tanh, -1, 1),
}
_SUMS = ("cumsum", "reduce_sum")
# Operations that do not decrease in any input and make no rounding error.
_MONOTONE: dict[str, Callable[..., Any]] = {
    "and": lambda o, a, b: np.minimum(a, b),
    "clamp": lambda o, low, a, high: np.minimum(np.maximum(a, low), high),
    "max": lambda o, a, b: np.maximum(a, b),
    "min": lambda o, a, b: np.minimum(a, b),
    "or": lambda o, a, b: np.maximum(a, b),
    "reduce_and": lambda o, a: a.min(axis=_axes(o)),
    "reduce_max": lambda o, a: a.max(axis=_axes(o)),
    "reduce_min": lambda o, a: a.min(axis=_axes(o)),
    "reduce_or": lambda o, a: a.max(axis=_axes(o)),
    "stop_gradient": lambda o, a: a,
    **{name: rule for name, rule in SHAPING.items() if name not in _SUMS},
}
_EXACT: dict[str, Callable[..., Any]] = {
    "abs": lambda o, a: np.abs(a),
    "add": lambda o, a, b: a + b,
    "convert_element_type": lambda o, a: a.astype(o["new_dtype"]),
    "cos": lambda o, a: np.cos(a),
    "div": lambda o, a, b: a / b,
    "dot_general": dot,
    "eq": lambda o, a, b: a == b,
    "ge": lambda o, a, b: a >= b,
    "gt": lambda o, a, b: a > b,
    "integer_pow": lambda o, a: a ** float(o["y"]),
    "iota": lambda o: (
        np.indices(o["shape"], sparse=True)[o["dimension"]] + np.zeros(o["shape"])
    ),
    "le": lambda o, a, b: a <= b,
    "lt": lambda o, a, b: a < b,
    "mul": lambda o, a, b: a * b,
    "ne": lambda o, a, b: a != b,
    "neg": lambda o, a: -a,
    "reduce_prod": lambda o, a: a.prod(axis=_axes(o)),
    "select_n": lambda o, which, *cases: np.choose(which.astype(int), cases),
    "sin": lambda o, a: np.sin(a),
    "square": lambda o, a: a * a,
    "sub": lambda o, a, b: a - b,
    **{name: lambda o, a, f=rule[0]: f(a) for name, rule in _RISING.items()},
    **_MONOTONE,
    **SHAPING,
}


def exact_value(equation: JaxprEqn, values: list[Any]) -> list[np.ndarray] | None:
    """The outputs of an equation for given inputs; None if NumPy has no rule for it."""
    name = equation.primitive.name
    if name not in _EXACT or (_integers(equation) and name in _NOT_ON_INTEGERS):
        return None
    found = _EXACT[name](equation.params, *values)
    return found if name == "split" else [found]


def _plain(equation: JaxprEqn) -> bool:
    """Whether all of an equation is in double precision, or logical."""
    atoms = [*equation.invars, *equation.outvars]
    return all(kind_of(atom).dtype in (np.float64, np.bool_) for atom in atoms)


def _complex(equation: JaxprEqn) -> bool:
    atoms = [*equation.invars, *equation.outvars]
    return any(kind_of(atom).dtype.kind == "c" for atom in atoms)


def _known(equation: JaxprEqn, given: list[Interval]) -> list[Interval] | None:
    """The outputs of an equation whose inputs do not depend on the noise."""
    if not all(interval.fixed for interval in given):
        return None
    values = [interval.low for interval in given]
    found: Sequence[Any] | None = None
    if _plain(equation):  # Integers wrap and narrow formats round: JAX knows how.
        found = exact_value(equation, values)
    if found is None:
        with jax.enable_x64(True):
            typed = [
                np.asarray(value, kind_of(variable).dtype)
                for value, variable in zip(values, equation.invars, strict=True)
            ]
            found = apply(equation, typed)
    return [Interval.known(value) for value in found]


def _ranges(equation: JaxprEqn, given: list[Interval]) -> list[Interval]:
    name, options = equation.primitive.name, equation.params
    same = len(given) == 2 and equation.invars[0] is equation.invars[1]
    if _integers(equation) and name in _NOT_ON_INTEGERS:
        name = "unknown"
    if name in _MONOTONE:
        sides = ([i.low for i in given], [i.high for i in given])
        low, high = (_MONOTONE[name](options, *side) for side in sides)
        if name == "split":
            return [Interval(*pair) for pair in zip(low, high, strict=True)]
        return [Interval(low, high)]
    if name in _RISING:
        function, least, most = _RISING[name]
        found = outwards(function(given[0].low), function(given[0].high))
        return [Interval(np.maximum(found.low, least), np.minimum(found.high, most))]
    if name == "mul" and same:
        return [power(given[0], 2)]
    if name == "dot_general":
        if same and _contracts_all(equation):
            squares = power(given[0], 2)
            ones = Interval.known(np.ones(squares.low.shape))
            return [product(options, squares, ones)]
        return [product(options, *given)]
    if name in _RULES:
        return [_RULES[name](options, *given)]
    return [Interval.unbounded(kind_of(v).shape) for v in equation.outvars]


def _integers(equation: JaxprEqn) -> bool:
    return any(kind_of(v).dtype.kind in "iu" for v in equation.outvars)


def _axes(options: dict[str, Any]) -> tuple[int, ...]:
    return tuple(map(int, options["axes"]))


def _contracts_all(equation: JaxprEqn) -> bool:
    """Whether a product of a value with itself is its sum of squares."""
    mine, stack = equation.params["dimension_numbers"]
    axes = len(mine[0]) + len(stack[0])
    whole = axes == len(kind_of(equation.invars[0]).shape)
    return (
        whole
        and tuple(mine[0]) == tuple(mine[1])
        and tuple(stack[0]) == tuple(stack[1])
    )


_COMPARISONS: dict[str, Callable[[Interval, Interval], Interval]] = {
    "lt": less,
    "le": less_equal,
    "gt": lambda a, b: less(b, a),
    "ge": lambda a, b: less_equal(b, a),
    "eq": equal,
    "ne": lambda a, b: complement(equal(a, b)),
}
_RULES: dict[str, Callable[..., Interval]] = {
    "abs": lambda o, a: absolute(a),
    "add": lambda o, a, b: add(a, b),
    "add_any": lambda o, a, b: add(a, b),
    "convert_element_type": lambda o, a: convert(np.dtype(o["new_dtype"]), a),
    "cos": lambda o, a: cosine(a),
    "cumsum": running_total,
    "div": lambda o, a, b: divide(a, b),
    "eq": lambda o, a, b: equal(a, b),
    "ge": lambda o, a, b: less_equal(b, a),
    "gt": lambda o, a, b: less(b, a),
    "integer_pow": lambda o, a: power(a, int(o["y"])),
    "le": lambda o, a, b: less_equal(a, b),
    "lt": lambda o, a, b: less(a, b),
    "mul": lambda o, a, b: multiply(a, b),
    "ne": lambda o, a, b: complement(equal(a, b)),
    "neg": lambda o, a: negative(a),
    "not": lambda o, a: complement(a),
    "reduce_prod": lambda o, a: multiply_all(_axes(o), a),
    "reduce_sum": lambda o, a: total(_axes(o), a),
    "select_n": lambda o, which, *cases: select(which, *cases),
    "sin": lambda o, a: sine(a),
    "square": lambda o, a: power(a, 2),
    "sub": lambda o, a, b: add(a, negative(b)),
}
# On integers these work on bits, or round.
_NOT_ON_INTEGERS = {"and", "div", "not", "or"}


def _checked(interval: Interval, equation: JaxprEqn, aval: Any) -> Interval:
    """Without ends that mean nothing: not a number, overflow, integers that wrap."""
    if interval.fixed:
        return interval
    # An end that is not a number: a draw may not be one either, then nothing is known.
    unknown = np.isnan(interval.low) | np.isnan(interval.high)
    low = np.where(unknown | (interval.low == np.inf), -np.inf, interval.low)
    high = np.where(unknown | (interval.high == -np.inf), np.inf, interval.high)
    kind = np.dtype(aval.dtype)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        wraps = (low < limits.min) | (high > limits.max)
        low, high = np.where(wraps, limits.min, low), np.where(wraps, limits.max, high)
    elif jnp.issubdtype(kind, jnp.floating) and kind.itemsize < 8:
        low, high = _narrow(equation, low, high)
    elif kind.kind == "b":
        low, high = np.maximum(low, 0), np.minimum(high, 1)
    return Interval(np.broadcast_to(low, aval.shape), np.broadcast_to(high, aval.shape))


def _narrow(equation: JaxprEqn, low: np.ndarray, high: np.ndarray):
    """Ends with the rounding of narrow formats; their sums are not followed."""
    if equation.primitive.name in ("dot_general", "reduce_prod", *_SUMS):
        return np.full(low.shape, -np.inf), np.full(high.shape, np.inf)
    grown = 8 * float(np.finfo(kind_of(equation.outvars[0]).dtype).eps)
    size = np.maximum(np.abs(low), np.abs(high))
    grown = np.where(np.isfinite(size), grown * size, 0.0)
    return low - grown, high + grown
