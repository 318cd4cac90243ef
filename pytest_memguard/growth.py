"""Whether a series of readings keeps growing with the calls: one pure function, no clock in it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from pytest_memguard.model import CountGrowth

BLOCKS = "blocks"
HEAP = "heap"
RESIDENT = "rss"


@dataclass(frozen=True, slots=True)
class Window:
    """One reading, taken after garbage was collected; `calls` is how many were made up to it.

    `blocks` are Python's allocated blocks and `blocks_bytes` what they hold, `heap_bytes` is
    the C heap in use, `resident_bytes` the memory resident in the process. What a platform
    cannot tell is None. `counts` holds what is not bytes (threads, files, children, garbage).
    """

    calls: int
    blocks: int | None = None
    blocks_bytes: int | None = None
    heap_bytes: int | None = None
    resident_bytes: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


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
    (zero where none grows). `drift_bytes` is the growth per call of bytes over the last
    half whether or not it is called a leak, so that a plateau can be told from it.
    """

    trend: Trend
    calls: int
    signals: tuple[str, ...] = ()
    bytes_per_call: int = 0
    counts: tuple[CountGrowth, ...] = ()
    drift_bytes: float = 0.0


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

_JUMP = 3.0
"""A step of so many times the usual growth is a container made anew."""

_BYTES_OF_A_BLOCK = 64
"""Where the interpreter cannot say what its blocks hold: a small object's size."""


def decide(windows: Sequence[Window]) -> Growth:
    """Say whether memory or a count keeps growing per call over these windows.

    A series that has grown steadily over the last half, at no less than the rate of the
    windows before, grows. One that grew but slows down is undecided: more calls will tell.
    """
    calls = [window.calls for window in windows]
    trends = {name: series_trend(calls, values, FLOORS[name]) for name, values in _series(windows).items()}
    counts = {unit: [window.counts[unit] for window in windows] for unit in _units(windows)}
    count_trends = {unit: series_trend(calls, values, COUNT_FLOOR) for unit, values in counts.items()}
    growing = tuple(name for name, trend in trends.items() if trend is Trend.GROWS)
    grown_counts = tuple(
        CountGrowth(unit=unit, per_call=last_rate(calls, counts[unit]))
        for unit, trend in count_trends.items()
        if trend is Trend.GROWS
    )
    rate = max(1, round(_leak_rate(windows, growing))) if growing else 0
    return Growth(
        trend=_together([*trends.values(), *count_trends.values()]),
        calls=calls[-1] - calls[0] if calls else 0,
        signals=growing,
        bytes_per_call=rate,
        counts=grown_counts,
        drift_bytes=_drift(windows),
    )


def _together(trends: Sequence[Trend]) -> Trend:
    if Trend.GROWS in trends:
        return Trend.GROWS
    return Trend.UNDECIDED if Trend.UNDECIDED in trends else Trend.LEVEL


def _series(windows: Sequence[Window]) -> dict[str, list[int]]:
    """Return the series that every window has."""
    series: dict[str, list[int]] = {}
    blocks = [window.blocks for window in windows if window.blocks is not None]
    heap = [window.heap_bytes for window in windows if window.heap_bytes is not None]
    resident = [window.resident_bytes for window in windows if window.resident_bytes is not None]
    if len(blocks) == len(windows):
        series[BLOCKS] = blocks
    if len(heap) == len(windows):
        series[HEAP] = heap
    if len(resident) == len(windows):
        series[RESIDENT] = resident
    return series


def _units(windows: Sequence[Window]) -> list[str]:
    """Return the counts that every window has, in the order of the first."""
    first = windows[0].counts if windows else {}
    return [unit for unit in first if all(unit in window.counts for window in windows)]


def series_trend(calls: Sequence[int], values: Sequence[int], floor: Floor) -> Trend:
    """Say whether one series keeps growing with the calls."""
    total = calls[-1] - calls[0] if calls else 0
    if total < LEAST_CALLS or len(calls) < LEAST_CALLS:
        return Trend.LEVEL
    first, second, last = (_rate(calls, values, *part) for part in ((1, 2), (2, 4), (4, 8)))
    grown = last * total / 2
    if last < floor.per_call or grown <= 0:
        return Trend.LEVEL
    if grown < floor.amount:
        return Trend.UNDECIDED
    if _doubles(calls, values, floor):
        return Trend.GROWS
    eighths = [_rate(calls, values, part, part + 1) for part in range(4, 8)]
    if min(eighths) <= 0 or not _is_steady(eighths) or grown < _CLEAR * _scatter(calls, values):
        return Trend.LEVEL
    return Trend.GROWS if last >= _LEVEL * max(first, second) else Trend.UNDECIDED


def _doubles(calls: Sequence[int], values: Sequence[int], floor: Floor) -> bool:
    """Say whether growth comes in jumps that double with the calls: a table that takes each call's entry.

    Four doublings of the calls each show the same growth per call; a single jump shows in one of them.
    """
    total = calls[-1] - calls[0]
    if len(calls) <= 16 or total < _DOUBLING_CALLS:  # noqa: PLR2004 - sixteenths need as many readings
        return False
    marks = [_nearest(calls, calls[0] + total * share) for share in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)]
    rates = [
        (values[high] - values[low]) / max(1, calls[high] - calls[low])
        for low, high in itertools.pairwise(marks)
    ]
    amount = rates[-1] * total / 2
    return amount >= _DOUBLING_AMOUNT * floor.amount and min(rates) >= max(
        floor.per_call, _ALIKE * max(rates)
    )


def _nearest(calls: Sequence[int], wanted: float) -> int:
    return min(range(len(calls)), key=lambda index: abs(calls[index] - wanted))


def _at(calls: Sequence[int], eighth: int) -> int:
    """Return the index of the reading nearest to so many eighths of the calls."""
    return _nearest(calls, calls[0] + (calls[-1] - calls[0]) * eighth / 8)


def _rate(calls: Sequence[int], values: Sequence[int], start: int, end: int) -> float:
    """Return the growth per call between two eighths of the calls."""
    low, high = _at(calls, start), _at(calls, end)
    return (values[high] - values[low]) / max(1, calls[high] - calls[low])


def last_rate(calls: Sequence[int], values: Sequence[int]) -> float:
    """Return the growth per call over the last half."""
    return _rate(calls, values, 4, 8)


def _is_steady(rates: Sequence[float]) -> bool:
    mean = sum(rates) / len(rates)
    spread = (sum((rate - mean) ** 2 for rate in rates) / (len(rates) - 1)) ** 0.5
    return bool(mean >= _STEADY * spread)


def _scatter(calls: Sequence[int], values: Sequence[int]) -> float:
    """Return the standard deviation of the last half's readings around their own line."""
    start = _at(calls, 4)
    xs, ys = calls[start:], values[start:]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    across = sum((x - mean_x) ** 2 for x in xs) or 1.0
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / across
    off = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in zip(xs, ys, strict=True))
    return float((off / len(xs)) ** 0.5)


def _drift(windows: Sequence[Window]) -> float:
    """Return the growth per call of blocks and heap together, in bytes, over the last half."""
    return sum(last_rate(*series) for series in (_block_bytes(windows), _heap(windows)) if series is not None)


_Series = tuple[list[int], list[int]]


def _block_bytes(windows: Sequence[Window]) -> _Series | None:
    """Return calls and bytes in blocks; a typical size stands in where only their number is known."""
    exact = [window for window in windows if window.blocks_bytes is not None]
    if len(exact) > 1:
        return [window.calls for window in exact], [window.blocks_bytes or 0 for window in exact]
    counted = [window for window in windows if window.blocks is not None]
    if len(counted) > 1:
        return [w.calls for w in counted], [(w.blocks or 0) * _BYTES_OF_A_BLOCK for w in counted]
    return None


def _heap(windows: Sequence[Window]) -> _Series | None:
    known = [window for window in windows if window.heap_bytes is not None]
    return ([w.calls for w in known], [w.heap_bytes or 0 for w in known]) if len(known) > 1 else None


def _resident(windows: Sequence[Window]) -> _Series | None:
    known = [window for window in windows if window.resident_bytes is not None]
    return ([w.calls for w in known], [w.resident_bytes or 0 for w in known]) if len(known) > 1 else None


def _leak_rate(windows: Sequence[Window], growing: Sequence[str]) -> float:
    """Return the bytes per call of the series that grow.

    Resident memory moves with the other two, and says more only where they explain little of it.
    """
    parts = {BLOCKS: _block_bytes(windows), HEAP: _heap(windows)}
    rate = sum(_even_rate(*part) for name, part in parts.items() if name in growing and part is not None)
    resident = _resident(windows)
    if RESIDENT in growing and resident is not None and (seen := _even_rate(*resident)) > 2 * rate:
        return seen
    return rate


def _even_rate(calls: Sequence[int], values: Sequence[int]) -> float:
    """Return the growth per call over the last half without the jumps of a container made anew.

    A dict doubles now and then, wherever that falls; counted in, it would change the rate of
    one and the same leak by half from run to run.
    """
    start = _at(calls, 4)
    steps = [
        (calls[index + 1] - calls[index], values[index + 1] - values[index])
        for index in range(start, len(calls) - 1)
        if calls[index + 1] > calls[index]
    ]
    rates = sorted(grown / made for made, grown in steps)
    usual = rates[len(rates) // 2] if rates else 0.0
    if usual <= 0:
        return last_rate(calls, values)
    kept = [(made, grown) for made, grown in steps if grown <= _JUMP * usual * made]
    return sum(grown for _, grown in kept) / sum(made for made, _ in kept)
