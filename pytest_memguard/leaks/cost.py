"""Measures what one call of a body costs, on a busy machine too, and limits what a check may take."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from os import O_RDONLY, close, read  # bound, like the clocks: a test may patch them while it is repeated
from os import open as open_file
from time import monotonic, thread_time

from pytest_memguard.leaks.repeating import Repeater, cpu_seconds, waits

_REFERENCE_ROUNDS = 1_000
_REFERENCE_SECONDS = 50e-6
"""What the reference loop takes on a typical machine; costs are given in seconds of that machine."""

_WAITING_FACTOR = 4
"""A second of waiting costs a fourth of a second of CPU time, since other processes can work meanwhile."""

_LOOPS = 3
"""The reference loop runs this often before and after the calls; the quickest of each counts."""

_LAST = 32
"""How many of the last readings count: some calls get slower the more calls there were before."""

_MOST_BUDGETS = 20
_LEAST_SECONDS = 1.0
_WALL_FACTOR = 4
_QUEUED_FACTOR = 4
"""A check may take 20 budgets of CPU time, and at least one second. On the clock it may take four times that,
and another four times that with the time in which other processes had the processor."""


def _reference() -> float:
    """Run a loop that always does the same some times, and return the least CPU seconds that it took."""
    least = math.inf
    for _ in range(_LOOPS):
        start = thread_time()
        total = 0
        for number in range(_REFERENCE_ROUNDS):
            total += number
        least = min(least, thread_time() - start)
    return max(least, 1e-9)


def _queued_seconds() -> float:
    """Return how long this thread has waited for a processor; zero where the system does not tell."""
    try:
        file = open_file("/proc/thread-self/schedstat", O_RDONLY)
    except OSError:
        return 0.0
    try:
        return int(read(file, 200).split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
    finally:
        close(file)


@dataclass(frozen=True, slots=True)
class _Clocks:
    """What the clocks say at one moment."""

    cpu_seconds: float
    wall_seconds: float
    queued_seconds: float
    waits: int

    @classmethod
    def now(cls) -> _Clocks:
        return cls(cpu_seconds(), monotonic(), _queued_seconds(), waits())


class Cost:
    """Learns what a call costs: the median of recent calls, each relative to a reference loop beside it.

    A busy machine slows both down, by its frequency, caches and neighbours, from one moment to the next. The
    quickest loop of a check and the quickest calls would be those of two moments. A call by itself is dearer
    than one of many, and counts as one. Waiting counts as a fourth; time in the queue for a processor does
    not count.
    """

    def __init__(self) -> None:
        # Room for all readings: what one allocates would show in the next.
        self._cpu = array("d", [math.inf] * _LAST)
        self._typical = array("d", [math.inf] * _LAST)
        self._made = array("d", [0.0] * _LAST)
        self._waiting = array("d", [math.inf] * _LAST)
        self._next = 0
        self.spent_cpu_seconds = 0.0
        self.spent_wall_seconds = 0.0
        self.spent_queued_seconds = 0.0

    def timed(self, repeat: Repeater, times: int) -> None:
        """Make that many calls and measure them."""
        reference_before = _reference()
        before, start = repeat.calls, _Clocks.now()
        seconds = repeat(times)
        end, made = _Clocks.now(), repeat.calls - before
        reference_seconds = (reference_before + _reference()) / 2
        wall, queued = end.wall_seconds - start.wall_seconds, end.queued_seconds - start.queued_seconds
        self.spent_cpu_seconds += seconds
        self.spent_wall_seconds += wall
        self.spent_queued_seconds += queued
        waited = (
            max(0.0, wall - (end.cpu_seconds - start.cpu_seconds) - queued)
            if end.waits > start.waits
            else 0.0
        )
        self._cpu[self._next] = seconds / made
        self._made[self._next] = made
        self._typical[self._next] = seconds / made * _REFERENCE_SECONDS / reference_seconds
        self._waiting[self._next] = waited / made
        self._next = (self._next + 1) % _LAST

    @property
    def call_seconds(self) -> float:
        """What a call costs: CPU seconds of a typical machine, and a fourth of the seconds that it waits."""
        return _median(self._typical, self._made) + _least(self._waiting) / _WAITING_FACTOR

    def exceeds(self, budget_seconds: float, more_calls: int = 0) -> bool:
        """Say whether that many more calls would exceed all that a check may take."""
        most = max(_MOST_BUDGETS * budget_seconds, _LEAST_SECONDS)
        cpu = self.spent_cpu_seconds + more_calls * _least(self._cpu)
        own = self.spent_wall_seconds - self.spent_queued_seconds + more_calls * self.call_seconds
        return (
            cpu > most
            or own > _WALL_FACTOR * most
            or self.spent_wall_seconds > _QUEUED_FACTOR * _WALL_FACTOR * most
        )


def _median(seconds: array[float], made: array[float]) -> float:
    """Return what half of the calls cost at most, of which so many were made at each cost; zero for none."""
    left = sum(made) / 2
    for second, calls in sorted(zip(seconds, made, strict=True)):
        left -= calls
        if left <= 0:
            return second if calls else 0.0
    return 0.0


def _least(seconds: array[float]) -> float:
    """Return the lowest of the known values; zero where none is known."""
    least = min(seconds)
    return 0.0 if math.isinf(least) else least
