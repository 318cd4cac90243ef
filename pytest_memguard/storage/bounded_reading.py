"""Reads regular files up to a size limit; pipes and devices are refused."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

LARGEST_FILE_BYTES = 64 * 1024**2
"""The most that is read of a baseline, of results or of settings."""

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Opening a pipe that nobody writes to would wait for ever."""


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Return the content of a regular file, or one byte more than `most_bytes` of one that is larger.

    Raises `OSError` for a file of another kind, or one that cannot be read.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(most_bytes + 1)
    finally:
        os.close(descriptor)
