"""Finds the lines behind a peak by watching lines as they run, since tracemalloc records no peak."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

from pytest_memguard.meters.protocol import MeterError
from pytest_memguard.meters.stacks import Frame

_NEAR = 0.7
"""The share of the expected peak from which a snapshot is taken: executions differ a little."""

_HIGHER = 1.02
"""How much more than at the last snapshot must be held for another one: there are fewer than twenty then."""


class PeakWatch:
    """Keeps what was alive at the highest moment between two lines, and the line that ran then.

    Python's allocators count the highest moment themselves, so that no thread has to look in time: what
    a line needed and gave back before the next one began is known, and is charged to that line.
    """

    def __init__(self, is_watched: Callable[[str], bool], near_bytes: int) -> None:
        self._is_watched = is_watched
        self._worth_bytes = near_bytes * _NEAR
        self._place: Frame = ("", "", 0)
        self._depth = 0
        self.snapshot: tracemalloc.Snapshot | None = None
        self.passing_bytes = 0
        self.line = self._place
        """`passing_bytes` were alive at the peak, beside the snapshot, in this line."""

    def start(self) -> None:
        """Look on in this thread from now on; raises `MeterError` where somebody else does."""
        if sys.gettrace() is not None:
            raise MeterError("a debugger or a coverage tool traces the lines already.")
        tracemalloc.reset_peak()
        sys.settrace(self._entered)

    def stop(self) -> None:
        """Look a last time, and stop."""
        self._look()
        if sys.gettrace() == self._entered:  # else the test set its own, or none
            sys.settrace(None)

    def _entered(self, frame: FrameType, _event: str, _argument: Any) -> Callable[..., Any] | None:
        if not self._is_watched(frame.f_code.co_filename):
            return None
        self._look()
        self._depth += 1
        return self._passed

    def _passed(self, frame: FrameType, event: str, _argument: Any) -> Callable[..., Any]:
        self._look()
        now: FrameType | None = frame
        if event == "return":
            self._depth -= 1
            # Nobody watched has called the outermost one. To look through its callers makes a frame object of
            # each, on CPython 3.11 and later, which may need more memory than the test.
            now = self._caller(frame) if self._depth > 0 else None
        if now is not None:
            self._place = (now.f_code.co_name, now.f_code.co_filename, now.f_lineno or 0)
        return self._passed

    def _caller(self, frame: FrameType) -> FrameType | None:
        """Return the nearest watched frame that a call returns to; None lets the last line stand."""
        caller = frame.f_back
        while caller is not None and not self._is_watched(caller.f_code.co_filename):
            caller = caller.f_back
        return caller

    def _look(self) -> None:
        held_bytes, peak_bytes = tracemalloc.get_traced_memory()
        if peak_bytes >= self._worth_bytes:
            self._worth_bytes = peak_bytes * _HIGHER
            self.snapshot = None  # two at once would need twice the memory
            self.snapshot = tracemalloc.take_snapshot()
            self.passing_bytes, self.line = peak_bytes - held_bytes, self._place
        tracemalloc.reset_peak()
