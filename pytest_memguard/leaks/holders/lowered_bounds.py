"""Lowers the bound that an owner states to what it holds, to see without filling it whether it is kept."""

from __future__ import annotations

import types
from collections.abc import Iterator
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

    The bound of a class or of a module is not lowered for others: an instance gets one of its own. No code of
    the program runs, and what the program itself states meanwhile stays.
    """
    owner, name = limit.owner, limit.said_by
    stated = _stated_by_class(owner, name)
    if not name or at_most < 1 or is_a(owner, type) or _may_wait(owner):
        yield False
        return
    is_own = name in namespace(owner) or is_a(stated, types.MemberDescriptorType)
    try:
        object.__setattr__(owner, name, at_most)
    except (AttributeError, TypeError):
        yield False
        return
    try:
        yield True
    finally:
        with suppress(AttributeError, TypeError):
            if object.__getattribute__(owner, name) == at_most:
                if is_own:
                    object.__setattr__(owner, name, limit.at_most)
                else:
                    object.__delattr__(owner, name)


def _stated_by_class(owner: object, name: str) -> Any:
    return next((vars(kind)[name] for kind in type(owner).__mro__ if name in vars(kind)), None)


def _may_wait(owner: object) -> bool:
    """Say whether an owner has what one waits for; a plain lock does not count, as it is released."""
    kinds = [*type(owner).__mro__, *map(type, namespace(owner).values())]
    return any(module_name(kind).split(".")[0] in _WAITING for kind in kinds)
