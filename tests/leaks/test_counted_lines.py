"""The line that leaves a file, a thread or a child process behind is named."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_memguard.core.policy import Policy
from pytest_memguard.core.sites import Site
from pytest_memguard.guard.leak_check import check_leaks
from pytest_memguard.leaks.counted_lines import leaving_line
from pytest_memguard.leaks.process_memory import ProcessMemory
from pytest_memguard.meters.site_namer import SiteNamer
from tests.leaks.closing_meter import meter_of

ROOT = Path(__file__).parents[2]
LEFT: list[int] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Close what the bodies leave open."""
    yield
    while LEFT:
        os.close(LEFT.pop())


def _open() -> None:
    LEFT.append(os.open(os.devnull, os.O_RDONLY))


def _open_between_two_that_close() -> None:
    with Path(os.devnull).open():
        _open()
        with Path(os.devnull).open() as other:
            other.read()


def _close_all() -> None:
    with Path(os.devnull).open(), Path(os.devnull).open() as other:
        other.read()


def _line_of(call: Callable[[], None], seconds: float = 5.0) -> Site | None:
    listing = ProcessMemory().listing("files")
    assert listing is not None
    return leaving_line(call, listing, namer=SiteNamer(ROOT), seconds=seconds)


@pytest.mark.parametrize("body", [_open, _open_between_two_that_close])
def test_line_that_opened_what_stays_open(body: Callable[[], None]) -> None:
    line = _open.__code__.co_firstlineno + 1
    assert _line_of(body) == Site("tests/leaks/test_counted_lines.py", line, "_open")


def test_none_is_named_where_all_is_closed_or_time_is_up() -> None:
    assert _line_of(_close_all) is None
    assert _line_of(_open, seconds=0.0) is None


def test_another_tracer_is_put_back() -> None:
    def tracer(*_: object) -> None: ...

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        _line_of(_open)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)


def test_a_leak_of_threads_and_of_children_has_its_line() -> None:
    done = threading.Event()
    children: list[subprocess.Popen[bytes]] = []

    def start_thread() -> None:
        threading.Thread(target=done.wait).start()

    def start_child() -> None:
        children.append(subprocess.Popen([sys.executable, "-c", ""]))

    try:
        for body, unit in ((start_thread, "threads"), (start_child, "children")):
            with meter_of(ROOT) as meter:
                finding = check_leaks(body, meter=meter, policy=Policy(leak_budget_seconds=0.05))
            sites = {count.unit: count.site for count in finding.counts}
            assert sites[unit] == Site(
                "tests/leaks/test_counted_lines.py", body.__code__.co_firstlineno + 1, body.__name__
            )
    finally:
        done.set()
        for child in children:
            child.wait()
