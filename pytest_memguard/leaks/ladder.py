"""How many calls a check makes, from what one call costs: arithmetic without a clock."""

from __future__ import annotations

from dataclasses import dataclass

MOST_CALLS = 65_536
"""Enough for a cache of ten thousand entries to fill and turn; a fast body needs no more."""

ENOUGH_CALLS = 2_500
"""A leak found on fewer calls could be a cache that still fills: most are bounded below this."""

ROWS = 32
EXTENDING_ROWS = 16
LEAST_ROWS = 8

_WALL_FACTOR = 4
_SLOW_FACTOR = 8
_EXTENDED_FACTOR = 4
_MOST_COUNTED = 128
_SHORT_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Plan:
    """So many readings, each after so many calls."""

    rows: int
    step: int

    @property
    def calls(self) -> int:
        """How many calls the plan makes."""
        return self.rows * self.step


def first_plan(*, cpu_seconds: float, wall_seconds: float, budget_seconds: float, most_calls: int) -> Plan:
    """Size the ladder for a call that takes so long.

    The budget is CPU time, so that a busy machine changes nothing; a body that mostly waits
    is limited by four times the budget on the clock. A slow body still gets the least
    number of calls that can show a leak, up to eight times the budget.
    """
    a_call = max(cpu_seconds, wall_seconds / _WALL_FACTOR, 1e-7)
    calls = min(int(budget_seconds / a_call), MOST_CALLS, most_calls)
    if calls >= ROWS:
        return Plan(rows=ROWS, step=_power_of_two(calls // ROWS))
    least = min(LEAST_ROWS, int(_SLOW_FACTOR * budget_seconds / a_call))
    return Plan(rows=max(calls, least, 1), step=1)


def _power_of_two(number: int) -> int:
    """Round down, so that runs whose timing differs a little mostly make the same number of calls."""
    return 1 << (max(1, number).bit_length() - 1)


def extension(calls: int) -> Plan:
    """Double the calls made so far."""
    rows = min(EXTENDING_ROWS, calls)
    return Plan(rows=rows, step=max(1, calls // rows))


@dataclass(slots=True)
class Spent:
    """What the calls of a ladder took, of CPU time and on the clock.

    It is the body's time alone: what a session holds, and readings look at, must not shorten a check.
    """

    budget_seconds: float
    seconds: float = 0.0
    wall_seconds: float = 0.0

    def is_short(self) -> bool:
        """Say whether so little of the budget is used that twice as many calls have room in it.

        Rounding leaves a ladder half of it at the least.
        """
        return not self._exceeds(_SHORT_SHARE)

    def may_extend(self) -> bool:
        """Say whether doubling the calls stays within four times the budget."""
        return not self._exceeds(_EXTENDED_FACTOR * 1.2 / 2)

    def is_overdue(self) -> bool:
        """Say whether the calls took half as long again as extending may: they get slower as they go."""
        return self._exceeds(_EXTENDED_FACTOR * 1.5)

    def _exceeds(self, factor: float) -> bool:
        most = factor * self.budget_seconds
        return self.seconds > most or self.wall_seconds > _WALL_FACTOR * most


def most_calls_for(*, bytes_per_call: float, counts_per_call: float, ceiling_bytes: int) -> int:
    """Limit the calls of a body that was seen to grow fast, so that neither memory nor files run out."""
    limit = MOST_CALLS
    if bytes_per_call > 0:
        limit = min(limit, int(ceiling_bytes / 4 / bytes_per_call))
    if counts_per_call > 0:
        limit = min(limit, int(_MOST_COUNTED / counts_per_call))
    return max(limit, LEAST_ROWS)
