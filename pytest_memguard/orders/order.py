"""Orders decide which of the threads that can run gets the next turn."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

_CHANGE_POINTS = 3
_STEPS = 200
"""Change points are among the first steps, up to this one; a race needs few (Burckhardt et al., 2010)."""


STAGGERED = 1
"""The number of the order that is tried beside the usual one."""

RANDOM_STEPS = 2
"""The number of the order that the calls of a leak check take as well, of which there are many."""


class Order(Protocol):
    """Chooses the thread that runs next. It sees only thread numbers, so the clock has no influence."""

    def begin(self, threads: int) -> None:
        """Start again, with threads numbered from 0."""

    def joins(self, number: int, *, is_older: bool) -> None:
        """Take in one more thread, which another one has started, in an earlier call if `is_older`."""

    def next(self, ready: Sequence[int], current: int | None) -> int:
        """Return a number from `ready`, which is sorted and not empty; `current` had the last turn."""

    def steps_aside(self, number: int) -> None:
        """Let the others go first from now on: this thread is in a loop that may wait for them."""


class Lockstep:
    """Lets every thread run to its next line in turn, so that as many as possible overlap everywhere."""

    def begin(self, threads: int) -> None:
        """Do nothing: this order keeps nothing between calls."""

    def joins(self, number: int, *, is_older: bool) -> None:
        """Do nothing: this order needs to know nothing of a thread but its number."""

    def next(self, ready: Sequence[int], current: int | None) -> int:
        """Return the thread after the current one, in a circle."""
        if current is None:
            return ready[0]
        return next((number for number in ready if number > current), ready[0])

    def steps_aside(self, number: int) -> None:
        """Do nothing: every other thread has a turn before this one has another."""


class Staggered:
    """Has each thread start one step behind the one before it; those that have started run in lockstep.

    Threads then stand at different places: one checks while another one stores. Where all store at once,
    the last one wins and all read the same, as with a lock for each key that is made twice.
    """

    def __init__(self) -> None:
        self._started = 0

    def begin(self, threads: int) -> None:  # noqa: ARG002 - part of the protocol
        """Let the first thread start alone."""
        self._started = 1

    def joins(self, number: int, *, is_older: bool) -> None:
        """Do nothing: a thread that the body starts has the highest number, and starts last."""

    def next(self, ready: Sequence[int], current: int | None) -> int:
        """Return the next of the threads that have started; after a round of them, one more starts."""
        for number in ready:
            if current is not None and current < number < self._started:
                return number
        first = ready[0]  # a thread that has not started is next where all that have wait
        self._started = max(self._started, first) + 1
        return first

    def steps_aside(self, number: int) -> None:
        """Do nothing: all that have started have a turn before it is this thread's again."""


class RandomSteps(Lockstep):
    """Gives each turn to any thread that can run, so that the distances between threads change all the time.

    One then reads what another has just stored, and stores its own after the other has gone on: an entry
    that was removed meanwhile comes back. An order is a function of its seed.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn = random.Random(seed)  # noqa: S311 - an order is drawn, not a secret

    def begin(self, threads: int) -> None:  # noqa: ARG002 - part of the protocol
        """Draw the same threads in every call."""
        self._drawn.seed(self._seed)

    def next(self, ready: Sequence[int], current: int | None) -> int:  # noqa: ARG002 - part of the protocol
        """Return any of them."""
        return self._drawn.choice(ready)


class RandomPriorities:
    """Probabilistic concurrency testing: the thread with the highest priority runs.

    Every thread has a random priority; at a few random steps the one that runs falls below all others. An
    order is a function of its seed. The algorithm is that of Burckhardt, Kothari, Musuvathi and
    Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._priorities: list[float] = []
        self._drawn = random.Random(seed)  # noqa: S311 - an order is drawn, not a secret
        self._drawn_for_older = random.Random(seed)  # noqa: S311 - see above
        self._threads = 0
        self._changes: set[int] = set()
        self._step = 0
        self._lowest = 0

    def begin(self, threads: int) -> None:
        """Draw priorities and change points, the same for every call with this seed."""
        self._drawn.seed(self._seed)
        self._drawn_for_older.seed(self._seed)
        self._threads = threads
        self._priorities = [*self._drawn.sample(range(1, threads + 1), threads)]
        self._changes = {self._drawn.randrange(_STEPS) for _ in range(_CHANGE_POINTS)}
        self._step = self._lowest = 0

    def joins(self, number: int, *, is_older: bool) -> None:
        """Draw a priority for a new thread, anywhere among those of the others.

        Older threads may come from another test. They have draws of their own, which change no others.
        """
        drawn = self._drawn_for_older if is_older else self._drawn
        self._priorities[number:] = [drawn.uniform(1, self._threads)]

    def next(self, ready: Sequence[int], current: int | None) -> int:
        """Return the ready thread of the highest priority."""
        if self._step in self._changes and current is not None:
            self.steps_aside(current)
        self._step += 1
        return max(ready, key=lambda number: self._priorities[number])

    def steps_aside(self, number: int) -> None:
        """Give it a priority below all others."""
        self._lowest -= 1
        self._priorities[number] = self._lowest


class ByTurns:
    """Plays several orders, one a call."""

    def __init__(self, orders: Sequence[Order]) -> None:
        self._orders = orders
        self._calls = 0
        self._now = orders[0]

    def begin(self, threads: int) -> None:
        """Begin with the next order."""
        self._now = self._orders[self._calls % len(self._orders)]
        self._calls += 1
        self._now.begin(threads)

    def joins(self, number: int, *, is_older: bool) -> None:
        """Have the order of this call know one more thread."""
        self._now.joins(number, is_older=is_older)

    def next(self, ready: Sequence[int], current: int | None) -> int:
        """Return what the order of this call says."""
        return self._now.next(ready, current)

    def steps_aside(self, number: int) -> None:
        """Have the thread step aside in the order of this call."""
        self._now.steps_aside(number)


def delays_of(order: int, tasks: int) -> tuple[int, ...]:
    """Return how many turns each of several tasks starts late in an order.

    >>> delays_of(0, 3), delays_of(STAGGERED, 3)
    ((0, 0, 0), (0, 1, 2))
    """
    if order <= STAGGERED:
        return tuple(number * order for number in range(tasks))
    drawn = random.Random(order)  # noqa: S311 - an order is drawn, not a secret
    return tuple(drawn.randrange(2 * tasks) for _ in range(tasks))


def order_of(*numbers: int) -> Order:
    """Return the order with a number, or one that plays the orders with these numbers, one a call."""
    orders = [_order_of(number) for number in numbers]
    return orders[0] if len(orders) == 1 else ByTurns(orders)


def _order_of(seed: int) -> Order:
    """Return the order with a number; from 3 on it is the seed of random priorities."""
    if seed == STAGGERED:
        return Staggered()
    if seed == RANDOM_STEPS:
        return RandomSteps(seed)
    return RandomPriorities(seed) if seed else Lockstep()
