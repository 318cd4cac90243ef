"""Bodies that do what a test should not: each call ends in a clear outcome, and the next is right."""

from __future__ import annotations

import os
import threading
import time

import pytest

from pytest_memguard.orders.watching import DeadlockError
from tests.orders.hostile import MAKERS, THREADS, drawn, overlaps, played, trouble_with

RUNS = int(os.environ.get("MEMGUARD_HOSTILE_RUNS", len(MAKERS)))
"""Each body once; `python -m tests.orders.hostile` plays thousands."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_hostile_bodies_end_as_they_should_and_leave_the_next_call_alone() -> None:
    for make, order in drawn(RUNS, seed=15):
        assert not trouble_with(make, order), (make.__name__, order)


@pytest.mark.parametrize("is_own", [True, False])
def test_threads_that_never_end_are_ended_and_leave_the_next_call_alone(is_own: bool) -> None:
    known = set(threading.enumerate())

    def body() -> None:
        number = 0
        while True:
            number += 1

    error = played(body, 0, stuck_seconds=0.2, is_own=lambda file: is_own and file == __file__)
    assert isinstance(error, DeadlockError)
    waited_until = time.monotonic() + 60
    while set(threading.enumerate()) - known and time.monotonic() < waited_until:
        time.sleep(0.01)
    assert not set(threading.enumerate()) - known
    assert overlaps() == THREADS
