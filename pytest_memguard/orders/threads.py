"""Calls a body from several threads in a decided order; passes on errors and detects deadlocks."""

from __future__ import annotations

import contextlib
import ctypes
import queue
import threading
from _thread import allocate_lock
from collections.abc import Callable, Iterator
from functools import partial
from os import _exit  # bound: a test may patch them while it runs
from time import sleep
from types import TracebackType

from pytest_memguard.core.errors import noted
from pytest_memguard.orders.blocking import ThreadWatch
from pytest_memguard.orders.line_sources import line_events
from pytest_memguard.orders.order import Order
from pytest_memguard.orders.own_process import OwnProcess
from pytest_memguard.orders.participant import DONE, Participant
from pytest_memguard.orders.profiled import enter_tracing, leave_tracing, this_thread
from pytest_memguard.orders.progress import SECOND_NS
from pytest_memguard.orders.started import StartedThreads
from pytest_memguard.orders.turns import Turns
from pytest_memguard.orders.visited_lines import Together, together_with
from pytest_memguard.orders.watched_time import CLOCK, clock_ns
from pytest_memguard.orders.watching import POLL_SECONDS, STUCK_SECONDS, TurnWatch

_A_MOMENT = (True, POLL_SECONDS)
"""Arguments for a lock, made once: others might come from the free lists that the threads use."""

_JOIN_NS = 2 * SECOND_NS


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
        self._process = OwnProcess()
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
        self.watch = TurnWatch(
            self._turns, self._threads, self._participants, self._started, stuck_seconds=stuck_seconds
        )
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
                sleep(POLL_SECONDS)

    def close(self) -> None:
        """End the threads, unless they have ended; one that is stuck in a call stays behind."""
        if self._closing or not self._is_open:
            return
        self._closing = True
        self._turns.let_go()
        for participant in self._participants:
            if participant.state is DONE:
                participant.gate.release()
        for ident in self.watch.moving():
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
            enter_tracing(*this)
            try:
                if self._process.is_child():
                    # A forked child that comes back here has no other thread.
                    _exit(self._raised[number] is not None)
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
        native_ids = [thread.native_id or 0 for thread in self._threads]
        newcomers = self._started.begin(native_ids, self._participants)
        failed: tuple[int, BaseException] | None = None
        watching = this_thread()
        try:
            with self._started:
                enter_tracing(*watching)
                try:
                    self.watch.begin()
                    endings = self._endings()  # before the threads run
                    self._turns.begin(self._participants, newcomers)
                    for number in endings:
                        self.watch.busy.discard(number)
                        error, self._raised[number] = self._raised[number], None
                        if error is not None and failed is None:
                            failed = number, error
                    self.never_rests = self.watch.let_newcomers_rest()
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

    def _endings(self) -> Iterator[int]:
        """Yield the number of each thread as it ends; raises `DeadlockError`."""
        for _ in range(len(self._threads)):  # which creates nothing that the garbage collector counts
            while not self._ended.qsize():
                if not self._listen(*_A_MOMENT):
                    self.watch.look()
            yield self._ended.get_nowait()


def _interrupt(ident: int) -> None:
    """Ask a thread that is still running to end."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(SystemExit))
