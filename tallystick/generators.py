"""Experiments with their own generators: random numbers too coarse to be trusted.

The engine draws in double precision, but an integrand with `Key` noise draws by itself,
and `jax.random.normal(key, shape, jnp.float32)` is biased: it has 2^23 values, between
-5.42 and 5.22 (`benchmarks/generator_bias.py` prints what that does to means).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, JaxprEqn

from empirical.montecarlo import Layout
from empirical.montecarlo.program import run, subprograms, trace

__all__ = ["coarse_generators", "coarse_noise"]

_TAILED = {"erf_inv", "log", "log1p", "tan"}
"""What makes a law with tails from uniform numbers: normal, exponential, Gumbel,
Cauchy. Coarse uniform numbers that are only scaled or compared do little harm."""
_SAMPLERS = {"random_gamma"}
"""Primitives that draw numbers with tails by themselves."""

# What a value of the program is.
_OTHER, _BITS, _COARSE = 0, 1, 2


def coarse_generators(program: ClosedJaxpr) -> tuple[str, ...]:
    """Precisions below double in which a program makes random numbers with tails.

    Random bits are followed to floating-point numbers of less than 64 bits, and these
    to a function with which laws with tails are made.

    Args:
        program: As `empirical.montecarlo.program.trace` returns it.

    Returns:
        Names of dtypes, such as "float32", sorted; empty if all is well.
    """
    found: set[str] = set()

    def rule(equation: JaxprEqn, given: list[Any]) -> Sequence[int]:
        name = equation.primitive.name
        # A value that is no `int` is a constant of the program.
        kind = max((v for v in given if type(v) is int), default=_OTHER)
        kinds = {name for name in map(_narrow, equation.outvars) if name}
        if name == "random_bits":
            return [_BITS]
        if name in _SAMPLERS or (kind == _COARSE and name in _TAILED):
            found.update(kinds)
        for body in subprograms(equation):
            # A loop or a branch: each of its values may be any of those that enter.
            closed = body if isinstance(body, ClosedJaxpr) else ClosedJaxpr(body, ())
            results = run(closed, [kind] * len(closed.jaxpr.invars), rule)
            kind = max([kind, *(r for r in results if type(r) is int)])
        return [_becomes(kind, variable.aval) for variable in equation.outvars]

    run(program, [_OTHER] * len(program.jaxpr.invars), rule)
    return tuple(sorted(found))


def coarse_noise(layout: Layout, points: Mapping[str, Any]) -> str | None:
    """What to say about an experiment that draws coarse numbers by itself; else None.

    Args:
        layout: The experiment.
        points: Its array parameters, with a leading axis for the points.
    """
    if "words" not in layout.sizes:
        return None
    point = {n: jax.ShapeDtypeStruct(v.shape[1:], v.dtype) for n, v in points.items()}
    kinds = {"normal": "float64", "uniform": "float64", "words": "uint32"}
    base = {s: jax.ShapeDtypeStruct((n,), kinds[s]) for s, n in layout.sizes.items()}
    found = coarse_generators(trace(layout.draw, {"point": point, "base": base}))
    if not found:
        return None
    return (
        f"{layout.expectation.name} draws random numbers in {' and '.join(found)},"
        " whose tails end early: leave dtype out, or give that of a parameter, to draw"
        " in double precision"
    )


def _becomes(kind: int, made: Any) -> int:
    """What is made of a random value: coarse numbers stay so, fine ones are none."""
    if not _is_float(made):
        return _BITS if kind == _BITS else _OTHER
    if kind == _BITS:
        return _COARSE if jnp.finfo(made.dtype).bits < 64 else _OTHER
    return kind


def _narrow(variable: Any) -> str | None:
    made = variable.aval
    coarse = _is_float(made) and jnp.finfo(made.dtype).bits < 64
    return str(made.dtype) if coarse else None


def _is_float(made: Any) -> bool:
    return hasattr(made, "dtype") and jnp.issubdtype(made.dtype, jnp.floating)
