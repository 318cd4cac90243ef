"""Distinguishes uneven growth, which comes in steps now and then, from costs that are paid once.

Memory that is given back later was not leaked, so everything here looks at the lasting part of each
reading: the least that is held from there on. Its rises are put into families of similar size. Calls
that leave something behind now and then, regularly or by chance (a renewal process), go on doing so.
That all n rises of a family fall into the first share s of the calls, and none later, has a probability
of about s**n. The rises of a cache that fills, or of a table that is reallocated, do stop.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from pytest_memguard.leaks.series import doubling_rates, falls, most_given_back, reading_at


class Rhythm(Enum):
    """What the rises of one series show; `OPEN` means that it cannot be told yet."""

    SETTLED = "settled"
    OPEN = "open"
    GOES_ON = "goes on"


@dataclass(frozen=True, slots=True)
class Needs:
    """The sum of rises from which on they count (`amount`), or prove a leak over the last half (`proof`).

    A series that goes up and down again and again needs a larger sum, of `chance` at the most.
    """

    amount: float
    proof: float
    chance: float = 0


_ALIKE = 4.0
"""Rises within this factor of the largest are one family."""

_BY_CHANCE = 0.004
"""A family has stopped if a leak would stop like this with at most this probability.

A check decides up to three times.
"""

_SLOWING = 0.5
"""The rises of a leak that gets rarer fall into a first share of the calls with the root of the probability.

That counts where a megabyte is left behind; what is less, such as a few tables, may be paid once.
"""

_ONE_QUIET_SHARE = 1 / 8
_ONE_QUIET_SHARE_AT_LAST = 1 / 2
"""A single rise within this first part of the calls is paid once.

The second share is for the end of a check, which makes four times as many calls as at first: what happens
again and again has shown several times by then.
"""

_LARGEST_TABLE_BYTES = 1_000_000
_QUIET_CALLS = 12
"""A single rise of less than this size, or rises that double and get rarer, may be the interpreter's table.

A larger one is paid once if so many calls follow without another, which a slow body hardly gets.
"""

_DOUBLED = (1.6, 2.6)
"""The range of the factor by which a table grows at each reallocation, and the calls up to it."""

_RISES_OF_TWO_TABLES = range(3, 7)
"""Two rises show no table that doubles; of a family, each table has three at most."""

_PARTS = 8
"""The last half is cut into this many parts; most must have risen, and none by nearly all of the growth."""

_AGAIN_AND_AGAIN = 3
_LOWER_PART = 0.4

_RISEN_PARTS = 5
_EVEN_PARTS = 3.5
_LEAST_SHARE = 1 / 32

_LEAST_RISES = 1 / 4
"""In resident memory, a part of the last half counts if it rises by this share of the amount that counts."""

_KEEPS_UP = 0.6
"""The last half must rise by this share of the rate before; the events of a leak vary that much by chance."""


def lasting(calls: Sequence[int], values: Sequence[float]) -> list[float]:
    """Return, for each reading, the least that is held from there on.

    Few readings follow the last ones, so these may be too high, by as much as the series goes up and down.

    >>> lasting([0, 1, 2, 3, 4], [0, 0, 5, 4, 9])
    [0, 0, 4, 4, 8]
    """
    held = list(itertools.accumulate(reversed(values), min))[::-1]
    most = max(held[reading_at(calls, 4)], held[-1] - most_given_back(calls, values))
    return [min(value, most) for value in held]


def rhythm(calls: Sequence[int], values: Sequence[float], needs: Needs, *, is_last: bool = False) -> Rhythm:
    """Say whether the lasting part of a series keeps rising; `is_last` says that no more calls are made."""
    held = lasting(calls, values)
    least = max(needs.amount, min(needs.chance, _rise_by_chance(calls, values)))
    if held[-1] - held[0] < least:
        return Rhythm.SETTLED
    if _goes_on(calls, held, needs):
        return Rhythm.GOES_ON
    total = calls[-1] - calls[0]
    rises = [
        _Rise((made - calls[0]) / total, after - before)
        for made, before, after in zip(calls[1:], held, held[1:], strict=False)
        if after > before
    ]
    while sum(rise.size for rise in rises) >= least:
        largest = max(rise.size for rise in rises)
        family = [rise for rise in rises if rise.size * _ALIKE >= largest]
        if not _has_stopped(family, total, is_last=is_last):
            return Rhythm.OPEN
        rises = [rise for rise in rises if rise.size * _ALIKE < largest]
    return Rhythm.SETTLED


def _rise_by_chance(calls: Sequence[int], values: Sequence[float]) -> float:
    """Return by how much what lasts may rise by chance, in a series that falls again and again.

    The least of a few readings lies anywhere in the lower part of what a cache gathers and gives back.
    """
    given_back = most_given_back(calls, values)
    if given_back <= 0:
        return 0.0
    is_cleared = falls(values, given_back / 2) >= _AGAIN_AND_AGAIN
    return _LOWER_PART * given_back if is_cleared else 0.0


def resident_rhythm(calls: Sequence[int], values: Sequence[float], needs: Needs) -> Rhythm:
    """Say whether the lasting part of resident memory keeps rising.

    Resident memory also rises where readings become rarer, since garbage in cycles then waits longer to be
    collected. So only rises between readings that are equally far apart count, if there is more than one.
    """
    held = lasting(calls, values)
    if _goes_on(calls, held, needs):
        return Rhythm.GOES_ON
    rises = [part for part in _parts(calls, held)[1:] if part >= _LEAST_RISES * needs.amount]
    return Rhythm.OPEN if len(rises) > 1 and sum(rises) >= needs.amount else Rhythm.SETTLED


@dataclass(frozen=True, slots=True)
class _Rise:
    """One rise: its place, as a share of the calls, and its size."""

    place: float
    size: float


def _has_stopped(family: Sequence[_Rise], calls: int, *, is_last: bool) -> bool:
    """Say whether it is improbable that all rises of a leak come this early in so many calls."""
    last = family[-1].place
    is_much = max(rise.size for rise in family) >= _LARGEST_TABLE_BYTES
    if is_much and calls * (1 - last) < _QUIET_CALLS:
        return False
    if is_last and not is_much and (len(family) == 1 or _is_table(family, rarer=True)):
        return True
    if is_last and not is_much and last <= _ONE_QUIET_SHARE_AT_LAST and _are_two_tables(family):
        return True
    if len(family) == 1 or _is_table(family):
        return last <= (_ONE_QUIET_SHARE_AT_LAST if is_last else _ONE_QUIET_SHARE)
    is_much_in_all = sum(rise.size for rise in family) >= _LARGEST_TABLE_BYTES
    return last ** (len(family) * (_SLOWING if is_much_in_all else 1)) <= _BY_CHANCE


def _is_table(family: Sequence[_Rise], *, rarer: bool = False) -> bool:
    """Say whether each rise is twice the one before, after twice the calls, or after more if they get rarer.

    A table with an entry for each call doubles after twice the calls. That of names that come and go is
    reallocated later.
    """
    least, most = _DOUBLED
    fewest, latest = (most, math.inf) if rarer else _DOUBLED
    return all(
        least <= after.size / before.size <= most and fewest <= after.place / before.place <= latest
        for before, after in itertools.pairwise(family)
    )


def _are_two_tables(family: Sequence[_Rise]) -> bool:
    """Say whether a few rises are those of two tables, one of which is reallocated at least twice.

    The table of a class's subclasses and that of `object` grow beside each other where a body makes classes.
    """
    if len(family) not in _RISES_OF_TWO_TABLES:
        return False
    return any(
        all(
            _is_table([rise for rise, own in zip(family, tables, strict=True) if own is table], rarer=True)
            for table in (False, True)
        )
        for tables in itertools.product((False, True), repeat=len(family))
    )


def _goes_on(calls: Sequence[int], held: Sequence[float], needs: Needs) -> bool:
    """Say whether most parts of the last half rose, and the half not more slowly than the calls before it."""
    parts = _parts(calls, held)
    grown = sum(parts)
    if grown < needs.proof or grown**2 < _EVEN_PARTS * sum(part**2 for part in parts):
        return False
    risen = [part >= _LEAST_SHARE * grown for part in parts]
    if sum(risen) < _RISEN_PARTS or not any(risen[-2:]):
        return False
    first, second, last = doubling_rates(calls, held)
    return last >= _KEEPS_UP * max(first, second)


def _parts(calls: Sequence[int], held: Sequence[float]) -> list[float]:
    """Return by how much each part of the last half rose."""
    marks = [reading_at(calls, 4 + 4 * part / _PARTS) for part in range(_PARTS + 1)]
    return [held[high] - held[low] for low, high in itertools.pairwise(marks)]
