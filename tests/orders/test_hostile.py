"""Bodies that do what a test should not: each call ends in a clear outcome, and the next is right."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_memguard.orders.order import order_of
from pytest_memguard.orders.threads import DeadlockError, OrderedThreads

THREADS = 3
STUCK_SECONDS = 0.5
ROOM_SECONDS = 20
"""For bodies that end: no machine is so slow."""

STAYS_SECONDS = 6
LIMIT_SECONDS = 30
RUNS = int(os.environ.get("MEMGUARD_HOSTILE_RUNS", "40"))
Body = Callable[[], object]


def is_own(file: str) -> bool:
    return file == __file__


def deadlock() -> Body:
    locks = [threading.Lock() for _ in range(THREADS)]
    numbers = iter(range(THREADS))
    all_hold_one = threading.Barrier(THREADS)

    def body() -> None:
        number = next(numbers)
        with locks[number]:
            all_hold_one.wait()
            locks[(number + 1) % THREADS].acquire(timeout=STAYS_SECONDS)

    return body


def livelock() -> Body:
    """Everybody steps aside for the others, until the limit."""
    wants = [0]

    def body() -> None:
        wants[0] += 1
        end = time.monotonic() + 0.05
        while wants[0] > 0 and time.monotonic() < end:
            time.sleep(0)

    return body


def waits_for_nobody() -> Body:
    gate = threading.Lock()
    gate.acquire()
    return lambda: gate.acquire(timeout=STAYS_SECONDS)


def traces() -> Body:
    def body() -> None:
        sys.settrace(lambda *_: None)
        sys.setprofile(None)
        number = 1
        assert number
        sys.settrace(None)

    return body


def starts_threads() -> Body:
    def body() -> None:
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(abs, (-1, -2))) == [1, 2]
        thread = threading.Thread(target=time.sleep, args=(0.001,))
        thread.start()
        thread.join()

    return body


def leaves_a_thread() -> Body:
    def body() -> None:
        threading.Thread(target=time.sleep, args=(0.05,), daemon=True).start()

    return body


def raises_in_one() -> Body:
    numbers = iter(range(THREADS))

    def body() -> None:
        if next(numbers) == 1:
            raise KeyError("one")

    return body


def exits() -> Body:
    return sys.exit


def signals() -> Body:
    def body() -> None:
        with contextlib.suppress(ValueError):  # it works in the main thread only
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        assert signal.getsignal(signal.SIGINT) is not None

    return body


def locals_of_threads() -> Body:
    local = threading.local()

    def body() -> None:
        assert not hasattr(local, "value")
        local.value = bytearray(1000)

    return body


def recurses() -> Body:
    def deeper(depth: int) -> int:
        return deeper(depth + 1)

    def body() -> None:
        with contextlib.suppress(RecursionError):
            deeper(0)

    return body


def switches_often() -> Body:
    def body() -> None:
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        total = 0
        for number in range(100):
            total += number
        sys.setswitchinterval(before)

    return body


MAKERS = [
    deadlock,
    exits,
    leaves_a_thread,
    livelock,
    locals_of_threads,
    raises_in_one,
    recurses,
    signals,
    starts_threads,
    switches_often,
    traces,
    waits_for_nobody,
]
EXPECTED = {
    deadlock: DeadlockError,
    exits: SystemExit,
    raises_in_one: KeyError,
    waits_for_nobody: DeadlockError,
}


def played(body: Body, order: int, stuck_seconds: float = ROOM_SECONDS) -> BaseException | None:
    threads = OrderedThreads(body, THREADS, order=order_of(order), is_own=is_own, stuck_seconds=stuck_seconds)
    try:
        with threads as call:
            call()
    except BaseException as error:
        return error
    return None


def overlaps() -> int:
    """Return how many threads of a body that is easy to follow found nothing."""
    cache: dict[str, int] = {}
    missed = []

    def body() -> None:
        if "key" not in cache:
            missed.append(1)
            cache["key"] = 1

    assert played(body, 0) is None
    return len(missed)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_hostile_bodies_end_as_they_should_and_leave_the_next_call_alone() -> None:
    drawn = random.Random(15)
    makers = [MAKERS[number % len(MAKERS)] for number in range(RUNS)]
    drawn.shuffle(makers)
    for make in makers:
        order = drawn.choice([0, 0, 1, 2, 3])
        begun = time.monotonic()
        expected = EXPECTED.get(make)
        gets_stuck = expected is DeadlockError
        error = played(make(), order, STUCK_SECONDS if gets_stuck else ROOM_SECONDS)
        seconds = time.monotonic() - begun
        assert (type(error) if error else None) is expected, (make.__name__, order, error)
        assert seconds < LIMIT_SECONDS, (make.__name__, order, seconds)
        assert sys.gettrace() is None or "coverage" in sys.modules
        assert overlaps() == THREADS, (make.__name__, order)


def test_threads_that_never_end_are_ended_and_leave_the_next_call_alone() -> None:
    ended = []

    def body() -> None:
        number = 0
        try:
            while True:
                number += 1
        finally:
            ended.append(number)

    assert isinstance(played(body, 0, stuck_seconds=0.2), DeadlockError)
    waited_until = time.monotonic() + 60
    while len(ended) < THREADS and time.monotonic() < waited_until:
        time.sleep(0.01)
    assert len(ended) == THREADS
    assert overlaps() == THREADS
