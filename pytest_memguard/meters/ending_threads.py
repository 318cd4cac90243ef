"""Waits for threads that are about to end, since they hold memory until they are gone."""

from __future__ import annotations

import _thread
import sys
import threading
import time
from weakref import WeakSet

ENDING_SECONDS = 0.25
_STEP_SECONDS = 0.0005

_running = _thread._count  # noqa: SLF001 - `threading` forgets a thread before its memory is given back
"""How many threads of Python run beside the main thread, which it does not count."""


def others_run() -> bool:
    """Say whether there are threads of Python beside the one that asks, such as the main one."""
    return _running() > 0


class RunningThreads:
    """The threads of Python that run at one moment, so that those started later can be waited for.

    A worker that was told to stop still holds the stack of its frames, 16 KiB and more. Whether it
    is gone when a test's call returns depends on scheduling, not on the test. A number of threads
    would not do: a thread that ends meanwhile would hide one that was started.
    """

    def __init__(self) -> None:
        self._known = WeakSet(threading.enumerate())
        self._unlisted = _running() - len(self._known)

    def let_later_ones_end(self, longest_seconds: float = ENDING_SECONDS) -> bool:
        """Wait for threads started since; return whether all ended in time."""
        deadline = 0.0
        while self._is_later_one_running():
            now = time.monotonic()
            deadline = deadline or now + longest_seconds
            if now >= deadline:
                return False
            time.sleep(_STEP_SECONDS)
        return True

    def _is_later_one_running(self) -> bool:
        known = sum(thread in self._known for thread in threading.enumerate())
        return _running() - known > self._unlisted


_REST_SECONDS = 0.01
_MOST_RESTS = 20


def let_others_rest() -> None:
    """Wait, a fifth of a second at most, until other threads have done what they were given.

    The loop of a server's thread frees the task of a request only after the request has been answered.
    """
    before = -1
    for _ in range(_MOST_RESTS if others_run() else 0):
        now = sys.getallocatedblocks()
        if now == before:
            return
        before = now
        time.sleep(_REST_SECONDS)
