"""Which threads are blocked: not those that only wait for the interpreter or for a processor."""

from __future__ import annotations

import ctypes
import itertools
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from pytest_memguard.orders import blocking, system_calls, watched_time
from pytest_memguard.orders.blocking import Sightings, ThreadWatch
from pytest_memguard.orders.progress import SECOND_NS, Progress

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
    shown = interpreter_wait()
    assert blocking.would_run(shown)
    _, arguments = shown.split(b" ", 1)
    after_a_stop = b"%s %s" % (system_calls._RESTARTED, arguments)
    assert blocking.would_run(after_a_stop)


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


def test_a_thread_that_wakes_while_it_is_looked_at_does_not_wait_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What Linux shows of it is played: a thread that is waking shows its old call, then sleeps elsewhere."""
    at_interpreter = interpreter_wait()
    at_lock = b"202 0x1000 0x189 0x0 0x0 0x0 0x0 0x7f 0x7f\n"
    watch = ThreadWatch(threading.get_ident(), threading.get_native_id())
    shown = {
        "call": {"waking": at_lock, "awake": at_interpreter},
        "state": {"waking": b"1 (x) R 1", "awake": b"1 (x) S 1"},
    }
    reads = itertools.chain(["waking"], itertools.repeat("awake"))

    def played(fd: int, *_: int) -> bytes:
        return shown["call" if fd == watch._fd else "state"][next(reads)]

    with monkeypatch.context() as patched:
        patched.setattr(blocking, "pread", played)
        assert not watch.waits_at(at_lock)
        assert not watch.waits_at(at_lock)
    watch.close()


def test_a_lock_of_a_library_has_to_last_since_its_holder_may_only_lack_a_processor() -> None:
    """A holder of the lock of `malloc` is about to let go, however long the machine lets it wait."""
    mutex = ctypes.create_string_buffer(64)  # a `pthread_mutex_t` of zeros is one that nobody holds
    lock, unlock = (getattr(ctypes.CDLL(None), f"pthread_mutex_{name}") for name in ("lock", "unlock"))
    lock(mutex)
    thread = threading.Thread(target=lambda: unlock(mutex) if lock(mutex) == 0 else None)
    thread.start()
    watch = ThreadWatch(thread.ident or 0, thread.native_id or 0)
    while not system_calls.waits_for_lock(watch.look()):
        time.sleep(0.001)
    seen = Sightings(watch)
    assert not any(seen.is_blocked() for _ in range(3))
    end = time.monotonic() + 20
    while not seen.is_blocked() and time.monotonic() < end:
        time.sleep(0.001)
    assert seen.is_blocked()
    unlock(mutex)
    thread.join()
    watch.close()


def test_time_in_which_the_process_was_paused_is_no_time_that_a_thread_has_waited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses = itertools.count(0, 60 * SECOND_NS)
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait, args=(60,))
    thread.start()
    watch = ThreadWatch(thread.ident or 0, thread.native_id or 0)
    while watch.look() == blocking.RUNS:
        time.sleep(0.001)
    monkeypatch.setattr(watched_time, "clock_ns", lambda *_: next(pauses))
    seen, progress = Sightings(watch), Progress(30)
    assert not any(seen.is_blocked() for _ in range(3))
    assert progress.stuck_at("here", progress.now_ns()) == progress.stuck_at("here", progress.now_ns()) == ""
    assert any(seen.is_blocked() for _ in range(1_000))
    ended.set()
    thread.join()
    watch.close()


@pytest.mark.skipif(sys.platform != "linux", reason="there are no such files elsewhere")
def test_a_test_that_closes_files_of_a_watch_ends_no_thread_by_it_and_closes_none_of_its_own() -> None:
    saved = os.dup(0)
    os.close(0)
    try:
        watch = ThreadWatch(threading.get_ident(), threading.get_native_id())
        files = [*range(max(os.dup(saved), 3) + 20)]
        of_watch = [fd for fd in files if _leads_to(fd, f"task/{threading.get_native_id()}/")]
        assert of_watch
        assert min(of_watch) > 2
        for fd in of_watch:
            os.close(fd)
        watch.look()
        assert not watch.is_gone
        taken = os.open(os.devnull, os.O_RDONLY)
        watch.close()
        os.close(taken)
    finally:
        os.dup2(saved, 0)
        os.close(saved)


def _leads_to(fd: int, part: str) -> bool:
    try:
        return part in str(Path(f"/proc/self/fd/{fd}").readlink())
    except OSError:
        return False
