"""Lets one of several threads run at a time, and passes the turn on at lines of the project's code."""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Sequence
from enum import Enum
from os import getpid  # bound: a test may patch them while it runs
from time import sleep
from types import CodeType

from pytest_memguard.orders.blocking import Look, Sightings, ThreadWatch
from pytest_memguard.orders.order import Order
from pytest_memguard.orders.places import Place
from pytest_memguard.orders.visited_lines import Meetings, Passage, Path
from pytest_memguard.orders.watched_time import WatchedTime

MOST_SWITCH_POINTS = 20_000
"""The most turns in one call of all threads, to limit the cost; then each runs on until it ends or waits."""

_SETTLE_SECONDS = 5e-5
_ASTRAY_NS = 10_000_000_000
"""How long to wait for a thread that woke up to come to a line; it may itself wait for others."""


class State(Enum):
    """What one thread does."""

    WAITING = "waits for its turn"
    RUNNING = "has the turn"
    BLOCKED = "lost the turn while it waited for something else"
    DONE = "has ended"


class Participant:
    """One thread that takes turns; its gate opens when it gets one.

    `is_inside` says that it runs memguard's own code, `is_asked` that it has had the turn for very long, and
    `is_astray` that it runs without a turn, where it comes to no line. `is_idle` says that it has looked in
    vain for threads that woke up, at its last line, so often that it now looks seldom.
    """

    __slots__ = (
        "_changes_seen",
        "blocked_at",
        "gate",
        "is_asked",
        "is_astray",
        "is_idle",
        "is_inside",
        "number",
        "path",
        "seen",
        "stands",
        "state",
        "watch",
    )

    def __init__(self, number: int, watch: ThreadWatch) -> None:
        self.number = number
        self.watch = watch
        self.seen = Sightings(watch)
        self.gate = allocate_lock()
        self.gate.acquire()
        self.state = State.DONE
        self.blocked_at = Look()
        self.path = Path()
        self.stands: Passage | None = None
        self.is_inside = self.is_asked = self.is_astray = self.is_idle = False
        self._changes_seen = 0

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
        self._changes_seen = 0
        self.is_inside = self.is_asked = self.is_astray = self.is_idle = False
        self.state = State.WAITING

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
        return self.is_inside or not self.still_waits(self.blocked_at)

    def still_waits(self, seen: Look) -> bool:
        """Say whether the thread still waits where it was seen."""
        return self.watch.look(seen).is_at(seen.where) and self.watch.is_asleep()


class Turns:
    """Decides which thread runs.

    `wait`, `is_due`, `line` and `end` are called by the threads themselves, the other methods by the thread
    that watches them. A thread that waits for a lock, a socket or the clock while it has the turn loses the
    turn; the thread that watches finds this out and calls `pass_over`.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._participants: list[Participant] = []
        self._mutex = allocate_lock()
        self._settling = allocate_lock()
        self._process = getpid()
        self._left = 0
        self.blocked = self._changes = 0
        self._is_open = False
        self.passed = self.offered = 0
        self.most = MOST_SWITCH_POINTS
        self.is_bound_reached = self.is_by_speed = False
        self._last: int | None = None
        self.meetings = Meetings()

    def begin(self, participants: Sequence[Participant], newcomers: Sequence[Participant] = ()) -> None:
        """Start a call: all wait, and the first one gets the turn.

        Newcomers were started in an earlier call, and run now or wait for something.
        """
        with self._mutex:  # newcomers may come to a line
            self._participants = [*participants]
            self._order.begin(len(participants))
            self._left, self._is_open, self._last = self.most, True, None
            self.blocked = self._changes = self.passed = self.offered = 0
            self.meetings = Meetings()
            for participant in participants:
                participant.begin()
            for newcomer in newcomers:
                self._add(newcomer, is_older=True)
                newcomer.state, newcomer.blocked_at = State.BLOCKED, Look()
                self.blocked += 1
            self._give(self._next())

    def joins(self, newcomer: Participant) -> None:
        """Add a thread that waits for its first turn."""
        with self._mutex:
            self._add(newcomer, is_older=False)
            if not self._is_open:
                newcomer.state = State.RUNNING
                newcomer.gate.release()

    def _add(self, newcomer: Participant, *, is_older: bool) -> None:
        newcomer.number = len(self._participants)
        newcomer.begin()
        self._order.joins(newcomer.number, is_older=is_older)
        self._participants.append(newcomer)

    def wait(self, participant: Participant) -> None:
        """Wait for the turn."""
        participant.gate.acquire()

    def is_due(self, participant: Participant, code: CodeType, number: int) -> bool:
        """Say whether `line` must be called here. This is called at each line and return, so it is short."""
        if participant.path.comes_to(code, number):
            participant.is_idle = False
            return True
        if participant.state is not State.RUNNING or participant.is_asked:
            return True
        return self.blocked > 0 and participant.should_look_around(self._changes)

    def line(self, participant: Participant, code: CodeType, number: int) -> None:
        """Offer the turn at a line or a return; a thread that has lost the turn waits for it."""
        if getpid() != self._process:
            return  # a forked child is alone
        if participant.state is State.DONE:
            return  # this is another thread, with the identifier of one that has ended
        participant.is_inside = True
        participant.path.arrives(code, number)
        has_to_wait = (
            participant.state is not State.RUNNING or self._offers(participant, (id(code), number))
        ) and self._hand_over(participant)
        participant.is_inside = False
        if has_to_wait:
            self.wait(participant)

    def _offers(self, participant: Participant, place: Place) -> bool:
        """Say whether the thread that has the turn offers it at a line; look for threads that woke up."""
        is_asked, participant.is_asked = participant.is_asked, False
        self.is_by_speed = self.is_by_speed or is_asked
        is_offered = is_asked or (self._left > 0 and participant.path.offers(place))
        if self.blocked:
            found = self._settle(participant)
            participant.looked_around(self._changes, found=found)
        if not is_offered:
            return False
        self.offered += 1
        self._left = max(0, self._left - 1)
        self.is_bound_reached = self.is_bound_reached or self._left == 0
        if is_asked or participant.path.is_far_in_a_loop(place):
            self._order.steps_aside(participant.number)
        return True

    def _hand_over(self, participant: Participant) -> bool:
        """Give the turn to the next thread; say whether the thread that came to a line has to wait."""
        with self._mutex:
            if not self._is_open:
                return False
            had_turn, participant.state = participant.state is State.RUNNING, State.WAITING
            self.meetings.stands(participant.path.passage)
            participant.stands = participant.path.passage
            participant.is_astray = False
            if not had_turn:
                self.blocked -= 1
                self._changes += 1
                return True
            chosen = self._next()
            if chosen is participant:
                participant.state = State.RUNNING
                self._leaves(participant)
                return False
            self.passed += 1
            self._give(chosen)
            return True

    def end(self, participant: Participant) -> None:
        """Remove a thread that has ended, and give its turn to another."""
        if getpid() != self._process:
            return
        participant.is_inside = True
        if participant.state is State.RUNNING:
            self._settle(participant)
        with self._mutex:
            had_turn, participant.state = participant.state is State.RUNNING, State.DONE
            self.blocked -= not had_turn
            if had_turn and self._is_open:
                self._give(self._next())

    def has_ended(self, newcomer: Participant) -> None:
        """Remove a thread that is gone; if it had the turn, no thread has it."""
        with self._mutex:
            self.blocked -= newcomer.state is State.BLOCKED
            newcomer.state = State.DONE

    @property
    def are_all_blocked(self) -> bool:
        """Whether every thread that has not ended waits for something else than its turn."""
        return all(one.state in (State.BLOCKED, State.DONE) for one in self._participants)

    def let_go(self) -> None:
        """Let every thread run on without turns."""
        with self._mutex:
            self._is_open = False
            for participant in self._participants:
                if participant.state is State.WAITING:
                    participant.state = State.RUNNING
                    participant.gate.release()

    def running(self) -> Participant | None:
        """Return the thread that has the turn."""
        for one in self._participants:
            if one.state is State.RUNNING:
                return one
        return None

    def pass_over(self, participant: Participant, look: Look, *, is_astray: bool = False) -> None:
        """Take the turn from a thread that was seen to wait for something else; give it to another.

        `is_astray` says that it runs, and comes to no line. One that was seen to wait for its turn, and has
        been given it since, keeps it: nobody gives a turn while this looks again. Threads that it has woken
        before it waited are waited for: which of them are ready must not depend on how fast they are.
        """
        self._settle(participant)
        with self._mutex:
            if (
                participant.state is State.RUNNING
                and not participant.is_inside
                and (is_astray or participant.still_waits(look))
            ):
                participant.state = State.BLOCKED
                participant.is_astray = is_astray
                participant.blocked_at = look
                self.blocked += 1
                self._changes += 1
                self.is_by_speed = self.is_by_speed or is_astray
                self._give(self._next())

    def take_up(self) -> None:
        """If no thread has the turn, give it to one that came back from waiting, if there is any."""
        if self.running() is None:
            self._settle(None)
            with self._mutex:
                if self.running() is None:
                    self._give(self._next())

    def _settle(self, current: Participant | None) -> bool:
        """Wait until each blocked thread is blocked again, back at a line, or at its end.

        The thread with the turn may have woken them, by releasing a lock. Which thread gets the lock, and
        which are ready to run, must not depend on how long they take. Returns whether one was awake. The
        current thread does not wait for itself.
        """
        found = False
        with self._settling:  # the thread that watches, and one at a line, look by the same sightings
            for participant in self._participants:
                if participant is not current and not participant.is_astray and _is_awake(participant):
                    found = True
                    _wait_until_settled(participant)
                    self.is_by_speed = self.is_by_speed or participant.is_astray
                if participant.state is State.BLOCKED and participant.has_ended():
                    self.has_ended(participant)
        return found

    def _next(self) -> Participant | None:
        """Choose the thread that runs after the one that had the last turn."""
        ready = [one.number for one in self._participants if one.state is State.WAITING]
        return self._participants[self._order.next(ready, self._last)] if ready else None

    def _give(self, participant: Participant | None) -> None:
        if participant is not None:
            self._leaves(participant)
            self._last = participant.number
            participant.state = State.RUNNING
            participant.gate.release()

    def _leaves(self, participant: Participant) -> None:
        self.meetings.leaves(participant.stands)
        participant.stands = None


def _is_awake(participant: Participant) -> bool:
    return participant.state is State.BLOCKED and participant.is_awake()


def _wait_until_settled(participant: Participant) -> None:
    """Wait for a thread that woke up, unless it comes to no line for very long."""
    participant.seen.restart()
    waited = WatchedTime()
    while _is_awake(participant) and not participant.has_ended():
        sleep(_SETTLE_SECONDS)
        is_blocked = participant.seen.is_blocked() and not participant.is_inside
        if is_blocked and participant.state is State.BLOCKED:
            participant.blocked_at = participant.seen.last
        elif waited.look() >= _ASTRAY_NS:
            participant.is_astray = True
            return
