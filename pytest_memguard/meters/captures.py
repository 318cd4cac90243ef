"""Reads captures of memray: what was alive at the peak, and what was left at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pytest_memguard.meters.contract import MeterError
from pytest_memguard.meters.memray_api import AllocationRecord, FileReader
from pytest_memguard.meters.replay import Replay
from pytest_memguard.meters.sites import Frame
from pytest_memguard.meters.tally import Tally

Survivor = tuple[int, int, tuple[Frame, ...]]
"""Bytes, number of blocks, and the stack that allocated them, innermost first."""

_USUAL_PADDING = 4096
_PADDING = 65536
_NEAREST_FRAMES = (3, 24)
"""Whose memory it is shows in the first frames mostly, and each frame that is asked for takes time."""


def read_aggregated(path: Path, tally: Tally, *, native: bool) -> None:
    """Add what was alive when the process was at its peak, and at the end of the capture, to a tally.

    The test's own peak may be up to the harness' memory at that moment higher. Raises
    `MeterError` where the capture cannot be read.
    """
    with _reader(path) as reader:
        for record in reader.get_high_watermark_allocation_records(merge_threads=True):
            tally.add_peak(record.size, _stack(record, native=native))
        for record in reader.get_leaked_allocation_records(merge_threads=True):
            tally.add_retained(record.size, _stack(record, native=native))


def read_every_record(path: Path, tally: Tally, *, native: bool) -> None:
    """Add what was alive when the test itself was at its peak, what it left, and its allocations.

    Exact, at some microseconds for each record of a capture of all allocations. Raises
    `MeterError` where the capture cannot be read.
    """
    with _reader(path) as reader:
        replay = Replay(lambda record: tally.owns(_stack(record, native=native)))
        replay.run(reader.get_allocation_records())
        for record, size_bytes in replay.at_peak():
            tally.add_peak(size_bytes, _stack(record, native=native))
        for record, size_bytes in replay.at_end():
            tally.add_retained(size_bytes, _stack(record, native=native))
        tally.add_allocations(replay.allocations)


def read_survivors(path: Path, *, native: bool) -> list[Survivor]:
    """Return what outlived a capture; raises `MeterError` where it cannot be read."""
    with _reader(path) as reader:
        return [
            (record.size, record.n_allocations, tuple(_whole_stack(record, native=native)))
            for record in reader.get_leaked_allocation_records(merge_threads=True)
        ]


@contextmanager
def _reader(path: Path) -> Iterator[FileReader]:
    try:
        _drop_padding(path)
        with closing(FileReader(path)) as reader:
            yield reader
    except (OSError, RuntimeError, ValueError) as error:
        raise MeterError(f"the capture of memray cannot be read: {error}") from error


def _whole_stack(record: AllocationRecord, *, native: bool) -> Iterable[Frame]:
    return record.hybrid_stack_trace() if native else record.stack_trace()


def _stack(record: AllocationRecord, *, native: bool) -> Iterable[Frame]:
    return tuple(record.hybrid_stack_trace()) if native else _Stack(record.stack_trace)


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


def _drop_padding(path: Path) -> None:
    """Cut the zeros that memray maps ahead; its reader would walk them backwards byte by byte, each time."""
    with path.open("r+b", buffering=0) as capture:
        end = capture.seek(0, os.SEEK_END)
        length = _USUAL_PADDING
        while end:
            start = max(0, end - length)
            capture.seek(start)
            kept = capture.read(end - start).rstrip(b"\0")
            if kept:
                capture.truncate(start + len(kept))
                return
            end, length = start, _PADDING
