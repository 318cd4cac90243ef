"""How many bytes Python's small blocks hold, to the byte: the interpreter tells it only to stderr."""

from __future__ import annotations

import os
import re
import sys
import tempfile

_IN_USE = re.compile(rb"# bytes in allocated blocks\s*=\s*([0-9,]+)")


class SmallBlocks:
    """Reads what CPython's allocator for small objects has handed out.

    `sys._debugmallocstats` walks the allocator's own tables, which takes a fraction of a
    millisecond whatever the session holds, and prints to file descriptor 2; that is turned
    aside for the moment. `bytes_in_use` gives None where the interpreter has no such
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
