"""Detects child processes that a test started, whose memory is not in its sample."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_STAT = Path("/proc/self/stat")
_FAULTS_FIELD = 8
"""Of the fields behind the name of the program; see proc(5), cminflt."""


class ChildWatch:
    """Compares the page faults of children that have ended, which only a new one can raise."""

    def __init__(self) -> None:
        self._before = _faults()

    def started_children(self) -> bool:
        """Say whether a child process has ended since this was made."""
        return _faults() > self._before


def _faults() -> int:
    """Return the page faults of children that were waited for; zero where nobody tells them."""
    with suppress(OSError):
        return int(_STAT.read_bytes().rpartition(b")")[2].split()[_FAULTS_FIELD])
    try:
        import resource  # noqa: PLC0415 - one more library in the process slows every tracker down
    except ImportError:  # Windows: children go unnoticed there
        return 0
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt


def ended_in_children(run: Callable[[], None]) -> Callable[[], None]:
    """Return a run that ends a forked child which comes back from it: it would go on as a second pytest."""

    def ended() -> None:
        process = os.getpid()
        try:
            run()
        except BaseException:
            if os.getpid() != process:
                os._exit(1)
            raise
        if os.getpid() != process:
            os._exit(0)

    return ended
