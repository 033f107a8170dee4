"""What an integrand's steps are applied to: where it switches, and along what it bends.

A program is run once more. Collected are its *switches*, the arguments at whose zeros
comparisons, absolute values and the like have a kink or a jump, and its *bends*, the
arguments of smooth functions of one number. Loops and branches are not looked into, nor
are sorting and rounding: whoever uses the result confirms by other means what follows.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

__all__ = ["steps"]

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
_COMPARISONS = {"ge", "gt", "le", "lt", "max", "min"}
_ONE_NUMBER = (
    "acos acosh asin asinh atan atanh cbrt cos cosh digamma erf erf_inv erfc exp exp2"
    " expm1 integer_pow lgamma log log1p logistic pow rsqrt sin sinh sqrt square tan"
    " tanh"
)
_SMOOTH = set(_ONE_NUMBER.split())


def steps(function: Callable[..., Any], *arguments: Any) -> tuple[jax.Array, jax.Array]:
    """The values of all switches and of all bends of a function, in one vector each.

    To be called inside a transformation of JAX, or with arrays; can be differentiated.
    """
    program = jax.make_jaxpr(function)(*arguments)
    switches: list[jax.Array] = []
    bends: list[jax.Array] = []
    leaves = jax.tree.leaves(arguments)
    _run(program.jaxpr, program.consts, leaves, switches, bends)
    return _joined(switches), _joined(bends)


def _joined(parts: list[jax.Array]) -> jax.Array:
    flat = [jnp.ravel(part).astype(jnp.float64) for part in parts]
    return jnp.concatenate([jnp.zeros(0), *flat])


def _run(
    jaxpr: Jaxpr, constants: Sequence, inputs: Sequence, switches: list, bends: list
) -> list:
    """Run a program, and append what its steps are applied to."""
    values: dict[Any, Any] = {}
    values.update(zip(jaxpr.constvars, constants, strict=True))
    values.update(zip(jaxpr.invars, inputs, strict=True))

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, Literal) else values[atom]

    for equation in jaxpr.eqns:
        given = [read(atom) for atom in equation.invars]
        name = equation.primitive.name
        if jnp.issubdtype(jnp.result_type(given[0]) if given else bool, jnp.floating):
            if name in _COMPARISONS:
                switches.append(given[0] - given[1])
            elif name in ("abs", "sign"):
                switches.append(given[0])
            elif name in _SMOOTH:
                bends.append(given[0])
            elif name == "clamp":
                switches += [given[1] - given[0], given[1] - given[2]]
        body = next(filter(_is_program, equation.params.values()), None)
        if (
            name in _CALLS
            and body is not None
            and len(_open(body).invars) == len(given)
        ):
            own = body.consts if isinstance(body, ClosedJaxpr) else ()
            result = _run(_open(body), own, given, switches, bends)
        else:
            result = _apply(equation, given)
        values.update(zip(equation.outvars, result, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _apply(equation: Any, given: list) -> Sequence:
    bound = equation.primitive.get_bind_params(equation.params)
    # Newer versions of JAX keep the functions among the options.
    functions, options = ((), bound) if isinstance(bound, dict) else bound
    result = equation.primitive.bind(*functions, *given, **options)
    return result if equation.primitive.multiple_results else [result]


def _is_program(option: Any) -> bool:
    return isinstance(option, (ClosedJaxpr, Jaxpr))


def _open(program: ClosedJaxpr | Jaxpr) -> Jaxpr:
    return program.jaxpr if isinstance(program, ClosedJaxpr) else program
