"""`threads=N`: what each thread calls, and which tests cannot run from threads."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from _pytest.unittest import TestCaseFunction

from pytest_memguard.core.policy import Policy
from pytest_memguard.guard.hypothesis_tests import is_property_test


def threads_refused(item: Any, policy: Policy) -> str:
    """Say why an item cannot be run from several threads; empty where it can, or is not asked to."""
    if policy.threads == 1:
        return ""
    function = inspect.unwrap(item.obj) if hasattr(item, "obj") else None
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return (
            f"threads={policy.threads} is for tests that are no coroutines: an async test has one loop, "
            "where tasks race; start them in the test, with asyncio.gather or a task group"
        )
    if is_property_test(item):
        return (
            f"threads={policy.threads} is not for property tests: hypothesis draws for one thread at a time"
        )
    if not isinstance(item, TestCaseFunction) and type(item) is not pytest.Function:
        kind = type(item).__name__
        return f"threads={policy.threads} is for test functions and methods, and this is a {kind}"
    return ""


def concurrent_body(item: Any) -> Callable[[], object]:
    """Return what each thread calls: the function with the fixtures it has, a TestCase on an own instance."""
    if isinstance(item, TestCaseFunction):
        test_case: Any = type(item.instance)  # asked for, it is made, as pytest's tear-down expects
        return lambda: test_case(item.name).debug()
    names = item._fixtureinfo.argnames
    return partial(item.obj, **{name: item.funcargs[name] for name in names})


def from_threads(item: pytest.Item, runtest: Callable[[], None], policy: Policy) -> Callable[[], None]:
    """Return one run of an item: as pytest runs it, or once from every thread the policy asks for."""
    if policy.threads == 1:
        return runtest
    from pytest_memguard.guard.threaded_body import ThreadedBody  # noqa: PLC0415 - its libraries would slow every tracker down

    def run() -> None:
        with ThreadedBody(
            concurrent_body(item), policy.threads, stuck_seconds=policy.thread_timeout_seconds
        ) as call:
            call()

    return run
