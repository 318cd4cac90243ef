"""Finds the line that leaves a file or a child process behind, by looking at what is open after each line."""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from pytest_memguard.core.sites import Site
from pytest_memguard.meters.site_namer import SiteNamer

_Place = tuple[CodeType, int]


def leaving_line(
    call: Callable[[], None],
    present: Callable[[], set[int]],
    *,
    namer: SiteNamer,
    seconds: float,
) -> Site | None:
    """Call once under a line tracer and return the line of the project that left most behind.

    `present` returns what is open, by number. A tracer that was active before is restored. Returns
    None where nothing stayed, where no line of the project opened it, or where the call took longer
    than `seconds`: tracing costs some 30 microseconds a line.
    """
    watch = _LineWatch(present, namer, seconds)
    tracer = sys.gettrace()
    sys.settrace(watch.enter)
    try:
        call()
    finally:
        sys.settrace(tracer)
    return watch.most_left()


class _LineWatch:
    """Ascribes what appears between two lines to the one that was running."""

    def __init__(self, present: Callable[[], set[int]], namer: SiteNamer, seconds: float) -> None:
        self._present = present
        self._namer = namer
        self._deadline = time.monotonic() + seconds
        self._before = present()
        self._made_by: dict[int, _Place | None] = dict.fromkeys(self._before)
        self._place: _Place | None = None

    def enter(self, frame: FrameType, _event: str, _arg: object) -> Callable[..., Any] | None:
        """Watch the lines of the project; those of libraries belong to the line that calls them."""
        if not self._is_watched(frame):
            return None
        self._move_to(frame)
        return self._step

    def _step(self, frame: FrameType, event: str, _arg: object) -> Callable[..., Any] | None:
        """Look before each line, and where a function ends."""
        if time.monotonic() > self._deadline:
            sys.settrace(None)
            self._made_by.clear()
            return None
        self._move_to(self._caller(frame) if event == "return" else frame)
        return self._step

    def _move_to(self, frame: FrameType | None) -> None:
        present = self._present()
        for number in self._made_by.keys() - present:
            del self._made_by[number]
        for number in present - self._made_by.keys():
            self._made_by[number] = self._place
        self._place = (frame.f_code, frame.f_lineno) if frame is not None else None

    def _caller(self, frame: FrameType) -> FrameType | None:
        caller = frame.f_back
        while caller is not None and not self._is_watched(caller):
            caller = caller.f_back
        return caller

    def _is_watched(self, frame: FrameType) -> bool:
        return self._namer.is_of_project(frame.f_code.co_filename)

    def most_left(self) -> Site | None:
        """Return the line that made most of what is still there after a collection."""
        gc.collect()
        left = self._present() - self._before
        made_by = Counter(
            place for number, place in self._made_by.items() if number in left and place is not None
        )
        if not made_by:
            return None
        (code, line), _ = made_by.most_common(1)[0]
        return self._namer.site_in(code, line)
