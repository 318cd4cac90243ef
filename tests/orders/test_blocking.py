"""Which threads are blocked: not those that only wait for the interpreter or for a processor."""

from __future__ import annotations

import itertools
import os
import sys
import threading

import pytest

from pytest_memguard.orders import blocking
from pytest_memguard.orders.blocking import Sightings, ThreadWatch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only the position is known")


def interpreter_wait() -> bytes:
    """Return what Linux shows of a thread that waits for the interpreter, which this one takes."""
    ended = threading.Event()

    def spin() -> None:
        while not ended.is_set():
            pass

    threads = [threading.Thread(target=spin) for _ in range(2)]
    for thread in threads:
        thread.start()
    calls = os.open(f"/proc/self/task/{threads[0].native_id}/syscall", os.O_RDONLY)
    shown = b"running"
    try:
        while shown.startswith(b"running"):
            shown = os.pread(calls, 256, 0)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        os.close(calls)
    return shown


@pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="there is nothing to wait for"
)
def test_a_thread_that_waits_for_the_interpreter_would_run() -> None:
    blocking._INTERPRETER.learn()
    assert blocking.parsed(interpreter_wait()).is_running


def test_a_thread_that_waits_for_a_lock_is_blocked() -> None:
    lock = threading.Lock()
    with lock:
        thread = threading.Thread(target=lock.acquire)
        thread.start()
        watch = ThreadWatch(thread.ident or 0, thread.native_id or 0)
        seen = Sightings(watch)
        is_blocked = any(seen.is_blocked() for _ in itertools.count())
        watch.close()
    thread.join()
    assert is_blocked
