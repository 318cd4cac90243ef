"""Reads regular files, and text in UTF-8, up to a size limit; pipes and devices are refused."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader, FileIO
from pathlib import Path

from pytest_memguard.core.units import format_size

LARGEST_FILE_BYTES = 64 * 1024**2
"""The most that is read of a baseline, of results or of settings."""

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Opening a pipe that nobody writes to would wait for ever."""


class UnreadableTextError(Exception):
    """A file that is too large or not UTF-8: the line, counted from one, and what is wrong there."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


def read_text(path: Path) -> str:
    """Return the text of a regular file; each of its lines ends with a newline alone.

    Raises `UnreadableTextError`, or `OSError` for what is not a file that can be read.
    """
    content = read_regular(path, LARGEST_FILE_BYTES)
    if len(content) > LARGEST_FILE_BYTES:
        raise UnreadableTextError(1, f"is larger than {format_size(LARGEST_FILE_BYTES)}")
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableTextError(line, f"is not UTF-8: {error.reason} at byte {error.start}") from error


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
        # Not `os.fdopen`: eventlet's, which a conftest.py may have put there, closes the descriptor itself.
        with BufferedReader(FileIO(descriptor, "rb", closefd=False)) as file:
            return file.read(most_bytes + 1)
    finally:
        os.close(descriptor)
