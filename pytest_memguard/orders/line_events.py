"""Calls back where a thread is about to run a line of the project's code or to leave one of its functions."""

from __future__ import annotations

import ctypes
import sys
from _thread import get_ident
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import CodeType, FrameType, TracebackType
from typing import Any, Protocol

IsDue = Callable[[CodeType, int], bool]
"""Called at every line, in the thread itself; returns whether to call back."""

OnLine = Callable[[CodeType, int], None]
"""Called in the thread itself, with the code object and the line; `RETURN` in place of a line."""

RETURN = -1
"""Stands for the line number when a function is about to return; its result is not stored yet."""

_TOOL_IDS = (3, 4)
"""The ids of `sys.monitoring` that CPython does not reserve for a kind of tool."""


class Followed(AbstractContextManager[None], Protocol):
    """A context in which the lines of the thread that enters it are called back."""

    def stop(self) -> None:
        """Give back what it needed, since the thread has ended in it."""


class LineEvents(Protocol):
    """A source of line events, for as long as its context is open."""

    def __enter__(self) -> LineEvents:  # noqa: PYI034 - a protocol of its own: what is entered is a LineEvents
        """Get ready."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the process as it was."""

    def following(self, is_due: IsDue, on_line: OnLine) -> Followed:
        """Return a context in which the lines of the thread that enters it are called back."""

    def take_over(self, followed: Followed) -> None:
        """Follow a thread on that another source has followed."""


def line_events(is_own: Callable[[str], bool]) -> LineEvents:
    """Return the best source available: `sys.monitoring` from CPython 3.12 on, otherwise `sys.settrace`.

    `is_own` says by a file's name whether its lines count.
    """
    tool = _free_tool()
    return TracedLines(is_own) if tool is None else MonitoredLines(is_own, tool)


def _free_tool() -> int | None:
    monitoring: Any = getattr(sys, "monitoring", None)
    if monitoring is None:
        return None
    return next((tool for tool in _TOOL_IDS if monitoring.get_tool(tool) is None), None)


class TracedLines:
    """Line events by `sys.settrace`; a tracer that was there before, such as coverage, is called as well."""

    def __init__(self, is_own: Callable[[str], bool]) -> None:
        self._is_own = is_own

    def __enter__(self) -> TracedLines:  # noqa: PYI034 - Self needs Python 3.11 or another dependency
        """Do nothing: tracing is set up by thread."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: each thread ends its own tracing."""

    def following(self, is_due: IsDue, on_line: OnLine) -> Followed:
        """Return a context that traces the thread which enters it."""
        return _TracedThread(is_due, on_line, self._is_own)

    def take_over(self, followed: Followed) -> None:
        """Do nothing: a thread keeps its trace function."""


_thread_state: Callable[[], int]
_enter_tracing: Callable[[object], None]
_leave_tracing: Callable[[object], None]
_HAS_CALL_TRACING = sys.version_info[:2] != (3, 11)
"""CPython 3.11 leaves profilers out of `sys.call_tracing` (`_PyEval_CallTracing` in its `Python/ceval.c`)."""


if not _HAS_CALL_TRACING:  # made now: each of these is a class
    _of_thread = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
    _thread_state = ctypes.PYFUNCTYPE(ctypes.c_void_p)(("PyThreadState_Get", ctypes.pythonapi))
    _enter_tracing = _of_thread(("PyThreadState_EnterTracing", ctypes.pythonapi))
    _leave_tracing = _of_thread(("PyThreadState_LeaveTracing", ctypes.pythonapi))


def seen_by_profiler(call: Callable[[], None]) -> None:
    """Call something from a trace function so that the profiler of the thread sees it."""
    if _HAS_CALL_TRACING:
        sys.call_tracing(call, ())
    else:
        _SeenByProfiler()(call)


class _SeenByProfiler:
    """The same on CPython 3.11, for the thread that it is made in."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = (
            ctypes.c_void_p(_thread_state()),
        )  # made once, as all that lies below a line of the project

    def __call__(self, call: Callable[[], None]) -> None:
        """Call it."""
        _leave_tracing(*self._state)
        try:
            call()
        finally:
            _enter_tracing(*self._state)


class _TracedThread:
    """Traces one thread.

    CPython does not call a profiler inside a trace function, so a meter would charge what happens there to
    the line of the project. `seen_by_profiler` lets it see the calls. The thread's own tracing is off
    meanwhile, since it creates an object for each frame.
    """

    __slots__ = (
        "_before",
        "_event",
        "_frame",
        "_global",
        "_is_due",
        "_is_own",
        "_local",
        "_offer",
        "_on_line",
        "_seen",
    )

    def __init__(self, is_due: IsDue, on_line: OnLine, is_own: Callable[[str], bool]) -> None:
        self._is_due = is_due
        self._on_line = on_line
        self._is_own = is_own
        self._seen: Callable[[Callable[[], None]], None] = seen_by_profiler
        self._before: Callable[..., Any] | None = None
        # Created once: a bound method created at each event would count as the test's memory.
        self._global: Callable[..., Any] = self._called
        self._local: Callable[..., Any] = self._line
        self._offer: Callable[[], None] = self._offered
        self._frame: FrameType | None = None
        self._event = ""

    def __enter__(self) -> None:
        if not _HAS_CALL_TRACING:
            self._seen = _SeenByProfiler()
        self._before = sys.gettrace()
        sys.settrace(self._global)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.settrace(self._before)
        self._before = None

    def stop(self) -> None:
        """Do nothing: a thread's tracing ends with it."""

    def _called(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
        is_own = self._is_own(frame.f_code.co_filename)
        if self._before is None:
            return self._local if is_own else None
        others = self._before(frame, event, arg)
        sys.settrace(self._global)  # coverage puts itself in our place at each call
        if not is_own:
            return others  # type: ignore[no-any-return]  # what a trace function returns
        return _Both(self._local, others).traced

    def _line(self, frame: FrameType, event: str, _arg: object) -> Callable[..., Any]:
        if event == "line" or event == "return":  # noqa: PLR1714 - a tuple is looked up at each event
            number = frame.f_lineno if event == "line" else RETURN
            if self._is_due(frame.f_code, number):
                del number  # the thread may wait long, and what it holds here would be the test's
                self._frame, self._event = frame, event
                sys.settrace(None)
                self._seen(self._offer)
                sys.settrace(self._global)
        return self._local

    def _offered(self) -> None:
        """Call back; arguments would be memory of the line that is traced."""
        frame, self._frame = self._frame, None
        if frame is not None:
            self._on_line(frame.f_code, frame.f_lineno if self._event == "line" else RETURN)


class _Both:
    """The local trace functions of two tracers in one frame."""

    __slots__ = ("_other", "_own")

    def __init__(self, own: Callable[..., Any], other: Callable[..., Any] | None) -> None:
        self._own = own
        self._other = other

    def traced(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any]:
        """Pass an event on to both."""
        self._own(frame, event, arg)
        if self._other is not None:
            self._other = self._other(frame, event, arg)
        return self.traced


class MonitoredLines:
    """Line events by `sys.monitoring`: other tracers are not affected, and other lines cost nothing."""

    def __init__(self, is_own: Callable[[str], bool], tool: int) -> None:
        self._is_own = is_own
        self._tool = tool
        self._by_thread: dict[int, _MonitoredThread] = {}
        self._monitoring: Any = sys.monitoring  # type: ignore[attr-defined]  # there from CPython 3.12 on

    def __enter__(self) -> MonitoredLines:  # noqa: PYI034 - Self needs Python 3.11 or another dependency
        """Register the callback, which ignores threads that are not followed."""
        monitoring, is_own, by_thread = self._monitoring, self._is_own, self._by_thread

        def line(code: CodeType, number: int) -> object:
            if not is_own(code.co_filename):
                return monitoring.DISABLE
            followed = by_thread.get(get_ident())
            if followed is not None and followed.is_due(code, number):
                followed.code, followed.number = code, number
                sys.call_tracing(followed.offer, ())
            return None

        def leaving(code: CodeType, _offset: int, _value: object) -> object:
            return line(code, RETURN)

        events = monitoring.events
        monitoring.use_tool_id(self._tool, "pytest-memguard")
        monitoring.register_callback(self._tool, events.LINE, line)
        monitoring.register_callback(self._tool, events.PY_RETURN, leaving)
        monitoring.set_events(self._tool, events.LINE | events.PY_RETURN)
        monitoring.restart_events()  # what was let through for another project may be this one's own
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the callback."""
        self._monitoring.set_events(self._tool, 0)
        for event in (self._monitoring.events.LINE, self._monitoring.events.PY_RETURN):
            self._monitoring.register_callback(self._tool, event, None)
        self._monitoring.free_tool_id(self._tool)

    def following(self, is_due: IsDue, on_line: OnLine) -> Followed:
        """Return a context in which the callback follows the thread that enters it."""
        return _MonitoredThread(self._by_thread, is_due, on_line)

    def take_over(self, followed: Followed) -> None:
        """Have the callback follow the thread."""
        if isinstance(followed, _MonitoredThread):
            followed.move_to(self._by_thread)


class _MonitoredThread:
    """Follows one thread; a profiler sees calls inside a callback only by `sys.call_tracing`, too."""

    __slots__ = ("_by_thread", "_ident", "_on_line", "code", "is_due", "number", "offer")

    def __init__(self, by_thread: dict[int, _MonitoredThread], is_due: IsDue, on_line: OnLine) -> None:
        self._by_thread = by_thread
        self._ident = 0
        self._on_line = on_line
        self.is_due = is_due
        self.code: CodeType | None = None
        self.number = RETURN
        self.offer: Callable[[], None] = self._offered

    def __enter__(self) -> None:
        self._ident = get_ident()
        self._by_thread[self._ident] = self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Follow the thread no longer."""
        if self._by_thread.get(self._ident) is self:
            del self._by_thread[self._ident]

    def move_to(self, by_thread: dict[int, _MonitoredThread]) -> None:
        """Follow the thread by another source."""
        self.stop()
        self._by_thread = by_thread
        by_thread[self._ident] = self

    def _offered(self) -> None:
        """Call back; arguments would be memory of the line that is followed."""
        code, self.code = self.code, None
        if code is not None:
            self._on_line(code, self.number)
