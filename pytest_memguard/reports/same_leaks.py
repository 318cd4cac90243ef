"""Groups tests that show the same leak, by its fingerprint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_memguard.core.leak_finding import LeakFinding
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunResults

_MOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class SameLeak:
    """A leak that several tests show, and what holds it, or which function allocates most of it."""

    tests: int
    held_by: str = ""
    at: str = ""

    @property
    def head(self) -> str:
        """The sentence up to the name of the place.

        >>> SameLeak(40, held_by="shop._OPEN").head
        '1 leak in 40 tests, held by '
        """
        where = ", held by " if self.held_by else ", at " if self.at else ""
        return f"1 leak in {self.tests:,} tests{where}"

    @property
    def place(self) -> str:
        """The holder or the function, not yet escaped; empty if neither is known."""
        return self.held_by or self.at


def same_leaks(results: RunResults) -> Iterator[SameLeak]:
    """Yield each leak that several tests show, those that most tests show first."""
    found: dict[str, list[LeakFinding]] = {}
    for test in results.tests:
        if test.leak is not None and test.leak.fingerprint and test.outcome is Outcome.LEAKED:
            found.setdefault(test.leak.fingerprint, []).append(test.leak)
    groups = sorted((leaks for leaks in found.values() if len(leaks) > 1), key=len, reverse=True)
    for leaks in groups[:_MOST_SHOWN]:
        holder = leaks[0].held_by[0].partition(" (")[0] if leaks[0].held_by else ""
        yield SameLeak(len(leaks), holder, leaks[0].sites[0].site.at if leaks[0].sites else "")
