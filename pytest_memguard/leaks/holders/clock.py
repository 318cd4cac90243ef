"""Limits the time of a search through all objects of a session."""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import thread_time

_SECONDS_AN_OBJECT = 20e-6
"""Seconds for each object of the session: a search takes some dozens of looks at all objects.

On a slow machine, a search of objects of usual sizes takes a third of that.
"""

PATIENCE = 5
"""Where a test is not measured if the time runs out, there is this many times as much.

Then only values of unusual size use it up, never a busy machine.
"""


class OutOfTimeError(Exception):
    """A search has used up its seconds."""


class SearchClock:
    """Counts the CPU time of a search, without that of the calls that it makes."""

    def __init__(self, seconds: float, *, patience: int = 1) -> None:
        limit = seconds + _SECONDS_AN_OBJECT * len(gc.get_objects())
        self._deadline = thread_time() + patience * limit

    @property
    def seconds_left(self) -> float:
        """How much time is left; less than zero where it is used up."""
        return self._deadline - thread_time()

    def check(self) -> None:
        """Raise `OutOfTimeError` where the time is used up."""
        if self.seconds_left < 0:
            raise OutOfTimeError

    def stopped_for(self, repeat: Callable[[int], object]) -> Callable[[int], None]:
        """Return a function that makes calls while the clock stands still."""

        def calls(number: int) -> None:
            start = thread_time()
            repeat(number)
            self._deadline += thread_time() - start

        return calls
