"""Finds what containers gained: the objects that are reached from them through new objects alone."""

from __future__ import annotations

import gc
import itertools
import math
import sys
import types
from collections import Counter, OrderedDict, deque
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from pytest_memguard.core.leak_finding import KindGrowth
from pytest_memguard.core.real_types import is_a
from pytest_memguard.leaks.holders.object_names import full_name, module_name, referents
from pytest_memguard.leaks.holders.objects import items_of, queued

_SHARED = (type, types.ModuleType, types.CodeType, type(None), bool)
_SMALL_INTS = range(-5, 257)
_BESIDE = 8
_OF_A_STATEMENT = frozenset({"__slots__", "__dict__", "__weakref__"})
_HOLD_FOR_USERS = frozenset(
    {
        *("builtins", "collections", "functools", "itertools", "operator", "types", "weakref"),
        *("threading", "_thread", "queue", "_queue", "contextvars", "_contextvars", "asyncio", "_asyncio"),
    }
)
_AN_ENTRY = 3
"""Referents for each entry of a cache of functools: key, value and type, the oldest first; others follow."""


@dataclass(slots=True)
class Content:
    """The objects found, by identity, with their bytes and types."""

    seen: set[int] = field(default_factory=set)
    kinds: Counter[type] = field(default_factory=Counter)
    bytes_by_kind: Counter[type] = field(default_factory=Counter)
    size_bytes: int = 0

    def has_hidden_memory(self, number: int) -> bool:
        """Say whether at least `number` objects have types of an extension, which may hold hidden memory."""
        return sum(count for kind, count in self.kinds.items() if _is_of_extension(kind)) >= number


def content_of(start: Iterable[object], new: Container[int], old: Container[int] = ()) -> Content:
    """Follow references from some objects through new ones, and through those the collector does not track.

    `new` and `old` hold identities. `old` is needed because a dict of plain values is not tracked either.
    """
    found = Content()
    waiting = [one for one in start if _is_new(one, new, old)]
    while waiting:
        one = waiting.pop()
        if id(one) in found.seen:
            continue
        found.seen.add(id(one))
        found.kinds[type(one)] += 1
        size = size_bytes(one)
        found.bytes_by_kind[type(one)] += size
        found.size_bytes += size
        waiting += [inner for inner in referents(one) if _is_new(inner, new, old)]
    return found


def gained_by(container: Any, number: int) -> list[object]:
    """Return what a container gained, including containers without an order or with one of their own."""
    if is_a(container, set, frozenset):
        inner = referents(container)
        return [*filter(gc.is_tracked, inner), *[one for one in inner if not gc.is_tracked(one)][-number:]]
    if is_a(container, OrderedDict):
        inner = referents(container)
        parts = max(1, len(inner) // max(1, dict.__len__(container)))  # values alone, where keys are names
        return inner[-parts * number :]
    return latest(container, number)


_LEAST_PER_CALL = 0.05
_MOST_KINDS = 4
_MOST_OF_RATE = 4.0


def growth_by_kind(
    start: Iterable[object], new: Container[int], calls: int, bytes_per_call: int
) -> tuple[KindGrowth, ...]:
    """Count by type, per call, these objects and all that they lead to.

    Classes of a program or a library come first, since every leak contains dicts and strings. An object
    that all others share comes to little per call, and is left out. So are objects that come to much more
    than `bytes_per_call`, if that is known: a tuple that is copied for each entry leads to the older entries,
    which the collector does not track.
    """
    content = content_of(start, new)
    most = _MOST_OF_RATE * (bytes_per_call or math.inf) * calls
    found = [
        KindGrowth(full_name(kind), round(number / calls, 2))
        for kind, number in content.kinds.items()
        if content.bytes_by_kind[kind] <= most
    ]
    found.sort(key=lambda one: ("." not in one.name, -one.per_call, one.name))
    return tuple(one for one in found if one.per_call >= _LEAST_PER_CALL)[:_MOST_KINDS]


def latest(container: Any, gained: int) -> list[object]:
    """Return the items that were added to a container last, as far as that can be told."""
    if is_a(container, list):
        return items_of(container)[-gained:]
    if is_a(container, SimpleQueue):
        return queued(container)[-gained:]
    if is_a(container, tuple):
        return list(tuple.__getitem__(container, slice(-gained, None)))
    if is_a(container, deque):
        return list(itertools.islice(deque.__reversed__(container), gained))
    if is_a(container, dict) and not is_a(container, OrderedDict):
        return [*itertools.chain(*itertools.islice(reversed(dict.items(container)), gained))]
    return referents(container)[-_AN_ENTRY * gained - _BESIDE :]


def _is_new(one: object, new: Container[int], old: Container[int]) -> bool:
    if id(one) in new:
        return True
    if gc.is_tracked(one) or id(one) in old:
        return False
    return not is_a(one, *_SHARED) and not (type(one) is int and one in _SMALL_INTS)


def size_bytes(one: object) -> int:
    """Return the bytes of one object, without what it refers to."""
    try:
        return sys.getsizeof(one)
    except Exception:  # noqa: BLE001 - a class may answer with any error
        return object.__sizeof__(one)


def _is_of_extension(kind: type) -> bool:
    """Say whether a type, or one of its bases, was made by compiled code."""
    return any(module_name(each) != "builtins" and _is_compiled(each) for each in kind.__mro__)


def keeps_in_c(kind: type) -> bool:
    """Say whether instances hold what a library in C keeps for itself, as the cache of a connection.

    What containers and functions of the standard library hold is their user's.
    """
    return (
        _is_compiled(kind)
        and module_name(kind).split(".")[0] not in _HOLD_FOR_USERS
        and _OF_A_STATEMENT.isdisjoint(vars(kind))
    )


def _is_compiled(kind: type) -> bool:
    """Say whether a type comes from a compiled module, or names one in Python that it does not come from.

    A class statement gives a class without a base either slots, or attributes and weak references.
    """
    module = sys.modules.get(module_name(kind))
    if module is not None and not str(getattr(module, "__file__", None)).endswith(".py"):
        return True
    return kind.__base__ is object and _OF_A_STATEMENT.isdisjoint(vars(kind))
