"""Bodies so slow that a check makes few calls: what a library's cache could show too is called no leak."""

from __future__ import annotations

import functools
import itertools
import sqlite3
import struct
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_memguard.core.leak_finding import Answer, Doubt, LeakFinding
from pytest_memguard.core.policy import Policy
from pytest_memguard.guard.leak_check import check_leaks
from pytest_memguard.leaks.few_calls import is_proved
from pytest_memguard.leaks.ladder import TURNED_OVER_CALLS
from tests.leaks.closing_meter import meter_of
from tests.leaks.holding_bodies import rows_by_a_few_cursors
from tests.leaks.typical_work import work

ROOT = Path(__file__).parents[2]
BUDGET_SECONDS = 0.03
CALL_MILLISECONDS = 10

Body = Callable[[], object]


def _check(body: Body) -> LeakFinding:
    def slow() -> None:
        body()
        work(CALL_MILLISECONDS)

    with meter_of(ROOT) as meter:
        finding = check_leaks(slow, meter=meter, policy=Policy(leak_budget_seconds=BUDGET_SECONDS))
    assert finding.calls < TURNED_OVER_CALLS
    return finding


_OPENED: list[sqlite3.Connection] = []


def _database() -> sqlite3.Connection:
    _OPENED.append(sqlite3.connect(":memory:"))
    return _OPENED[-1]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close the databases of the bodies, of which CPython 3.13 and later warn."""
    yield
    while _OPENED:
        _OPENED.pop().close()


def _statements() -> Body:
    database = _database()
    numbers = itertools.count()
    return lambda: database.execute(f"select {next(numbers)}").fetchall()


def _cursors() -> Body:
    database = _database()
    return lambda: database.execute("select 1").fetchall()  # it forgets its cursors at each 200th


def _generics() -> Body:
    return lambda: typing.Optional[type("Made", (), {})]  # noqa: UP045 - fills the cache of typing


def _buffers() -> Body:
    buffer = functools.lru_cache(maxsize=32)(lambda _number: bytearray(100_000))
    numbers = itertools.count()
    return lambda: buffer(next(numbers))


def _formats() -> Body:
    numbers = itertools.count(1)
    return lambda: struct.calcsize(f"{next(numbers)}s")


class Recent:
    """Keeps so many rows and their order; one that is not `pruned` forgets to prune the order."""

    def __init__(self, maxlen: int, *, pruned: bool) -> None:
        self.maxlen = maxlen
        self.rows: dict[int, object] = {}
        self.order: list[int] = []
        self.first = 0
        self.pruned = pruned

    def add(self, key: int) -> None:
        self.rows[key] = bytearray(500)
        self.order.append(key)
        if len(self.rows) > self.maxlen:
            del self.rows[next(iter(self.rows))]
            if self.pruned:
                del self.order[0]


@pytest.mark.parametrize("pruned", [True, False])
def test_a_list_beside_a_bounded_dict_is_bounded_only_if_it_is_pruned(pruned: bool) -> None:
    numbers, recent = itertools.count(), Recent(1_000, pruned=pruned)
    finding = _check(lambda: recent.add(next(numbers)))
    assert (finding.answer is Answer.BOUNDED) == pruned, str(finding)
    assert finding.answer in {Answer.BOUNDED, Answer.CANNOT_TELL, Answer.LEAKS}
    assert recent.maxlen == 1_000


@pytest.mark.parametrize(
    ("body", "answers"),
    [
        (_statements, {Answer.BOUNDED, Answer.CANNOT_TELL}),
        (_cursors, {Answer.CANNOT_TELL, Answer.SETTLES}),
        (_generics, {Answer.BOUNDED, Answer.CANNOT_TELL}),
        (_buffers, {Answer.BOUNDED}),
        (_formats, {Answer.CANNOT_TELL, Answer.SETTLES}),
    ],
)
def test_a_cache_that_fills_by_slow_calls_is_no_leak(body: Callable[[], Body], answers: set[Answer]) -> None:
    finding = _check(body())
    assert finding.answer in answers, str(finding)


_KEPT: list[bytearray] = []
_NUMBERS: set[int] = set()
_CHAIN: list[object] = [None]
_TEXT = bytearray()
_numbers = itertools.count(10**9)


def _chain() -> None:
    _CHAIN[0] = (_CHAIN[0], object())


@pytest.mark.parametrize(
    ("body", "holder"),
    [
        (lambda: _KEPT.append(bytearray(100_000)), "_KEPT (list"),
        (lambda: _NUMBERS.add(next(_numbers)), "_NUMBERS (set"),
        (_chain, "_CHAIN (list, 1 entry)"),
        (lambda: _TEXT.extend(b"x" * 3000), "_TEXT (bytearray"),
    ],
    ids=["list", "set", "chain", "bytearray"],
)
def test_what_the_program_keeps_by_slow_calls_leaks(body: Body, holder: str) -> None:
    finding = _check(body)
    assert finding.answer is Answer.LEAKS, str(finding)
    assert holder in finding.held_by[0]


def test_rows_of_a_database_by_slow_calls_are_held_by_it_and_not_by_the_list_of_its_cursors() -> None:
    finding = _check(rows_by_a_few_cursors)
    assert finding.answer is Answer.LEAKS, str(finding)
    assert len(finding.held_by) == 1, finding.held_by
    assert "holding_bodies._visits (Connection)" in finding.held_by[0]


def test_a_cache_that_fills_while_its_holder_is_looked_for_is_no_leak() -> None:
    """Of 1 ms at a budget of 0.1 s, a check makes 256 calls; the lines and holders take some more."""
    numbers = itertools.count()
    rows: dict[int, object] = {}

    def body() -> None:
        rows.setdefault(next(numbers) % 290, bytearray(500))
        work(1)

    with meter_of(ROOT) as meter:
        finding = check_leaks(body, meter=meter, policy=Policy(leak_budget_seconds=0.1))
    assert not finding.leaking, str(finding)
    assert finding.answer is Answer.SETTLES, str(finding)
    assert finding.settled_bytes > 290 * 500 / 2


_BATCHES: list[bytearray] = []


def test_a_leak_at_each_sixteenth_call_is_explained() -> None:
    calls = itertools.count()

    def batch() -> None:
        work(2)  # so that the check makes 32 calls at first
        if next(calls) % 16 == 0:
            _BATCHES.append(bytearray(1_000_000))

    with meter_of(ROOT) as meter:
        finding = check_leaks(batch, meter=meter, policy=Policy(leak_budget_seconds=0.05))
    assert finding.answer is Answer.LEAKS, str(finding)
    assert "_BATCHES (list" in finding.held_by[0]
    assert [(kind.name, kind.per_call) for kind in finding.kinds] == [("bytearray", 0.06)]
    assert finding.sites[0].site.function == "batch"
    assert finding.sites[0].retained_bytes > 0.9 * finding.bytes_per_call


@pytest.mark.parametrize(
    ("calls", "size_bytes", "is_of_program", "still_leaks", "proved"),
    [
        (17, 500, False, True, False),
        (17, 500, True, True, True),
        (17, 100_000, False, True, True),
        (17, 100_000, False, False, False),
        (TURNED_OVER_CALLS, 24, False, True, True),
    ],
)
def test_few_calls_prove_what_the_program_holds_or_what_is_much(
    calls: int, size_bytes: int, is_of_program: bool, still_leaks: bool, proved: bool
) -> None:
    finding = LeakFinding(True, size_bytes, calls, doubts=(Doubt.COULD_BE_CACHE,))
    assert is_proved(finding, is_of_program=is_of_program, still_leaks=lambda: still_leaks) is proved


_SECOND_LOOK = """
from pytest_memguard.leaks.readings import Readings

readings = Readings()
readings.take(10_001)
readings.take(10_002)
readings.see_everything(True)
readings.take(10_003)
print(*(window.blocks for window in readings.windows()))
"""


def test_a_second_look_at_the_last_reading_leaves_no_trace_in_the_series() -> None:
    """In a process of its own: a worker of pytest-xdist receives the next tests between two readings."""
    done = subprocess.run([sys.executable, "-c", _SECOND_LOOK], capture_output=True, text=True, check=True)
    blocks = done.stdout.split()
    assert len(blocks) == 3
    assert len(set(blocks)) == 1, blocks
