"""Makes plugins of pytest forget a test's first run, where their records would keep it from running again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from pytest_memguard.core.real_types import is_a, names_of
from pytest_memguard.meters import SiteNamer
from pytest_memguard.meters.harness import PLUGIN_GROUP


class BenchRecords:
    """The lists, sets and mappings in modules and classes of plugins; made before a test's first run.

    Each holds what it held then. Libraries of approved files, for one, refuse a second comparison of a
    file that they have compared within the run.
    """

    __slots__ = ("_kept",)

    def __init__(self, namer: SiteNamer) -> None:
        self._kept = [(one, _mark(one)) for one in _FOUND.containers(namer)]

    def forget(self) -> bool:
        """Take out what was added since, and say whether there was anything."""
        taken_out = [_take_out(one, mark) for one, mark in self._kept]
        return any(taken_out)


def _mark(one: Any) -> int | frozenset[int]:
    """Return what tells later entries from those that there are; those of a set have no order."""
    return frozenset(map(id, one)) if isinstance(one, set) else len(one)


def _take_out(one: Any, mark: int | frozenset[int]) -> bool:
    """Take the entries that are later than the mark out of a container, and say whether there were any."""
    if isinstance(mark, frozenset):
        added = [each for each in one if id(each) not in mark]
        one.difference_update(added)
        return bool(added)
    added = [*one][mark:]
    if isinstance(one, list):
        del one[mark:]
    else:
        for key in added:
            del one[key]
    return bool(added)


class _Found:
    """The containers that were found last, listed again once other modules are imported.

    They are kept by an object of memguard's, which the search for holders passes over.
    """

    __slots__ = ("_containers", "_modules")

    def __init__(self) -> None:
        self._modules = (0, "")
        self._containers: list[Any] = []

    def containers(self, namer: SiteNamer) -> list[Any]:
        """Return the containers of the plugins that are imported now."""
        modules = len(sys.modules), next(reversed(sys.modules), "")
        if modules != self._modules:
            self._modules, self._containers = modules, list(_listed(namer))
        return self._containers


_FOUND = _Found()


def _listed(namer: SiteNamer) -> Iterator[Any]:
    packages = _packages()
    for name, module in [*sys.modules.items()]:
        names = names_of(module)
        if name.partition(".")[0] not in packages or not namer.is_bench(names.get("__file__")):
            continue
        for value in [*names.values()]:
            if type(value) in (list, set, dict):
                yield value
            elif is_a(value, type) and vars(value).get("__module__") == name:
                yield from (one for one in vars(value).values() if type(one) in (list, set, dict))


@cache
def _packages() -> frozenset[str]:
    """Return the packages that register a plugin, read once for the process."""
    return frozenset(point.module.partition(".")[0] for point in entry_points(group=PLUGIN_GROUP))
