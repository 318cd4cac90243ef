"""Replays a capture record by record, which finds the peak of the test's memory alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pytest_memguard.meters.memray_api import AllocationRecord, AllocatorType

_UNMAP = int(AllocatorType.MUNMAP)
_FREES = frozenset(map(int, (AllocatorType.FREE, AllocatorType.MUNMAP, AllocatorType.PYMALLOC_FREE)))
_MAP = int(AllocatorType.MMAP)

Stack = tuple[int, int, int]
"""What memray knows a stack by: of Python, of the extensions below it, and when those were loaded."""


class Replay:
    """What the records of a capture, in their order, come to for those stacks that are the test's own.

    Memray finds the moment when the whole process held the most. The test may have held more at
    another one, when what the harness held beside it was less.
    """

    def __init__(self, is_own: Callable[[AllocationRecord], bool]) -> None:
        self._is_own = is_own
        self._records: dict[Stack, AllocationRecord | None] = {}
        self._alive: dict[int, tuple[int, Stack]] = {}
        self._mapped: dict[int, tuple[int, Stack]] = {}
        self._held_bytes = 0
        self._peak_bytes = 0
        self._by_stack: dict[Stack, int] = {}
        self._since_peak: dict[Stack, int] = {}
        self.allocations = 0

    def run(self, records: Iterable[AllocationRecord]) -> None:
        """Go through the records; each memory address belongs to the last that allocated it."""
        alive, known = self._alive, self._records
        for record in records:
            address, allocator = record.address, record.allocator
            gone = alive.pop(address, None)
            if gone is not None:
                self._change(-gone[0], gone[1])
            if allocator in _FREES:
                if allocator == _UNMAP and self._mapped:
                    self._unmap(address, address + record.size)
                continue
            stack = (record.stack_id, record.native_stack_id, record.native_segment_generation)
            if stack not in known:
                known[stack] = record if self._is_own(record) else None
            if known[stack] is None:
                continue
            self.allocations += 1
            size_bytes = record.size
            if allocator == _MAP:
                self._unmap(address, address + size_bytes)
                self._mapped[address] = (size_bytes, stack)
            else:
                alive[address] = (size_bytes, stack)
            self._change(size_bytes, stack)

    def _change(self, by_bytes: int, stack: Stack) -> None:
        """Keep what each stack holds, as changes since the highest peak so far."""
        since = self._since_peak
        since[stack] = since.get(stack, 0) + by_bytes
        self._held_bytes += by_bytes
        if self._held_bytes > self._peak_bytes:
            self._peak_bytes = self._held_bytes
            _merge(self._by_stack, since)
            since.clear()

    def _unmap(self, start: int, end: int) -> None:
        """Let go of the parts of mappings between two addresses."""
        for address, (size_bytes, stack) in list(self._mapped.items()):
            first, last = max(start, address), min(end, address + size_bytes)
            if first >= last:
                continue
            del self._mapped[address]
            if first > address:
                self._mapped[address] = (first - address, stack)
            if last < address + size_bytes:
                self._mapped[last] = (address + size_bytes - last, stack)
            self._change(first - last, stack)

    def at_peak(self) -> Iterator[tuple[AllocationRecord, int]]:
        """Return what each stack held at the peak, in bytes, with a record that knows the stack."""
        return self._held(self._by_stack)

    def at_end(self) -> Iterator[tuple[AllocationRecord, int]]:
        """Return what each stack still held at the end, in bytes, with a record that knows the stack."""
        left = dict(self._by_stack)
        _merge(left, self._since_peak)
        return self._held(left)

    def _held(self, by_stack: dict[Stack, int]) -> Iterator[tuple[AllocationRecord, int]]:
        for stack, size_bytes in by_stack.items():
            record = self._records[stack]
            if record is not None and size_bytes > 0:
                yield record, size_bytes


def _merge(by_stack: dict[Stack, int], changes: dict[Stack, int]) -> None:
    for stack, by_bytes in changes.items():
        by_stack[stack] = by_stack.get(stack, 0) + by_bytes
