"""Tells a process from the children that it forks."""

from __future__ import annotations

import os
from os import getpid  # bound: a test may patch it while it runs

_current = [getpid()]


def _know_child() -> None:
    _current[0] = getpid()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_know_child)


class OwnProcess:
    """The process that made this."""

    __slots__ = ("_process",)

    def __init__(self) -> None:
        self._process = getpid()

    def is_child(self) -> bool:
        """Say whether this is a forked child of it."""
        return getpid() != self._process

    def is_child_of_os_fork(self) -> bool:
        """Say so of a child that Python has forked, without a new integer; see `watched_time.START_NS`."""
        return _current[0] != self._process
