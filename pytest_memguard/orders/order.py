"""Orders: which of the threads that can run gets the next turn."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

_CHANGE_POINTS = 3
_STEPS = 200
"""Change points fall among so many first steps; a race needs few of them (Burckhardt et al., ASPLOS 2010)."""


class Order(Protocol):
    """Chooses who runs next. It sees thread numbers only, so that the clock has no part in it."""

    def begin(self, threads: int) -> None:
        """Start anew with so many threads, numbered from 0."""

    def next(self, ready: Sequence[int], current: int | None) -> int:
        """Return one of `ready`, which is sorted and not empty; `current` had the last turn."""


class Lockstep:
    """Every thread runs to its next line in turn, so that as many as possible overlap everywhere."""

    def begin(self, threads: int) -> None:
        """Nothing is kept from the calls before."""

    def next(self, ready: Sequence[int], current: int | None) -> int:
        """Return the thread after the current one, in a circle."""
        if current is None:
            return ready[0]
        return next((number for number in ready if number > current), ready[0])


class RandomPriorities:
    """Probabilistic concurrency testing: the thread of the highest priority runs, and few points change it.

    Every thread has a random priority; at some random steps the one that runs falls below all others. An
    order is a function of its seed. The algorithm is that of Burckhardt, Kothari, Musuvathi and
    Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._priorities: list[int] = []
        self._changes: set[int] = set()
        self._step = 0
        self._lowest = 0

    def begin(self, threads: int) -> None:
        """Draw priorities and change points, the same for every call with this seed."""
        drawn = random.Random(self._seed)  # noqa: S311 - an order is drawn, not a secret
        self._priorities = drawn.sample(range(1, threads + 1), threads)
        self._changes = {drawn.randrange(_STEPS) for _ in range(_CHANGE_POINTS)}
        self._step = self._lowest = 0

    def next(self, ready: Sequence[int], current: int | None) -> int:
        """Return the ready thread of the highest priority."""
        if self._step in self._changes and current is not None:
            self._lowest -= 1
            self._priorities[current] = self._lowest
        self._step += 1
        return max(ready, key=lambda number: self._priorities[number])


def order_of(seed: int) -> Order:
    """Return the order with a number: 0 is lockstep, every other one is drawn from it."""
    return RandomPriorities(seed) if seed else Lockstep()
