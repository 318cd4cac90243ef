"""Computes the rate of a leak in bytes a call, steady from run to run even if containers are reallocated."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_memguard.core.metrics import BLOCKS, HEAP, RESIDENT
from pytest_memguard.leaks.series import (
    BYTES_OF_A_BLOCK,
    Window,
    deviation,
    doubling_rates,
    last_eighths,
    last_rate,
    rate_between,
    reading_at,
    scatter,
)

_LEAST_HEAP = 384
_CLEAR = 5.0
_ALIKE = 0.5
"""Where blocks prove a leak, growth of the heap counts from these values on, which are less than a proof."""

_JUMP = 3.0
"""A step of more than this many times the usual growth is a jump: a container was reallocated."""

_SLOTS_ARE_LITTLE = 4096
"""From this many bytes a call on, the slot in a container is negligible: jumps belong to the leak itself."""

_FEW_JUMPS = 2
"""The most jumps of a dict or set over the last half; a list is reallocated six times, which evens out."""

_EARLIER = (0.2, 0.7)
"""The calls and the size of the previous jump of a table, as shares of those of the later jump: their range.

A table that doubles or quadruples did so before, at half or a quarter of the calls and of the size.
"""

_FOURFOLD = 8**0.5
"""From this distance on between jumps, a table quadrupled, as that of a set does; else it doubled.

Averaged over all fill levels, a table that grows by a factor costs its last jump per entry, divided by the
logarithm of that factor.
"""

_Series = tuple[list[int], list[int]]
_Jumps = list[tuple[float, float]]


STANDARD_CALLS = 1_000
"""The call for which a rate is given that grows with the calls; the calls of every check come near it."""

_FASTER = 1.2
_FASTER_IN_ALL = 2.0
"""How much the rate must rise at each doubling of the calls, and over two; at most it doubles at each."""


_MOST_NOISE = 1 / 8
"""The largest noise, as a share of the rate: a leak is steady, so more than this is due to jumps."""


_REUSED = 1 / 16
"""The share of a leak that may go into memory that was freed before; on musl rates differed by that much."""


@dataclass(frozen=True, slots=True)
class LeakRate:
    """Bytes a call, and by how many of them another run of the same code may differ.

    That is the share of tables, of dicts for example, that are reallocated in one run and not in the next,
    or the standard error of the rate, whichever is larger.
    """

    bytes_per_call: float = 0.0
    doubt_bytes: float = 0.0

    def __add__(self, other: LeakRate) -> LeakRate:
        """Join the rates of two kinds of memory."""
        return LeakRate(self.bytes_per_call + other.bytes_per_call, self.doubt_bytes + other.doubt_bytes)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The growth of a series over its last half: even growth per call, its standard error, and all jumps."""

    even: float
    error: float
    jumps: _Jumps


def drift(windows: Sequence[Window]) -> float:
    """Return the growth per call of blocks and heap together, in bytes, over the last half."""
    return sum(last_rate(*series) for series in (_block_bytes(windows), _heap(windows)) if series is not None)


def leak_rate(windows: Sequence[Window], growing: Sequence[str]) -> LeakRate:
    """Return the bytes per call of the series that grow.

    The heap holds the large containers of small objects, and alone may grow too little to prove a
    leak. Resident memory follows the other two, and is used only where they explain little of it. Where it
    stands for a heap that is not counted, a part may have gone into memory that was freed before.
    """
    blocks, heap, resident = _block_bytes(windows), _heap(windows), _resident(windows)
    rate = even_rate(*blocks) if blocks is not None and BLOCKS in growing else LeakRate()
    if heap is not None and (HEAP in growing or (BLOCKS in growing and _accompanies(*heap))):
        rate += even_rate(*heap)
    elif heap is not None and BLOCKS in growing:
        tables = _table_rate(parts.jumps, heap[0][-1]) if (parts := _parts(*heap)) else 0.0
        rate += LeakRate(tables, tables)
    explained = 2 * max(rate.bytes_per_call, drift(windows))
    if RESIDENT in growing and resident is not None and last_rate(*resident) > explained:
        seen = even_rate(*resident)
        in_doubt = 0.0 if heap is not None else _REUSED * seen.bytes_per_call
        return LeakRate(seen.bytes_per_call, max(seen.doubt_bytes, in_doubt))
    return rate


def _accompanies(calls: Sequence[int], values: Sequence[int]) -> bool:
    """Say whether a series grew clearly and no slower than before."""
    before, last = rate_between(calls, values, 2, 4), last_rate(calls, values)
    grown = last * (calls[-1] - calls[0]) / 2
    return grown >= max(_LEAST_HEAP, _CLEAR * scatter(calls, values)) and last >= _ALIKE * before


def _block_bytes(windows: Sequence[Window]) -> _Series | None:
    """Return calls and bytes in blocks; where only the number of blocks is known, a typical size is used."""
    exact = _series((window.calls, window.blocks_bytes) for window in windows)
    if exact is not None:
        return exact
    counted = _series((window.calls, window.blocks) for window in windows)
    return counted and (counted[0], [blocks * BYTES_OF_A_BLOCK for blocks in counted[1]])


def _heap(windows: Sequence[Window]) -> _Series | None:
    return _series((window.calls, window.heap_bytes) for window in windows)


def _resident(windows: Sequence[Window]) -> _Series | None:
    return _series((window.calls, window.resident_bytes) for window in windows)


def _series(readings: Iterable[tuple[int, int | None]]) -> _Series | None:
    """Return calls and values where there is a value; None if fewer than two readings have one."""
    known = [(calls, value) for calls, value in readings if value is not None]
    return ([calls for calls, _ in known], [value for _, value in known]) if len(known) > 1 else None


def even_rate(calls: Sequence[int], values: Sequence[int]) -> LeakRate:
    """Return the growth per call; the growth of a dict's table is spread over the entries that it serves.

    A dict doubles now and then. Counted when that happens, the doubling would change the rate of the
    same leak by half from run to run. A jump that was not preceded by a similar one is paid once, and
    does not count.
    """
    if accelerates(calls, values):
        rate = _rate_at(STANDARD_CALLS, calls, values)
        return LeakRate(rate, rate * _MOST_NOISE)
    parts, late = _parts(calls, values), last_rate(calls, values)
    if parts is None or late >= _SLOTS_ARE_LITTLE:
        return LeakRate(late, _noise(late, _standard_error(last_eighths(calls, values))))
    tables = _table_rate(parts.jumps, calls[-1])
    return LeakRate(parts.even + tables, max(tables, _noise(parts.even, parts.error)))


def _noise(rate: float, error: float) -> float:
    return max(0.0, min(error, _MOST_NOISE * rate))


def _standard_error(rates: Sequence[float]) -> float:
    return float(deviation(rates) / len(rates) ** 0.5)


def accelerates(calls: Sequence[int], values: Sequence[int]) -> bool:
    """Say whether every call leaves more behind than the one before, as callbacks do that pile up and append.

    The rate of such a leak depends on how many calls were made.
    """
    first, second, last = doubling_rates(calls, values)
    return 0 < _FASTER * first <= second <= last / _FASTER and last >= _FASTER_IN_ALL * first


def _rate_at(call: int, calls: Sequence[int], values: Sequence[int]) -> float:
    """Return the growth at one call, from a power law through the growth before and in the last half.

    With a straight line, the result would be a small difference of two large rates after many calls. It
    is never more than what was seen: for a call beyond the last one, the rate of the last calls counts.
    """
    earlier, later = (calls[0] + (calls[-1] - calls[0]) * eighth / 8 for eighth in (3, 6))
    before, last = rate_between(calls, values, 2, 4), last_rate(calls, values)
    power = math.log(last / before) / math.log(later / earlier)
    return float(min(before * (call / earlier) ** power, max(last_eighths(calls, values))))


def _parts(calls: Sequence[int], values: Sequence[int]) -> _Parts | None:
    """Separate the even growth of the last half from the jumps, each with its place and size.

    Returns None where all growth is jumps, as with a list.
    """
    half = reading_at(calls, 4)
    steps = [
        (index, calls[index] - calls[index - 1], values[index] - values[index - 1])
        for index in range(1, len(calls))
        if calls[index] > calls[index - 1]
    ]
    late = [(made, grown) for index, made, grown in steps if index > half]
    rates = sorted(grown / made for made, grown in late)
    usual = max(0.0, rates[len(rates) // 2]) if rates else 0.0
    kept = [(made, grown) for made, grown in late if grown <= _JUMP * usual * made]
    if not kept or len(late) - len(kept) > _FEW_JUMPS:
        return None
    even = sum(grown for _, grown in kept) / sum(made for made, _ in kept)
    return _Parts(
        even=even,
        error=_standard_error([grown / made for made, grown in kept]),
        jumps=[
            ((calls[index] + calls[index - 1]) / 2, grown - even * made)
            for index, made, grown in steps
            if grown > _JUMP * usual * made
        ],
    )


def _table_rate(jumps: _Jumps, calls: int) -> float:
    """Return the bytes per call of the last of these jumps (place, size), if it is one of a series.

    A table that doubles or quadruples has done so in the last four fifths of the calls.
    """
    least, most = _EARLIER
    late = [jump for jump in jumps if jump[0] >= least * calls]
    for place, size in reversed(late):
        earlier = [
            before
            for before, jump in jumps
            if least * place <= before <= most * place and least * size <= jump <= most * size
        ]
        if earlier:
            factor = 4 if place >= _FOURFOLD * max(earlier) else 2
            return size / place / math.log(factor)
    return 0.0
