"""Follows the lines of threads by `sys.settrace`, on CPython 3.11 and earlier."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType, TracebackType
from typing import Any

from pytest_memguard.orders.line_events import Followed, IsDue, OnLine
from pytest_memguard.orders.packages import OWN, Packages
from pytest_memguard.orders.places import RETURN, behind, calling
from pytest_memguard.orders.profiled import (
    HAS_CALL_TRACING,
    SeenByProfiler,
    enter_tracing,
    leave_tracing,
    seen_by_profiler,
    this_thread,
)
from pytest_memguard.orders.steps import STEPS


class TracedLines:
    """Line events by `sys.settrace`; a tracer that was there before, such as coverage, is called as well."""

    def __init__(self, packages: Packages) -> None:
        self._packages = packages

    def __enter__(self) -> TracedLines:  # noqa: PYI034 - Self needs Python 3.11 or another dependency
        """Do nothing: tracing is set up by thread."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: each thread ends its own tracing."""

    def following(self, is_due: IsDue, on_line: OnLine) -> Followed:
        """Return a context that traces the thread which enters it."""
        return _TracedThread(is_due, on_line, self._packages)

    def take_over(self, followed: Followed) -> None:
        """Do nothing: a thread keeps its trace function."""


class _TracedThread:
    """Traces one thread.

    CPython does not call a profiler inside a trace function, so a meter would charge what happens there to
    the line of the project. `seen_by_profiler` lets it see the calls. The thread's own tracing is off
    meanwhile, since it creates an object for each frame.
    """

    __slots__ = (
        "_before",
        "_code",
        "_frame",
        "_global",
        "_is_due",
        "_is_stopped",
        "_late",
        "_learn",
        "_local",
        "_number",
        "_offer",
        "_on_line",
        "_packages",
        "_seen",
        "_steps",
        "_thread",
    )

    def __init__(self, is_due: IsDue, on_line: OnLine, packages: Packages) -> None:
        self._is_due = is_due
        self._on_line = on_line
        self._packages = packages
        self._seen: Callable[[Callable[[], None]], None] = seen_by_profiler
        self._before: Callable[..., Any] | None = None
        self._is_stopped = False
        # Created once: a bound method created at each event would count as the test's memory.
        self._global: Callable[..., Any] = self._called
        self._local: Callable[..., Any] = self._line
        self._offer: Callable[[], None] = self._offered
        self._learn: Callable[[], None] = self._learned
        self._frame: FrameType | None = None
        self._number = RETURN
        self._code: CodeType | None = None
        self._steps: frozenset[int] = frozenset()
        self._thread: tuple[object, ...] = ()
        self._late: BaseException | None = None

    def __enter__(self) -> None:
        if not HAS_CALL_TRACING:
            self._seen = SeenByProfiler()
        self._thread = this_thread()
        self._before = sys.gettrace()
        sys.settrace(self._global)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.settrace(self._before)
        self._before = self._code = None
        if self._late is not None:
            self._raise_late()

    def stop(self) -> None:
        """End the tracing of a thread that goes on, at the next place that it comes to."""
        self._is_stopped = True

    def _leave(self, frame: FrameType) -> None:
        frame.f_trace = None
        sys.settrace(self._before)

    def _called(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
        if self._is_stopped:
            self._leave(frame)
            return None
        package = self._packages[frame.f_code.co_filename]
        if package != OWN:
            caller = self._packages.caller_into(package, frame.f_back)
            if caller is not None:
                self._comes_to(caller, calling(caller.f_lineno))
        elif id(frame.f_code) not in STEPS:
            self._frame = frame
            self._apart(self._learn)
        if self._before is None:
            return self._local if package == OWN else None
        others = self._before(frame, event, arg)
        sys.settrace(self._global)  # coverage puts itself in our place at each call
        if package != OWN:
            return others  # type: ignore[no-any-return]  # what a trace function returns
        return _Both(self._local, others).traced

    def _line(self, frame: FrameType, event: str, _arg: object) -> Callable[..., Any] | None:
        if self._is_stopped:
            self._leave(frame)
            return None
        if event == "line":
            if self._late is not None:
                self._raise_late()
            is_due = self._comes_to(frame, frame.f_lineno)
            if self._steps_of(frame.f_code):
                frame.f_trace_opcodes = is_due
        elif event == "opcode":
            if frame.f_lasti in self._steps_of(frame.f_code):
                self._comes_to(frame, behind(frame.f_lasti))
        elif event == "return":
            try:
                self._comes_to(frame, RETURN)
            except BaseException as error:  # noqa: BLE001 - raised from elsewhere
                # Raised here, CPython 3.11 would tell no profiler of the return, and memray would crash.
                self._late = error
                sys.settrace(self._global)
        return self._local

    def _raise_late(self) -> None:
        """Raise an error that came at a return."""
        late, self._late = self._late, None
        if late is not None:
            raise late

    def _steps_of(self, code: CodeType) -> frozenset[int]:
        """Return the steps of a code object; the last ones are at hand without an integer for it."""
        if code is not self._code:
            self._code, self._steps = code, STEPS[id(code)]
        return self._steps

    def _comes_to(self, frame: FrameType, number: int) -> bool:
        """Call back at a place of a frame if that is due; return whether it was."""
        is_due = self._is_due(frame.f_code, number)
        if is_due:
            self._frame, self._number = frame, number
            del frame, number  # the thread may wait long, and what it holds here would be the test's
            self._apart(self._offer)
        return is_due

    def _apart(self, call: Callable[[], None]) -> None:
        """Call something that is not the test's."""
        sys.settrace(None)
        self._seen(call)
        sys.settrace(self._global)

    def _offered(self) -> None:
        """Call back, unseen below this; arguments would be memory of the line that is traced."""
        frame, self._frame = self._frame, None
        if frame is not None:
            number, self._number = self._number, RETURN
            enter_tracing(*self._thread)
            try:
                self._on_line(frame.f_code, number)
            finally:
                leave_tracing(*self._thread)

    def _learned(self) -> None:
        """Look up where the lines of a function have steps."""
        frame, self._frame = self._frame, None
        if frame is not None:
            STEPS.learn(frame.f_code)


class _Both:
    """The local trace functions of two tracers in one frame."""

    __slots__ = ("_other", "_own")

    def __init__(self, own: Callable[..., Any], other: Callable[..., Any] | None) -> None:
        self._own = own
        self._other = other

    def traced(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any]:
        """Pass an event on to both."""
        self._own(frame, event, arg)
        if self._other is not None and event != "opcode":
            self._other = self._other(frame, event, arg)
        return self.traced
