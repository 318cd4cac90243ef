"""Watches threads that take turns: takes the turn from one that waits, and finds out where none can go on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from time import sleep

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.orders.blocking import nobody_moves
from pytest_memguard.orders.participant import ASTRAY_NS, Participant
from pytest_memguard.orders.progress import ASKED_NS, SECOND_NS, Progress, Stretch, cpu_ns_of
from pytest_memguard.orders.stacks import stacks_of_threads
from pytest_memguard.orders.started import Newcomer, StartedThreads
from pytest_memguard.orders.system_calls import waits_for_lock
from pytest_memguard.orders.turns import Turns
from pytest_memguard.orders.watched_time import WatchedTime

STUCK_SECONDS = 30.0

POLL_SECONDS = 0.0002
_HAS_CPU_CLOCKS = sys.platform == "linux"
_GLANCE_SECONDS = 0.05
_GLANCES = 10
_REST_NS = SECOND_NS
"""How long threads that the body has left running take turns after it."""

_IS_STALLED_BY_ERRORS = sys.version_info[:2] == (3, 11)
"""There, a traced or profiled thread enters no function while an error is to be raised in another thread."""

_STALLED_NS = SECOND_NS // 10

_Position = tuple[tuple[int, int, int], ...]


class DeadlockError(MemguardError):
    """Threads of a body did not come back in time; the message contains all stacks."""

    slug = "threads-stuck"


class TurnWatch:
    """Looks at the threads that take turns again and again, in the thread that waits for their end.

    `threads` are those that call the body, `participants` the same as they take turns, and `started` knows
    those that the body starts. How often it looks depends on the machine, so a look creates nothing that the
    interpreter keeps for reuse, or that the garbage collector counts.
    """

    def __init__(
        self,
        turns: Turns,
        threads: Sequence[threading.Thread],
        participants: Sequence[Participant],
        started: StartedThreads,
        *,
        stuck_seconds: float,
    ) -> None:
        self._turns = turns
        self._threads = threads
        self._participants = participants
        self._started = started
        self._stuck_seconds = stuck_seconds
        self._watched: Participant | None = None
        self._stretch = Stretch()
        self._progress = Progress(stuck_seconds)
        self.busy: set[int] = set()
        """The numbers of the threads that have not ended their call."""

    def begin(self) -> None:
        """Start a call of all threads."""
        self.busy = set(range(len(self._threads)))
        self._progress = Progress(self._stuck_seconds)

    def look(self) -> None:
        """Pass the turn on if the thread that has it waits; raises `DeadlockError` where none can go on."""
        self._pass_over_blocked()
        self._raise_if_stuck()

    def let_newcomers_rest(self) -> str:
        """Let threads that the body has started, and that still run, go on until they end or wait.

        Returns the name of one that does neither; empty where there is none.
        """
        self._turns.ends()
        watched = WatchedTime.up_to(_REST_NS)
        self._pass_over_blocked()
        while not self._turns.are_all_blocked and not watched.is_up():
            sleep(POLL_SECONDS)
            self._pass_over_blocked()
        running = self._turns.running()
        return running.name if isinstance(running, Newcomer) else ""

    def _pass_over_blocked(self) -> None:
        """Take the turn from a thread that was seen to wait for something else."""
        running, watched = self._turns.running(), self._watched
        self._watched = running
        if running is None:
            self._turns.take_up()
        elif running.has_ended():
            self._turns.has_ended(running)
        elif running is not watched:
            running.seen.restart()
        elif running.seen.is_blocked():
            self._turns.pass_over(running, running.seen.last)
            self._watched = None

    def _raise_if_stuck(self) -> None:
        """Raise `DeadlockError` where the threads cannot go on, or have not moved for too long."""
        progress = self._progress
        now_ns = progress.now_ns()
        if (
            progress.is_deadlock_due(now_ns, are_all_blocked=self._turns.are_all_blocked)
            and self._is_deadlock()
        ):
            raise DeadlockError(self._stacks("wait for locks that no other thread can release."))
        if progress.is_comparison_due(now_ns):
            self._pass_over_endless(now_ns)
            what = progress.stuck_at(self._cpu_ns() if _HAS_CPU_CLOCKS else self._position(), now_ns)
            if what:
                limit = f"The limit is thread_timeout ({self._stuck_seconds:g} s)"
                raise DeadlockError(self._stacks(f"{what}. {limit}."))

    def _pass_over_endless(self, now_ns: int) -> None:
        """Ask a thread for its turn that runs for very long, and take it away if it comes to no line."""
        running = self._turns.running()
        if running is None:
            return
        spent_ns = (cpu_ns_of(running) or 0) if _HAS_CPU_CLOCKS else now_ns
        self._stretch.look(running, self._turns.offered, spent_ns)
        if _IS_STALLED_BY_ERRORS and self._stretch.has_lasted(_STALLED_NS, spent_ns):
            self._turns.stir()
        running.is_asked = running.is_asked or self._stretch.has_lasted(ASKED_NS, spent_ns)
        if self._stretch.has_lasted(ASTRAY_NS, spent_ns):
            self._turns.pass_over(running, running.seen.last, is_astray=True)

    def _is_deadlock(self) -> bool:
        """Say whether the threads wait for locks, and no other thread of the process will go on by itself."""
        if not all(waits_for_lock(self._participants[number].watch.look()) for number in self.busy):
            return False
        idle = {thread for number, thread in enumerate(self._threads) if number not in self.busy}
        others = set(threading.enumerate()) - idle - {threading.current_thread()}
        return nobody_moves([thread.native_id or 0 for thread in others])

    def _cpu_ns(self) -> int:
        """Return the CPU time of the threads that have not ended, in nanoseconds.

        Asking for their frames would create frame objects, on CPython 3.11 and later, which the test's own
        lines would then not have to create.
        """
        cpu_ns = 0
        for number in range(len(self._participants)):
            if number in self.busy:
                cpu_ns += cpu_ns_of(self._participants[number]) or 0
        for number in range(len(self._started.newcomers)):
            cpu_ns += cpu_ns_of(self._started.newcomers[number]) or 0
        return cpu_ns

    def _position(self) -> _Position:
        """Return the instructions at which the threads that have not ended are."""
        frames = sys._current_frames()  # noqa: SLF001 - the documented way to another thread's stack
        busy = (self._threads[number].ident for number in sorted(self.busy))
        return tuple(
            (ident, id(frame), frame.f_lasti)
            for ident in busy
            if ident is not None and (frame := frames.get(ident)) is not None
        )

    def moving(self) -> set[int]:
        """Return the threads inside a call that move.

        The others are not interrupted: on CPython 3.11, under a tracer, an error that is pending in a
        thread that never runs again keeps the other threads from going on.
        """
        moving: set[int] = set()
        before = self._progress_by_thread()
        for _ in range(_GLANCES if before else 0):
            sleep(_GLANCE_SECONDS)
            for ident, now in self._progress_by_thread().items():
                if now is not None and now != before.get(ident):
                    moving.add(ident)
            if len(moving) == len(before):
                break
        return moving

    def _progress_by_thread(self) -> Mapping[int, object]:
        """Return the CPU time of each thread that has not ended, or its instruction if that is not known.

        A loop may be interrupted at the same instruction each time.
        """
        if not _HAS_CPU_CLOCKS:
            return {ident: (frame, instruction) for ident, frame, instruction in self._position()}
        return {
            self._threads[number].ident or 0: cpu_ns_of(self._participants[number]) for number in self.busy
        }

    def _stacks(self, what: str) -> str:
        idle = {thread.ident for number, thread in enumerate(self._threads) if number not in self.busy}
        return (
            f"{len(self.busy)} of {len(self._threads)} threads {what} All threads:\n"
            f"{stacks_of_threads({*idle, threading.get_ident()})}"
        )
