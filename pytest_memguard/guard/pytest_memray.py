"""Beside pytest-memray: reads its limits, and keeps its tracker out of tests that memguard measures.

memray allows one tracker at a time. A limit that only pytest-memray can judge leaves the test to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pytest_memguard.core.errors import MarkerError

_LIMITS = {"limit_memory": "max_peak", "limit_leaks": "max_retained"}
"""The argument of memguard's marker that stands for a marker of pytest-memray."""

_SIZE = re.compile(r"(\+?\d*\.\d+|\+?\d+)\s*([KMGT]?)B", re.IGNORECASE)
"""Sizes as pytest-memray reads them: its `MB` are 1,024 times 1,024 bytes."""

_ONLY_THERE = ("filter_fn", "current_thread_only")
_WRAPPERS = "pytest_memray."


def limits_of(item: pytest.Item) -> Mapping[str, object]:
    """Return the limits of pytest-memray's markers, as memguard's marker writes them.

    Raises `MarkerError` for a size that cannot be read.
    """
    written: dict[str, object] = {}
    for marker, argument in _LIMITS.items():
        mark = item.get_closest_marker(marker)
        if mark is None or not mark.args:
            continue
        size = _SIZE.match(str(mark.args[0]))
        if size is None:
            raise MarkerError(
                f"{item.nodeid}: {marker} has the limit {mark.args[0]!r}; accepted is a size such as '24 MB'"
            )
        number, unit = size.groups()
        written[argument] = f"{number.lstrip('+')} {unit.upper()}{'iB' if unit else 'B'}"
    return written


def left_to_pytest_memray(item: pytest.Item) -> str:
    """Return why an item's memory is pytest-memray's to measure, or nothing."""
    if not item.config.pluginmanager.has_plugin("memray_manager"):
        return ""
    if item.get_closest_marker("limit_leaked_objects") is not None:
        return "pytest-memray measures it for limit_leaked_objects, and memray allows one tracker at a time"
    for marker, argument in _LIMITS.items():
        mark = item.get_closest_marker(marker)
        asked = [name for name in _ONLY_THERE if mark is not None and mark.kwargs.get(name)]
        if asked:
            return (
                f"pytest-memray measures it for {marker} with {asked[0]}, and memray allows one tracker at a "
                f"time; write {argument} in the memguard marker instead"
            )
    return ""


def without_its_wrapper(item: Any) -> None:
    """Take pytest-memray's tracker off the function of an item that memguard measures."""
    while module_of_function(item.obj).startswith(_WRAPPERS):
        item.obj = item.obj.__wrapped__


def module_of_function(function: object) -> str:
    """Return the name of the module in which a function runs, which is its own or that of a wrapper."""
    return str(getattr(function, "__globals__", {}).get("__name__", ""))


def wants_own_tracker(error: BaseException) -> bool:
    """Say whether a test failed since it could not start a tracker of its own beside ours."""
    return any("Tracker" in str(one) and "active" in str(one) for one in _chain(error))


OWN_TRACKER = (
    "it starts its own memray tracker, and memray allows only one at a time; it ran without being measured"
)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
