"""Measures the time that somebody saw pass by looking again and again, without pauses of the process."""

from __future__ import annotations

import time

clock_ns = getattr(time, "clock_gettime_ns", time.monotonic_ns)
CLOCK = (time.CLOCK_MONOTONIC,) if hasattr(time, "clock_gettime_ns") else ()
"""The clock of the system, to be read as `clock_ns(*CLOCK)`.

Libraries that freeze time, and tests that patch it, leave this function alone. The arguments are made once: a
tuple would come from the free list of the interpreter.
"""

START_NS = 1 << 40
"""What times count from, and limits with them: CPython 3.14 keeps integers below 2 ** 30 for reuse.

Whoever watches the threads of a test creates none of those, which they would miss. So times are compared with
the time at which something is due; differences would be small.
"""

_MOMENT_NS = 1_000_000
_LEAST_LOOKS = 50


class WatchedTime:
    """How long somebody has looked on, and whether that is `limit_ns` by now.

    Each look counts for `most_ns` at most. Time that passed unseen says nothing of the thread that is looked
    at: it was paused too, or waited for a processor as well.
    """

    __slots__ = ("_end_ns", "_last_ns", "_most_ns", "_ns")

    def __init__(self, limit_ns: int, *, most_ns: int = _MOMENT_NS) -> None:
        self._end_ns = START_NS + limit_ns
        self._most_ns = most_ns
        self.restart()

    @classmethod
    def up_to(cls, limit_ns: int) -> WatchedTime:
        """Return one for a limit of seconds, where looks may take long since other threads never wait."""
        return cls(limit_ns, most_ns=max(limit_ns // _LEAST_LOOKS, _MOMENT_NS))

    def restart(self) -> None:
        """Count from the start."""
        self._last_ns = clock_ns(*CLOCK)
        self._ns = START_NS

    def look(self) -> int:
        """Return the time that has been seen to pass up to now, in nanoseconds since `START_NS`."""
        now_ns = clock_ns(*CLOCK)
        if now_ns > self._last_ns + self._most_ns:
            self._ns += self._most_ns
        else:
            self._ns = self._ns + now_ns - self._last_ns  # in this order
        self._last_ns = now_ns
        return self._ns

    def is_up(self) -> bool:
        """Look, and say whether the limit is reached."""
        return self.is_up_at(self.look())

    def is_up_at(self, seen_ns: int) -> bool:
        """Say whether the limit was reached at a time that a look returned."""
        return seen_ns >= self._end_ns
