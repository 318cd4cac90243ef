"""Notices that a test started child processes, whose memory its sample does not have."""

from __future__ import annotations

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
