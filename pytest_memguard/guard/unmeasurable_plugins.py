"""Plugins that run a test in a way in which its memory cannot be measured."""

from __future__ import annotations

import pytest

from pytest_memguard.guard.pytest_memray import left_to_pytest_memray

_RUN_PARALLEL = "pytest_run_parallel"


def refused_by_neighbour(item: pytest.Item) -> str:
    """Return why an item cannot be measured beside another plugin, or nothing."""
    wrapped_in = getattr(getattr(item, "obj", None), "__globals__", {}).get("__name__", "")
    if str(wrapped_in).partition(".")[0] == _RUN_PARALLEL:  # its wrapper starts the threads
        return (
            "pytest-run-parallel runs it several times at once, so its figures change with every run; "
            "the marker's threads=N takes turns in a decided order"
        )
    return left_to_pytest_memray(item)
