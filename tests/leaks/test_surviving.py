"""Objects that outlive the calls after theirs, found where readings that go up and down hide them."""

from __future__ import annotations

import contextvars
import functools
import itertools
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_memguard.core.leak_finding import Answer, Doubt, LeakFinding
from pytest_memguard.leaks.check import LeakCheck
from pytest_memguard.leaks.holders.surviving import may_hide_objects, survivors
from pytest_memguard.leaks.series import Window
from tests.leaks.closing_meter import meter_of

ROOT = Path(__file__).parents[2]
_CALLS = 33
_numbers = itertools.count()
_second = itertools.count()
_RECENT: list[object] = []
_HEAD: list[object] = [None]
_SECOND: list[object] = []
_FULL: OrderedDict[int, object] = OrderedDict((-number, [number]) for number in range(1, 200))
_FILLED: dict[int, object] = {}
_variable: contextvars.ContextVar[object] = contextvars.ContextVar("_variable", default=None)


def _recent() -> None:
    """Keep objects of the last call, now more and now fewer."""
    _RECENT[:] = [[] for _ in range(next(_numbers) * 17 % 60)]


def _chain() -> None:
    _HEAD[0] = [_HEAD[0]]


def _at_each_second_call() -> None:
    if next(_second) % 2:
        _SECOND[:] = [[*_SECOND]]


def _in_a_context() -> None:
    _variable.set([_variable.get()])


def _full() -> None:
    _FULL[next(_numbers)] = []
    _FULL.popitem(last=False)


class _Pruned:
    """A cache that is pruned only when it is far above its capacity, as a compiled cache of SQLAlchemy."""

    def __init__(self) -> None:
        self.capacity = 100
        self.data: dict[int, object] = {-number: [] for number in range(101)}


_pruned = _Pruned()


def _above_its_capacity() -> None:
    _pruned.data[next(_numbers)] = []


@functools.lru_cache(maxsize=1_000)
def _cached(number: int) -> list[int]:
    return [number]


def _fills() -> None:
    _cached(next(_numbers))


def _cycle() -> None:
    one: list[object] = []
    one.append(one)


def _beside_recent(body: Callable[[], object]) -> Callable[[int], None]:
    def repeat(calls: int) -> None:
        for _ in range(calls):
            body()
            _recent()

    return repeat


@pytest.mark.parametrize("body", [_recent, _full, _cycle])
def test_objects_that_are_replaced_do_not_survive(body: Callable[[], object]) -> None:
    assert survivors(_beside_recent(body), _CALLS) is None


def test_objects_that_are_freed_later_are_not_alive() -> None:
    found = survivors(_beside_recent(lambda: _FILLED.update({next(_numbers): []})), _CALLS)
    assert found is not None
    _FILLED.clear()
    assert not found.are_alive()


def test_an_older_object_that_dies_meanwhile_hides_no_survivors() -> None:
    older = [[object()] for _ in range(2)]
    calls = itertools.count(1)

    def body() -> None:
        _at_each_second_call()
        if next(calls) == _CALLS // 8 + 1:  # the first of those in which the first objects are to survive
            older.pop()

    assert survivors(_beside_recent(body), _CALLS) is not None


def test_nested_tuples_that_the_collector_lists_no_more_hide_no_survivors() -> None:
    nested: list[tuple[object, ...]] = [()]
    for _ in range(50):
        nested[0] = (nested[0], object())
    assert survivors(_beside_recent(_at_each_second_call), _CALLS) is not None


def _named(body: Callable[[], object]) -> LeakFinding:
    left = survivors(_beside_recent(body), _CALLS)
    assert left is not None
    finding = LeakFinding(leaking=False, bytes_per_call=0, calls=_CALLS, settled_bytes=0)
    with meter_of(ROOT) as meter:
        return LeakCheck(body)._named(finding, [], left, meter.namer)


@pytest.mark.parametrize(
    ("body", "holder"),
    [
        (_chain, "._HEAD (list, 1 entry)"),
        (_at_each_second_call, "._SECOND (list, 1 entry)"),
        (_in_a_context, "context variable"),
    ],
)
def test_what_holds_survivors_is_named(body: Callable[[], object], holder: str) -> None:
    finding = _named(body)
    assert finding.doubts == (Doubt.OFFSET,)
    assert holder in finding.held_by[0]


@pytest.mark.parametrize("body", [_fills, _above_its_capacity])
def test_survivors_in_a_cache_with_a_bound_settle(body: Callable[[], object]) -> None:
    assert _named(body).answer is Answer.SETTLES


def _windows(*blocks: int) -> list[Window]:
    return [Window(calls=number, blocks=count) for number, count in enumerate(blocks)]


@pytest.mark.parametrize(
    ("blocks", "hides"),
    [
        ([5] * 33, False),
        ([*range(16), *[20] * 17], False),
        ([number * 7 % 5 for number in range(33)], True),
        ([number // 2 for number in range(33)], True),
        ([number * 7 % 5 for number in range(2_000)], False),
    ],
    ids=["level", "level at last", "up and down", "at each second call", "many calls"],
)
def test_only_blocks_that_move_hide_objects(blocks: list[int], hides: bool) -> None:
    assert may_hide_objects(_windows(*blocks)) is hides
