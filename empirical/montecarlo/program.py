"""Formulas as programs: flat lists of primitive operations, to read, change and run.

Estimators look for the kinks of an integrand in its program, certificates follow bounds
through it; diagnosis looks for the terms of a formula, and mutation changes them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

__all__ = ["Rule", "apply", "is_call", "run", "subprograms", "trace"]

Rule = Callable[[JaxprEqn, list[Any]], Sequence[Any]]
"""Values of an equation's outputs, from the equation and the values of its inputs."""

# Calls that only group equations; loops and branches are not among them.
_CALLS = {
    "checkpoint",
    "closed_call",
    "core_call",
    "custom_jvp_call",
    "custom_vjp_call",
    "custom_vjp_call_jaxpr",
    "jit",
    "pjit",
    "remat",
    "remat2",
}


def trace(function: Callable[..., Any], example: Mapping[str, Any]) -> ClosedJaxpr:
    """The program of a function, with all calls inlined, in double precision.

    Args:
        function: A JAX function of keyword arguments.
        example: An array, or its shape and dtype, for each argument; the inputs of the
            program have the order of the sorted names.

    Returns:
        A closed jaxpr. Loops and branches stay as they are, as single equations.
    """
    with jax.enable_x64(True):
        whole = jax.make_jaxpr(lambda values: function(**values))(dict(example))
        inputs = [variable.aval for variable in whole.jaxpr.invars]
        return jax.make_jaxpr(lambda *values: run(whole, values, apply))(*inputs)


def run(
    program: ClosedJaxpr,
    inputs: Sequence[Any],
    rule: Rule,
    opens: Callable[[JaxprEqn], bool] | None = None,
) -> list[Any]:
    """Run a program with a rule for its equations, calls inlined.

    Args:
        program: The program.
        inputs: A value for each of its inputs: whatever the rule works on.
        rule: Gives each equation's outputs; constants are passed to it as they are.
        opens: Which calls are inlined; the others are left to the rule, as single
            equations. All of them by default.
    """
    return _run(program.jaxpr, program.consts, inputs, rule, opens)


def is_call(equation: JaxprEqn) -> bool:
    """Whether an equation only groups others: no loop and no branch."""
    return equation.primitive.name in _CALLS


def apply(equation: JaxprEqn, values: list[Any]) -> Sequence[Any]:
    """The rule that does what the equation says."""
    found = equation.primitive.get_bind_params(equation.params)
    # Newer versions of JAX keep the functions among the options.
    functions, options = ((), found) if isinstance(found, dict) else found
    result = equation.primitive.bind(*functions, *values, **options)
    return result if equation.primitive.multiple_results else [result]


def subprograms(equation: JaxprEqn) -> Iterator[ClosedJaxpr | Jaxpr]:
    """The programs inside an equation: bodies of calls, loops and branches."""
    for option in equation.params.values():
        for part in option if isinstance(option, (list, tuple)) else (option,):
            if isinstance(part, (ClosedJaxpr, Jaxpr)):
                yield part


def _run(
    jaxpr: Jaxpr,
    constants: Sequence[Any],
    inputs: Sequence[Any],
    rule: Rule,
    opens: Callable[[JaxprEqn], bool] | None,
) -> list[Any]:
    values: dict[Any, Any] = {}
    values.update(zip(jaxpr.constvars, constants, strict=True))
    values.update(zip(jaxpr.invars, inputs, strict=True))

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, Literal) else values[atom]

    for equation in jaxpr.eqns:
        given = [read(atom) for atom in equation.invars]
        if is_call(equation) and (opens is None or opens(equation)):
            body = next(subprograms(equation))
            closed = body if isinstance(body, ClosedJaxpr) else ClosedJaxpr(body, ())
            results = _run(closed.jaxpr, closed.consts, given, rule, opens)
        else:
            results = rule(equation, given)
        values.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]
