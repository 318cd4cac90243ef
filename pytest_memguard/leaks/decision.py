"""Decides what the readings of a check say: leaks, settles or cannot tell. Pure functions without a clock."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from pytest_memguard.core.leak_finding import Answer, CountGrowth, Doubt
from pytest_memguard.core.metrics import BLOCKS, HEAP, RESIDENT
from pytest_memguard.core.units import KIB, MIB
from pytest_memguard.leaks.freed import BehindFall, Shows, behind_fall
from pytest_memguard.leaks.rate import accelerates, leak_rate
from pytest_memguard.leaks.series import (
    Window,
    counted_units,
    deviation,
    doubling_rates,
    held_series,
    last_eighths,
    last_rate,
    memory_series,
    most_given_back,
    rate_between,
    reading_at,
    scatter,
)
from pytest_memguard.leaks.uneven_growth import Needs, Rhythm, resident_rhythm, rhythm


class Trend(Enum):
    """Whether one series shows even growth; `TOO_LITTLE` is such growth in too few calls to prove it."""

    GROWS = "grows"
    FALLS_OFF = "falls off"
    TOO_LITTLE = "too little"
    LEVEL = "level"


@dataclass(frozen=True, slots=True)
class Floor:
    """The least growth that counts: a rate per call, and an amount over the last half. Both must be met."""

    per_call: float
    amount: float


@dataclass(frozen=True, slots=True)
class Growth:
    """What the windows of a check show.

    `doubt` says why there is no answer. `signals` names the series that keep growing;
    `bytes_per_call` is their rate (zero where none grows), which may differ by `doubt_bytes`
    in another run. `is_accelerating` says that each call leaves more behind than the one before;
    the rate is then that of call `STANDARD_CALLS`.
    """

    answer: Answer
    calls: int
    doubt: Doubt | None = None
    signals: tuple[str, ...] = ()
    bytes_per_call: int = 0
    doubt_bytes: int = 0
    counts: tuple[CountGrowth, ...] = ()
    is_accelerating: bool = False


LEAST_CALLS = 8
"""Fewer calls than this prove nothing: the last half would hold less than four of them."""

FLOORS = {
    BLOCKS: Floor(per_call=0.0175, amount=8),
    HEAP: Floor(per_call=6.0, amount=384),
    RESIDENT: Floor(per_call=12.0, amount=384 * KIB),
}
"""Just below one object in fifty calls, and below a list that gains eight bytes a call.

The floor of resident memory is higher, since it grows by pages.
"""

COUNT_FLOOR = Floor(per_call=0.0175, amount=4)

_HELD_NEEDS = Needs(amount=128 * KIB, proof=128 * KIB, chance=768 * KIB)
_FEW_HELD_NEEDS = Needs(amount=16 * KIB, proof=128 * KIB, chance=768 * KIB)
_FEW_CALLS = 64
_RESIDENT_NEEDS = Needs(amount=MIB, proof=2 * MIB)
_COUNT_NEEDS = Needs(amount=3, proof=5)
"""The least uneven growth that counts; less is within what `settled` may vary by.

Up to 64 calls have no room for more than a few rises of a container that is reallocated now and then.
"""

_LEVEL = 0.65
"""The least rate of growth, relative to the rate before, that is still even.

A leak keeps its rate; the rate of a cache that fills halves with each doubling of the calls. A list, which
grows by an eighth at a time, shows at worst 0.7 of its rate in the next window.
"""

_NEARLY_ALL = 0.85
_LEAST_HINT = 1 / 8
"""The share of few calls that must add something for a doubt, and of the amount that would prove growth."""

_EIGHTHS = 8
_STEADY = 2.0
"""The mean growth of the last four eighths must be this many times their standard deviation."""

_CLEAR = 5.0
"""The last half must grow by this many times the scatter around its line; a single step reaches four."""

_ALIKE = 0.85
_DOUBLING_CALLS = 20_000
_DOUBLING_AMOUNT = 20
"""A series that grows by jumps alone must do so over four doublings of many calls, since the table of a full
cache is reallocated once more, and must come to more than one that grows evenly."""


def decide(windows: Sequence[Window], *, is_last: bool = False) -> Growth:
    """Decide whether the windows show a leak of memory, or of what is counted beside it.

    A series leaks if it grew evenly over the last half, not more slowly than before, or if it keeps growing
    now and then. Either may be hidden at first by something that was freed once. A series whose growth
    stopped long enough ago has settled. Otherwise the check cannot tell. `is_last` says that no more calls
    will be made: growth that slows down, and is small in all, has then settled.
    """
    calls = [window.calls for window in windows]
    total = calls[-1] - calls[0] if calls else 0
    if total < LEAST_CALLS or len(calls) <= LEAST_CALLS:
        return Growth(answer=Answer.CANNOT_TELL, calls=total, doubt=Doubt.TOO_FEW_CALLS)
    memory = memory_series(windows)
    trends = {name: series_trend(calls, values, FLOORS[name]) for name, values in memory.items()}
    rhythms = _rhythms(windows, memory, is_last=is_last)
    growing = tuple(
        name
        for name in memory
        if trends[name] is Trend.GROWS or rhythms.get(name, Rhythm.SETTLED) is Rhythm.GOES_ON
    )
    grown_counts, open_counts = _counts(windows, is_last=is_last)
    if growing or grown_counts:
        rate = leak_rate(windows, growing)
        return Growth(
            answer=Answer.LEAKS,
            calls=total,
            signals=growing,
            bytes_per_call=max(1, round(rate.bytes_per_call)) if growing else 0,
            doubt_bytes=round(rate.doubt_bytes),
            counts=grown_counts,
            is_accelerating=any(accelerates(calls, memory[name]) for name in growing),
        )
    behind = _behind_falls(windows, is_last=is_last)
    if behind.shows is Shows.GROWTH:
        return decide(windows[behind.start :], is_last=is_last)
    is_open = open_counts or behind.shows is Shows.MAYBE or Rhythm.OPEN in rhythms.values()
    doubt = _doubt(set(trends.values()), is_open=is_open, is_last=is_last)
    if doubt is None:
        return Growth(answer=Answer.SETTLES, calls=total)
    return Growth(answer=Answer.CANNOT_TELL, calls=total, doubt=doubt)


def _doubt(trends: set[Trend], *, is_open: bool, is_last: bool) -> Doubt | None:
    """Say why series that do not leak may not have settled either."""
    if Trend.TOO_LITTLE in trends:
        return Doubt.TOO_FEW_CALLS
    if Trend.FALLS_OFF in trends and (is_open or not is_last):
        return Doubt.STILL_FALLING
    return Doubt.UNEVEN if is_open else None


def _rhythms(windows: Sequence[Window], memory: dict[str, list[int]], *, is_last: bool) -> dict[str, Rhythm]:
    """Return the rhythm of each series; blocks and heap share that of their sum."""
    calls = [window.calls for window in windows]
    needs = _HELD_NEEDS if calls[-1] - calls[0] >= _FEW_CALLS else _FEW_HELD_NEEDS
    held = rhythm(calls, held_series(windows), needs, is_last=is_last)
    rhythms = {name: held for name in (BLOCKS, HEAP) if name in memory}
    if RESIDENT in memory:
        rhythms[RESIDENT] = resident_rhythm(calls, memory[RESIDENT], _RESIDENT_NEEDS)
    return rhythms


@dataclass(frozen=True, slots=True)
class _Judge:
    """Judges one series by the least even and uneven growth that count; None leaves that kind out."""

    floor: Floor | None
    needs: Needs | None
    is_last: bool

    def grows(self, calls: Sequence[int], values: Sequence[int]) -> bool:
        return self._is_even(calls, values) or self._rhythm(calls, values) is Rhythm.GOES_ON

    def may_grow(self, calls: Sequence[int], values: Sequence[int]) -> bool:
        return self._is_even(calls, values) or self._rhythm(calls, values) is not Rhythm.SETTLED

    def _is_even(self, calls: Sequence[int], values: Sequence[int]) -> bool:
        return self.floor is not None and series_trend(calls, values, self.floor) is Trend.GROWS

    def _rhythm(self, calls: Sequence[int], values: Sequence[int]) -> Rhythm:
        if self.needs is None:
            return Rhythm.SETTLED
        return rhythm(calls, values, self.needs, is_last=self.is_last)


def _behind_falls(windows: Sequence[Window], *, is_last: bool) -> BehindFall:
    """Say what grew after something was freed once.

    Resident memory is left out: a heap that was trimmed and fills again looks like growth.
    """
    calls = [window.calls for window in windows]
    judged = [
        (values, _Judge(FLOORS[name], None, is_last))
        for name, values in memory_series(windows).items()
        if name != RESIDENT
    ]
    judged.append((held_series(windows), _Judge(None, _HELD_NEEDS, is_last)))
    judged += [
        ([window.counts[unit] for window in windows], _Judge(COUNT_FLOOR, _COUNT_NEEDS, is_last))
        for unit in counted_units(windows)
    ]
    found = [
        behind_fall(calls, values, grows=judge.grows, may_grow=judge.may_grow) for values, judge in judged
    ]
    return max(found, key=lambda behind: behind.shows)


def _counts(windows: Sequence[Window], *, is_last: bool) -> tuple[tuple[CountGrowth, ...], bool]:
    """Return the counts that grow, and whether there are others for which it cannot be told."""
    calls = [window.calls for window in windows]
    grown: list[CountGrowth] = []
    is_open = False
    for unit in counted_units(windows):
        values = [window.counts[unit] for window in windows]
        rises = rhythm(calls, values, _COUNT_NEEDS, is_last=is_last)
        if rises is Rhythm.GOES_ON or series_trend(calls, values, COUNT_FLOOR) is Trend.GROWS:
            grown.append(CountGrowth(unit=unit, per_call=last_rate(calls, values)))
        else:
            is_open = is_open or rises is Rhythm.OPEN
    return tuple(grown), is_open


def series_trend(calls: Sequence[int], values: Sequence[int], floor: Floor) -> Trend:
    """Say whether one series keeps growing evenly with the calls.

    In few calls something that is freed once, or a single jump, makes even growth look uneven; there it is
    enough for doubt that nearly all of them add something.
    """
    trend = _trend_of_parts(calls, values, floor)
    if trend is Trend.LEVEL and _nearly_all_calls_add(calls, values, floor):
        return Trend.TOO_LITTLE
    return trend


def _nearly_all_calls_add(calls: Sequence[int], values: Sequence[int], floor: Floor) -> bool:
    """Say whether nearly all of few calls add something, and half of them enough to count."""
    total = calls[-1] - calls[0]
    if total > _FEW_CALLS:
        return False
    added = sorted(
        (after - before) / (made_after - made_before)
        for (made_before, before), (made_after, after) in itertools.pairwise(zip(calls, values, strict=True))
    )
    usual = added[len(added) // 2]
    is_enough = usual >= floor.per_call and usual * total / 2 >= _LEAST_HINT * floor.amount
    return is_enough and sum(one > 0 for one in added) >= _NEARLY_ALL * len(added)


def _trend_of_parts(calls: Sequence[int], values: Sequence[int], floor: Floor) -> Trend:
    """Say whether a series keeps growing evenly, judged by parts of the calls."""
    total = calls[-1] - calls[0]
    first, second, last = doubling_rates(calls, values)
    grown = last * total / 2
    if last < floor.per_call:
        return Trend.LEVEL
    if grown < floor.amount:
        return Trend.TOO_LITTLE if _always_rises(calls, values) else Trend.LEVEL
    if _doubles(calls, values, floor):
        return Trend.GROWS
    eighths = last_eighths(calls, values)
    if min(eighths) <= 0 or not _is_steady(eighths) or grown < _CLEAR * scatter(calls, values):
        return Trend.LEVEL
    if grown - _largest_rise(calls, values) <= most_given_back(calls, values):
        return Trend.LEVEL
    return Trend.GROWS if last >= _LEVEL * max(first, second) else Trend.FALLS_OFF


def _largest_rise(calls: Sequence[int], values: Sequence[int]) -> int:
    """Return by how much the last half rose at once.

    What something else in the process added a single time, such as a queue that was filled, must not make up
    for what a cache gives back.
    """
    last_half = values[reading_at(calls, 4) :]
    return max(after - before for before, after in itertools.pairwise(last_half))


def _always_rises(calls: Sequence[int], values: Sequence[int]) -> bool:
    """Say whether a series rose in each eighth of the calls after the first two, and kept its rate."""
    eighths = [rate_between(calls, values, part, part + 1) for part in range(2, _EIGHTHS)]
    _, before, last = doubling_rates(calls, values)
    return min(eighths) > 0 and last >= _LEVEL * before


def _doubles(calls: Sequence[int], values: Sequence[int], floor: Floor) -> bool:
    """Say whether growth comes in jumps that double with the calls: a table with an entry for each call.

    Each of four doublings of the calls shows the same growth per call; a single jump shows in only one.
    """
    total = calls[-1] - calls[0]
    if len(calls) <= 16 or total < _DOUBLING_CALLS:  # noqa: PLR2004 - sixteenths need as many readings
        return False
    rates = [rate_between(calls, values, *part) for part in itertools.pairwise((1 / 2, 1, 2, 4, 8))]
    amount = rates[-1] * total / 2
    return amount >= _DOUBLING_AMOUNT * floor.amount and min(rates) >= max(
        floor.per_call, _ALIKE * max(rates)
    )


def _is_steady(rates: Sequence[float]) -> bool:
    return sum(rates) / len(rates) >= _STEADY * deviation(rates)
