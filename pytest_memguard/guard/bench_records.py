"""Forgets what plugins of pytest wrote down of a test's first run, where that keeps it from running again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from pytest_memguard.meters import SiteNamer

_PLUGINS = "pytest11"


class BenchRecords:
    """The lists, sets and mappings in modules and classes of plugins; made before a test's first run.

    Each holds what it held then. Libraries of approved files, for one, refuse a second comparison of a
    file that they have compared within the run.
    """

    def __init__(self, namer: SiteNamer) -> None:
        self._kept = [(one, frozenset(map(id, one))) for one in _containers(namer)]

    def forget(self) -> bool:
        """Take out what was added since, and say whether there was anything."""
        changed = [(one, kept) for one, kept in self._kept if any(id(each) not in kept for each in one)]
        for one, kept in changed:
            for each in [each for each in one if id(each) not in kept]:
                if isinstance(one, dict):
                    del one[each]
                else:
                    one.remove(each)
        return bool(changed)


def _containers(namer: SiteNamer) -> Iterator[Any]:
    packages = _packages()
    for name, module in [*sys.modules.items()]:
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] not in packages or not namer.is_bench(file):
            continue
        for value in [*vars(module).values()]:
            if type(value) in (list, set, dict):
                yield value
            elif isinstance(value, type) and value.__module__ == name:
                yield from (one for one in vars(value).values() if type(one) in (list, set, dict))


@cache
def _packages() -> frozenset[str]:
    """Return the packages that register a plugin, read once for the process."""
    return frozenset(point.module.partition(".")[0] for point in entry_points(group=_PLUGINS))
