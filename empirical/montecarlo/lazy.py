"""Attributes that are computed when they are first asked for."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

__all__ = ["lazy"]

Value = TypeVar("Value")


class lazy(Generic[Value]):  # noqa: N801  # Used like `property`.
    """`functools.cached_property` without the lock that it has before Python 3.12.

    That lock is one for all objects of the class: two threads would check one claim at
    a time, and a claim that never ends would stop all others.

    Args:
        compute: The method that computes the value, once for each object.
    """

    def __init__(self, compute: Callable[[Any], Value]):
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> "lazy[Value]": ...
    @overload
    def __get__(self, instance: Any, owner: type) -> Value: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        # Found before this descriptor from now on, since it does not set.
        value = instance.__dict__[self.name] = self.compute(instance)
        return value
