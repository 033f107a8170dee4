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
from jax.extend.core import JaxprEqn

from empirical.montecarlo.program import apply, run

__all__ = ["steps"]

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
    switches: list[jax.Array] = []
    bends: list[jax.Array] = []

    def collect(equation: JaxprEqn, given: list) -> Sequence:
        name = equation.primitive.name
        if jnp.issubdtype(jnp.result_type(given[0]) if given else bool, jnp.floating):
            if name in _COMPARISONS:
                switches.append(given[0] - given[1])
            elif name in ("abs", "sign"):
                switches.append(given[0])
            elif name in _SMOOTH:
                bends.append(given[0])
            elif name == "clamp":
                switches.extend([given[1] - given[0], given[1] - given[2]])
        return apply(equation, given)

    program = jax.make_jaxpr(function)(*arguments)
    run(program, jax.tree.leaves(arguments), collect)
    return _joined(switches), _joined(bends)


def _joined(parts: list[jax.Array]) -> jax.Array:
    flat = [jnp.ravel(part).astype(jnp.float64) for part in parts]
    return jnp.concatenate([jnp.zeros(0), *flat])
