"""Decides whether all that grows is in bounded containers, and what those will hold once they are full."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from pytest_memguard.core.real_types import is_a
from pytest_memguard.leaks.holders.bounds import PRUNED, Limit
from pytest_memguard.leaks.holders.content import Content, content_of, latest, size_bytes
from pytest_memguard.leaks.holders.lowered_bounds import lowered
from pytest_memguard.leaks.holders.object_names import referents
from pytest_memguard.leaks.holders.objects import is_sized, length, number_held
from pytest_memguard.leaks.repeating import BodyFailedError

_BESIDE_SHARE = 0.05
_BESIDE_LEAST = 3
"""Growth beside bounded containers counts from one object in twenty calls on, and from three objects."""

_SEEN_SHARE = 0.5
"""The objects must explain this share of the leak; allocators round up, so they take more than they say."""

_ALIKE_SHARE = 0.01
_ALIKE = 2
"""Two lengths are the same if they differ by no more than this share, or by two."""

_MOST_BYTES = 2**40
"""A cache that may take more than a terabyte counts as unbounded, since no computer would fill it."""

_FILLED_BYTES = 256 * 1024**2
"""A cache is filled to prove its bound only if that takes no more memory than this."""

_MOST_CHECKS = 2
_MOST_CHECKS_FOR_PLACES = 4
"""To prove a bound, at most this many times the calls of the check are made; empty places say more."""

_BEYOND = 0.25
_STEPS = 16
"""To prove a bound, calls are made in sixteenths of those that fill it, and a quarter more."""


@dataclass(frozen=True, slots=True)
class Filling:
    """A bounded owner, the containers in which it keeps its entries, and what they gained in some calls."""

    limit: Limit
    containers: tuple[object, ...]
    gained: int
    content: Content
    seen_bytes: int

    @property
    def is_of_one_length(self) -> bool:
        """Say whether all containers that grow have the same length; if not, the bound is not of entries."""
        return self.spread() <= max(_ALIKE, _ALIKE_SHARE * max(self._lengths()))

    def spread(self) -> int:
        """Return by how many items the longest container exceeds the shortest."""
        lengths = self._lengths()
        return max(lengths) - min(lengths)

    def _lengths(self) -> list[int]:
        return [length(one) for one in self.containers if is_sized(one)] or [0]


@dataclass(frozen=True, slots=True)
class Full:
    """How many entries a bounded owner has now and at most, and the bytes that it will hold when full."""

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
    made: Callable[[object], int] = lambda _owner: 0,
) -> list[Filling]:
    """Group the containers by owner.

    `before` holds the entries of each owner, `gains` by how much each container got longer. A full one
    gained what it `made`, where it counts that, or else what is new in it, and so did one that was pruned.
    """
    found: list[Filling] = []
    for owner in {id(limit.owner): limit.owner for limit in limits}.values():
        own = [limit for limit in limits if limit.owner is owner]
        gained = own[0].entries() - before[id(owner)]
        if gained < 0 or (gained == 0 and own[0].is_full()):
            held = made(owner) or min(calls, number_held(own[0].container, new))
            gained = min(own[0].at_most, held)
        longer = {id(limit.container): gains.get(id(limit.container), gained) for limit in own}
        start = [one for limit in own for one in _gained_by(limit, longer[id(limit.container)])]
        if own[0].container is not owner:
            start += latest(owner, gained)
        content = content_of(start, new, old)
        tables = sum(longer[id(limit.container)] * _bytes_per_entry(limit.container) for limit in own)
        containers = tuple(limit.container for limit in own)
        found.append(Filling(own[0], containers, gained, content, content.size_bytes + round(tables)))
    return found


def _gained_by(limit: Limit, gained: int) -> list[object]:
    """Return what a container gained; a list with places may have filled any of them."""
    return referents(limit.container) if limit.has_places else latest(limit.container, gained)


def _bytes_per_entry(container: object) -> float:
    return size_bytes(container) / max(1, length(container))


def hold_all(
    filled: Sequence[Filling],
    *,
    calls: int,
    bytes_per_call: int,
    others: int,
    beside: int,
) -> bool:
    """Say whether bounded containers hold all that grew over `calls` calls.

    `others` is the largest gain of an unbounded container. `beside` is the number of objects that no
    bounded container leads to, and by which a window of as many calls exceeds the window before.
    """
    least = max(_BESIDE_LEAST, _BESIDE_SHARE * calls)
    if others >= least or beside >= least or not filled:
        return False
    if any(one.gained <= 0 or not one.is_of_one_length for one in filled):
        return False
    seen_bytes = sum(one.seen_bytes for one in filled)
    hides = any(one.content.has_hidden_memory(one.gained) for one in filled)
    return hides or seen_bytes >= _SEEN_SHARE * bytes_per_call * calls


def when_full(filled: Sequence[Filling], *, calls: int, bytes_per_call: int) -> tuple[Full, ...]:
    """Return what each owner will hold once it is full; nothing where no computer could hold that."""
    weights = [max(1, one.seen_bytes) for one in filled]
    found = []
    for one, weight in zip(filled, weights, strict=True):
        bytes_per_entry = bytes_per_call * calls * weight / sum(weights) / one.gained
        settles_at = round(one.limit.at_most * bytes_per_entry)
        found.append(Full(one.limit, one.limit.entries(), one.limit.at_most, settles_at))
    return tuple(found) if sum(one.settles_at_bytes for one in found) < _MOST_BYTES else ()


def keeps_bound(
    full: Full, filled: Filling, repeat: Callable[[int], object], *, calls: int, check_calls: int
) -> Full | None:
    """Fill an owner beyond its bound, if that takes few times the calls of the check, to see it stop growing.

    A bound that the interpreter keeps needs no proof, nor does a container that is full. Where filling
    would take too long, the attribute that states the bound is lowered to what it holds, for some calls.
    Where that cannot be done, the bound of a mapping or a queue is believed, and that of a list or a set is
    not. A cache that is pruned only above its bound settles where it is pruned.
    """
    if full.limit.is_certain or full.entries == full.at_most:
        return full
    most_calls = (_MOST_CHECKS_FOR_PLACES if full.limit.has_places else _MOST_CHECKS) * check_calls
    left = full.at_most - full.entries
    needed = math.ceil(left * calls / filled.gained)
    left_bytes = full.settles_at_bytes * left / full.at_most
    if (1 + _BEYOND) * needed > most_calls or left_bytes > _FILLED_BYTES:
        keeps = _keeps_lowered(full, filled, repeat, calls=calls, most_calls=most_calls)
        is_believed = keeps is None and all(not is_a(one, list, set) for one in filled.containers)
        return full if keeps or is_believed else None
    highest = _highest(full, filled, repeat, needed=needed, most_calls=2 * most_calls)
    if highest is None:
        return None
    if highest <= full.at_most:
        return replace(full, entries=highest) if full.limit.has_places else full
    return replace(
        full, at_most=highest, settles_at_bytes=round(full.settles_at_bytes * highest / full.at_most)
    )


def _keeps_lowered(
    full: Full, filled: Filling, repeat: Callable[[int], object], *, calls: int, most_calls: int
) -> bool | None:
    """Say whether an owner keeps a bound of what it holds now, while it would gain a window's entries.

    None where no lower bound can be stated.
    """
    at_most = full.limit.entries()
    with lowered(full.limit, at_most) as is_lowered:
        if not is_lowered:
            return None
        now = replace(full, entries=at_most, at_most=at_most)
        with suppress(BodyFailedError):
            return _highest(now, filled, repeat, needed=calls, most_calls=most_calls) is not None
    return False


def _highest(
    full: Full, filled: Filling, repeat: Callable[[int], object], *, needed: int, most_calls: int
) -> int | None:
    """Return the most entries that an owner reaches in these calls and a quarter more; None if it goes on.

    Where one of its containers is pruned and another is not, the difference counts as entries.
    """
    highest, made, spread = full.entries, 0, filled.spread()
    step = max(1, needed // _STEPS)
    while made < needed + max(_STEPS, _BEYOND * needed) or full.at_most < highest < PRUNED * full.at_most:
        repeat(step)
        made += step
        entries = full.limit.entries() + max(0, filled.spread() - spread)
        if entries < highest:
            return highest
        highest = entries
        if made > most_calls:
            return None
    return highest if highest <= full.at_most else None
