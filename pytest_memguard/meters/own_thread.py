"""Keeps Python from warning about the meter's own thread."""

from __future__ import annotations

import threading
import warnings

_FORKS = r"This process \(pid=\d+\) is multi-threaded, use of "


class UnnoticedThread:
    """Hides the warning that CPython gives from 3.12 on where a process with several threads forks.

    memray has a thread that reads the resident memory, so that a test which forks would be warned of it, and
    fail where warnings are errors. Where the test has threads itself it is warned as ever.
    """

    def __init__(self) -> None:
        self._filter: object = None

    def begin(self) -> None:
        """Hide it, if there is one thread."""
        if threading.active_count() == 1:
            warnings.filterwarnings("ignore", _FORKS, DeprecationWarning)
            self._filter = warnings.filters[0]

    def end(self) -> None:
        """Stop hiding it, whatever the test has done with the filters meanwhile."""
        if self._filter is not None and self._filter in warnings.filters:
            warnings.filters.remove(self._filter)  # type: ignore[attr-defined]  # typeshed knows a sequence
