"""Lets the threads that a body starts by itself take turns like those that call it."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from _thread import get_native_id
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from time import sleep
from types import CodeType, FrameType, TracebackType
from typing import Any

from pytest_memguard.orders.blocking import ThreadWatch
from pytest_memguard.orders.line_events import LineEvents
from pytest_memguard.orders.own_process import OwnProcess
from pytest_memguard.orders.participant import BLOCKED, Participant
from pytest_memguard.orders.patched_threading import PATCH, bound_sleeps
from pytest_memguard.orders.profiled import enter_tracing, leave_tracing, seen_by_profiler, this_thread
from pytest_memguard.orders.progress import cpu_ns_of
from pytest_memguard.orders.turns import Turns
from pytest_memguard.orders.watched_time import WatchedTime

_ARRIVES_NS = 2_000_000_000
"""How long to wait for a new thread to come to its start.

One that takes longer runs without turns. It has a trace function that the body has set, for example.
"""

_RESTS_NS = 1_000_000_000
"""How long to wait for the threads of earlier calls to end or to wait for something."""

_POLL_SECONDS = 5e-5


class Newcomer(Participant):
    """A thread that was started by one that takes turns, and takes turns as well, in later calls too.

    It waits at its start until it gets its first turn. Its end is seen from outside.
    """

    __slots__ = ("_following", "_lines", "_seen_cpu_ns", "_thread", "ident", "is_refused", "turns", "waits")

    def __init__(self, thread: threading.Thread, turns: Turns, lines: LineEvents) -> None:
        super().__init__(-1, ThreadWatch(0, 0))
        self._thread = weakref.ref(thread)  # what a thread holds is the test's
        self._lines = lines
        self.turns: Turns | None = turns
        self._following: Any = None
        self._seen_cpu_ns: int | None = None
        self.ident = 0
        self.waits = self.is_refused = False

    @property
    def name(self) -> str:
        """The name of the thread."""
        thread = self._thread()
        return thread.name if thread is not None else ""

    def wait_for_first_turn(self) -> None:
        """Wait, in the thread itself, and have its lines followed from then on."""
        self._following = self._lines.following(self._is_due, self._line)
        self.waits = True
        self.gate.acquire()
        if not self.is_refused:
            self._following.__enter__()

    def has_come(self) -> bool:
        """Wait, in the thread that has started it, until it waits for its first turn; say whether it does."""
        thread = self._thread()
        if thread is None:
            return False
        self.ident = thread.ident or 0
        self.see_by(ThreadWatch(self.ident, thread.native_id or 0))
        waited = WatchedTime.up_to(_ARRIVES_NS)
        while not (self.waits and self.seen.is_blocked()):
            if self.has_ended() or waited.is_up():
                return False
            sleep(_POLL_SECONDS)
        return True

    def comes_to_rest(self, waited: WatchedTime) -> bool:
        """Wait until the thread waits for something or has ended; say whether it does before time is up."""
        self._seen_cpu_ns = cpu_ns_of(self)
        self.seen.restart()
        while not (self.has_ended() or self._is_at_rest() or self._is_at_rest()):  # a lock shows at two looks
            if waited.is_up():
                return False
            sleep(_POLL_SECONDS)
        return True

    def _is_at_rest(self) -> bool:
        """Say whether the thread was seen to wait, and has not run since: it may wait again and again."""
        if not self.seen.is_blocked() or self.is_inside:
            return False
        before, self._seen_cpu_ns = self._seen_cpu_ns, cpu_ns_of(self)
        if before == self._seen_cpu_ns:
            return True
        self.seen.restart()
        return False

    def goes_on_in(self, turns: Turns, lines: LineEvents) -> None:
        """Take part in a later call than the one that started it."""
        self.state = BLOCKED  # until that call has begun
        self.turns = turns
        lines.take_over(self._following)

    def has_ended(self) -> bool:
        """Say whether the thread is gone.

        Asking Python would take a tuple from the free list of the interpreter, for the arguments of a lock.
        """
        if self.watch.is_exact or self.watch.is_gone:
            return self.watch.is_gone
        thread = self._thread()
        return thread is None or not thread.is_alive()

    def forget(self) -> None:
        """Release what was needed to follow the thread, which has ended or takes no more turns."""
        self.watch.close()
        if self._following is not None:
            self._following.stop()

    def _is_due(self, code: CodeType, number: int) -> bool:
        turns = self.turns
        return turns is not None and turns.is_due(self, code, number)

    def _line(self, code: CodeType, number: int) -> None:
        turns = self.turns
        if turns is not None:
            turns.line(self, code, number)


class StartedThreads:
    """While it is entered, threads that are started by those of a call join its turns."""

    def __init__(self, turns: Turns, lines: LineEvents, is_own: Callable[[str], bool]) -> None:
        self._turns = turns
        self._lines = lines
        self._bound_sleeps = bound_sleeps(is_own)
        self._process = OwnProcess()
        self._native_ids: dict[int, Participant] = {}
        self._expected: dict[int, Newcomer] = {}
        self._before: Callable[..., Any] | None = None
        self._hook: Callable[..., Any] = self._begins
        self._first_callback = partial(self._collects, "start")
        self._last_callback = partial(self._collects, "stop")
        self._first_line: Callable[..., Any] = self._at_first_line
        self.newcomers: list[Newcomer] = []
        self.running_freely = 0

    def begin(self, native_ids: Iterable[int], participants: list[Participant]) -> list[Newcomer]:
        """Prepare for a call from these threads; return those of earlier calls that still run."""
        self.running_freely = 0
        self.newcomers = _STILL_RUNNING.taken()
        self._native_ids = dict(zip(native_ids, participants, strict=True))
        for newcomer in self.newcomers:
            newcomer.goes_on_in(self._turns, self._lines)
            self._native_ids[newcomer.watch.native_id] = newcomer
        return self.newcomers

    def end(self) -> None:
        """Let the threads that still run go on without turns, until another call."""
        for newcomer in self.newcomers:
            newcomer.turns = None
        _STILL_RUNNING.keep(self.newcomers)

    def __enter__(self) -> StartedThreads:  # noqa: PYI034 - Self needs Python 3.11 or another dependency
        self._before = threading.gettrace()
        threading.settrace(self._hook)
        gc.callbacks.insert(0, self._first_callback)  # what others do, as hypothesis does, is between the two
        gc.callbacks.append(self._last_callback)
        PATCH.enter(self, self._bound_sleeps)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        PATCH.leave()
        for callback in (self._first_callback, self._last_callback):
            with suppress(ValueError):  # the body has removed it
                gc.callbacks.remove(callback)
        if threading.gettrace() is self._hook:  # or the body has set another one, which stays
            threading.settrace(self._before)

    def _collects(self, heeded: str, phase: str, _found: dict[str, int]) -> None:
        """Remember, in the thread itself, whether it collects garbage, where the phase is the one to heed."""
        participant = self._native_ids.get(get_native_id()) if phase == heeded else None
        if participant is not None:
            participant.is_collecting = phase == "start"

    def start(self, thread: threading.Thread, really: Callable[[threading.Thread], None]) -> None:
        """Start a thread; if one that takes turns does it, the new one waits for its turn."""
        starter = self._this()
        if starter is None:
            really(thread)
            return
        newcomer = Newcomer(thread, self._turns, self._lines)
        self._expected[id(thread)] = newcomer
        starter.is_inside = True
        try:
            really(thread)
            self._takes_in(newcomer)
        finally:
            starter.is_inside = False
            self._expected.pop(id(thread), None)

    def settles(self) -> bool:
        """Wait until all threads that were woken wait again; say whether this one should wait for them."""
        participant = self._this()
        return participant is not None and _unseen(lambda: self._turns.settles(participant))

    def _this(self) -> Participant | None:
        """Return the thread that calls this, if it takes turns."""
        return None if self._process.is_child() else self._native_ids.get(get_native_id())

    def sleep(self, seconds: float, really: Callable[[float], None]) -> None:
        """Sleep; others have turns meanwhile, and go first where they can run when the sleep is over."""
        participant = self._this()
        if participant is None or not self._turns.falls_asleep(participant, seconds):
            really(seconds)
            return
        try:
            really(seconds)
            self._turns.wakes(participant)
        except BaseException:  # raised from elsewhere
            self._turns.runs_on(participant)
            raise

    def _takes_in(self, newcomer: Newcomer) -> None:
        if _unseen(newcomer.has_come):
            self._native_ids[newcomer.watch.native_id] = newcomer
            self.newcomers.append(newcomer)
            self._turns.joins(newcomer)
        else:
            newcomer.is_refused = True
            newcomer.gate.release()
            newcomer.watch.close()
            self.running_freely += 1

    def _begins(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
        """Have a thread wait for its first turn, and leave it to the tracer that there was.

        It waits at its first line: until then, the profiler of a meter is not installed in it, and would take
        what is called here for what has called the thread.
        """
        if event == "call" and get_native_id() not in self._native_ids:
            newcomer = self._expected.get(id(threading.current_thread()))
            if newcomer is not None:
                return self._first_line
        return self._leave(frame, event, arg)

    def _at_first_line(self, frame: FrameType, _event: str, arg: object) -> Callable[..., Any] | None:
        frame.f_trace = None  # or this would be called at its other lines, too
        local = self._leave(frame, "call", arg)
        newcomer = self._expected.get(id(threading.current_thread()))
        if newcomer is not None:
            seen_by_profiler(newcomer.wait_for_first_turn)
            sys.settrace(sys.gettrace())  # set in there, it is switched off again
        return local

    def _leave(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
        """Leave the thread to the tracer that there was."""
        before = self._before
        sys.settrace(before)
        return None if before is None else before(frame, event, arg)


def _unseen(look: Callable[[], bool]) -> bool:
    """Return what a look at other threads says, which takes more calls, the longer they need."""
    this = this_thread()
    enter_tracing(*this)
    try:
        return look()
    finally:
        leave_tracing(*this)


class StillRunning:
    """Threads that were started in a call and have not ended with it, such as the workers of a pool."""

    def __init__(self) -> None:
        self._all: list[Newcomer] = []

    def taken(self) -> list[Newcomer]:
        """Return those that still run, for a call that they take part in.

        Waits until they have come to rest first: one whose pool is gone is about to end. One that does not
        rest goes on without turns for good: it waits for no call, and would take turns in its every round.
        """
        waited = WatchedTime.up_to(_RESTS_NS)
        everyone, self._all = self._all, []
        for newcomer in everyone:
            if newcomer.comes_to_rest(waited):
                self.keep([newcomer])
            else:
                newcomer.forget()
        taken, self._all = self._all, []
        return taken

    def keep(self, newcomers: list[Newcomer]) -> None:
        """Keep those that still run."""
        for newcomer in newcomers:
            if newcomer.has_ended():
                newcomer.forget()
            else:
                self._all.append(newcomer)


_STILL_RUNNING = StillRunning()
