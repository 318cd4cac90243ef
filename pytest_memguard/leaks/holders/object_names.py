"""Names objects in a chain of holders: full type names, sizes and files, but never values."""

from __future__ import annotations

import functools
import gc
import itertools
import re
import sys
import threading
import types
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from pytest_memguard.core.real_types import is_a
from pytest_memguard.core.units import counted
from pytest_memguard.meters.site_namer import Owner, SiteNamer

FUNCTOOLS_CACHE = type(functools.lru_cache(maxsize=1)(int))
"""The type of a function with a cache of functools."""

SUSPENDABLE = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)

_OURS = "pytest_memguard"
_HEAP_TYPE = 1 << 9
_PLUMBING = re.compile(r".*_pytest\.fixtures|(tuple|list), \d+ entr|args of functools\.partial ")


@dataclass(frozen=True, slots=True)
class Step:
    """One link of the chain: its place in the program, what is there, and in which file.

    `named` says that it can be found in the source, so that the search may end.
    """

    path: str
    kind: str = ""
    where: str = ""
    named: bool = False

    @property
    def text(self) -> str:
        """The link as it is shown in a chain; may be empty.

        >>> Step("shop.session._OPEN", "dict, 9 entries", " in shop/session.py").text
        'shop.session._OPEN (dict, 9 entries) in shop/session.py'
        """
        if not self.path:
            return f"{self.kind}{self.where}"
        return f"{self.path} ({self.kind}){self.where}" if self.kind else f"{self.path}{self.where}"


def referents(one: object) -> list[Any]:
    """Return what an object refers to; of a module only its namespace.

    The module `_asyncio` of CPython 3.12 shows the collector objects that it keeps for reuse. A list of
    referents would refer to them, they would be handed out twice, and the next look would never end.
    """
    return [vars(one)] if is_a(one, types.ModuleType) else gc.get_referents(one)


def is_ours(one: object) -> bool:
    """Say whether an object belongs to memguard: its frames and what they work on, and its generators."""
    if is_a(one, types.GeneratorType):
        one = one.gi_frame or one
    if is_a(one, types.FrameType):
        return str(one.f_globals.get("__name__", "")).split(".")[0] == _OURS
    return module_name(type(one)).split(".")[0] == _OURS


def is_in_ours(step: Step) -> bool:
    """Say whether a named link is a place in memguard itself."""
    return step.named and step.path.split(".")[0] == _OURS


def module_name(kind: type) -> str:
    """Return the module that a class names; `?` where that is not a string."""
    module = kind.__module__
    return module if type(module) is str else "?"


def describe_kept(kind: type, namer: SiteNamer) -> Step:
    """Name a type in full, with its file, as in `shop.session.Session in shop/session.py`."""
    return Step(full_name(kind), where=in_file(file_of_class(kind), namer))


def is_of_statement(kind: type) -> bool:
    """Say whether a class is from a `class` statement, or from an extension that makes it as one does."""
    return bool(kind.__flags__ & _HEAP_TYPE)


def describe_common(kinds: Counter[type], namer: SiteNamer) -> tuple[Step, ...]:
    """Name the type that stays, if it is a class defined in Python: lists and cells say nothing."""
    common = [kind for kind, count in kinds.most_common() if 5 * count >= kinds.most_common(1)[0][1]]
    telling = [kind for kind in common if is_of_statement(kind)]
    return (describe_kept(telling[0], namer),) if telling else ()


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
    if is_a(one, SimpleQueue):
        return f"{name}, {counted(SimpleQueue.qsize(one), 'entry', 'entries')}"
    for kind in (deque, dict, list, set, frozenset, tuple):
        if is_a(one, kind):
            return f"{name}, {counted(kind.__len__(one), 'entry', 'entries')}"
    return "thread-local" if is_a(one, threading.local) else name


def of_at_most(entries: int, at_most: int) -> str:
    """Write how full a bounded container is.

    >>> of_at_most(2_064, 2_500)
    '2,064 of at most 2,500 entries'
    """
    return f"{entries:,} of at most {counted(at_most, 'entry', 'entries')}"


def file_of_class(kind: type) -> str | None:
    """Return the file of the module that a class says it is from."""
    return getattr(sys.modules.get(module_name(kind)), "__file__", None)


def in_file(file: str | None, namer: SiteNamer) -> str:
    """Say in which file something is; empty for the standard library."""
    if not file:
        return ""
    owner, name = namer.classify(file)
    return "" if owner in (Owner.STDLIB, Owner.LOOP) else f" in {name}"


def readable(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Leave out steps that repeat, as in a linked list, and those by which pytest keeps a fixture.

    A container without a name is left out below the attribute that it is, too.

    >>> [step.path for step in readable((Step("shop.CACHE"), Step("shop.Cache"), Step("data of shop.Cache")))]
    ['shop.CACHE', 'data of shop.Cache']
    """
    once = tuple({step.text: step for step in steps if step.text}.values())
    pairs = itertools.pairwise((Step(""), *once))
    once = tuple(step for holder, step in pairs if step.path or step.kind != holder.kind)
    if once and once[0].path.startswith("fixture "):
        return (once[0], *itertools.dropwhile(lambda step: _PLUMBING.match(step.text), once[1:]))
    return tuple(
        step for step, inner in itertools.zip_longest(once, once[1:]) if not _says_whose(inner, step)
    )


def _says_whose(inner: Step | None, step: Step | None) -> bool:
    """Say whether a link to an attribute already names the object of the link before it."""
    return (
        inner is not None and step is not None and not step.kind and inner.path.endswith(f" of {step.path}")
    )
