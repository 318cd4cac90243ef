"""Threads in a decided order: the same turns in every run, and no order hangs because a thread waits."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import itertools
import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import FrameType
from typing import Any
from unittest import mock

import pytest

from pytest_memguard.orders.blocking import UNSEEN, ThreadWatch
from pytest_memguard.orders.order import Lockstep, Order, RandomPriorities, Staggered, order_of
from pytest_memguard.orders.participant import Participant, State
from pytest_memguard.orders.threads import OrderedThreads
from pytest_memguard.orders.turns import Turns
from pytest_memguard.orders.watching import DeadlockError
from tests.orders.elsewhere import Story, first_when_set, heed_collection, polls

THREADS = 4


def is_own(file: str) -> bool:
    return file == __file__


def play(
    body: Callable[[], object], order: Order | None = None, *, calls: int = 1, stuck: float = 10
) -> None:
    threads = OrderedThreads(body, THREADS, order=order or Lockstep(), is_own=is_own, stuck_seconds=stuck)
    with threads as call:
        for _ in range(calls):
            call()


def test_lockstep_takes_every_thread_to_a_line_before_the_first_goes_on() -> None:
    story = Story()

    def body() -> None:
        story.tell("looked")
        story.tell("loaded")

    play(body)
    assert story.steps == [(n, step) for step in ("looked", "loaded") for n in range(THREADS)]


def test_check_then_act_overlaps_in_all_threads() -> None:
    cache: dict[str, object] = {}
    loaded = []

    def body() -> None:
        if "key" not in cache:
            value = object()
            loaded.append(value)
            cache["key"] = value

    play(body)
    assert len(loaded) == THREADS


def test_what_a_function_returns_is_not_stored_before_all_have_made_it() -> None:
    made = []
    held: dict[str, object] = {}

    def make() -> object:
        made.append(len(held))
        return object()

    def body() -> None:
        held["it"] = make()

    play(body)
    assert made == [0] * THREADS


@pytest.mark.parametrize("order", [order_of(number) for number in (0, 1, 2, 7)], ids=["0", "1", "2", "7"])
def test_an_order_is_the_same_in_every_run(order: Order) -> None:
    lock = threading.Lock()

    def told() -> list[tuple[int, str]]:
        story = Story()

        def body() -> None:
            for step in range(20):
                story.tell(f"free {step}")
                with lock:
                    story.tell(f"locked {step}")

        play(body, order)
        return story.steps

    first = told()
    assert all(told() == first for _ in range(3))


def test_what_others_do_when_garbage_is_collected_is_no_part_of_the_path() -> None:
    """When it is collected may depend on what ran before."""

    def passed() -> int:
        def body() -> None:
            for _ in range(20):
                gc.collect(0)

        with OrderedThreads(body, THREADS, order=Lockstep(), is_own=is_own, stuck_seconds=10) as threads:
            threads()
        return threads.passed

    without = passed()
    gc.callbacks.append(heed_collection)
    try:
        assert passed() == without
    finally:
        gc.callbacks.remove(heed_collection)


def test_seeds_draw_different_orders() -> None:
    def told(seed: int) -> tuple[tuple[int, str], ...]:
        story = Story()

        def body() -> None:
            for step in range(10):
                story.tell(str(step))

        play(body, RandomPriorities(seed))
        return tuple(story.steps)

    assert len({told(seed) for seed in range(1, 9)}) > 4


def _condition() -> Callable[[], object]:
    changed, arrived = threading.Condition(), []

    def body() -> None:
        with changed:
            arrived.append(1)
            changed.notify_all()
            while len(arrived) % THREADS:
                changed.wait()

    return body


def _barrier() -> Callable[[], object]:
    barrier = threading.Barrier(THREADS)
    return lambda: barrier.wait(5)


def _queue() -> Callable[[], object]:
    numbers = iter(range(10_000))
    items: queue.Queue[int] = queue.Queue()

    def body() -> None:
        if next(numbers) % 2:
            items.put(1)
        else:
            items.get(timeout=5)

    return body


def _semaphore() -> Callable[[], object]:
    semaphore = threading.BoundedSemaphore(2)

    def body() -> None:
        with semaphore:
            time.sleep(0.01)

    return body


def _socket() -> Callable[[], object]:
    def body() -> None:
        one, other = socket.socketpair()
        with one, other:
            timer = threading.Timer(0.02, one.sendall, [b"x"])
            timer.start()
            assert other.recv(1) == b"x"
            timer.join()

    return body


def _futures() -> Callable[[], object]:
    def body() -> None:
        with ThreadPoolExecutor(2) as pool:
            assert sum(pool.map(abs, range(-3, 3))) == 9

    return body


def _child_thread() -> Callable[[], object]:
    def body() -> None:
        done = []
        thread = threading.Thread(target=lambda: done.append(sum(range(1000))))
        thread.start()
        thread.join()
        assert done

    return body


def _long_call_behind_a_lock() -> Callable[[], object]:
    """Who gets the lock runs on beside who has released it, which waits for it and has the turn."""
    lock = threading.Lock()

    def body() -> None:
        with lock:
            hashlib.pbkdf2_hmac("sha256", b"", b"", 100_000)

    return body


def _loops_until_told() -> Callable[[], object]:
    """Who comes first asks again and again, in lines of its own, whether the last one has come."""
    arrived: list[int] = []

    def body() -> None:
        arrived.append(1)
        expected = -(-len(arrived) // THREADS) * THREADS
        while len(arrived) < expected:
            pass

    return body


def _own_trace_function() -> Callable[[], object]:
    def body() -> None:
        sys.settrace(lambda *_: None)
        x = 1
        assert x

    return body


def _forks() -> Callable[[], object]:
    def body() -> None:
        child = os.fork()
        if child == 0:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0

    return body


def _thread_local() -> Callable[[], object]:
    local = threading.local()

    def body() -> None:
        assert not hasattr(local, "value")
        local.value = 1
        del local.value

    return body


WAITING = [
    _barrier,
    _child_thread,
    _condition,
    _futures,
    _long_call_behind_a_lock,
    _loops_until_told,
    _own_trace_function,
    _queue,
    _semaphore,
    _socket,
    _thread_local,
    pytest.param(
        _forks,
        marks=[
            pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here"),
            # CPython 3.12 and later warn of a fork beside threads, which is what is tried here.
            pytest.mark.filterwarnings("ignore::DeprecationWarning"),
        ],
    ),
]


@pytest.mark.parametrize("make", WAITING)
@pytest.mark.parametrize(
    "order", [Lockstep(), Staggered(), RandomPriorities(3)], ids=["lockstep", "staggered", "random"]
)
def test_no_order_hangs_because_a_thread_waits(make: Any, order: Order) -> None:
    calls = itertools.count()
    body = make()

    def counted() -> object:
        next(calls)
        return body()

    play(counted, order, calls=3)
    assert next(calls) == 3 * THREADS


def test_a_deadlock_is_told_with_the_line_of_every_thread() -> None:
    locks = [threading.Lock(), threading.Lock()]
    turn = iter([(0, 1), (1, 0), (0, 1), (1, 0)])

    def body() -> None:
        one, other = next(turn)
        with locks[one]:
            time.sleep(0)
            with locks[other]:
                pass

    with pytest.raises(DeadlockError) as caught:
        play(body, stuck=5)
    assert str(caught.value).count("with locks[") >= 2
    if sys.platform == "linux":
        assert "wait for locks that no other thread can release" in str(caught.value)


@dataclass(frozen=True)
class FrozenError(Exception):
    code: int = 1


def test_an_error_in_one_thread_is_raised_and_the_others_end() -> None:
    ended = []
    numbers = iter(range(THREADS))

    def body() -> None:
        if next(numbers) == 2:
            raise FrozenError
        ended.append(1)

    with pytest.raises(FrozenError) as caught:
        play(body)
    assert len(ended) == THREADS - 1
    assert "\nin thread " in caught.exconly()


def test_a_thread_inside_the_scheduler_does_not_lose_its_turn() -> None:
    """It may wait there for the others; without its turn it would wait for itself."""
    turns = Turns(Lockstep())
    participants = [Participant(number, ThreadWatch(0, 0)) for number in range(2)]
    turns.begin(participants)
    running = turns.running()
    assert running is participants[0]
    running.is_inside = True
    turns.pass_over(running, running.watch.look())
    assert turns.running() is running
    running.is_inside = False
    turns.pass_over(running, running.watch.look())
    assert turns.running() is participants[1]


def test_a_thread_that_has_gone_on_since_it_was_seen_keeps_its_turn() -> None:
    """Its gate looks like any lock to the one that watches, which may be slow on a busy machine."""
    turns = Turns(Lockstep())
    own = ThreadWatch(threading.get_ident(), threading.get_native_id())
    participants = [Participant(0, own), Participant(1, ThreadWatch(0, 0))]
    turns.begin(participants)
    turns.pass_over(participants[0], b"at the gate")
    assert turns.running() is participants[0]
    own.close()


def test_a_thread_that_sleeps_inside_the_scheduler_is_not_at_rest() -> None:
    """It waits there for a thread that it starts, and that one must not miss its turns."""
    inside, lock = threading.Event(), threading.Lock()
    rests: list[bool] = []

    def starts_another() -> None:
        inside.set()
        time.sleep(0.1)  # longer than the patience with a thread that waits without a lock
        rests.append(True)
        participant.is_inside = False
        with lock:
            pass

    with lock:
        thread = threading.Thread(target=starts_another)
        thread.start()
        watch = ThreadWatch(thread.ident or 0, thread.native_id or 0)
        participant = Participant(0, watch)
        turns = Turns(Lockstep())
        turns.begin([participant])
        participant.is_inside = True
        inside.wait()
        participant.state, participant.blocked_at = State.BLOCKED, UNSEEN
        turns.blocked += 1
        turns.take_up()
        assert rests
    thread.join()
    watch.close()


def test_a_thread_that_was_woken_is_waited_for_before_the_turn_of_its_waker_goes_to_another() -> None:
    """Which threads are ready, when one waits that has woken another inside a library, is not up to speed."""
    turns, lock = Turns(Lockstep()), threading.Lock()
    comes = threading.Event()

    def slow() -> None:
        comes.wait()
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            pass
        turns.line(woken, slow.__code__, 1)

    with lock:
        threads = [threading.Thread(target=lock.acquire), threading.Thread(target=slow)]
        for thread in threads:
            thread.start()
        watches = [ThreadWatch(thread.ident or 0, thread.native_id or 0) for thread in threads]
        waker, woken = [Participant(number, watch) for number, watch in enumerate(watches)]
        other = Participant(2, ThreadWatch(0, 0))
        while not waker.seen.is_blocked():
            time.sleep(0.001)
        turns.begin([waker, woken, other])
        woken.state, woken.blocked_at = State.BLOCKED, UNSEEN
        turns.blocked += 1
        comes.set()
        turns.pass_over(waker, waker.seen.last)
        assert turns.running() is woken
    for thread in threads:
        thread.join()
    for watch in watches:
        watch.close()


def test_a_thread_of_an_earlier_call_may_come_to_a_line_while_a_call_begins() -> None:
    turns = Turns(Lockstep())
    older = Participant(0, ThreadWatch(0, 0))
    comes = threading.Thread(target=lambda: turns.line(older, is_own.__code__, 1))

    class Slow(Lockstep):
        def joins(self, number: int, *, is_older: bool) -> None:
            comes.start()
            time.sleep(0.1)

    turns = Turns(Slow())
    older.state = State.BLOCKED
    turns.begin([Participant(0, ThreadWatch(0, 0))], [older])
    end = time.monotonic() + 20
    while older.state is not State.WAITING and time.monotonic() < end:
        time.sleep(0.001)
    assert (older.state, turns.blocked) == (State.WAITING, 0)
    turns.let_go()
    comes.join()


def test_an_order_that_rests_on_the_speed_of_the_machine_says_so() -> None:
    turns = Turns(Lockstep())
    running, other = [Participant(number, ThreadWatch(0, 0)) for number in range(2)]
    turns.begin([running, other])
    assert not turns.is_by_speed
    running.is_asked = True
    other.state = State.DONE
    turns.line(running, is_own.__code__, 1)
    assert turns.is_by_speed


def test_garbage_is_collected_by_the_threads_of_the_body_and_holds_no_turn_up() -> None:
    """When it is collected decides what is alive at the peak, so it may not depend on who watches how often.

    A finalizer may also wait for a lock of another thread, which nobody may do while the turn is passed.
    """
    lock, data = threading.Lock(), bytes(20_000)
    collected_in: set[str] = set()
    alive, most_alive = [0], [0]

    class Ring:
        def __init__(self) -> None:
            self.me = self
            alive[0] += 1
            most_alive[0] = max(most_alive[0], alive[0])

        def __del__(self) -> None:
            frame: FrameType | None = sys._getframe()
            while frame is not None:
                collected_in.add(frame.f_code.co_name)
                frame = frame.f_back
            alive[0] -= 1

    def body() -> None:
        for _ in range(50):
            Ring()
            with lock:
                hashlib.sha256(data)

    threshold = gc.get_threshold()
    gc.collect()
    gc.set_threshold(40, 10, 1_000)
    try:
        play(body)
    finally:
        gc.set_threshold(*threshold)
    assert "body" in collected_in
    assert not {"_hand_over", "_next", "_give"} & collected_in
    # CPython 3.10 counts the frames of who watches, and 3.12 collects in any thread what is due in another.
    assert sys.version_info[:2] in {(3, 10), (3, 12)} or not {"_endings", "_settle"} & collected_in
    assert most_alive[0] < 120


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("wakes", [threading.Condition.notify_all, lambda waiting: waiting.notify(THREADS)])
def test_threads_that_are_woken_at_once_go_on_in_the_order_in_which_they_came(
    order: int, wakes: Callable[[threading.Condition], None]
) -> None:
    waiting, story, came = threading.Condition(), Story(), itertools.count(1)

    def body() -> None:
        for _ in range(3):
            with waiting:
                story.tell("came")
                if next(came) % THREADS:
                    waiting.wait()
                    story.tell("gone")
                else:
                    wakes(waiting)

    play(body, order_of(order))
    came_by, gone_by = ([who for who, step in story.steps if step == which] for which in ("came", "gone"))
    assert gone_by == [who for at, who in enumerate(came_by, 1) if at % THREADS]
    with pytest.raises(RuntimeError, match="un-acquired lock"):
        play(waiting.notify_all)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="each call has an object that a profiler is handed")
def test_a_profiler_sees_nothing_of_who_watches_and_all_else() -> None:
    """It is handed a frame object for each call, which the garbage collector counts."""
    seen: list[str] = []

    def profile(frame: FrameType, event: str, _arg: object) -> None:
        if event in {"call", "return"}:
            seen.append(f"{event} {frame.f_code.co_name}")

    threads = OrderedThreads(lambda: time.sleep(0.03), THREADS, order=Lockstep(), is_own=is_own)
    with threads as call:
        sys.setprofile(profile)
        try:
            call()
        finally:
            sys.setprofile(None)
    assert [event for event in seen if event.endswith(" __call__")] == ["call __call__", "return __call__"]
    assert not {"call _endings", "call _pass_over_blocked", "call look"} & {*seen}
    assert seen[-1] == "return __call__"


def test_threads_that_never_rest_go_on_without_turns_and_tracer() -> None:
    """Those of an earlier test would else take most turns of each later one."""
    ends, tracers = threading.Event(), []

    def loops() -> None:
        while not ends.is_set():
            tracers.append(sys.gettrace())
            time.sleep(0.0005)

    play(lambda: threading.Thread(target=loops, daemon=True).start())
    left = [thread for thread in threading.enumerate() if getattr(thread, "_target", None) is loops]
    assert len(left) == THREADS
    threads = OrderedThreads(list, THREADS, order=Lockstep(), is_own=is_own)
    with threads as call:
        call()
    assert not threads._started.newcomers
    ends.set()
    for thread in left:
        thread.join()
    assert tracers[-1] is None


_UNTIL_COMPARED = 0.3
"""Seconds; positions are compared each quarter of one, and a deadlock is looked for each half."""


@contextlib.contextmanager
def looks_at_blocked_threads() -> Iterator[Callable[[], None]]:
    """Give the look at threads that all wait; each quarter of a second it compares their positions, too."""
    released = threading.Event()
    threads = OrderedThreads(lambda: released.wait(60), THREADS, order=Lockstep(), is_own=is_own)
    watch = threads.watch

    def endings() -> Iterator[int]:
        released.wait()
        yield from ()

    def look() -> None:
        watch.look()
        threads._participants[0].seen.is_blocked()  # as of the one that has the turn; here none has it

    with threads as call:
        caller = threading.Thread(target=call)
        with mock.patch.object(threads, "_endings", endings):
            caller.start()
            while not all(one.state is State.BLOCKED for one in threads._participants):
                watch.look()
                time.sleep(0.001)
            look()  # what it makes once is made now
            gc.disable()
            try:
                yield look
            finally:
                gc.enable()
                released.set()
            caller.join()


def test_a_thread_that_watches_makes_nothing_that_the_collector_counts() -> None:
    """Not even what a free list gives: where that list is empty, a new object is counted.

    How often it looks depends on the machine, and when garbage is collected decides what is alive at a peak.
    """

    def empties_free_lists() -> list[object]:
        lists: list[object] = [[] for _ in range(100)]
        return [lists, *([tuple([None] * size) for _ in range(2_500)] for size in range(20))]

    def counts(look: Callable[[], object]) -> int:
        time.sleep(_UNTIL_COMPARED)
        held = empties_free_lists()
        before = gc.get_count()[0]
        look()
        made = gc.get_count()[0] - before
        del held
        return made

    with looks_at_blocked_threads() as look:
        nothing = counts(lambda: None)
        assert counts(look) <= nothing


def test_a_thread_that_watches_leaves_no_integers_for_reuse() -> None:
    """CPython 3.14 keeps them, and the threads of a test would take them instead of new ones."""

    def blocks_of_new_integers(look: Callable[[], object]) -> int:
        time.sleep(_UNTIL_COMPARED)
        held = list(range(10**6, 10**6 + 300))  # as many as there may be of use
        look()
        before = sys.getallocatedblocks()
        made = list(range(10**7, 10**7 + 50))
        blocks = sys.getallocatedblocks() - before
        assert len(held) + len(made) == 350
        return blocks

    with looks_at_blocked_threads() as look:
        nothing = blocks_of_new_integers(lambda: None)
        # One may be the CPU time of a thread that has hardly run, which is asked for four times a second.
        assert blocks_of_new_integers(look) >= nothing - 1


def test_a_long_loop_offers_its_turn_at_each_doubling_only() -> None:
    def body() -> None:
        total = 0
        for number in range(20_000):
            total += number

    threads = OrderedThreads(body, THREADS, order=Lockstep(), is_own=is_own)
    with threads as call:
        call()
        assert 0 < threads.passed < 60 * THREADS
        assert threads.notes == ()


def one_loops_while_the_others_wait(
    loops: Callable[[threading.Event], object], waits: Callable[[threading.Event], object]
) -> Callable[[], object]:
    numbers = iter(range(THREADS))
    done = threading.Event()
    return lambda: waits(done) if next(numbers) else loops(done)


@pytest.mark.parametrize("waits", [threading.Event.wait, polls])
def test_a_long_loop_looks_seldom_for_threads_that_are_blocked(
    waits: Callable[[threading.Event], object],
) -> None:
    def loops(done: threading.Event) -> None:
        total = 0
        for number in range(20_000):
            total += number or sum(range(1_000_000))  # so long that whoever polls wakes up
        done.set()

    # The mock is no code of this file, whose lines are switch points.
    with mock.patch.object(Turns, "line", autospec=True, side_effect=Turns.line) as line:
        play(one_loops_while_the_others_wait(loops, waits))
    assert 0 < line.call_count < 5_000  # of 20,000: how often it looks, those that wake up decide


def test_a_loop_that_wakes_a_thread_waits_for_it_after_many_looks_in_vain() -> None:
    """What the thread does before its next line must not depend on how fast it wakes up."""
    passed = [0]
    passed_when_woken: list[int] = []

    def loops(done: threading.Event) -> None:
        for number in range(1_000):
            passed[0] = number
            if number == 700:
                done.set()

    def waits(done: threading.Event) -> None:
        passed_when_woken.append(first_when_set(done, passed))

    for _ in range(3):
        play(one_loops_while_the_others_wait(loops, waits))
    assert set(passed_when_woken) == {700}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="each call has an object that a profiler is handed")
def test_a_profiler_sees_one_call_where_the_turn_is_passed_and_none_below_it() -> None:
    """A meter charges what is kept to that call, and not to the line of the project.

    The garbage collector counts an object for each call that is seen. One that is still there while another
    thread has the turn, and goes when this one has a processor, would decide when garbage is collected.
    """
    calls: list[str] = []

    def profiler(frame: FrameType, event: str, _arg: object) -> None:
        if event in {"call", "return"} and frame.f_globals["__name__"].startswith("pytest_memguard."):
            calls.append(f"{event} {frame.f_code.co_name}")

    def body() -> None:
        sys.setprofile(profiler)
        number = 1
        assert number

    play(body)
    assert calls.count("call _offered") == calls.count("return _offered") == 3 * THREADS
    in_the_end = {"__exit__", "stop", "_work", "_at_once", "_begin"}
    assert {call.split()[1] for call in calls} - in_the_end == {"_offered"}


def started_by_all(check: Callable[[], object]) -> Callable[[], object]:
    """Each thread starts another one for a check, and waits for it."""

    def body() -> None:
        thread = threading.Thread(target=check)
        thread.start()
        thread.join()

    return body


def in_a_pool(check: Callable[[], object]) -> Callable[[], object]:
    """All threads give the check to one pool."""
    pool = ThreadPoolExecutor(THREADS)
    submitted: list[Any] = []

    def body() -> None:
        submitted.append(pool.submit(check))
        submitted.pop().result()

    return body


@pytest.mark.parametrize("start", [started_by_all, in_a_pool])
@pytest.mark.parametrize("order", [Lockstep(), RandomPriorities(2)], ids=["lockstep", "random"])
def test_threads_that_the_body_starts_take_turns_too(start: Any, order: Order) -> None:
    def told() -> list[tuple[int, str]]:
        story = Story()

        def check() -> None:
            story.tell("looked")
            number = 1
            story.tell("loaded")
            assert number

        body = start(check)
        play(body, order, calls=2)
        # Whether a pool starts another worker or one is idle by then, is up to the clock.
        return [(0 if start is in_a_pool else number, step) for number, step in story.steps]

    first = told()
    if isinstance(order, Lockstep):
        assert [step for _, step in first[:THREADS]] == ["looked"] * THREADS
    again = [told() for _ in range(3)]
    assert again == [first] * 3, again


def test_a_thread_of_an_earlier_call_takes_turns_in_the_next() -> None:
    """The worker of a pool outlives the call in which it was started."""
    pool = ThreadPoolExecutor(1)
    looked: list[int] = []
    made: list[int] = []

    def check() -> None:
        seen = len(made)
        looked.append(seen)

    def body() -> None:
        future = pool.submit(check)
        made.append(1)
        future.result()

    for _ in range(3):
        made.clear()
        play(body)
    assert looked[THREADS:] == looked[-THREADS:] * 2
    pool.shutdown()


def test_a_thread_that_is_left_running_ends_by_itself() -> None:
    numbers: list[int] = []

    def counts() -> None:
        for number in range(5):
            time.sleep(0.001)
            numbers.append(number)

    def body() -> None:
        threading.Thread(target=counts).start()

    play(body)
    left = [thread for thread in threading.enumerate() if getattr(thread, "_target", None) is counts]
    for thread in left:
        thread.join(20)
    assert len(numbers) == 5 * THREADS


def test_threads_that_cannot_take_turns_are_said_to_run_freely() -> None:
    def body() -> None:
        hook = threading.gettrace()
        threading.settrace(None)  # as a tracer does that ends
        thread = threading.Thread(target=time.sleep, args=(0,))
        thread.start()
        thread.join()
        threading.settrace(hook)

    threads = OrderedThreads(body, THREADS, order=Lockstep(), is_own=is_own)
    with threads as call:
        call()
    assert threads.notes == (f"{THREADS} threads that it started itself took no turns, but ran freely",)
    with OrderedThreads(list, THREADS, order=Lockstep(), is_own=is_own) as call:
        call()
        assert not call.notes


def test_the_tracer_of_others_sees_the_threads_that_a_body_starts() -> None:
    traced: list[str] = []

    def tracer(frame: FrameType, event: str, _arg: object) -> None:
        traced.append(f"{event} {frame.f_code.co_name}")

    really = threading.Thread.start
    before = threading.gettrace()
    threading.settrace(tracer)
    try:
        play(started_by_all(lambda: time.sleep(0)))
        assert threading.gettrace() is tracer
    finally:
        threading.settrace(before)
    assert traced.count("call run") >= THREADS
    assert threading.Thread.start is really
