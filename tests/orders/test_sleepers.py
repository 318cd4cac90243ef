"""Threads that sleep go on in the order of what they sleep, and not of how fast the machine is."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from time import sleep
from unittest import mock

import pytest

from pytest_memguard.orders.order import Lockstep
from pytest_memguard.orders.threads import OrderedThreads
from tests.orders.elsewhere import works

THREADS = 4

REAL = [time.sleep]


def is_own(file: str) -> bool:
    return file == __file__


def play(body: Callable[[], object], *, calls: int = 1) -> OrderedThreads:
    with OrderedThreads(body, THREADS, order=Lockstep(), is_own=is_own, stuck_seconds=10) as call:
        for _ in range(calls):
            call()
    return call


def told(delays: list[float], slow_seconds: float) -> list[tuple[int, str]]:
    """Return what threads said that sleep twice, on a machine where each line takes so long."""
    story: list[tuple[int, str]] = []
    numbers = itertools.count()
    mutex = threading.Lock()

    def body() -> None:
        with mutex:
            number = next(numbers)
        works(slow_seconds)
        time.sleep(delays[number])
        story.append((number, "first"))
        works(slow_seconds)
        sleep(delays[number])
        story.append((number, "second"))

    play(body)
    return story


@pytest.mark.parametrize("slow_seconds", [0, 0.003, 0.02])
def test_what_threads_sleep_decides_who_goes_on(slow_seconds: float) -> None:
    """By the clock, a thread that sleeps for 1 ms on a slow machine ends before the next one begins to."""
    assert told([0.004, 0.001, 0.004, 0.01], slow_seconds) == [
        (1, "first"),
        (1, "second"),
        (2, "first"),
        (0, "first"),
        (2, "second"),
        (0, "second"),
        (3, "first"),
        (3, "second"),
    ]


def test_threads_that_sleep_equally_long_overlap_behind_it() -> None:
    """The load of a cache that takes a moment: all have loaded before the first one stores."""
    story: list[str] = []

    def body() -> None:
        time.sleep(0.002)
        story.append("loaded")
        story.append("stored")

    play(body)
    assert story == ["loaded"] * THREADS + ["stored"] * THREADS


def test_no_thread_goes_on_before_it_has_slept() -> None:
    lasted = []

    def body() -> None:
        start = time.monotonic()
        time.sleep(0.01)
        lasted.append(time.monotonic() - start)

    play(body, calls=2)
    assert min(lasted) >= 0.01


@pytest.mark.parametrize("waits", ["spins", "polls", "sleeps"])
def test_a_thread_that_waits_in_a_loop_for_one_that_sleeps_sees_it_wake_up(waits: str) -> None:
    flag: list[bool] = []
    numbers = itertools.count()
    never = threading.Event()
    ended = []

    def body() -> None:
        if next(numbers) == 0:
            time.sleep(0.02)
            flag.append(True)
        while not flag:
            if waits == "polls":
                never.wait(0.0001)
            elif waits == "sleeps":
                time.sleep(0.001)
        ended.append(len(flag))

    play(body)
    assert ended == [1] * THREADS


def test_a_loop_looks_equally_often_for_what_a_thread_does_that_sleeps() -> None:
    def looks() -> int:
        flag: list[bool] = []
        numbers = itertools.count()
        looked = []

        def body() -> None:
            if next(numbers) == 0:
                time.sleep(0.02)
                flag.append(True)
            while not flag:
                looked.append(1)

        play(body)
        return len(looked)

    assert looks() == looks() == looks()


def test_threads_that_the_body_starts_sleep_in_order_too() -> None:
    story: list[str] = []

    def worker(seconds: float) -> None:
        time.sleep(seconds)
        story.append(f"{seconds:g}")

    def body() -> None:
        threads = [threading.Thread(target=worker, args=(seconds,)) for seconds in (0.003, 0.001, 0.002)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    play(body)
    assert story == ["0.001"] * THREADS + ["0.002"] * THREADS + ["0.003"] * THREADS


def test_a_thread_left_asleep_does_not_keep_the_next_call_waiting() -> None:
    ended = []

    def sleeps() -> None:
        time.sleep(0.3)
        ended.append(1)

    def body() -> None:
        threading.Thread(target=sleeps).start()

    start = time.monotonic()
    play(body, calls=2)
    assert time.monotonic() - start < 60  # it ends at all
    while len(ended) < 2 * THREADS:
        time.sleep(0.01)


def test_an_error_that_ends_a_sleep_passes_through() -> None:
    caught = []

    def body() -> None:
        try:
            time.sleep(-1)
        except ValueError as error:
            caught.append(error)
        with pytest.raises(TypeError):
            time.sleep("long")  # type: ignore[arg-type]  # it is to fail
        time.sleep(0)

    play(body)
    assert len(caught) == THREADS


def test_a_sleep_that_a_test_has_patched_stays_so() -> None:
    slept: list[float] = []
    with mock.patch.object(time, "sleep", slept.append):
        play(lambda: time.sleep(5))
    assert slept == [5] * THREADS


def test_afterwards_sleep_is_what_it_was() -> None:
    during = []

    def body() -> None:
        during.append(time.sleep)
        during.append(sleep)

    play(body)
    assert REAL[0] not in during
    assert time.sleep is REAL[0]
    assert sleep is REAL[0]
