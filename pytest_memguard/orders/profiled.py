"""Lets the profiler of a thread, such as a meter, see what a trace function calls, or see no calls."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

HAS_CALL_TRACING = sys.version_info[:2] != (3, 11)
"""CPython 3.11 leaves profilers out of `sys.call_tracing` (`_PyEval_CallTracing` in its `Python/ceval.c`)."""

_thread_state: Callable[[], int]
enter_tracing: Callable[[object], object]
leave_tracing: Callable[[object], object]
"""Keep the tracer and the profiler of a thread from seeing its calls, and let them see them again.

They are called with what `this_thread` returns, both in one function, which the profiler saw called and will
see return. A profiler is handed an object for each call, which the garbage collector counts. On CPython 3.10,
where each call has such an object anyway, they do nothing.
"""

if sys.version_info >= (3, 11):  # made now: each of these is a class
    _of_thread = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
    _thread_state = ctypes.PYFUNCTYPE(ctypes.c_void_p)(("PyThreadState_Get", ctypes.pythonapi))
    enter_tracing = _of_thread(("PyThreadState_EnterTracing", ctypes.pythonapi))
    leave_tracing = _of_thread(("PyThreadState_LeaveTracing", ctypes.pythonapi))
else:

    def _nothing(*_: object) -> int:
        return 0

    _thread_state = enter_tracing = leave_tracing = _nothing


def this_thread() -> tuple[object]:
    """Return the thread that calls this, as arguments for the two above."""
    return (ctypes.c_void_p(_thread_state()),)


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
        self._state = this_thread()

    def __call__(self, call: Callable[[], None]) -> None:
        """Call it."""
        leave_tracing(*self._state)
        try:
            call()
        finally:
            enter_tracing(*self._state)
