"""Threads that allocate whether a test runs or not: what they hold is not the test's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping

from pytest_memguard.core.tolerance import DEFAULT_TOLERANCE
from pytest_memguard.meters.ending_threads import let_others_rest

_LEAST_SECONDS = 0.5
_MOST_SECONDS = 3.0
_MOST_LOOKS = 3
_ROOM = 2
"""A thread that holds more than this many times what it held between tests works for the test, too."""

LEAST_BYTES = DEFAULT_TOLERANCE.absolute_bytes
"""What a thread holds beside the test is looked into from here on: less is tolerated anyway."""


class Background:
    """The threads that allocated while no test ran, with the most that each held then.

    A heartbeat or a cache that refreshes itself allocates at moments that have nothing to do with the
    test. A pool of the program, which works for the test, is idle between tests. Threads are known by
    memray's numbers, which are not used again.
    """

    def __init__(self) -> None:
        self._most_bytes: dict[int, int] = {}
        self._looks: Counter[int] = Counter()
        self._seen: set[int] = set()

    def within(self, held_bytes: Mapping[int, int]) -> frozenset[int]:
        """Return those threads that held no more than usual, by what each thread held in a sample."""
        return frozenset(
            thread for thread, most in self._most_bytes.items() if held_bytes.get(thread, 0) <= _ROOM * most
        )

    def unknown(self, held_bytes: Mapping[int, int]) -> tuple[int, ...]:
        """Return the threads that held so much that it matters whether they do so without a test, too.

        They were in a sample before: the threads that a test starts are in one only.
        """
        seen, known = frozenset(self._seen), self.within(held_bytes)
        self._seen.update(held_bytes)
        return tuple(
            thread
            for thread in seen - known
            if held_bytes.get(thread, 0) > LEAST_BYTES and self._looks[thread] < _MOST_LOOKS
        )

    def look(
        self, threads: Collection[int], peaks: Callable[[float], Mapping[int, int]], *, sample_seconds: float
    ) -> None:
        """Find out which of the threads allocate now that no test runs.

        `peaks` returns what each of them held at its own peak within some seconds. A thread has to allocate
        in both halves: what is left to do for the test is done in the first.
        """
        self._looks.update(threads)
        let_others_rest()
        seconds = min(max(_LEAST_SECONDS, sample_seconds), _MOST_SECONDS)
        first, second = peaks(seconds / 2), peaks(seconds / 2)
        for thread in threads:
            if first[thread] and second[thread]:
                known = self._most_bytes.get(thread, 0)
                self._most_bytes[thread] = max(first[thread], second[thread], known)
