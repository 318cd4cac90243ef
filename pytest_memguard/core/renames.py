"""Finds entries of a change that are earlier entries under another name, as far as that is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TypeVar

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.history import Evidence, Renaming
from pytest_memguard.core.metrics import PEAK
from pytest_memguard.core.node_ids import join_id, split_id

_LIKE = 2
_Property = TypeVar("_Property", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Renames:
    """What is known of the earlier names of new entries.

    `known` maps a new entry to its earlier name. `unknown` are the entries that the same change removed and
    that no new one is known to be: each new entry that is not in `known` may be one of them.
    """

    known: Mapping[str, Renaming]
    unknown: tuple[str, ...] = ()


def renames(gone: Mapping[str, Entry], came: Mapping[str, Entry], moved: Mapping[str, str]) -> Renames:
    """Find the earlier names of new entries, where entries were removed in the same change.

    `moved` maps test modules whose file was renamed to the earlier module: a test with the same name in it
    is the same entry. The only removed entry of the same name is the same one, too. Otherwise an entry is
    the same only if it has exactly the same numbers and sites, apart from its own name in them, and no
    other entry of this change has them too.
    """
    known: dict[str, Renaming] = {}
    earlier = {**moved_modules(gone, came), **moved}
    for test_id in came:
        module, key = split_id(test_id)
        old_id = join_id(earlier[module], key) if module in earlier else ""
        if old_id in gone:
            known[test_id] = Renaming(old_id, Evidence.FILE if module in moved else Evidence.NAME)
    for evidence, property_of in ((Evidence.NAME, _names), (Evidence.NUMBERS, _numbers)):
        taken = {renaming.old_id for renaming in known.values()}
        old_ids = property_of({test_id: entry for test_id, entry in gone.items() if test_id not in taken})
        new_ids = property_of({test_id: entry for test_id, entry in came.items() if test_id not in known})
        for same, ids in new_ids.items():
            before = old_ids.get(same, [])
            if len(ids) == len(before) == 1:
                known[ids[0]] = Renaming(before[0], evidence)
    taken = {renaming.old_id for renaming in known.values()}
    is_each_known = len(known) == len(came)
    return Renames(known, () if is_each_known else tuple(sorted(set(gone) - taken)))


def new_names(gone: Mapping[str, Entry], came: Mapping[str, Entry]) -> dict[str, str]:
    """Return the new test that an entry without a test may belong to.

    It is known as `renames` tells, or it is the only new one of its module, as the entry is the only one
    without a test, and about as large.
    """
    found = {renaming.old_id: new_id for new_id, renaming in renames(gone, came, {}).known.items()}
    rest_came = _grouped((split_id(test_id)[0], test_id) for test_id in came if test_id not in found.values())
    rest_gone = _grouped((split_id(test_id)[0], test_id) for test_id in gone if test_id not in found)
    for module, old_ids in rest_gone.items():
        new_ids = rest_came.get(module, [])
        if len(old_ids) == len(new_ids) == 1 and is_like(gone[old_ids[0]], came[new_ids[0]]):
            found[old_ids[0]] = new_ids[0]
    return found


def is_like(old: Entry, new: Entry) -> bool:
    """Say whether a peak is from half to twice of another one, so that small steps may lie between them.

    >>> [is_like(Entry({"peak": 100}), Entry({"peak": peak})) for peak in (60, 150, 300)]
    [True, True, False]
    """
    peaks = sorted(entry.metrics.get(PEAK, 0) for entry in (old, new))
    return peaks[1] <= _LIKE * peaks[0]


def moved_modules(gone: Mapping[str, Entry], came: Mapping[str, Entry]) -> dict[str, str]:
    """Return the earlier names of new modules: the only removed one of the same file name, or the same tests.

    >>> one = {"peak": 1}
    >>> moved_modules({"tests/test_a.py::a": Entry(one)}, {"test/unit/test_a.py::b": Entry(one)})
    {'test/unit/test_a.py': 'tests/test_a.py'}
    """
    old, new = _keys_by_module(gone), _keys_by_module(came)
    for module in old.keys() & new.keys():
        del old[module], new[module]
    moved: dict[str, str] = {}
    for property_of in (lambda module, _: PurePosixPath(module).name, lambda _, keys: keys):
        old_by = _grouped((property_of(module, keys), module) for module, keys in old.items())
        new_by = _grouped((property_of(module, keys), module) for module, keys in new.items())
        for same, modules in new_by.items():
            before = old_by.get(same, [])
            if len(modules) == len(before) == 1 and before[0] not in moved.values():
                moved.setdefault(modules[0], before[0])
    return moved


def _keys_by_module(entries: Iterable[str]) -> dict[str, frozenset[str]]:
    keys = _grouped(split_id(test_id) for test_id in entries)
    return {module: frozenset(found) for module, found in keys.items()}


def _grouped(pairs: Iterable[tuple[_Property, str]]) -> dict[_Property, list[str]]:
    groups: dict[_Property, list[str]] = defaultdict(list)
    for found, name in pairs:
        groups[found].append(name)
    return groups


def _names(entries: Mapping[str, Entry]) -> Mapping[Hashable, list[str]]:
    """Return the ids of entries by the names of their tests."""
    return _grouped((split_id(test_id)[1], test_id) for test_id in entries)


def _numbers(entries: Mapping[str, Entry]) -> Mapping[Hashable, list[str]]:
    """Return the ids of entries by numbers and sites; entries whose numbers are all zero are left out."""
    return _grouped(
        (
            (
                tuple(sorted(entry.metrics.items())),
                tuple(replace(site, at=_apart_from_name(test_id, site.at)) for site in entry.sites),
            ),
            test_id,
        )
        for test_id, entry in entries.items()
        if any(entry.metrics.values())
    )


def _apart_from_name(test_id: str, at: str) -> str:
    """Return a place without the names of the test itself, which change with it.

    >>> _apart_from_name("test_a.py::test_a[1]", "test_a.py:test_a")
    ':'
    """
    module, key = split_id(test_id)
    own = {part.partition("[")[0] for part in key.split("::")}
    file, _, function = at.rpartition(":")
    return f"{'' if file == module else file}:{'' if function in own else function}"
