"""Races of clients and pools after public reports, named by their project and number on GitHub."""

from __future__ import annotations

import importlib
import queue
import threading
import time
from collections.abc import Callable

import pytest

from tests.orders.test_races import THREADS, VALUE_BYTES, Case, load, peak_bytes

OWN = (__file__, load.__code__.co_filename)


def instance_of_a_class() -> Case:
    """The lock is taken after the look, and nobody looks again behind it: giampaolo/pyftpdlib#220."""

    class Loop:
        made: Loop | None = None
        lock = threading.Lock()

        def __init__(self) -> None:
            self.buffer = load()
            self.older = Loop.made

    def racy() -> None:
        if Loop.made is None:
            Loop.lock.acquire()
            try:
                Loop.made = Loop()
            finally:
                Loop.lock.release()

    def right() -> None:
        if Loop.made is None:
            with Loop.lock:
                if Loop.made is None:
                    Loop.made = Loop()

    return racy, right


def session_of_a_factory() -> Case:
    """A session that is missing is made outside of the lock: huggingface/huggingface_hub#4861."""
    lock = threading.Lock()
    shared: list[bytearray] = []
    factory: Callable[[], bytearray] = load

    def racy() -> None:
        if not shared:
            session = factory()
            with lock:
                shared[:] = [session]

    def right() -> None:
        with lock:
            if not shared:
                shared[:] = [factory()]

    return racy, right


def cache_of_a_property() -> Case:
    """The first readers of a property each make its default: scylladb/python-driver#1018."""

    class Cluster:
        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.kept: bytearray | None = None

        @property
        def sessions(self) -> bytearray:
            if self.kept is None:
                self.kept = load()
            return self.kept

    cluster = Cluster()

    def racy() -> None:
        sessions = cluster.sessions
        assert sessions is not None

    def right() -> None:
        with cluster.lock:
            racy()

    return racy, right


def pool_that_looks_at_its_size() -> Case:
    """Looking at the size of a pool and adding to it are two steps: mozilla-services/ldappool#10."""
    lock = threading.RLock()
    pool: list[bytearray] = []

    def racy() -> None:
        with lock:
            size = len(pool)
        if size < 1:
            connection = load()
            with lock:
                pool.append(connection)

    def right() -> None:
        with lock:
            racy()

    return racy, right


def counted_once_connected() -> Case:
    """A pool counts a connection when it is there, which takes a while: jneight/django-db-geventpool#56."""
    slots = threading.Lock()
    state = {"size": 0}
    idle: queue.Queue[bytearray] = queue.Queue()

    def racy() -> None:
        if state["size"] >= 1:
            return
        connection = load()
        time.sleep(0.01)
        state["size"] += 1
        idle.put(connection)

    def right() -> None:
        with slots:
            if state["size"] >= 1:
                return
            state["size"] += 1
        idle.put(load())

    return racy, right


def worker_that_is_started_once() -> Case:
    """Whoever finds no worker starts one, and each has a buffer of its own: modal-labs/synchronicity#71."""
    lock = threading.Lock()
    workers: list[threading.Thread] = []
    buffers: list[bytearray] = []

    def works() -> None:
        buffer = load()
        buffers.append(buffer)

    def racy() -> None:
        if not workers:
            worker = threading.Thread(target=works)
            worker.start()
            workers.append(worker)

    def right() -> None:
        with lock:
            racy()

    return racy, right


def connected_when_first_used() -> Case:
    """A client connects when it is first used, and says so at the end: apache/cassandra-python-driver#479."""
    lock = threading.Lock()
    pools: list[bytearray] = []
    state = {"connected": False}

    def connect() -> None:
        if state["connected"]:
            return
        for _host in range(1):
            pool = load()
            pools.append(pool)
        state["connected"] = True

    def right() -> None:
        with lock:
            connect()

    return connect, right


def imported_and_made_at_once() -> Case:
    """What is imported late is made by each that comes first: r-spade/ormah#27."""
    lock = threading.Lock()
    made: dict[str, bytearray] = {}

    def search() -> bytearray:
        found = made.get("search")
        if found is not None:
            return found
        module = importlib.import_module("json")
        assert module.loads
        found = load()
        made["search"] = found
        return found

    def right() -> bytearray:
        with lock:
            return search()

    return search, right


CASES = [
    cache_of_a_property,
    connected_when_first_used,
    counted_once_connected,
    imported_and_made_at_once,
    instance_of_a_class,
    pool_that_looks_at_its_size,
    session_of_a_factory,
    worker_that_is_started_once,
]


@pytest.mark.parametrize("case", CASES)
def test_a_reported_race_needs_a_copy_for_each_thread_and_the_right_code_one(
    case: Callable[[], Case],
) -> None:
    racy, _ = case()
    assert peak_bytes(racy, OWN) > (THREADS - 3) * VALUE_BYTES
    _, right = case()  # with nothing made yet
    assert peak_bytes(right, OWN) < 2.8 * VALUE_BYTES
