"""Whether the threads of a call go on: when they last moved, and whether one keeps the turn for very long."""

from __future__ import annotations

from pytest_memguard.orders.participant import Participant
from pytest_memguard.orders.watched_time import START_NS, WatchedTime, clock_ns

SECOND_NS = 1_000_000_000

_HARD_FACTOR = 10
"""A call may take this many times as long as its threads may stand still."""

_MOVED_NS = 250_000_000
"""The time between comparisons of the threads' positions, which find threads that do not move."""

_DEADLOCK_NS = 500_000_000
"""How long all threads must have been blocked before a deadlock is looked for."""

ASKED_NS = 5 * SECOND_NS
"""How long a thread may keep the turn before it is asked to offer it; after `ASTRAY_NS` it loses it."""


class Progress:
    """When the threads of one call last moved, and when to check again.

    Times are those of `WatchedTime`, in which the process was not paused.
    """

    __slots__ = ("_all_blocked_since", "_compared", "_every", "_limit", "_moved", "_position", "_watched")

    def __init__(self, stuck_seconds: float) -> None:
        self._moved = self._compared = START_NS
        self._limit = round(stuck_seconds * SECOND_NS)
        self._every = min(_MOVED_NS, self._limit // 4)
        self._watched = WatchedTime(_HARD_FACTOR * self._limit, most_ns=self._every)
        self._all_blocked_since: int | None = None
        self._position: object = None

    def now_ns(self) -> int:
        """Return the time; it is to be asked for again and again."""
        return self._watched.look()

    def is_deadlock_due(self, now_ns: int, *, are_all_blocked: bool) -> bool:
        """Say whether all threads have been blocked long enough to look for a deadlock."""
        if not are_all_blocked:
            self._all_blocked_since = None
        elif self._all_blocked_since is None:
            self._all_blocked_since = now_ns
        elif now_ns >= self._all_blocked_since + _DEADLOCK_NS:
            self._all_blocked_since = now_ns
            return True
        return False

    def is_comparison_due(self, now_ns: int) -> bool:
        """Say whether to compare the positions of the threads."""
        if now_ns < self._compared + self._every:
            return False
        self._compared = now_ns
        return True

    def stuck_at(self, position: object, now_ns: int) -> str:
        """Say what is wrong with the threads; empty while their position, or their CPU time, changes."""
        if position != self._position:
            self._position, self._moved = position, now_ns
        if now_ns >= self._moved + self._limit:
            return f"have not moved for {(now_ns - self._moved) / SECOND_NS:.1f} s"
        if self._watched.is_up_at(now_ns):
            return f"did not end within {(now_ns - START_NS) / SECOND_NS:.1f} s"
        return ""


class Stretch:
    """How long one thread has had the turn without offering it.

    It may wait in a loop for what another thread does. So it is asked to offer its turn at its next line.
    If it comes to no line, it loses the turn and goes on without one.
    """

    __slots__ = ("_begun_ns", "_offered", "_running")

    def __init__(self) -> None:
        self._running: Participant | None = None
        self._offered = 0
        self._begun_ns = 0

    def look(self, running: Participant, offered: int, spent_ns: int) -> None:
        """Begin anew with another thread, or after an offer; `offered` counts all of them so far.

        `spent_ns` is the time that the thread has spent, or any time that passes with it.
        """
        if running is not self._running or offered != self._offered:
            self._running, self._offered, self._begun_ns = running, offered, spent_ns

    def has_lasted(self, limit_ns: int, spent_ns: int) -> bool:
        """Say whether it has lasted for so long."""
        return spent_ns >= self._begun_ns + limit_ns


def cpu_ns_of(participant: Participant) -> int | None:
    """Return the CPU time of a thread, in nanoseconds on top of `START_NS`; None if it has ended."""
    try:
        return START_NS + clock_ns(*participant.watch.cpu_clock)
    except OSError:
        return None
