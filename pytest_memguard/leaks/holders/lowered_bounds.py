"""Lowers the bound that an owner states to what it holds, to see without filling it whether it is kept."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from pytest_memguard.core.real_types import is_a
from pytest_memguard.leaks.holders.bounds import Limit
from pytest_memguard.leaks.holders.object_names import module_name
from pytest_memguard.leaks.holders.objects import namespace

_WAITING = frozenset(
    {"threading", "queue", "_queue", "asyncio", "multiprocessing", "concurrent", "anyio", "trio", "gevent"}
)
"""An owner that is of these packages, or has such attributes, may wait for a free place once it is full."""


@contextmanager
def lowered(limit: Limit, at_most: int) -> Iterator[bool]:
    """State a lower bound for a while; says whether that could be done.

    The bound of a class is not lowered for other instances: this one gets one of its own. A container of the
    class or of a module itself has no other. No code of the program runs, and what the program itself states
    meanwhile stays.
    """
    owner, name = limit.owner, limit.said_by
    if not name or at_most < 1 or _may_wait(owner):
        yield False
        return
    stated = _Stated(owner, name, limit.said_in)
    if not stated.set(at_most):
        yield False
        return
    try:
        yield True
    finally:
        stated.put_back(at_most, limit.at_most)


class _Stated:
    """The attribute, or the constant of a module, that states the bound of an owner."""

    def __init__(self, owner: object, name: str, constants: dict[Any, Any] | None) -> None:
        self._owner = owner
        self._name = name
        self._constants = constants
        self._kind: Any = type if is_a(owner, type) else object
        self._is_own = name in _names_of(owner) or is_a(self._of_class(), types.MemberDescriptorType)

    def _of_class(self) -> Any:
        return next(
            (vars(kind)[self._name] for kind in type(self._owner).__mro__ if self._name in vars(kind)), None
        )

    def set(self, at_most: int) -> bool:
        """State another bound; says whether that could be done."""
        if self._constants is not None:
            self._constants[self._name] = at_most
            return True
        try:
            self._kind.__setattr__(self._owner, self._name, at_most)
        except (AttributeError, TypeError):
            return False
        return True

    def put_back(self, at_most: int, before: int) -> None:
        """State the bound that was stated before, unless the program has stated another than `at_most`."""
        if self._constants is not None:
            if self._constants.get(self._name) == at_most:
                self._constants[self._name] = before
            return
        with suppress(AttributeError, TypeError):
            if self._kind.__getattribute__(self._owner, self._name) != at_most:
                return
            if self._is_own:
                self._kind.__setattr__(self._owner, self._name, before)
            else:
                self._kind.__delattr__(self._owner, self._name)


def _may_wait(owner: object) -> bool:
    """Say whether an owner has what one waits for; a plain lock does not count, as it is released."""
    kinds = [*type(owner).__mro__, *map(type, _names_of(owner).values())]
    return any(module_name(kind).split(".")[0] in _WAITING for kind in kinds)


def _names_of(owner: object) -> Mapping[Any, object]:
    return vars(owner) if is_a(owner, type) else namespace(owner)
