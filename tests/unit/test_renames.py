"""Which entries of one change are the same test under another name, and which may be."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pytest_memguard.core.entries import Entry, EntrySite
from pytest_memguard.core.history import Evidence, Renaming
from pytest_memguard.core.renames import new_names, renames


def entry(peak: int, *at: str) -> Entry:
    return Entry({"peak": peak}, sites=tuple(EntrySite(place, peak_bytes=peak) for place in at))


Entries = Mapping[str, Entry]
ROWS: list[tuple[str, Entries, Entries, Mapping[str, str], dict[str, Renaming], tuple[str, ...]]] = [
    ("nothing is gone", {}, {"b.py::x": entry(1)}, {}, {}, ()),
    (
        "a file that git says was renamed",
        {"a.py::x": entry(1), "a.py::y": entry(5)},
        {"b.py::x": entry(2), "b.py::new": entry(9)},
        {"b.py": "a.py"},
        {"b.py::x": Renaming("a.py::x", Evidence.FILE)},
        ("a.py::y",),
    ),
    (
        "a file of the same name in another folder",
        {"old/test_a.py::x": entry(1)},
        {"new/test_a.py::x": entry(2)},
        {},
        {"new/test_a.py::x": Renaming("old/test_a.py::x", Evidence.NAME)},
        (),
    ),
    (
        "a test of the same name in another file",
        {"a.py::x": entry(1), "a.py::y": entry(1)},
        {"b.py::x": entry(2)},
        {},
        {"b.py::x": Renaming("a.py::x", Evidence.NAME)},
        (),
    ),
    (
        "the same figures and places, apart from its own name",
        {"a.py::test_old": entry(7, "a.py:test_old", "shop.py:put")},
        {"a.py::test_new": entry(7, "a.py:test_new", "shop.py:put")},
        {},
        {"a.py::test_new": Renaming("a.py::test_old", Evidence.NUMBERS)},
        (),
    ),
    (
        "the same figures twice",
        {"a.py::test_old": entry(7), "a.py::test_older": entry(7)},
        {"a.py::test_new": entry(7)},
        {},
        {},
        ("a.py::test_old", "a.py::test_older"),
    ),
    (
        "figures that are all zero",
        {"a.py::test_old": entry(0)},
        {"a.py::test_new": entry(0)},
        {},
        {},
        ("a.py::test_old",),
    ),
    (
        "other places",
        {"a.py::test_old": entry(7, "shop.py:put")},
        {"a.py::test_new": entry(7, "shop.py:get")},
        {},
        {},
        ("a.py::test_old",),
    ),
]


@pytest.mark.parametrize(
    ("gone", "came", "moved", "known", "unknown"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_an_entry_is_known_under_its_earlier_name(
    gone: Entries,
    came: Entries,
    moved: Mapping[str, str],
    known: dict[str, Renaming],
    unknown: tuple[str, ...],
) -> None:
    found = renames(gone, came, moved)
    assert (found.known, found.unknown) == (known, unknown)


@pytest.mark.parametrize(
    ("gone", "came", "found"),
    [
        ({"a.py::x": 9}, {"b.py::x": 1}, {"a.py::x": "b.py::x"}),
        (
            {"a.py::x": 9, "a.py::y": 5},
            {"a.py::z": 5, "a.py::new": 7},
            {"a.py::x": "a.py::new", "a.py::y": "a.py::z"},
        ),
        ({"a.py::x": 9}, {"a.py::z": 4}, {}),
        ({"a.py::x": 9}, {"b.py::z": 8}, {}),
        ({"a.py::x": 9, "a.py::y": 9}, {"a.py::z": 8}, {}),
    ],
    ids=["same name", "same figures, and the only other one", "another size", "another file", "several"],
)
def test_a_new_test_may_be_the_one_of_an_entry_without_a_test(
    gone: dict[str, int], came: dict[str, int], found: dict[str, str]
) -> None:
    entries = ({test_id: entry(peak) for test_id, peak in peaks.items()} for peaks in (gone, came))
    assert new_names(*entries) == found
