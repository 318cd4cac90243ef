"""`threads=N`: what each thread calls, and which tests cannot run from threads."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pytest
from _pytest.unittest import TestCaseFunction

from pytest_memguard.core.policy import Policy
from pytest_memguard.core.unpatched import AsTestSeesIt
from pytest_memguard.guard.hypothesis_tests import is_property_test
from pytest_memguard.meters.attribution import Owner, SiteNamer


def threads_refused(item: Any, policy: Policy) -> str:
    """Say why an item cannot be run from several threads; empty where it can, or is not asked to."""
    if policy.threads == 1:
        return ""
    function = inspect.unwrap(item.obj) if hasattr(item, "obj") else None
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return (
            f"threads={policy.threads} is for tests that are not coroutines: an async test has one loop, "
            f"where tasks race; for this one write tasks={policy.threads}"
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


def from_threads(
    item: pytest.Item, runtest: Callable[[], None], policy: Policy, namer: SiteNamer, *, order: int
) -> Callable[[], None]:
    """Return one run of an item: as pytest runs it, or once from every thread the policy asks for.

    The threads take turns in the order of that number.
    """
    if policy.threads == 1:
        return runtest
    import pytest_memguard.orders.threads  # noqa: F401, PLC0415 - now, since loading it in the sample would show there

    def run() -> None:
        with taking_turns(concurrent_body(item), policy, namer, order=order) as call, AsTestSeesIt():
            call()

    return run


def taking_turns(
    body: Callable[[], object], policy: Policy, namer: SiteNamer, *, order: int = 0
) -> AbstractContextManager[Callable[[], object]]:
    """Return a context whose value calls `body` from every thread, in an order that the program decides.

    The turn passes at lines of the project's own files.
    """
    from pytest_memguard.orders.order import order_of  # noqa: PLC0415 - only tests with threads pay for it
    from pytest_memguard.orders.threads import OrderedThreads  # noqa: PLC0415 - its libraries would slow every tracker down

    return OrderedThreads(
        body,
        policy.threads,
        order=order_of(order),
        is_own=_OwnFiles(namer).__getitem__,
        stuck_seconds=policy.thread_timeout_seconds,
    )


class _OwnFiles(dict[str, bool]):
    """Whether a file is the project's own; a dictionary, since every call of a traced thread asks."""

    def __init__(self, namer: SiteNamer) -> None:
        super().__init__()
        self._namer = namer

    def __missing__(self, file: str) -> bool:
        self[file] = is_own = self._namer.classify(file)[0] is Owner.PROJECT
        return is_own
