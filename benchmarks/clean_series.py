"""Readings of bodies that leak nothing, recorded for the simulator and the tests of the leak decision.

python -m benchmarks.clean_series        record all of them again into tests/leaks/clean_series.json

Each body is repeated in an interpreter of its own and read when a check reads it: after each of the first
calls, then sixteen times in each doubling of the calls, up to 65,536 calls or for `SECONDS`.
The readings are stored as differences from one to the next; threads, files and children as they are.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import csv
import dataclasses
import decimal
import email.message
import functools
import hashlib
import importlib
import io
import itertools
import json
import logging
import pickle
import platform
import random
import re
import sqlite3
import string
import subprocess
import sys
import tempfile
import threading
import time
import typing
import weakref
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pytest_memguard.leaks.ladder import SINGLE_CALLS, doubling

ROOT = Path(__file__).resolve().parent.parent
RECORDED = ROOT / "tests" / "leaks" / "clean_series.json"
SECONDS = 10.0
MOST_CALLS = 65_536

Body = Callable[[], object]


def _numbers() -> Callable[[], int]:
    return itertools.count().__next__


def _lru(size: int, value: Callable[[int], object], keys: Callable[[], int]) -> Body:
    cached = functools.lru_cache(maxsize=size)(value)
    return lambda: cached(keys())


def _pruned(most: int, kept: int, size_bytes: int) -> Body:
    cache: collections.OrderedDict[int, bytes] = collections.OrderedDict()
    number = _numbers()

    def body() -> None:
        cache[number()] = bytes(size_bytes)
        if len(cache) > most:
            while len(cache) > kept:
                cache.popitem(last=False)

    return body


class _Cyclic:
    def __init__(self) -> None:
        self.me = self
        self.rows = [{"n": number} for number in range(20)]


def _asyncio() -> Body:
    async def work() -> None:
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(3)))

    return lambda: asyncio.run(work())


def _queue() -> Body:
    async def work() -> None:
        queue: asyncio.Queue[bytes] = asyncio.Queue(maxsize=4)

        async def put() -> None:
            for _ in range(8):
                await queue.put(bytes(100))

        await asyncio.wait_for(asyncio.gather(put(), *(queue.get() for _ in range(8))), timeout=5)

    return lambda: asyncio.run(work())


def _thread() -> None:
    thread = threading.Thread(target=len, args=("x",))
    thread.start()
    thread.join()


def _pool() -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(str, range(8)))


def _sqlite() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("create table t (a)")
    connection.executemany("insert into t values (?)", [(i,) for i in range(20)])
    connection.close()


def _sqlite_statements() -> Body:
    connection = sqlite3.connect(":memory:")
    number = _numbers()
    return lambda: connection.execute(f"select {number()} + 1").fetchall()


def _regex() -> Body:
    number = _numbers()
    return lambda: re.compile(f"a{number() % 900}b+").match("a1b")


def _log() -> Body:
    logger = logging.Logger("clean")  # noqa: LOG001 - not one that others list
    number = _numbers()

    def body() -> None:
        handler = logging.StreamHandler(io.StringIO())
        logger.addHandler(handler)
        try:
            logger.warning("message %d", number())
            {-1: None}[number()]
        except KeyError:
            logger.exception("failed")
        finally:
            logger.removeHandler(handler)
            handler.close()

    return body


def _classes() -> Body:
    number = _numbers()

    def body() -> object:
        made = type(f"Made{number()}", (), {"__slots__": ("a", "b"), "method": lambda self: self})
        return dataclasses.make_dataclass("Row", ["a", "b"], bases=(made,)) if number() % 8 == 0 else made()

    return body


def _named_tuples() -> None:
    typing.NamedTuple("Point", [("x", int), ("y", int)])(1, 2)  # type: ignore[operator]  # mypy knows the statement alone


def _grown_dict() -> None:
    table = {number: str(number) for number in range(3_000)}
    del table


def _exceptions() -> Body:
    def deep(depth: int) -> None:
        if depth:
            deep(depth - 1)
        raise LookupError("deep")

    def body() -> None:
        with contextlib.suppress(LookupError):
            deep(20)

    return body


def _imports() -> None:
    for name in ("wave", "colorsys", "sndhdr", "chunk"):
        sys.modules.pop(name, None)
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _interned() -> Body:
    number = _numbers()
    return lambda: sys.intern(f"key-of-some-length-{number() % 3_000}")


def _interned_for_a_while() -> Body:
    number = _numbers()
    recent: collections.deque[str] = collections.deque(maxlen=2_000)
    return lambda: recent.append(sys.intern(f"a-new-name-{number()}"))


def _weak() -> Body:
    known: weakref.WeakValueDictionary[int, _Cyclic] = weakref.WeakValueDictionary()
    number = _numbers()

    def body() -> None:
        known[number()] = _Cyclic()

    return body


def _random_keys(size: int, value: Callable[[int], object], most: int) -> Body:
    draw = random.Random(7)
    return _lru(size, value, lambda: draw.randrange(most))


def _subprocess() -> None:
    subprocess.run([sys.executable, "-S", "-c", ""], check=True)


def _file() -> None:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        csv.writer(file).writerows([[number, str(number)] for number in range(50)])
        file.seek(0)
        list(csv.reader(file))


def _big_buffers() -> Body:
    draw = random.Random(11)
    return lambda: bytearray(draw.randrange(1, 3_000_000))


def _lazily_built() -> Body:
    number = _numbers()
    built: list[object] = []

    def body() -> None:
        if number() == 37:
            built.append([bytes(900) for _ in range(1_000)])

    return body


def _template() -> Body:
    number = _numbers()

    def body() -> None:
        code = compile(f"def f(x):\n    return x + {number()}\n", "<made>", "exec")
        namespace: dict[str, object] = {}
        exec(code, namespace)

    return body


@dataclasses.dataclass
class _Record:
    name: str
    values: list[float]


def _records() -> object:
    rows = [_Record(f"n{number}", [1.0 * number] * 10) for number in range(40)]
    return pickle.loads(pickle.dumps([dataclasses.asdict(row) for row in rows]))


def _mail() -> str:
    message = email.message.EmailMessage()
    message["Subject"] = "x" * 40
    message.set_content("text " * 40)
    message.add_attachment(b"123" * 30, maintype="application", subtype="octet-stream")
    return message.as_string()


def _hints() -> Body:
    number = _numbers()

    def body() -> object:
        def made(a: int, b: str) -> list[int]:
            return [a, len(b), number()]

        return typing.get_type_hints(made)

    return body


BODIES: dict[str, Callable[[], Body]] = {
    "nothing": lambda: lambda: None,
    "json": lambda: lambda: json.loads(json.dumps({"a": list(range(50)), "b": {"c": None}})),
    "asyncio.run": _asyncio,
    "asyncio queue": _queue,
    "thread": lambda: _thread,
    "thread pool": lambda: _pool,
    "sqlite": lambda: _sqlite,
    "sqlite statements": _sqlite_statements,
    "regex, 900 patterns": _regex,
    "logging": _log,
    "classes": _classes,
    "named tuples": lambda: _named_tuples,
    "a dict that grows": lambda: _grown_dict,
    "exceptions": _exceptions,
    "imports": lambda: _imports,
    "interned names": _interned,
    "interned for a while": _interned_for_a_while,
    "weak values in cycles": _weak,
    "lru of 128 by 10 kB": lambda: _lru(128, lambda _: bytes(10_000), _numbers()),
    "lru of 1,024 by 2 kB": lambda: _lru(1_024, lambda _: bytes(2_000), _numbers()),
    "lru of 2,500": lambda: _lru(2_500, lambda key: [key, str(key)], _numbers()),
    "lru of 2,200 cycles": lambda: _lru(2_200, lambda _: _Cyclic(), _numbers()),
    "lru of 10,000": lambda: _lru(10_000, lambda key: [key], _numbers()),
    "lru of 1,000 random keys": lambda: _random_keys(1_000, lambda key: [bytes(300), key], 1_000),
    "lru of 300 out of 900 keys by 4 kB": lambda: _random_keys(300, lambda _: bytes(4_000), 900),
    "pruned from 750 to 500 by 20 kB": lambda: _pruned(750, 500, 20_000),
    "pruned from 100 to 0 by 50 kB": lambda: _pruned(100, 0, 50_000),
    "buffers of any size": _big_buffers,
    "built at call 38": _lazily_built,
    "compiled code": _template,
    "records": lambda: _records,
    "mail": lambda: _mail,
    "type hints": _hints,
    "csv file": lambda: _file,
    "subprocess": lambda: _subprocess,
    "xml": lambda: lambda: ET.fromstring("<a>" + "<b c='1'>t</b>" * 50 + "</a>"),
    "zlib": lambda: lambda: zlib.decompress(zlib.compress(bytes(200_000))),
    "decimal": lambda: lambda: sum(decimal.Decimal(number) / 7 for number in range(200)),
    "sha": lambda: lambda: hashlib.sha256(string.ascii_letters.encode() * 100).hexdigest(),
}


def marks(most_calls: int) -> list[int]:
    """Return after how many calls a body is read, as the ladder of a check has it."""
    calls = list(range(SINGLE_CALLS + 2))
    while calls[-1] < most_calls:
        calls += itertools.accumulate(doubling(calls[-1] - 1), initial=calls.pop())
    return calls


def _record(name: str) -> dict[str, object]:
    from pytest_memguard.leaks.readings import Readings  # noqa: PLC0415 - the child's own
    from pytest_memguard.meters.garbage import only_new_garbage  # noqa: PLC0415

    body = BODIES[name]()
    with only_new_garbage():
        readings = Readings()
        readings.take(0)
        start, done = time.monotonic(), 0
        for mark in marks(MOST_CALLS)[1:]:
            while done < mark:
                body()
                done += 1
            readings.take(done)
            if time.monotonic() - start > SECONDS:
                break
        seconds = (time.monotonic() - start) / done
    windows = readings.windows()
    names = ("blocks", "blocks_bytes", "heap_bytes", "resident_bytes")
    columns = {}
    for column in names:
        values = [getattr(window, column) for window in windows]
        columns[column] = [0] + [after - before for before, after in itertools.pairwise(values)]
    return {"microseconds": round(seconds * 1e6), "rows": len(windows), **columns}


def main() -> None:
    """Record every body, each in an interpreter of its own."""
    if len(sys.argv) > 1:
        print(json.dumps(_record(sys.argv[1])))
        return
    series = {}
    for name in BODIES:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.clean_series", name],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        series[name] = json.loads(done.stdout)
        print(name, series[name]["microseconds"], "us", series[name]["rows"], "rows", flush=True)
    head = {
        "recorded_by": "python -m benchmarks.clean_series",
        "on": f"CPython {platform.python_version()}, {platform.system()} {platform.machine()}",
    }
    lines = [f"  {json.dumps(name)}: {json.dumps(values)}" for name, values in series.items()]
    RECORDED.write_text(
        "{\n"
        + "".join(f"  {json.dumps(key)}: {json.dumps(value)},\n" for key, value in head.items())
        + '  "series": {\n'
        + ",\n".join("  " + line for line in lines)
        + "\n  }\n}\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
