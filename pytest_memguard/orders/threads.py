"""Calls a body from several threads in a decided order; passes on errors and detects deadlocks."""

from __future__ import annotations

import contextlib
import ctypes
import queue
import sys
import threading
from _thread import allocate_lock
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from os import _exit, getpid  # bound: a test may patch them while it runs
from time import sleep
from types import TracebackType

from pytest_memguard.core.errors import MemguardError, noted
from pytest_memguard.orders.blocking import ThreadWatch, nobody_moves, waits_for_lock
from pytest_memguard.orders.line_sources import line_events
from pytest_memguard.orders.order import Order
from pytest_memguard.orders.participant import ASTRAY_NS, DONE, Participant
from pytest_memguard.orders.profiled import enter_tracing, leave_tracing, this_thread
from pytest_memguard.orders.progress import ASKED_NS, SECOND_NS, Progress, Stretch, cpu_ns_of
from pytest_memguard.orders.stacks import stacks_of_threads
from pytest_memguard.orders.started import Newcomer, StartedThreads
from pytest_memguard.orders.turns import Turns
from pytest_memguard.orders.visited_lines import Together, together_with
from pytest_memguard.orders.watched_time import CLOCK, WatchedTime, clock_ns

STUCK_SECONDS = 30.0

_POLL_SECONDS = 0.0002
_A_MOMENT = (True, _POLL_SECONDS)
"""Arguments for a lock, made once: others might come from the free lists that the threads use."""

_HAS_CPU_CLOCKS = sys.platform == "linux"
_GLANCE_SECONDS = 0.05
_GLANCES = 10
_REST_NS = SECOND_NS
"""How long threads that the body has left running take turns after it."""

_JOIN_NS = 2 * SECOND_NS

_IS_STALLED_BY_ERRORS = sys.version_info[:2] == (3, 11)
"""There, a traced or profiled thread enters no function while an error is to be raised in another thread."""

_STALLED_NS = SECOND_NS // 10

_Position = tuple[tuple[int, int, int], ...]


class DeadlockError(MemguardError):
    """Threads of a body did not come back in time; the message contains all stacks."""

    slug = "threads-stuck"


def _at_once(call: Callable[[], None]) -> None:
    call()


class OrderedThreads:
    """Calls `body` once from each of several threads, which take turns in a decided order.

    The turn passes at lines of files for which `is_own` is true. The threads live as long as the
    context, or from `open` to `close`: a meter that starts in between does not count what they need
    themselves. `above_room` calls what a thread does, with room on its stack of frames. What a thread
    raises is raised by the call, with the thread's traceback. Raises `DeadlockError` where all threads wait
    for locks that nobody can release, where none has moved for `stuck_seconds`, or where they take ten times
    as long; such threads are left behind.
    """

    def __init__(
        self,
        body: Callable[[], object],
        threads: int,
        *,
        order: Order,
        is_own: Callable[[str], bool],
        stuck_seconds: float = STUCK_SECONDS,
        above_room: Callable[[Callable[[], None]], object] = _at_once,
    ) -> None:
        self.body = body
        self._above_room = above_room
        self._stuck_seconds = stuck_seconds
        self._process = getpid()
        self._turns = Turns(order)
        self._lines = line_events(is_own)
        self._ended: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._raised: list[BaseException | None] = [None] * threads  # pairs in the queue would be counted
        self._participants: list[Participant] = []
        self._threads = [
            threading.Thread(
                target=self._begin, args=(number,), name=f"memguard {number + 1} of {threads}", daemon=True
            )
            for number in range(threads)
        ]
        self._ready = threading.Event()
        self._bell = allocate_lock()  # open where a thread has ended since
        self._bell.acquire()
        self._listen = self._bell.acquire  # made once: the garbage collector counts it
        self._started = StartedThreads(self._turns, self._lines, is_own)
        self._watched: Participant | None = None
        self._stretch = Stretch()
        self._busy: set[int] = set()
        self._is_open = self._closing = False
        self.never_rests = ""
        """The name of a thread that was started in the last call, and did not come to rest after it."""

    def __enter__(self) -> OrderedThreads:  # noqa: PYI034 - Self needs Python 3.11 or another dependency
        """Start the threads, unless they are."""
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the threads; one that is stuck in a call stays behind."""
        self.close()

    def open(self) -> None:
        """Start the threads, and wait until each waits for its first turn."""
        if self._is_open:
            return
        self._is_open = True
        self._lines.__enter__()
        for number, thread in enumerate(self._threads):
            thread.start()
            watch = ThreadWatch(thread.ident or 0, thread.native_id or 0)
            self._participants.append(Participant(number, watch))
        self._ready.set()
        for participant in self._participants:
            while not participant.seen.is_blocked():
                sleep(_POLL_SECONDS)

    def close(self) -> None:
        """End the threads, unless they have ended; one that is stuck in a call stays behind."""
        if self._closing or not self._is_open:
            return
        self._closing = True
        self._turns.let_go()
        for participant in self._participants:
            if participant.state is DONE:
                participant.gate.release()
        for ident in self._moving():
            _interrupt(ident)
        end_ns = clock_ns(*CLOCK) + _JOIN_NS
        for thread in self._threads:
            thread.join(max(0, end_ns - clock_ns(*CLOCK)) / SECOND_NS)
        for participant in self._participants:
            participant.watch.close()
        self._lines.__exit__(None, None, None)

    def _begin(self, number: int) -> None:
        self._ready.wait()
        self._above_room(partial(self._work, number))

    def _work(self, number: int) -> None:
        participant, turns = self._participants[number], self._turns
        following = self._lines.following(
            partial(turns.is_due, participant), partial(turns.line, participant)
        )
        tell, this = partial(self._tell_end, number), this_thread()
        while True:
            try:
                participant.gate.acquire()  # not by `Turns.wait`, whose call a profiler would see
                while participant.is_stirred:
                    participant.is_stirred = False
                    participant.gate.acquire()
            except BaseException:  # noqa: BLE001 - raised from elsewhere, between two calls
                participant.is_stirred = False
                if participant.state is DONE and not self._closing:
                    continue
            if self._closing:
                return
            try:
                with following:
                    self.body()
            except BaseException as error:  # noqa: BLE001 - the caller raises it, whatever it is
                self._raised[number] = error
            if getpid() != self._process:
                # A forked child that comes back here has no other thread.
                _exit(self._raised[number] is not None)
            enter_tracing(*this)
            try:
                self._end(number, tell)
            finally:
                leave_tracing(*this)
            if self._closing:  # it was interrupted: nobody opens its gate any more
                return

    def _end(self, number: int, tell: Callable[[], None]) -> None:
        participant = self._participants[number]
        try:
            self._turns.end(participant, tell)
        except BaseException as error:  # noqa: BLE001 - raised from elsewhere: the call ends all the same
            if not participant.is_told:
                self._raised[number] = self._raised[number] or error
            self._turns.end(participant, tell)

    def _tell_end(self, number: int) -> None:
        participant = self._participants[number]
        if not participant.is_told:
            participant.is_told = True
            self._ended.put(number)
        with contextlib.suppress(RuntimeError):  # it is open
            self._bell.release()

    def __call__(self) -> None:
        """Let every thread call the body once; raises the error of the first thread that fails."""
        self._busy = set(range(len(self._threads)))
        native_ids = [thread.native_id or 0 for thread in self._threads]
        newcomers = self._started.begin(native_ids, self._participants)
        failed: tuple[int, BaseException] | None = None
        watching = this_thread()
        try:
            with self._started:
                enter_tracing(*watching)
                try:
                    endings = self._endings(Progress(self._stuck_seconds))  # before the threads run
                    self._turns.begin(self._participants, newcomers)
                    for number in endings:
                        self._busy.discard(number)
                        error, self._raised[number] = self._raised[number], None
                        if error is not None and failed is None:
                            failed = number, error
                    self._let_newcomers_rest()
                finally:
                    leave_tracing(*watching)
        finally:
            self._turns.let_go()
            self._started.end()
        if failed is not None:
            try:
                raise noted(failed[1], f"in thread {failed[0] + 1} of {len(self._threads)}")
            finally:
                failed = None  # the error's traceback holds this frame

    @property
    def passed(self) -> int:
        """How often the turn passed in the last call."""
        return self._turns.passed

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the turns of the last call: whether they ended before it did, and who took none."""
        notes = []
        if self._turns.is_bound_reached:
            notes.append(
                f"its threads took all {self._turns.most:,} turns of a call, and then ran on without turns"
            )
        if self._started.running_freely:
            notes.append(
                f"{self._started.running_freely} threads that it started itself took no turns, but ran freely"
            )
        if self._turns.is_by_speed:
            notes.append(
                "one of its threads kept its turn for seconds until it was taken away, so the order of turns "
                "depended on the speed of the machine"
            )
        return tuple(notes)

    def together_with(self, is_file: Callable[[str], bool], line: int, *, at_most: int) -> Together | None:
        """Return where most threads of the last call stood together that had come to a line of a file."""
        paths = [participant.path for participant in (*self._participants, *self._started.newcomers)]
        return together_with(is_file, line, paths, self._turns.meetings, at_most=at_most)

    def _endings(self, progress: Progress) -> Iterator[int]:
        """Yield the number of each thread as it ends; raises `DeadlockError`."""
        for _ in range(len(self._threads)):  # which creates nothing that the garbage collector counts
            while not self._ended.qsize():
                if not self._listen(*_A_MOMENT):
                    self._pass_over_blocked()
                    self._raise_if_stuck(progress)
            yield self._ended.get_nowait()

    def _let_newcomers_rest(self) -> None:
        """Let threads that the body has started, and that still run, go on until they end or wait."""
        self._turns.ends()
        watched = WatchedTime.up_to(_REST_NS)
        self._pass_over_blocked()
        while not self._turns.are_all_blocked and watched.look() < _REST_NS:
            sleep(_POLL_SECONDS)
            self._pass_over_blocked()
        running = self._turns.running()
        self.never_rests = running.name if isinstance(running, Newcomer) else ""

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

    def _raise_if_stuck(self, progress: Progress) -> None:
        """Raise `DeadlockError` where the threads cannot go on, or have not moved for too long."""
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
        lasts_ns = self._stretch.lasts_ns(running, self._turns.offered, spent_ns)
        if lasts_ns >= _STALLED_NS and _IS_STALLED_BY_ERRORS:
            self._turns.stir()
        running.is_asked = running.is_asked or lasts_ns >= ASKED_NS
        if lasts_ns >= ASTRAY_NS:
            self._turns.pass_over(running, running.seen.last, is_astray=True)

    def _is_deadlock(self) -> bool:
        """Say whether the threads wait for locks, and no other thread of the process will go on by itself."""
        if not all(waits_for_lock(self._participants[number].watch.look()) for number in self._busy):
            return False
        idle = {thread for number, thread in enumerate(self._threads) if number not in self._busy}
        others = set(threading.enumerate()) - idle - {threading.current_thread()}
        return nobody_moves([thread.native_id or 0 for thread in others])

    def _cpu_ns(self) -> int:
        """Return the CPU time of the threads that have not ended, in nanoseconds.

        Asking for their frames would create frame objects, on CPython 3.11 and later, which the test's own
        lines would then not have to create.
        """
        cpu_ns = 0
        for number in range(len(self._participants)):
            if number in self._busy:
                cpu_ns += cpu_ns_of(self._participants[number]) or 0
        for number in range(len(self._started.newcomers)):
            cpu_ns += cpu_ns_of(self._started.newcomers[number]) or 0
        return cpu_ns

    def _position(self) -> _Position:
        """Return the instructions at which the threads that have not ended are."""
        frames = sys._current_frames()  # noqa: SLF001 - the documented way to another thread's stack
        busy = (self._threads[number].ident for number in sorted(self._busy))
        return tuple(
            (ident, id(frame), frame.f_lasti)
            for ident in busy
            if ident is not None and (frame := frames.get(ident)) is not None
        )

    def _moving(self) -> set[int]:
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
            self._threads[number].ident or 0: cpu_ns_of(self._participants[number]) for number in self._busy
        }

    def _stacks(self, what: str) -> str:
        idle = {thread.ident for number, thread in enumerate(self._threads) if number not in self._busy}
        return (
            f"{len(self._busy)} of {len(self._threads)} threads {what} All threads:\n"
            f"{stacks_of_threads({*idle, threading.get_ident()})}"
        )


def _interrupt(ident: int) -> None:
    """Ask a thread that is still running to end."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(SystemExit))
