"""Stands in for what threads are started, woken and put to sleep with, while they take turns."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence, Sized
from types import BuiltinFunctionType
from typing import Any, Protocol

from pytest_memguard.orders.sleepers import LONGEST_SECONDS

Bound = tuple[dict[str, Any], str]
"""The namespace of a module, and a name in it that stands for `time.sleep`."""


class TakesPart(Protocol):
    """What is asked instead, as long as a call lasts."""

    def start(self, thread: threading.Thread, really: Callable[[threading.Thread], None]) -> None:
        """Start a thread."""

    def settles(self) -> bool:
        """Wait until all threads that were woken wait again; say whether this one should wait for them."""

    def sleep(self, seconds: float, really: Callable[[float], None]) -> None:
        """Sleep."""


class _Patch:
    """What stands in for functions of the library in a call; a test that patches one may put it back."""

    def __init__(self) -> None:
        self._start = threading.Thread.start
        self._notify = threading.Condition.notify
        self._sleep: Any = time.sleep
        self._bound: Sequence[Bound] = ()
        self._now: TakesPart | None = None

    def enter(self, now: TakesPart, bound: Sequence[Bound]) -> None:
        """Have `now` asked from here on, also where a module has imported `sleep` by its name."""
        if threading.Thread.start is not _start:
            self._start = threading.Thread.start
        if threading.Condition.notify is not _notify:
            self._notify = threading.Condition.notify
        self._now, self._bound = now, bound
        threading.Thread.start = _start  # type: ignore[method-assign]  # put back in `leave`
        threading.Condition.notify = _notify  # type: ignore[method-assign]  # see above
        if _is_plain(time.sleep):
            self._sleep = time.sleep
            time.sleep = _sleep  # type: ignore[assignment]  # put back in `leave`
        _replace(bound, self._sleep, _sleep)

    def leave(self) -> None:
        """Put back what was there, unless the body has put something else there."""
        self._now = None
        if threading.Thread.start is _start:
            threading.Thread.start = self._start  # type: ignore[method-assign]
        if threading.Condition.notify is _notify:
            threading.Condition.notify = self._notify  # type: ignore[method-assign]
        if time.sleep is _sleep:
            time.sleep = self._sleep
        _replace(self._bound, _sleep, self._sleep)

    def start(self, thread: threading.Thread) -> None:
        """Start a thread."""
        if self._now is None:
            self._start(thread)
        else:
            self._now.start(thread, self._start)

    def notify(self, condition: threading.Condition, number: int) -> None:
        """Wake a number of threads that wait for a condition, one after the other.

        Each then waits for the lock of the condition before the next one is woken, so that they get it in the
        order in which they came, whichever of them is faster.
        """
        waiters: Sized = condition._waiters  # type: ignore[attr-defined]  # noqa: SLF001 - there in all versions
        now, waiting = self._now, len(waiters)
        while now is not None and number > 0 and waiting > 0 and now.settles():
            self._notify(condition, 1)
            number, waiting = number - 1, waiting - 1
        self._notify(condition, number)

    def sleep(self, seconds: Any) -> None:
        """Sleep."""
        now = self._now
        if now is None or not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST_SECONDS:
            self._sleep(seconds)
        else:
            now.sleep(seconds, self._sleep)


PATCH = _Patch()


def _start(self: threading.Thread) -> None:
    PATCH.start(self)


def _notify(self: threading.Condition, n: int = 1) -> None:
    PATCH.notify(self, n)


def _sleep(seconds: float, /) -> None:
    PATCH.sleep(seconds)


def _is_plain(function: object) -> bool:
    """Say whether it is the function of the system: what a test or a library has put there stays."""
    return isinstance(function, BuiltinFunctionType)


def bound_sleeps(is_own: Callable[[str], bool]) -> list[Bound]:
    """Return where modules, of files for which `is_own` is true, have imported `time.sleep` by a name."""
    plain: object = time.sleep
    if not _is_plain(plain):
        return []
    return [
        (names, name)
        for names in [vars(module) for module in [*sys.modules.values()] if hasattr(module, "__dict__")]
        if isinstance(file := names.get("__file__"), str) and is_own(file)
        for name, value in [*names.items()]
        if value is plain
    ]


def _replace(bound: Sequence[Bound], old: object, new: object) -> None:
    for names, name in bound:
        if names.get(name) is old:
            names[name] = new
