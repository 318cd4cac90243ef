"""Names objects in a chain of holders: full type names, sizes and files, but never values."""

from __future__ import annotations

import gc
import itertools
import re
import sys
import threading
import types
from dataclasses import dataclass
from typing import Any, TypeGuard

from pytest_memguard.meters.attribution import Owner, SiteNamer

_OURS = "pytest_memguard"
_PLUMBING = re.compile(r".*_pytest\.fixtures|(tuple|list), \d+ entr|args of functools\.partial ")


@dataclass(frozen=True, slots=True)
class Step:
    """One link of the chain; `named` says that it can be found in source, so that the search may end."""

    text: str
    named: bool = False


def is_a(one: object, *kinds: type) -> TypeGuard[Any]:
    """Say whether an object is of a type, by its real type: a proxy's `__class__` would run code."""
    return issubclass(type(one), kinds)


def referents(one: object) -> list[Any]:
    """Return what an object refers to; a module is asked for its namespace only.

    The `_asyncio` of CPython 3.12 shows the collector what it has set aside for reuse. Referring
    to that, as a list of referents does, hands it out twice, and the next look never ends.
    """
    return [vars(one)] if is_a(one, types.ModuleType) else gc.get_referents(one)


def is_ours(one: object) -> bool:
    """Say whether an object belongs to memguard: its frames and what they work on."""
    if is_a(one, types.FrameType):
        return str(one.f_globals.get("__name__", "")).split(".")[0] == _OURS
    return module_name(type(one)).split(".")[0] == _OURS


def module_name(kind: type) -> str:
    """Return where a class says it is from; a class may say anything."""
    module = kind.__module__
    return module if type(module) is str else "?"


def describe_kept(kind: type, namer: SiteNamer) -> str:
    """Name a type in full, with its file, as in `shop.session.Session in shop/session.py`."""
    return f"{full_name(kind)}{in_file(file_of_class(kind), namer)}"


def full_name(kind: type) -> str:
    """Name a class with its module."""
    module = module_name(kind)
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"


def function_name(function: Any) -> str:
    """Name a function with its module."""
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", "?")
    module = getattr(function, "__module__", None)
    return f"{module}.{name}" if module else str(name)


def kind_of(one: object) -> str:
    """Name the type of an object, with its size where it is a container."""
    name = type(one).__name__
    if is_a(one, dict, list, set, frozenset, tuple):
        return f"{name}, {len(one):,} {'entry' if len(one) == 1 else 'entries'}"
    return "thread-local" if is_a(one, threading.local) else name


def file_of_class(kind: type) -> str | None:
    """Return the file of the module that a class says it is from."""
    return getattr(sys.modules.get(module_name(kind)), "__file__", None)


def in_file(file: str | None, namer: SiteNamer) -> str:
    """Say in which file something is; the standard library's own needs no saying."""
    if not file:
        return ""
    owner, name = namer.classify(file)
    return "" if owner in (Owner.STDLIB, Owner.LOOP) else f" in {name}"


def readable(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Say once what repeats, as in a list of links, and nothing of how pytest keeps a fixture.

    >>> readable(("shop._CACHE (Cache)", "shop.Cache", "data of shop.Cache (dict, 9 entries)"))
    ('shop._CACHE (Cache)', 'data of shop.Cache (dict, 9 entries)')
    """
    if lines and lines[0].startswith("fixture "):
        return (lines[0], *itertools.dropwhile(_PLUMBING.match, lines[1:]))
    once = tuple(dict.fromkeys(lines))
    return tuple(
        line for line, inner in itertools.zip_longest(once, once[1:]) if not _says_whose(inner, line)
    )


def _says_whose(inner: str | None, line: str) -> bool:
    """Say whether an attribute's line names the object that the line before it is all about."""
    return inner is not None and f" of {line} (" in inner
