"""Chooses how the lines of threads are followed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from pytest_memguard.orders.line_events import LineEvents
from pytest_memguard.orders.monitored_lines import MonitoredLines
from pytest_memguard.orders.packages import Packages
from pytest_memguard.orders.traced_lines import TracedLines

_TOOL_IDS = (3, 4)
"""The ids of `sys.monitoring` that CPython does not reserve for a kind of tool."""


def line_events(is_own: Callable[[str], bool]) -> LineEvents:
    """Return the best source available: `sys.monitoring` from CPython 3.12 on, otherwise `sys.settrace`.

    `is_own` says by a file's name whether its lines count.
    """
    tool = _free_tool()
    packages = Packages(is_own)
    return TracedLines(packages) if tool is None else MonitoredLines(packages, tool)


def _free_tool() -> int | None:
    monitoring: Any = getattr(sys, "monitoring", None)
    if monitoring is None:
        return None
    return next((tool for tool in _TOOL_IDS if monitoring.get_tool(tool) is None), None)
