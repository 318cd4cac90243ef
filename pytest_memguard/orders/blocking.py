"""Tells whether a thread is blocked: whether it waits in a system call, and still in the same one.

For each thread, Linux shows the system call that it waits in, with its arguments, or `running` for one
that runs or would run if it had a processor. A thread that waits for Python's global lock waits at an
address of the interpreter's own state; one that waits for a lock of the program does not. So one look
tells them apart, whatever the load of the machine. A thread that was just woken may still show the call
that it waited in, but its state is no longer that of a sleeping thread (`stat` in proc(5)). A thread that
waits for a disk counts as running. On other systems only the position in the program is known, and a thread
must stay there for a while.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Collection
from contextlib import suppress
from errno import ESRCH
from os import close as _os_close
from os import dup as _os_dup
from os import open as _os_open  # bound: a test may patch them while it runs
from os import pread
from pathlib import Path

from pytest_memguard.orders.system_calls import (
    is_below,
    is_lock_of_c,
    waits_for_lock,
    waits_for_outside,
    waits_on_address,
    word,
)
from pytest_memguard.orders.watched_time import WatchedTime

_PATIENCE_NS = 5_000_000
_BLIND_PATIENCE_NS = 20_000_000
"""How long a wait that may end by itself must be seen to last, to count as blocking.

It must last longer where only the position in the program is known, since a long call into C looks like one.
"""


Look = object
"""What one look at a thread showed: `RUNS`, what Linux shows of its wait, or its position in the program.

It is no object with attributes, since the garbage collector would count those. When it runs, and in which
thread, must not depend on how often somebody looks.
"""

RUNS = b"running"
UNSEEN = b""
"""Equal to no look at a thread that waits."""


class ThreadWatch:
    """Looks at one thread of this process, by its identifier in Python and its number in the kernel.

    `cpu_clock` is the clock of its CPU time as Linux numbers them (`MAKE_THREAD_CPUCLOCK` in its
    `posix-timers_types.h`), for `clock_ns(*cpu_clock)`. What `pthread_getcpuclockid` would do with a thread
    that has ended is undefined.
    """

    __slots__ = ("_fd", "_ident", "_stat_fd", "cpu_clock", "is_gone", "native_id")

    def __init__(self, ident: int, native_id: int) -> None:
        self._ident = ident
        self.native_id = native_id
        self.cpu_clock: tuple[int, ...] = ((~native_id << 3) | 6,)
        self.is_gone = False
        self._fd = self._stat_fd = -1
        with suppress(OSError):
            self._fd = _opened(f"/proc/self/task/{native_id}/syscall")
            self._read()
            self._stat_fd = _opened(f"/proc/self/task/{native_id}/stat")
        _INTERPRETER.learn()  # now: what it reads once must not show in a sample

    def _read(self) -> bytes:
        try:
            return pread(self._fd, 256, 0)
        except OSError as error:
            self.is_gone = error.errno == ESRCH
            if self.is_gone:
                _os_close(self._fd)
            else:  # the test has closed it, and what has its number now is the test's
                self._stat_fd = -1
            self._fd = -1
            raise

    @property
    def is_exact(self) -> bool:
        """Whether the kernel says what the thread waits for."""
        return self._fd >= 0

    def look(self) -> Look:
        """Return what the thread does now; two looks that are equal saw it in the same place.

        There are many looks, and objects that they take from the free lists of the interpreter (tuples,
        lists, floats) would be missing there for the threads of the test.
        """
        if self._fd >= 0:
            try:
                line = self._read()
            except OSError:
                pass
            else:
                return RUNS if would_run(line) else line
        frame = sys._current_frames().get(self._ident)  # noqa: SLF001 - the documented way to another thread's stack
        return (id(frame), frame.f_lasti if frame is not None else -1)

    def is_asleep(self) -> bool:
        """Say whether the thread sleeps until another thread or the clock wakes it.

        It does not sleep while it runs, waits for a disk, or is stopped. True where the system does not tell.
        """
        if self._stat_fd < 0:
            return True
        try:
            line = pread(self._stat_fd, _STATE_BYTES, 0)
            return line[_past_name(line) + 1] not in _AWAKE
        except (OSError, ValueError, IndexError):
            return True

    def waits_at(self, seen: Look) -> bool:
        """Say whether the thread sleeps in the call where it was seen.

        Its state is read before its call. One that was just woken shows the old call for a moment, and may
        sleep again by the time its state is read, to wait for the interpreter.
        """
        return seen != RUNS and self.is_asleep() and self.look() == seen

    def close(self) -> None:
        """Close the files that are open."""
        for fd in (self._fd, self._stat_fd):
            if fd >= 0:
                with suppress(OSError):  # the test has closed it
                    _os_close(fd)
        self._fd = self._stat_fd = -1


def _opened(path: str) -> int:
    """Open a file, but not as a standard stream that the test has closed, and that others open again."""
    fds = [_os_open(path, os.O_RDONLY | os.O_CLOEXEC)]
    while fds[-1] <= _STDERR:
        fds.append(_os_dup(fds[-1]))
    for fd in fds[:-1]:
        _os_close(fd)
    return fds[-1]


_STDERR = 2

_STATE_BYTES = 64
"""Enough for a number, a name of at most 15 bytes in parentheses, and the state."""

_AWAKE = b"RDTt"
_CLOSES = ord(")")
_R = ord("r")


def _past_name(line: bytes) -> int:
    """Return the place behind the last parenthesis.

    >>> _past_name(b"12 (a) b) S 1")
    9
    """
    at = len(line)
    while line[at - 1] != _CLOSES:
        at -= 1
    return at


class Sightings:
    """Looks at one thread again and again, until it is sure to be blocked.

    A thread that waits for a lock of Python without a time limit is blocked once two looks agree. Any other
    wait (sleeping, a socket, a lock with a time limit or of C) may be over in a moment, and has to last.
    """

    __slots__ = ("_waited", "_watch", "last")

    def __init__(self, watch: ThreadWatch) -> None:
        self._watch = watch
        self._waited = WatchedTime(_PATIENCE_NS if watch.is_exact else _BLIND_PATIENCE_NS)
        self.last: Look = RUNS

    def restart(self) -> None:
        """Forget all looks so far."""
        self._waited.restart()
        self.last = RUNS

    def is_blocked(self) -> bool:
        """Look once more and say whether the thread is blocked where `last` saw it."""
        look, last = self._watch.look(), self.last
        if look == RUNS or look != last:
            self.last = look
            self._waited.restart()
            return False
        has_to_last = not waits_for_lock(look) or is_lock_of_c(look)
        if has_to_last and not self._waited.is_up():
            return False
        if not self._watch.waits_at(look):
            self._waited.restart()
            return False
        return True


def nobody_moves(native_ids: Collection[int]) -> bool:
    """Say whether each of these threads waits without a time limit; False where the system does not tell."""
    watches = [ThreadWatch(0, native_id) for native_id in native_ids]
    try:
        looks = [watch.look() for watch in watches if watch.is_exact]
        return len(looks) == len(watches) and all(
            waits_for_lock(look) or waits_for_outside(look) for look in looks
        )
    finally:
        for watch in watches:
            watch.close()


class _Interpreter:
    """The addresses of the interpreter's own state: a thread that waits there waits for its lock.

    Locks of the program are on the heap. There are none where the system does not tell.
    """

    __slots__ = ("_is_known", "high", "low")

    def __init__(self) -> None:
        self.low = self.high = b""
        self._is_known = False

    def learn(self) -> None:
        """Read the addresses, once for the process."""
        if not self._is_known:
            self._is_known = True
            self.low, self.high = (b"0x%x" % address for address in _interpreter_addresses())


_INTERPRETER = _Interpreter()


def _interpreter_addresses() -> tuple[int, int]:
    with suppress(OSError, ValueError, AttributeError):
        inside = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
        with Path("/proc/self/maps").open(encoding="ascii", errors="replace") as maps:
            low = high = 0
            for line in maps:
                start, end = (int(part, 16) for part in line.split(" ", 1)[0].split("-"))
                if start <= inside < end:
                    low, high = start, end
                elif high and start == high and "[heap]" not in line:
                    high = end  # the zeros behind the data
                elif high:
                    break
            return low, high
    return 0, 0


def would_run(line: bytes) -> bool:
    """Say whether a thread runs or waits for the interpreter, by its `/proc/self/task/N/syscall`.

    That is `running`, or the number of the call, its arguments, two pointers.

    >>> would_run(b"running"), would_run(b"35 0x7f 0x0")
    (True, False)
    """
    if not line or line[0] == _R:
        return True
    at = word(line, 1)
    return (
        waits_on_address(line)
        and not is_below(line, at, _INTERPRETER.low)
        and is_below(line, at, _INTERPRETER.high)
    )
