"""Native frames where the interpreter has lost the names of its functions, as Debian's has."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pytest_memguard.meters import memray_captures

PYTHON = [("body", "/p/test_it.py", 6)]
KEEP = ("keep", "/p/keep.c", 4)
LOST = ("<unknown>", "<unknown>", 0)


def record(*, native: list[Any], hybrid: list[Any]) -> Any:
    """Return a record that answers as memray 1.20 did on CPython 3.14 of Debian, or on one with its names."""
    return SimpleNamespace(
        stack_trace=lambda most: PYTHON[:most],
        native_stack_trace=lambda: native,
        hybrid_stack_trace=lambda: hybrid,
    )


def test_known_native_frames_stand_before_those_of_python_where_memray_could_not_place_them() -> None:
    stripped = record(native=[KEEP, LOST, LOST], hybrid=PYTHON)
    assert list(memray_captures.stack_of(stripped, native=True)) == [KEEP, *PYTHON]
    assert list(memray_captures.whole_stack_of(stripped, native=True)) == [KEEP, *PYTHON]


def test_what_memray_placed_stays_and_what_has_no_line_is_not_placed() -> None:
    placed = record(native=[KEEP, LOST], hybrid=[KEEP, LOST, *PYTHON])
    assert list(memray_captures.stack_of(placed, native=True)) == [KEEP, LOST, *PYTHON]
    assert list(memray_captures.stack_of(record(native=[LOST, KEEP], hybrid=PYTHON), native=True)) == PYTHON
