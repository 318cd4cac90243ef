"""Counts what caches of functools made in a window: a full cache replaces entries and gets no longer."""

from __future__ import annotations

import gc
from typing import Any

from pytest_memguard.core.real_types import is_a
from pytest_memguard.leaks.holders.object_names import FUNCTOOLS_CACHE


class MadeByCaches:
    """How often each cache of functools missed, so that it made an entry, since this was made."""

    def __init__(self) -> None:
        self._missed: dict[int, int] = {id(one): one.cache_info().misses for one in _caches()}

    def by(self, owner: Any) -> int:
        """Return how many entries a cache has made; zero for other objects."""
        if not is_a(owner, FUNCTOOLS_CACHE):
            return 0
        misses: int = owner.cache_info().misses
        return misses - self._missed.get(id(owner), misses)

    def full_ones(self) -> list[tuple[object, int]]:
        """Return the full caches that made entries, with how many of these they hold."""
        sizes = [(one, one.cache_info().currsize) for one in _caches()]
        return [(one, min(size, self.by(one))) for one, size in sizes if self.by(one) and _is_full(one)]


def _caches() -> list[Any]:
    return [one for one in gc.get_objects() if is_a(one, FUNCTOOLS_CACHE)]


def _is_full(cache: Any) -> bool:
    info = cache.cache_info()
    return info.maxsize is not None and info.currsize == info.maxsize
