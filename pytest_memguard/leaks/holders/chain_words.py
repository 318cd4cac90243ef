"""Says in words how each object of a chain holds the next: a global, a closure, a cache, a frame."""

from __future__ import annotations

import functools
import gc
import threading
import types
import weakref
from collections import Counter
from collections.abc import Callable, Container, Iterable
from contextvars import Context
from dataclasses import replace
from queue import SimpleQueue
from typing import Any

from pytest_memguard.core.real_types import is_a
from pytest_memguard.leaks.holders.interpreter_lists import interpreter_list
from pytest_memguard.leaks.holders.object_names import (
    FUNCTOOLS_CACHE,
    SUSPENDABLE,
    Step,
    describe_common,
    file_of_class,
    full_name,
    function_name,
    in_file,
    is_of_statement,
    kind_of,
    module_name,
    of_at_most,
    referents,
)
from pytest_memguard.leaks.holders.objects import (
    SIZED,
    frames_with_local,
    is_in_queue,
    module_of,
    namespace,
    number_held,
    own_dict,
    slot_value,
)
from pytest_memguard.meters.site_namer import SiteNamer

_FIXTURE = ("_pytest.fixtures", "FixtureDef")
_SHOWN_NAME = 120
_SHOWN_VARIABLES = 3
_LOOKED_INTO = 2
_FINALIZER = ("weakref", "_Info")


def is_named(one: object, namer: SiteNamer) -> Step | None:  # noqa: PLR0911 - one line a kind
    """Return the step for an object that has a place in the source by itself, if it has one."""
    if is_a(one, FUNCTOOLS_CACHE):
        return _cache(one, None, namer)
    if is_a(one, types.ModuleType):
        file = getattr(one, "__file__", None)
        return Step(one.__name__, "module", in_file(file, namer), named=True)
    if is_a(one, type):
        file = file_of_class(one)
        return Step(full_name(one), "class", in_file(file, namer), named=True)
    if is_a(one, types.FrameType):
        return _frame(one, None, namer) if _suspended(one) is None else None
    if (module_name(type(one)), type(one).__name__) == _FIXTURE:
        return _fixture(one, namer)
    if is_a(one, dict):
        module = module_of(one)
        if module is not None:
            return is_named(module, namer)
    return interpreter_list(one)


def step_to(holder: object, held: object, namer: SiteNamer) -> Step:
    """Describe how `holder` holds `held`; a step without a text is passed over."""
    for kinds, describe in _DESCRIBED:
        if is_a(holder, *kinds):
            return describe(holder, held, namer)
    return _of_instance(holder, held, namer)


def _fixture(one: Any, namer: SiteNamer) -> Step:
    """Name a fixture that pytest keeps, and what it gave."""
    given = one.cached_result[0] if one.cached_result else None
    where = in_file(getattr(getattr(one.func, "__code__", None), "co_filename", None), namer)
    return Step(f"fixture {one.argname}", f"{one.scope}-scoped, {kind_of(given)}", where, named=True)


def _of_function(holder: Any, held: object, namer: SiteNamer) -> Step:
    """Name a function; what its arguments default to holds from call to call, where a call changes it."""
    name, where = function_name(holder), in_file(holder.__code__.co_filename, namer)
    if held is holder.__defaults__ or held is holder.__kwdefaults__:
        return Step(f"defaults of {name}", kind_of(held), where, named=True)
    return Step(name, "function", f"{where} holds {kind_of(held)}", named=True)


def _of_generator(holder: Any, held: object, namer: SiteNamer) -> Step:
    """Name a suspended generator or coroutine by its function and the local that holds."""
    frame, code = _frame_of(holder), _part_of(holder, "code")
    if held is frame:
        return Step("")  # before CPython 3.11 the frame is between them, and was named instead
    local = _local_of(frame, held) if frame is not None else "a local"
    name = getattr(code, "co_qualname", code.co_name)
    where = in_file(code.co_filename, namer)
    return Step(f"{local} of the suspended {name}", f"{type(holder).__name__}, {kind_of(held)}", where)


def _part_of(generator: Any, part: str) -> Any:
    """Return the code or the frame of a generator, a coroutine or an asynchronous generator."""
    names = (f"{start}_{part}" for start in ("gi", "cr", "ag"))
    return next(getattr(generator, name) for name in names if hasattr(type(generator), name))


def _frame_of(generator: Any) -> types.FrameType | None:
    frame: types.FrameType | None = _part_of(generator, "frame")
    return frame


def _suspended(frame: types.FrameType) -> Any:
    """Return the generator or coroutine that a frame belongs to, if the collector knows one."""
    return next(
        (one for one in gc.get_referrers(frame) if is_a(one, *SUSPENDABLE) and _frame_of(one) is frame), None
    )


def _of_thread(holder: object, held: object, namer: SiteNamer) -> Step:
    step = _of_instance(holder, held, namer)
    return replace(step, path=f"thread: {step.path}")


def _of_collection(holder: object, _held: object, _namer: SiteNamer) -> Step:
    return Step("", kind_of(holder))


def _unnamed(_holder: object, _held: object, _namer: SiteNamer) -> Step:
    return Step("")


def itself(holder: object, namer: SiteNamer) -> tuple[Step, ...]:
    """Describe a container by its size: its place may be that of an outer one, which does not grow."""
    is_shown = is_a(holder, *SIZED) and is_named(holder, namer) is None and not is_in_queue(holder)
    return (Step("", kind_of(holder)),) if is_shown else ()


def kept_in(holder: object, new: Container[int], namer: SiteNamer) -> tuple[Step, ...]:
    """Name what an object holds: a class defined in Python, looked for inside tuples and lists too.

    `new` holds the identities of what may be named.
    """
    held = outer = [inner for inner in referents(holder) if id(inner) in new]
    for _ in range(_LOOKED_INTO):
        if not held or any(is_of_statement(type(one)) for one in held):
            break
        held = [inner for one in held for inner in referents(one) if id(inner) in new]
    finalizer = _most_common_finalizer(held, namer)
    if finalizer is not None:
        return (finalizer,)
    return describe_common(Counter(map(type, held or outer)), namer)


def _most_common_finalizer(held: Iterable[object], namer: SiteNamer) -> Step | None:
    """Name the most common finalizer of `weakref.finalize` among these: its object and its function."""
    steps = Counter(
        _finalizer(one, namer) for one in held if (module_name(type(one)), type(one).__name__) == _FINALIZER
    )
    return steps.most_common(1)[0][0] if steps else None


def _finalizer(info: Any, namer: SiteNamer) -> Step:
    subject = info.weakref()
    name = function_name(subject) if is_a(subject, types.FunctionType) else full_name(type(subject))
    function = getattr(info.func, "__func__", info.func)
    where = in_file(getattr(getattr(function, "__code__", None), "co_filename", None), namer)
    return Step(f"weakref.finalize of {name}", f"calls {function_name(function)}", where)


def _in_dict(holder: dict[Any, Any], held: object, namer: SiteNamer) -> Step:
    module = module_of(holder)
    if module is not None:
        name = _key_of(holder, held)
        file = getattr(module, "__file__", None)
        return Step(f"{module.__name__}.{name}", kind_of(held), in_file(file, namer), named=True)
    for owner in gc.get_referrers(holder):
        if is_a(owner, type) and own_dict(owner) is holder:
            file = file_of_class(owner)
            path = f"{full_name(owner)}.{_key_of(holder, held)}"
            return Step(path, kind_of(held), in_file(file, namer), named=True)
        if not is_a(owner, type) and namespace(owner) is holder:
            return _of_instance(owner, held, namer)
    return Step("", kind_of(holder))


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
                if dispatched := _dispatched_by(function, name, held):
                    where = in_file(dispatched.__code__.co_filename, namer)
                    path = f"functools.singledispatch registry of {function_name(dispatched)}"
                    return Step(path, kind_of(held), where, named=True)
                where = in_file(function.__code__.co_filename, namer)
                path = f"{name} in the closure of {function_name(function)}"
                return Step(path, kind_of(held), where, named=True)
    return Step("")


def _dispatched_by(function: Any, name: str, held: object) -> Any:
    """Return the function whose `functools.singledispatch` keeps a registry in this closure, if one does."""
    if name != "registry" or function.__module__ != functools.__name__ or not is_a(held, dict):
        return None
    first = dict.get(held, object)
    return first if is_a(first, types.FunctionType) else None


def running_holder(held: object, namer: SiteNamer, new: Container[int]) -> Step | None:
    """Return what the collector does not list: a frame of a running thread that has an object as a local.

    The context of a thread is not listed either; `new` holds the identities of what its variables got.
    """
    if is_a(held, Context):
        return _of_context(held, new)
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in frames_with_local(held):
        step = _frame(frame, held, namer)
        return replace(step, where=f"{step.where}, thread {names.get(ident, ident)}")
    return None


def _of_context(context: Context, new: Container[int]) -> Step:
    """Name the variables of a thread's context that may hold something; only the interpreter refers to it.

    If some hold what is `new`, or a tuple of plain values, which the collector does not track, only those.
    """
    held = {variable.name: value for variable, value in context.items()}
    tracked = [name for name, value in held.items() if gc.is_tracked(value)]
    led = [name for name in tracked if id(held[name]) in new or number_held(held[name], new)]
    led += [name for name, value in held.items() if name not in tracked and is_a(value, tuple) and value]
    names = led or tracked
    if not 0 < len(names) <= _SHOWN_VARIABLES:
        return Step("context variables", "contextvars.Context", named=True)
    path = f"context variable{'s' * (len(names) > 1)} {', '.join(names)}"
    return Step(path, "contextvars.Context", named=True)


def _frame(frame: types.FrameType, held: object, namer: SiteNamer) -> Step:
    generator = _suspended(frame)
    if generator is not None:
        return _of_generator(generator, held, namer)
    code = frame.f_code
    function = getattr(code, "co_qualname", code.co_name)
    where = in_file(code.co_filename, namer)
    return Step(f"{_local_of(frame, held)} of the running {function}", kind_of(held), where, named=True)


def _local_of(frame: types.FrameType, held: object) -> str:
    return next((name for name, value in list(frame.f_locals.items()) if value is held), "a local")


def _cache(cache: Any, _held: object, namer: SiteNamer) -> Step:
    function = getattr(cache, "__wrapped__", None)
    code = getattr(function, "__code__", None)
    name = function_name(function) if function is not None else "?"
    where = in_file(code.co_filename if code else None, namer)
    used, limit = cache.cache_info().currsize, cache.cache_parameters()["maxsize"]
    size = f"{used:,} entries, unbounded" if limit is None else of_at_most(used, limit)
    return Step(name, f"functools cache, {size}", where, named=True)


def _of_instance(holder: object, held: object, namer: SiteNamer) -> Step:
    kind = type(holder)
    where = in_file(file_of_class(kind), namer)
    name = _attribute(holder, held)
    return (
        Step(f"{name} of {full_name(kind)}", kind_of(held), where)
        if name
        else Step(full_name(kind), where=where)
    )


def _attribute(holder: object, held: object) -> str:
    """Return the attribute of an instance that is `held`, without running code of its class."""
    for name, value in list(namespace(holder).items()):
        if value is held and is_a(name, str):
            return str(name)
    for owner in type(holder).__mro__:
        for name, slot in list(vars(owner).items()):
            if is_a(slot, types.MemberDescriptorType) and slot_value(slot, holder) is held:
                return name
    return ""


_DESCRIBED: tuple[tuple[tuple[type, ...], Callable[[Any, object, SiteNamer], Step]], ...] = (
    ((dict,), _in_dict),
    ((types.CellType,), _in_cell),
    ((types.FrameType,), _frame),
    ((FUNCTOOLS_CACHE,), _cache),
    ((types.FunctionType,), _of_function),
    (SUSPENDABLE, _of_generator),
    ((threading.Thread,), _of_thread),
    ((list, tuple, set, frozenset, SimpleQueue), _of_collection),
    ((threading.local, weakref.ref), _unnamed),
)
