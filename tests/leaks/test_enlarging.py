"""Plain values that get larger by being replaced or extended: no container gains an entry."""

from __future__ import annotations

import time
from array import array
from pathlib import Path

from pytest_memguard.core.leak_finding import LeakFinding
from pytest_memguard.leaks.holders.enlarging import enlarging
from pytest_memguard.leaks.holders.search import HolderSearch
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


def _text(calls: int) -> None:
    for _ in range(calls):
        _state.text += "x" * 1_000


def test_the_attribute_that_holds_a_larger_value_is_named_as_one_of_the_program() -> None:
    leak = LeakFinding(leaking=True, bytes_per_call=1_000, calls=16, settled_bytes=0)
    with meter_of(ROOT) as meter:
        held = HolderSearch(_text, leak, namer=meter.namer, seconds=60).find(8)
    assert "text of" in held.steps[-1].text
    assert held.is_of_program


def _work(calls: int) -> None:
    end = time.thread_time() + 0.02 * calls
    while time.thread_time() < end:
        pass


def test_the_time_of_a_search_does_not_include_that_of_the_body() -> None:
    leak = LeakFinding(leaking=True, bytes_per_call=1_000, calls=16, settled_bytes=0)
    with meter_of(ROOT) as meter:
        search = HolderSearch(_work, leak, namer=meter.namer, seconds=1)
    before = search._deadline
    search._repeat(2)
    assert search._deadline - before >= 0.04
