"""Caches and pools that need more memory when threads overlap: lockstep shows each race, every time.

Each case is a racy body and a right one. Both run from eight threads, and tracemalloc reads the peak. Many
are what a public report tells of; it is named by its project and number on GitHub.
"""

from __future__ import annotations

import asyncio
import functools
import json
import pickle
import threading
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import cachetools
import pytest

from pytest_memguard.orders.order import Lockstep
from pytest_memguard.orders.threads import OrderedThreads

THREADS = 8
VALUE_BYTES = 200_000
NAMES = [f"abcdefghij{number}" for number in range(3_000)]  # as large as a value, too
TEXT = json.dumps(NAMES)
PICKLED = pickle.dumps(NAMES)
Body = Callable[[], object]
Case = tuple[Body, Body]


def load() -> bytearray:
    return bytearray(VALUE_BYTES)


def check_then_load() -> Case:
    """Two threads find no pool of connections, and each makes one: urllib3/urllib3#204."""
    cache: dict[str, bytearray] = {}
    lock = threading.Lock()

    def racy() -> None:
        if "key" not in cache:
            cache["key"] = load()

    def right() -> None:
        with lock:
            racy()

    return racy, right


def memoized() -> Case:
    """A decorator that remembers results, as many projects write one: theQRL/QRL#1542."""
    cache: dict[str, bytearray] = {}
    lock = threading.Lock()

    def remembering(key: str) -> bytearray:
        try:
            return cache[key]
        except KeyError:
            value = cache[key] = load()
            return value

    def right() -> object:
        with lock:
            return remembering("key")

    return lambda: remembering("key"), right


def second_look_forgotten() -> Case:
    """Locking before loading, without another look behind the lock."""
    kept: list[bytearray] = []
    lock = threading.Lock()

    def racy() -> None:
        if not kept:
            with lock:
                kept.append(load())

    def right() -> None:
        if not kept:
            with lock:
                if not kept:
                    kept.append(load())

    return racy, right


def eager_default() -> Case:
    """`setdefault` makes its default whether or not it is needed: django/django#5878."""
    cache: dict[str, bytearray] = {}
    lock = threading.Lock()

    def racy() -> None:
        value = cache.setdefault("key", load())
        assert value is cache["key"]

    def right() -> None:
        with lock:
            if "key" not in cache:
                cache["key"] = load()

    return racy, right


def pool_over_its_size() -> Case:
    """A pool that counts its connections after it has made one: redis/redis-py#906."""
    state: dict[str, Any] = {"made": 0, "all": []}
    lock = threading.Lock()

    def connect() -> None:
        if state["made"] < 2:
            connection = load()
            state["made"] += 1
            state["all"].append(connection)

    def right() -> None:
        with lock:
            connect()

    return connect, right


def shared_future() -> Case:
    """Waiters share a future, but whoever finds none makes one."""
    flights: dict[str, Future[bytearray]] = {}
    lock = threading.Lock()

    def racy() -> None:
        flight = flights.get("key")
        if flight is None:
            flight = flights["key"] = Future()
            flight.set_result(load())
        assert len(flight.result()) == VALUE_BYTES

    def right() -> None:
        with lock:
            flight = flights.get("key")
            is_mine = flight is None
            if flight is None:
                flight = flights["key"] = Future()
        if is_mine:
            flight.set_result(load())
        assert len(flight.result()) == VALUE_BYTES

    return racy, right


def slow_source() -> Case:
    """The load waits for something outside, and the lock is missing meanwhile."""
    cache: dict[str, bytearray] = {}
    lock = threading.Lock()

    def racy() -> bytearray:
        if "key" not in cache:
            time.sleep(0.01)
            cache["key"] = load()
        return cache["key"]

    def right() -> bytearray:
        with lock:
            return racy()

    return racy, right


def impatient_waiters() -> Case:
    """Waiters that give up on a lock load for themselves, all at once."""
    held: list[bytearray] = []
    lock = threading.Lock()

    def racy() -> None:
        if lock.acquire(timeout=0.02):
            try:
                time.sleep(0.1)
            finally:
                lock.release()
        else:
            held.append(load())

    def right() -> None:
        with lock:
            if not held:
                held.append(load())

    return racy, right


def buffers_of_all_at_once() -> Case:
    """A limit on how many render at once that is checked before it is taken."""
    state = {"rendering": 0}
    limit = threading.BoundedSemaphore(2)

    def racy() -> None:
        if state["rendering"] < 2:
            state["rendering"] += 1
            buffer = load()
            assert buffer
            state["rendering"] -= 1

    def careless() -> None:
        if state["rendering"] >= 2:
            return
        buffer = load()
        state["rendering"] += 1
        assert buffer
        state["rendering"] -= 1

    def right() -> None:
        with limit:
            racy()

    return careless, right


def expired_entry() -> Case:
    """An entry that has grown old is loaded again by everybody who finds it old: jazzband/django-redis#27."""
    cache: dict[str, Any] = {"key": (0, bytearray(1))}
    lock = threading.Lock()

    def racy() -> None:
        made, _ = cache["key"]
        if made == 0:
            fresh = load()
            cache["key"] = (1, fresh)

    def right() -> None:
        with lock:
            racy()

    return racy, right


def lock_for_each_key() -> Case:
    """Everybody that finds no lock for a key makes one, and then holds a lock of its own."""
    cache: dict[str, bytearray] = {}
    locks: dict[str, threading.Lock] = {}
    guard = threading.Lock()

    def lock_of(key: str) -> threading.Lock:
        lock = locks.get(key)
        if lock is None:
            lock = threading.Lock()
            locks[key] = lock
        return lock

    def get(lock: threading.Lock) -> None:
        with lock:
            if "key" not in cache:
                value = load()
                cache["key"] = value

    def racy() -> None:
        get(lock_of("key"))

    def right() -> None:
        with guard:
            lock = lock_of("key")
        get(lock)

    return racy, right


def refreshed_ahead() -> Case:
    """An old token is renewed by all that see no mark yet: googleapis/google-auth-library-python#1780."""
    cache: dict[str, Any] = {"key": None}
    marks = {"refreshing": False}
    refresh = threading.Lock()

    def racy() -> None:
        if cache["key"] is None and not marks["refreshing"]:
            marks["refreshing"] = True
            cache["key"] = load()

    def right() -> None:
        if cache["key"] is None and refresh.acquire(blocking=False):
            try:
                racy()
            finally:
                refresh.release()

    return racy, right


def lost_wakeup() -> Case:
    """Who waits for a condition only after its look is told nothing, and loads when the wait is over."""
    cache: dict[str, bytearray] = {}
    loading: list[int] = []
    condition = threading.Condition()

    def racy() -> None:
        if "key" not in cache and loading:
            with condition:
                condition.wait(timeout=0.01)
        if "key" not in cache:
            loading.append(1)
            cache["key"] = load()
            with condition:
                condition.notify()

    def right() -> None:
        with condition:
            if loading:
                condition.wait_for(lambda: "key" in cache)
                return
            loading.append(1)
        value = load()
        with condition:
            cache["key"] = value
            condition.notify_all()

    return racy, right


def loaded_in_a_pool() -> Case:
    """Whoever finds no future gives the load to a pool, whose threads it starts: awolverp/cachebox#15."""
    futures: dict[str, Future[bytearray]] = {}
    pool = ThreadPoolExecutor(THREADS)
    guard = threading.Lock()

    def racy() -> None:
        future = futures.get("key")
        if future is None:
            future = pool.submit(load)
            futures["key"] = future
        assert len(future.result()) == VALUE_BYTES

    def right() -> None:
        with guard:
            future = futures.get("key")
            if future is None:
                future = futures["key"] = pool.submit(load)
        assert len(future.result()) == VALUE_BYTES

    return racy, right


def loaded_by_own_threads() -> Case:
    """Whoever finds nothing starts a thread that loads, and does not wait for it."""
    cache: dict[str, bytearray] = {}
    started: list[int] = []
    guard = threading.Lock()

    def fill() -> None:
        value = load()
        cache["key"] = value

    def racy() -> None:
        if "key" not in cache:
            threading.Thread(target=fill).start()

    def right() -> None:
        with guard:
            if not started:
                started.append(1)
                threading.Thread(target=fill).start()

    return racy, right


def copied_by_all() -> Case:
    """Everybody copies a table to walk it, instead of one copy that is shared until the next write."""
    table = dict.fromkeys(range(4_000))
    shared: dict[str, dict[int, None]] = {}
    guard = threading.Lock()

    def racy() -> None:
        snapshot = dict(table)
        assert len(snapshot) == len(table)

    def right() -> None:
        with guard:
            if "table" not in shared:
                shared["table"] = dict(table)
        assert len(shared["table"]) == len(table)

    return racy, right


def counted_after_connecting() -> Case:
    """A pool of one counts a connection when it is made, and others connect meanwhile."""
    pool: list[bytearray] = []
    made: list[int] = []
    guard = threading.Lock()

    def racy() -> None:
        if not made:
            connection = load()
            made.append(1)
            pool.append(connection)

    def right() -> None:
        with guard:
            racy()

    return racy, right


class ReadWriteLock:
    """Many readers, or one writer."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.readers = 0

    def read(self) -> None:
        with self.changed:
            self.readers += 1

    def stop_reading(self) -> None:
        with self.changed:
            self.readers -= 1
            self.changed.notify_all()

    def write(self) -> None:
        self.changed.acquire()
        while self.readers:
            self.changed.wait()

    def stop_writing(self) -> None:
        self.changed.release()


def written_without_another_look() -> Case:
    """Readers that found nothing become writers, and what they found is no longer true then."""
    cache: dict[str, bytearray] = {}
    lock = ReadWriteLock()

    def is_missing() -> bool:
        lock.read()
        missing = "key" not in cache
        lock.stop_reading()
        return missing

    def racy() -> None:
        if is_missing():
            value = load()
            lock.write()
            cache["key"] = value
            lock.stop_writing()

    def right() -> None:
        if is_missing():
            lock.write()
            if "key" not in cache:
                cache["key"] = load()
            lock.stop_writing()

    return racy, right


def a_loop_for_each_thread() -> Case:
    """Synchronous code that runs a loop to load: an `asyncio.Lock` would be one for each thread."""
    cache: dict[str, bytearray] = {}
    guard = threading.Lock()

    async def fetch() -> bytearray:
        await asyncio.sleep(0)
        return load()

    def racy() -> None:
        if "key" not in cache:
            cache["key"] = asyncio.run(fetch())

    def right() -> None:
        with guard:
            racy()

    return racy, right


def computed_once_for_an_object() -> Case:
    """A property is kept without a lock, as in the standard library since 3.12: python/cpython#87634."""
    lock = threading.Lock()

    class Report:
        kept: list[bytearray] | None = None

        @property
        def rows(self) -> object:
            value = self.kept
            if value is None:
                value = self.kept = [load()]
            return value

    report = Report()

    def racy() -> None:
        assert report.rows

    def right() -> None:
        with lock:
            racy()

    return racy, right


def made_in_the_line_of_the_look() -> Case:
    """Each thread that finds no connection opens one, and the last one stays: httplib2/httplib2#33."""
    connections: dict[str, list[str]] = {}
    lock = threading.Lock()

    def racy() -> None:
        connections["key"] = connections.get("key") or json.loads(TEXT)

    def right() -> None:
        with lock:
            racy()

    return racy, right


def loaded_for_a_language() -> Case:
    """A catalogue is missing, and a library makes it before it is stored: django/djangoproject.com#446."""
    catalogues: dict[str, list[str]] = {}
    lock = threading.Lock()

    def racy() -> None:
        if "key" not in catalogues:
            catalogues["key"] = json.loads(TEXT)

    def right() -> None:
        with lock:
            racy()

    return racy, right


def remembered_by_the_standard_library() -> Case:
    """`lru_cache` calls a function again until its first result is there: python/cpython#103475."""
    lock = threading.Lock()
    loads = functools.lru_cache(json.loads)

    def racy() -> None:
        assert len(loads(TEXT)) > 1

    def right() -> None:
        with lock:
            racy()

    return racy, right


def remembered_by_a_package() -> Case:
    """A package's decorator around a function of another package: tkem/cachetools#294."""
    lock = threading.Lock()
    loads: Callable[[str], object] = cachetools.cached({})(json.loads)

    def racy() -> None:
        value = loads(TEXT)
        assert value

    def right() -> None:
        with lock:
            racy()

    return racy, right


def made_by_a_factory() -> Case:
    """The factory of a dictionary is called by each thread that misses: python/cpython#142495."""
    lock = threading.Lock()
    values: defaultdict[str, list[str]] = defaultdict(functools.partial(json.loads, TEXT))

    def racy() -> None:
        value = values["key"]
        assert value

    def right() -> None:
        with lock:
            racy()

    return racy, right


def read_by_a_lambda() -> Case:
    """A default session that is made when the first one asks: boto/boto3#806."""
    sessions: list[list[str]] = []
    lock = threading.Lock()
    session: Callable[[], list[str]] = lambda: sessions[0] if sessions else pickle.loads(PICKLED)  # noqa: E731 - a line of its own code

    def racy() -> None:
        sessions.append(session())

    def right() -> None:
        with lock:
            if not sessions:
                racy()

    return racy, right


def gathered_in_a_comprehension() -> Case:
    """Several keys are looked up and filled in one expression: aio-libs/aiocache#187."""
    cache: dict[str, list[str]] = {}
    lock = threading.Lock()

    def racy() -> None:
        cache.update({key: cache.get(key) or json.loads(TEXT) for key in ("key",)})

    def right() -> None:
        with lock:
            racy()

    return racy, right


def _puts_its_value_over_anothers() -> bool:
    values: defaultdict[str, int] = defaultdict(lambda: values.setdefault("key", 1) + 1)
    return values["key"] == 2


CASES = [
    a_loop_for_each_thread,
    buffers_of_all_at_once,
    check_then_load,
    computed_once_for_an_object,
    copied_by_all,
    counted_after_connecting,
    eager_default,
    expired_entry,
    gathered_in_a_comprehension,
    impatient_waiters,
    loaded_by_own_threads,
    loaded_for_a_language,
    loaded_in_a_pool,
    lock_for_each_key,
    lost_wakeup,
    pytest.param(
        made_by_a_factory,
        marks=pytest.mark.skipif(
            not _puts_its_value_over_anothers(), reason="this Python's defaultdict keeps the first value made"
        ),
    ),
    made_in_the_line_of_the_look,
    memoized,
    pool_over_its_size,
    read_by_a_lambda,
    refreshed_ahead,
    remembered_by_a_package,
    remembered_by_the_standard_library,
    second_look_forgotten,
    shared_future,
    slow_source,
    written_without_another_look,
]


def peak_bytes(body: Body, own: Collection[str] = (__file__,)) -> int:
    threads = OrderedThreads(
        body, THREADS, order=Lockstep(), is_own=lambda file: file in own, stuck_seconds=20
    )
    with threads as call:
        tracemalloc.start()
        try:
            call()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("case", CASES)
def test_a_race_needs_a_copy_for_each_thread_and_the_right_code_one(case: Callable[[], Case]) -> None:
    for _ in range(3):
        racy, _ = case()
        assert peak_bytes(racy) > 5 * VALUE_BYTES
        _, right = case()  # with nothing cached yet
        assert peak_bytes(right) < 2.8 * VALUE_BYTES
