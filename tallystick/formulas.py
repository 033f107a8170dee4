"""Formulas that are no functions: numbers, arrays and SymPy expressions.

SymPy is an optional extra; it is not imported before somebody else has.
"""

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import jax.scipy.special as special
import numpy as np

from tallystick.errors import ClaimError

__all__ = ["as_form"]

# What SymPy's printer for JAX does not know by itself.
_SPECIAL = {
    "erf": special.erf,
    "erfc": special.erfc,
    "erfinv": special.erfinv,
    "gamma": special.gamma,
    "loggamma": special.gammaln,
    "digamma": special.digamma,
    "besseli": lambda order, x: special.i1(x) if order else special.i0(x),
}
_MOST = 60
"""Characters of an expression in a report."""


def as_form(formula: Any, parameters: Sequence[str]) -> Callable[..., Any]:
    """A formula as a JAX function.

    A function stays as it is. A number or an array is constant in all parameters. A
    SymPy expression takes its free symbols by name, and is constant in the other
    parameters; symbols stand for numbers.

    Args:
        formula: The formula.
        parameters: Names that a formula without a signature of its own takes.

    Raises:
        ClaimError: It is nothing of the kind, or a symbol is no name.
    """
    if callable(formula) and not _is_sympy(formula):
        return formula
    if _is_sympy(formula):
        return _of_expression(formula, parameters)
    try:
        value = np.asarray(formula)
    except (TypeError, ValueError):
        value = np.asarray(None)
    if value.dtype.kind not in "fiub":
        raise ClaimError(
            "formula must be a JAX function, a number, an array or a SymPy expression,"
            f" got {formula!r}"
        )
    value = value.astype(np.float64)
    constant = value.item() if value.ndim == 0 else None
    shown = f"{constant:g}" if constant is not None else "constant"

    def number(**_: Any) -> Any:
        return jnp.asarray(value, jnp.result_type(float))

    return _named(number, shown, parameters)


def _is_sympy(formula: Any) -> bool:
    sympy = sys.modules.get("sympy")
    return sympy is not None and isinstance(formula, (sympy.Basic, sympy.MatrixBase))


def _of_expression(expression: Any, parameters: Sequence[str]) -> Callable[..., Any]:
    import sympy

    if not isinstance(expression, sympy.Expr) or expression.is_Matrix:
        raise ClaimError(
            "a SymPy formula must be one expression for one number, got"
            f" {type(expression).__name__}"
        )
    symbols = sorted(expression.free_symbols, key=str)
    names = [str(symbol) for symbol in symbols]
    for name in names:
        if not name.isidentifier():
            raise ClaimError(
                "the symbols of a formula must be named like parameters, such as"
                f" 'theta', got {name!r}"
            )
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ClaimError(
            f"the formula has two symbols called {min(twice)!r}: make them once, with"
            " the same assumptions"
        )
    try:
        evaluate = sympy.lambdify(symbols, expression, modules=[_SPECIAL, "jax"])
    except Exception as error:  # Printers raise what they like.
        raise ClaimError(f"SymPy cannot write {expression} for JAX: {error}") from error

    def value(**given: Any) -> Any:
        for name in names:
            if jnp.ndim(given[name]):
                raise ClaimError(
                    f"the symbol {name} stands for a number, got an array of shape"
                    f" {jnp.shape(given[name])}: write the formula as a function"
                )
        found = evaluate(*(given[name] for name in names))
        return jnp.asarray(found, jnp.result_type(float))

    extra = [name for name in names if name not in parameters]
    text = str(expression)
    shown = text if len(text) <= _MOST else f"{text[: _MOST - 3]}..."
    return _named(value, shown, [*parameters, *extra])


def _named(
    function: Callable[..., Any], name: str, parameters: Sequence[str]
) -> Callable[..., Any]:
    """A function that says that it takes these parameters."""
    kind = inspect.Parameter.KEYWORD_ONLY
    function.__name__ = function.__qualname__ = name
    function.__signature__ = inspect.Signature(  # pyright: ignore
        [inspect.Parameter(parameter, kind) for parameter in parameters]
    )
    return function
