"""Plans how many calls a check makes: fixed steps, chosen by what a call costs. It reads no clock."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from pytest_memguard.core.leak_finding import Answer
from pytest_memguard.leaks.decision import Growth

SINGLE_CALLS = 8
"""The first calls, which are read one by one; a slow body gets no more unless they leave something behind."""

ROWS = 16
EARLY_ROWS = 8
"""Readings in each doubling of the calls, and in the early doublings, which hardly affect the decision."""

ENOUGH_CALLS = 10_240
"""A leak found on fewer calls could be a cache that still fills; few caches are larger than this.

Quick bodies are followed for longer, as far as one budget goes.
"""

EVIDENT_BYTES = 32 * 1024
"""A slow body that leaves this much behind at each call leaks; no further calls are needed as a proof."""

TURNED_OVER_CALLS = 256
"""Fewer calls cannot tell a leak from a cache of 128 entries that still fills.

That is what caches of functools, typing and sqlite3 hold at most unless their user says otherwise.
"""

_MOST_COUNTED = 128
_CEILING_SHARE = 1 / 4


@dataclass(frozen=True, slots=True)
class Reach:
    """How many calls a clean body gets, and how many are made at most where memory grows.

    A leak is believed after `enough` of them; `utmost` are made where the check still cannot tell. A slow
    body, of which each call costs much, leaks as soon as that is evident.
    """

    calls: int
    most: int
    enough: int = ENOUGH_CALLS
    utmost: int = 0
    is_slow: bool = False

    @property
    def last(self) -> int:
        """The calls after which a check ends that cannot tell."""
        return max(self.most, self.utmost)


_REACHES = (
    (80e-6, Reach(16_384, 65_536)),
    (320e-6, Reach(4_096, 16_384)),
    (1.3e-3, Reach(1_024, 4_096)),
    (2.6e-3, Reach(512, 4_096)),
    (5.2e-3, Reach(256, 1_024)),
    (20e-3, Reach(64, 256)),
    (80e-3, Reach(32, 128)),
    (160e-3, Reach(16, 64, is_slow=True)),
)
"""The reach of each class of bodies, after the most seconds that its calls cost, for a budget of one second.

There are few classes, far apart, so that a busy machine rarely moves a body from one class to another.
Each takes up to 1.3 times the budget, and up to five times where memory grows; slower ones twice as much.
Bodies of up to 2.6 ms reach the 4,096 calls that fill a cache of 2,500 entries and replace some of them.
"""

_UTMOST_BUDGETS = 10
_UTMOST_CALLS = 1 << 18
"""A check that cannot tell takes up to this many budgets, for a cache that is cleared now and then."""

_SLOWEST = Reach(SINGLE_CALLS, 16, is_slow=True)


_GOLDEN = 0.618034
_UNEVEN = 0.5
"""Each reading is delayed by another part of the distance between readings, up to half of it.

Where readings kept step with a cache that is pruned at regular intervals, the cache would seem to rise.
"""


Steps = tuple[int, ...]
"""How many calls to make before each of the next readings."""


def doubling(made: int, most_rows: int = ROWS) -> Steps:
    """Return the steps that double the calls made so far, with at most `most_rows` readings.

    >>> doubling(8)
    (1, 1, 1, 1, 1, 1, 1, 1)
    >>> doubling(128)[:6]
    (10, 7, 10, 7, 6, 11)
    """
    rows = min(most_rows, made)
    marks = [
        round(made * (row + _UNEVEN * (row * _GOLDEN % 1) * (row < rows)) / rows) for row in range(rows + 1)
    ]
    return tuple(after - before for before, after in itertools.pairwise(marks))


def reach_of(call_seconds: float, budget_seconds: float) -> Reach:
    """Return how far the check of a body goes whose calls cost `call_seconds`.

    >>> reach_of(1e-3, budget_seconds=1.0)
    Reach(calls=1024, most=4096, enough=10240, utmost=8192, is_slow=False)
    """
    reach = next((reach for most, reach in _REACHES if call_seconds <= most * budget_seconds), _SLOWEST)
    enough = min(reach.most, _calls_within(budget_seconds, call_seconds))
    utmost = min(_UTMOST_CALLS, _calls_within(_UTMOST_BUDGETS * budget_seconds, call_seconds))
    return replace(reach, enough=max(ENOUGH_CALLS, enough), utmost=max(reach.most, utmost))


def _calls_within(seconds: float, call_seconds: float) -> int:
    """Return the power of two of calls that a time allows."""
    calls = int(seconds / max(call_seconds, seconds / _UTMOST_CALLS))
    return 1 << max(0, calls.bit_length() - 1)


def limited(reach: Reach, most_calls: int) -> Reach:
    """Shorten a reach to what memory and descriptors have room for."""
    most = max(SINGLE_CALLS, most_calls)
    return replace(
        reach, calls=min(reach.calls, most), most=min(reach.most, most), utmost=min(reach.utmost, most)
    )


def most_calls_for(*, bytes_per_call: float, counts_per_call: float, ceiling_bytes: int) -> int:
    """Limit the calls of a body that grows fast, so that neither memory nor files run out.

    The limit is a power of two, so that figures that vary a little mostly give the same limit.
    """
    limit = _UTMOST_CALLS
    if bytes_per_call > 0:
        limit = min(limit, int(_CEILING_SHARE * ceiling_bytes / bytes_per_call))
    if counts_per_call > 0:
        limit = min(limit, int(_MOST_COUNTED / counts_per_call))
    return 1 << (max(SINGLE_CALLS, limit).bit_length() - 1)


def climb(reach: Callable[[], Reach], growth: Callable[[bool], Growth]) -> Iterator[Steps]:
    """Yield steps of further calls until the result is final.

    `reach` and `growth` are called each time, since both are known better after more calls; the argument of
    `growth` says whether these were the last calls.
    """
    yield (1,) * SINGLE_CALLS
    made = SINGLE_CALLS
    while made < reach().calls or _wants_more(growth(made >= reach().last), made, reach()):
        steps = doubling(made, ROWS if 4 * made >= reach().calls else EARLY_ROWS)
        yield steps
        made += sum(steps)


def _wants_more(growth: Growth, made: int, reach: Reach) -> bool:
    """Say whether the result must be confirmed by twice as many calls."""
    if growth.answer is Answer.SETTLES or made >= reach.last:
        return False
    if growth.answer is Answer.LEAKS:
        is_evident = reach.is_slow and growth.bytes_per_call >= EVIDENT_BYTES
        return made < min(reach.enough, reach.most) and not is_evident
    return True
