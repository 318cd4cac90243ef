"""Names objects in a chain of holders: full type names, sizes and files, but never values."""

from __future__ import annotations

import gc
import itertools
import re
import sys
import threading
import types
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from pytest_memguard.meters.attribution import Owner, SiteNamer

_OURS = "pytest_memguard"
_PLUMBING = re.compile(r".*_pytest\.fixtures|(tuple|list), \d+ entr|args of functools\.partial ")


@dataclass(frozen=True, slots=True)
class Step:
    """One link of the chain: its place in the program, what stands there, and in which file.

    `named` says that it can be found in source, so that the search may end. `is_bench` says that a module
    or a class of the test bench holds here: a plugin of pytest, which keeps records of its own.
    """

    path: str
    kind: str = ""
    where: str = ""
    named: bool = False
    is_bench: bool = False

    @property
    def text(self) -> str:
        """The link as a chain shows it; empty where there is nothing to say.

        >>> Step("shop.session._OPEN", "dict, 9 entries", " in shop/session.py").text
        'shop.session._OPEN (dict, 9 entries) in shop/session.py'
        """
        if not self.path:
            return f"{self.kind}{self.where}"
        return f"{self.path} ({self.kind}){self.where}" if self.kind else f"{self.path}{self.where}"


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


def describe_kept(kind: type, namer: SiteNamer) -> Step:
    """Name a type in full, with its file, as in `shop.session.Session in shop/session.py`."""
    return Step(full_name(kind), where=in_file(file_of_class(kind), namer))


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
    if is_a(one, deque) and one.maxlen is not None:
        return f"{name}, {of_at_most(deque.__len__(one), one.maxlen)}"
    for kind in (deque, dict, list, set, frozenset, tuple):
        if is_a(one, kind):
            return f"{name}, {_entries(kind.__len__(one))}"
    return "thread-local" if is_a(one, threading.local) else name


def of_at_most(entries: int, at_most: int) -> str:
    """Write how full a bounded container is.

    >>> of_at_most(2_064, 2_500)
    '2,064 of at most 2,500 entries'
    """
    return f"{entries:,} of at most {_entries(at_most)}"


def _entries(number: int) -> str:
    return f"{number:,} {'entry' if number == 1 else 'entries'}"


def file_of_class(kind: type) -> str | None:
    """Return the file of the module that a class says it is from."""
    return getattr(sys.modules.get(module_name(kind)), "__file__", None)


def in_file(file: str | None, namer: SiteNamer) -> str:
    """Say in which file something is; the standard library's own needs no saying."""
    if not file:
        return ""
    owner, name = namer.classify(file)
    return "" if owner in (Owner.STDLIB, Owner.LOOP) else f" in {name}"


def is_of_bench(steps: Sequence[Step]) -> bool:
    """Say whether the test bench holds, from the name in source down to what grows.

    An object of the program, or a fixture, in the midst of the chain is the program's own affair.
    """
    return bool(steps) and steps[0].is_bench and all(step.is_bench for step in steps if step.where)


def readable(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Say once what repeats, as in a list of links, and nothing of how pytest keeps a fixture.

    >>> [step.path for step in readable((Step("shop.CACHE"), Step("shop.Cache"), Step("data of shop.Cache")))]
    ['shop.CACHE', 'data of shop.Cache']
    """
    once = tuple({step.text: step for step in steps if step.text}.values())
    if once and once[0].path.startswith("fixture "):
        return (once[0], *itertools.dropwhile(lambda step: _PLUMBING.match(step.text), once[1:]))
    return tuple(
        step for step, inner in itertools.zip_longest(once, once[1:]) if not _says_whose(inner, step)
    )


def _says_whose(inner: Step | None, step: Step | None) -> bool:
    """Say whether an attribute's link names the object that the link before it is all about."""
    return (
        inner is not None and step is not None and not step.kind and inner.path.endswith(f" of {step.path}")
    )
