"""Bodies that do what a test should not, and a driver that plays many: `python -m tests.orders.hostile`.

It plays them in a random sequence from a seed, and after each one checks that the next call is right.
With `--pytest` each is a guarded test of a run of pytest, whose next test must need what it needs alone.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from pytest_memguard.orders.order import order_of
from pytest_memguard.orders.threads import OrderedThreads
from pytest_memguard.orders.watching import DeadlockError

THREADS = 3
STAYS_SECONDS = 6
Body = Callable[[], object]


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


def leaves_a_poller() -> Body:
    """Leave a thread behind that sleeps again and again, with and without lines of its own."""
    is_over = threading.Event()

    def polls() -> None:
        while not is_over.is_set():
            time.sleep(0.002)

    def body() -> None:
        threading.Thread(target=polls, daemon=True).start()
        threading.Timer(1, is_over.set).start()
        time.sleep(0.005)

    return body


def sleeps_with_a_lock() -> Body:
    """Sleep while others wait for the lock that the sleeper holds, poll for it, or are interrupted asleep."""
    lock = threading.Lock()
    numbers = iter(range(THREADS))
    asleep: list[int] = []

    def body() -> None:
        if next(numbers) == 1:
            asleep.append(threading.get_ident())
            with contextlib.suppress(KeyError):
                time.sleep(0.05)
            return
        while not lock.acquire(timeout=0.001):
            time.sleep(0.001)
        for ident in asleep:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(KeyError))
        time.sleep(0.003)
        lock.release()

    return body


def raises_in_one() -> Body:
    numbers = iter(range(THREADS))

    def body() -> None:
        if next(numbers) == 1:
            raise KeyError("one")

    return body


def raises_in_others() -> Body:
    """Raise an error in all threads that are inside, wherever they are."""
    inside: list[int] = []

    def body() -> None:
        inside.append(threading.get_ident())
        for number in range(100):
            if number == 50:
                for ident in inside:
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(ident), ctypes.py_object(KeyError)
                    )

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
    before = sys.getswitchinterval()  # in the threads, one would read what another has set

    def body() -> None:
        sys.setswitchinterval(1e-5)
        total = 0
        for number in range(100):
            total += number
        sys.setswitchinterval(before)

    return body


def never_ends() -> Body:
    """Run until it is ended, in lines of its own."""

    def body() -> None:
        number = 0
        while True:
            number += 1

    return body


def forks() -> Body:
    """Fork in one thread, whose child ends at once; the child of a process with threads may do no more."""
    numbers = iter(range(THREADS))

    def body() -> None:
        if next(numbers) == 0:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # it is what is tried here
                child = os.fork()
            if not child:
                os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7

    return body


def finalizes_under_a_lock() -> Body:
    """Collect garbage whose finalizer waits for a lock that another thread holds, where it stands in line."""
    lock = threading.RLock()

    class Ring:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            with lock:
                self.seen = 1

    def body() -> None:
        Ring()
        with lock:
            number = 1
            assert number
        Ring()
        gc.collect()

    return body


def leaves_a_loop() -> Body:
    """Leave threads behind that loop in their own lines, and outlive the call."""

    def loops() -> None:
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            time.sleep(0.0005)

    def body() -> None:
        threading.Thread(target=loops, daemon=True).start()

    return body


def patches_the_clock() -> Body:
    """Replace what a program reads the time with, as a fixture may."""
    lock = threading.Lock()

    def body() -> None:
        with lock, pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "monotonic", lambda: 0.0)
            patch.setattr(time, "sleep", lambda _seconds: None)
            time.sleep(1)

    return body


def greenlets() -> Body:
    greenlet = import_module("greenlet")  # not installed everywhere

    def body() -> None:
        seen = []

        def other() -> None:
            seen.append(1)
            here.switch()
            seen.append(2)

        here = greenlet.getcurrent()
        another = greenlet.greenlet(other)
        another.switch()
        another.switch()
        assert seen == [1, 2]

    return body


def hubs() -> Body:
    gevent = import_module("gevent")  # not installed everywhere, and without types

    def body() -> None:
        jobs = [gevent.spawn(gevent.sleep, 0.001) for _ in range(2)]
        gevent.joinall(jobs)

    return body


def freezes_the_clock() -> Body:
    import freezegun  # noqa: PLC0415 - not installed everywhere

    lock = threading.Lock()

    def body() -> None:
        with lock, freezegun.freeze_time("2020-02-02"):
            waits = threading.Lock()
            waits.acquire()
            assert not waits.acquire(timeout=0.01)

    return body


def travels() -> Body:
    import time_machine  # noqa: PLC0415 - not installed everywhere

    lock = threading.Lock()

    def body() -> None:
        with lock, time_machine.travel(0, tick=False):
            waits = threading.Lock()
            waits.acquire()
            assert time.time() == 0
            assert not waits.acquire(timeout=0.01)

    return body


MAKERS = [
    deadlock,
    exits,
    finalizes_under_a_lock,
    *([forks] if hasattr(os, "fork") else []),
    leaves_a_loop,
    leaves_a_poller,
    leaves_a_thread,
    livelock,
    locals_of_threads,
    never_ends,
    patches_the_clock,
    raises_in_one,
    raises_in_others,
    recurses,
    signals,
    sleeps_with_a_lock,
    starts_threads,
    switches_often,
    traces,
    waits_for_nobody,
]
OF_PACKAGES = {greenlets: "greenlet", hubs: "gevent", freezes_the_clock: "freezegun", travels: "time_machine"}
MAKERS += [make for make, package in OF_PACKAGES.items() if find_spec(package)]
EXPECTED = {
    deadlock: DeadlockError,
    exits: SystemExit,
    never_ends: DeadlockError,
    raises_in_one: KeyError,
    raises_in_others: KeyError,
    waits_for_nobody: DeadlockError,
}

STUCK_SECONDS = 0.5
ROOM_SECONDS = 20
"""For bodies that end: no machine is so slow."""

LIMIT_SECONDS = 30


def is_own(file: str) -> bool:
    return file == __file__


def played(
    body: Body,
    order: int,
    stuck_seconds: float = ROOM_SECONDS,
    is_own: Callable[[str], bool] = is_own,
) -> BaseException | None:
    """Return what a call of the body from all threads raises."""
    threads = OrderedThreads(body, THREADS, order=order_of(order), is_own=is_own, stuck_seconds=stuck_seconds)
    try:
        with threads as call:
            call()
    except BaseException as error:
        return error
    return None


def overlaps() -> int:
    """Return how many threads of a body that is easy to follow found nothing; raises what it raised."""
    cache: dict[str, int] = {}
    missed = []

    def body() -> None:
        if "key" not in cache:
            missed.append(1)
            cache["key"] = 1

    error = played(body, 0)
    if error is not None:
        raise error
    return len(missed)


def drawn(runs: int, seed: int) -> list[tuple[Callable[[], Body], int]]:
    """Return so many bodies, each kind as often, and the order that each is played in."""
    random_ = random.Random(seed)
    makers = [MAKERS[number % len(MAKERS)] for number in range(runs)]
    random_.shuffle(makers)
    return [(make, random_.choice([0, 0, 1, 2, 3])) for make in makers]


def trouble_with(make: Callable[[], Body], order: int) -> str:
    """Play a body, then one that is easy to follow; say what was not as it should be."""
    expected = EXPECTED.get(make)
    begun = time.monotonic()
    error = played(make(), order, STUCK_SECONDS if expected is DeadlockError else ROOM_SECONDS)
    seconds = time.monotonic() - begun
    if (type(error) if error else None) is not expected:
        return f"ended with {error!r}"
    if seconds >= LIMIT_SECONDS:
        return f"took {seconds:.1f} s"
    if sys.gettrace() is not None and "coverage" not in sys.modules:
        return "left a trace function behind"
    try:
        return "" if overlaps() == THREADS else "the next call was wrong"
    except Exception as error:
        return f"the next call raised {error!r}"


_TESTS = """
import os, pytest
from hostile import MAKERS

BODY = next(make for make in MAKERS if make.__name__ == os.environ["KIND"])()

@pytest.mark.memguard(threads=3, thread_timeout="{stuck}")
def test_hostile():
    BODY()

@pytest.fixture
def cache():
    return {{}}

@pytest.mark.memguard(threads=8, max_peak="10 MiB")
def test_next(cache):
    if "k" not in cache:
        cache["k"] = bytearray(100_000)
"""


def played_by_pytest(make: Callable[[], Body]) -> tuple[str, int]:
    """Return how a guarded test of the body ended, and what the test after it needed at its peak."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copy(__file__, root / "hostile.py")
        stuck = STUCK_SECONDS if EXPECTED.get(make) is DeadlockError else ROOM_SECONDS
        (root / "test_it.py").write_text(_TESTS.format(stuck=f"{stuck} s"))
        (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\npythonpath = ['.']\n")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--memguard", "--tb=line"],
            cwd=root,
            env={**os.environ, "KIND": make.__name__, "CI": ""},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        results = root / ".memguard/results/last.json"
        tests = json.loads(results.read_text())["tests"] if results.exists() else []
        by_name = {test["id"].partition("::")[2]: test for test in tests}
        ended = by_name.get("test_hostile", {}).get("outcome") or (
            "failed" if "failed" in done.stdout else f"exit {done.returncode}: {done.stdout[-300:]}"
        )
        return ended, by_name.get("test_next", {}).get("metrics", {}).get("peak", {}).get("measured", 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=15)
    parser.add_argument("--part", default="1/1", help="play one part of the runs, such as 2/8")
    parser.add_argument("--pytest", action="store_true")
    options = parser.parse_args()
    endings: dict[str, Counter[str]] = defaultdict(Counter)
    slowest: Counter[str] = Counter()
    peaks: Counter[int] = Counter()
    part, parts = map(int, options.part.split("/"))
    for make, order in drawn(options.runs, options.seed)[part - 1 :: parts]:
        begun = time.monotonic()
        if options.pytest:
            ended, peak_bytes = played_by_pytest(make)
            peaks[peak_bytes] += 1
        else:
            ended = trouble_with(make, order) or "right"
        endings[make.__name__][ended] += 1
        if ended != "right" and not options.pytest:
            sys.stdout.write(f"{make.__name__} in order {order}: {ended}\n")
            sys.stdout.flush()
        slowest[make.__name__] = max(slowest[make.__name__], round(1000 * (time.monotonic() - begun)))
    for name in sorted(endings):
        told = ", ".join(f"{count} {ended}" for ended, count in endings[name].most_common())
        sys.stdout.write(f"{name:20} slowest {slowest[name]:>6} ms   {told}\n")
    if options.pytest:
        sys.stdout.write(f"the test after each needed: {dict(peaks)}\n")
        return int(len(peaks) != 1)
    return int(any(set(by_ending) != {"right"} for by_ending in endings.values()))


if __name__ == "__main__":
    sys.exit(main())
