"""Every kind of leak is found, at its rate."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import itertools
import mmap
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from pytest_memguard.core.leak_finding import Doubt, LeakFinding
from pytest_memguard.core.policy import Policy
from pytest_memguard.leaks.check import LeakCheck

Body = Callable[[], object]


def _screen(body: Body, budget_seconds: float = 0.3) -> LeakFinding:
    return LeakCheck(body, Policy(leak_budget_seconds=budget_seconds)).screen()


def _every(number: int, keep: Callable[[], object]) -> Body:
    kept: list[object] = []
    calls = 0

    def body() -> None:
        nonlocal calls
        calls += 1
        if calls % number == 0:
            kept.append(keep())

    return body


def _native(size_bytes: int) -> Body:
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    return lambda: libc.malloc(size_bytes)


def _slow(body: Body) -> Body:
    """Make it so slow that the check has to go on for long enough to prove anything."""

    def slow() -> None:
        body()
        sum(range(50_000))

    return slow


def _error_path() -> Body:
    seen: list[BaseException] = []

    def read(text: str) -> int:
        try:
            return int(text)
        except ValueError as error:
            seen.append(error.with_traceback(None))
            raise

    def body() -> None:
        with contextlib.suppress(ValueError):
            read("x")

    return body


def _mapped() -> Body:
    kept: list[mmap.mmap] = []

    def body() -> None:
        area = mmap.mmap(-1, 65536)
        area.write(bytes(65536))
        kept.append(area)

    return body


def _entry() -> Body:
    kept: dict[int, None] = {}
    keys = iter(range(10**9))
    return lambda: kept.setdefault(next(keys))


LEAKS: dict[str, tuple[Body, int, int]] = {
    "an object a call": (_every(1, object), 22, 28),
    "an object every 7th call": (_every(7, object), 3, 5),
    "an object every 50th call": (_every(50, object), 1, 1),
    "10 KB every 7th call": (_every(7, lambda: bytes(10_000)), 1_380, 1_500),
    "8 bytes a call": (_every(1, lambda: None), 6, 11),
    "malloc(24)": (_native(24), 32, 33),
    "an error path": (_error_path(), 80, 700 if sys.version_info >= (3, 11) else 1_400),
    "a dict entry a call": (_entry(), 64, 86),
    "mapped memory": (_mapped(), 65_000, 68_000),
}


@pytest.mark.parametrize("name", LEAKS)
def test_leak_is_found_at_its_rate(name: str) -> None:
    body, least, most = LEAKS[name]
    finding = _screen(body)
    assert finding.leaking, str(finding)  # as a text, since pytest shortens an object's representation
    assert least <= finding.bytes_per_call <= most, str(finding)


def test_slow_first_calls_do_not_shorten_the_check() -> None:
    calls = itertools.count()
    keep = _every(50, object)

    def body() -> None:
        if next(calls) < 3:
            sum(range(1_000_000))
        keep()

    finding = _screen(body)
    assert finding.leaking, finding
    assert finding.calls > 10_000


def test_quick_calls_are_timed_while_the_ceiling_watches() -> None:
    """Its timer makes one of the clocks coarse, and what a call costs would be a matter of chance."""
    calls = [_screen(lambda: sum(range(2_000)), budget_seconds=0.1).calls for _ in range(5)]
    assert max(calls) <= 4.5 * min(calls), calls  # a busy machine halves or doubles what a call takes


def test_garbage_of_the_past_hides_no_leak() -> None:
    """It dies when the check looks at older objects too, which must not read as a fall."""
    cycles: list[list[object]] = [[bytes(400)] for _ in range(400)]
    for cycle in cycles:
        cycle.append(cycle)
    kept: list[bytes] = []

    def body() -> None:
        cycles.clear()
        kept.append(bytes(100))

    finding = _screen(_slow(body), budget_seconds=0.2)
    assert finding.leaking, finding
    assert 130 <= finding.bytes_per_call <= 180  # few calls, and a share of the list


@pytest.fixture
def opened() -> Iterator[list[int]]:
    files: list[int] = []
    yield files
    for file in files:
        os.close(file)


def test_file_left_open_is_found_in_its_own_unit(opened: list[int]) -> None:
    finding = _screen(lambda: opened.append(os.open(os.devnull, os.O_RDONLY)))
    assert finding.leaking
    assert [(count.unit, round(count.per_call, 2)) for count in finding.counts] == [("files", 1.0)]


def test_thread_left_running_is_found_in_its_own_unit() -> None:
    stop = threading.Event()
    finding = _screen(lambda: threading.Thread(target=stop.wait).start())
    stop.set()
    assert finding.leaking
    assert ("threads", 1.0) in [(count.unit, round(count.per_call, 2)) for count in finding.counts]


@pytest.mark.parametrize("budget_seconds", [0.1, 0.4])
def test_rate_of_callbacks_that_pile_up_does_not_depend_on_the_calls(budget_seconds: float) -> None:
    callbacks: list[Callable[[], None]] = []

    def body() -> None:
        seen: list[None] = []
        callbacks.append(lambda: seen.append(None))
        for callback in callbacks:
            callback()

    finding = LeakCheck(body, Policy(leak_budget_seconds=budget_seconds)).screen()
    callbacks.clear()
    assert finding.leaking
    assert 7_000 < finding.bytes_per_call < 12_000
    assert finding.is_accelerating


def test_growth_of_a_process_past_the_ceiling_ends_the_check() -> None:
    kept: list[bytes] = []
    check = LeakCheck(
        lambda: kept.append(b"x" * 1_000_000), Policy(leak_budget_seconds=5, leak_ceiling_bytes=40_000_000)
    )
    finding = check.screen()
    held = sum(map(len, kept))
    kept.clear()
    assert finding.leaking
    assert 900_000 <= finding.bytes_per_call <= 1_200_000
    assert held < 60_000_000


def test_no_signal_of_the_ceiling_interrupts_a_reading() -> None:
    """A full collection among millions of objects takes longer than the timer's period."""
    kept: list[object] = []
    seconds_left: list[float] = []

    def note(_phase: str, info: dict[str, int]) -> None:
        if info["generation"] == 2:
            seconds_left.append(signal.getitimer(signal.ITIMER_PROF)[0])

    gc.callbacks.append(note)
    try:
        assert _screen(lambda: kept.append(object()), budget_seconds=0.05).leaking
    finally:
        gc.callbacks.remove(note)
    assert set(seconds_left) == {0.0}


def test_quick_calls_are_interrupted_by_no_signal() -> None:
    reader, writer = socket.socketpair()
    with reader, writer:
        for end in (reader, writer):
            end.setblocking(False)
        before = signal.set_wakeup_fd(writer.fileno())
        try:
            finding = _screen(lambda: sum(range(1000)))
        finally:
            signal.set_wakeup_fd(before)
        assert not finding.leaking
        with pytest.raises(BlockingIOError):  # nothing was written for an event loop to read
            reader.recv(1)


def test_one_call_that_runs_away_is_ended() -> None:
    kept: list[bytes] = []
    calls = 0

    def body() -> None:
        nonlocal calls
        calls += 1
        while calls > 1:
            kept.append(b"x" * 1_000_000)

    finding = LeakCheck(body, Policy(leak_ceiling_bytes=200_000_000)).screen()
    held = sum(map(len, kept))
    kept.clear()
    assert finding.leaking
    assert finding.doubts == (Doubt.CEILING,)
    assert held < 2_000_000_000
