"""Reads what the operating system and the C library report about this process; the only user of psutil."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

from pytest_memguard.core.metrics import CHILDREN, FILES, THREADS
from pytest_memguard.leaks.glibc_cache import filler_of_freed_blocks

_IN_USE = re.compile(rb"# bytes in allocated blocks\s*=\s*([0-9,]+)")


class SmallBlocks:
    """Reads how much memory CPython's allocator for small objects has handed out.

    `sys._debugmallocstats` walks the allocator's own tables, which takes a fraction of a
    millisecond whatever the session holds, and prints to file descriptor 2, which is redirected
    meanwhile. `bytes_in_use` returns None where the interpreter has no such
    allocator (`PYTHONMALLOC=malloc`, builds without a GIL, other interpreters).
    """

    def __init__(self) -> None:
        self._print = getattr(sys, "_debugmallocstats", None)
        self._file: int | None = None
        try:
            self._file = self._open()
        except OSError:
            self._print = None

    @staticmethod
    def _open() -> int:
        if hasattr(os, "memfd_create"):
            return os.memfd_create("memguard")
        handle, path = tempfile.mkstemp(prefix="memguard-")
        os.unlink(path)  # noqa: PTH108 - the descriptor is all that is wanted
        return handle

    def bytes_in_use(self) -> int | None:
        """Return the bytes in allocated small blocks."""
        if self._print is None or self._file is None:
            return None
        try:
            kept = os.dup(2)
        except OSError:
            return None
        try:
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
            os.dup2(self._file, 2)
            self._print()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        os.lseek(self._file, 0, os.SEEK_SET)
        match = _IN_USE.search(os.read(self._file, 65536))
        return int(match.group(1).replace(b",", b"")) if match else None

    def close(self) -> None:
        """Close the file that takes the output."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


try:
    import resource
except ImportError:  # Windows has no such module
    resource = None  # type: ignore[assignment]  # a module or nothing

_SPARE_FILES = 24
_MORE_FILES = 256


class SpareFiles:
    """File descriptors held in reserve while a body is repeated, which may use up all others."""

    def __init__(self) -> None:
        self._files: list[int] = []
        with contextlib.suppress(OSError):
            self._files.append(os.open(os.devnull, os.O_RDONLY))
            self._files += [os.dup(self._files[0]) for _ in range(_SPARE_FILES - 1)]

    def close(self) -> None:
        """Release them."""
        while self._files:
            os.close(self._files.pop())


def make_room_for_files() -> None:
    """Raise this process's limit of open files where that is allowed.

    The files of a body that used up all descriptors stay open, and what follows needs some.
    """
    if resource is None:
        return
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = now + _MORE_FILES if most == resource.RLIM_INFINITY else min(most, now + _MORE_FILES)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


_PROBE_BYTES = 1024**2
_Answer = TypeVar("_Answer")


class ProcessMemory:
    """Reads the C heap, resident memory, file descriptors, native threads and children.

    Each reader returns None where this platform has no such figure; musl, for example, does not count
    the C heap in use. Where mimalloc, as in builds without a GIL, or a preloaded allocator keeps Python's
    larger objects elsewhere, the count of the heap tells nothing of them, and is left out.
    """

    def __init__(self) -> None:
        self._process: psutil.Process | None = None
        with contextlib.suppress(OSError, psutil.Error):  # Linux without /proc
            self._process = psutil.Process()
        self._fill_freed_blocks = filler_of_freed_blocks()
        self._heap: Callable[[], object] | None = getattr(psutil, "heap_info", None)
        if not self._heap_holds_objects():
            self._heap = None

    def _heap_holds_objects(self) -> bool:
        """Say whether the count of the heap rises by what a large object takes."""
        before = self.heap_bytes()
        held = bytes(_PROBE_BYTES)
        after = self.heap_bytes()
        return before is not None and after is not None and after - before > len(held) // 2

    def heap_bytes(self) -> int | None:
        """Return the bytes in use in the C heap, including those that it mapped directly."""
        if self._heap is None:
            return None
        self._fill_freed_blocks()
        try:
            heap = self._heap()
        except (OSError, RuntimeError, psutil.Error):
            return None
        used: int = getattr(heap, "heap_used", 0)
        mapped: int = getattr(heap, "mmap_used", 0)
        return max(0, used) + max(0, mapped)

    def resident_bytes(self) -> int | None:
        """Return the bytes of this process that are in physical memory."""
        return self._asked(lambda process: int(process.memory_info().rss))

    def open_files(self) -> int | None:
        """Return the number of open file descriptors (handles on Windows)."""
        name = "num_handles" if sys.platform == "win32" else "num_fds"
        return self._asked(lambda process: int(getattr(process, name)()))

    def threads(self) -> int | None:
        """Return the number of native threads."""
        return self._asked(lambda process: process.num_threads())

    def _asked(self, question: Callable[[psutil.Process], _Answer]) -> _Answer | None:
        """Return what the system says of this process; None where it does not tell."""
        try:
            return None if self._process is None else question(self._process)
        except (OSError, psutil.Error):
            return None

    def children(self) -> int | None:
        """Return the number of child processes, including those that ended but were not waited for."""
        children = self._children()
        return None if children is None else len(children)

    def listing(self, unit: str) -> Callable[[], set[int]] | None:
        """Return a function that lists open files, children or threads by number; None for other units."""
        return {
            FILES: _open_files,
            CHILDREN: lambda: self._children() or set(),
            THREADS: lambda: {thread.ident or 0 for thread in threading.enumerate()},
        }.get(unit)

    def _children(self) -> set[int] | None:
        """Return the children; Linux lists them by thread, without a look at every process of the machine."""
        with contextlib.suppress(OSError):
            tasks = Path("/proc/self/task")
            listed = [(tasks / task / "children").read_bytes().split() for task in os.listdir(tasks)]  # noqa: PTH208 - names are enough, paths would be built for nothing
            return {int(number) for numbers in listed for number in numbers}
        return self._asked(lambda process: {child.pid for child in process.children()})


def _open_files() -> set[int]:
    """Return the open file descriptors; none where the system does not list them."""
    try:
        numbers = {int(name) for name in os.listdir("/dev/fd")}  # noqa: PTH208 - names are enough
    except OSError:
        return set()
    return {number for number in numbers if _is_open(number)}


def _is_open(number: int) -> bool:
    """Say whether a descriptor is open; the one by which the folder was listed is closed by now."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
