"""Tells what a thread waits for, by what Linux shows of its system call.

That is the number of the call, its arguments and two pointers. What is no such line waits for nothing here.
There are many looks, beside the threads of a test. They create nothing that the interpreter keeps for reuse,
which those threads would miss: no tuples, as methods of `bytes` take for their arguments, no slices and no
ranges, and no integers from 257 to 2 ** 30, which CPython 3.14 keeps.
"""

from __future__ import annotations

import platform

_MACHINE = platform.machine()
_FUTEX = {"x86_64": b"202", "aarch64": b"98"}.get(_MACHINE, b"")
_RESTARTED = {"x86_64": b"219", "aarch64": b"128"}.get(_MACHINE, b"")
"""What a wait with a time limit shows after the process was stopped and goes on, with the same arguments."""
_FROM_OUTSIDE = {
    "x86_64": (b"0", b"43", b"45", b"47", b"288"),  # read, accept, recvfrom, recvmsg, accept4
    "aarch64": (b"63", b"202", b"207", b"212", b"242"),
}.get(_MACHINE, ())
"""Calls that wait for something from outside the process, as an idle server does."""
_SLEEPS = {"x86_64": (b"35", b"230"), "aarch64": (b"101", b"115")}.get(_MACHINE, ())
_SELECTS = {"x86_64": (b"23", b"270"), "aarch64": (b"72",)}.get(_MACHINE, ())

_NONE = b"0x0"
_CONTENDED = b"0x2"
"""What glibc's mutexes wait with, those of its own too (`lowlevellock.h`); locks of Python are semaphores."""

_SPACE = ord(" ")
_ZERO = ord("0")
_UNFLAGGED = b"08x"
"""What stands before the last digit of an operation with flags alone, or with nothing."""


def word(line: bytes, number: int) -> int:
    """Return the place of a word in a line, or its end where there are fewer.

    >>> word(b"202 0x7f 0x80", 0), word(b"202 0x7f 0x80", 2), word(b"running", 1)
    (0, 9, 7)
    """
    at = 0
    while number:
        at = word_end(line, at)
        if at < len(line):
            at += 1
        number -= 1
    return at


def word_end(line: bytes, at: int) -> int:
    """Return the place behind a word of a line.

    >>> word_end(b"202 0x7f", 0), word_end(b"202 0x7f", 4), word_end(b"", 0)
    (3, 8, 0)
    """
    while at < len(line) and line[at] != _SPACE:
        at += 1
    return at


def is_word(line: bytes, at: int, expected: bytes) -> bool:
    """Say whether a word of a line is the one that is expected; never where that is empty.

    >>> is_word(b"202 0x7f", 0, b"202"), is_word(b"202 0x7f", 4, b"0x7"), is_word(b"202 0x7f", 4, b"0x7f")
    (True, False, True)
    >>> is_word(b"202", 3, b"0x0"), is_word(b"202", 3, b"")
    (False, False)
    """
    length, past = len(expected), 0
    if not length or at + length > len(line):
        return False
    while past < length:
        if line[at + past] != expected[past]:
            return False
        past += 1
    return at + past == len(line) or line[at + past] == _SPACE


def begins_with(line: bytes, calls: tuple[bytes, ...]) -> bool:
    """Say whether the first word of a line is one of these numbers of system calls.

    >>> begins_with(b"35 0x7f 0x0", (b"3", b"35")), begins_with(b"35 0x7f", ())
    (True, False)
    """
    at, number = 0, len(calls)
    while at < number:
        if is_word(line, 0, calls[at]):
            return True
        at += 1
    return False


def is_below(line: bytes, at: int, bound: bytes) -> bool:
    """Say whether a number in a line is below another one; both are hexadecimal, without zeros in front.

    >>> is_below(b"0x7f", 0, b"0x80"), is_below(b"0x7f", 0, b"0x7f"), is_below(b"0x7f 0x1", 0, b"0x100")
    (True, False, True)
    """
    end = word_end(line, at)
    if end - at != len(bound):
        return end - at < len(bound)
    past = 0
    while at + past < end:
        if line[at + past] != bound[past]:
            return line[at + past] < bound[past]
        past += 1
    return False


def is_plain_wait(line: bytes, at: int) -> bool:
    """Say whether a futex operation, without its flags from 0x80 on, is 0: to wait.

    >>> is_plain_wait(b"0x0", 0), is_plain_wait(b"0x80", 0), is_plain_wait(b"0x180 1", 0)
    (True, True, True)
    >>> is_plain_wait(b"0x9", 0), is_plain_wait(b"0x89", 0), is_plain_wait(b"0x10", 0), is_plain_wait(b"", 0)
    (False, False, False, False)
    """
    end = word_end(line, at)
    if end - at < len(b"0x0") or line[end - 1] != _ZERO:
        return False
    return line[end - 2] in _UNFLAGGED


def waits_on_address(line: bytes) -> bool:
    """Say whether a thread waits at an address, as for a lock."""
    return is_word(line, 0, _FUTEX) or is_word(line, 0, _RESTARTED)


def waits_for_lock(look: object) -> bool:
    """Say whether a thread waits for a lock of this process, without a time limit."""
    # futex(address, operation, value, limit): a limit of zero is none.
    return isinstance(look, bytes) and is_word(look, 0, _FUTEX) and is_word(look, word(look, 4), _NONE)


def is_lock_of_c(look: object) -> bool:
    """Say whether the lock is one of C, which libraries hold for a moment only, as to allocate memory."""
    return (
        isinstance(look, bytes)
        and is_plain_wait(look, word(look, 2))
        and is_word(look, word(look, 3), _CONTENDED)
    )


def sleeps(look: object) -> bool:
    """Say whether a thread waits for the clock alone. CPython 3.10 sleeps by selecting among no files."""
    if not isinstance(look, bytes):
        return False
    return begins_with(look, _SLEEPS) or (begins_with(look, _SELECTS) and is_word(look, word(look, 1), _NONE))


def waits_for_outside(look: object) -> bool:
    """Say whether a thread waits for something that another process sends."""
    return isinstance(look, bytes) and begins_with(look, _FROM_OUTSIDE)
