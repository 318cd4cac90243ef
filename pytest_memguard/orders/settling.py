"""Waits until the threads that were woken wait again, so that it does not matter how fast they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import sleep  # bound: a test may patch it while it runs

from pytest_memguard.orders.owned_locks import OwnedLock
from pytest_memguard.orders.participant import BLOCKED, Participant

_SETTLE_SECONDS = 5e-5
"""The time between looks at a thread that woke up, until it comes to a line."""

_NAPS = 8
"""How often one thread is waited for that sleeps again and again: it is the clock that wakes it."""


class Settling:
    """Waits for blocked threads; `has_ended` is called with each of them that is gone."""

    def __init__(self, has_ended: Callable[[Participant], None]) -> None:
        self._has_ended = has_ended
        self._lock = OwnedLock()
        self.has_met_astray = False
        """Whether a thread was given up on, which came to no line for very long."""

    def settle(self, participants: Sequence[Participant], current: Participant | None) -> bool:
        """Wait until each blocked thread is blocked again, back at a line, or at its end.

        The thread with the turn may have woken them, by releasing a lock. Which thread gets the lock, and
        which are ready to run, must not depend on how long they take. Returns whether one was awake, and did
        more than to look at the clock or a file again. The current thread does not wait for itself.
        """
        found = False
        try:
            self._lock.acquire()  # the thread that watches, and one at a line, look by the same sightings
            for at in range(len(participants)):
                participant = participants[at]
                if participant is not current and _should_settle(participant):
                    _wait_until_settled(participant)
                    found = not participant.looks_again() or found
                    self.has_met_astray = self.has_met_astray or participant.is_astray
                if participant.state is BLOCKED and participant.has_ended():
                    self._has_ended(participant)
        finally:
            self._lock.release()
        return found

    def release(self) -> None:
        """Let another thread look, after an error from elsewhere has met this one."""
        self._lock.release()


def _is_awake(participant: Participant) -> bool:
    return participant.state is BLOCKED and participant.is_awake()


def _should_settle(participant: Participant) -> bool:
    return not participant.is_astray and participant.naps < _NAPS and _is_awake(participant)


def _wait_until_settled(participant: Participant) -> None:
    """Wait for a thread that woke up, unless it comes to no line for very long."""
    participant.seen.restart()
    participant.settling.restart()
    while _is_awake(participant) and not participant.has_ended():
        sleep(_SETTLE_SECONDS)
        is_blocked = participant.seen.is_blocked() and not participant.is_inside
        if is_blocked and participant.state is BLOCKED:
            participant.blocked_at = participant.seen.last
        elif participant.settling.is_up():
            participant.is_astray = True
            return
