"""Errors: one base class, one class per kind of mistake a caller can make."""

__all__ = ["ClaimError", "DomainError", "TallystickError", "UnknownClaimError"]


class TallystickError(Exception):
    """Any error that this package raises on purpose."""


class ClaimError(TallystickError, TypeError):
    """Two halves that do not fit: names, shapes, dtypes, undeclared noise."""


class DomainError(TallystickError, ValueError):
    """A domain that is ill formed, or a value outside it."""


class UnknownClaimError(TallystickError, LookupError):
    """A name that no claim has, or a file that holds no claim."""
