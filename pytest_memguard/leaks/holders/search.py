"""Finds the holder of a leak: the old object that gained new ones, and the path from it up to a name."""

from __future__ import annotations

import atexit
import gc
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pytest_memguard.leaks.holders.naming import Step, describe_kept, is_a, is_ours, readable, referents
from pytest_memguard.leaks.holders.objects import containers, is_weak, length, number_reached, old_holders
from pytest_memguard.leaks.holders.steps import is_named, running_holder, step_to
from pytest_memguard.meters.attribution import SiteNamer
from pytest_memguard.meters.garbage import clear_type_caches

_LEAST_GAINED = 3
_SHARE = 0.25
"""A holder gains at least this share of what the best one gains."""
_SAMPLE = 12
_CLIMBED = 3
_UNKNOWN = 1 << 62
_MOST_DEPTH = 12
_MOST_WIDTH = 24
_CANDIDATES = 4
_LOOKED_INTO = 2
_SECONDS_AN_OBJECT = 5e-6
"""A look at who refers to one object is a look at all there are, and a chain takes some dozens of them."""
_HEAP_TYPE = 1 << 9
"""The flag of a class that a `class` statement made."""


class _OutOfTimeError(Exception):
    """The search has used up its seconds."""


@dataclass(frozen=True, slots=True)
class _Gain:
    """An old object, and how many new ones it holds."""

    number: int
    holder: object


class HolderSearch:
    """Finds the chain of objects that holds what a body leaves behind.

    It takes at most so many CPU `seconds`, and more where a session holds millions of objects.
    """

    def __init__(self, repeat: Callable[[int], object], *, namer: SiteNamer, seconds: float) -> None:
        self._repeat = repeat
        self._namer = namer
        gc.unfreeze()  # the holder is older than the check
        self._deadline = time.thread_time() + seconds + _SECONDS_AN_OBJECT * len(gc.get_objects())
        self._fresh: set[int] = set()
        self._own: set[int] = set()
        self._gained: dict[int, _Gain] = {}

    def chain(self, calls: int) -> tuple[str, ...]:
        """Run so many calls and return the holders, outermost first; empty where none is found.

        No value and no key is shown, for they may be secrets: types, names and sizes are.
        """
        try:
            return self._search(calls)
        except _OutOfTimeError:
            return ()

    def _check_clock(self) -> None:
        if time.thread_time() > self._deadline:
            raise _OutOfTimeError

    def _search(self, calls: int) -> tuple[str, ...]:
        handlers = _exit_handlers()
        new = self._window(calls, untracked=False)
        self._check_clock()
        self._find_holders(new)
        if not self._is_explained(calls) and (_exit_handlers() - handlers) >= _SHARE * calls:
            return (f"atexit ({_exit_handlers():,} handlers)", *_kept(Counter(map(type, new)), self._namer))
        if not self._is_explained(calls):
            self._find_old_holders(calls)
        if not self._is_explained(calls):
            new = self._window(calls, untracked=True)
        return self._best_chain() or self._unheld(new, calls)

    def _is_explained(self, calls: int) -> bool:
        return any(gain.number >= _SHARE * calls for gain in self._gained.values())

    def _window(self, calls: int, *, untracked: bool) -> list[object]:
        """Run the body and return the objects that are new; containers that got longer are noted."""
        gc.collect()
        clear_type_caches()
        sizes = self._sizes(untracked=untracked)
        gc.freeze()  # from here on, the collector lists nothing but what is new
        try:
            self._repeat(calls)
            gc.collect()
            clear_type_caches()
            new = [one for one in gc.get_objects() if not is_a(one, weakref.ref) and not is_ours(one)]
        finally:
            gc.unfreeze()
        self._fresh = {id(one) for one in new}
        self._own.add(id(new))
        self._note_longer(sizes, untracked=untracked)
        return new

    def _sizes(self, *, untracked: bool) -> dict[int, int]:
        found = containers(untracked=untracked, tick=self._check_clock)
        return {id(one): length(one) for one in found}

    def _note_longer(self, sizes: dict[int, int], *, untracked: bool) -> None:
        for one in containers(untracked=untracked, tick=self._check_clock):
            gained = length(one) - sizes.get(id(one), _UNKNOWN)
            if gained >= _LEAST_GAINED and id(one) not in self._fresh and not is_weak(one, self._fresh):
                self._gained[id(one)] = _Gain(gained, one)

    def _new_in(self, *holders: object) -> list[object]:
        return [held for one in holders for held in referents(one) if id(held) in self._fresh]

    def _kept_in(self, holder: object) -> tuple[str, ...]:
        """Name what an object holds: behind tuples and lists, the class that is somebody's."""
        held = outer = self._new_in(holder)
        for _ in range(_LOOKED_INTO):
            if not held or any(type(one).__flags__ & _HEAP_TYPE for one in held):
                break
            held = self._new_in(*held)
        return _kept(Counter(map(type, held or outer)), self._namer)

    def _find_holders(self, new: list[object]) -> None:
        """Climb from a sample of the new objects to the old ones that refer to them."""
        inner = {id(held) for one in new for held in referents(one)}
        tops = [one for one in new if id(one) not in inner] or new
        sample = tops[:: max(1, len(tops) // _SAMPLE)][:_SAMPLE]
        own = self._own
        own.add(id(tops))
        for _ in range(_CLIMBED):
            self._check_clock()
            own.add(id(sample))
            upper = [one for one in gc.get_referrers(*sample) if id(one) not in own and not is_ours(one)]
            own.add(id(upper))
            for one in upper:
                if id(one) not in self._fresh and not is_weak(one, self._fresh):
                    number = len(self._new_in(one))
                    if number >= _LEAST_GAINED:
                        self._gained[id(one)] = _Gain(number, one)
            sample = [one for one in upper if id(one) in self._fresh][:_SAMPLE]
            if self._gained or not sample:
                return

    def _find_old_holders(self, calls: int) -> None:
        """Look at all old objects: who holds new ones, or reaches them through others, as links do."""
        enough = max(_LEAST_GAINED, _SHARE * calls)
        holders = list(old_holders(self._fresh, but=self._own, tick=self._check_clock))
        holders.sort(key=lambda entry: -len(entry[1]))
        for one, held in holders[:_MOST_WIDTH]:
            self._check_clock()
            if is_weak(one, self._fresh):
                continue
            if len(held) >= enough:
                self._gained[id(one)] = _Gain(len(held), one)
            elif not self._is_explained(calls) and number_reached(held, self._fresh) >= enough:
                self._gained[id(one)] = _Gain(round(enough), one)

    def _best_chain(self) -> tuple[str, ...]:
        ranked = sorted(self._gained.values(), key=lambda gain: -gain.number)[:_CANDIDATES]
        best: tuple[str, ...] = ()
        for gain in ranked:
            if gain.number < _SHARE * ranked[0].number:
                break
            steps, named = self._climb(gain.holder)
            lines = readable((*(step.text for step in steps), *self._kept_in(gain.holder)))
            if named:
                return lines
            best = best or lines
        return best

    def _unheld(self, new: list[object], calls: int) -> tuple[str, ...]:
        """Say that objects stay that nothing refers to: an extension lost count of them."""
        kinds = Counter(type(one) for one in new)
        if not kinds or kinds.most_common(1)[0][1] < _SHARE * calls:
            return ()
        return ("no Python object: an extension keeps a reference", *_kept(kinds, self._namer))

    def _climb(self, start: object) -> tuple[list[Step], bool]:
        """Search upwards, level by level, for the nearest object that has a name."""
        level: list[tuple[object, list[Step]]] = [(start, [])]
        seen = {id(start)}
        unnamed: list[Step] = []
        for _ in range(_MOST_DEPTH):
            upper: list[tuple[object, list[Step]]] = []
            for entry in level:
                one, below = entry
                own = is_named(one, self._namer)
                if own is not None:
                    return [own, *below], True
                self._check_clock()
                for holder in _referrers(one, (entry, level, upper, self._gained)):
                    if (
                        id(holder) in seen or id(holder) in self._own or id(holder) in self._fresh
                    ):  # what leaks holds nothing up
                        continue
                    seen.add(id(holder))
                    step = step_to(holder, one, self._namer)
                    if step.named:
                        return [step, *below], True
                    upper.append((holder, [step, *below] if step.text else below))
            if not upper:
                break
            unnamed = upper[0][1]
            level = upper[:_MOST_WIDTH]
        running = running_holder(start, self._namer)
        return ([running], True) if running is not None else (unnamed, False)


def _referrers(one: object, own: tuple[object, ...]) -> Iterable[object]:
    """Return who refers to an object, but for this search itself."""
    found = gc.get_referrers(one)
    return [
        holder
        for holder in found
        if holder is not own
        and not any(holder is mine for mine in own)
        and not is_ours(holder)
        and not is_a(holder, weakref.ref)
        and not _is_entry(holder)
    ]


def _is_entry(holder: object) -> bool:
    """Say whether this is one of the search's own pairs of an object and its steps."""
    last = holder[-1] if type(holder) is tuple and holder else None
    return type(last) is list and all(type(step) is Step for step in last)


def _exit_handlers() -> int:
    count: Callable[[], int] = getattr(atexit, "_ncallbacks", lambda: 0)
    return count()


def _kept(kinds: Counter[type], namer: SiteNamer) -> tuple[str, ...]:
    """Name the type that stays: a class of somebody's rather than the lists and cells it is made of."""
    common = [kind for kind, count in kinds.most_common() if 5 * count >= kinds.most_common(1)[0][1]]
    telling = [kind for kind in common if kind.__flags__ & _HEAP_TYPE] or common
    return (describe_kept(telling[0], namer),) if telling else ()
