"""One thread that takes turns: what it does, where it is, and what was seen of it."""

from __future__ import annotations

from _thread import allocate_lock
from array import array
from enum import Enum
from time import sleep  # bound: a test may patch it while it runs

from pytest_memguard.orders.blocking import UNSEEN, Look, Sightings, ThreadWatch
from pytest_memguard.orders.system_calls import sleeps, waits_for_lock
from pytest_memguard.orders.visited_lines import Passage, Path
from pytest_memguard.orders.watched_time import WatchedTime

ASTRAY_NS = 10_000_000_000
"""How long a thread may run and come to no line before it is astray: nobody waits for it any more."""


_STIRS = 1_000
_STIR_SECONDS = 1e-4


class State(Enum):
    """What one thread does."""

    WAITING = "waits for its turn"
    RUNNING = "has the turn"
    BLOCKED = "lost the turn while it waited for something else"
    SLEEPING = "sleeps, and gave up its turn for that"
    RESTED = "has slept, and waits for the others that sleep"
    DONE = "has ended"


WAITING = State.WAITING
RUNNING = State.RUNNING
BLOCKED = State.BLOCKED
SLEEPING = State.SLEEPING
RESTED = State.RESTED
DONE = State.DONE
"""The states by names of their own: CPython 3.11 makes objects to find a member of an enumeration."""


class Participant:
    """One thread that takes turns; its gate opens when it gets one.

    `is_inside` says that it runs memguard's own code, `is_asked` that it has had the turn for very long, and
    `is_astray` that it runs without a turn, where it comes to no line. `is_idle` says that it has looked in
    vain for threads that woke up, at its last line, so often that it now looks seldom. `is_collecting` says
    that it collects garbage: nobody else can until it has, so its finalizers offer no turn. `is_due` says
    that it offers its turn at its last line, `is_stirred` that its gate opened for no turn, and `is_told`
    that its end is known. `naps` is how often it slept since its last line, and woke up. `wakes_at_us` holds
    one number: when it wakes up in decided time, in microseconds.
    """

    __slots__ = (
        "_changes_seen",
        "blocked_at",
        "gate",
        "is_asked",
        "is_astray",
        "is_collecting",
        "is_due",
        "is_idle",
        "is_inside",
        "is_stirred",
        "is_told",
        "naps",
        "number",
        "path",
        "seen",
        "settling",
        "stands",
        "state",
        "wakes_at_us",
        "watch",
    )

    def __init__(self, number: int, watch: ThreadWatch) -> None:
        self.number = number
        self.watch = watch
        self.seen = Sightings(watch)
        self.gate = allocate_lock()
        self.gate.acquire()
        self.state = DONE
        self.blocked_at: Look = UNSEEN
        self.settling = WatchedTime.up_to(ASTRAY_NS)
        self.path = Path()
        self.stands: Passage | None = None
        self.is_inside = self.is_asked = self.is_astray = self.is_idle = self.is_collecting = False
        self.is_due = True
        self.is_stirred = self.is_told = False
        self._changes_seen = self.naps = 0
        self.wakes_at_us = array("Q", (0,))  # a number that is made later would be memory of the test

    def see_by(self, watch: ThreadWatch) -> None:
        """Look at the thread by another watch."""
        self.watch = watch
        self.seen = Sightings(watch)

    def has_ended(self) -> bool:
        """Say whether the thread is gone; one that calls the body tells its end itself."""
        return False

    def begin(self) -> None:
        """Prepare for a call."""
        self.path = Path()
        self.stands = None
        self._changes_seen = self.naps = 0
        self.is_inside = self.is_asked = self.is_astray = self.is_idle = self.is_collecting = False
        self.is_told = False
        self.state = WAITING

    def stir(self) -> None:
        """Open the gate until the thread comes through it, for a moment; it then waits there again."""
        self.is_stirred = True
        self.gate.release()
        for _ in range(_STIRS):
            if self.gate.locked():
                return
            sleep(_STIR_SECONDS)
        if self.gate.acquire(blocking=False):
            self.is_stirred = False

    def should_look_around(self, changes: int) -> bool:
        """Say whether to look for threads that woke up, at the line that `path` came to last.

        In a long loop, many looks find nothing. After that many at this line and at the one before it, more
        of them are rare. Both count, since the code between the two lines may wake a thread. `changes` is how
        often a thread was blocked or came back so far.
        """
        if changes != self._changes_seen:
            return True
        was_idle, self.is_idle = self.is_idle, self.path.is_looked_at_in_vain()
        return not (was_idle and self.is_idle)

    def looked_around(self, changes: int, *, found: bool) -> None:
        """Remember a look at the blocked threads; look at every line again if it `found` one awake."""
        if found or changes != self._changes_seen:
            self._changes_seen = changes
            self.is_idle = False
            self.path.forget_looks()

    def is_awake(self) -> bool:
        """Say whether a thread that was blocked has gone on by now.

        One inside memguard's own code has, even if it sleeps there: it waits for a thread that it starts.
        """
        return self.is_inside or not self.watch.waits_at(self.blocked_at)

    def looks_again(self) -> bool:
        """Say whether a thread that woke up waits again, for the clock or a file: none of the others woke it.

        Where the system does not tell, it may wait for a lock.
        """
        if self.state is not BLOCKED or self.is_astray or self.has_ended():
            return False
        self.naps += sleeps(self.blocked_at)
        return isinstance(self.blocked_at, bytes) and not waits_for_lock(self.blocked_at)
