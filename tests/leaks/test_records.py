"""What only a test double records is dropped between windows; a leak beside it, however small, is found."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from copy import copy
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock, create_autospec

import pytest

from pytest_memguard.core.policy import Policy
from pytest_memguard.guard.leak_check import check_leaks
from pytest_memguard.leaks.holders.records import is_of_bench, record_of
from pytest_memguard.meters.site_namer import SiteNamer
from tests.leaks.closing_meter import meter_of
from tests.made_distributions import install

ROOT = Path(__file__).parents[2]
GLOBAL: list[object] = []
DOUBLE = """
from collections import OrderedDict, defaultdict, deque

class Server:
    latest = []

    def __init__(self):
        self.requests = deque()
        self.by_path = defaultdict(list)
        self.rows = OrderedDict()
        self.seen = set()

    def get(self, path, body):
        request = {"path": path, "body": body}
        self.requests.append(request)
        self.latest.append(request)
        self.by_path[path].append(request)
        self.rows[object()] = request
        self.seen.add(bytes(9) + body)
"""


@pytest.fixture
def double(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[ModuleType]:
    """Import a library that calls itself a test double, or what the test says instead."""
    summary = getattr(request, "param", "Mock out the shop")
    install(tmp_path, "shop-double", {"shop_double.py": DOUBLE}, head=(f"Summary: {summary}",))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("shop_double")
    del sys.modules["shop_double"]


def test_a_leak_of_a_twentieth_beside_records_is_found_with_its_rate(double: ModuleType) -> None:
    server, kept, numbers = double.Server(), [], itertools.count(10**6)

    def body() -> None:
        server.get("/", b"%d" % next(numbers) * 90)
        kept.append(bytes(9))

    with meter_of(ROOT) as meter:
        finding = check_leaks(body, meter=meter, policy=Policy(leak_budget_seconds=0.01))
    assert finding.leaking, finding
    assert 30 <= finding.bytes_per_call <= 80, finding
    assert "kept in the closure of" in finding.held_by[0]
    (known,) = finding.known
    assert known.bytes_per_call > 600
    assert known.reason.startswith("a plugin or a test double keeps it, not the program: ")
    assert known.reason.endswith(".Server.latest") or known.reason.endswith(" of shop_double.Server")


def test_records_are_what_nobody_but_the_double_holds(double: ModuleType) -> None:
    namer, server = SiteNamer(ROOT), double.Server()
    server.get("/", b"")
    # An assertion that pytest has rewritten keeps what it looks at in locals of this function.
    found = (
        is_of_bench(server.requests, namer),
        is_of_bench(server.by_path["/"], namer),
        is_of_bench(double.Server.latest, namer),
    )
    assert found == (True, True, True)
    own: list[object] = []
    server.by_path.update({"/own": own, "/global": GLOBAL})
    assert not is_of_bench(own, namer)
    assert not is_of_bench(GLOBAL, namer)


LISTS = """
class Rows:
    def __init__(self):
        self.parts = [[]]

    def add(self, row):
        self.parts[0].append(row)
"""
SERVER = """
from shop_lists import Rows

class Server:
    def __init__(self):
        self.rows = Rows()
"""


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Any]]:
    """Return what makes servers of a test double that keeps their rows in objects of a library."""
    heads = ("Summary: Mock out the shop", "Requires-Dist: shop_lists>=1")
    install(tmp_path, "shop-lists", {"shop_lists.py": LISTS})
    install(tmp_path, "shop-server", {"shop_server.py": SERVER}, head=heads)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("shop_server").Server
    del sys.modules["shop_server"], sys.modules["shop_lists"]


def test_what_a_double_keeps_in_objects_of_a_library_is_dropped(servers: Callable[[], Any]) -> None:
    server, numbers = servers(), itertools.count(10**6)
    with meter_of(ROOT) as meter:
        finding = check_leaks(
            lambda: server.rows.add(next(numbers)), meter=meter, policy=Policy(leak_budget_seconds=0.01)
        )
    assert not finding.leaking, finding
    assert len(finding.known) == 1


def test_what_others_keep_in_objects_of_the_same_library_is_no_record(servers: Callable[[], Any]) -> None:
    namer, server, other = SiteNamer(ROOT), servers(), servers()
    found = is_of_bench(server.rows.parts[0], namer)
    kept = [type(other.rows)(), other.rows]  # the second is of the double, but the test holds it, too
    own = [is_of_bench(each.parts[0], namer) for each in kept]
    mock = MagicMock()
    mock.rows = type(other.rows)()
    of_a_mock = is_of_bench(vars(mock)["rows"].parts[0], namer)
    assert (found, own, of_a_mock) == (True, [False, False], False)


@pytest.mark.parametrize("number", [3, 300])
def test_what_a_record_holds_may_lead_back_to_it(double: ModuleType, number: int) -> None:
    """However many there are: each of thousands of timers refers to the loop that keeps them."""
    namer, server, own = SiteNamer(ROOT), double.Server(), list[object]()
    server.requests.extend(SimpleNamespace(all=server.requests) for _ in range(number))
    own.extend(SimpleNamespace(all=own) for _ in range(number))
    walks: list[str] = []
    is_counting = [True]

    def count_walk(event: str, _arguments: tuple[object, ...]) -> None:
        if is_counting and event in ("gc.get_objects", "gc.get_referrers"):
            walks.append(event)

    sys.addaudithook(count_walk)  # a profile function, on CPython 3.10, has each frame keep its locals
    found = is_of_bench(server.requests, namer), is_of_bench(own, namer)
    is_counting.clear()  # no hook can be taken away
    assert found == (True, False)
    assert 0 < len(walks) < 100


def test_records_of_a_mock_and_of_what_stands_for_a_function_are_of_the_bench() -> None:
    namer, mock = SiteNamer(ROOT), MagicMock()
    mock.seen = []
    function = create_autospec(len)
    function.results = []
    found = is_of_bench(vars(mock)["seen"], namer), is_of_bench(vars(function)["results"], namer)
    assert found == (True, True)


@pytest.mark.parametrize("double", ["Talks to the shop"], indirect=True)
def test_a_library_that_does_not_call_itself_a_double_is_none(double: ModuleType) -> None:
    found = is_of_bench(double.Server.latest, SiteNamer(ROOT))
    assert not found


@pytest.mark.parametrize(
    ("container", "add"),
    [
        ([1, 2], lambda one: one.insert(0, 3)),
        (deque([1, 2]), lambda one: one.extend([3, 4])),
        ({1: 2}, lambda one: one.update({3: 4})),
        (OrderedDict({1: 2}), lambda one: one.update({3: 4})),
        ({1, 2}, lambda one: one.update({3, 4})),
    ],
    ids=["list", "deque", "dict", "ordered dict", "set"],
)
def test_dropping_leaves_what_a_record_held_when_it_was_found(
    container: Any, add: Callable[[Any], object]
) -> None:
    before = copy(container)
    record = record_of(container, ())
    assert record is not None
    add(container)
    record.drop()
    assert container == before
