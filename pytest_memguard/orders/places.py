"""Numbers the places in a code object where a turn can pass: lines, its return, and places within lines."""

from __future__ import annotations

from types import CodeType

Place = tuple[int, int]
"""A code object and a number; the identity stands for the code, whose hash would walk its instructions.

The number is a line, `RETURN`, or what `calling` or `behind` gives.
"""

RETURN = -1
"""A function is about to return; its result is not stored yet."""

NOWHERE = -2
"""A thread has come to no place yet."""

_FIRST = -4


def calling(line: int) -> int:
    """Return the number of the calls that a line makes into other packages, just before they run."""
    return _FIRST - 2 * line


def behind(offset: int) -> int:
    """Return the number of an instruction, by its offset, that follows a call in the same line."""
    return _FIRST - 1 - 2 * offset


def is_within(number: int) -> bool:
    """Say whether a number is of a place within a line."""
    return number <= _FIRST


def line_of(code: CodeType, number: int) -> int:
    """Return the line of a place, `RETURN` or `NOWHERE`.

    >>> line_of(line_of.__code__, calling(7))
    7
    """
    if number > _FIRST:
        return number
    at, is_behind = divmod(_FIRST - number, 2)
    if not is_behind:
        return at
    lines = (line for start, end, line in code.co_lines() if start <= at < end)
    return next(lines, None) or code.co_firstlineno
