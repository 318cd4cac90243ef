"""What pytest calls to end fixtures, and what repeated set-ups add to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import FunctionType
from typing import Any

from _pytest.fixtures import FixtureDef

End = Callable[[], object]


def ended_by(end: Any) -> FixtureDef[Any] | None:
    """Return the fixture that a finalizer of pytest itself ends."""
    owner = getattr(getattr(end, "func", None), "__self__", None)
    return owner if isinstance(owner, FixtureDef) else None


class EndsOfFixtures:
    """Finalizers that repeated set-ups leave behind with wider fixtures, modules, classes and the session.

    pytest keeps one with a wider fixture for each time that a narrower one is made from it. Before 8.1 it
    keeps one more with the module, class or session, each time the wider one is used. Those of the tests'
    own, such as `request.addfinalizer` of a wider fixture, stay: they must be called, and their growth
    is the tests'.
    """

    def __init__(self, item: Any) -> None:
        self._item = item
        self._known = [end for ends in self._lists() for end in ends]

    def drop(self) -> None:
        """Drop those added since of function-scoped fixtures, and each but the first of the same fixture."""
        known = set(map(id, self._known))
        for ends in self._lists():
            kept = [*_without_repeats(end for end in ends if id(end) in known or not _is_of_a_function(end))]
            if len(kept) != len(ends):
                ends[:] = kept

    def _lists(self) -> Iterator[list[End]]:
        """Yield what pytest calls at the end of the session, modules and classes, and of their fixtures."""
        stack = self._item.session._setupstate.stack  # noqa: SLF001 - pytest offers no other way
        for node, (ends, _) in stack.items():
            if node is not self._item:
                yield ends
                yield from (fixture._finalizers for fixture in filter(None, map(_ended, ends)))  # noqa: SLF001 - as above


def _without_repeats(ends: Iterable[End]) -> Iterator[End]:
    seen: set[int] = set()
    for end in ends:
        ended = _ended(end)
        if ended is None or id(ended) not in seen:
            yield end
        seen.add(id(ended))


def _is_of_a_function(end: End) -> bool:
    return getattr(_ended(end), "scope", None) == "function"


def _ended(end: Any) -> FixtureDef[Any] | None:
    """Return the fixture that a finalizer of pytest ends; a function of pytest 8.0 closes over it."""
    if not isinstance(end, FunctionType) or end.__module__ != "_pytest.fixtures":
        return ended_by(end)
    held = [cell.cell_contents for cell in end.__closure__ or ()]
    return next((one for one in held if isinstance(one, FixtureDef)), None)
