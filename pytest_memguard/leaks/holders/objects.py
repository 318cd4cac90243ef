"""Looks at containers: how many objects they hold, and whether they keep them alive."""

from __future__ import annotations

import gc
import itertools
import sys
import types
import weakref
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from queue import SimpleQueue
from typing import Any

from pytest_memguard.core.real_types import is_a
from pytest_memguard.leaks.holders.object_names import is_ours, referents


def old_holders(
    new: Container[int], *, but: Container[int], tick: Callable[[], None]
) -> Iterator[tuple[object, list[object]]]:
    """Yield each old object that refers to new ones, and these; `new` and `but` hold identities."""
    for one in all_objects(tick):
        if id(one) in new or id(one) in but or is_a(one, weakref.ref) or is_ours(one):
            continue
        held = [inner for inner in referents(one) if id(inner) in new]
        if held:
            yield one, held


_WITH_LEN = (list, dict, set, deque, OrderedDict)
SIZED = (*_WITH_LEN, SimpleQueue)
_PLAIN = frozenset({list, dict, set, deque, OrderedDict, defaultdict, Counter})
_UNTRACKED = (dict, bytearray)
_ATOMS = (int, str, bytes, float, bool, type(None))
_EVERY = 0xFFF
_MOST_DICTS = 32
_MOST_ALIKE = 4
_FEW = 8


def all_objects(tick: Callable[[], None]) -> Iterator[object]:
    """Yield all objects that the collector knows; `tick` is called now and then, to check a time limit."""
    for number, one in enumerate(gc.get_objects()):
        if not number & _EVERY:
            tick()
        yield one


def referrers_of(found: Sequence[object]) -> list[object]:
    """Return what refers to any of these objects, but for the arguments, which CPython 3.14 lists."""
    arguments = tuple(found)
    return [one for one in gc.get_referrers(*arguments) if one is not arguments]


def referrers_by_identity(found: list[object], tick: Callable[[], None]) -> dict[int, list[object]]:
    """Return what refers to each of the objects found, but for lists of the search itself.

    `gc.get_referrers` walks the heap each time, so many are looked for in one walk.
    """
    referring: dict[int, list[object]] = {id(one): [] for one in found}
    own = {id(found), *map(id, referring.values())}
    if len(found) <= _FEW:
        for one in found:
            tick()
            referring[id(one)] += [each for each in gc.get_referrers(one) if id(each) not in own]
        return referring
    for each in all_objects(tick):
        if id(each) not in own:
            for one in {id(inner) for inner in referents(each)} & referring.keys():
                referring[one].append(each)
    return referring


def containers(*, untracked: bool, tick: Callable[[], None]) -> Iterator[object]:
    """Yield containers with a length; `untracked` includes dicts of plain values, which others refer to."""
    known: dict[type, bool] = {}
    for one in all_objects(tick):
        kind = type(one)
        if kind not in known:
            known[kind] = is_a(one, *SIZED)
        if known[kind] and one is not known:  # CPython 3.14 lists every dict
            yield one
        if untracked:
            for inner in referents(one):
                if type(inner) in _UNTRACKED and not gc.is_tracked(inner):
                    yield inner


def length(one: Any) -> int:
    """Return how many items a container has, without calling a `__len__` of its class in Python."""
    if type(one) in _PLAIN:
        return len(one)
    if is_a(one, SimpleQueue):
        return int(SimpleQueue.qsize(one))
    for kind in (*_WITH_LEN, bytearray):
        if is_a(one, kind):
            return int(kind.__len__(one))
    return 0


def items_of(one: Any) -> list[object]:
    """Return the items of a list, first to last, without those that C code has not filled in yet.

    To read such a place ends the process. The collector passes over it, and goes through a list from its end.
    """
    return referents(one)[: -list.__len__(one) - 1 : -1]


def queued(one: Any) -> list[object]:
    """Return what a `SimpleQueue` holds, first to last; before CPython 3.13 it keeps it in a list."""
    inner = [each for each in referents(one) if each is not type(one)]
    if sys.version_info < (3, 13):
        return [item for each in inner if type(each) is list for item in items_of(each)]
    return inner


def is_in_queue(one: object) -> bool:
    """Say whether a list is the one in which a `SimpleQueue` keeps what it holds."""
    return type(one) is list and any(is_a(each, SimpleQueue) for each in gc.get_referrers(one))


def module_of(holder: dict[Any, Any]) -> types.ModuleType | None:
    """Return the module whose namespace a dict is, if it is one; found by its name, not in the heap."""
    name = holder.get("__name__")
    module = sys.modules.get(name) if is_a(name, str) else None
    return module if is_a(module, types.ModuleType) and vars(module) is holder else None


def few_dicts(holders: Iterable[object]) -> Iterator[object]:
    """Leave out most of the dicts that are no module's: of those with the same keys, all but a few.

    Thousands of instances may share a container, and to find whose a dict is takes a walk of the heap. The
    object that made the container seldom has the attributes of those that share it, and may be any of them:
    the collector lists older objects neither first nor last.
    """
    dicts: Counter[object] = Counter()
    for one in holders:
        if type(one) is dict and module_of(one) is None:
            alike = _attributes_of(one)
            if dicts[alike] >= _MOST_ALIKE or dicts.total() >= _MOST_DICTS:
                continue
            dicts[alike] += 1
        yield one


def _attributes_of(names: dict[Any, Any]) -> object:
    """Return what tells the attributes of one class from those of another; `None` for other dicts."""
    first = tuple(itertools.islice(names, _FEW))
    return (len(names), first) if all(type(name) is str for name in first) else None


def number_held(one: object, new: Container[int]) -> int:
    """Return how many new objects an object refers to; `new` holds identities."""
    return sum(id(held) in new for held in referents(one))


def is_weak(one: object, new: Container[int]) -> bool:
    """Say whether a container holds weak references only, as a class does with its subclasses.

    In the dict that the interpreter has for a thread, the entry of a thread-local ends with it as well,
    whatever else is there. `new` holds identities. A weak reference keeps its callback alive, so one with a
    new callback does not count as weak. Dead references may stay for a while: sqlite3 removes those to its
    cursors at every 200th.
    """
    held = [inner for inner in referents(one) if type(inner) not in _ATOMS]
    if any(map(_is_of_local, held)):
        return True
    return bool(held) and all(
        is_a(inner, weakref.ref) and not _keeps_new(inner.__callback__, new) for inner in held
    )


def _is_of_local(one: object) -> bool:
    """Say whether this stands for a thread-local in the dict of a thread; CPython 3.13 has none there."""
    return (type(one).__module__, type(one).__name__) == ("_thread", "_localdummy")


def number_left(one: object, new: Container[int]) -> int:
    """Count the weak references of a container to what is gone, and those whose callback is new."""
    return sum(
        is_a(inner, weakref.ref) and (weakref.ref.__call__(inner) is None or id(inner.__callback__) in new)
        for inner in referents(one)
    )


def _keeps_new(callback: object, new: Container[int]) -> bool:
    """Say whether the callback of a weak reference is new, and itself refers to new objects.

    The callbacks by which an abstract class remembers other classes refer to a set only. The collector does
    not track a tuple of plain values, as defaults of a function may be.
    """
    return id(callback) in new and any(
        id(inner) in new or (type(inner) is tuple and bool(inner) and not gc.is_tracked(inner))
        for inner in referents(callback)
    )


def frames_with_local(one: object) -> Iterator[tuple[int, types.FrameType]]:
    """Yield the frames that have an object as a local, each with its thread; the collector lists none."""
    for ident, top in [*sys._current_frames().items()]:  # noqa: SLF001 - the documented way to other stacks
        frame: types.FrameType | None = top
        while frame is not None:
            if not is_ours(frame) and any(value is one for value in [*frame.f_locals.values()]):
                yield ident, frame
            frame = frame.f_back


def is_sized(one: object) -> bool:
    """Say whether `length` can count the items of an object."""
    return is_a(one, *SIZED)


def namespace(holder: object) -> dict[Any, Any]:
    """Return the attributes of an instance, without running code of its class."""
    try:
        attributes = object.__getattribute__(holder, "__dict__")
    except AttributeError:
        return {}
    return attributes if type(attributes) is dict else {}


def own_dict(owner: type) -> object:
    """Return the dict behind a class's mapping proxy."""
    held = gc.get_referents(owner.__dict__)
    return held[0] if held else None


def slot_value(slot: Any, holder: object) -> object:
    """Return what a slot of an instance holds; the slot itself where it is empty."""
    try:
        return slot.__get__(holder)
    except (AttributeError, TypeError):
        return slot
