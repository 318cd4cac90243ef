"""A leak beside memory that is freed at the same rate: containers that gain entries while memory is level."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_memguard.core.leak_finding import Answer, Doubt, LeakFinding
from pytest_memguard.core.policy import Policy
from pytest_memguard.guard import children
from pytest_memguard.guard.leak_check import check_leaks
from pytest_memguard.leaks.check import LeakCheck
from pytest_memguard.leaks.holders.gaining import Lengths
from pytest_memguard.leaks.holders.records import Record
from tests.guarded_project import GuardedProject
from tests.leaks.closing_meter import meter_of
from tests.leaks.typical_work import work

ROOT = Path(__file__).parents[2]
_numbers = itertools.count(10**6)
_OLD: list[list[int]] = []
_SEEN: dict[int, float] = {}
_WORK: deque[list[int]] = deque()
_DONE: list[object] = []
_FULL: dict[int, object] = {number: [number] for number in range(1_000)}


@pytest.fixture(scope="module", autouse=True)
def older() -> Iterator[None]:
    """Fill what the bodies use up while these tests run: each look at all objects would take longer."""
    _OLD.extend([number] for number in range(100_000))
    _WORK.extend([number] for number in range(100_000))
    yield
    for each in (_OLD, _WORK, _DONE, _SEEN, _FULL):
        each.clear()


def _check(body: Callable[[], object]) -> LeakFinding:
    with meter_of(ROOT) as meter:
        return check_leaks(body, meter=meter, policy=Policy(leak_budget_seconds=0.05))


def _drained() -> None:
    _OLD.pop()
    _SEEN[next(_numbers)] = 1.5


def _moved() -> None:
    _DONE.append(_WORK.popleft())


@pytest.mark.parametrize(("body", "holder"), [(_drained, "_SEEN (dict, "), (_moved, "_DONE (list, ")])
def test_a_leak_as_large_as_what_is_freed_is_not_passed(body: Callable[[], None], holder: str) -> None:
    finding = _check(body)
    assert finding.answer is not Answer.SETTLES, finding
    assert finding.leaking or finding.doubts == (Doubt.OFFSET,)
    assert holder in finding.held_by[0]


def _turning() -> None:
    del _FULL[next(iter(_FULL))]
    _FULL[next(_numbers)] = [1, 2]


def test_a_cache_that_turns_over_gains_nothing() -> None:
    assert _check(_turning).answer is Answer.SETTLES


def test_what_memguard_itself_keeps_for_each_call_is_no_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[object] = []
    monkeypatch.setattr(children, "_kept", kept, raising=False)
    finding = _check(lambda: kept.append(_WORK.popleft()))
    assert (finding.answer, finding.doubts) == (Answer.SETTLES, ())


def test_a_container_that_gained_only_before_is_not_one_that_gains() -> None:
    kept: list[None] = []
    bounded: deque[None] = deque(maxlen=1_000)
    lengths = Lengths()
    kept += [None] * 10
    bounded += [None] * 10
    assert lengths.gaining(lambda _calls: bounded.extend([None] * 10), 10) == []
    gaining = lengths.gaining(lambda calls: kept.extend([None] * calls), 10)
    assert [one.find() is kept for one in gaining] == [True]


@pytest.mark.parametrize(
    ("gains", "is_named"),
    [
        ([4, 7, 7], True),
        ([8, 4, 7], True),
        ([8, 4, 6], False),
        ([4, 4, 17], False),
        ([12, 4, 17], False),
        ([3, 17, 17], False),
    ],
)
def test_an_entry_at_each_second_of_few_calls_by_chance_is_found(gains: list[int], is_named: bool) -> None:
    kept: list[None] = []
    first, *later = gains
    then = iter(later)
    lengths = Lengths()
    kept += [None] * first
    found = lengths.gaining(lambda _calls: kept.extend([None] * next(then)), 17, steps=1)
    assert [one.find() is kept for one in found] == [True] * is_named


@pytest.mark.parametrize(
    ("lengths", "is_named"), [([9, 2, 8, 1, 7, 3, 9, 14, 20], False), ([4, 6, 5, 7, 9, 8, 10, 12, 18], True)]
)
def test_a_list_that_is_made_anew_by_each_of_few_calls_does_not_gain(
    lengths: list[int], is_named: bool
) -> None:
    made: list[None] = []
    then = iter(lengths)
    before = Lengths()
    made += [None] * 3

    def make_anew(_calls: int) -> None:
        made[:] = [None] * next(then)

    assert [one.find() is made for one in before.gaining(make_anew, 9)] == [True] * is_named


FIXTURE = """
    import time, pytest

    pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.01)
    KEPT = []

    @pytest.fixture
    def events():
        return []

    def wait():
        for _ in range(100_000):  # not by a clock: so many calls on every machine
            pass

    def test_fixture(events):
        events.append(None)
        wait()

    def test_global():
        KEPT.append(None)
        wait()
"""


def test_what_a_fixture_gains_is_gone_with_it(project: GuardedProject) -> None:
    project.write(test_it=FIXTURE)
    run = project.run()
    assert run.outcomes() == {"test_fixture": "no-baseline", "test_global": "not-measured"}
    assert "test_it.KEPT (list" in run.reason("test_global")


class _State:
    def __init__(self) -> None:
        self.recorded: list[bytes] = []
        self.events: list[None] = []

    def body(self) -> None:
        self.recorded.append(bytes(1_000))
        self.events.append(None)
        work(5)

    def renew(self) -> None:
        self.events = []


_state = _State()


@pytest.mark.parametrize(
    ("renew", "answer"), [(_state.renew, Answer.SETTLES), (lambda: None, Answer.CANNOT_TELL)]
)
def test_what_gains_beside_records_of_the_bench_is_looked_up_too(
    renew: Callable[[], None], answer: Answer
) -> None:
    check = LeakCheck(_state.body, Policy(leak_budget_seconds=0.01), renew=renew)
    recorded = LeakFinding(leaking=True, bytes_per_call=1_000, calls=9)
    with meter_of(ROOT) as meter:
        finding = check._beside_records(recorded, [Record("recorded", _state.recorded, [])], meter)
    assert finding.answer is answer
    assert [known.bytes_per_call for known in finding.known] == [1_000]
    assert ("events of" in "".join(finding.held_by)) is (answer is Answer.CANNOT_TELL)
