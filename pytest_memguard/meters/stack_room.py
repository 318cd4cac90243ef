"""Keeps the interpreter's own stack out of a sample.

From CPython 3.11 on, frames lie in chunks of 16 KiB, and a frame that does not fit takes another chunk. Where
that happens depends on how deep the stack already is, so the same test could show 16 KiB more, or pytest
could seem to hold as much. A frame that is larger than a chunk gets one of its own, with room for a thousand
values above it (`MINIMUM_OVERHEAD` in CPython's `Python/pystate.c`), and that before the sample starts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_LOCALS = 3_000
"""Names of local variables that the frame has room for, eight bytes each: more than one chunk holds."""


def _roomy() -> Callable[[Callable[[], Any]], Any]:
    names = " = ".join(f"name_{number}" for number in range(_LOCALS))
    namespace: dict[str, Any] = {}
    # A frame is as large as its function has local variables, whether or not they are ever set.
    exec(f"def roomy(call):\n    return call()\n    {names} = None", namespace)  # noqa: S102 - text of our own
    roomy: Callable[[Callable[[], Any]], Any] = namespace["roomy"]
    return roomy


_call = _roomy()


def with_room(call: Callable[[], T]) -> T:
    """Call something above a chunk of its own."""
    result: T = _call(call)
    return result
