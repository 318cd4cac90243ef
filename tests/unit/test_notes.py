"""Which growth needs a note: of which figure, from which size on, and what counts as a note."""

from __future__ import annotations

import pytest

from pytest_memguard.core.changes import Change
from pytest_memguard.core.entries import Entry
from pytest_memguard.core.errors import NoteRequiredError
from pytest_memguard.core.metrics import LEAK_PER_CALL
from pytest_memguard.core.notes import lacking_note, lacking_origin, refuse_without_note
from pytest_memguard.core.units import MIB

OLD = Entry({"peak": 10 * MIB})
GROWN = Entry({"peak": 12 * MIB})
CACHE = "keeps the cache"

ROWS = [
    ("growth beyond the share", OLD, GROWN, "peak 10.0 MiB -> 12.0 MiB (+20%)"),
    ("growth within the share", OLD, Entry({"peak": 10 * MIB + MIB // 2}), ""),
    ("less", GROWN, OLD, ""),
    ("a new entry", None, GROWN, ""),
    ("a removed entry", OLD, None, ""),
    ("growth with a note", OLD, Entry(GROWN.metrics, note=CACHE), ""),
    ("a note of dots", OLD, Entry(GROWN.metrics, note="..."), "peak 10.0 MiB -> 12.0 MiB (+20%)"),
    (
        "the note of earlier growth",
        Entry(OLD.metrics, note=CACHE),
        Entry(GROWN.metrics, note=CACHE),
        "peak 10.0 MiB -> 12.0 MiB (+20%)",
    ),
    (
        "more spread",
        OLD,
        Entry(OLD.metrics, spread={"peak": 2 * MIB}),
        "peak may vary by 2.0 MiB, was 0 B",
    ),
    ("a metric that is new", OLD, Entry({**OLD.metrics, "retained": 5 * MIB}), ""),
    (
        "a first leak",
        OLD,
        Entry({**OLD.metrics, LEAK_PER_CALL: 5_000}),
        "leak per call 0 B -> 4.9 KiB",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_growth_beyond_the_share_lacks_a_note_of_its_own(
    old: Entry | None, new: Entry | None, said: str
) -> None:
    assert lacking_note(old, new, 0.1) == said
    assert lacking_note(old, new, None) == "", "the project asks for none"


def test_a_new_entry_that_may_be_a_removed_one_lacks_the_note_of_its_growth() -> None:
    smaller, larger = Entry({"peak": 8 * MIB}), Entry({"peak": 13 * MIB})
    assert lacking_origin(GROWN, {"t.py::a": larger, "t.py::b": smaller}, 0.1) == (
        "t.py::b is removed, and if this is the same test: peak 8.0 MiB -> 12.0 MiB (+50%)"
    )
    assert lacking_origin(GROWN, {"t.py::a": larger}, 0.1) == ""


def test_accepting_is_refused_with_the_command_that_gives_the_notes() -> None:
    changes = [Change(f"t.py::test[{number} x]", OLD, GROWN) for number in range(5)]
    with pytest.raises(NoteRequiredError) as refused:
        refuse_without_note([Change("t.py::same", OLD, OLD), *changes], 0.1)
    said = str(refused.value)
    assert said.startswith(
        "t.py::test[0 x]: peak 10.0 MiB -> 12.0 MiB (+20%), and 4 more; nothing was accepted"
    )
    assert "memguard accept 't.py::test[0 x]' 't.py::test[1 x]' 't.py::test[2 x]' --note" in said
    refuse_without_note(changes, None)
