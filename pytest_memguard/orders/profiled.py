"""Calls something inside a trace function so that the profiler of the thread, such as a meter, sees it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

_thread_state: Callable[[], int]
_enter_tracing: Callable[[object], None]
_leave_tracing: Callable[[object], None]
HAS_CALL_TRACING = sys.version_info[:2] != (3, 11)
"""CPython 3.11 leaves profilers out of `sys.call_tracing` (`_PyEval_CallTracing` in its `Python/ceval.c`)."""


if not HAS_CALL_TRACING:  # made now: each of these is a class
    _of_thread = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
    _thread_state = ctypes.PYFUNCTYPE(ctypes.c_void_p)(("PyThreadState_Get", ctypes.pythonapi))
    _enter_tracing = _of_thread(("PyThreadState_EnterTracing", ctypes.pythonapi))
    _leave_tracing = _of_thread(("PyThreadState_LeaveTracing", ctypes.pythonapi))


def seen_by_profiler(call: Callable[[], None]) -> None:
    """Call something from a trace function so that the profiler of the thread sees it."""
    if HAS_CALL_TRACING:
        sys.call_tracing(call, ())
    else:
        SeenByProfiler()(call)


class SeenByProfiler:
    """Does what `seen_by_profiler` does on CPython 3.11, for the thread that it is made in."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        # Made once, as all that lies below a line of the project.
        self._state = (ctypes.c_void_p(_thread_state()),)

    def __call__(self, call: Callable[[], None]) -> None:
        """Call it."""
        _leave_tracing(*self._state)
        try:
            call()
        finally:
            _enter_tracing(*self._state)
