"""Finds containers that gain an entry with each call though memory as a whole is level.

Where something else is freed at the same rate, the series of a check stand still. Lengths do not.
"""

from __future__ import annotations

import gc
import itertools
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from types import ModuleType
from typing import Any

from pytest_memguard.leaks.holders.bounds import limit_of
from pytest_memguard.leaks.holders.objects import is_weak, length

_KINDS = frozenset({list, dict, set, deque, OrderedDict, defaultdict, Counter, SimpleQueue})
"""Types of which `length` runs no code in Python."""

_EACH_CALL = 0.9
SOME_CALLS = 0.4
FEW_CALLS = 1_024
"""In so few calls, readings that go up and down hide a leak of an object at nearly each second call."""

_FEWEST_CALLS = 64
"""Up to here chance decides how many calls add an entry; no more further calls than this prove a gain."""

READINGS = 8
_FALLS = 1 / 2
"""How often lengths are read in the further calls; they may fall by half of what they gain in all."""

_BY_CHANCE = 0.2
_BY_CHANCE_IN_ALL = 0.3
_KEEPS_UP = 0.4
"""In the fewest calls, an entry at each second one by chance may be one at each fifth. The calls and as many
again must show more in all, and the later ones not much less than the first, as a cache that fills would.
Twice as many once more prove it, by when a cache of a few keys is full.
"""
_AT_ONCE = 4_096


@dataclass(frozen=True, slots=True)
class Gaining:
    """A container that gains entries, and how many it had; it is not kept alive: fixtures may free it."""

    identity: int
    kind: type[Any]
    entries: int

    def find(self) -> object:
        """Return the container; None if it is gone."""
        one: Any
        for one in _containers():
            if id(one) == self.identity and type(one) is self.kind and length(one) >= self.entries:
                return one
        return None


class Lengths:
    """The lengths of all containers at one moment, kept in two blocks of memory whatever their number."""

    def __init__(self) -> None:
        found = _containers()
        self._ids = array("Q", map(id, found))
        self._lengths = array("q", map(length, found))

    def gaining(self, repeat: Callable[[int], object], calls: int, *, steps: int = READINGS) -> list[Gaining]:
        """Return the containers without a bound that gained an entry with each of these calls, and still do.

        Where there were few calls, an entry with nearly each second one counts. Further calls prove it, since
        another container may be where one was that has been freed. They are made in some `steps`.
        """
        again = min(calls, _FEWEST_CALLS)
        is_by_chance = calls <= _FEWEST_CALLS
        share = _EACH_CALL if calls > FEW_CALLS else _BY_CHANCE if is_by_chance else SOME_CALLS
        longer = self._longer_by(share * calls)
        steps = min(steps, again) if longer else 0
        for made in range(steps):
            repeat(again * (made + 1) // steps - again * made // steps)
            for one, series in longer:
                series.append(length(one))
        gaining = [
            one
            for one, (before, *later) in longer
            if later[-1] - later[0] >= share * again
            and (not is_by_chance or _goes_on(later[0] - before, later[-1] - later[0], calls))
            and _mostly_rises(later)
            and limit_of(one) is None
            and not is_weak(one, ())
        ]
        if gaining and is_by_chance:
            gaining = _proved(gaining, repeat, 2 * calls)
        return [Gaining(id(one), type(one), length(one)) for one in gaining]

    def _longer_by(self, entries: float) -> list[tuple[Any, list[int]]]:
        """Return the containers that got longer by so many entries, each with its lengths then and now."""
        long = {id(one): one for one in _containers() if length(one) >= entries}  # few, after many calls
        return [
            (one, [was, length(one)])
            for key, was in zip(self._ids, self._lengths, strict=True)
            if (one := long.get(key)) is not None and length(one) - was >= entries
        ]


def _proved(gaining: Sequence[Any], repeat: Callable[[int], object], calls: int) -> list[Any]:
    """Make the calls that prove a gain by chance, and return the containers that went on gaining."""
    lengths = [length(one) for one in gaining]
    repeat(calls)
    least = _BY_CHANCE * calls
    return [one for one, was in zip(gaining, lengths, strict=True) if length(one) - was >= least]


def _mostly_rises(lengths: Sequence[int]) -> bool:
    """Say whether lengths rise by much more than they fall: those of a list made anew go up and down."""
    falls = sum(max(0, before - after) for before, after in itertools.pairwise(lengths))
    return falls <= _FALLS * (lengths[-1] - lengths[0])


def _goes_on(gained: int, later: int, calls: int) -> bool:
    """Say whether few calls, and as many again, show a leak by chance, and no cache that fills."""
    return gained + later >= 2 * _BY_CHANCE_IN_ALL * calls and later >= _KEEPS_UP * gained


def _containers() -> list[Any]:
    """Return all containers that the collector knows, and the dicts of plain values that they lead to."""
    tracked = gc.get_objects()
    found: list[Any] = [one for one in tracked if type(one) in _KINDS]
    found += _untracked_dicts(tracked)
    return found


def _untracked_dicts(tracked: list[Any]) -> Iterable[dict[Any, Any]]:
    """Return the dicts that the collector does not track; modules have tracked ones."""
    found: dict[int, dict[Any, Any]] = {}
    for start in range(0, len(tracked), _AT_ONCE):
        some = [one for one in tracked[start : start + _AT_ONCE] if type(one) is not ModuleType]
        for one in gc.get_referents(*some):
            if type(one) is dict and not gc.is_tracked(one):
                found[id(one)] = one
    return found.values()
