"""Looks at objects of any library by their real type: to ask a proxy for its class or its names runs code."""

from __future__ import annotations

from types import ModuleType
from typing import Any, TypeGuard


def is_a(one: object, *kinds: type) -> TypeGuard[Any]:
    """Say whether an object is of a type, by its real type: a proxy's `__class__` would run code.

    >>> is_a(True, int), is_a("1", int, float)
    (True, False)
    """
    return issubclass(type(one), kinds)


def names_of(module: object) -> dict[str, Any]:
    """Return the names of a module; none for another object that some library has put among the modules."""
    return vars(module) if is_a(module, ModuleType) else {}
