"""One call of a test's body, as the leak check repeats it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from copy import copy
from functools import partial, wraps
from typing import Any

import pytest
from _pytest.unittest import TestCaseFunction

from pytest_memguard.guard.ended_by_plugins import figures_closed, returns_figures, widgets_closed
from pytest_memguard.guard.hypothesis_tests import is_property_test
from pytest_memguard.guard.rerun import pop_recorded_failure

_KEPT_TO_UNDO: Mapping[str, object] = {"_setattr": [], "_setitem": [], "_cwd": None, "_savesyspath": None}
"""What pytest's `monkeypatch` keeps to undo, and what it begins with."""


def leaving_fixtures(body: Callable[[], object], fixtures: Mapping[str, object]) -> Callable[[], object]:
    """Return a call of `body` after which its fixtures hold no more than before.

    What a fixture keeps to undo patches when the test ends would pile up while the body is repeated, though
    the program under test leaks nothing.
    """
    used = [(_LEAVING[name], fixture) for name, fixture in fixtures.items() if name in _LEAVING]
    return _Left(body, used) if used else body


_Leaving = Callable[[Any], AbstractContextManager[None]]


class _Left:
    """A call that leaves fixtures alone; a class, which the search for holders knows for one of ours."""

    __slots__ = ("__wrapped__", "_used")

    def __init__(
        self,
        body: Callable[[], object],
        used: Sequence[tuple[_Leaving, object]],
    ) -> None:
        self.__wrapped__ = body  # whose line is named where nothing finer is known
        self._used = used

    def __call__(self) -> None:
        with ExitStack() as stack:
            for leaving, fixture in self._used:
                stack.enter_context(leaving(fixture))
            self.__wrapped__()


@contextmanager
def _monkeypatch(patch: Any) -> Iterator[None]:
    """Undo what the block patches, and nothing that was patched before it."""
    saved = {name: getattr(patch, name) for name in _KEPT_TO_UNDO}
    for name, beginning in _KEPT_TO_UNDO.items():
        setattr(patch, name, copy(beginning))
    try:
        yield
    finally:
        patch.undo()
        for name, value in saved.items():
            setattr(patch, name, value)


@contextmanager
def _mocker(mocker: Any) -> Iterator[None]:
    """Stop what the block mocks by pytest-mock, and nothing that was mocked before it."""
    mocks = mocker._mock_cache
    saved, mocks.cache = mocks.cache, []
    try:
        yield
    finally:
        mocker.stopall()
        mocks.cache = saved


@contextmanager
def _dropping(drop: Callable[[], object]) -> Iterator[None]:
    """Drop what the block left in a fixture."""
    try:
        yield
    finally:
        drop()


@contextmanager
def _class_cleanups(test_case: Any) -> Iterator[None]:
    """Run what the block registers for the end of a `TestCase` class, the last first."""
    cleanups = getattr(test_case, "_class_cleanups", [])
    before = len(cleanups)
    try:
        yield
    finally:
        while len(cleanups) > before:
            function, arguments, named = cleanups.pop()
            function(*arguments, **named)


@contextmanager
def _snapshot(snapshot: Any) -> Iterator[None]:
    """Compare with the first of syrupy's snapshots again, and count no further ones."""
    state = {name: vars(snapshot)[name] for name in _COUNTED_BY_SYRUPY if name in vars(snapshot)}
    for name, value in state.items():
        setattr(snapshot, name, type(value)())
    try:
        yield
    finally:
        for name, value in state.items():
            setattr(snapshot, name, value)


_COUNTED_BY_SYRUPY = ("_executions", "_execution_results", "_execution_name_index")


@contextmanager
def _cassette(cassette: Any) -> Iterator[None]:
    """Play a cassette of vcrpy from its start, and record nothing onto it."""
    if not hasattr(cassette, "play_counts"):
        yield
        return
    data, dirty, counts = list(cassette.data), cassette.dirty, cassette.play_counts
    cassette.rewind()
    try:
        yield
    finally:
        cassette.data[:], cassette.dirty, cassette.play_counts = data, dirty, counts


_LEAVING: Mapping[str, _Leaving] = {
    "monkeypatch": _monkeypatch,
    "mocker": _mocker,
    "snapshot": _snapshot,
    "qtbot": widgets_closed,
    **dict.fromkeys(("vcr", "vcr_cassette"), _cassette),
    **dict.fromkeys(("recwarn", "caplog"), lambda recorder: _dropping(recorder.clear)),
    **dict.fromkeys(
        ("capsys", "capfd", "capsysbinary", "capfdbinary"), lambda capture: _dropping(capture.readouterr)
    ),
}


def has_patches(item: Any) -> bool:
    """Say whether a run of the item may have left patches in place, which are undone when it is torn down."""
    return bool(_PATCHING & (getattr(item, "funcargs", None) or {}).keys())


_PATCHING = frozenset({"monkeypatch", "mocker"})


def repeatable_body(item: Any, runtest: Callable[[], None]) -> Callable[[], object]:
    """Return a call of an item's body with the fixtures that it has.

    A plain function is called directly: pytest's own machinery would cost more than many a
    body. Everything else (methods of `TestCase` with their set-up, coroutines on their own loop, all
    examples of a property test, doctests) runs as pytest runs it.
    """
    if type(item) is pytest.Function and not is_async(item.obj) and not is_property_test(item):
        body = function_with_fixtures(item)
        if _may_be_run_otherwise(item):
            body = _AsPytestDoes(item, runtest, body)
    else:
        body = partial(run_once, item, runtest)
    body = _Left(body, [(figures_closed, item)]) if returns_figures(item) else body
    return leaving_fixtures(body, getattr(item, "funcargs", None) or {})


def function_with_fixtures(item: Any) -> Callable[[], object]:
    """Return a call of an item's function with the fixtures that it has."""
    return partial(item.obj, **{name: item.funcargs[name] for name in item._fixtureinfo.argnames})


def is_async(function: object) -> bool:
    """Say whether pytest needs a plugin to run a function: a coroutine or an async generator function."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _may_be_run_otherwise(item: Any) -> bool:
    """Say whether a plugin beside pytest has a say in how functions are called."""
    implementations = item.ihook.pytest_pyfunc_call.get_hookimpls()
    return any(each.plugin_name != "python" for each in implementations)


class _AsPytestDoes:
    """A body whose first call is run by pytest, which shows whether the rest may call the function alone.

    They may where pytest called it once and it returned nothing. Where it returned something, a plugin
    waits for that: a deferred of twisted, or a coroutine of a function that is not an `async def`.
    """

    __slots__ = ("_call",)

    def __init__(self, item: Any, runtest: Callable[[], None], function: Callable[[], object]) -> None:
        self._call: Callable[[], object] = partial(self._watched, item, runtest, function)

    def __call__(self) -> None:
        self._call()

    def _watched(self, item: Any, runtest: Callable[[], None], function: Callable[[], object]) -> None:
        test, returned_nothing = item.obj, []

        @wraps(test)
        def watched(*arguments: Any, **named: Any) -> object:
            returned = test(*arguments, **named)
            returned_nothing.append(returned is None)
            return returned

        item.obj = watched
        try:
            run_once(item, runtest)
        finally:
            item.obj = test
        self._call = function if returned_nothing == [True] else partial(run_once, item, runtest)


def run_once(item: Any, runtest: Callable[[], None]) -> None:
    """Run an item as pytest runs it; raises what it or unittest caught too."""
    if isinstance(item, TestCaseFunction):
        _renew_test_case(item)
        with _class_cleanups(item.cls):
            runtest()
    else:
        runtest()
    recorded = pop_recorded_failure(item)
    if recorded is not None:
        raise recorded


def _renew_test_case(item: Any) -> None:
    """Give a method of `TestCase` a new instance, as unittest does: some can run but once."""
    if hasattr(item, "_getinstance"):
        item._instance = item._getinstance()
        item._obj = None
    else:  # pytest 8.0 and 8.1
        item._testcase = item.parent.obj(item.name)
        item._obj = getattr(item._testcase, item.name)
