"""Reads memray captures: what was alive at the peak, and what was left at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import takewhile
from pathlib import Path

from pytest_memguard.core.metrics import ALLOCATIONS
from pytest_memguard.core.sample import Curve
from pytest_memguard.meters.curves import CurveOfRecords, curve_of_snapshots
from pytest_memguard.meters.lost_frames import StackMark
from pytest_memguard.meters.memray_tracker import AllocationRecord, AllocatorType, FileReader
from pytest_memguard.meters.protocol import MeterError
from pytest_memguard.meters.stacks import Frame, Survivor
from pytest_memguard.meters.tally import Charge, Tally

_UNMAP = int(AllocatorType.MUNMAP)
_FREES = frozenset(map(int, (AllocatorType.FREE, AllocatorType.MUNMAP, AllocatorType.PYMALLOC_FREE)))
_MAP = int(AllocatorType.MMAP)

Stack = tuple[int, int, int, int]
"""A stack of a thread, as memray knows it: of Python, of extensions below it, and when those were loaded."""


class Replay:
    """Replays the records of a capture, and adds up those whose stacks are the test's own.

    Memray finds the moment when the whole process held the most. The test may have held more at
    another moment, when the harness held less.
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
        self._curve = CurveOfRecords()
        self._recent_bytes: list[int] = []

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
            stack = (record.stack_id, record.native_stack_id, record.native_segment_generation, record.tid)
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
        recent = self._recent_bytes
        recent.append(self._held_bytes)
        if len(recent) == _AT_ONCE:
            self._curve.add(recent)
            recent.clear()
        if self._held_bytes > self._peak_bytes:
            self._peak_bytes = self._held_bytes
            _merge(self._by_stack, since)
            since.clear()

    @property
    def peak_bytes(self) -> int:
        """The most that was held at one moment."""
        return self._peak_bytes

    def curve(self) -> Curve | None:
        """Return what was held on the way; None where nothing was allocated."""
        self._curve.add(self._recent_bytes)
        self._recent_bytes.clear()
        return self._curve.curve()

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


_AT_ONCE = 4096
_LARGEST_MARK = 1024
_USUAL_PADDING = 4096
_PADDING = 65536
_NEAREST_FRAMES = (3, 24)
"""The first frames mostly show whose memory it is, and each frame that is asked for takes time."""


class _Charges:
    """Whose memory the stacks of one capture allocate; each is looked at once."""

    def __init__(self, tally: Tally, *, native: bool) -> None:
        self._tally = tally
        self._native = native
        self._known: dict[tuple[int, ...], Charge] = {}

    def of(self, record: AllocationRecord) -> Charge:
        stack: tuple[int, ...] = (record.stack_id,)
        if self._native:  # these begin in the frame of the tracker in its own thread alone
            stack += (record.native_stack_id, record.native_segment_generation, record.tid)
        charge = self._known.get(stack)
        if charge is None:
            charge = self._known[stack] = self._tally.charge(stack_of(record, native=self._native))
        return charge


def read_aggregated(reader: FileReader, tally: Tally, *, native: bool) -> None:
    """Add what was alive when the process was at its peak, and at the end of the capture, to a tally.

    The test's own peak may be up to the harness' memory at that moment higher.
    """
    charges = _Charges(tally, native=native)
    for record in reader.get_high_watermark_allocation_records(merge_threads=False):
        tally.add_peak(record.size, charges.of(record), record.tid)
    for record in reader.get_leaked_allocation_records(merge_threads=not tally.knows_threads):
        tally.add_retained(record.size, charges.of(record), record.tid)
    tally.add_curve(curve_of_snapshots(list(reader.get_memory_snapshots())))


def read_every_record(reader: FileReader, tally: Tally, *, native: bool) -> None:
    """Add what was alive when the test itself was at its peak, what it left, and its allocations.

    Exact, at some microseconds for each record of a capture of all allocations.
    """
    charges = _Charges(tally, native=native)
    replay = Replay(lambda record: tally.owns(stack_of(record, native=native), record.tid))
    replay.run(reader.get_allocation_records())
    for record, size_bytes in replay.at_peak():
        tally.add_peak(size_bytes, charges.of(record), record.tid)
    for record, size_bytes in replay.at_end():
        tally.add_retained(size_bytes, charges.of(record), record.tid)
    tally.add(ALLOCATIONS, replay.allocations)
    tally.add_curve(replay.curve())


def read_survivors(reader: FileReader, *, native: bool) -> list[Survivor]:
    """Return what outlived a capture."""
    return [
        (record.size, record.n_allocations, tuple(whole_stack_of(record, native=native)))
        for record in reader.get_leaked_allocation_records(merge_threads=True)
    ]


def lost_frames(reader: FileReader, mark: StackMark) -> bool:
    """Say whether memray lost frames before a mark was left."""
    records = reader.get_leaked_allocation_records(merge_threads=True)
    return mark.is_missed(record.stack_trace() for record in records if _may_be_mark(record, mark))


def _may_be_mark(record: AllocationRecord, mark: StackMark) -> bool:
    """Say whether the nearest frame is that of a mark: a whole stack takes time."""
    return record.size < _LARGEST_MARK and mark.is_in(record.stack_trace(1))


def held_by_others(path: Path, mark: StackMark, tally: Tally) -> dict[int, dict[str, int]]:
    """Return what threads beside that of a mark held at the peak of the process, by thread and place.

    Raises `MeterError` where the capture cannot be read.
    """
    with open_capture(path) as reader:
        own = {
            record.tid
            for record in reader.get_leaked_allocation_records(merge_threads=False)
            if _may_be_mark(record, mark)
        }
        held: dict[int, dict[str, int]] = {}
        for record in reader.get_high_watermark_allocation_records(merge_threads=False):
            stack = stack_of(record, native=False)
            if record.tid not in own and tally.owns(stack):
                places = held.setdefault(record.tid, {})
                place = tally.charge(stack).site.at
                places[place] = places.get(place, 0) + record.size
        return held


def peak_of_thread(path: Path, thread: int, tally: Tally) -> int:
    """Return the most that a thread held at one moment; raises `MeterError`."""
    with open_capture(path) as reader:
        replay = Replay(lambda record: record.tid == thread and tally.owns(stack_of(record, native=False)))
        replay.run(reader.get_allocation_records())
        return replay.peak_bytes


def number_of_records(reader: FileReader) -> int:
    """Return how many records a capture of all allocations has."""
    return int(reader.metadata.total_allocations)


@contextmanager
def open_capture(path: Path) -> Iterator[FileReader]:
    """Open a capture and close it; raises `MeterError` where it cannot be read, in the block too.

    Opening takes half a second for each million records, since memray goes through all of them.
    """
    try:
        _drop_padding(path)
        with closing(FileReader(path)) as reader:
            yield reader
    except (OSError, RuntimeError, ValueError) as error:
        raise MeterError(
            f"the capture of memray cannot be read ({error}). Make room on the disk, then run the test again."
        ) from error


def whole_stack_of(record: AllocationRecord, *, native: bool) -> Iterable[Frame]:
    """Return the frames of a record, taken from memray at once."""
    return _hybrid(record) if native else record.stack_trace()


def stack_of(record: AllocationRecord, *, native: bool) -> Iterable[Frame]:
    """Return the frames of a record, taken from memray as far as they are looked at."""
    return _hybrid(record) if native else _Stack(record.stack_trace)


def _hybrid(record: AllocationRecord) -> tuple[Frame, ...]:
    """Return the frames of Python with the native ones among them.

    memray finds the place of the native ones by the names of the interpreter's functions, which a stripped
    interpreter, such as Debian's, has lost. Those whose line is known stand before all others there.
    """
    stack = tuple(record.hybrid_stack_trace())
    if list(stack[:1]) != list(record.stack_trace(1)):
        return stack
    return (*takewhile(lambda frame: frame[2] > 0, record.native_stack_trace()), *stack)


class _Stack:
    """The frames of a record, innermost first; each iteration takes from memray what it needs."""

    __slots__ = ("_stack_trace",)

    def __init__(self, stack_trace: Callable[[int], list[Frame]]) -> None:
        self._stack_trace = stack_trace

    def __iter__(self) -> Iterator[Frame]:
        given = 0
        for most in (*_NEAREST_FRAMES, sys.maxsize):
            frames = self._stack_trace(most)
            yield from frames[given:]
            given = len(frames)
            if given < most:
                return


def require_whole(path: Path) -> None:
    """Raise `MeterError` for a capture that is cut off: memray reads it up to there and does not say so."""
    with open_capture(path), path.open("rb") as capture:
        capture.seek(-1, os.SEEK_END)
        if capture.read(1) not in _LAST_BYTES:
            raise MeterError(
                "the capture of memray is cut off: the mark that memray writes at its end is missing. Take "
                "another one with `pytest --memguard --memguard-profiles=all`."
            )


_LAST_BYTES = (b"\x01", b"\x0f")
"""The marks at the end of a capture of all allocations, and of an aggregated one (memray's records.h)."""


def _drop_padding(path: Path) -> None:
    """Cut off the zeros that memray maps ahead; its reader would walk back over them byte by byte."""
    with path.open("r+b", buffering=0) as capture:
        size_bytes = end = capture.seek(0, os.SEEK_END)
        length = _USUAL_PADDING
        while end:
            start = max(0, end - length)
            capture.seek(start)
            kept = capture.read(end - start).rstrip(b"\0")
            if kept:
                if start + len(kept) < size_bytes:  # or the file would seem to be new
                    capture.truncate(start + len(kept))
                return
            end, length = start, _PADDING
