"""What fades, turns over or is collected is no leak, at the default budget or below it."""

from __future__ import annotations

import asyncio
import functools
import io
import json
import logging
import re
import sqlite3
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_memguard.core.policy import Policy
from pytest_memguard.leaks.check import LeakCheck

Body = Callable[[], object]


def _lru(size: int) -> Body:
    @functools.lru_cache(maxsize=size)
    def cached(key: int) -> list[int]:
        return [key]

    keys = iter(range(10**9))
    return lambda: cached(next(keys))


def _turning() -> Body:
    cache: OrderedDict[int, bytes] = OrderedDict()
    keys = iter(range(10**9))

    def body() -> None:
        cache[next(keys)] = bytes(2000)
        if len(cache) > 500:
            cache.popitem(last=False)

    return body


def _interned() -> Body:
    keys = iter(range(10**9))
    return lambda: sys.intern(f"name-{next(keys) % 700}")


def _lazy_import() -> Body:
    def body() -> object:
        sys.modules.pop("wave", None)
        import wave  # noqa: PLC0415 - the lazy import is what is tested

        return wave

    return body


def _logging() -> Body:
    logger = logging.Logger("bounded")  # pytest keeps every record of the loggers that it can list  # noqa: LOG001

    def body() -> None:
        handler = logging.StreamHandler(io.StringIO())
        logger.addHandler(handler)
        try:
            logger.warning("something")
        finally:
            logger.removeHandler(handler)
            handler.close()

    return body


def _asyncio() -> Body:
    async def work() -> None:
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(3)))

    return lambda: asyncio.run(work())


def _thread_pool() -> Body:
    def body() -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(str, range(8)))

    return body


def _sqlite() -> Body:
    def body() -> None:
        connection = sqlite3.connect(":memory:")
        connection.execute("create table t (a)")
        connection.executemany("insert into t values (?)", [(i,) for i in range(20)])
        connection.close()

    return body


def _regex() -> Body:
    keys = iter(range(10**9))
    return lambda: re.compile(f"a{next(keys) % 900}b+").match("a1b")


def _garbage() -> Body:
    def body() -> None:
        first: list[object] = []
        second = [first, bytes(1000)]
        first.append(second)

    return body


def _json() -> Body:
    return lambda: json.loads(json.dumps({"a": list(range(50)), "b": {"c": None}}))


def _cycle() -> list[object]:
    cycle: list[object] = [bytes(100)]
    cycle.append(cycle)
    return cycle


def _turning_cycles_of_the_past() -> Body:
    """A cache that was full before the check began: what it drops is garbage of the past."""
    cache = deque((_cycle() for _ in range(20_000)), maxlen=20_000)
    return lambda: cache.append(_cycle())


BODIES: dict[str, Body] = {
    "lru_cache of 128": _lru(128),
    "lru_cache of 1,024": _lru(1024),
    "lru_cache of 10,000": _lru(10_000),
    "turning cache": _turning(),
    "turning cycles of the past": _turning_cycles_of_the_past(),
    "interned names": _interned(),
    "lazy import": _lazy_import(),
    "logging handler": _logging(),
    "asyncio.run": _asyncio(),
    "thread pool": _thread_pool(),
    "sqlite": _sqlite(),
    "regex cache": _regex(),
    "cyclic garbage": _garbage(),
    "json": _json(),
    "nothing": lambda: None,
}


@pytest.mark.parametrize("name", BODIES)
def test_bounded_body_is_no_leak(name: str) -> None:
    finding = LeakCheck(BODIES[name], Policy(leak_budget_seconds=0.5)).screen()
    assert not finding.leaking, finding
    assert finding.bytes_per_call == 0
    assert finding.counts == ()


def test_what_a_full_cache_holds_is_settled() -> None:
    finding = LeakCheck(_turning(), Policy(leak_budget_seconds=0.3)).screen()
    assert 500 * 2000 < finding.settled_bytes < 600 * 2200


def test_settled_counts_from_before_the_first_call() -> None:
    kept: list[bytes] = []

    def body() -> None:
        if not kept:
            kept.append(bytes(300_000))

    finding = LeakCheck(body, Policy(leak_budget_seconds=0.1)).screen()
    assert not finding.leaking
    assert 300_000 <= finding.settled_bytes < 310_000


def test_noise_of_another_thread_is_no_leak() -> None:
    stop = threading.Event()

    def noise() -> None:
        while not stop.wait(0.0005):
            [object() for _ in range(500)]

    thread = threading.Thread(target=noise)
    thread.start()
    try:
        finding = LeakCheck(lambda: [0] * 10, Policy(leak_budget_seconds=0.3)).screen()
    finally:
        stop.set()
        thread.join()
    assert not finding.leaking, finding
