"""Notices that a test started child processes, whose memory its sample does not have."""

from __future__ import annotations

import os
from collections.abc import Callable

try:
    import resource
except ImportError:  # Windows has no such module: children go unnoticed there
    resource = None  # type: ignore[assignment]  # a module or nothing


class ChildWatch:
    """Compares the page faults of children that have ended, which only a new one can raise."""

    def __init__(self) -> None:
        self._before = _faults()

    def started_children(self) -> bool:
        """Say whether a child process has ended since this was made."""
        return _faults() > self._before


def _faults() -> int:
    if resource is None:
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
