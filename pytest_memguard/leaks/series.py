"""The readings of a leak check as series over the calls, and the growth between two points of a series."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pytest_memguard.core.leak_finding import Reading
from pytest_memguard.core.metrics import BLOCKS, HEAP, RESIDENT

_LARGEST_TABLE_BYTES = 2 * 1024**2
"""The interpreter's table of 87,000 interned strings; one of 43,000 takes 961 KB, as in jinja2's suite."""

_FEW_BLOCKS = 64
_LITTLE_ELSE = 0.1


def settled_bytes(before: Window, windows: Sequence[Window]) -> int:
    """Return how much more is held after the last of these readings than `before` the first call.

    A table of the interpreter that is reallocated meanwhile depends on what ran before, and is left out.
    Nothing else is: memory that is not a leak was kept nevertheless.
    """
    return max(0, kept_between(before, windows) - _table_made_anew(windows))


def _table_made_anew(windows: Sequence[Window]) -> int:
    """Return the single jump of the heap that comes without new objects or other growth, if there is one."""
    steps = [
        ((after.heap_bytes or 0) - (before.heap_bytes or 0), (after.blocks or 0) - (before.blocks or 0))
        for before, after in itertools.pairwise(windows)
    ]
    if not steps:
        return 0
    jump, blocks = max(steps)
    others = sum(max(0, step) for step, _ in steps) - jump
    is_table = 0 < jump <= _LARGEST_TABLE_BYTES and blocks < _FEW_BLOCKS and others <= _LITTLE_ELSE * jump
    return jump if is_table else 0


BYTES_OF_A_BLOCK = 64
"""The size of a small object, used where the interpreter cannot tell how many bytes its blocks hold."""


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


def memory_series(windows: Sequence[Window]) -> dict[str, list[int]]:
    """Return the series that every window has; of resident memory the part that the others do not explain."""
    series: dict[str, list[int]] = {}
    blocks = [window.blocks for window in windows if window.blocks is not None]
    heap = [window.heap_bytes for window in windows if window.heap_bytes is not None]
    resident = [window.resident_bytes for window in windows if window.resident_bytes is not None]
    if len(blocks) == len(windows):
        series[BLOCKS] = blocks
    if len(heap) == len(windows):
        series[HEAP] = heap
    if len(resident) == len(windows):
        series[RESIDENT] = unexplained_series(windows)
    return series


def counted_units(windows: Sequence[Window]) -> list[str]:
    """Return the counts that every window has, in the order of the first."""
    first = windows[0].counts if windows else {}
    return [unit for unit in first if all(unit in window.counts for window in windows)]


def complete(windows: Sequence[Window]) -> tuple[Window, ...]:
    """Leave out the last windows that could not read all that the first could, for want of descriptors."""
    known = [_known(window) for window in windows]
    return tuple(window for window, names in zip(windows, known, strict=True) if names == known[0])


def _known(window: Window) -> set[str]:
    return {*signals_of(window), *window.counts}


def nearest_reading(calls: Sequence[int], wanted: float) -> int:
    """Return the index of the reading nearest to a number of calls, which rise from reading to reading.

    >>> [nearest_reading([0, 4, 9], wanted) for wanted in (-1, 2, 3, 7, 20)]
    [0, 0, 1, 2, 2]
    """
    above = bisect.bisect_left(calls, wanted)
    if above in (0, len(calls)):
        return max(0, above - 1)
    return above - 1 if wanted - calls[above - 1] <= calls[above] - wanted else above


def reading_at(calls: Sequence[int], eighth: float) -> int:
    """Return the index of the reading nearest to a number of eighths of the calls."""
    return nearest_reading(calls, calls[0] + (calls[-1] - calls[0]) * eighth / 8)


def rate_between(calls: Sequence[int], values: Sequence[float], start: float, end: float) -> float:
    """Return the growth per call between two eighths of the calls."""
    low, high = reading_at(calls, start), reading_at(calls, end)
    return (values[high] - values[low]) / max(1, calls[high] - calls[low])


def doubling_rates(calls: Sequence[int], values: Sequence[float]) -> tuple[float, float, float]:
    """Return the growth per call over each of the last three doublings of the calls."""
    return rate_between(calls, values, 1, 2), rate_between(calls, values, 2, 4), last_rate(calls, values)


def last_rate(calls: Sequence[int], values: Sequence[float]) -> float:
    """Return the growth per call over the last half."""
    return rate_between(calls, values, 4, 8)


def last_eighths(calls: Sequence[int], values: Sequence[int]) -> list[float]:
    """Return the growth per call over each eighth of the last half."""
    return [rate_between(calls, values, part, part + 1) for part in range(4, 8)]


def deviation(rates: Sequence[float]) -> float:
    """Return the standard deviation of a sample of rates."""
    mean = sum(rates) / len(rates)
    return float((sum((rate - mean) ** 2 for rate in rates) / max(1, len(rates) - 1)) ** 0.5)


def scatter(calls: Sequence[int], values: Sequence[int]) -> float:
    """Return the standard deviation of the last half's readings around their own line."""
    start = reading_at(calls, 4)
    xs, ys = calls[start:], values[start:]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    across = sum((x - mean_x) ** 2 for x in xs) or 1.0
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / across
    off = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in zip(xs, ys, strict=True))
    return float((off / len(xs)) ** 0.5)


def most_given_back(calls: Sequence[int], values: Sequence[float]) -> float:
    """Return the deepest fall from any reading to a later one, over the last three quarters of the calls.

    A cache that is pruned now and then goes up and down by that much, and readings may see only its rise.
    """
    start = reading_at(calls, 2)
    highest = itertools.accumulate(values[start:], max)
    return max(high - value for high, value in zip(highest, values[start:], strict=True))


def falls(values: Sequence[float], size: float) -> int:
    """Return how often a series falls by a size, and rises by as much before it falls again.

    >>> falls([0, 9, 5, 1, 2, 9, 0, 1], 8), falls([0, 9, 5, 1, 2, 8, 0, 1], 8)
    (2, 1)
    """
    number, is_high, high, low = 0, True, values[0], values[0]
    for value in values:
        high, low = max(high, value), min(low, value)
        if is_high and high - value >= size:
            number, is_high, low = number + 1, False, value
        elif not is_high and value - low >= size:
            is_high, high = True, value
    return number


def held_between(before: Window, after: Window) -> int:
    """Return how many bytes of blocks and heap were added between two readings."""
    heap = (after.heap_bytes or 0) - (before.heap_bytes or 0)
    if after.blocks_bytes is not None and before.blocks_bytes is not None:
        return heap + after.blocks_bytes - before.blocks_bytes
    return heap + BYTES_OF_A_BLOCK * ((after.blocks or 0) - (before.blocks or 0))


def kept_between(before: Window, windows: Sequence[Window]) -> int:
    """Return how many bytes more are held at the last of these readings than `before`.

    Where the C heap is not counted, the resident memory that small blocks do not explain stands for it.
    """
    held = held_between(before, windows[-1])
    if before.heap_bytes is not None or before.resident_bytes is None:
        return held
    beyond = unexplained_series([before, *windows])
    return held + max(0, beyond[-1] - beyond[0])


def held_series(windows: Sequence[Window]) -> list[int]:
    """Return the bytes of blocks and heap together at each reading, less those of the first."""
    return [held_between(windows[0], window) for window in windows]


_MOST_READINGS = 40


def shown_readings(windows: Sequence[Window], signals: Sequence[str]) -> tuple[Reading, ...]:
    """Return the series that reports show, thinned: blocks and heap, and memory mapped without either.

    Resident memory is included only where it grew; elsewhere it just moves by pages.
    """
    if not windows:
        return ()
    held = held_series(windows)
    if RESIDENT in signals and all(window.resident_bytes is not None for window in windows):
        beyond = unexplained_series(windows)
        held = [one + more - beyond[0] for one, more in zip(held, beyond, strict=True)]
    stride = -(-len(windows) // _MOST_READINGS)
    kept = [*range(0, len(windows) - 1, stride), len(windows) - 1]
    return tuple(Reading(windows[row].calls, held[row]) for row in kept)


def judged_from(windows: Sequence[Window]) -> int:
    """Return the number of calls from which on readings decide: those of the last half."""
    calls = [window.calls for window in windows]
    return calls[reading_at(calls, 4)] if calls else 0


def unexplained_series(windows: Sequence[Window]) -> list[int]:
    """Return the resident memory at each reading, less the most that blocks and heap have held until then.

    Resident memory rises with them and hardly falls again; what it gains beyond them was mapped directly.
    """
    most = itertools.accumulate(held_series(windows), max)
    return [(window.resident_bytes or 0) - held for window, held in zip(windows, most, strict=True)]


def signals_of(window: Window) -> tuple[str, ...]:
    """Return the names of the memory series that a reading has values for."""
    known = {BLOCKS: window.blocks, HEAP: window.heap_bytes, RESIDENT: window.resident_bytes}
    return tuple(name for name, value in known.items() if value is not None)
