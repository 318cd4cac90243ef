"""Climbs from an object to what holds it, level by level, up to an object that has a name in the source."""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from dataclasses import dataclass

from pytest_memguard.core.real_types import is_a
from pytest_memguard.leaks.holders.chain_words import is_named, running_holder, step_to
from pytest_memguard.leaks.holders.clock import OutOfTimeError
from pytest_memguard.leaks.holders.object_names import Step, is_ours, referents
from pytest_memguard.leaks.holders.objects import SIZED, all_objects
from pytest_memguard.leaks.holders.referring import referrers
from pytest_memguard.meters.site_namer import SiteNamer

_MOST_DEPTH = 12
_MOST_WIDTH = 24
_MOST_ENDS = 4
"""How many holders of a chain's links are climbed from, if a climb from link to link finds no name."""

_NO_LINKS = (*SIZED, tuple, frozenset, type, types.ModuleType, types.FunctionType, types.CellType)
"""Objects of these types refer to one another everywhere, and not as links of one chain."""


@dataclass(frozen=True, slots=True)
class _Reached:
    """An object on the way upwards, and the steps below it; by its class, it is none of the program's."""

    one: object
    below: list[Step]


@dataclass(frozen=True, slots=True)
class Climb:
    """Climbs past what `own` and `new` hold the identities of; `tick` is called for each object looked at.

    These are the objects of a search, and what leaks, which holds nothing up.
    """

    namer: SiteNamer
    own: set[int]
    new: Container[int]
    tick: Callable[[], None]

    def steps_to(self, start: object) -> tuple[list[Step], bool]:
        """Return the steps down from the nearest object with a name, and whether there is one.

        Of a chain with thousands of links, what holds any of the links is looked for.
        """
        found = self._by_levels(start)
        if found[1]:
            return found
        running = running_holder(start, self.namer, self.new)
        if running is not None:
            return [running], True
        with suppress(OutOfTimeError):
            steps = self._steps_to_links(start)
            return ([*steps, *found[0][-1:]], True) if steps else found
        return found

    def _steps_to_links(self, start: object) -> list[Step]:
        """Return the steps down to what holds a link of the chain to an object, if that has a name."""
        links = _links_to(start, self.tick)
        holders = self._holders_of(links, type(start)) if len(links) > 1 else []
        own = (id(links), id(holders), *map(id, holders))
        for holder, link in holders:
            step = step_to(holder, link, self.namer)
            if step.named:
                return [step]
            above, is_found = self._by_levels(holder, but=own)
            if is_found:
                return [*above, step]
        return []

    def _by_levels(self, start: object, *, but: Iterable[int] = ()) -> tuple[list[Step], bool]:
        """Search upwards, level by level; without a name, the steps are those of the first way.

        `but` are more identities to pass over.
        """
        level = [_Reached(start, [])]
        seen = {id(start), *but}
        unnamed: list[Step] = []
        for _ in range(_MOST_DEPTH):
            upper: list[_Reached] = []
            for reached in level:
                one, below = reached.one, reached.below
                named = is_named(one, self.namer)
                if named is not None:
                    return [named, *below], True
                for holder in referrers(one):
                    self.tick()
                    if id(holder) in seen or self._is_passed_over(holder):
                        continue
                    seen.add(id(holder))
                    step = step_to(holder, one, self.namer)
                    if step.named:
                        return [step, *below], True
                    upper.append(_Reached(holder, [step, *below] if step.text else below))
            if not upper:
                break
            unnamed = upper[0].below
            level = upper[:_MOST_WIDTH]
        return unnamed, False

    def _holders_of(self, links: dict[int, object], kind: type) -> list[tuple[object, object]]:
        """Return some objects of other types that refer to links, each with its link."""
        names = {id(names) for one in links.values() for names in referents(one) if type(names) is dict}
        of_links = {id(links), *names}
        found: list[tuple[object, object]] = []
        for one in all_objects(self.tick):
            if type(one) is kind or id(one) in of_links or self._is_passed_over(one):
                continue
            if is_a(one, weakref.ref) or is_ours(one):
                continue
            link = next((inner for inner in referents(one) if id(inner) in links), None)
            if link is not None:
                found.append((one, link))
            if len(found) == _MOST_ENDS:
                break
        return found

    def _is_passed_over(self, one: object) -> bool:
        return id(one) in self.own or id(one) in self.new


def _links_to(start: object, tick: Callable[[], None]) -> dict[int, object]:
    """Return the links of the chain that leads to an object, with that one, by identity.

    Links are objects of one type, of which one refers to the next, by an attribute or by itself.
    """
    links = {id(start): start}
    kind = type(start)
    if issubclass(kind, _NO_LINKS):
        return links
    before: dict[int, list[object]] = {}
    for one in all_objects(tick):
        if type(one) is kind:
            for inner in _of_kind(one, kind):
                before.setdefault(id(inner), []).append(one)
    waiting = [start]
    while waiting:
        found = [one for one in before.get(id(waiting.pop()), ()) if id(one) not in links]
        links.update((id(one), one) for one in found)
        waiting += found
    return links


def _of_kind(one: object, kind: type) -> list[object]:
    """Return the objects of a type that another refers to, also by its attributes."""
    inner = referents(one)
    inner += [value for names in inner if type(names) is dict for value in referents(names)]
    return [each for each in inner if type(each) is kind]
