"""Tells a process from the children that it forks."""

from __future__ import annotations

import os
from os import getpid  # bound: a test may patch it while it runs

_current = [getpid()]


def _is_child() -> None:
    _current[0] = getpid()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_is_child)


class OwnProcess:
    """The process that made this."""

    __slots__ = ("_process",)

    def __init__(self) -> None:
        self._process = getpid()

    def is_left(self) -> bool:
        """Say whether this is a forked child of it."""
        return getpid() != self._process

    def is_left_by_python(self) -> bool:
        """Say the same without a new integer, unless a C library has forked: see `watched_time.START_NS`."""
        return _current[0] != self._process
