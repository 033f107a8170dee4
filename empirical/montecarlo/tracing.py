"""Functions that JAX cannot trace, or that are not pure: what to change, and where."""

import contextlib
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.extend.core import ClosedJaxpr

from empirical.montecarlo.names import NoiseError

__all__ = ["decomposes", "program_of", "require_pure", "traceable"]

_NUMPY = (
    "NumPy cannot take arguments of the function: use jax.numpy (jnp) in place of numpy"
)
# The most special kinds first.
_ADVICE: tuple[tuple[type[Exception], str], ...] = (
    (
        jax.errors.TracerBoolConversionError,
        "a value that depends on the arguments cannot decide an `if`, `while`, `and` or"
        " `or`: use jnp.where, jnp.logical_and or jax.lax.cond",
    ),
    (
        jax.errors.NonConcreteBooleanIndexError,
        "a mask cannot select entries, since their number would not be fixed: use"
        " jnp.where(mask, x, 0)",
    ),
    (
        jax.errors.TracerArrayConversionError,
        _NUMPY,
    ),
    (
        jax.errors.TracerIntegerConversionError,
        "an argument cannot be an index of a list or a length: give it as a constant,"
        " or index a jax.numpy array",
    ),
    (
        jax.errors.ConcretizationTypeError,
        "float(), int(), range() and the functions of math cannot take arguments of the"
        " function: use jax.numpy (jnp), and constants for lengths",
    ),
    (
        jax.errors.UnexpectedTracerError,
        "a value of an earlier call was kept, in a global or in a list: a function must"
        " depend on its arguments alone",
    ),
)
_NOT_OURS = ("jax", "jaxlib", "numpy", "scipy", "jaxtyping", "beartype", "contextlib")
_DECOMPOSITION = re.compile(
    r"\b(eigh?|svd|lu|qr|geqrf|geqp3|householder_product|cholesky|schur|hessenberg"
    r"|tridiagonal|triangular_solve|tridiagonal_solve)\["
)
_ADDRESS = re.compile(r"0x[0-9a-f]+")


@contextlib.contextmanager
def traceable(name: str) -> Iterator[None]:
    """Turn JAX's errors about a function it cannot trace into a sentence that helps.

    Raises:
        NoiseError: With the function's name, the line, and what to change.
    """
    try:
        yield
    except (jax.errors.JAXTypeError, TypeError, ValueError, IndexError) as error:
        known = _advice(error)
        if not known and _advice(error.__cause__):  # NumPy's own words for it.
            known = _NUMPY
        own = isinstance(error, (ValueError, IndexError))
        if own and not known and not _raised_by_a_library(error):
            raise
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise NoiseError(
            f"{name} cannot be evaluated{_place(error)}: {known or first}"
        ) from error


def program_of(name: str, function: Callable[..., Any], *arguments: Any) -> ClosedJaxpr:
    """What a function does with arguments of such shapes and dtypes.

    Args:
        name: Its name, for messages.
        function: The function.
        arguments: Shapes and dtypes.

    Raises:
        NoiseError: It cannot be traced.
    """
    with jax.enable_x64(True), traceable(name):
        return jax.make_jaxpr(lambda *given: function(*given))(*arguments)


def decomposes(program: ClosedJaxpr) -> bool:
    """Whether a program decomposes matrices or solves linear equations."""
    return bool(_DECOMPOSITION.search(str(program.jaxpr)))


def require_pure(name: str, first: ClosedJaxpr, second: ClosedJaxpr) -> None:
    """Refuse a function that is another one the second time it is traced.

    Args:
        name: Its name, for the message.
        first: Its program.
        second: The same, traced anew.

    Raises:
        NoiseError: It uses random numbers that are not declared, or a state.
    """
    # Addresses of inner functions differ from trace to trace.
    texts = {_ADDRESS.sub("", str(program.jaxpr)) for program in (first, second)}
    same = len(texts) == 1 and all(map(_same, first.consts, second.consts))
    if not same:
        raise NoiseError(
            f"{name} is not the same function when it is traced again: it draws random"
            " numbers that are not declared, or keeps a state; a function must depend"
            " on its arguments alone, and its noise be declared, as in"
            f" expectation({name}, z=Normal(8))"
        )


def _same(one: Any, other: Any) -> bool:
    """Whether two captured arrays are equal; a value of an earlier call never is."""
    if isinstance(one, Tracer) or isinstance(other, Tracer):
        return False
    if jnp.issubdtype(one.dtype, jax.dtypes.prng_key):
        one, other = jax.random.key_data(one), jax.random.key_data(other)
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))


def _advice(error: BaseException | None) -> str:
    for kind, advice in _ADVICE:
        if isinstance(error, kind):
            return advice
    return ""


def _raised_by_a_library(error: BaseException) -> bool:
    """Whether the error is about an operation, such as shapes that do not fit."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return _module(frame).partition(".")[0] in _NOT_OURS


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _place(error: BaseException) -> str:
    """The last line of the caller's own code, in words."""
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = _module(frame)
        ours = module.startswith(("empirical.montecarlo", "tallystick."))
        if not ours and module.partition(".")[0] not in _NOT_OURS:
            place = f" ({Path(frame.f_code.co_filename).name}, line {line})"
    return place
