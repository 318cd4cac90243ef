"""Says how new objects refer to each other and to older ones: as links of a chain, or not at all."""

from __future__ import annotations

import atexit
import gc
import signal
import weakref
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence

from pytest_memguard.core.real_types import is_a
from pytest_memguard.leaks.holders.content import content_of, keeps_in_c
from pytest_memguard.leaks.holders.object_names import (
    Step,
    describe_common,
    in_file,
    is_ours,
    kind_of,
    referents,
)
from pytest_memguard.leaks.holders.objects import SIZED, all_objects, few_dicts, number_held, referrers_of
from pytest_memguard.meters.site_namer import SiteNamer

_SHARE = 0.25
_COPIED = (*SIZED, tuple, frozenset)
_MOST_ENDS = 8
_LEAST_UNHELD = 6
"""Fewer objects may be locals of the bench's running functions, which the collector does not list."""


def unreferred(new: list[object], *, but: Container[int]) -> list[object]:
    """Return the new objects that no other object refers to; `but` are identities of the search's own."""
    holders = [one for one in referrers_of(new) if id(one) not in but and one is not new and not is_ours(one)]
    referred = {id(held) for one in holders for held in referents(one)}
    return [one for one in new if id(one) not in referred]


def referred_among(found: Container[int], *, but: Container[int], tick: Callable[[], None]) -> set[int]:
    """Return those of the identities that belong to objects which another object refers to."""
    return {
        id(inner)
        for holder in all_objects(tick)
        if id(holder) not in but and not is_ours(holder)
        for inner in referents(holder)
        if id(inner) in found
    }


def described_unreferred(
    new: list[object], namer: SiteNamer, *, calls: int, but: Container[int]
) -> tuple[Step, ...]:
    """Describe objects that stay although nothing refers to them: an extension miscounted references."""
    kinds = Counter(map(type, unreferred(new, but=but)))
    if not kinds or kinds.most_common(1)[0][1] < max(_LEAST_UNHELD, _SHARE * calls):
        return ()
    return (Step("no Python object: an extension keeps a reference"), *describe_common(kinds, namer))


def leads_to_older(held: Sequence[object], new: Container[int], least: float) -> bool:
    """Say whether objects are links of a chain: one refers to another of its type, or its attributes do.

    Something else may come in between, such as the closure of a function that wraps the one before. Then at
    least `least` objects of one type must be reached through `new` ones; containers may be of one structure.
    A chain has few ends.
    """
    for one in held:
        inner = [*referents(one)]
        inner += [value for names in inner if type(names) is dict for value in referents(names)]
        if any(type(each) is type(one) for each in inner):
            return True
        if len(held) > _MOST_ENDS:
            continue
        kinds = {type(each) for each in (one, *inner)}.difference(_COPIED)
        reached = content_of([one], new).kinds
        if any(reached[kind] >= least for kind in kinds):
            return True
    return False


def longer_copies(
    held: Iterable[object], new: Container[int], *, least: float
) -> Iterator[tuple[int, object]]:
    """Yield the new containers that took the place of a shorter one, and how many new objects each holds.

    Code that never changes a container copies it for each entry: a new one holds the older entries too, which
    a container that is only made anew does not. `new` holds identities.
    """
    for one in held:
        if is_a(one, *_COPIED) and (number := number_held(one, new)) >= least:
            inner = referents(one)
            if any(gc.is_tracked(entry) and id(entry) not in new for entry in inner):
                yield number, one


def referrers(one: object) -> list[object]:
    """Return the objects that refer to an object, without those of memguard; of many dicts only a few."""
    found = few_dicts(gc.get_referrers(one))
    return [holder for holder in found if not is_ours(holder) and not is_a(holder, weakref.ref)]


def is_kept_in_c(one: object) -> bool:
    """Say whether an object of an extension has a container for itself, as a connection lists its cursors."""
    return any(keeps_in_c(type(holder)) for holder in referrers(one))


def exit_handlers() -> int:
    """Return how many functions are to be called when the interpreter ends."""
    count: Callable[[], int] = getattr(atexit, "_ncallbacks", lambda: 0)
    return count()


def chained_handler(new: Container[int], namer: SiteNamer, *, calls: int) -> tuple[Step, ...]:
    """Name a new handler of a signal that leads to what the calls left, as to the handlers before it.

    Only the interpreter refers to it. `new` holds identities.
    """
    for number in signal.valid_signals():  # those for real time are numbers without a name
        handler = signal.getsignal(number)
        if len(content_of([handler], new).seen) >= max(_LEAST_UNHELD, _SHARE * calls):
            name, code = getattr(number, "name", number), getattr(handler, "__code__", None)
            where = in_file(code.co_filename if code else None, namer)
            return (Step(f"handler of {name}", kind_of(handler), where, named=True),)
    return ()
