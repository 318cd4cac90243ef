"""Gives the files of a meter high numbers, where a test that closes low ones does not meet them.

A test may close its standard streams, or every file in a range, as a daemon does. memray's own thread ends
the process if it cannot read one of its files. A capture in the place of a closed stderr is written over.
"""

from __future__ import annotations

import os
from os import close, dup  # bound: a test may patch them while it runs
from os import open as os_open
from resource import RLIMIT_NOFILE, getrlimit
from types import TracebackType

_LOWEST = 100


class LowNumbersOccupied:
    """While it is entered, a file that is opened gets a high number.

    Where few files can be open it does nothing: the meter needs some, and the test the others.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: list[int] = []

    def __enter__(self) -> None:
        if 0 <= getrlimit(RLIMIT_NOFILE)[0] < 2 * _LOWEST:
            return
        try:
            self._held.append(os_open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
            while self._held[-1] < _LOWEST:
                self._held.append(dup(self._held[0]))
        except OSError:  # nearly all numbers are in use, and the meter needs the rest
            self._let_go()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._let_go()

    def _let_go(self) -> None:
        while self._held:
            close(self._held.pop())
