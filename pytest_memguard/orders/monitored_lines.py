"""Follows the lines of threads by `sys.monitoring`, on CPython 3.12 and later."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from types import CodeType, TracebackType
from typing import Any

from pytest_memguard.orders.line_events import Followed, IsDue, OnLine
from pytest_memguard.orders.packages import NONE, OWN, Packages
from pytest_memguard.orders.places import RETURN, behind, calling
from pytest_memguard.orders.profiled import enter_tracing, leave_tracing, this_thread
from pytest_memguard.orders.steps import STEPS

_CALLER = 2
"""How many frames the caller of a function that starts is away from the callback."""


class _Here(threading.local):
    """What follows the thread that asks. Its identifier would be a new integer at each line of the test."""

    followed: _MonitoredThread | None = None


class _CodeSteps:
    """The numbers of the steps of a code object by their offsets, made once, for the same reason."""

    __slots__ = ("code", "numbers")

    def __init__(self, code: CodeType | None, offsets: Iterable[int] = ()) -> None:
        self.code = code
        self.numbers = {offset: behind(offset) for offset in offsets}


_NO_STEPS = _CodeSteps(None)
"""Those of a function in which a thread still runs when the context is left."""


class MonitoredLines:
    """Line events by `sys.monitoring`: other tracers are not affected, and other lines cost nothing."""

    def __init__(self, packages: Packages, tool: int) -> None:
        self._packages = packages
        self._tool = tool
        self._stepped: dict[int, _CodeSteps] = {}
        self._last_stepped = _NO_STEPS
        self._monitoring: Any = sys.monitoring  # type: ignore[attr-defined]  # there from CPython 3.12 on

    def __enter__(self) -> MonitoredLines:  # noqa: PYI034 - Self needs Python 3.11 or another dependency
        """Register the callbacks, which ignore threads that are not followed."""
        monitoring, events = self._monitoring, self._monitoring.events
        monitoring.use_tool_id(self._tool, "pytest-memguard")
        for event, callback in self._callbacks():
            monitoring.register_callback(self._tool, event, callback)
        monitoring.set_events(self._tool, events.LINE | events.PY_RETURN | events.PY_START)
        monitoring.restart_events()  # what was let through for another project may be this one's own
        return self

    def _callbacks(self) -> list[tuple[int, Callable[..., object]]]:
        events, disable = self._monitoring.events, self._monitoring.DISABLE
        packages, comes_to = self._packages, self._comes_to()

        def line(code: CodeType, number: int) -> object:
            return disable if packages[code.co_filename] != OWN else comes_to(code, number)

        def leaving(code: CodeType, _offset: int, _value: object) -> object:
            return disable if packages[code.co_filename] != OWN else comes_to(code, RETURN)

        def step(code: CodeType, offset: int) -> object:
            stepped = self._last_stepped
            if stepped.code is not code:
                stepped = self._last_stepped = self._stepped.get(id(code), _NO_STEPS)
            number = stepped.numbers.get(offset)
            return disable if number is None else comes_to(code, number)

        return [
            (events.LINE, line),
            (events.PY_RETURN, leaving),
            (events.PY_START, self._starting(comes_to)),
            (events.INSTRUCTION, step),
        ]

    def _comes_to(self) -> Callable[[CodeType, int], object]:
        def comes_to(code: CodeType, number: int) -> object:
            followed = _HERE.followed
            if followed is not None and followed.source is self and followed.is_due(code, number):
                followed.code, followed.number = code, number
                sys.call_tracing(followed.offer, ())
            return None

        return comes_to

    def _starting(self, comes_to: Callable[[CodeType, int], object]) -> Callable[..., object]:
        disable = self._monitoring.DISABLE
        packages, frame_at = self._packages, sys._getframe  # noqa: SLF001 - documented

        def starting(code: CodeType, _offset: int) -> object:
            package = packages[code.co_filename]
            if package == OWN:
                sys.call_tracing(self._looks_for_steps, (code,))
            if package in (OWN, NONE):
                return disable
            followed = _HERE.followed
            if followed is None or followed.source is not self:
                return None
            try:
                caller = packages.caller_into(package, frame_at(_CALLER))
            except ValueError:  # it has none: it is what the thread was started with
                return None
            return None if caller is None else comes_to(caller.f_code, calling(caller.f_lineno))

        return starting

    def _looks_for_steps(self, code: CodeType) -> None:
        """Have the instructions of a function called back if one of its lines has steps."""
        STEPS.learn(code)
        if STEPS[id(code)]:
            self._stepped[id(code)] = _CodeSteps(code, STEPS[id(code)])
            self._monitoring.set_local_events(self._tool, code, self._monitoring.events.INSTRUCTION)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the callbacks."""
        for stepped in self._stepped.values():
            self._monitoring.set_local_events(self._tool, stepped.code, 0)
        self._stepped.clear()
        self._last_stepped = _NO_STEPS
        self._monitoring.set_events(self._tool, 0)
        for event, _ in self._callbacks():
            self._monitoring.register_callback(self._tool, event, None)
        self._monitoring.free_tool_id(self._tool)

    def following(self, is_due: IsDue, on_line: OnLine) -> Followed:
        """Return a context in which the callback follows the thread that enters it."""
        _HERE.followed = None  # what it needs is made now, before a sample
        return _MonitoredThread(self, is_due, on_line)

    def take_over(self, followed: Followed) -> None:
        """Have the callback follow the thread."""
        if isinstance(followed, _MonitoredThread):
            followed.source = self


class _MonitoredThread:
    """Follows one thread; a profiler sees calls inside a callback only by `sys.call_tracing`, too."""

    __slots__ = ("_on_line", "_thread", "code", "is_due", "number", "offer", "source")

    def __init__(self, source: MonitoredLines, is_due: IsDue, on_line: OnLine) -> None:
        self._on_line = on_line
        self._thread: tuple[object, ...] = ()
        self.source: MonitoredLines | None = source
        """What it is followed by; none where it is no longer."""
        self.is_due = is_due
        self.code: CodeType | None = None
        self.number = RETURN
        self.offer: Callable[[], None] = self._offered

    def __enter__(self) -> None:
        self._thread = this_thread()
        _HERE.followed = self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _HERE.followed = None

    def stop(self) -> None:
        """Follow the thread no longer."""
        self.source = None

    def _offered(self) -> None:
        """Call back, unseen below this; arguments would be memory of the line that is followed."""
        code, self.code = self.code, None
        if code is not None:
            enter_tracing(*self._thread)
            try:
                self._on_line(code, self.number)
            finally:
                leave_tracing(*self._thread)


_HERE = _Here()
