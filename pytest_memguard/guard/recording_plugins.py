"""Keeps plugins from recording a test while it is repeated, or removes what they recorded.

Each is known by what it keeps; none is imported that the run has not loaded.
"""

from __future__ import annotations

import gc
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from pytest_memguard.core.real_types import is_a
from pytest_memguard.guard.ends_of_fixtures import EndsOfFixtures

Drop = Callable[[], None]


@contextmanager
def unrecorded(item: pytest.Item) -> Iterator[Drop]:
    """Keep what happens in the block from every record that outlives it.

    Yields a function that drops what has been recorded so far.
    """
    with ExitStack() as stack:
        for silence in (_live_logs, _coverage, _allure, _snapshots):
            stack.enter_context(silence(item))
        yield stack.enter_context(_kept_records(item))


@contextmanager
def _kept_records(item: pytest.Item) -> Iterator[Drop]:
    """Put the lists and mappings that reports are made from back to what they hold now.

    Those of mocks in the item's own fixtures go back to what they held when they were first seen.
    """
    records, ends = _with_copies(_records(item)), EndsOfFixtures(item)
    of_fixtures: list[tuple[Any, Any]] = []

    def restore() -> None:
        for record, kept in records + of_fixtures:
            if record != kept:  # quick, where a project has thousands of fixtures
                _restore(record, kept)
        ends.drop()
        known = {id(record): kept for record, kept in of_fixtures}
        seen = _with_copies(_calls_of(_mocks_in_fixtures(item)))
        of_fixtures[:] = [(record, known.get(id(record), copy)) for record, copy in seen]

    restore()
    try:
        yield restore
    finally:
        restore()


def _with_copies(records: Iterable[Any]) -> list[tuple[Any, Any]]:
    return [(record, _copied(record)) for record in records]


def _records(item: Any) -> Iterator[Any]:
    """Yield what properties, markers, subtests, benchmarks, snapshots and steps of pytest-bdd are kept in."""
    yield item.user_properties
    yield from (node.own_markers for node in item.listchain())
    config, found = item.config, _registered_fixtures(item)
    found += _calls_of(_mocks())
    for module, key in (("_pytest.junitxml", "xml_key"), ("_pytest.subtests", "failed_subtests_key")):
        stored = config.stash.get(getattr(sys.modules.get(module), key, None), None)
        found += [stored, getattr(stored, "global_properties", None)]
    for plugin, name in (("_benchmarksession", "benchmarks"), ("_syrupy", "_assertions")):
        found.append(getattr(getattr(config, plugin, None), name, None))
    yield from filter(_is_record, found)


def _registered_fixtures(item: Any) -> list[Any]:
    """Return where pytest-bdd registers the fixtures of steps; before pytest 8.1 it takes them out itself."""
    manager = item.session._fixturemanager  # noqa: SLF001 - as pytest-bdd does
    if not hasattr(manager, "_register_fixture"):
        return []
    return [value for name, value in vars(manager).items() if name.startswith("_arg2")]


def _mocks() -> list[Any]:
    """Return all mocks: those of wide fixtures, of modules and of patches stay while a test is repeated."""
    module: Any = sys.modules.get("unittest.mock")
    kinds: set[type] = set() if module is None else set(_kinds_of(module.NonCallableMock))
    if not any(_may_be_of_a_mock(kind, module) for kind in kinds):
        return []
    gc.unfreeze()  # what was kept aside for the samples may be a mock
    return [one for one in gc.get_objects() if type(one) in kinds]


def _may_be_of_a_mock(kind: type, module: Any) -> bool:
    """Say whether a mock of this class may have been called; looking for it takes a walk of all objects.

    Each mock has a class of its own, which no module declares. A declared class has no instances, unless it
    makes them in its own way: respx's `CallList` does, and cannot be called.
    """
    if getattr(sys.modules.get(kind.__module__), kind.__qualname__, None) is not kind:
        return True
    makes_classes = kind.__new__ is module.NonCallableMock.__new__
    return not makes_classes and issubclass(kind, module.CallableMixin)


def _mocks_in_fixtures(item: Any) -> list[Any]:
    """Return the mocks that are values of an item's fixtures, and what those lead to."""
    mock: Any = getattr(sys.modules.get("unittest.mock"), "NonCallableMock", None)
    found: dict[int, Any] = {}
    left = list((getattr(item, "funcargs", None) or {}).values()) if mock is not None else []
    while left:
        one = left.pop()
        if issubclass(type(one), mock) and id(one) not in found:
            found[id(one)] = one
            left += [*vars(one).get("_mock_children", {}).values(), vars(one).get("_mock_return_value")]
    return list(found.values())


def _calls_of(mocks: list[Any]) -> list[Any]:
    """Return the lists in which mocks record their calls, and the functions made of them."""
    states = [vars(one) for one in mocks]
    functions = [state.get("_mock_delegate") for state in states]
    states += [vars(function) for function in functions if hasattr(function, "__dict__")]
    return [state[name] for state in states for name in _RECORDED_BY_MOCKS if _is_record(state.get(name))]


def _kinds_of(kind: type) -> Iterator[type]:
    """Yield the subclasses of a class, and theirs."""
    subclasses: list[type] = kind.__subclasses__()
    for each in subclasses:
        yield each
        yield from _kinds_of(each)


_RECORDED_BY_MOCKS = (
    "_mock_mock_calls",
    "_mock_call_args_list",
    "method_calls",
    "mock_calls",
    "call_args_list",
)
"""The last two are those of a function that `create_autospec` made."""


def _is_record(stored: object) -> bool:
    return is_a(stored, dict, list)


def _copied(record: Any) -> Any:
    """Copy the mappings and lists of a record; what they hold stays the same objects."""
    if is_a(record, dict):
        return {key: _copied(value) for key, value in record.items()}
    return list(record) if is_a(record, list) else record


def _restore(record: Any, kept: Any) -> None:
    """Take out what was added; a new list, of a fixture that was set up again, stays as it is."""
    if is_a(record, list):
        there = set(map(id, record))
        if all(id(one) in there for one in kept):  # pytest-bdd's step fixtures go before others, not behind
            record[:] = kept
        return
    for key in record.keys() - kept.keys():
        del record[key]
    for key, value in kept.items():
        if _is_record(value) and key in record:
            _restore(record[key], value)
        else:
            record[key] = value


@contextmanager
def _live_logs(item: pytest.Item) -> Iterator[None]:
    """Let nothing of the block reach the log on the terminal or the log file of pytest."""
    plugin: Any = item.config.pluginmanager.get_plugin("logging-plugin")
    handlers: list[logging.Handler] = (
        [] if plugin is None else [plugin.log_cli_handler, plugin.log_file_handler]
    )
    for handler in handlers:
        handler.addFilter(_nothing)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(_nothing)


def _nothing(_record: logging.LogRecord) -> bool:
    return False


@contextmanager
def _coverage(_item: pytest.Item) -> Iterator[None]:
    """Let coverage see neither the lines that only a repetition reaches nor the threads that it starts.

    Threads that were there before go on to be traced: nothing could start that again.
    """
    with ExitStack() as stack:
        trace: Any = sys.gettrace()
        if _is_of_coverage(trace):
            new_threads = getattr(threading, "_trace_hook", None)  # CPython 3.10 has no `threading.gettrace`
            stack.callback(sys.settrace, trace)
            stack.callback(threading.settrace, new_threads)
            sys.settrace(None)
            threading.settrace(None)
        monitoring: Any = getattr(sys, "monitoring", None)  # since CPython 3.12
        for tool in () if monitoring is None else range(_MONITORING_TOOLS):
            if monitoring.get_tool(tool) == "coverage.py":
                for event in _events(monitoring):
                    before = monitoring.register_callback(tool, event, None)
                    stack.callback(monitoring.register_callback, tool, event, before)
        yield


_MONITORING_TOOLS = 6


def _events(monitoring: Any) -> list[int]:
    """Return the events of `sys.monitoring` that a call of a function or a line can be seen by."""
    names = ("PY_START", "PY_RESUME", "PY_RETURN", "LINE", "JUMP", "BRANCH", "BRANCH_LEFT", "BRANCH_RIGHT")
    return [getattr(monitoring.events, name) for name in names if hasattr(monitoring.events, name)]


def _is_of_coverage(trace: object) -> bool:
    return type(getattr(trace, "__self__", trace)).__module__.partition(".")[0] == "coverage"


@contextmanager
def _allure(_item: pytest.Item) -> Iterator[None]:
    """Take away who writes steps, attachments and containers down for allure."""
    manager: Any = getattr(sys.modules.get("allure_commons"), "plugin_manager", None)
    writers = [] if manager is None else [each for each in manager.get_plugins() if _writes_for_allure(each)]
    names = [manager.get_name(writer) for writer in writers]
    for writer in writers:
        manager.unregister(writer)
    try:
        yield
    finally:
        for writer, name in zip(writers, names, strict=True):
            manager.register(writer, name)


def _writes_for_allure(plugin: object) -> bool:
    return hasattr(plugin, "start_step") or hasattr(plugin, "report_result")


@contextmanager
def _snapshots(item: pytest.Item) -> Iterator[None]:
    """Let syrupy write no snapshot, though it was told to update them."""
    session: Any = getattr(item.config, "_syrupy", None)
    if not hasattr(session, "queue_snapshot_write"):
        yield
        return
    session.queue_snapshot_write = lambda *_arguments, **_named: None
    try:
        yield
    finally:
        del session.queue_snapshot_write
