"""Threads that sleep wake up in the order of what they sleep, however fast the machine is."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_memguard.orders.participant import RESTED, SLEEPING, WAITING, Participant

LONGEST_SECONDS = 1.0
"""Sleeps of more than this end by the clock: the others may have to wait for the end of one."""

_MOST_OFFERS = 64
"""After so many offered turns, those who sleep go on: a thread may look for what one of them does."""

_US = 1_000_000
_NEVER_US = 1 << 63


class Sleepers:
    """Decides when threads that sleep go on.

    By the clock, it is chance how far the others have come when a thread wakes up, and which of two wakes up
    first on a busy machine. Here time stands still while any thread can run. When none can, those go on
    together that are to wake up next, and it is their time. No thread goes on before it has really slept.
    Like the rest of what is done again and again, this creates no objects that the garbage collector counts.
    """

    def __init__(self) -> None:
        self._now_us = 0
        self._left = 0
        self.asleep = 0
        """How many threads sleep, or have slept and not gone on yet."""
        self.have_slept = False
        """Whether any thread slept in this call."""
        self.are_due = False
        """Whether they go on next, though others can run."""
        self.is_over = False
        """Whether the call ends, so that nobody is woken any more."""

    def begin(self) -> None:
        """Start a call, in which nobody sleeps yet."""
        self._now_us = self.asleep = 0
        self.are_due = self.is_over = self.have_slept = False

    def falls_asleep(self, participant: Participant, seconds: float) -> None:
        """Take in a thread that sleeps from now on."""
        participant.state = SLEEPING
        participant.wakes_at_us[0] = self._now_us + round(seconds * _US)
        if not self.asleep:
            self._left = _MOST_OFFERS
        self.asleep += 1
        self.have_slept = True

    def has_left(self) -> None:
        """Forget a thread whose sleep an error has ended."""
        self.asleep -= 1

    def turn_is_offered(self, *, is_far_in_a_loop: bool) -> None:
        """Count an offer by a thread that can run; such a thread may wait in a loop for one that sleeps."""
        if self.asleep:
            self._left -= 1
            self.are_due = self.are_due or self._left <= 0 or is_far_in_a_loop

    def hold_up(self, participants: Sequence[Participant]) -> bool:
        """Say whether the others have to wait: those who sleep go on next, and one of them still sleeps."""
        if self.are_due:
            self.wake(participants)
        return self.are_due

    def wake(self, participants: Sequence[Participant]) -> bool:
        """Have those go on that are to wake up next; say whether they do: not while one really sleeps."""
        if not self.asleep or self.is_over:
            self.are_due = False
            return False
        next_us = self._next_us(participants)
        for at in range(len(participants)):
            if participants[at].state is SLEEPING and participants[at].wakes_at_us[0] == next_us:
                return False
        for at in range(len(participants)):
            if participants[at].state is RESTED and participants[at].wakes_at_us[0] == next_us:
                participants[at].state = WAITING
                self.asleep -= 1
        self._now_us = next_us
        self._left = _MOST_OFFERS
        self.are_due = False
        return True

    def _next_us(self, participants: Sequence[Participant]) -> int:
        next_us = _NEVER_US
        for at in range(len(participants)):
            state = participants[at].state
            if (state is SLEEPING or state is RESTED) and participants[at].wakes_at_us[0] < next_us:
                next_us = participants[at].wakes_at_us[0]
        return next_us
