"""Lets one of several threads run at a time, and passes the turn on at lines of the project's code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import CodeType

from pytest_memguard.orders.blocking import UNSEEN, Look
from pytest_memguard.orders.order import Order
from pytest_memguard.orders.own_process import OwnProcess
from pytest_memguard.orders.owned_locks import UncollectedLock
from pytest_memguard.orders.participant import BLOCKED, DONE, RESTED, RUNNING, SLEEPING, WAITING, Participant
from pytest_memguard.orders.places import Place
from pytest_memguard.orders.settling import Settling
from pytest_memguard.orders.sleepers import Sleepers
from pytest_memguard.orders.visited_lines import Meetings, Passage

MOST_SWITCH_POINTS = 20_000
"""The most turns in one call of all threads, to limit the cost; then each runs on until it ends or waits."""


class Turns:
    """Decides which thread runs.

    `wait`, `is_due`, `line`, `falls_asleep`, `wakes` and `end` are called by the threads themselves, the
    other methods by the thread that watches them. One that waits for a lock or a socket loses the turn; the
    thread that watches finds this out and calls `pass_over`. What is done again and again, until a thread is
    blocked or comes to a line, creates no objects that the garbage collector counts.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._participants: list[Participant] = []
        self._ready: list[int] = []
        self._mutex = UncollectedLock()
        self._settling = Settling(self.has_ended)
        self._sleepers = Sleepers()
        self._process = OwnProcess()
        self._left = 0
        self.blocked = self._changes = self.passed = self.offered = 0
        self._is_open = self._is_free = False
        self.most = MOST_SWITCH_POINTS
        self.is_bound_reached = self._is_by_speed = False
        self._last: int | None = None
        self.meetings = Meetings()

    def begin(self, participants: Sequence[Participant], newcomers: Sequence[Participant] = ()) -> None:
        """Start a call: all wait, and the first one gets the turn.

        Newcomers were started in an earlier call, and run now or wait for something.
        """
        try:
            self._mutex.acquire()  # newcomers may come to a line
            self._participants = [*participants]
            self._order.begin(len(participants))
            self._left, self._is_open, self._last, self._is_free = self.most, True, None, False
            self.blocked = self._changes = self.passed = self.offered = 0
            self.meetings = Meetings()
            for participant in participants:
                participant.begin()
            for newcomer in newcomers:
                self._add(newcomer, is_older=True)
                newcomer.state, newcomer.blocked_at = BLOCKED, UNSEEN
                self.blocked += 1
            self._sleepers.begin()
            self._give(self._next())
        finally:
            self._mutex.release()

    def joins(self, newcomer: Participant) -> None:
        """Add a thread that waits for its first turn."""
        try:
            self._mutex.acquire()
            self._add(newcomer, is_older=False)
            if not self._is_open:
                newcomer.state = RUNNING
                newcomer.gate.release()
        finally:
            self._mutex.release()

    def _add(self, newcomer: Participant, *, is_older: bool) -> None:
        newcomer.number = len(self._participants)
        newcomer.begin()
        self._order.joins(newcomer.number, is_older=is_older)
        self._participants.append(newcomer)

    def wait(self, participant: Participant) -> None:
        """Wait for the turn, also where it is `stirred`."""
        participant.gate.acquire()
        while participant.is_stirred:
            participant.is_stirred = False
            participant.gate.acquire()

    def stir(self) -> None:
        """Let each thread that waits for a turn run for a moment, in which an error is raised that is due."""
        try:
            self._mutex.acquire()  # nobody gives a turn meanwhile
            for participant in self._participants:
                if participant.state in (WAITING, RESTED) or (
                    participant.state is DONE and not participant.has_ended()
                ):
                    participant.stir()
        finally:
            self._mutex.release()

    def is_due(self, participant: Participant, code: CodeType, number: int) -> bool:
        """Say whether `line` must be called here. This is called at each line and return, so it is short.

        What runs while garbage is collected is no part of the path: when that happens is not up to the body.
        """
        if participant.is_collecting and participant.state is RUNNING:
            return False
        participant.is_due = participant.path.comes_to(code, number)
        if participant.is_due:
            participant.is_idle = False
            return True
        if participant.state is not RUNNING or participant.is_asked:
            return True
        return self.blocked > 0 and participant.should_look_around(self._changes)

    def line(self, participant: Participant, code: CodeType, number: int) -> None:
        """Offer the turn at a line or a return; a thread that has lost the turn waits for it.

        If this line is only for a look around, which depends on how fast others are, it creates no objects.
        """
        if self._process.is_child_of_os_fork() or (participant.is_due and self._process.is_child()):
            return  # a forked child is alone
        if participant.state is DONE:
            return  # this is another thread, with the identifier of one that has ended
        try:
            participant.is_inside = True
            if self.blocked and participant.state is RUNNING:
                found = self._settling.settle(self._participants, participant)
                participant.looked_around(self._changes, found=found)
            is_due = participant.is_due or participant.is_asked or participant.state is not RUNNING
            has_to_wait = is_due and self._decide(participant, code, number)
            participant.is_inside = False
            if has_to_wait:
                self.wait(participant)
        except BaseException:  # raised from elsewhere, while this thread was inside
            self.runs_on(participant)
            raise

    def runs_on(self, participant: Participant) -> None:
        """Let a thread that an error has kept from its turn run on, until it comes to a line again."""
        try:
            self._mutex.acquire()
            participant.is_inside = participant.is_stirred = False
            participant.gate.acquire(blocking=False)  # it may have been opened since
            if participant.state in (SLEEPING, RESTED):
                self._sleepers.has_left()
            if participant.state in (WAITING, SLEEPING, RESTED):
                participant.state, participant.blocked_at = BLOCKED, UNSEEN
            self.blocked = sum(other.state is BLOCKED for other in self._participants)
            self._changes += 1
        finally:
            self._release()

    def _release(self) -> None:
        """Release what this thread still holds, after an error from elsewhere has met it inside."""
        self._settling.release()
        self._mutex.release()

    def _decide(self, participant: Participant, code: CodeType, number: int) -> bool:
        """Say whether a thread that came to a line has to wait for its turn; if so, another one gets it."""
        try:
            self._mutex.acquire()
            participant.path.arrives(code, number)
            had_turn = participant.state is RUNNING
            if not self._is_open or (had_turn and not self._offers(participant, (id(code), number))):
                return False
            return self._hand_over(participant, had_turn=had_turn)
        finally:
            self._mutex.release()

    def _offers(self, participant: Participant, place: Place) -> bool:
        """Say whether the thread that has the turn offers it at a line."""
        is_asked, participant.is_asked = participant.is_asked, False
        self._is_by_speed = self._is_by_speed or is_asked
        if not is_asked and not (self._left > 0 and participant.path.offers(place)):
            return False
        self.offered += 1
        self._left = max(0, self._left - 1)
        self.is_bound_reached = self.is_bound_reached or self._left == 0
        is_far = is_asked or participant.path.is_far_in_a_loop(place)
        self._sleepers.turn_is_offered(is_far_in_a_loop=is_far)
        if is_far:
            self._order.steps_aside(participant.number)
        return True

    def _hand_over(self, participant: Participant, *, had_turn: bool) -> bool:
        """Give the turn to the next thread; say whether the thread that came to a line has to wait."""
        participant.state = WAITING
        self.meetings.stands(participant.path.passage, self._others_in(participant.path.passage, participant))
        participant.stands = participant.path.passage
        participant.is_astray = False
        participant.naps = 0
        if not had_turn:
            self.blocked -= 1
            self._changes += 1
            return True
        chosen = self._next()
        if chosen is participant:
            participant.state = RUNNING
            self._leaves(participant)
            return False
        self.passed += 1
        self._give(chosen)
        return True

    def _others_in(self, passage: Passage, this: Participant) -> int:
        """Count the others that are in a passage, but stand nowhere, such as those that sleep there."""
        count = 0
        for at in range(len(self._participants) if self.blocked or self._sleepers.have_slept else 0):
            other = self._participants[at]
            is_between = other is not this and other.stands is None and other.state is not DONE
            if is_between and other.path.is_in(passage):
                count += 1
        return count

    def end(self, participant: Participant, tell: Callable[[], None]) -> None:
        """Remove a thread that has ended, `tell` so, and give its turn to another.

        After an error from elsewhere it may be called again, and does what is left to do.
        """
        if self._process.is_child():
            return
        try:
            participant.is_inside = True
            if participant.state is RUNNING:
                self._settling.settle(self._participants, participant)
            self._end(participant, tell)
        except BaseException:  # raised from elsewhere, as above
            self._release()
            raise

    def _end(self, participant: Participant, tell: Callable[[], None]) -> None:
        try:
            self._mutex.acquire()
            if participant.state is not DONE:  # else an error from elsewhere has met it on the way
                had_turn = participant.state is RUNNING
                blocked = self.blocked - (not had_turn)
                participant.state, self._is_free, self.blocked = DONE, had_turn, blocked  # at once
            tell()  # now: next to the thread that gets the turn, nothing is created
            if self._is_free and self._is_open:
                self._give(self._next())
        finally:
            self._mutex.release()

    def has_ended(self, newcomer: Participant) -> None:
        """Remove a thread that is gone; if it had the turn, no thread has it."""
        try:
            self._mutex.acquire()
            self.blocked -= newcomer.state is BLOCKED
            newcomer.state = DONE
        finally:
            self._mutex.release()

    @property
    def are_all_blocked(self) -> bool:
        """Whether every thread that has not ended waits for something else than its turn."""
        for at in range(len(self._participants)):
            state = self._participants[at].state
            if state is WAITING or state is RUNNING or (state is RESTED and not self._sleepers.is_over):
                return False
        return True

    def let_go(self) -> None:
        """Let every thread run on without turns."""
        try:
            self._mutex.acquire()
            self._is_open = False
            for participant in self._participants:
                if participant.state is WAITING or participant.state is RESTED:
                    participant.state = RUNNING
                    participant.gate.release()
                elif participant.state is SLEEPING:
                    participant.state, participant.blocked_at = BLOCKED, UNSEEN
        finally:
            self._release()

    def running(self) -> Participant | None:
        """Return the thread that has the turn."""
        for at in range(len(self._participants)):
            if self._participants[at].state is RUNNING:
                return self._participants[at]
        return None

    def pass_over(self, participant: Participant, look: Look, *, is_astray: bool = False) -> None:
        """Take the turn from a thread that was seen to wait for something else; give it to another.

        `is_astray` says that it runs, and comes to no line. One that was seen to wait for its turn, and has
        been given it since, keeps it: nobody gives a turn while this looks again. Threads that it has woken
        are waited for first: which of them are ready must not depend on how fast they are.
        """
        self._settling.settle(self._participants, participant)
        try:
            self._mutex.acquire()
            if (
                participant.state is RUNNING
                and not participant.is_inside
                and (is_astray or participant.watch.waits_at(look))
            ):
                participant.state = BLOCKED
                participant.is_astray = is_astray
                participant.blocked_at = look
                self.blocked += 1
                self._changes += 1
                self._is_by_speed = self._is_by_speed or is_astray
                self._give(self._next())
        finally:
            self._mutex.release()

    def take_up(self) -> None:
        """If no thread has the turn, give it to one that came back from waiting, if there is any."""
        if self.running() is None:
            self._settling.settle(self._participants, None)
            try:
                self._mutex.acquire()
                if self.running() is None:
                    self._give(self._next())
            finally:
                self._mutex.release()

    def settles(self, participant: Participant) -> bool:
        """Wait, within a line, for the threads that one has woken; say whether it has the turn, and should.

        It should not while it is inside already, or in a finalizer: then others may wait for it.
        """
        if participant.state is not RUNNING or participant.is_inside or participant.is_collecting:
            return False
        if self.blocked:
            participant.is_inside = True
            self._settling.settle(self._participants, participant)
            participant.is_inside = False
        return True

    def falls_asleep(self, participant: Participant, seconds: float) -> bool:
        """Give the turn of a thread that is about to sleep to another; False where it has none to give."""
        if not self.settles(participant):
            return False
        try:
            participant.is_inside = True
            self._mutex.acquire()
            if not self._is_open or participant.state is not RUNNING:
                return False
            self._sleepers.falls_asleep(participant, seconds)
            self._give(self._next())
            return True
        finally:
            participant.is_inside = False
            self._mutex.release()

    def wakes(self, participant: Participant) -> None:
        """Wait, after it has slept, until it goes on by turns."""
        try:
            self._mutex.acquire()
            if participant.state is not SLEEPING:
                return  # the call has ended meanwhile
            participant.state = RESTED
        finally:
            self._mutex.release()
        self.wait(participant)

    def ends(self) -> None:
        """Have no thread wake up any more by turns: those that called the body have ended."""
        self._sleepers.is_over = True

    @property
    def is_by_speed(self) -> bool:
        """Whether a thread was given up on, so that the order depended on the speed of the machine."""
        return self._is_by_speed or self._settling.has_met_astray

    def _next(self) -> Participant | None:
        """Choose the thread that runs after the one that had the last turn."""
        if self._sleepers.hold_up(self._participants):
            return None
        if not self._find_ready() and self._sleepers.wake(self._participants):
            self._find_ready()
        return self._participants[self._order.next(self._ready, self._last)] if self._ready else None

    def _find_ready(self) -> bool:
        self._ready.clear()
        for at in range(len(self._participants)):
            if self._participants[at].state is WAITING:
                self._ready.append(at)
        return bool(self._ready)

    def _give(self, participant: Participant | None) -> None:
        if participant is not None:
            self._leaves(participant)
            self._last = participant.number
            self._mutex.let_collect()
            participant.state, self._is_free = RUNNING, False  # at once, and what follows runs no Python
            participant.gate.release()

    def _leaves(self, participant: Participant) -> None:
        self.meetings.leaves(participant.stands)
        participant.stands = None
