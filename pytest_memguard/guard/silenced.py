"""Runs code inside a test and hides its output, logs, warnings and reports."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest

from pytest_memguard.guard.recording_plugins import unrecorded

_SILENT_HOOKS = frozenset(
    {"pytest_runtest_logreport", "pytest_exception_interact", "pytest_warning_recorded"}
)


@contextmanager
def quietly(item: pytest.Item) -> Iterator[Callable[[], None]]:
    """Hide everything that happens in the block from the item's outcome and reports.

    Yields a function that drops what has piled up so far: a block that repeats a body calls it
    between repetitions, lest the captured output itself look like a leak.
    """
    with ExitStack() as stack:
        drops = [
            stack.enter_context(_captured(item)),
            stack.enter_context(_logs(item)),
            stack.enter_context(unrecorded(item)),
        ]
        stack.enter_context(_no_reports(item))
        stack.enter_context(_no_warnings())
        stack.enter_context(_no_complaints())
        _end_time_limit(item)

        def drop() -> None:
            for each in drops:
                each()

        yield drop


@contextmanager
def _captured(item: pytest.Item) -> Iterator[Callable[[], None]]:
    """Keep what was captured before the block, and throw away what the block writes."""
    manager: Any = item.config.pluginmanager.get_plugin("capturemanager")
    if manager is None or not manager.is_globally_capturing():
        with _discarded():
            yield lambda: None
        return
    out, err = manager.read_global_capture()
    try:
        yield manager.read_global_capture
    finally:
        manager.read_global_capture()
        item.add_report_section("call", "stdout", out)
        item.add_report_section("call", "stderr", err)


@contextmanager
def _discarded() -> Iterator[None]:
    """Send both output streams to nowhere, for runs with `-s`."""
    flush_streams()
    saved = [os.dup(number) for number in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in (1, 2):
            os.dup2(nowhere, number)
        yield
    finally:
        flush_streams()
        for number, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, number)
            os.close(copy)
        os.close(nowhere)


def flush_streams() -> None:
    """Write out what waits in the streams; one that a fixture put in their place may be closed by now."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with suppress(ValueError, OSError):
            if stream is not None:
                stream.flush()


@contextmanager
def _logs(item: pytest.Item) -> Iterator[Callable[[], None]]:
    """Give pytest's log handlers fresh records for the block, and the old ones back."""
    plugin: Any = item.config.pluginmanager.get_plugin("logging-plugin")
    handlers = [] if plugin is None else [plugin.caplog_handler, plugin.report_handler]
    saved = [(handler, handler.records, handler.stream) for handler in handlers]

    def drop() -> None:
        for handler in handlers:
            handler.reset()

    drop()
    try:
        yield drop
    finally:
        for handler, records, stream in saved:
            handler.records, handler.stream = records, stream


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Keep the filters as they are, and show or record no warning of the block."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda *_arguments, **_named: None
        yield


@contextmanager
def _no_reports(item: pytest.Item) -> Iterator[None]:
    """Let nothing that the block reports (subtests do) reach a plugin."""
    session: Any = item.session
    lookup, own = session.gethookproxy, vars(session).get("gethookproxy")

    def silenced(fspath: os.PathLike[str]) -> _SilencedHooks:
        return _SilencedHooks(lookup(fspath))

    session.gethookproxy = silenced
    try:
        yield
    finally:
        if own is None:
            del session.gethookproxy
        else:  # that of a test in a process of its own, which keeps the reports
            session.gethookproxy = own


@contextmanager
def _no_complaints() -> Iterator[None]:
    """Let errors of destructors in the block, such as those of files left open, reach no plugin."""
    before = sys.unraisablehook
    sys.unraisablehook = lambda _complaint: None
    try:
        yield
    finally:
        sys.unraisablehook = before


def let_go(error: BaseException) -> None:
    """Drop what the frames behind an error hold, inside the block, where no complaint of theirs is heard."""
    error.__cause__ = error.__context__ = error.__traceback__ = None
    gc.collect()


def _end_time_limit(item: pytest.Item) -> None:
    """Let no limit of pytest-timeout end what is repeated: it is set for one run of the test."""
    cancel: Any = getattr(item.config.hook, "pytest_timeout_cancel_timer", None)
    if cancel is not None:
        cancel(item=item)


class _SilencedHooks:
    """A relay of hooks in which the reporting ones do nothing."""

    def __init__(self, relay: Any) -> None:
        self._relay = relay

    def __getattr__(self, name: str) -> Any:
        if name == "pytest_runtest_makereport":
            return pytest.TestReport.from_item_and_call  # a report is asked for, which no plugin has to see
        if name in _SILENT_HOOKS:
            return lambda **_arguments: []
        return getattr(self._relay, name)
