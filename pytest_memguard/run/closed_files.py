"""Tells the user that a test has closed the files of pytest, which then cannot tell anything itself."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

_FAR = 1000
"""The least number of a copy that is meant to stay open: such tests close many descriptors, from 3 on."""


@contextmanager
def telling_of_closed_files(config: pytest.Config) -> Iterator[None]:
    """Where pytest fails in the block since its files are closed, say so by a copy of its error output."""
    output = _error_output(config)
    try:
        yield
    except OSError as error:
        if error.errno == errno.EBADF:
            _say(
                output,
                f"\nmemguard: pytest could not end: {error}. A test has closed files that are not its own, "
                "as os.closerange does. The results of the guarded tests: memguard summary\n",
            )
        raise
    finally:
        with suppress(OSError):
            os.close(output)


def _error_output(config: pytest.Config) -> int:
    """Return a descriptor that leads where the error output does without pytest; -1 if there is none."""
    capture = config.pluginmanager.get_plugin("capturemanager")
    with suppress(OSError):
        if capture is None:
            return _far_copy(2)
        with capture.global_and_fixture_disabled():
            return _far_copy(2)
    return -1


def _far_copy(descriptor: int) -> int:
    if sys.platform != "win32":
        import fcntl  # noqa: PLC0415 - not on Windows

        with suppress(OSError):  # no number is as high
            return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FAR)
    return os.dup(descriptor)


def _say(output: int, words: str) -> None:
    with suppress(OSError):
        os.write(output, words.encode())
