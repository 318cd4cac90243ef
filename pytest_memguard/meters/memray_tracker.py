"""Starts and stops a memray tracker, and restores the interpreter even where the tracker cannot start."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from memray import (
    AllocationRecord,
    AllocatorType,
    FileDestination,
    FileFormat,
    FileReader,
    Tracker,
)
from memray._memray import set_log_level  # where its type is declared

from pytest_memguard.core.errors import described
from pytest_memguard.meters.high_files import LowNumbersOccupied
from pytest_memguard.meters.protocol import MeterError

__all__ = [
    "AllocationRecord",
    "AllocatorType",
    "FileDestination",
    "FileFormat",
    "FileReader",
    "Tracker",
    "set_log_level",
]

_WATCHED = ("_name", "_ident")
_WRAPPED = "_set_os_name"


def flame_graph_reporter() -> Any:
    """Return memray's class for flame graphs, which imports jinja2."""
    from memray.reporters.flamegraph import FlameGraphReporter  # noqa: PLC0415 - as said

    return FlameGraphReporter


def start(tracker: AbstractContextManager[object]) -> Callable[[], None]:
    """Start a tracker and return what stops it.

    Raises `MeterError` where another one is active, or where memray cannot take the place of
    the profiler that is set.
    """
    profiler = sys.getprofile()
    if profiler is not None and not callable(profiler):
        # memray puts it back by calling it, and would stop halfway: a C profiler has no Python function.
        name = f"{type(profiler).__module__}.{type(profiler).__name__}"
        raise MeterError(
            f"memray could not start: a profiler is active ({name}) and memray needs its place; "
            "run without the profiler."
        )
    thread: Any = threading.Thread
    hook, wrapped = _profile_hook(), thread.__dict__.get(_WRAPPED)
    try:
        with LowNumbersOccupied():
            tracker.__enter__()
    except Exception as error:  # it asserts, and calls what it finds
        if _is_of_another(error):
            raise MeterError(
                "memray could not start: another tracker of memray is active, and only one tracker can be "
                "active; run without the other one, such as that of `memray run`."
            ) from error
        _undo(thread, hook, wrapped)
        raise MeterError(f"memray could not start: {_cause(error)}") from error

    def stop() -> None:
        tracker.__exit__(None, None, None)
        _unwrap(thread, wrapped)

    return stop


def _is_of_another(error: Exception) -> bool:
    return isinstance(error, RuntimeError) and "Tracker" in str(error)


def _cause(error: Exception) -> str:
    """Say why a tracker did not start, and what to do."""
    if isinstance(error, (RuntimeError, OSError)):  # memray's own, of what the system refuses it
        return f"{described(error)}. Give it that, or measure without it: --memguard-meter=tracemalloc"
    return f"a profiler, or a tracker that never stopped, is in its way ({described(error)}); run without it."


def _profile_hook() -> Any:
    return getattr(threading, "_profile_hook", None)


def _undo(thread: Any, hook: Any, wrapped: Any) -> None:
    """Take back what a tracker did to threads before it failed; none is active, or it would have said so."""
    for name in _WATCHED:
        if type(thread.__dict__.get(name)).__module__.startswith("memray."):
            delattr(thread, name)
    if _profile_hook() is not hook:
        threading.setprofile(hook)
    _unwrap(thread, wrapped)


def _unwrap(thread: Any, wrapped: Any) -> None:
    """Put the method back that memray wraps once more with every tracker, from CPython 3.14 on."""
    if wrapped is not None and thread.__dict__.get(_WRAPPED) is not wrapped:
        setattr(thread, _WRAPPED, wrapped)
