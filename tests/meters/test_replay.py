"""A capture read record by record: against memray's own reading of it, and against a plain account."""

from __future__ import annotations

import mmap
import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import memray
import pytest
from hypothesis import given
from hypothesis import strategies as st
from memray import AllocatorType

from pytest_memguard.meters.memray_captures import Replay


def _objects() -> None:
    kept = [str(number) * 40 for number in range(3000)]
    del kept[::3]
    kept += [str(number) * 9 for number in range(100)]


def _resized() -> None:
    held = bytearray()
    for _ in range(300):
        held += bytes(5000)
    del held[1000:]


def _mapped() -> None:
    with mmap.mmap(-1, 3_000_000) as first:
        first.write(b"x")
    mmap.mmap(-1, 1_000_000)


def _sawtooth() -> None:
    for size in random.Random(7).sample(range(1000, 90_000), 200):
        bytearray(size)


@pytest.mark.parametrize("body", [_objects, _resized, _mapped, _sawtooth])
def test_agrees_with_memray_where_everything_is_the_tests_own(
    body: Callable[[], None], tmp_path: Path
) -> None:
    path = tmp_path / "capture.bin"
    with memray.Tracker(path, trace_python_allocators=True):
        body()
    replay = Replay(lambda _record: True)
    with memray.FileReader(path) as reader:
        replay.run(reader.get_allocation_records())
    with memray.FileReader(path) as reader:
        peak_bytes = sum(one.size for one in reader.get_high_watermark_allocation_records())
        left_bytes = sum(one.size for one in reader.get_leaked_allocation_records())
    assert sum(size_bytes for _, size_bytes in replay.at_peak()) == peak_bytes
    assert sum(size_bytes for _, size_bytes in replay.at_end()) == left_bytes
    assert peak_bytes > 50_000


_EVENTS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 5), st.integers(1, 1000), st.booleans()), max_size=60
)


def _record(address: int, stack: int, size_bytes: int, allocator: AllocatorType) -> Any:
    return SimpleNamespace(
        address=address,
        stack_id=stack,
        size=size_bytes,
        allocator=int(allocator),
        native_stack_id=0,
        native_segment_generation=0,
        tid=1,
    )


@given(_EVENTS)
def test_finds_the_peak_of_some_stacks_among_others(events: list[tuple[int, int, int, bool]]) -> None:
    records: list[Any] = []
    held: dict[int, tuple[int, int]] = {}
    best: dict[int, tuple[int, int]] = {}
    best_bytes = count = 0
    for address, stack, size_bytes, is_free in events:
        kind = AllocatorType.FREE if is_free else AllocatorType.MALLOC
        records.append(_record(address, stack, size_bytes, kind))
        held.pop(address, None)
        if not is_free:
            held[address] = (stack, size_bytes)
        own = {one: part for one, part in held.items() if part[0] % 2}
        count += not is_free and stack % 2
        own_bytes = sum(size for _, size in own.values())
        if own_bytes > best_bytes:
            best_bytes, best = own_bytes, own
    replay = Replay(lambda record: record.stack_id % 2 == 1)
    replay.run(records)
    at_peak = {record.stack_id: size_bytes for record, size_bytes in replay.at_peak()}
    expected: dict[int, int] = {}
    for stack, size_bytes in best.values():
        expected[stack] = expected.get(stack, 0) + size_bytes
    assert at_peak == expected
    assert sum(size for _, size in replay.at_end()) == sum(s for k, s in held.values() if k % 2)
    assert replay.allocations == count


_RANGES = st.lists(st.tuples(st.booleans(), st.integers(0, 40), st.integers(1, 20)), max_size=40)


@given(_RANGES)
def test_mappings_go_in_parts(events: list[tuple[bool, int, int]]) -> None:
    pages: set[int] = set()
    records, most = [], 0
    for is_unmap, start, size_bytes in events:
        kind = AllocatorType.MUNMAP if is_unmap else AllocatorType.MMAP
        records.append(_record(start, 1, size_bytes, kind))
        touched = set(range(start, start + size_bytes))
        pages = pages - touched if is_unmap else pages | touched
        most = max(most, len(pages))
    replay = Replay(lambda _record: True)
    replay.run(records)
    assert sum(size for _, size in replay.at_end()) == len(pages)
    assert sum(size for _, size in replay.at_peak()) == most
