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
import platform
import sys
from collections.abc import Collection
from contextlib import suppress
from os import close as _os_close
from os import open as _os_open  # bound: a test may patch them while it runs
from os import pread
from pathlib import Path

from pytest_memguard.orders.watched_time import WatchedTime

_FUTEX = {"x86_64": 202, "aarch64": 98}.get(platform.machine(), -1)
_RESTARTED = {"x86_64": 219, "aarch64": 128}.get(platform.machine(), -1)
"""What a wait with a time limit shows after the process was stopped and goes on, with the same arguments."""
_FROM_OUTSIDE = {
    "x86_64": {0, 43, 45, 47, 288},  # read, accept, recvfrom, recvmsg, accept4
    "aarch64": {63, 202, 207, 212, 242},
}.get(platform.machine(), set())
"""Calls that wait for something from outside the process, as an idle server does."""

_PATIENCE_NS = 5_000_000
_BLIND_PATIENCE_NS = 20_000_000
"""How long a wait that may end by itself must be seen to last, to count as blocking.

It must last longer where only the position in the program is known, since a long call into C looks like one.
"""


class Look:
    """What one look at a thread showed: where it is, and whether it waits there without a time limit.

    `waits_for_lock` means a lock of this process, `waits_for_outside` something that another process sends. A
    lock `is_of_c` if it is no lock of Python: libraries hold those for a moment, as to allocate memory.
    Values are set one by one: arguments would be a tuple from the free list of the interpreter.
    """

    __slots__ = ("is_of_c", "is_running", "waits_for_lock", "waits_for_outside", "where")

    def __init__(self) -> None:
        self.where: object = None
        self.is_running = self.is_of_c = self.waits_for_lock = self.waits_for_outside = False

    def is_at(self, where: object) -> bool:
        """Say whether the thread is in that place, and does not run."""
        return not self.is_running and self.where == where


_UNSEEN = Look()
_RUNNING = Look()
_RUNNING.is_running = True


class ThreadWatch:
    """Looks at one thread of this process, by its identifier in Python and its number in the kernel."""

    __slots__ = ("_fd", "_ident", "_stat_fd", "is_gone", "native_id")

    def __init__(self, ident: int, native_id: int) -> None:
        self._ident = ident
        self.native_id = native_id
        self.is_gone = False
        self._fd = self._stat_fd = -1
        with suppress(OSError):
            self._fd = _os_open(f"/proc/self/task/{native_id}/syscall", os.O_RDONLY | os.O_CLOEXEC)
            self._read()
            self._stat_fd = _os_open(f"/proc/self/task/{native_id}/stat", os.O_RDONLY | os.O_CLOEXEC)
        _INTERPRETER.learn()  # now: what it reads once must not show in a sample

    def _read(self) -> bytes:
        try:
            return pread(self._fd, 256, 0)
        except OSError:
            _os_close(self._fd)
            self._fd = -1
            self.is_gone = True
            raise

    @property
    def is_exact(self) -> bool:
        """Whether the kernel says what the thread waits for."""
        return self._fd >= 0

    def look(self, last: Look = _UNSEEN) -> Look:
        """Return what the thread does now, as the same object if nothing changed since the last look.

        There are many looks, and objects that they take from the free lists of the interpreter (tuples,
        lists, floats) would be missing there for the threads of the test.
        """
        if self._fd >= 0:
            try:
                line = self._read()
            except OSError:
                pass
            else:
                return last if line == last.where else parsed(line)
        frame = sys._current_frames().get(self._ident)  # noqa: SLF001 - the documented way to another thread's stack
        look = Look()
        look.where = (id(frame), frame.f_lasti if frame is not None else -1)
        return look

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

    def close(self) -> None:
        """Close the files that are open."""
        for fd in (self._fd, self._stat_fd):
            if fd >= 0:
                _os_close(fd)
        self._fd = self._stat_fd = -1


_STATE_BYTES = 64
"""Enough for a number, a name of at most 15 bytes in parentheses, and the state."""

_AWAKE = b"RDTt"
_SPACE = ord(" ")
_CLOSES = ord(")")
_R = ord("r")

_OPERATION = 0x7F
_WAIT = 0
_CONTENDED = 2
"""What glibc's mutexes wait with, those of its own too (`lowlevellock.h`); locks of Python are semaphores."""


def _past(line: bytes, at: int) -> int:
    """Return the place behind the next space, or the end of the line.

    Methods of `bytes` would take a tuple for their arguments from the free list of the interpreter.

    >>> _past(b"202 0x7f", 0), _past(b"202 0x7f", 4)
    (4, 8)
    """
    end = len(line)
    while at < end:
        at += 1
        if line[at - 1] == _SPACE:
            break
    return at


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

    __slots__ = ("_patience_ns", "_waited", "_watch", "last")

    def __init__(self, watch: ThreadWatch) -> None:
        self._watch = watch
        self._patience_ns = _PATIENCE_NS if watch.is_exact else _BLIND_PATIENCE_NS
        self._waited = WatchedTime()
        self.last = _RUNNING

    def restart(self) -> None:
        """Forget all looks so far."""
        self._waited.restart()
        self.last = _RUNNING

    def is_blocked(self) -> bool:
        """Look once more and say whether the thread is blocked where `last` saw it."""
        look, last = self._watch.look(self.last), self.last
        if not look.is_at(last.where) or last.is_running:
            self.last = look
            self._waited.restart()
            return False
        has_to_last = look.is_of_c or not look.waits_for_lock
        if has_to_last and self._waited.look() < self._patience_ns:
            return False
        if not self._watch.is_asleep():
            self._waited.restart()
            return False
        return True


def nobody_moves(native_ids: Collection[int]) -> bool:
    """Say whether each of these threads waits without a time limit; False where the system does not tell."""
    watches = [ThreadWatch(0, native_id) for native_id in native_ids]
    try:
        looks = [watch.look() for watch in watches if watch.is_exact]
        return len(looks) == len(watches) and all(
            look.waits_for_lock or look.waits_for_outside for look in looks
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
        self.low = self.high = 0
        self._is_known = False

    def learn(self) -> None:
        """Read the addresses, once for the process."""
        if not self._is_known:
            self._is_known = True
            self.low, self.high = _interpreter_addresses()


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


def parsed(line: bytes) -> Look:
    """Read `/proc/self/task/N/syscall`: `running`, or the number of the call, its arguments, two pointers.

    >>> parsed(b"running").is_running
    True
    """
    if not line or line[0] == _R:
        return _RUNNING
    look = Look()
    look.where = line
    # futex(address, operation, value, limit): a limit of zero is none.
    address_start = _past(line, 0)
    operation_start = _past(line, address_start)
    if operation_start == len(line):
        return look
    call = int(line[:address_start])
    if call not in (_FUTEX, _RESTARTED):
        look.waits_for_outside = call in _FROM_OUTSIDE
        return look
    address = int(line[address_start:operation_start], 16)
    if _INTERPRETER.low <= address < _INTERPRETER.high:
        return _RUNNING
    value_start = _past(line, operation_start)
    limit_start = _past(line, value_start)
    look.waits_for_lock = call == _FUTEX and int(line[limit_start : _past(line, limit_start)], 16) == 0
    look.is_of_c = (
        int(line[operation_start:value_start], 16) & _OPERATION == _WAIT
        and int(line[value_start:limit_start], 16) == _CONTENDED
    )
    return look
