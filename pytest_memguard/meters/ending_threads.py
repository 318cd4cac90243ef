"""Threads on their way out: until they are gone they hold memory that no later reading shows."""

from __future__ import annotations

import _thread
import time

_ENDING_SECONDS = 0.25
_STEP_SECONDS = 0.0005

running_threads = _thread._count  # noqa: SLF001 - `threading` forgets a thread before its memory is given back
"""Return how many threads of Python run beside the main one."""


def let_threads_end(most: int) -> int:
    """Wait for threads beyond `most` to end, a quarter of a second at the longest; return how many run.

    A worker that was told to stop still holds the stack of its frames, 16 KiB and more. Whether it
    is gone when a test's call returns is a matter of scheduling, and no property of the test.
    """
    deadline = 0.0
    while (running := running_threads()) > most:
        now = time.monotonic()
        deadline = deadline or now + _ENDING_SECONDS
        if now >= deadline:
            break
        time.sleep(_STEP_SECONDS)
    return running
