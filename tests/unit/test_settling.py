"""What a body settled at, on series of readings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_memguard.leaks.series import Window, settled_bytes

BEFORE = Window(calls=0, blocks=1000, blocks_bytes=64_000, heap_bytes=5_000_000)
ROWS = range(64, 2113, 64)


def _windows(heap: Callable[[int], int], blocks: Callable[[int], int] = lambda _calls: 0) -> list[Window]:
    return [
        Window(
            calls=calls,
            blocks=1000 + blocks(calls),
            blocks_bytes=64_000 + 64 * blocks(calls),
            heap_bytes=5_000_000 + heap(calls),
        )
        for calls in ROWS
    ]


SERIES: dict[str, tuple[list[Window], int]] = {
    "nothing": (_windows(lambda _: 0), 0),
    "built on the first call": (_windows(lambda _: 700_000), 700_000),
    "a table of the interpreter, made anew": (_windows(lambda calls: 961_216 * (calls > 1000)), 0),
    "the same beside what was built": (_windows(lambda calls: 700_000 + 961_216 * (calls > 1000)), 700_000),
    "a cache of buffers that fills": (_windows(lambda calls: min(calls, 640) * 1000), 640_000),
    "a step with its objects": (
        _windows(lambda calls: 500_000 * (calls > 1000), lambda calls: 5_000 * (calls > 1000)),
        820_000,
    ),
    "a step too large for a table": (_windows(lambda calls: 60_000_000 * (calls > 1000)), 60_000_000),
    "shrinks": (_windows(lambda calls: -calls), 0),
}


@pytest.mark.parametrize("name", SERIES)
def test_what_a_body_settled_at(name: str) -> None:
    windows, settled = SERIES[name]
    assert settled_bytes(BEFORE, windows) == settled


def test_a_drift_that_is_no_leak_counts() -> None:
    windows = _windows(lambda calls: 300_000 + 4 * calls)
    assert settled_bytes(BEFORE, windows) == 300_000 + 4 * windows[-1].calls


def test_one_reading_is_enough() -> None:
    assert settled_bytes(BEFORE, _windows(lambda _: 700)[:1]) == 700


def test_resident_memory_beyond_small_blocks_stands_for_a_heap_that_is_not_counted() -> None:
    before = Window(calls=0, blocks=1000, blocks_bytes=64_000, resident_bytes=40_000_000)
    full = replace(before, calls=64, blocks_bytes=964_000, resident_bytes=46_000_000)
    assert settled_bytes(before, [full]) == 6_000_000
    assert settled_bytes(before, [full, replace(full, calls=128, blocks_bytes=164_000)]) == 5_200_000
    assert settled_bytes(before, [replace(full, resident_bytes=40_000_000)]) == 900_000
