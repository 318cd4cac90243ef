"""Reads the memory of this process, and stores the readings where they do not show in later ones."""

from __future__ import annotations

import gc
import sys
import time
from array import array

from pytest_memguard.core.metrics import COUNTED_UNITS
from pytest_memguard.core.unpatched import learn_loaded_modules
from pytest_memguard.leaks.process_memory import ProcessMemory, SmallBlocks
from pytest_memguard.leaks.series import Window
from pytest_memguard.meters.ending_threads import ENDING_SECONDS, RunningThreads, others_run
from pytest_memguard.meters.garbage import clear_type_caches

_MOST_ROWS = 512
_UNKNOWN = -1
_LEAST_PATIENCE_SECONDS = 0.01
"""The shortest wait for threads to end: where some stay at every reading, they are the leak."""

_LITTLE_BLOCKS = 64
_LITTLE_SHARE = 0.05
"""Garbage of up to this many blocks, or this share of the blocks that the calls left, changes no verdict."""

_MUCH_BYTES = 64 * 1024
_PAUSE_SECONDS = 0.005
_MOST_PAUSES = 4
"""Another thread may hold much for a moment, as a server that reads ahead or a heartbeat does."""

_FEW_OBJECTS = 200_000
"""The collector looks at this many objects in some 20 ms, which each reading can afford."""


class Readings:
    """Takes readings of this process and stores them in memory that was allocated beforehand."""

    def __init__(self) -> None:
        self.process = ProcessMemory()
        self._small = SmallBlocks()
        self._columns = tuple(array("q", bytes(8 * _MOST_ROWS)) for _ in range(5 + len(COUNTED_UNITS)))
        self._rows = 0
        self._threads = RunningThreads()
        self._patience_seconds = ENDING_SECONDS
        learn_loaded_modules()  # those of the leak check: the first call would be seen to keep their names
        for _ in range(2):  # what a first reading allocates must not show in the second
            self.take(0)
        self.clear()

    def clear(self) -> None:
        """Forget all rows."""
        self._rows = 0

    def take(self, calls: int) -> int:
        """Collect garbage, read everything as the next row, and return that row's number."""
        row = self._rows
        self._read(row)
        self._columns[0][row] = calls
        self._rows = min(row + 1, _MOST_ROWS - 1)
        return row

    def _read(self, row: int) -> None:
        if not self._threads.let_later_ones_end(self._patience_seconds):
            self._threads = RunningThreads()  # what stays is waited for once
            self._patience_seconds = max(_LEAST_PATIENCE_SECONDS, self._patience_seconds / 2)
        gc.collect()
        clear_type_caches()
        self._read_memory(row)
        pauses = _MOST_PAUSES if row and others_run() else 0
        heap = self._columns[3]
        while pauses and heap[row] - heap[row - 1] > _MUCH_BYTES:
            pauses -= 1
            time.sleep(_PAUSE_SECONDS)
            before = [column[row] for column in self._columns[1:5]]
            self._read_memory(row)
            for column, value in zip(self._columns[1:5], before, strict=True):
                column[row] = min(column[row], value)
        threads, files, children, garbage = self._columns[5:]
        threads[row] = _known(self.process.threads())
        files[row] = _known(self.process.open_files())
        children[row] = _known(self.process.children())
        garbage[row] = len(gc.garbage)

    def _read_memory(self, row: int) -> None:
        _, blocks, small, heap, resident, *_ = self._columns
        blocks[row] = sys.getallocatedblocks() if hasattr(sys, "getallocatedblocks") else _UNKNOWN
        heap[row] = _known(self.process.heap_bytes())
        small[row] = _known(self._small.bytes_in_use())
        resident[row] = _known(self.process.resident_bytes())

    def see_everything(self, once: bool) -> bool:
        """Let the collector see objects older than the check too, and take the last row again.

        Returns whether many older blocks had become garbage unseen, relative to the growth of the rows, so
        that the rows prove little. The collector then keeps seeing everything, as it does in a session of
        few objects and unless this is for `once`. Less garbage is subtracted from the earlier rows as well,
        since the body did not free it.
        """
        are_many = gc.get_freeze_count() > _FEW_OBJECTS
        gc.unfreeze()
        last = self._rows - 1
        self._read(last + 1)  # objects that kept the last row meanwhile would be counted
        freed = []
        for column in self._columns[1:]:
            freed.append(0 if _UNKNOWN in column[last : last + 2] else column[last] - column[last + 1])
            column[last] = column[last + 1]
        grown = self._columns[1][last] + freed[0] - self._columns[1][0]
        is_much = freed[0] > max(_LITTLE_BLOCKS, _LITTLE_SHARE * grown)
        if not is_much:
            for column, less in zip(self._columns[1:], freed, strict=True):
                for row in range(last):
                    column[row] -= less
        if (once or are_many) and not is_much:
            gc.freeze()
        return is_much

    def windows(self) -> tuple[Window, ...]:
        """Return the rows taken so far."""
        return tuple(self._window(row) for row in range(self._rows))

    def after_first_and_last(self) -> tuple[Window, Window]:
        """Return the row after the first call and the last row, without converting the others."""
        return self._window(1), self._window(self._rows - 1)

    def _window(self, row: int) -> Window:
        calls, blocks, small, heap, resident, *counts = (column[row] for column in self._columns)
        return Window(
            calls=calls,
            blocks=blocks or None,  # zero where Python's allocator is switched off
            blocks_bytes=_or_none(small),
            heap_bytes=_or_none(heap),
            resident_bytes=_or_none(resident),
            counts={
                unit: count for unit, count in zip(COUNTED_UNITS, counts, strict=True) if count != _UNKNOWN
            },
        )

    def close(self) -> None:
        """Close what the readers hold open."""
        self._small.close()


def _known(value: int | None) -> int:
    return _UNKNOWN if value is None else value


def _or_none(value: int) -> int | None:
    return None if value == _UNKNOWN else value
