"""Finds containers that gain an entry with each call though memory as a whole is level.

Where something else is freed at the same rate, the series of a check stand still. Lengths do not.
"""

from __future__ import annotations

import gc
import sys
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pytest_memguard.leaks.holders.bounds import limit_of
from pytest_memguard.leaks.holders.objects import is_weak, namespace

_KINDS = frozenset({list, dict, set, deque, OrderedDict, defaultdict, Counter})
"""Types of which `len` runs no code in Python."""

_EACH_CALL = 0.9
_MOST_AGAIN_CALLS = 64


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
            if id(one) == self.identity and type(one) is self.kind and len(one) >= self.entries:
                return one
        return None


class Lengths:
    """The lengths of all containers at one moment, kept in two blocks of memory whatever their number."""

    def __init__(self) -> None:
        found = _containers()
        self._ids = array("Q", map(id, found))
        self._lengths = array("q", map(len, found))

    def gaining(self, repeat: Callable[[int], object], calls: int) -> list[Gaining]:
        """Return the containers without a bound that gained an entry with each of these calls, and still do.

        Further calls prove that, since another container may be where one was that has been freed.
        """
        least = _EACH_CALL * calls
        long = {
            id(one): one for one in _containers() if len(one) >= least
        }  # few, where there were many calls
        known = zip(self._ids, self._lengths, strict=True)
        longer = [one for key, was in known if (one := long.get(key)) is not None and len(one) - was >= least]
        long.clear()
        again = min(calls, _MOST_AGAIN_CALLS)
        if longer:
            lengths = [len(one) for one in longer]
            repeat(again)
            longer = [
                one
                for one, was in zip(longer, lengths, strict=True)
                if one is not lengths and len(one) - was >= _EACH_CALL * again
            ]
        return [
            Gaining(id(one), type(one), len(one))
            for one in longer
            if limit_of(one) is None and not is_weak(one, ())
        ]


def _containers() -> list[Any]:
    """Return all containers that the collector knows, and dicts of plain values that are globals."""
    found: list[Any] = [one for one in gc.get_objects() if type(one) in _KINDS]
    found += _untracked_globals()
    return found


def _untracked_globals() -> Iterator[dict[Any, Any]]:
    for module in list(sys.modules.values()):
        for value in list(namespace(module).values()):
            if type(value) is dict and not gc.is_tracked(value):
                yield value
