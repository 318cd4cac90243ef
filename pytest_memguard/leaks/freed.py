"""Finds growth after something was freed once: the fall of the series would hide what then piles up.

A cache that is cleared now and then makes a series fall, too. There are three cases:

1. There are other falls like it: a cache is cleared again and again. Nothing is said here.
2. The fall is much larger than what all calls of the check add at this rate: it has freed older memory. What
   follows is growth if it lasts for half of the calls.
3. The fall may be that of a cache, which may have held something before the first call. What follows is
   growth only if it also exceeds the fall by a quarter.

Where growth does not last long enough, or not exceed enough, more calls are needed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from pytest_memguard.leaks.series import falls

_LIKE_IT = 1 / 2
"""A fall of at least this share of the deepest one is like it."""

_OUTGROWN = 1.25
"""Growth after a fall that may be a cache's must exceed the fall by a quarter."""

_BEYOND = 4
"""A fall of more than this many times the growth of all calls is not that of a cache that is cleared."""

_LEAST_SHARE = 1 / 2
_LEAST_READINGS = 8
"""Growth after a fall must last for half of the calls, and for more than eight readings."""

Judged = Callable[[Sequence[int], Sequence[int]], bool]


class Shows(IntEnum):
    """What a series shows after a fall; a larger value says more."""

    NOTHING = 0
    MAYBE = 1
    GROWTH = 2


@dataclass(frozen=True, slots=True)
class BehindFall:
    """What a series shows after a fall, and the index of the reading at which growth begins."""

    shows: Shows = Shows.NOTHING
    start: int = 0


@dataclass(frozen=True, slots=True)
class _Fall:
    """The deepest fall of a series, from one reading to a later one, by their indices."""

    high: int
    low: int
    size: int


def behind_fall(
    calls: Sequence[int], values: Sequence[int], *, grows: Judged, may_grow: Judged
) -> BehindFall:
    """Say what a series shows after its deepest fall.

    `grows` judges the part after the fall, `may_grow` the whole series with the fall taken out.
    """
    fall = _farthest(values)
    if fall.size <= 0 or falls(values, _LIKE_IT * fall.size) > 1:
        return BehindFall()
    later_calls, later = calls[fall.low :], values[fall.low :]
    if len(later) <= _LEAST_READINGS or not grows(later_calls, later):
        return BehindFall(Shows.MAYBE if may_grow(calls, _without(values, fall)) else Shows.NOTHING)
    made, grown = later_calls[-1] - later_calls[0], later[-1] - later[0]
    added_before = grown / made * (calls[fall.high] - calls[0])
    in_all = grown / made * (calls[-1] - calls[0])
    may_be_a_cache = fall.size <= max(_OUTGROWN * added_before, _BEYOND * in_all)
    is_outgrown = grown >= _OUTGROWN * fall.size
    lasts = made >= _LEAST_SHARE * (calls[-1] - calls[0])
    is_growth = lasts and (is_outgrown or not may_be_a_cache)
    return BehindFall(Shows.GROWTH if is_growth else Shows.MAYBE, fall.low)


def _farthest(values: Sequence[int]) -> _Fall:
    """Return the deepest fall, down to the last of its lowest readings; its size is zero if there is none."""
    highest = list(itertools.accumulate(values, max))
    low = max(range(len(values)), key=lambda place: (highest[place] - values[place], place))
    high = max(place for place in range(low + 1) if values[place] == highest[low])
    return _Fall(high, low, highest[low] - values[low])


def _without(values: Sequence[int], fall: _Fall) -> list[int]:
    """Return the series with its fall replaced by a level part."""
    high = values[fall.high]
    return [
        value if place < fall.high else high if place < fall.low else value + fall.size
        for place, value in enumerate(values)
    ]
