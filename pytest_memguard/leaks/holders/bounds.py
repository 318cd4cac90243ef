"""Reads bounds of containers: of a deque, a cache of functools, or an object that states what it may hold."""

from __future__ import annotations

import gc
import re
import types
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pytest_memguard.core.real_types import is_a
from pytest_memguard.leaks.holders.object_names import FUNCTOOLS_CACHE, is_ours, referents
from pytest_memguard.leaks.holders.objects import (
    few_dicts,
    is_sized,
    items_of,
    length,
    module_of,
    namespace,
    own_dict,
    slot_value,
)

_LINK = "_lru_list_elem"
_LIMITS = frozenset(
    {"maxsize", "max_size", "maxlen", "max_len", "max_length", "capacity", "max_entries", "max_items"}
)
_LIMITS_OF_MAPPINGS = _LIMITS | {"limit"}
"""A `limit` says what a mapping may hold, as that of kombu's cache; elsewhere it may be one of anything."""

_USED = frozenset({"currsize", "curr_size", "current_size"})
_INNER_DEPTH = 4
_FEW = 64
_OUTSIDE = (type, types.ModuleType, types.FunctionType, types.MethodType, types.FrameType)
_PRIVATE = re.compile(r"^_[A-Za-z]\w*?__(?=[A-Za-z])|^_+")
"""The start of the name of an attribute that is private, or private to its class (`_Cache__maxsize`)."""

PRUNED = 2
"""A cache that is pruned now and then may exceed the bound that it states, up to this many times that."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A container, and the object whose bound applies to it: itself, a cache of functools, or its owner.

    `is_certain` says that the interpreter enforces the bound; the bound of an owner is only what it states.
    Of a list with empty places (`has_places`) those that are filled count. `said_by` is the name of the
    attribute, of the owner or of its class, that states the bound, or of the constant in `said_in`, the
    namespace of a module.
    """

    container: object
    owner: object
    at_most: int
    is_certain: bool
    has_places: bool = False
    said_by: str = ""
    said_in: dict[Any, Any] | None = None

    def entries(self) -> int:
        """Return how much of the bound is used, in the owner's own unit where it counts something else."""
        if self.has_places:
            return _filled(self.container)
        if is_a(self.owner, FUNCTOOLS_CACHE):
            return int(self.owner.cache_info().currsize)
        used = None if self.is_certain else _attribute(self.owner, _USED)
        return _length(self.container) if used is None else used[1]

    def is_full(self) -> bool:
        """Say whether the bound is reached."""
        return self.entries() == self.at_most


def limit_of(container: object, *, times: int = 1) -> Limit | None:
    """Return the bound of a container that holds no more than so many `times` its bound; else None."""
    found = _limit_of(container)
    return found if found is not None and found.entries() <= times * found.at_most else None


class Places:
    """Lists with empty places at their ends, such as ring buffers, and how many places are filled."""

    def __init__(self, found: Iterable[object]) -> None:
        lists = [one for one in found if type(one) is list and _is_empty_at_end(one)]
        self._filled = {id(one): (len(one), _filled(one)) for one in lists}

    def bound_of(self, one: Any, *, times: int = 1) -> Limit | None:
        """Return an object's own bound, or that of a list that filled places and got no longer.

        The object may exceed its bound so many `times`.
        """
        length_before, filled = self._filled.get(id(one), (0, 0))
        if type(one) is list and len(one) == length_before and _filled(one) > filled:
            return Limit(one, one, len(one), is_certain=False, has_places=True)
        return limit_of(one, times=times)


def _filled(places: Any) -> int:
    return sum(one is not None for one in referents(places))


def _is_empty_at_end(places: list[Any]) -> bool:
    """Say whether the last place is empty; one that C code never filled in does not count."""
    items = items_of(places)
    return len(items) == len(places) > 0 and items[-1] is None


def has_bound(container: object) -> bool:
    """Say whether a container states a bound, even one that it exceeds until it is pruned again."""
    return limit_of(container, times=PRUNED) is not None


def _limit_of(container: object) -> Limit | None:
    if is_a(container, deque) and container.maxlen is not None:
        return Limit(container, container, container.maxlen, is_certain=True)
    for owner in (container, *_owners(container)):
        if is_a(owner, FUNCTOOLS_CACHE):
            at_most = owner.cache_parameters()["maxsize"]
            if at_most is not None and (owner is container or _is_store(container)):
                return Limit(container, owner, at_most, is_certain=True)
            continue
        said = _attribute(owner, _LIMITS_OF_MAPPINGS if _is_mapping(owner) else _LIMITS)
        if said is not None and not _is_filled_by_another(owner, container, said[1]):
            return Limit(container, owner, said[1], is_certain=False, said_by=said[0])
    return _said_by_module(container)


def index_within(limit: Limit, container: object) -> Limit | None:
    """Return the owner's bound for a mapping inside its parts, such as an index in its list of frequencies.

    A mapping of another length is sorted out later.
    """
    if limit.is_certain or not is_a(container, dict, deque):
        return None
    level: list[object] = [limit.owner]
    seen = {id(limit.owner)}
    for _ in range(_INNER_DEPTH):
        inner = [one for outer in level for one in referents(outer) if not is_a(one, *_OUTSIDE)]
        if any(one is container for one in inner):
            return replace(limit, container=container)
        level = [one for one in inner if id(one) not in seen and not (is_sized(one) and length(one) > _FEW)]
        seen.update(map(id, level))
    return None


def _owners(container: object) -> Iterator[object]:
    """Yield the objects that have a container as an attribute, and the caches that store entries in it."""
    for holder in few_dicts(gc.get_referrers(container)):
        if is_a(holder, list, tuple, set, types.FrameType, types.ModuleType) or is_ours(holder):
            continue
        yield holder
        if type(holder) is dict and module_of(holder) is None:
            for one in gc.get_referrers(holder):
                if is_a(one, type):
                    if own_dict(one) is holder:
                        yield one
                elif not is_a(one, types.ModuleType) and namespace(one) is holder:
                    yield one


def _said_by_module(container: object) -> Limit | None:
    """Return the bound of a module's global by a constant: `_MAXCACHE` or `MAX_CACHE` bounds `_cache`."""
    for names in few_dicts(gc.get_referrers(container)):
        if type(names) is not dict or not _is_of_module(names):
            continue
        own = next((_plain(name) for name, value in names.items() if value is container), "")
        said = _number_under(list(names.items()), frozenset({f"max{own}", f"max_{own}"}))
        if own and said is not None:
            return Limit(container, container, said[1], is_certain=False, said_by=said[0], said_in=names)
    return None


def _is_of_module(names: dict[Any, Any]) -> bool:
    """Say whether a dict is the namespace of a module, also of one that cannot be found by its name."""
    return module_of(names) is not None or any(is_a(one, types.ModuleType) for one in gc.get_referrers(names))


def _is_store(container: object) -> bool:
    """Say whether this is where a bounded cache of functools keeps its links, not one of its results."""
    return type(container) is dict and all(
        type(link).__name__ == _LINK for link in [*container.values()][-1:]
    )


def _attribute(owner: object, names: frozenset[str]) -> tuple[str, int] | None:
    """Return the number that an object has under one of these names, and which; runs no code of its class."""
    return _number_under(_attributes(owner), names)


def _is_mapping(owner: object) -> bool:
    """Say whether an object is stored into by key, without running code of its class."""
    names = [vars(kind) for kind in type(owner).__mro__ if kind is not object]
    return all(any(name in own for own in names) for name in ("__getitem__", "__setitem__", "keys"))


def _number_under(named: Iterable[tuple[Any, Any]], names: frozenset[str]) -> tuple[str, int] | None:
    for name, value in named:
        if type(name) is str and type(value) is int and value > 0 and _plain(name) in names:
            return name, value
    return None


def _plain(name: str) -> str:
    """Return an attribute's name in lower case, without what makes it private.

    >>> _plain("_Cache__maxsize"), _plain("_max_size"), _plain("MAXSIZE")
    ('maxsize', 'max_size', 'maxsize')
    """
    return _PRIVATE.sub("", name).lower()


def _attributes(owner: object) -> Iterator[tuple[Any, Any]]:
    """Yield the attributes of an instance, then those of its classes, including slots and computed ones."""
    yield from list(namespace(owner).items())
    kinds = owner.__mro__ if is_a(owner, type) else type(owner).__mro__
    for kind in kinds:
        for name, value in list(vars(kind).items()):
            if not is_a(value, types.MemberDescriptorType, types.GetSetDescriptorType):
                yield name, value
            elif type(name) is str and _plain(name) in _LIMITS | _USED:
                yield name, slot_value(value, owner)


def _is_filled_by_another(owner: object, container: object, at_most: int) -> bool:
    """Say whether another container of the owner has reached the bound, which is then not for this one."""
    return any(
        value is not container and is_sized(value) and length(value) >= at_most
        for _, value in _attributes(owner)
    )


def _length(container: Any) -> int:
    """Return how many items a container has; for a type of an extension by the type's own `__len__`."""
    if is_sized(container):
        return length(container)
    kind_len = getattr(type(container), "__len__", None)
    return int(kind_len(container)) if is_a(kind_len, types.WrapperDescriptorType) else 0
