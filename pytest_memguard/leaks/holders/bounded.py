"""Whether all that grows is in containers that have a bound, and what those will hold once they are full."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace

from pytest_memguard.leaks.holders.bounds import Limit
from pytest_memguard.leaks.holders.content import Content, content_of, latest, size_bytes
from pytest_memguard.leaks.holders.naming import is_a
from pytest_memguard.leaks.holders.objects import is_sized, length, number_held

_BESIDE_SHARE = 0.05
"""What grows beside bounded containers by less than one object in twenty calls is not seen by this search."""
_BESIDE_LEAST = 3
_SEEN_SHARE = 0.5
"""Objects say less than what they take, since allocators round up; half of a leak is not theirs to hide."""
_ALIKE_SHARE = 0.01
_ALIKE = 2
_UNHEARD_BYTES = 2**40
"""A cache that may take a terabyte has no bound that a computer would reach."""
_FILLED_BYTES = 256 * 1024**2
_BEYOND = 0.25
_STEPS = 16
_PRUNED = 2.0


@dataclass(frozen=True, slots=True)
class Filling:
    """A bounded owner, the containers in which it keeps what it has, and what they gained by some calls."""

    limit: Limit
    containers: tuple[object, ...]
    gained: int
    content: Content
    seen_bytes: int

    @property
    def is_of_one_length(self) -> bool:
        """Say whether all containers that grow have as many entries: one that has others counts otherwise."""
        lengths = [length(one) for one in self.containers if is_sized(one)] or [0]
        return max(lengths) - min(lengths) <= max(_ALIKE, _ALIKE_SHARE * max(lengths))


@dataclass(frozen=True, slots=True)
class Full:
    """What a bounded owner holds now, may hold, and will hold then."""

    limit: Limit
    entries: int
    at_most: int
    settles_at_bytes: int


def fillings(
    limits: Sequence[Limit],
    before: dict[int, int],
    gains: dict[int, int],
    new: Container[int],
    *,
    old: Container[int] = (),
    calls: int,
) -> list[Filling]:
    """Put the containers of each owner together; `before` has its entries, `gains` what each got longer by.

    One that is full has gained what is new in it.
    """
    found: list[Filling] = []
    for owner in {id(limit.owner): limit.owner for limit in limits}.values():
        own = [limit for limit in limits if limit.owner is owner]
        gained = own[0].entries() - before[id(owner)]
        if gained == 0 and own[0].is_full():
            gained = min(calls, own[0].at_most, number_held(own[0].container, new))
        longer = {id(limit.container): gains.get(id(limit.container), gained) for limit in own}
        start = [one for limit in own for one in latest(limit.container, longer[id(limit.container)])]
        if own[0].container is not owner:
            start += latest(owner, gained)
        content = content_of(start, new, old)
        tables = sum(longer[id(limit.container)] * _bytes_per_entry(limit.container) for limit in own)
        containers = tuple(limit.container for limit in own)
        found.append(Filling(own[0], containers, gained, content, content.size_bytes + round(tables)))
    return found


def _bytes_per_entry(container: object) -> float:
    return size_bytes(container) / max(1, length(container))


def is_all(
    filled: Sequence[Filling],
    *,
    calls: int,
    bytes_per_call: int,
    others: int,
    beside: int,
) -> bool:
    """Say whether bounded containers hold all that grew over so many calls.

    `others` is the largest gain of a container without a bound, `beside` the number of objects that
    are reached from none with one, by which a window of as many calls outdoes the one before.
    """
    least = max(_BESIDE_LEAST, _BESIDE_SHARE * calls)
    if others >= least or beside >= least or not filled:
        return False
    if any(one.gained <= 0 or not one.is_of_one_length for one in filled):
        return False
    seen_bytes = sum(one.seen_bytes for one in filled)
    hides = any(one.content.has_hidden_memory(one.gained) for one in filled)
    return hides or seen_bytes >= _SEEN_SHARE * bytes_per_call * calls


def full(filled: Sequence[Filling], *, calls: int, bytes_per_call: int) -> tuple[Full, ...]:
    """Say what each owner will hold once it is full; none where no computer could hold it."""
    weights = [max(1, one.seen_bytes) for one in filled]
    found = []
    for one, weight in zip(filled, weights, strict=True):
        bytes_per_entry = bytes_per_call * calls * weight / sum(weights) / one.gained
        settles_at = round(one.limit.at_most * bytes_per_entry)
        found.append(Full(one.limit, one.limit.entries(), one.limit.at_most, settles_at))
    return tuple(found) if sum(one.settles_at_bytes for one in found) < _UNHEARD_BYTES else ()


def keeps_bound(
    full: Full, filled: Filling, repeat: Callable[[int], object], *, calls: int, most_calls: int
) -> Full | None:
    """Fill an owner up and beyond, where that takes no more than `most_calls`, and see whether it stops.

    What the interpreter keeps needs no proof, nor what is full. Where it would take too long, a
    mapping or a queue is believed, and a list is not. A cache that is pruned from above its bound
    settles there.
    """
    if full.limit.is_certain or full.entries == full.at_most:
        return full
    left = full.at_most - full.entries
    needed = math.ceil(left * calls / filled.gained)
    left_bytes = full.settles_at_bytes * left / full.at_most
    if (1 + _BEYOND) * needed > most_calls or left_bytes > _FILLED_BYTES:
        return full if all(not is_a(one, list, set) for one in filled.containers) else None
    highest, made = full.entries, 0
    step = max(1, needed // _STEPS)
    while made < needed + max(_STEPS, _BEYOND * needed) or full.at_most < highest < _PRUNED * full.at_most:
        repeat(step)
        made += step
        entries = full.limit.entries()
        if entries < highest:
            break
        highest = entries
        if made > 2 * most_calls:
            return None
    if highest <= full.at_most:
        return full
    if full.limit.entries() >= highest:
        return None
    return replace(
        full, at_most=highest, settles_at_bytes=round(full.settles_at_bytes * highest / full.at_most)
    )
