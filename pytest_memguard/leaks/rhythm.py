"""Growth that is not even: steps now and then, in whatever rhythm, told from what is paid once.

What a series held and later gave back was no leak, so all of this looks at the lasting part of each
reading: the least of what is held from there on. Its rises are taken in families of like size. Calls
that leave something behind now and then, regularly or by chance (a renewal process), go on doing so:
that nothing comes in the last part of the calls, and all n rises of a family fell into the first share
s of them, has a probability of about s**n. A cache that filled and a table that was made anew stop.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from pytest_memguard.leaks.series import most_given_back, nearest, reading_at


class Rhythm(Enum):
    """What the rises of one series say."""

    SETTLED = "settled"
    OPEN = "open"
    GOES_ON = "goes on"


@dataclass(frozen=True, slots=True)
class Needs:
    """What rises must come to before they matter, and over the last half before they prove a leak."""

    amount: float
    proof: float


_ALIKE = 4.0
"""Rises within this factor of the largest are one family."""

_BY_CHANCE = 0.004
"""How probable it may be that a leak stopped like this; a check decides up to three times."""

_ONE_QUIET_SHARE = 1 / 8
_ONE_QUIET_SHARE_AT_LAST = 1 / 2
"""A single rise in so early a part of the calls is something paid once; the ladder's end is four times its
first calls, where what happens again in those shows several times."""

_LARGEST_TABLE_BYTES = 1024**2
"""A single rise of so much, in all the calls of the ladder, may be a table of the interpreter."""

_DOUBLED = (1.6, 2.6)
"""What a table and the entries until it is made anew grow by from one time to the next."""

_PARTS = 8
"""Parts of the last half, of which most must have risen, none by nearly all of it."""

_RISEN_PARTS = 5
_EVEN_PARTS = 3.5
_LEAST_SHARE = 1 / 32

_LEAST_RISES = 1 / 4
"""Of the amount that matters: what a part of the last half must rise by to count, in resident memory."""

_KEEPS_UP = 0.6
"""The last half must rise by this share of the rate before; half a leak's events differ so much by chance."""


def lasting(calls: Sequence[int], values: Sequence[float]) -> list[float]:
    """Return the least of what is held from each reading on.

    The last readings have few after them: by as much as the series goes up and down, they may be high.

    >>> lasting([0, 1, 2, 3, 4], [0, 0, 5, 4, 9])
    [0, 0, 4, 4, 8]
    """
    held = list(itertools.accumulate(reversed(values), min))[::-1]
    most = max(held[reading_at(calls, 4)], held[-1] - most_given_back(calls, values))
    return [min(value, most) for value in held]


def rhythm(calls: Sequence[int], values: Sequence[float], needs: Needs, *, is_last: bool = False) -> Rhythm:
    """Say whether the lasting part of a series goes on to rise; `is_last` if no more calls are made."""
    held = lasting(calls, values)
    if held[-1] - held[0] < needs.amount:
        return Rhythm.SETTLED
    if _goes_on(calls, held, needs):
        return Rhythm.GOES_ON
    total = calls[-1] - calls[0]
    rises = [
        _Rise((made - calls[0]) / total, after - before)
        for made, before, after in zip(calls[1:], held, held[1:], strict=False)
        if after > before
    ]
    while sum(rise.size for rise in rises) >= needs.amount:
        largest = max(rise.size for rise in rises)
        if not _has_stopped([rise for rise in rises if rise.size * _ALIKE >= largest], is_last=is_last):
            return Rhythm.OPEN
        rises = [rise for rise in rises if rise.size * _ALIKE < largest]
    return Rhythm.SETTLED


def resident_rhythm(calls: Sequence[int], values: Sequence[float], needs: Needs) -> Rhythm:
    """Say the same of resident memory, which rises by itself where readings become rarer.

    Garbage in cycles waits longer for its collection then, so that only what rises between readings that
    are equally far apart counts, and more than once.
    """
    held = lasting(calls, values)
    if _goes_on(calls, held, needs):
        return Rhythm.GOES_ON
    rises = [part for part in _parts(calls, held)[1:] if part >= _LEAST_RISES * needs.amount]
    return Rhythm.OPEN if len(rises) > 1 and sum(rises) >= needs.amount else Rhythm.SETTLED


@dataclass(frozen=True, slots=True)
class _Rise:
    """One rise: at which share of the calls, and by how much."""

    place: float
    size: float


def _has_stopped(family: Sequence[_Rise], *, is_last: bool) -> bool:
    """Say whether a leak would hardly have left all its rises so early."""
    last = family[-1].place
    if is_last and len(family) == 1 and family[0].size <= _LARGEST_TABLE_BYTES:
        return True
    if len(family) == 1 or _is_table(family):
        return last <= (_ONE_QUIET_SHARE_AT_LAST if is_last else _ONE_QUIET_SHARE)
    return last ** len(family) <= _BY_CHANCE


def _is_table(family: Sequence[_Rise]) -> bool:
    """Say whether each rise is twice the one before, after twice the calls."""
    least, most = _DOUBLED
    return all(
        least <= after.size / before.size <= most and least <= after.place / before.place <= most
        for before, after in itertools.pairwise(family)
    )


def _goes_on(calls: Sequence[int], held: Sequence[float], needs: Needs) -> bool:
    """Say whether the last half of the calls rose in most of its parts, no slower than those before."""
    total = calls[-1] - calls[0]
    parts = _parts(calls, held)
    grown = sum(parts)
    if grown < needs.proof or grown**2 < _EVEN_PARTS * sum(part**2 for part in parts):
        return False
    risen = [part >= _LEAST_SHARE * grown for part in parts]
    if sum(risen) < _RISEN_PARTS or not any(risen[-2:]):
        return False
    middle, quarter, eighth = (nearest(calls, calls[0] + total * share) for share in (1 / 2, 1 / 4, 1 / 8))
    before = max(_rate(calls, held, quarter, middle), _rate(calls, held, eighth, quarter))
    return _rate(calls, held, middle, len(calls) - 1) >= _KEEPS_UP * before


def _parts(calls: Sequence[int], held: Sequence[float]) -> list[float]:
    """Return what each part of the last half rose by."""
    total = calls[-1] - calls[0]
    marks = [nearest(calls, calls[0] + total * (_PARTS + part) / (2 * _PARTS)) for part in range(_PARTS + 1)]
    return [held[high] - held[low] for low, high in itertools.pairwise(marks)]


def _rate(calls: Sequence[int], held: Sequence[float], low: int, high: int) -> float:
    return (held[high] - held[low]) / max(1, calls[high] - calls[low])
