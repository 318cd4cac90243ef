"""Whether a series of readings keeps growing with the calls: one pure function, no clock in it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from pytest_memguard.core.measurement import CountGrowth
from pytest_memguard.leaks.rate import accelerates, drift, leak_rate
from pytest_memguard.leaks.series import (
    BLOCKS,
    HEAP,
    RESIDENT,
    Window,
    counted_units,
    deviation,
    last_eighths,
    last_rate,
    memory_series,
    nearest,
    rate_between,
    scatter,
)


class Trend(Enum):
    """What one series shows."""

    GROWS = "grows"
    UNDECIDED = "undecided"
    LEVEL = "level"


@dataclass(frozen=True, slots=True)
class Floor:
    """Growth below either part is no growth: a rate per call, and an amount over the last half."""

    per_call: float
    amount: float


@dataclass(frozen=True, slots=True)
class Growth:
    """What a series of windows says together.

    `signals` names the series that keep growing; `bytes_per_call` is the rate they show
    (zero where none grows), of which `doubt_bytes` may be missing or more in another run.
    `drift_bytes` is the growth per call of bytes over the last half whether or not it is called
    a leak, so that a plateau can be told from it.
    `is_accelerating` says that each call leaves more behind than the one before; the rate is
    then that of the standard call.
    """

    trend: Trend
    calls: int
    signals: tuple[str, ...] = ()
    bytes_per_call: int = 0
    doubt_bytes: int = 0
    counts: tuple[CountGrowth, ...] = ()
    drift_bytes: float = 0.0
    is_accelerating: bool = False


LEAST_CALLS = 8
"""Fewer calls than this prove no leak: the last half would hold less than four of them."""

FLOORS = {
    BLOCKS: Floor(per_call=0.0175, amount=8),
    HEAP: Floor(per_call=6.0, amount=384),
    RESIDENT: Floor(per_call=12.0, amount=384 * 1024),
}
"""Below one object in fifty calls and a list that gains eight bytes; resident memory moves by pages."""

COUNT_FLOOR = Floor(per_call=0.0175, amount=4)

_LEVEL = 0.65
"""A leak's rate stays, a filling cache's halves with each doubling; a list that grows by an eighth
shows at worst 0.7 of its rate in the next window."""

_STEADY = 2.0
"""How many times its own spread the mean growth of the last four eighths must be."""

_CLEAR = 5.0
"""How many times the scatter around its line the last half must have grown; one single step reaches four."""

_ALIKE = 0.6
_DOUBLING_CALLS = 1_000
_DOUBLING_AMOUNT = 20
"""What grows by jumps alone must show over four doublings, and amount to more than what grows evenly."""


def decide(windows: Sequence[Window]) -> Growth:
    """Say whether memory or a count keeps growing per call over these windows.

    A series that has grown steadily over the last half, at no less than the rate of the
    windows before, grows. One that grew but slows down is undecided: more calls will tell.
    """
    calls = [window.calls for window in windows]
    memory = memory_series(windows)
    trends = {name: series_trend(calls, values, FLOORS[name]) for name, values in memory.items()}
    counts = {unit: [window.counts[unit] for window in windows] for unit in counted_units(windows)}
    count_trends = {unit: series_trend(calls, values, COUNT_FLOOR) for unit, values in counts.items()}
    growing = tuple(name for name, trend in trends.items() if trend is Trend.GROWS)
    grown_counts = tuple(
        CountGrowth(unit=unit, per_call=last_rate(calls, counts[unit]))
        for unit, trend in count_trends.items()
        if trend is Trend.GROWS
    )
    rate = leak_rate(windows, growing)
    return Growth(
        trend=_together([*trends.values(), *count_trends.values()]),
        calls=calls[-1] - calls[0] if calls else 0,
        signals=growing,
        bytes_per_call=max(1, round(rate.bytes_per_call)) if growing else 0,
        doubt_bytes=round(rate.doubt_bytes),
        counts=grown_counts,
        drift_bytes=drift(windows),
        is_accelerating=any(accelerates(calls, memory[name]) for name in growing),
    )


def _together(trends: Sequence[Trend]) -> Trend:
    if Trend.GROWS in trends:
        return Trend.GROWS
    return Trend.UNDECIDED if Trend.UNDECIDED in trends else Trend.LEVEL


def series_trend(calls: Sequence[int], values: Sequence[int], floor: Floor) -> Trend:
    """Say whether one series keeps growing with the calls."""
    total = calls[-1] - calls[0] if calls else 0
    if total < LEAST_CALLS or len(calls) < LEAST_CALLS:
        return Trend.LEVEL
    first, second, last = (rate_between(calls, values, *part) for part in ((1, 2), (2, 4), (4, 8)))
    grown = last * total / 2
    if last < floor.per_call or grown <= 0:
        return Trend.LEVEL
    if grown < floor.amount:
        return Trend.UNDECIDED
    if _doubles(calls, values, floor):
        return Trend.GROWS
    eighths = last_eighths(calls, values)
    if min(eighths) <= 0 or not _is_steady(eighths) or grown < _CLEAR * scatter(calls, values):
        return Trend.LEVEL
    return Trend.GROWS if last >= _LEVEL * max(first, second) else Trend.UNDECIDED


def _doubles(calls: Sequence[int], values: Sequence[int], floor: Floor) -> bool:
    """Say whether growth comes in jumps that double with the calls: a table that takes each call's entry.

    Four doublings of the calls each show the same growth per call; a single jump shows in one of them.
    """
    total = calls[-1] - calls[0]
    if len(calls) <= 16 or total < _DOUBLING_CALLS:  # noqa: PLR2004 - sixteenths need as many readings
        return False
    marks = [nearest(calls, calls[0] + total * share) for share in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)]
    rates = [
        (values[high] - values[low]) / max(1, calls[high] - calls[low])
        for low, high in itertools.pairwise(marks)
    ]
    amount = rates[-1] * total / 2
    return amount >= _DOUBLING_AMOUNT * floor.amount and min(rates) >= max(
        floor.per_call, _ALIKE * max(rates)
    )


def _is_steady(rates: Sequence[float]) -> bool:
    return sum(rates) / len(rates) >= _STEADY * deviation(rates)
