"""Finds objects that outlive later calls, where readings that go up and down hide a small leak.

What a body keeps of its last calls is replaced by the next ones, however much it is. What leaks stays.
"""

from __future__ import annotations

import gc
import itertools
import weakref
from collections.abc import Callable, Sequence

from pytest_memguard.core.real_types import is_a
from pytest_memguard.leaks.holders.gaining import FEW_CALLS, SOME_CALLS
from pytest_memguard.leaks.holders.object_names import is_ours, referents
from pytest_memguard.leaks.holders.objects import all_objects
from pytest_memguard.leaks.series import Window, reading_at

_FIRST_SHARE = 8
_FIRST_MOST_CALLS = 16
_PROOF = 2
"""An eighth of a check's calls, at most sixteen, sort out most bodies; the proof takes twice as many."""

_FIRST_EACH_CALL = SOME_CALLS / 2
"""In the first calls half as many objects are enough: what dies of something else counts against them."""

_MOST_HOLDERS = 24
_DROPPED = (tuple, dict)


def may_hide_objects(windows: Sequence[Window]) -> bool:
    """Say whether the blocks of few calls moved enough for an object at some of the calls to hide among them.

    A leak that is not hidden moves the blocks by as much as it adds.
    """
    calls = [window.calls for window in windows]
    if len(calls) <= 1 or calls[-1] - calls[0] > FEW_CALLS:
        return False
    half = windows[reading_at(calls, 4) :]
    moved = sum(abs((after.blocks or 0) - (before.blocks or 0)) for before, after in itertools.pairwise(half))
    return moved >= SOME_CALLS * (half[-1].calls - half[0].calls)


class Survivors:
    """The objects that outlived the calls after theirs, by identity; none of them is kept alive.

    `number` is how many of them are more than what died instead; the `younger` ones came after them.
    """

    def __init__(self, kinds: dict[int, type], younger: dict[int, type], number: float) -> None:
        self._kinds = kinds
        self._younger = younger
        self._number = number

    def are_alive(self) -> bool:
        """Say whether enough of them still exist."""
        return len(_kept(self._kinds, {})) >= (len(self._kinds) + self._number) / 2

    def holders(self, tick: Callable[[], None]) -> list[object]:
        """Return the older objects that hold nearly all of them, also through one another, as in a chain.

        Those that hold most themselves come first.
        """
        kinds = {**self._kinds, **self._younger}
        alive = {id(one): one for one in gc.get_objects() if kinds.get(id(one)) is type(one)}
        found = []
        for one in all_objects(tick):
            if id(one) in alive or one is alive or is_a(one, weakref.ref) or is_ours(one):
                continue
            held = [id(inner) for inner in referents(one) if id(inner) in alive]
            if held:
                found.append((one, held))
        found.sort(key=lambda entry: -len(entry[1]))
        return [
            one
            for one, held in found[:_MOST_HOLDERS]
            if len(_reached(held, alive) & self._kinds.keys()) >= self._number / 2
        ]


def survivors(
    repeat: Callable[[int], object], calls: int, *, tick: Callable[[], None] = lambda: None
) -> Survivors | None:
    """Make some more calls, and return what outlives as many calls again; None if that is not enough.

    `calls` is how many a check has made. A few calls sort out most bodies; more of them are the proof.
    Of a full cache, whose entries outlive the next calls as well, as many older ones die meanwhile.
    """
    some = max(2, min(_FIRST_MOST_CALLS, calls // _FIRST_SHARE))
    if _more_old_ones(repeat, some) < _FIRST_EACH_CALL * some:
        return None
    gc.collect()
    older = {id(one): type(one) for one in all_objects(tick) if _stays_tracked(one)}
    older = _kept(older, _made_by(repeat, some))  # without what only the last calls had left
    made, younger = _made_by(repeat, _PROOF * some), _made_by(repeat, _PROOF * some)
    kept = _kept(made, younger)
    died = len(older) - len(_kept(older, {**made, **younger}))
    number = len(kept) - died / 2  # these died in twice as many calls
    return Survivors(kept, younger, number) if number >= SOME_CALLS * _PROOF * some else None


def _more_old_ones(repeat: Callable[[int], object], calls: int) -> int:
    """Return by how many the objects become more that have outlived some calls; it takes no look at them.

    The collector counts what is frozen, and cannot free garbage in cycles there: there may be fewer.
    """
    gc.freeze()
    try:
        repeat(calls)
        gc.collect()
        before = gc.get_freeze_count()
        gc.freeze()
        repeat(calls)
        return gc.get_freeze_count() - before
    finally:
        gc.unfreeze()


def _kept(older: dict[int, type], younger: dict[int, type]) -> dict[int, type]:
    """Return those of the older objects that still exist; a younger one may be where an older one was."""
    gc.collect()
    return {
        id(one): type(one)
        for one in gc.get_objects()
        if older.get(id(one)) is type(one) and id(one) not in younger
    }


def _stays_tracked(one: object) -> bool:
    """Say whether the collector lists an object for as long as it lives.

    It drops tuples and dicts of plain values, and at each look one more layer of nested ones.
    """
    if type(one) not in _DROPPED:
        return True
    return any(gc.is_tracked(inner) and type(inner) not in _DROPPED for inner in gc.get_referents(one))


def _reached(start: list[int], alive: dict[int, object]) -> set[int]:
    waiting, seen = list(start), set(start)
    while waiting:
        inner = {id(one) for one in referents(alive[waiting.pop()]) if id(one) in alive}
        waiting += inner - seen
        seen |= inner
    return seen


def _made_by(repeat: Callable[[int], object], calls: int) -> dict[int, type]:
    """Return the objects that these calls leave behind, by identity, with their types."""
    gc.freeze()
    try:
        repeat(calls)
        gc.collect()
        return {
            id(one): type(one) for one in gc.get_objects() if not is_a(one, weakref.ref) and not is_ours(one)
        }
    finally:
        gc.unfreeze()
