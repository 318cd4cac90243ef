"""Records of the test bench: containers that only plugins of pytest and test doubles hold."""

from __future__ import annotations

import gc
import itertools
import sys
import types
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_memguard.core.real_types import is_a
from pytest_memguard.leaks.holders.object_names import SUSPENDABLE, Step, file_of_class, is_ours, module_name
from pytest_memguard.leaks.holders.objects import (
    frames_with_local,
    items_of,
    namespace,
    own_dict,
    referrers_by_identity,
    referrers_of,
)
from pytest_memguard.meters.site_namer import Owner, SiteNamer

_MOST_DEPTH = 6


@dataclass(frozen=True, slots=True)
class Record:
    """A container of the test bench, its name, and what it held when it was found."""

    name: str
    container: Any
    kept: Any

    def drop(self) -> None:
        """Take out what was added since; methods of subclasses are not called."""
        one = self.container
        if is_a(one, list):
            list.__setitem__(one, slice(None), self.kept)
        elif is_a(one, deque):
            deque.clear(one)
            deque.extend(one, self.kept)
        elif is_a(one, set):
            set.intersection_update(one, self.kept)
        else:
            kind = OrderedDict if is_a(one, OrderedDict) else dict
            for key in [*dict.keys(one)]:
                if key not in self.kept:
                    kind.__delitem__(one, key)


def record_of(container: Any, chain: Sequence[Step]) -> Record | None:
    """Return the record that a container at the end of a chain is; `None` for one of another kind."""
    name = next((step.path for step in reversed(chain) if step.path), type(container).__name__)
    if is_a(container, list):
        kept = items_of(container)
        return Record(name, container, kept) if len(kept) == list.__len__(container) else None
    if is_a(container, deque):
        return Record(name, container, deque.copy(container)) if container.maxlen is None else None
    if is_a(container, dict):
        return Record(name, container, frozenset(dict.keys(container)))
    return Record(name, container, frozenset(container)) if is_a(container, set) else None


def is_of_bench(
    container: object, namer: SiteNamer, *, but: object = None, tick: Callable[[], None] = lambda: None
) -> bool:
    """Say whether only the test bench holds a container; who holds the test bench has no say.

    Containers and objects of the standard library are nobody's: who holds them decides. So are those of a
    library that a test double requires, if nothing but such doubles holds them. `but` is passed over.
    """
    own = _file_of_instance(container, namer)
    if own is not None and not namer.doubles_that_need(own):
        return namer.is_bench(own)
    level, passed, found = [container], {id(but), id(container)}, set[str]()
    libraries = {own} - {None}
    for _ in range(_MOST_DEPTH):
        if not all(namer.is_bench(file) for one in level for file in _files_of_frames(one, namer, container)):
            return False
        upper, files = _above(level, namer, but=passed, tick=tick)
        found |= files
        libraries |= {_file_of_instance(one, namer) for one in upper} - {None}
        if not all(map(namer.is_bench, files)):
            return False
        if not upper:
            return bool(found) and all(
                namer.is_within(file, namer.doubles_that_need(library))
                for library in libraries
                if library is not None
                for file in found
            )
        level = upper
        passed |= {id(one) for one in upper}
    return False


def _files_of_frames(one: object, namer: SiteNamer, container: object) -> Iterator[str]:
    """Yield the files of running functions that have the container, or an object of a library, as a local."""
    if one is container or _file_of_instance(one, namer) is not None:
        yield from (frame.f_code.co_filename for _, frame in frames_with_local(one))


def _above(
    level: list[object], namer: SiteNamer, *, but: set[int], tick: Callable[[], None]
) -> tuple[list[object], set[str]]:
    """Return the objects above a level whose own holders decide, and the files of the others."""
    upper: list[object] = []
    files: set[str] = set()
    holders = _holders(level, but=but, tick=tick)
    owners = referrers_by_identity([one for one in holders if type(one) is dict], tick)
    for holder in holders:
        tick()
        found = {*_files(holder, owners.get(id(holder), ()), namer)}
        files |= found
        if not found:
            upper.append(holder)
    return upper, files


def _holders(level: list[object], *, but: set[int], tick: Callable[[], None]) -> list[object]:
    """Return the objects that refer to any of a level; `but` holds identities."""
    referring = itertools.chain.from_iterable(referrers_by_identity(level, tick).values())
    found = {id(one): one for one in referring if not is_a(one, weakref.ref) and not is_ours(one)}
    return [one for identity, one in found.items() if identity not in but]


def _files(holder: Any, owners: Iterable[object], namer: SiteNamer) -> Iterator[str]:
    """Yield the files of those that hold something by this holder; none where its own holders decide.

    `owners` are the objects that refer to a dict.
    """
    if is_a(holder, types.ModuleType):
        yield getattr(holder, "__file__", None) or "?"
    elif is_a(holder, type):
        yield _file_of(module_name(holder))
    elif type(holder) is dict:
        yield from _files_of_namespace(holder, owners, namer)
    elif is_a(holder, types.FunctionType):
        yield _file_of_function(holder)
    elif is_a(holder, types.CellType):
        closures = [one for one in gc.get_referrers(holder) if type(one) is tuple]
        functions = referrers_of(closures) if closures else []
        yield from map(_file_of_function, (one for one in functions if is_a(one, types.FunctionType)))
    elif is_a(holder, types.FrameType, *SUSPENDABLE):
        codes = (getattr(holder, name, None) for name in ("f_code", "gi_code", "cr_code", "ag_code"))
        yield from (code.co_filename for code in codes if code is not None)
    elif (own := _deciding_file(holder, namer)) is not None:
        yield own


def _files_of_namespace(names: dict[Any, Any], owners: Iterable[object], namer: SiteNamer) -> Iterator[str]:
    """Yield the file of the module, the class, the function or the instance whose attributes these are."""
    for owner in owners:
        if is_a(owner, types.ModuleType):
            if vars(owner) is names:
                yield getattr(owner, "__file__", None) or "?"
        elif is_a(owner, type):
            if own_dict(owner) is names:
                yield _file_of(module_name(owner))
        elif is_a(owner, types.FunctionType):
            if owner.__dict__ is names:
                yield _file_of_function(owner)
        elif namespace(owner) is names and (own := _deciding_file(owner, namer)) is not None:
            yield own


def _file_of_function(function: Any) -> str:
    """Return the file of a function's module; of one that stands for another, that of `unittest.mock`."""
    double = function.__dict__.get("mock")
    kind: Any = getattr(sys.modules.get("unittest.mock"), "NonCallableMock", ())
    is_double = kind and is_a(double, kind)
    return _file_of("unittest.mock" if is_double else str(function.__module__))


def _file_of_instance(one: object, namer: SiteNamer) -> str | None:
    """Return the file of an object's class; `None` for one of the interpreter or the standard library."""
    file = file_of_class(type(one))
    is_standard = file is None or (
        namer.classify(file)[0] in (Owner.STDLIB, Owner.LOOP) and not namer.is_bench(file)
    )
    return None if is_standard else file


def _deciding_file(one: object, namer: SiteNamer) -> str | None:
    """Return the file of an object's class, unless its holders decide."""
    own = _file_of_instance(one, namer)
    return None if own is not None and namer.doubles_that_need(own) else own


def _file_of(module: str) -> str:
    return getattr(sys.modules.get(module), "__file__", None) or "?"
