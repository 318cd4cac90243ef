"""A holder with a bound that it has not reached is no leak: it is judged by what it will settle at."""

from __future__ import annotations

import ctypes
import functools
import itertools
import operator
import re
import sys
import types
from collections import OrderedDict, UserDict, deque
from collections.abc import Callable
from pathlib import Path
from queue import LifoQueue
from typing import Any

import pytest
from boltons.cacheutils import LRI, LRU
from cachebox import FIFOCache, LRUCache
from cachetools import LFUCache, TTLCache
from cachetools import LRUCache as LeastRecent
from expiringdict import ExpiringDict
from jinja2.utils import LRUCache as TemplateCache

from pytest_memguard.core.leak_finding import LeakFinding
from pytest_memguard.core.metrics import SETTLED
from pytest_memguard.core.policy import Policy
from pytest_memguard.guard.leak_check import check_leaks
from pytest_memguard.leaks.holders.bounds import Places
from pytest_memguard.leaks.holders.clock import SearchClock
from pytest_memguard.leaks.holders.content import latest
from pytest_memguard.leaks.holders.objects import items_of
from pytest_memguard.leaks.holders.records import record_of
from pytest_memguard.leaks.holders.search import HolderSearch
from pytest_memguard.meters.site_namer import SiteNamer
from tests.leaks.closing_meter import meter_of
from tests.leaks.holding_bodies import Link

ROOT = Path(__file__).parents[2]
Put = Callable[[int, object], object]


class Row:
    """What the caches hold."""

    def __init__(self) -> None:
        self.cells = [1, 2]


def _check(put: Put) -> LeakFinding:
    keys = itertools.count(10**6)

    def body() -> None:
        put(next(keys), Row())

    with meter_of(ROOT) as meter:
        return check_leaks(body, meter=meter, policy=Policy(leak_budget_seconds=0.01))


def _functools(bound: int | None) -> Put:
    @functools.lru_cache(maxsize=bound)
    def load(_key: int) -> Row:
        return Row()

    return lambda key, _row: load(key)


def _deque(bound: int | None) -> Put:
    kept: deque[object] = deque(maxlen=bound)
    return lambda _key, row: kept.append(row)


def _stored(make: Callable[[int], Any], unbounded: int = sys.maxsize) -> Callable[[int | None], Put]:
    def putting(bound: int | None) -> Put:
        cache = make(bound or unbounded)
        return lambda key, row: operator.setitem(cache, key, row)

    return putting


def _global(bound: int | None) -> Put:
    """Return what fills a global of a module, beside which a constant states its bound."""
    shop: Any = types.ModuleType("shop")
    vars(shop).update({"_cache": {}, "MAX_PAGES": 3, **({"_MAXCACHE": bound} if bound else {})})

    def put(key: int, row: object) -> None:
        cache = shop._cache
        cache[key] = row
        if bound and len(cache) > shop._MAXCACHE:
            del cache[next(iter(cache))]

    return put


class Recent(OrderedDict[int, object]):
    """As many projects have it."""

    def __init__(self, maxsize: int) -> None:
        super().__init__()
        self.maxsize = maxsize

    def __setitem__(self, key: int, row: object) -> None:
        super().__setitem__(key, row)
        if len(self) > self.maxsize:
            self.popitem(last=False)


class Latest(UserDict[int, object]):
    """As kombu has it, whose attribute has a name that others have for anything."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__()

    def __setitem__(self, key: int, row: object) -> None:
        super().__setitem__(key, row)
        if len(self) > self.limit:
            del self[next(iter(self.data))]


CACHES: dict[str, Callable[[int | None], Put]] = {
    "functools": _functools,
    "deque": _deque,
    "global of a module": _global,
    "subclass of OrderedDict": _stored(Recent),
    "subclass of UserDict": _stored(Latest),
    "cachetools.LRUCache": _stored(LeastRecent),
    "cachetools.TTLCache": _stored(lambda size: TTLCache(size, ttl=999)),
    "cachetools.LFUCache": _stored(LFUCache),
    "cachebox.LRUCache": _stored(LRUCache),
    "cachebox.FIFOCache": _stored(FIFOCache),
    "boltons.LRU": _stored(LRU),
    "boltons.LRI": _stored(LRI),
    "expiringdict": _stored(lambda size: ExpiringDict(size, max_age_seconds=999)),
    "jinja2.LRUCache": _stored(TemplateCache),
}
BOUND = 1_000_000


@pytest.mark.parametrize("name", CACHES)
def test_a_cache_that_is_not_full_is_bounded(name: str) -> None:
    finding = _check(CACHES[name](BOUND))
    assert not finding.leaking, finding
    (bound,) = finding.bounds
    assert bound.at_most == BOUND
    assert 0 < bound.entries < BOUND
    assert finding.settled_bytes == bound.settles_at_bytes
    assert 150 * BOUND < bound.settles_at_bytes < 800 * BOUND
    assert finding.held_by


def test_caches_that_fill_at_once_are_each_bounded() -> None:
    caches = [_functools(BOUND) for _ in range(4)]
    finding = _check(lambda key, row: [put(key, row) for put in caches])
    assert not finding.leaking, finding
    assert len(finding.bounds) == len(caches)


def test_caches_that_are_full_settle() -> None:
    caches = [make(10) for make in CACHES.values()]
    for number, put in itertools.product(range(20), caches):
        put(number, Row())
    finding = _check(lambda key, row: [put(key, row) for put in caches])
    assert not finding.leaking, finding
    assert not finding.bounds


@pytest.mark.parametrize("name", CACHES)
def test_a_cache_without_its_bound_leaks(name: str) -> None:
    finding = _check(CACHES[name](None))
    assert finding.leaking, finding
    assert not finding.bounds


def test_the_cache_of_patterns_is_bounded() -> None:
    re.purge()
    finding = _check(lambda key, _row: re.compile(f"{key} of these"))
    assert not finding.leaking, finding
    assert finding.bounds or finding.calls > 2 * 512, "it was full within the check"


class Limited:
    """Keeps `capacity` entries, and what its subclasses make of that."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self.rows: dict[int, object] = {}
        self.log: list[object] = []

    def put(self, key: int, row: object) -> None:
        self.rows[key] = row
        if len(self.rows) > self._capacity:
            del self.rows[next(iter(self.rows))]


class NeverEmptied(Limited):
    def put(self, key: int, row: object) -> None:
        self.rows[key] = row


class Logging(Limited):
    def put(self, key: int, row: object) -> None:
        super().put(key, row)
        self.log.append(key)


class Indexed(Limited):
    """Counts in a mapping, which nobody empties."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.asked = {0: 1, 1: 1, 2: 1, 3: 1}

    def put(self, key: int, row: object) -> None:
        super().put(key, row)
        self.asked[key] = self.asked[-key] = 1


class Ordered(Limited):
    """Keeps the order of its rows in a list, as celery's `LimitedSet` does, and prunes both."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.order: list[int] = []

    def put(self, key: int, row: object) -> None:
        self.rows[key] = row
        self.order.append(key)
        if len(self.rows) > self._capacity:
            del self.rows[self.order.pop(0)]


class History:
    """A list whose bound the class states; the oldest go once it is a half longer than that."""

    MAX_ITEMS = 1_000_000

    def __init__(self) -> None:
        self.rows: list[object] = []

    def put(self, _key: int, row: object) -> None:
        self.rows.append(row)
        if len(self.rows) > 1.2 * self.MAX_ITEMS:
            del self.rows[: -self.MAX_ITEMS]


class Slotted:
    """A set whose bound is in a slot."""

    __slots__ = ("keys", "maxsize")

    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self.keys: set[int] = set()

    def put(self, key: int, _row: object) -> None:
        self.keys.add(key)
        if len(self.keys) > self.maxsize:
            self.keys.pop()


KEPT_WITHIN: dict[str, Callable[[], Any]] = {
    "mapping": lambda: Limited(BOUND),
    "mapping of a class": lambda: _bounded_by_a_class(Limited),
    "order beside the rows": lambda: Ordered(BOUND),
    "list bounded by its class": History,
    "set bounded by a slot": lambda: Slotted(BOUND),
}


@pytest.mark.parametrize("name", KEPT_WITHIN)
def test_a_list_or_a_set_that_keeps_a_lower_bound_is_bounded(name: str) -> None:
    owner: Any = KEPT_WITHIN[name]()
    names = sorted(getattr(owner, "__dict__", ()))
    finding = _check(owner.put)
    assert not finding.leaking, finding
    assert [bound.at_most for bound in finding.bounds] in ([BOUND], [BOUND, BOUND])
    stated = [getattr(owner, each) for each in ("_capacity", "MAX_ITEMS", "maxsize") if hasattr(owner, each)]
    assert stated == [BOUND], "its own bound is back"
    assert sorted(getattr(owner, "__dict__", ())) == names


@pytest.mark.parametrize("most_bytes", [0, 2**40])
def test_a_bound_that_no_process_lives_to_see_is_none_unless_a_limit_allows_it(most_bytes: int) -> None:
    numbers, cache = itertools.count(), Limited(10**9)
    limits = {SETTLED: most_bytes} if most_bytes else {}
    with meter_of(ROOT) as meter:
        finding = check_leaks(
            lambda: cache.put(next(numbers), Row()),
            meter=meter,
            policy=Policy(leak_budget_seconds=0.01, limits=limits),
        )
    assert finding.leaking is not bool(most_bytes), finding
    assert (
        "cache in the closure" in finding.note and "1,000,000,000 entries" in finding.note
    ) is finding.leaking
    assert bool(finding.bounds) is not finding.leaking


class Refusing(Ordered):
    """Fails when it is full."""

    def put(self, key: int, row: object) -> None:
        if len(self.rows) >= self._capacity:
            raise OverflowError(self._capacity)
        super().put(key, row)


class Page:
    """Shows so many rows of those that it holds."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.rows: dict[int, object] = {}

    def put(self, key: int, row: object) -> None:
        self.rows[key] = row


class LoggingOnly(Limited):
    def put(self, _key: int, row: object) -> None:
        self.log.append(row)


def _result_of_a_cached_call() -> Put:
    @functools.lru_cache(maxsize=BOUND)
    def shared() -> list[object]:
        return []

    return lambda _key, row: shared().append(row)


def _queue() -> Put:
    kept: LifoQueue[object] = LifoQueue(BOUND)
    return lambda _key, row: kept.put(row)


def _beside_a_cache() -> Put:
    cached, kept = _functools(BOUND), deque[object]()

    def put(key: int, row: object) -> None:
        cached(key, row)
        kept.append(row)

    return put


def _beside_a_cache_by_links() -> Put:
    cached, first = _functools(BOUND), Link()
    ends = [first, first]

    def put(key: int, row: object) -> None:
        cached(key, row)
        ends[1].following = link = Link()
        ends[1] = link

    return put


def _bounded_by_a_class(kind: type[Any]) -> Any:
    """Return a class of its own that keeps its rows and their bound itself."""
    own: Any = type("Own", (kind,), {"_capacity": BOUND, "rows": {}, "log": []})
    own.put = classmethod(kind.put)
    return own


def _unkept_global() -> Put:
    shop: Any = types.ModuleType("shop")
    vars(shop).update({"_cache": {}, "MAX_CACHE": BOUND})
    return lambda key, row: operator.setitem(shop._cache, key, row)


LEAKS: dict[str, Callable[[], Put]] = {
    "bound that nobody keeps": lambda: NeverEmptied(BOUND).put,
    "bound of a class that nobody keeps": lambda: _bounded_by_a_class(NeverEmptied).put,
    "constant that nobody keeps": _unkept_global,
    "log beside the rows": lambda: Logging(BOUND).put,
    "index beside the rows": lambda: Indexed(BOUND).put,
    "full queue for which one waits": _queue,
    "owner that fails when it is full": lambda: Refusing(BOUND).put,
    "limit of what is shown": lambda: Page(BOUND).put,
    "log of a bounded owner": lambda: LoggingOnly(BOUND).put,
    "result of a cached call": _result_of_a_cached_call,
    "beside a cache": _beside_a_cache,
    "beside a cache, by links": _beside_a_cache_by_links,
}


@pytest.mark.parametrize("name", LEAKS)
def test_the_bound_of_something_else_hides_no_leak(name: str) -> None:
    finding = _check(LEAKS[name]())
    assert finding.leaking, finding
    assert not finding.bounds
    if "that nobody keeps" in name:
        assert "states a bound of 1,000,000 entries, which was not seen to be kept" in finding.note


class Pruned(Limited):
    """Goes above its capacity, and back to it at once."""

    def put(self, key: int, row: object) -> None:
        self.rows[key] = row
        if len(self.rows) > 1.5 * self._capacity:
            for old in list(self.rows)[: -self._capacity]:
                del self.rows[old]


class Ring(Limited):
    """Fills its empty places, and then the same ones again."""

    def __init__(self, capacity: int) -> None:
        self.places: list[object] = [None] * capacity

    def put(self, key: int, row: object) -> None:
        self.places[key % len(self.places)] = row


class Table(Ring):
    """Gets more empty places when all are filled."""

    def put(self, key: int, row: object) -> None:
        if key == len(self.places):
            self.places += [None] * 1_500
        self.places[key] = row


REACHED = {
    Ring: range(1_500, 1_501),
    Table: range(0),
    Limited: range(1_500, 1_501),
    Pruned: range(1_900, 2_251),
    NeverEmptied: range(0),
    Ordered: range(1_500, 1_501),
    Logging: range(0),
}


@pytest.mark.parametrize(
    ("kind", "made"),
    [*((kind, 100) for kind in REACHED), *((kind, 1_700) for kind in (Pruned, NeverEmptied))],
)
def test_a_bound_within_reach_is_proved(kind: type[Limited], made: int) -> None:
    """After 1,700 calls, those that are pruned late have more entries than their bound."""
    cache, keys = kind(1_500), itertools.count()

    def repeat(calls: int) -> None:
        for _ in range(calls):
            cache.put(next(keys), Row())

    repeat(made)
    leak = LeakFinding(leaking=True, bytes_per_call=250, calls=2_000)
    found = HolderSearch(repeat, leak, namer=SiteNamer(ROOT), clock=SearchClock(5)).find(100)
    assert len(found.bounds) == (1 if REACHED[kind] else 0)
    assert all(bound.at_most in REACHED[kind] for bound in found.bounds)
    assert found.steps[0].path.startswith("cache in the closure of ")


class _Named(list[int]):
    name = ""


def test_a_list_that_an_extension_never_filled_is_not_read() -> None:
    new_list = ctypes.pythonapi.PyList_New
    new_list.argtypes, new_list.restype = [ctypes.c_ssize_t], ctypes.py_object
    unfilled = new_list(3)
    ring = [1, None, None]
    places = Places([unfilled, ring])
    ring[1] = 2
    assert places.bound_of(unfilled) is None
    limit = places.bound_of(ring)
    assert limit is not None
    assert (limit.entries(), limit.at_most) == (2, 3)
    assert record_of(unfilled, ()) is None
    assert latest(unfilled, 2) == []
    named = _Named([1, 2, 3])
    named.name = "orders"
    assert (items_of(named), latest(named, 2)) == ([1, 2, 3], [2, 3])
