"""Where a turn may pass within a line: behind its calls, and where it enters another package."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from pytest_memguard.orders.order import Lockstep
from pytest_memguard.orders.packages import NONE, Packages
from pytest_memguard.orders.places import behind, calling, line_of
from pytest_memguard.orders.steps import steps_of
from pytest_memguard.orders.threads import OrderedThreads
from tests.meter_here import needs_memray

CACHE: dict[str, Any] = {}


def looks_and_loads() -> object:
    return CACHE.get("key") or json.loads("[]")


def stores() -> None:
    CACHE["key"] = json.loads("[]")


def keeps() -> object:
    value = json.loads("[]")
    return value  # noqa: RET504 - its line is the next place


def compares() -> bool:
    return CACHE.get("key") == 1


@pytest.mark.parametrize(
    ("function", "steps"), [(looks_and_loads, 1), (stores, 1), (keeps, 0), (compares, 0)]
)
def test_a_line_has_a_step_behind_a_call_that_it_does_more_with(
    function: Callable[[], object], steps: int
) -> None:
    code = function.__code__
    found = steps_of(code)
    assert len(found) == steps
    assert {line_of(code, behind(offset)) for offset in found} == {code.co_firstlineno + 1} - (
        set() if steps else {code.co_firstlineno + 1}
    )
    assert line_of(code, calling(7)) == 7


def caller_of_json() -> FrameType | None:
    """Return what calls `json.loads`, as it is seen from a hook that `json.loads` calls."""
    packages = Packages(lambda file: file == __file__)
    found: list[FrameType | None] = []

    def hook(_: object) -> None:
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_code.co_name != "loads":
            frame = frame.f_back
        package = packages[frame.f_code.co_filename]
        found.append(packages.caller_into(package, frame.f_back))
        assert packages.caller_into(NONE, frame.f_back) is None
        assert packages.caller_into(package, frame) is None  # a call within the package

    json.loads("{}", object_hook=hook)
    return found[0]


def test_a_call_into_another_package_is_the_projects() -> None:
    caller = caller_of_json()
    assert caller is not None
    assert caller.f_code is caller_of_json.__code__


def test_a_call_of_another_package_by_memguard_is_nobodys() -> None:
    packages = Packages(lambda file: file == __file__)
    assert packages["<string>"] == packages[Packages.__init__.__code__.co_filename] == NONE
    installed = packages["/env/site-packages/shop/api.py"]
    assert installed == packages["/env/site-packages/shop/db.py"] != packages["/env/site-packages/json.py"]


@needs_memray
def test_the_steps_of_a_line_make_no_integers(tmp_path: Path) -> None:
    """A meter would charge them to the line: the identifiers of thread and code, and the step's number."""
    from memray import FileReader, Tracker  # noqa: PLC0415 - it is not everywhere

    def body() -> None:
        values.append([float(number) for number in range(1_000, 3_000)])

    values: list[list[float]] = []
    capture = tmp_path / "capture.bin"
    with OrderedThreads(body, 2, order=Lockstep(), is_own=lambda file: file == __file__) as call:
        with Tracker(capture, trace_python_allocators=True):
            call()
        with FileReader(capture) as reader:
            integers = [one for one in reader.get_allocation_records() if one.size in (28, 32)]
    assert len(integers) < 2 * 2 * 2_000  # each thread makes the 2,000 that it counts through
