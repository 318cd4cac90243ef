"""Keeps the interpreter's own stack out of a sample.

From CPython 3.11 on, frames lie in chunks of 16 KiB, and a frame that does not fit takes another chunk. Where
that happens depends on how deep the stack already is, so the same test could show 16 KiB more, or pytest
could seem to hold as much. A frame that is larger than a chunk gets one of its own, with room for a thousand
values above it (`MINIMUM_OVERHEAD` in CPython's `Python/pystate.c`), and that before the sample starts.

CPython 3.10 creates frames as objects, and keeps those that are free for reuse by any thread. The threads of
a test take frames from there, and so does the thread that watches them. How many they find would be chance,
so there are as many as possible before a sample starts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any, TypeVar

T = TypeVar("T")

_LOCALS = 3_000
"""Names of local variables that the frame has room for, eight bytes each: more than one chunk holds."""


_FREE_FRAMES = 200
"""As many as CPython 3.10 keeps (`PyFrame_MAXFREELIST` in its `Objects/frameobject.c`)."""

_LOCALS_OF_FREE_FRAMES = 250
"""Free frames are as large as this makes them; a function that needs more enlarges one."""


def _roomy(local_names: int) -> Callable[[Callable[[], Any]], Any]:
    """Return a function that calls another one, and has room for local variables that it never sets.

    A frame is as large as its function has names of them. They are put into its code: to compile an
    assignment of thousands takes longer than most of what a run imports.
    """

    def roomy(call: Callable[[], Any]) -> Any:
        return call()

    names = ("call", *(f"name_{number}" for number in range(local_names)))
    code = roomy.__code__.replace(co_varnames=names, co_nlocals=len(names))
    return FunctionType(code, {"__name__": __name__})  # loggers look for it in the frames above them


_call = _roomy(_LOCALS)
_call_in_small = _roomy(_LOCALS_OF_FREE_FRAMES)


def with_room(call: Callable[[], T]) -> T:
    """Call something above a chunk of its own."""
    result: T = _call(call)
    return result


def fill_free_frames() -> None:
    """Have CPython 3.10 keep as many free frames as it can; a collection of garbage releases them."""
    if sys.version_info < (3, 11):
        call: Callable[[], None] = _nothing
        for _ in range(_FREE_FRAMES + 1):  # the code itself keeps one
            call = partial(_call_in_small, call)
        call()


def _nothing() -> None:
    """End the calls within calls."""
