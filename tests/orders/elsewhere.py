"""What tests of turns call in a file that is not their own, where no turn passes."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence


class Story:
    """Who came to which step, in which order."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, str]] = []
        self._numbers: dict[threading.Thread, int] = {}  # an identifier would be reused

    def tell(self, step: str) -> None:
        number = self._numbers.setdefault(threading.current_thread(), len(self._numbers))
        self.steps.append((number, step))


def heed_collection(_phase: str, _found: dict[str, int]) -> None:
    """Stand for what hypothesis does each time that garbage is collected."""
    len(_phase)


def first_when_set(event: threading.Event, numbers: Sequence[int]) -> int:
    """Return the first number as it is when an event was set, before the thread comes to a line."""
    event.wait()
    return numbers[0]


def polls(event: threading.Event) -> None:
    """Sleep until an event is set, as joblib does until its tasks have ended."""
    while not event.is_set():
        time.sleep(0.01)


def works(seconds: float) -> None:
    """Take so long, as on a slow machine."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
