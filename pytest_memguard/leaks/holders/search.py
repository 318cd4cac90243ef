"""Finds the holder of a leak: the old object that gained new ones, and the path from it up to a name."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from pytest_memguard.core.leak_finding import Bound, LeakFinding
from pytest_memguard.core.real_types import is_a
from pytest_memguard.leaks.holders.bounded import Filling, Full, fillings, hold_all, keeps_bound, when_full
from pytest_memguard.leaks.holders.bounds import PRUNED, Limit, Places, index_within
from pytest_memguard.leaks.holders.chain_words import itself, kept_in
from pytest_memguard.leaks.holders.climbing import Climb
from pytest_memguard.leaks.holders.clock import OutOfTimeError, SearchClock
from pytest_memguard.leaks.holders.content import content_of, gained_by, growth_by_kind
from pytest_memguard.leaks.holders.enlarging import growing_alone
from pytest_memguard.leaks.holders.functools_caches import MadeByCaches
from pytest_memguard.leaks.holders.held import Gain, Held
from pytest_memguard.leaks.holders.object_names import (
    Step,
    describe_common,
    is_in_ours,
    is_ours,
    readable,
    referents,
)
from pytest_memguard.leaks.holders.objects import (
    SIZED,
    containers,
    is_sized,
    is_weak,
    length,
    number_held,
    number_left,
    old_holders,
    referrers_of,
)
from pytest_memguard.leaks.holders.records import Record, is_of_bench, record_of
from pytest_memguard.leaks.holders.referring import (
    chained_handler,
    described_unreferred,
    exit_handlers,
    is_kept_in_c,
    leads_to_older,
    longer_copies,
    referred_among,
)
from pytest_memguard.leaks.ladder import TURNED_OVER_CALLS
from pytest_memguard.meters.ending_threads import let_others_rest
from pytest_memguard.meters.garbage import clear_type_caches
from pytest_memguard.meters.site_namer import SiteNamer

_LEAST_GAINED = 3
_SHARE = 0.25
"""A holder counts if it gains at least this share of what the best one gains."""
_SAMPLE = 12
_CLIMBED = 3
"""How many new objects are followed upwards, and through how many levels of new objects."""
_UNKNOWN = 1 << 62
_MOST_WIDTH = 24
_CANDIDATES = 4


class HolderSearch:
    """Finds the chain of objects that holds what a body leaves behind, until the time of a `clock` is up."""

    def __init__(
        self, repeat: Callable[[int], object], leak: LeakFinding, *, namer: SiteNamer, clock: SearchClock
    ) -> None:
        self._leak = leak
        self._namer = namer
        gc.unfreeze()  # the holder is older than the check
        self.clock = clock
        self._repeat = clock.stopped_for(repeat)
        self._fresh: set[int] = set()
        self._old: dict[int, int] = {}
        self._own: set[int] = set()
        self._gained: dict[int, Gain] = {}
        self._weak: dict[int, Gain] = {}
        self._new: list[object] = []
        self._found: Gain | None = None
        self._is_of_program = False
        self._not_kept: list[Bound] = []
        self._made = MadeByCaches()
        self._places = Places(())

    def find(self, calls: int) -> Held:
        """Make the calls and return the holders, outermost first; none where none is found.

        Only types, names and sizes are shown; values and keys are not, since they may be secrets.
        """
        try:
            steps = self._search(calls)
        except OutOfTimeError:
            return Held(is_cut_short=True)
        kinds = growth_by_kind(self._gained_objects(), self._fresh, calls, self._leak.bytes_per_call)
        held = Held(steps, kinds=kinds, is_of_program=self._is_of_program)
        try:
            held = replace(held, records=self._records())
            if held.records:
                return held
            return replace(held, bounds=self._bounds(calls), not_kept=tuple(self._not_kept))
        except OutOfTimeError:
            return held
        finally:
            self._new.clear()

    def chain_to(self, one: object) -> tuple[Step, ...] | None:
        """Return the chain to an object, empty if it has no name; None if it is gone or not the program's."""
        if one is None:
            return None
        with suppress(OutOfTimeError):
            if is_of_bench(one, self._namer, tick=self.clock.check):
                return None
            steps, named = self._climb(one)
            if named:
                return None if is_in_ours(steps[0]) else readable(steps)
        return ()

    def _search(self, calls: int) -> tuple[Step, ...]:
        handlers = exit_handlers()
        self._new = new = self._window(calls, untracked=False)
        self.clock.check()
        self._find_holders(new)
        if not self._is_explained(calls):
            if exit_handlers() - handlers >= _SHARE * calls:
                handlers_now = Step("atexit", f"{exit_handlers():,} handlers", named=True)
                return (handlers_now, *describe_common(Counter(map(type, new)), self._namer))
            if handler := chained_handler(self._fresh, self._namer, calls=calls):
                return handler
            self._find_old_holders(calls)
        if not self._is_explained(calls):
            self._new = new = self._window(calls, untracked=True)
        if not self._is_explained(calls):
            self._gained |= {id(one): Gain(number, one) for one, number in self._made.full_ones()}
            self._gained |= self._of_left_references(calls)
        self._drop_unreferred()
        self._find_enlarging(calls)
        return self._best_chain(calls) or described_unreferred(new, self._namer, calls=calls, but=self._own)

    def _of_left_references(self, calls: int) -> dict[int, Gain]:
        """Return the containers that gained weak references which are dead, or lead to new callbacks."""
        found = [
            (min(one.number, number_left(one.holder, self._fresh)), one.holder) for one in self._weak.values()
        ]
        return {
            id(one): Gain(number, one)
            for number, one in found
            if number >= _SHARE * calls and not is_kept_in_c(one)
        }

    def _drop_unreferred(self) -> None:
        """Drop gains of nobody where there are many: each of a thousand StringIO has a hidden list."""
        if len(self._gained) > _MOST_WIDTH:
            referred = referred_among(self._gained, but=self._own, tick=self.clock.check)
            self._gained = {one: gain for one, gain in self._gained.items() if one in referred}

    def _find_enlarging(self, calls: int) -> None:
        """Look for plain values that get larger; they gain nothing that could be counted.

        But a StringIO gathers what is written to it in a list that no object shows. The text may be a small
        part of what it holds then: a subclass of `str` may lead to more.
        """
        gains = [one for one in self._ranked() if one.number >= _SHARE * calls]
        if not self._leak.bytes_per_call or any(type(one.holder) is not list for one in gains):
            return
        hidden = {id(one.holder) for one in gains}
        if hidden and referred_among(hidden, but=self._own, tick=self.clock.check):
            return
        calls = max(calls, min(self._leak.calls, TURNED_OVER_CALLS))  # a buffer grows by an eighth at a time
        least = calls if hidden else _SHARE * calls * self._leak.bytes_per_call
        with suppress(OutOfTimeError):
            found = growing_alone(self._repeat, calls, least_bytes=least, tick=self.clock.check)
            self._gained |= {id(one): Gain(calls, one, is_value=True) for one in found}
            for one in hidden if found else ():
                del self._gained[one]

    def _number_led_to(self, gain: Gain) -> int:
        return len(content_of(gained_by(gain.holder, gain.number), self._fresh).seen)

    def _gained_objects(self) -> list[object]:
        """Return what the holder gained, or all new objects where no holder was found."""
        if self._found is None or not self._found.is_direct:
            return self._new
        return gained_by(self._found.holder, self._found.number)

    def _records(self) -> tuple[Record, ...]:
        """Return the containers that gained something and that only the test bench holds."""
        direct = [gain.holder for gain in self._ranked() if gain.is_direct]
        self._own.add(id(direct))
        found = [one for one in direct if is_of_bench(one, self._namer, but=direct, tick=self.clock.check)]
        return tuple(filter(None, (record_of(one, self._climb(one)[0]) for one in found)))

    def _bounds(self, calls: int) -> tuple[Bound, ...]:
        """Return the bounds of what grows, if all that grows has a bound.

        A second window, of twice the calls, tells objects that pile up from those that are only replaced.
        """
        leak, ranked = self._leak, self._ranked()
        found = [self._places.bound_of(gain.holder, times=PRUNED) for gain in ranked]
        limits = [limit for limit in found if limit is not None]
        if not limits or leak.counts or leak.used_up:
            return ()
        before = {id(limit.owner): limit.entries() for limit in limits}
        gains = {id(gain.holder): gain.number for gain in ranked}
        filled = fillings(limits, before, gains, self._fresh, calls=calls)
        beside = self._number_beside(filled)
        self._new.clear()
        self._gained.clear()
        self._new = self._window(2 * calls, untracked=True)
        gains = {id(gain.holder): gain.number for gain in self._gained.values()}
        limits += self._more_limits(limits, before)
        filled = fillings(
            limits, before, gains, self._fresh, old=self._old, calls=2 * calls, made=self._made.by
        )
        bounded = {id(limit.container) for limit in limits}
        if not hold_all(
            filled,
            calls=2 * calls,
            bytes_per_call=leak.bytes_per_call,
            others=max((number for one, number in gains.items() if one not in bounded), default=0),
            beside=2 * (self._number_beside(filled) - beside),
        ):
            return ()
        may_be = when_full(filled, calls=2 * calls, bytes_per_call=leak.bytes_per_call)
        kept = [
            keeps_bound(each, one, self._repeat, calls=2 * calls, check_calls=leak.calls)
            for each, one in zip(may_be, filled, strict=False)  # none, where no computer could hold it
        ]
        self._not_kept = [self._named(one) for one, full in zip(may_be, kept, strict=True) if full is None]
        return () if self._not_kept else tuple(self._named(one) for one in kept if one is not None)

    def _more_limits(self, limits: list[Limit], before: dict[int, int]) -> list[Limit]:
        """Return the limits of containers that only the second window shows, and of indexes in owners."""
        known = {id(limit.container) for limit in limits}
        more = []
        for gain in self._ranked():
            if id(gain.holder) in known:
                continue
            limit = self._places.bound_of(gain.holder, times=PRUNED)
            if limit is None:
                limit = next((one for each in limits if (one := index_within(each, gain.holder))), None)
            if limit is not None:
                before.setdefault(id(limit.owner), limit.entries() - gain.number)
                more.append(limit)
        return more

    def _number_beside(self, filled: list[Filling]) -> int:
        """Count the new objects that no bounded container leads to."""
        return sum(not any(id(one) in each.content.seen for each in filled) for one in self._new)

    def _named(self, full: Full) -> Bound:
        step = next((step for step in self._climb(full.limit.container)[0] if step.text), Step("?"))
        return Bound(
            holder=step.path or step.kind,
            entries=full.entries,
            at_most=full.at_most,
            settles_at_bytes=full.settles_at_bytes,
        )

    def _ranked(self) -> list[Gain]:
        """Return the largest gains, equal ones as they were found."""
        return sorted(self._gained.values(), key=lambda gain: -gain.number)[:_MOST_WIDTH]

    def _is_explained(self, calls: int) -> bool:
        return any(gain.is_direct and gain.number >= _SHARE * calls for gain in self._gained.values())

    def _window(self, calls: int, *, untracked: bool) -> list[object]:
        """Run the body and return the new objects; containers that got longer are noted."""
        gc.collect()
        clear_type_caches()
        self._made = MadeByCaches()  # before the lengths, as CPython 3.14 lists its dict among the containers
        old = list(containers(untracked=untracked, tick=self.clock.check))
        self._old = sizes = {id(one): length(one) for one in old}
        self._places = Places(old)
        if not untracked:
            old.clear()  # the collector lists them again, and the calls may free them
        gc.freeze()  # from here on, the collector lists nothing but what is new
        try:
            self._repeat(calls)
            let_others_rest()
            gc.collect()
            clear_type_caches()
            new = [one for one in gc.get_objects() if not is_a(one, weakref.ref) and not is_ours(one)]
        finally:
            gc.unfreeze()
        self._fresh = {id(one) for one in new}
        self._own.add(id(new))
        again = old if untracked else containers(untracked=False, tick=self.clock.check)
        self._note_longer(again, mine=(new, sizes, self._fresh, old, self._gained, self._weak))
        old.clear()  # it lists itself, too, and would stay and seem to hold what it lists
        return new

    def _note_longer(self, found: Iterable[object], *, mine: tuple[object, ...]) -> None:
        """Note which containers got longer, except for `mine`.

        Containers that are not tracked were kept alive, so that no new object has their identity.
        """
        for one in found:
            gained = length(one) - self._old.get(id(one), _UNKNOWN)
            if gained < _LEAST_GAINED or id(one) in self._fresh or any(one is own for own in mine):
                continue
            noted = self._weak if is_weak(one, self._fresh) else self._gained
            noted[id(one)] = Gain(gained, one)

    def _find_holders(self, new: list[object]) -> None:
        """Climb from a sample of the new objects to the old ones that refer to them."""
        inner = {id(held) for one in new for held in referents(one)}
        tops = [one for one in new if id(one) not in inner] or new
        sample = tops[:: max(1, len(tops) // _SAMPLE)][:_SAMPLE]
        own = self._own
        own.add(id(tops))
        for _ in range(_CLIMBED):
            self.clock.check()
            own.add(id(sample))
            upper = [one for one in referrers_of(sample) if id(one) not in own and not is_ours(one)]
            own.add(id(upper))
            for one in upper:
                if id(one) not in self._fresh and not is_weak(one, self._fresh):
                    number = number_held(one, self._fresh)
                    if number >= _LEAST_GAINED and not self._turns_over(one):
                        self._gained[id(one)] = Gain(number, one)
            sample = [one for one in upper if id(one) in self._fresh][:_SAMPLE]
            if self._gained or not sample:
                return

    def _turns_over(self, one: object) -> bool:
        """Say whether a container only replaced older objects by new ones, and is not a full cache."""
        was = self._old.get(id(one)) if is_sized(one) else None
        return was is not None and length(one) <= was and self._places.bound_of(one) is None

    def _find_old_holders(self, calls: int) -> None:
        """Look for old objects that hold new ones, or reach a few more, as in a linked list."""
        enough = max(_LEAST_GAINED, _SHARE * calls)
        holders = list(old_holders(self._fresh, but=self._own, tick=self.clock.check))
        holders.sort(key=lambda entry: -len(entry[1]))
        for one, held in holders[:_MOST_WIDTH]:
            self.clock.check()
            if is_weak(one, self._fresh):
                continue
            copies = longer_copies(held, self._fresh, least=enough)
            self._gained |= {id(copy): Gain(number, copy) for number, copy in copies}
            is_replaced = self._turns_over(one)
            if len(held) >= enough and not is_replaced:
                self._gained[id(one)] = Gain(len(held), one)
            elif self._is_explained(calls) or (is_replaced and not leads_to_older(held, self._fresh, enough)):
                continue
            elif len(content_of(held, self._fresh).seen) >= max(enough, _LEAST_GAINED + 1):
                self._gained[id(one)] = Gain(round(enough), one, is_direct=False)

    def _best_chain(self, calls: int) -> tuple[Step, ...]:
        """Return the chain to the holder that leads to most: with a name and without a bound, if possible."""
        ranked = self._ranked()
        enough = _SHARE * min(calls, ranked[0].number) if ranked else 0
        near = [gain for gain in ranked if gain.number >= enough][:_CANDIDATES]
        is_limited = {id(gain): self._places.bound_of(gain.holder) is not None for gain in near}
        near.sort(key=lambda one: (not one.is_direct, is_limited[id(one)], -self._number_led_to(one)))
        best: tuple[Step, ...] = ()
        is_best_named = is_best_sized = False
        for gain in near:
            steps, named = self._climb(gain.holder)
            is_sized = gain.is_value or is_a(gain.holder, *SIZED, bytearray)
            is_free = named and is_sized and not is_limited[id(gain)]
            is_of_program = is_free and any(one.where for one in steps) and not is_kept_in_c(gain.holder)
            if (not is_best_named and (named or not best)) or (is_of_program and not is_best_sized):
                inner = itself(gain.holder, self._namer)
                best = readable((*steps, *inner, *kept_in(gain.holder, self._fresh, self._namer)))
                self._found, is_best_named, is_best_sized = gain, named, is_sized
            self._is_of_program |= is_of_program
            if is_best_named and self._is_of_program:
                break
        return best

    def _climb(self, start: object) -> tuple[list[Step], bool]:
        return Climb(self._namer, self._own, self._fresh, self.clock.check).steps_to(start)
