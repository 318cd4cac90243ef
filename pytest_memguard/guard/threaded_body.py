"""Calls a body from several threads that start at one barrier; passes on errors and detects deadlocks."""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from types import FrameType, TracebackType

from pytest_memguard.core.errors import MemguardError

_SWITCH_SECONDS = 1e-5
"""Threads take turns this often meanwhile, so that a race shows in calls shorter than the usual 5 ms."""

STUCK_SECONDS = 30.0

_HARD_FACTOR = 10
_POLL_SECONDS = 0.5
_GLANCE_SECONDS = 0.05
_JOIN_SECONDS = 2.0
_SHOWN_FRAMES = 30

_Position = tuple[tuple[int, int, int], ...]


class DeadlockError(MemguardError):
    """Threads of a body that did not come back in time; the message holds all stacks."""

    slug = "threads-stuck"


class ThreadedBody:
    """One call of it calls `body` once from each of so many threads, which start at one barrier.

    The threads live as long as the context. What a thread raises is raised by the call, with
    the thread's traceback. Raises `DeadlockError` where no thread has moved for `stuck_seconds`,
    or where the threads take ten times as long; such threads are left behind.
    """

    def __init__(self, body: Callable[[], object], threads: int, *, stuck_seconds: float) -> None:
        self._body = body
        self._stuck_seconds = stuck_seconds
        self._process = os.getpid()
        self._start = threading.Barrier(threads + 1)
        self._ended: queue.SimpleQueue[tuple[int, BaseException | None]] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(
                target=self._work, args=(number,), name=f"memguard {number} of {threads}", daemon=True
            )
            for number in range(1, threads + 1)
        ]
        self._busy: set[int] = set()
        self._closing = False
        self._switch_seconds = sys.getswitchinterval()

    def __enter__(self) -> ThreadedBody:  # noqa: PYI034 - Self needs Python 3.11 or another dependency
        """Start the threads."""
        sys.setswitchinterval(_SWITCH_SECONDS)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the threads; one that is stuck in a call stays behind."""
        sys.setswitchinterval(self._switch_seconds)
        self._closing = True
        self._start.abort()
        for ident in self._running():
            _interrupt(ident)
        deadline = time.monotonic() + _JOIN_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self, number: int) -> None:
        while not self._closing:
            try:
                self._start.wait()
            except threading.BrokenBarrierError:
                return
            raised: BaseException | None = None
            try:
                self._body()
            except BaseException as error:  # noqa: BLE001 - the caller raises it, whatever it is
                raised = error
            if os.getpid() != self._process:
                os._exit(raised is not None)  # a forked child that comes back here has no other thread
            self._ended.put((number, raised))
            del raised

    def __call__(self) -> None:
        """Let every thread call the body once; raises what the first of them to fail raised."""
        self._busy = set(range(1, len(self._threads) + 1))
        self._start.wait()
        failed: tuple[int, BaseException] | None = None
        for number, error in self._endings():
            self._busy.discard(number)
            if error is not None and failed is None:
                failed = number, error
        if failed is not None:
            try:
                raise _noted(failed[1], f"in thread {failed[0]} of {len(self._threads)}")
            finally:
                failed = None  # the error's traceback holds this frame

    def _endings(self) -> Iterator[tuple[int, BaseException | None]]:
        """Yield each thread's end as it comes; raises `DeadlockError`."""
        begun = moved = time.monotonic()
        position: _Position = ()
        poll_seconds = min(_POLL_SECONDS, self._stuck_seconds / 4)
        for _ in self._threads:
            while True:
                with contextlib.suppress(queue.Empty):
                    yield self._ended.get(timeout=poll_seconds)
                    break
                now = time.monotonic()
                before, position = position, self._position()
                if position != before:
                    moved = now
                if now - moved >= self._stuck_seconds:
                    raise DeadlockError(self._stacks(f"have not moved for {now - moved:.1f} s"))
                if now - begun >= _HARD_FACTOR * self._stuck_seconds:
                    raise DeadlockError(self._stacks(f"did not end within {now - begun:.1f} s"))

    def _position(self) -> _Position:
        """Return where the threads that have not ended are, to the instruction."""
        frames = sys._current_frames()  # noqa: SLF001 - the documented way to another thread's stack
        busy = (self._threads[number - 1].ident for number in sorted(self._busy))
        return tuple(
            (ident, id(frame), frame.f_lasti)
            for ident in busy
            if ident is not None and (frame := frames.get(ident)) is not None
        )

    def _running(self) -> set[int]:
        """Return the threads inside a call that move.

        The others are left alone: on CPython 3.11, under a tracer, an error that waits for a
        thread which never runs again keeps the rest from going on.
        """
        if not self._busy:
            return set()
        before = self._position()
        time.sleep(_GLANCE_SECONDS)
        return {after[0] for after, then in zip(self._position(), before, strict=False) if after != then}

    def _stacks(self, what: str) -> str:
        idle = {thread.ident for number, thread in enumerate(self._threads, 1) if number not in self._busy}
        return (
            f"{len(self._busy)} of {len(self._threads)} threads {what}. The limit is thread_timeout "
            f"({self._stuck_seconds:g} s). All threads:\n{stacks_of_threads({*idle, threading.get_ident()})}"
        )


def stacks_of_threads(without: Collection[int | None] = ()) -> str:
    """Write the stack of every thread of this process but some, by its identifier."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    frames: Mapping[int, FrameType] = sys._current_frames()  # noqa: SLF001 - see above
    parts = []
    for ident, frame in sorted(frames.items(), key=lambda entry: names.get(entry[0], "")):
        if ident not in without:
            stack = traceback.extract_stack(frame)
            start = max((at for at, entry in enumerate(stack, 1) if entry.filename == __file__), default=0)
            shown = "".join(traceback.format_list(stack[start:][-_SHOWN_FRAMES:]))
            parts.append(f"--- {names.get(ident, ident)}\n{shown}")
    return "\n".join(parts)


def _interrupt(ident: int) -> None:
    """Ask a thread that runs on to end."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(SystemExit))


def _noted(error: BaseException, note: str) -> BaseException:
    """Add a note to an error, where this Python has notes."""
    if hasattr(error, "add_note"):
        error.add_note(note)
    return error
