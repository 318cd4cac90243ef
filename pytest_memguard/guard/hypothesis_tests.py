"""Hypothesis tests: the same examples in every sample and every call of a leak check, and no deadline."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

_SEED = 0
_SETTINGS = "_hypothesis_internal_use_settings"
_SEED_NAME = "_hypothesis_internal_use_seed"
_MISSING = object()


def is_property_test(item: pytest.Item) -> bool:
    """Say whether hypothesis draws the arguments of an item."""
    return "hypothesis" in sys.modules and getattr(getattr(item, "obj", None), "is_hypothesis_test", False)


def is_state_machine(item: pytest.Item) -> bool:
    """Say whether a property test is a state machine, which draws the steps of each example itself."""
    return is_property_test(item) and not hasattr(getattr(item, "obj", None), "hypothesis")


@contextmanager
def same_examples(item: Any) -> Iterator[None]:
    """Let hypothesis draw the same examples each time while an item is measured, whatever ran before.

    Its database would add what failed before, its deadline and health checks look at a clock that a
    meter slows down, and a tenth of what it draws are constants of the project's modules that happen to
    be loaded. A new instance for each sample does not count as a second executor.
    """
    if not is_property_test(item):
        yield
        return
    test: Any = getattr(item.obj, "__func__", item.obj)
    with ExitStack() as stack:
        if is_state_machine(item):
            stack.enter_context(_set(item.cls, "settings", _steady(item.cls.settings)))
            machine = getattr(test, "_hypothesis_state_machine_class", None)
            if machine is not None:
                stack.enter_context(_set(machine, _SEED_NAME, _SEED))
        else:
            stack.enter_context(_set(test, _SETTINGS, _steady(getattr(test, _SETTINGS, None))))
            stack.enter_context(_set(test, _SEED_NAME, _SEED))
        stack.enter_context(_without_local_constants())
        yield


def _steady(given: Any) -> Any:
    from hypothesis import HealthCheck, settings  # noqa: PLC0415 - loaded already, by the test

    given = given or settings.default
    unwatched = {HealthCheck.too_slow, HealthCheck.differing_executors, *given.suppress_health_check}
    return settings(given, database=None, deadline=None, suppress_health_check=sorted(unwatched, key=str))


@contextmanager
def _set(owner: Any, name: str, value: object) -> Iterator[None]:
    """Set an attribute for the block, and restore its own value afterwards, if it had one."""
    had = vars(owner).get(name, _MISSING)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if had is _MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, had)


@contextmanager
def _without_local_constants() -> Iterator[None]:
    """Let hypothesis draw no constants from the project's modules; before 6.131 it drew none."""
    providers: Any = sys.modules.get("hypothesis.internal.conjecture.providers")
    read = getattr(providers, "_get_local_constants", None)
    if read is None:
        yield
        return
    known = providers.GLOBAL_CONSTANTS
    none = dict.fromkeys(known, ()) if isinstance(known, dict) else type(known)()
    providers.CONSTANTS_CACHE.cache.clear()
    providers._get_local_constants = lambda: none  # noqa: SLF001 - there is no setting for it
    try:
        yield
    finally:
        providers._get_local_constants = read  # noqa: SLF001 - see above
        providers.CONSTANTS_CACHE.cache.clear()
