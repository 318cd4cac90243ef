"""Hypothesis tests: the same examples in every sample, no deadline, and one example for a leak check."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_SEED = 0
_SETTINGS = "_hypothesis_internal_use_settings"
_SEED_NAME = "_hypothesis_internal_use_seed"


def is_property_test(item: pytest.Item) -> bool:
    """Say whether hypothesis draws the arguments of an item."""
    return "hypothesis" in sys.modules and getattr(getattr(item, "obj", None), "is_hypothesis_test", False)


@contextmanager
def same_examples(item: Any) -> Iterator[None]:
    """Let hypothesis draw the same examples each time while an item is measured.

    Its database would add what failed before, and its deadline and health checks look at a
    clock that a meter slows down. A new instance for each sample is no second executor.
    """
    if not is_property_test(item):
        yield
        return
    from hypothesis import HealthCheck, settings  # noqa: PLC0415 - loaded already, by the test

    test: Any = getattr(item.obj, "__func__", item.obj)
    saved = {name: getattr(test, name, None) for name in (_SETTINGS, _SEED_NAME)}
    given: Any = saved[_SETTINGS] or settings.default
    unwatched = {HealthCheck.too_slow, HealthCheck.differing_executors, *given.suppress_health_check}
    steady = settings(given, database=None, deadline=None, suppress_health_check=sorted(unwatched, key=str))
    setattr(test, _SETTINGS, steady)
    setattr(test, _SEED_NAME, _SEED)
    try:
        yield
    finally:
        for name, value in saved.items():
            setattr(test, name, value)


class FixedExample:
    """Remembers the first example that a run draws, so that it can be repeated alone."""

    def __init__(self, item: Any) -> None:
        self._handle: Any = item.obj.hypothesis
        self._call: Callable[[], object] | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the runs of the block for their first example."""
        inner = self._handle.inner_test

        def watched(*arguments: Any, **named: Any) -> object:
            if self._call is None:
                self._call = lambda: inner(*arguments, **named)
            return inner(*arguments, **named)

        watched.__dict__.update(inner.__dict__)
        self._handle.inner_test = watched
        try:
            yield
        finally:
            self._handle.inner_test = inner

    def repeat(self) -> None:
        """Run the remembered example once more; without one there is nothing to run."""
        if self._call is not None:
            self._call()
