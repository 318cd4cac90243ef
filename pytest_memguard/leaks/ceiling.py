"""Limits how much memory one check may add to the process, even within a single call."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

from pytest_memguard.core.unpatched import Unpatched

_EVERY_CPU_SECONDS = 0.25
"""The timer's period: longer than a window takes, so that only long calls are interrupted by a signal.

Memory can grow by some 100 MB in that time.
"""


class CeilingReached(BaseException):
    """The process has grown by more than the check allows."""


class Ceiling:
    """Watches resident memory, with a timer of CPU time, while its context is open.

    A timer needs no thread, which could disturb the body (a fork with threads warns), and memory
    cannot grow without CPU time. Every `check` restarts the timer, since a signal can do harm too: an
    event loop may have it written to a socket that it is just closing.
    Where there is no such timer (Windows, a thread other than the main one, a profiler that
    uses it), only `check` looks, between calls.
    `transient_bytes` is what single calls needed for a while; it is allowed on top of the ceiling.
    """

    def __init__(self, resident_bytes: Callable[[], int | None], ceiling_bytes: int) -> None:
        self._resident_bytes = resident_bytes
        self._ceiling_bytes = ceiling_bytes
        self._base_bytes = resident_bytes() or 0
        self._armed = False
        self._learning = False
        self.transient_bytes = 0
        self.grown_bytes = 0

    def learn(self) -> None:
        """Take growth up to the next `enforce` as what a call needs for a while."""
        self._learning = True

    def enforce(self) -> None:
        """From here on, growth past the ceiling ends the check."""
        self._learning = False

    def check(self) -> None:
        """Raise `CeilingReached` where the process has grown too much."""
        self.watch()
        self.grown_bytes = (self._resident_bytes() or 0) - self._base_bytes
        if self._learning:
            self.transient_bytes = max(self.transient_bytes, self.grown_bytes)
        elif self.grown_bytes > self._ceiling_bytes + self.transient_bytes:
            raise CeilingReached

    def __enter__(self) -> Ceiling:  # noqa: PYI034 - Self needs Python 3.11 or another dependency
        """Start the timer where it is free."""
        timer = getattr(signal, "ITIMER_PROF", None)
        if timer is None or threading.current_thread() is not threading.main_thread():
            return self
        if signal.getsignal(signal.SIGPROF) is not signal.SIG_DFL or signal.getitimer(timer)[0]:
            return self
        signal.signal(signal.SIGPROF, self._on_timer)
        signal.siginterrupt(signal.SIGPROF, False)
        self._armed = True
        self.watch()
        return self

    def rest(self) -> None:
        """Stop the timer until `watch`: what its signal does would show in a reading."""
        if self._armed:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def watch(self) -> None:
        """Start the timer from the beginning."""
        if self._armed:
            signal.setitimer(signal.ITIMER_PROF, _EVERY_CPU_SECONDS, _EVERY_CPU_SECONDS)

    def _on_timer(self, _number: int, _frame: FrameType | None) -> None:
        with Unpatched():
            self.check()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the timer."""
        self.rest()
        if self._armed:
            self._armed = False
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
