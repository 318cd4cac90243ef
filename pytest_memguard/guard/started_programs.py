"""Notices programs that a test starts, whose memory no tracker can follow, and those that its forks start."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Callable
from functools import wraps
from os import getpid  # bound here: a test may patch it while it runs
from types import BuiltinFunctionType, ModuleType
from typing import Any

_STARTERS = (
    ("_posixsubprocess", "fork_exec"),  # multiprocessing's spawn and forkserver call it themselves
    ("subprocess", "_fork_exec"),  # its name there since CPython 3.11
    ("_winapi", "CreateProcess"),  # Windows, where multiprocessing calls it too
    *(("os", name) for name in ("posix_spawn", "posix_spawnp", "system", "execv", "execve")),
)
"""Every way of the standard library to start a program: module and name. What a fork does is among them."""


class StartedPrograms:
    """Notices programs between `watch` and `end`; a byte that forks share tells what those start."""

    def __init__(self) -> None:
        self._process = getpid()
        self._started: list[object] = []
        self._by_forks = mmap.mmap(-1, 1)
        self._replaced: list[tuple[ModuleType, str, object, object]] = []

    def watch(self) -> None:
        """Begin; what a fixture has replaced starts nothing, and stays as it is."""
        for module_name, name in _STARTERS:
            module = sys.modules.get(module_name)
            real = getattr(module, name, None)
            if module is not None and isinstance(real, BuiltinFunctionType):
                noting = self._noting(real)
                self._replaced.append((module, name, real, noting))
                setattr(module, name, noting)

    def end(self) -> None:
        """Put everything back, but for what was replaced since."""
        while self._replaced:
            module, name, real, noting = self._replaced.pop()
            if getattr(module, name) is noting:
                setattr(module, name, real)

    def any(self) -> bool:
        """Say whether a program was started that may do the test's work."""
        return self._by_forks[0] > 0 or any(process != tracker_id() for process in self._started)

    def _noting(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(real)
        def start(*arguments: Any, **named: Any) -> Any:
            if getpid() != self._process:
                self._by_forks[0] = 1
                return real(*arguments, **named)
            process = real(*arguments, **named)
            self._started.append(process)
            return process

        return start


def tracker_id() -> int | None:
    """Return the process that multiprocessing keeps its books in, which does no work for a test."""
    module = sys.modules.get("multiprocessing.resource_tracker")
    return getattr(getattr(module, "_resource_tracker", None), "_pid", None)
