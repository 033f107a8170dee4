"""Errors: one base class, one class per kind of mistake a caller can make."""

from collections.abc import Callable
from typing import TypeVar

from empirical.montecarlo.names import NoiseError

__all__ = ["ClaimError", "DomainError", "TallystickError", "UnknownClaimError"]
__all__ += ["shortened"]

Value = TypeVar("Value")


class TallystickError(Exception):
    """Any error that this package raises on purpose."""


class ClaimError(TallystickError, TypeError):
    """Two halves that do not fit: names, shapes, dtypes, undeclared noise."""


class DomainError(TallystickError, ValueError):
    """A domain that is ill formed, or a value outside it."""


class UnknownClaimError(TallystickError, LookupError):
    """A name that no claim has, or a file that holds no claim."""


def shortened(compute: Callable[[], Value]) -> Value:
    """Call a function; let errors that are raised on purpose speak for themselves.

    What led to them inside of JAX and of this package is left out.
    """
    try:
        return compute()
    except (TallystickError, NoiseError) as error:
        error.__notes__ = []
        raise error.with_traceback(None) from None
