"""The results of running one guarded item, and how long its first run took."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pytest_memguard.core.run_results import TestResult

_Returned = TypeVar("_Returned")


@dataclass(slots=True)
class Sampled:
    """The results of one item; `seconds` is what its first run took."""

    results: list[TestResult] = field(default_factory=list)
    seconds: float = 0.0
    has_begun: bool = False

    def timed(self, body: Callable[[], _Returned]) -> _Returned:
        """Call `body`, and keep what it took if it is the item's first run."""
        self.has_begun = True
        start = time.perf_counter()
        try:
            return body()
        finally:
            self.seconds = self.seconds or time.perf_counter() - start
