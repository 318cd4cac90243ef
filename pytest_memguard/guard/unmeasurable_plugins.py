"""Plugins that run a test in a way in which its memory cannot be measured."""

from __future__ import annotations

import pytest

from pytest_memguard.guard.pytest_memray import left_to_pytest_memray, module_of_function

_REASONS = {
    "pytest_run_parallel": (
        "pytest-run-parallel runs it several times at once, so its figures change with every run; "
        "the marker's threads=N takes turns in a decided order"
    ),
    "pytest_steps.steps_generator": (
        "pytest-steps makes it of one part of a generator, which runs only once; "
        "with the steps as a parameter `test_step` it can be measured"
    ),
}
"""Why not, by the module or package whose function stands in for the test's own."""


def refused_by_neighbour(item: pytest.Item) -> str:
    """Return why an item cannot be measured beside another plugin, or nothing."""
    name = module_of_function(getattr(item, "obj", None))
    for stand_in, reason in _REASONS.items():
        if name == stand_in or name.startswith(f"{stand_in}."):
            return reason
    return left_to_pytest_memray(item)
