"""Old objects that hold new ones, directly or through further new ones: one look at all there are."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Container, Iterable, Iterator

from pytest_memguard.leaks.containers import all_objects
from pytest_memguard.leaks.naming import is_a, is_ours, referents


def old_holders(
    new: Container[int], *, but: Container[int], tick: Callable[[], None]
) -> Iterator[tuple[object, list[object]]]:
    """Yield each old object that refers to new ones, with those; `new` and `but` hold identities."""
    for one in all_objects(tick):
        if id(one) in new or id(one) in but or is_a(one, weakref.ref) or is_ours(one):
            continue
        held = [inner for inner in referents(one) if id(inner) in new]
        if held:
            yield one, held


def number_reached(held: Iterable[object], new: Container[int]) -> int:
    """Count the new objects that are reached from some of them through new ones alone."""
    waiting = list(held)
    seen = {id(one) for one in waiting}
    while waiting:
        for inner in referents(waiting.pop()):
            if id(inner) in new and id(inner) not in seen:
                seen.add(id(inner))
                waiting.append(inner)
    return len(seen)
