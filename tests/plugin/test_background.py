"""Threads that ran before the test: one that only beats is left out, one that works for the test counts."""

from __future__ import annotations

from tests.guarded_project import GuardedProject

HELD_BYTES = 400_000

BEAT = """
    import os
    import random
    import threading
    import time
    from concurrent.futures import ThreadPoolExecutor

    import pytest

    POOL = ThreadPoolExecutor(1)
    STOP = threading.Event()
    TIMES = int(os.environ.get("TIMES", "1"))

    def beat():
        while not STOP.is_set():
            held = bytearray(random.choice([300_000, 600_000, 900_000]))
            time.sleep(0.004)
            del held

    @pytest.fixture(scope="session", autouse=True)
    def heart():
        thread = threading.Thread(target=beat)
        thread.start()
        yield
        STOP.set()
        thread.join()

    def load(times):
        held = bytearray(times * 400_000)
        time.sleep(0.02)
        return len(held)

    @pytest.mark.memguard
    def test_own():
        assert load(1)

    def test_part(memguard):
        with memguard.measure("part"):
            load(1)

    @pytest.mark.memguard
    def test_pool():  # last: until then one thread runs beside the tests
        assert POOL.submit(load, TIMES).result()
"""


def test_a_thread_that_beats_is_left_out_and_a_pool_counts(project: GuardedProject) -> None:
    """In a process of its own: what its threads are is known once."""
    project.write(test_it=BEAT)
    accepted = project.spawn("--memguard-accept")
    assert "left out: memory of test_it.py:beat, where a thread allocates between tests" in accepted.text
    for name in ("test_own", "test_part::part", "test_pool"):
        assert HELD_BYTES <= accepted.measured(name) < 1.1 * HELD_BYTES
    project.let(TIMES=2)
    assert project.spawn().outcomes() == {
        "test_own": "ok",
        "test_part::part": "ok",
        "test_pool": "grew",
    }
