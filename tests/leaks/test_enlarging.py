"""Plain values that get larger by being replaced or extended: no container gains an entry."""

from __future__ import annotations

import gc
import io
import itertools
import time
from array import array
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_memguard.core.leak_finding import Answer, Doubt, LeakFinding
from pytest_memguard.leaks.check import LeakCheck
from pytest_memguard.leaks.decision import Growth
from pytest_memguard.leaks.holders import clock
from pytest_memguard.leaks.holders import enlarging as values
from pytest_memguard.leaks.holders.clock import SearchClock
from pytest_memguard.leaks.holders.enlarging import calls_each_round, enlarging, enlarging_values
from pytest_memguard.leaks.holders.gaining import Lengths
from pytest_memguard.leaks.holders.search import HolderSearch
from pytest_memguard.leaks.screen import Screened
from pytest_memguard.leaks.series import Window
from tests.leaks.closing_meter import meter_of

ROOT = Path(__file__).parents[2]


class _State:
    def __init__(self) -> None:
        self.calls = 0
        self.text = ""
        self.rows: tuple[bytes, ...] = ()
        self.samples = array("d")
        self.last = b""


_state = _State()


def _repeat(calls: int) -> None:
    for _ in range(calls):
        _state.calls += 1
        _state.text += "x" * 1_000
        _state.rows += (bytes(1_000),)
        _state.samples.extend([1.5] * 125)
        _state.last = bytes(_state.calls * 7_919 % 20_000)


def test_values_that_get_larger_are_found_and_those_that_vary_are_not() -> None:
    found = enlarging(_repeat, 8, least_bytes=4_000, tick=lambda: None)
    grown = {id(_state.text): "text", id(_state.rows): "rows", id(_state.samples): "samples"}
    assert {grown.get(id(one), type(one)) for one in found} == {"text", "rows", "samples"}


class _Buffers:
    def __init__(self) -> None:
        self.text = ""
        self.written = io.StringIO()
        self.data = io.BytesIO()
        self.second = b""
        self.recent = ""


_buffers = _Buffers()
_calls = itertools.count()


def _extend(calls: int) -> None:
    for call in itertools.islice(_calls, calls):
        _buffers.text += "x" * 30
        _buffers.written.write("x" * 30)
        _buffers.data.write(b"x" * 30)
        _buffers.second += b"x" * 60 * (call % 2)
        _buffers.recent = (_buffers.recent + "x" * 300)[-1_000:]


def test_what_gets_larger_by_little_in_few_calls_is_found() -> None:
    _extend(9)
    found = {id(one.find()) for one in enlarging_values(_extend, 4)}
    named = {name for name, value in vars(_buffers).items() if id(value) in found}
    assert named == {"text", "written", "data", "second"}


@pytest.mark.parametrize(
    ("blocks_bytes", "each"),
    [
        ([0, 90, *[60] * 7], 2),
        ([0, 90, 60, 60, 60, 160, 90, 90, 90], 4),
        ([0, *[60] * 100], 0),
        ([*range(2_000)], 0),
    ],
    ids=["level", "more at one call", "level for longer", "many calls"],
)
def test_further_calls_are_made_after_few_or_if_any_added_something(
    blocks_bytes: list[int], each: int
) -> None:
    windows = [Window(calls=number, blocks_bytes=size) for number, size in enumerate(blocks_bytes)]
    assert calls_each_round(windows) == each


class _Arrays:
    def __init__(self) -> None:
        self.replaced = array("d")
        self.floats: tuple[float, ...] = ()
        self.equal = array("d", [1.5])
        self.refilled = array("d")


_arrays = _Arrays()


def _replace(calls: int) -> None:
    for call in itertools.islice(_calls, calls):
        _arrays.replaced = array("d", [*_arrays.replaced, 1.5])
        _arrays.floats += (call / 7,)
        _arrays.equal = array("d", [*_arrays.equal, 1.5])[-3:]
        _arrays.refilled = array("d", [1.5] * (call * 7 % 5))


def test_an_array_that_a_longer_one_replaces_is_found() -> None:
    found = {id(one.find()) for one in enlarging_values(_replace, 2)}
    assert {name for name, value in vars(_arrays).items() if id(value) in found} == {"replaced", "floats"}


def test_a_small_array_of_numpy_that_gets_longer_is_found_beside_readings_that_stay_level() -> None:
    """The cache of numpy hides what it gains, and a view of an array hides the array."""
    numpy = pytest.importorskip("numpy")
    held = SimpleNamespace(array=numpy.zeros(0), view=numpy.zeros(0), equal=numpy.zeros(3), others=[])

    def append(calls: int) -> None:
        for _ in range(calls):
            held.array = numpy.append(held.array, 1.5)
            held.view = numpy.append(held.view, 1.5)[:]
            held.equal = numpy.append(held.equal, 1.5)[-3:].copy()

    found = {id(one.find()) for one in enlarging_values(append, 2)}
    assert {name for name, value in vars(held).items() if id(value) in found} == {"array", "view"}


class _Holder:
    def __init__(self, table: object) -> None:
        self.table = table


def test_a_large_value_that_many_objects_share_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    table = tuple(map(float, range(1_000)))
    holders = [_Holder(table) for _ in range(50)]
    gc.collect()  # which drops the tuple from what the collector tracks
    measured = _measured_in_a_search(monkeypatch)
    assert measured.count(id(table)) == 2, len(holders)


def test_a_chain_of_values_that_is_held_at_each_link_is_measured_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chain: tuple[object, ...] = (0.5,)
    holders = []
    for number in range(500):
        chain = (chain, float(number))
        gc.collect(0)  # which drops the tuple from what the collector tracks
        holders.append(_Holder(chain))
    links = {id(holder.table) for holder in holders}
    measured = _measured_in_a_search(monkeypatch)
    assert sum(one in links for one in measured) == 2 * len(links)


def _measured_in_a_search(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the identities of the values that a search has measured, each as often as it was."""
    measured: list[int] = []
    own_bytes = values._own_bytes

    def counting(one: object) -> int:
        measured.append(id(one))
        return own_bytes(one)

    monkeypatch.setattr(values, "_own_bytes", counting)
    enlarging(lambda _calls: None, 8, least_bytes=4_000, tick=lambda: None)
    return measured


def test_a_search_that_takes_too_long_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_SECONDS_AN_OBJECT", -1.0)
    windows = tuple(Window(calls=number, blocks_bytes=max(0, number - 5)) for number in range(10))
    check = LeakCheck(lambda: _text(1))
    check._lengths = Lengths()
    check._screened = Screened(Growth(Answer.SETTLES, 9), windows, calls=9, settled_bytes=0, signals=())
    with meter_of(ROOT) as meter:
        finding = check.look_closer(LeakFinding(leaking=False, bytes_per_call=0, calls=9), meter.namer)
    assert finding.doubts == (Doubt.CUT_SHORT,)
    assert "the objects of the session" in finding.note


def test_a_text_that_gets_a_little_larger_is_named_and_does_not_pass() -> None:
    with meter_of(ROOT) as meter:
        check = LeakCheck(lambda: _text(1))
        finding = LeakFinding(leaking=False, bytes_per_call=0, calls=9)
        finding = check._named(finding, enlarging_values(_text, 4), None, meter.namer)
    assert finding.answer is Answer.CANNOT_TELL
    assert "text of" in finding.held_by[-1]


def _text(calls: int) -> None:
    for _ in range(calls):
        _state.text += "x" * 1_000


def test_the_attribute_that_holds_a_larger_value_is_named_as_one_of_the_program() -> None:
    leak = LeakFinding(leaking=True, bytes_per_call=1_000, calls=16, settled_bytes=0)
    with meter_of(ROOT) as meter:
        held = HolderSearch(_text, leak, namer=meter.namer, clock=SearchClock(60)).find(8)
    assert "text of" in held.steps[-1].text
    assert held.is_of_program


def _work(calls: int) -> None:
    end = time.thread_time() + 0.02 * calls
    while time.thread_time() < end:
        pass


def test_the_time_of_a_search_does_not_include_that_of_the_body() -> None:
    leak = LeakFinding(leaking=True, bytes_per_call=1_000, calls=16, settled_bytes=0)
    with meter_of(ROOT) as meter:
        search = HolderSearch(_work, leak, namer=meter.namer, clock=SearchClock(1))
    before = search.clock.seconds_left
    search._repeat(2)
    assert search.clock.seconds_left > before - 0.03
