"""Keeps old objects out of garbage collections while a test is measured, but not out of `gc.get_objects`."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pytest_memguard.meters.garbage import only_new_garbage

_get_objects, _get_referrers = gc.get_objects, gc.get_referrers


@contextmanager
def old_objects_aside() -> Iterator[None]:
    """Let collections look at new objects alone, until the test asks for the objects that there are.

    The collector lists nothing that is out of its sight, so that it all comes back for a test that asks, or
    whose libraries do: hypothesis warns of a generator that nothing seems to refer to.
    """
    with only_new_garbage(), _asking_shows_all():
        yield


def asking_shows_all(body: Callable[[], None]) -> Callable[[], None]:
    """Return a call of `body` for which old objects come back into sight when it asks for them."""

    def call() -> None:
        with _asking_shows_all():
            body()

    return call


@contextmanager
def _asking_shows_all() -> Iterator[None]:
    was = gc.get_objects, gc.get_referrers
    gc.get_objects, gc.get_referrers = _all_objects, _all_referrers
    try:
        yield
    finally:
        gc.get_objects, gc.get_referrers = was


def _all_objects(generation: int | None = None) -> list[Any]:
    gc.unfreeze()
    return _get_objects(generation)


def _all_referrers(*objs: object) -> list[Any]:
    gc.unfreeze()
    return [one for one in _get_referrers(*objs) if one is not objs]


for _function in (_all_objects, _all_referrers):
    # What they allocate counts as the test's, as it does without them: their file is not memguard's.
    _function.__code__ = _function.__code__.replace(co_filename="<string>")
