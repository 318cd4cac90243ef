"""Runs once what memguard and pytest do around a test, so that no sample holds the cost of first calls.

A tracker makes the interpreter keep the lines of each function that is called for the first time. What pytest
and memguard keep for theirs, some 14 KiB, would leave the peak of a process's first test in doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from types import SimpleNamespace

import _pytest.python
import pluggy
import pytest

from pytest_memguard.core.policy import Policy
from pytest_memguard.core.unpatched import as_test_sees_it
from pytest_memguard.guard.children import ended_in_children
from pytest_memguard.guard.memguard_fixture import MemguardFixture, RegionBook
from pytest_memguard.guard.sample_in_progress import SampleInProgress
from pytest_memguard.guard.sampled import Sampled
from pytest_memguard.meters import Meter

_NAME = "memguard-warming"
_spec = pluggy.HookspecMarker(_NAME)
_impl = pluggy.HookimplMarker(_NAME)


_warm: set[str] = set()


def warm_up(meter: Meter, item: pytest.Item) -> None:
    """Measure nothing, once for each meter; no plugin of the project hears of it."""
    if meter.name in _warm:
        return
    _warm.add(meter.name)
    # Whatever fails here only leaves the first peak in doubt, and a sample of its own says what is wrong.
    with suppress(Exception):
        sample = SampleInProgress(meter, Policy(), counted=False)
        sample.begin()
        try:
            Sampled().timed(as_test_sees_it(ended_in_children(_calling(lambda: item.ihook))))
        finally:
            sample.end()
        book = RegionBook(meter, Policy(), None, counted=False)
        _calling(lambda: _measure(MemguardFixture(lambda: book)))()


def _measure(memguard: MemguardFixture) -> None:
    for name in ("first", "second"):
        with memguard.measure(name):
            pass


class _Specs:
    @_spec(firstresult=True)
    def pytest_pyfunc_call(self, pyfuncitem: object) -> object: ...


class _Wrapper:
    @_impl(wrapper=True)
    def pytest_pyfunc_call(self) -> Generator[None, object, object]:
        return (yield)


class _OldWrapper:
    @_impl(hookwrapper=True)
    def pytest_pyfunc_call(self) -> Generator[None, object, None]:
        yield


class _Caller:
    @_impl
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> object:
        return _pytest.python.pytest_pyfunc_call(pyfuncitem)


def _calling(function: Callable[[], object]) -> Callable[[], None]:
    """Return a run of a test that calls a function, through hooks of its own."""
    manager = pluggy.PluginManager(_NAME)
    manager.add_hookspecs(_Specs)
    for plugin in (_Caller(), _Wrapper(), _OldWrapper()):
        manager.register(plugin)

    def test() -> None:
        function()

    item = SimpleNamespace(
        ihook=manager.hook, obj=test, funcargs={}, nodeid=_NAME, _fixtureinfo=SimpleNamespace(argnames=())
    )
    return lambda: pytest.Function.runtest(item)  # type: ignore[arg-type]  # it has what is used of an item
