"""Growth behind something that was freed once: a series falls by what is freed, and hides what then piles up.

A cache that is cleared now and then falls too, by what it gained before, and again once it has gained as
much. So a fall that nothing like it goes with, and that is more than growth at this rate had added before
it, gave back what was older: what grows from there on, over half of the calls, grows. Where growth could
have added as much before the fall, it must outgrow the fall by a quarter. All else takes more calls to tell.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

_LIKE_IT = 1 / 2
"""A fall of this share of the farthest one is another one like it."""

_OUTGROWN = 1.25
_LEAST_SHARE = 1 / 2
_LEAST_READINGS = 8

Judged = Callable[[Sequence[int], Sequence[int]], bool]


class Shows(IntEnum):
    """What a series shows behind a fall; the larger says more."""

    NOTHING = 0
    MAYBE = 1
    GROWTH = 2


@dataclass(frozen=True, slots=True)
class BehindFall:
    """What a series shows behind a fall, and at which reading growth begins."""

    shows: Shows = Shows.NOTHING
    start: int = 0


@dataclass(frozen=True, slots=True)
class _Fall:
    """The farthest fall of a series, from one reading to a later one, by their places."""

    high: int
    low: int
    size: int


def behind_fall(
    calls: Sequence[int], values: Sequence[int], *, grows: Judged, may_grow: Judged
) -> BehindFall:
    """Say what a series shows behind its farthest fall.

    `grows` judges what comes after the fall, `may_grow` all of the series without it.
    """
    fall = _farthest(values)
    if fall.size <= 0 or _falls_again(values, fall):
        return BehindFall()
    later_calls, later = calls[fall.low :], values[fall.low :]
    if len(later) <= _LEAST_READINGS or not grows(later_calls, later):
        return BehindFall(Shows.MAYBE if may_grow(calls, _without(values, fall)) else Shows.NOTHING)
    made, grown = later_calls[-1] - later_calls[0], later[-1] - later[0]
    added_before = grown / made * (calls[fall.high] - calls[0])
    is_its_own = fall.size <= _OUTGROWN * added_before and grown < _OUTGROWN * fall.size
    is_short = made < _LEAST_SHARE * (calls[-1] - calls[0])
    return BehindFall(Shows.MAYBE if is_its_own or is_short else Shows.GROWTH, fall.low)


def _farthest(values: Sequence[int]) -> _Fall:
    """Return the farthest fall, down to its last lowest reading; of size zero where a series never falls."""
    highest = list(itertools.accumulate(values, max))
    low = max(range(len(values)), key=lambda place: (highest[place] - values[place], place))
    high = max(place for place in range(low + 1) if values[place] == highest[low])
    return _Fall(high, low, highest[low] - values[low])


def _falls_again(values: Sequence[int], fall: _Fall) -> bool:
    """Say whether the series fell like this before its high or after its low."""
    others = (_farthest(part).size for part in (values[: fall.high + 1], values[fall.low :]))
    return max(others) >= _LIKE_IT * fall.size


def _without(values: Sequence[int], fall: _Fall) -> list[int]:
    """Return a series that stays level where it falls, and goes on from there."""
    high = values[fall.high]
    return [
        value if place < fall.high else high if place < fall.low else value + fall.size
        for place, value in enumerate(values)
    ]
