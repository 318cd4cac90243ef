"""What one call of a test's body is, when the leak check repeats it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from _pytest.unittest import TestCaseFunction

from pytest_memguard.piling_fixtures import leaving_fixtures
from pytest_memguard.property_tests import FixedExample, is_property_test
from pytest_memguard.rerun import pop_recorded_failure


def repeatable_body(item: Any, runtest: Callable[[], None]) -> Callable[[], object]:
    """Return a call of an item's body with the fixtures that it has.

    A plain function is called directly: pytest's own machinery would cost more than many a
    body. A property test repeats one example. Everything else (methods of `TestCase` with their
    set-up, coroutines on their own loop, doctests) runs as pytest runs it.
    """
    if is_property_test(item):
        body: Callable[[], object] = _one_example(item, runtest)
    elif type(item) is pytest.Function and not _is_async(item.obj):
        names = item._fixtureinfo.argnames
        body = partial(item.obj, **{name: item.funcargs[name] for name in names})
    else:
        body = partial(_run, item, runtest)
    return leaving_fixtures(body, getattr(item, "funcargs", None) or {})


def _is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _run(item: Any, runtest: Callable[[], None]) -> None:
    if isinstance(item, TestCaseFunction):
        _renew_test_case(item)
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


def _one_example(item: pytest.Item, runtest: Callable[[], None]) -> Callable[[], object]:
    example = FixedExample(item)
    with example.watching():
        runtest()
    return example.repeat
