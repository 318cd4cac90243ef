"""Finds entries of a change that are earlier entries under another name, as far as that is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace

from pytest_memguard.core.history import Evidence, Renaming
from pytest_memguard.core.measurement import Entry
from pytest_memguard.core.node_ids import join_id, split_id


def renamings(
    gone: Mapping[str, Entry], came: Mapping[str, Entry], moved: Mapping[str, str]
) -> dict[str, Renaming]:
    """Return the earlier names of new entries, where entries were removed in the same change.

    `moved` maps test modules whose file was renamed to the earlier module: a test with the same name in
    it is the same entry. Otherwise an entry is the same only if it has exactly the same numbers and
    sites, apart from its own name in them, and no other entry of this change has them too.
    """
    found = {}
    for test_id in came:
        module, key = split_id(test_id)
        old_id = join_id(moved[module], key) if module in moved else ""
        if old_id in gone:
            found[test_id] = Renaming(old_id, Evidence.FILE)
    taken = {renaming.old_id for renaming in found.values()}
    old_ids = _by_numbers((test_id, entry) for test_id, entry in gone.items() if test_id not in taken)
    new_ids = _by_numbers((test_id, entry) for test_id, entry in came.items() if test_id not in found)
    for numbers, ids in new_ids.items():
        before = old_ids.get(numbers, [])
        if len(ids) == len(before) == 1:
            found[ids[0]] = Renaming(before[0], Evidence.NUMBERS)
    return found


def _by_numbers(entries: Iterable[tuple[str, Entry]]) -> Mapping[Hashable, list[str]]:
    """Return the ids of entries by numbers and sites; entries whose numbers are all zero are left out."""
    ids: dict[Hashable, list[str]] = defaultdict(list)
    for test_id, entry in entries:
        if any(entry.metrics.values()):
            sites = tuple(replace(site, at=_apart_from_name(test_id, site.at)) for site in entry.sites)
            ids[tuple(sorted(entry.metrics.items())), sites].append(test_id)
    return ids


def _apart_from_name(test_id: str, at: str) -> str:
    """Return a place without the names of the test itself, which change with it.

    >>> _apart_from_name("test_a.py::test_a[1]", "test_a.py:test_a")
    ':'
    """
    module, key = split_id(test_id)
    own = {part.partition("[")[0] for part in key.split("::")}
    file, _, function = at.rpartition(":")
    return f"{'' if file == module else file}:{'' if function in own else function}"
