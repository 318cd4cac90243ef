"""Atomic file writes, and a folder lock that the kernel releases when its process dies."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

LOCK_TIMEOUT_SECONDS = 30.0
_POLL_SECONDS = 0.02
_OPEN_SECONDS = 5.0
REFUSES_OPEN_FILES = sys.platform == "win32"
"""Whether the system replaces no file that is open; tests set it."""

_SUFFIX = ".memguard-tmp"


class LockTimeoutError(Exception):
    """Another process kept the lock for longer than the time limit."""


def write_atomic(path: Path, text: str) -> None:
    """Write a UTF-8 file so that readers see the old or the new content, whatever happens.

    Makes the folders above it. Raises `OSError` (disk full, read-only, …) with the old file
    untouched and no temporary file left; also for a folder or a device, whose place the file would take.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it exists and is not a regular file")
    write_all({path: text})


def write_all(files: Mapping[Path, str]) -> None:
    """Write several files like `write_atomic`: none is replaced before all are on the disk."""
    written: list[tuple[Path, Path]] = []
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=".", suffix=_SUFFIX, dir=path.parent)
            written.append((Path(name), path))
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
        for temporary, path in written:
            temporary.chmod(_mode_of(path))
            _replace(temporary, path)
    except BaseException:
        for temporary, _ in written:
            with contextlib.suppress(OSError):  # it was moved to its place already
                temporary.unlink()
        raise


def _replace(temporary: Path, path: Path) -> None:
    """Put a file in the place of another; Windows refuses for as long as anybody has that one open."""
    deadline = time.monotonic() + (_OPEN_SECONDS if REFUSES_OPEN_FILES else 0)
    while time.monotonic() < deadline:
        with contextlib.suppress(PermissionError):
            temporary.replace(path)
            return
        time.sleep(_POLL_SECONDS)
    temporary.replace(path)


def _mode_of(path: Path) -> int:
    """Keep the mode of the file, or give what the umask leaves of 0o666: mkstemp gives 0o600."""
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return 0o666 & ~_UMASK


def _read_umask() -> int:
    umask = os.umask(0o077)  # the only way to read it is to set it
    os.umask(umask)
    return umask


_UMASK = _read_umask()


def remove_leftovers(directory: Path) -> None:
    """Remove temporary files of writers that were killed; call it under the lock."""
    for path in directory.rglob(f".*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def locked(directory: Path, *, timeout_seconds: float = LOCK_TIMEOUT_SECONDS) -> Iterator[None]:
    """Hold the lock of a folder, which is made if it is missing.

    The kernel drops the lock when its holder dies. Raises `LockTimeoutError` where another
    process holds it for longer than the time limit, and `OSError` where the folder cannot be
    made.
    """
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = _lockable(directory)
    try:
        deadline = time.monotonic() + timeout_seconds
        while not _try_lock(descriptor):
            if time.monotonic() >= deadline:
                raise LockTimeoutError(f"{directory} is in use by another memguard")
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)  # which unlocks


if sys.platform == "win32":
    import msvcrt

    def _lockable(directory: Path) -> int:
        return os.open(directory / ".lock", os.O_RDWR | os.O_CREAT)

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EDEADLK):
                return False
            raise
        return True

else:
    import fcntl

    def _lockable(directory: Path) -> int:
        return os.open(directory, os.O_RDONLY)  # a folder can be locked itself: nothing is left behind

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return False
            raise
        return True
