"""Counts the threads that a body starts by itself, since nothing decides when they run."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any


class StartedThreads:
    """Counts the threads that are started by `threading` while it is entered."""

    __slots__ = ("_before", "_hook", "number")

    def __init__(self) -> None:
        self.number = 0
        self._before: Callable[..., Any] | None = None
        self._hook: Callable[..., Any] = self._begins

    def __enter__(self) -> StartedThreads:  # noqa: PYI034 - Self needs Python 3.11 or another dependency
        self.number = 0
        self._before = threading.gettrace()
        threading.settrace(self._hook)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.gettrace() is self._hook:  # or the body has set another one, which stays
            threading.settrace(self._before)

    def _begins(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
        """Count a thread, and leave it to the tracer that there was."""
        self.number += 1
        before = self._before
        sys.settrace(before)
        return None if before is None else before(frame, event, arg)
