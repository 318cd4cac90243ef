"""Measures the time that somebody saw pass by looking again and again, without pauses of the process."""

from __future__ import annotations

import time

clock_ns = getattr(time, "clock_gettime_ns", time.monotonic_ns)
CLOCK = (time.CLOCK_MONOTONIC,) if hasattr(time, "clock_gettime_ns") else ()
"""The clock of the system, to be read as `clock_ns(*CLOCK)`.

Libraries that freeze time, and tests that patch it, leave this function alone. The arguments are made once: a
tuple would come from the free list of the interpreter.
"""

_MOMENT_NS = 1_000_000
_LEAST_LOOKS = 50


class WatchedTime:
    """How long somebody has looked on, in nanoseconds.

    Each look counts for `most_ns` at most. Time that passed unseen says nothing of the thread that is looked
    at: it was paused too, or waited for a processor as well.
    """

    __slots__ = ("_last_ns", "_most_ns", "_ns")

    def __init__(self, most_ns: int = _MOMENT_NS) -> None:
        self._most_ns = most_ns
        self.restart()

    @classmethod
    def up_to(cls, limit_ns: int) -> WatchedTime:
        """Return one for a limit of seconds, where looks may take long since other threads never wait."""
        return cls(max(limit_ns // _LEAST_LOOKS, _MOMENT_NS))

    def restart(self) -> None:
        """Count from zero."""
        self._last_ns = clock_ns(*CLOCK)
        self._ns = 0

    def look(self) -> int:
        """Return the time that has been seen to pass up to now."""
        now_ns = clock_ns(*CLOCK)
        unseen_ns = now_ns - self._last_ns
        if unseen_ns > self._most_ns:  # noqa: PLR1730 - `min` takes a tuple
            unseen_ns = self._most_ns
        self._ns += unseen_ns
        self._last_ns = now_ns
        return self._ns
