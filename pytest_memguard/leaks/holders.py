"""What an object that holds others is called: a module's global, a class, a closure, a cache, a frame."""

from __future__ import annotations

import functools
import gc
import sys
import threading
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

from pytest_memguard.meters.sites import Owner, SiteNamer

_CACHE = type(functools.lru_cache(maxsize=1)(int))
_OURS = "pytest_memguard"
_SHOWN_NAME = 120


@dataclass(frozen=True, slots=True)
class Step:
    """One link of the chain; `named` says that it can be found in source, so that the search may end."""

    text: str
    named: bool = False


def is_a(one: object, *kinds: type) -> TypeGuard[Any]:
    """Say whether an object is of a type, by its real type: a proxy's `__class__` would run code."""
    return issubclass(type(one), kinds)


def is_ours(one: object) -> bool:
    """Say whether an object belongs to memguard: its frames and what they work on."""
    if is_a(one, types.FrameType):
        return str(one.f_globals.get("__name__", "")).split(".")[0] == _OURS
    return _module_name(type(one)).split(".")[0] == _OURS


def _module_name(kind: type) -> str:
    """Return where a class says it is from; a class may say anything."""
    module = kind.__module__
    return module if type(module) is str else "?"


def describe_kept(kind: type, namer: SiteNamer) -> str:
    """Name a type in full, with its file, as in `shop.session.Session in shop/session.py`."""
    return f"{_full_name(kind)}{_in(_file_of_class(kind), namer)}"


def _full_name(kind: type) -> str:
    module = _module_name(kind)
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"


def is_named(one: object, namer: SiteNamer) -> Step | None:
    """Return the step that an object is by itself, if it has a place in source."""
    if is_a(one, _CACHE):
        return _cache(one, None, namer)
    if is_a(one, types.ModuleType):
        return Step(f"{one.__name__} (module){_in(getattr(one, '__file__', None), namer)}", named=True)
    if is_a(one, type):
        return Step(f"{_full_name(one)} (class){_in(_file_of_class(one), namer)}", named=True)
    if is_a(one, types.FrameType):
        return _frame(one, None, namer)
    if is_a(one, dict):
        module = _module_of(one)
        if module is not None:
            return is_named(module, namer)
    return None


def step_to(holder: object, held: object, namer: SiteNamer) -> Step:
    """Describe how `holder` holds `held`; a step without a text is passed over."""
    for kinds, describe in _DESCRIBED:
        if is_a(holder, *kinds):
            return describe(holder, held, namer)
    return Step(_of_instance(holder, held, namer))


def _of_function(holder: Any, held: object, namer: SiteNamer) -> Step:
    where = _in(holder.__code__.co_filename, namer)
    return Step(f"{_function(holder)} (function){where} holds {_kind(held)}", named=True)


def _of_generator(holder: Any, held: object, namer: SiteNamer) -> Step:
    """Name a suspended generator or coroutine by its function and the local that holds."""
    kind = type(holder)
    code, frame = next(
        (getattr(holder, f"{start}_code"), getattr(holder, f"{start}_frame"))
        for start in ("gi", "cr", "ag")
        if hasattr(kind, f"{start}_code")
    )
    local = _local_of(frame, held) if frame is not None else "a local"
    name = getattr(code, "co_qualname", code.co_name)
    return Step(
        f"{local} of the suspended {name} ({kind.__name__}, {_kind(held)}){_in(code.co_filename, namer)}"
    )


def _of_thread(holder: object, held: object, namer: SiteNamer) -> Step:
    return Step(f"thread: {_of_instance(holder, held, namer)}")


def _of_collection(holder: object, _held: object, _namer: SiteNamer) -> Step:
    return Step(_kind(holder))


def _in_dict(holder: dict[Any, Any], held: object, namer: SiteNamer) -> Step:
    module = _module_of(holder)
    if module is not None:
        name = _key_of(holder, held)
        where = _in(getattr(module, "__file__", None), namer)
        return Step(f"{module.__name__}.{name} ({_kind(held)}){where}", named=True)
    for owner in gc.get_referrers(holder):
        if is_a(owner, type) and _own_dict(owner) is holder:
            where = _in(_file_of_class(owner), namer)
            return Step(f"{_full_name(owner)}.{_key_of(holder, held)} ({_kind(held)}){where}", named=True)
        if not is_a(owner, type) and _namespace(owner) is holder:
            return Step(_of_instance(owner, held, namer))
    return Step(_kind(holder))


def _module_of(holder: dict[Any, Any]) -> types.ModuleType | None:
    name = holder.get("__name__")
    module = sys.modules.get(name) if is_a(name, str) else None
    return module if is_a(module, types.ModuleType) and vars(module) is holder else None


def _own_dict(owner: type) -> object:
    """Return the dict behind a class's mapping proxy."""
    referents = gc.get_referents(owner.__dict__)
    return referents[0] if referents else None


def _key_of(holder: dict[Any, Any], held: object) -> str:
    """Return the name under which a namespace holds an object."""
    for key, value in list(holder.items()):
        if value is held and is_a(key, str):
            return str(key)[:_SHOWN_NAME]
    return "?"


def _in_cell(cell: types.CellType, held: object, namer: SiteNamer) -> Step:
    for owner in gc.get_referrers(cell):
        closures = owner if is_a(owner, tuple) else ()
        for function in gc.get_referrers(closures) if closures else ():
            if is_a(function, types.FunctionType) and function.__closure__ is closures:
                index = next(number for number, one in enumerate(closures) if one is cell)
                name = function.__code__.co_freevars[index]
                where = _in(function.__code__.co_filename, namer)
                text = f"{name} in the closure of {_function(function)} ({_kind(held)}){where}"
                return Step(text, named=True)
    return Step("")


def _frame(frame: types.FrameType, held: object, namer: SiteNamer) -> Step:
    code = frame.f_code
    function = getattr(code, "co_qualname", code.co_name)
    where = _in(code.co_filename, namer)
    return Step(f"{_local_of(frame, held)} of the running {function} ({_kind(held)}){where}", named=True)


def _local_of(frame: types.FrameType, held: object) -> str:
    return next((name for name, value in list(frame.f_locals.items()) if value is held), "a local")


def _cache(cache: Any, _held: object, namer: SiteNamer) -> Step:
    function = getattr(cache, "__wrapped__", None)
    code = getattr(function, "__code__", None)
    name = _function(function) if function is not None else "?"
    where = _in(code.co_filename if code else None, namer)
    limit = cache.cache_parameters()["maxsize"]
    bound = "unbounded" if limit is None else f"at most {limit:,}"
    return Step(
        f"{name} (functools cache, {cache.cache_info().currsize:,} entries, {bound}){where}", named=True
    )


def _of_instance(holder: object, held: object, namer: SiteNamer) -> str:
    kind = type(holder)
    where = _in(_file_of_class(kind), namer)
    name = _attribute(holder, held)
    return f"{name} of {_full_name(kind)} ({_kind(held)}){where}" if name else f"{_full_name(kind)}{where}"


def _attribute(holder: object, held: object) -> str:
    """Return the attribute of an instance that is `held`, without running code of its class."""
    for name, value in list(_namespace(holder).items()):
        if value is held and is_a(name, str):
            return str(name)
    for owner in type(holder).__mro__:
        for name, slot in list(vars(owner).items()):
            if is_a(slot, types.MemberDescriptorType) and _slot(slot, holder) is held:
                return name
    return ""


def _namespace(holder: object) -> dict[Any, Any]:
    try:
        namespace = object.__getattribute__(holder, "__dict__")
    except AttributeError:
        return {}
    return namespace if type(namespace) is dict else {}


def _slot(slot: Any, holder: object) -> object:
    try:
        return slot.__get__(holder)
    except (AttributeError, TypeError):
        return _slot


def _function(function: Any) -> str:
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", "?")
    module = getattr(function, "__module__", None)
    return f"{module}.{name}" if module else str(name)


def _kind(one: object) -> str:
    """Name the type of an object, with its size where it is a container."""
    name = type(one).__name__
    if is_a(one, dict, list, set, frozenset, tuple):
        return f"{name}, {len(one):,} entries"
    return name


def _file_of_class(kind: type) -> str | None:
    return getattr(sys.modules.get(_module_name(kind)), "__file__", None)


def _in(file: str | None, namer: SiteNamer) -> str:
    """Say in which file something is; the standard library's own needs no saying."""
    if not file:
        return ""
    owner, name = namer.classify(file)
    return "" if owner in (Owner.STDLIB, Owner.LOOP) else f" in {name}"


_DESCRIBED: tuple[tuple[tuple[type, ...], Callable[[Any, object, SiteNamer], Step]], ...] = (
    ((dict,), _in_dict),
    ((types.CellType,), _in_cell),
    ((types.FrameType,), _frame),
    ((_CACHE,), _cache),
    ((types.FunctionType,), _of_function),
    ((types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType), _of_generator),
    ((threading.Thread,), _of_thread),
    ((list, tuple, set, frozenset), _of_collection),
)
