"""Notices programs that a test starts, whose memory no tracker can follow, and those that its forks start."""

from __future__ import annotations

import gc
import mmap
import os
import struct
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from os import getpid  # bound here: a test may patch it while it runs
from types import BuiltinFunctionType, ModuleType
from typing import Any

_STARTERS = (
    ("_posixsubprocess", "fork_exec"),  # multiprocessing's spawn and forkserver call it themselves
    ("subprocess", "_fork_exec"),  # its name there since CPython 3.11
    ("_winapi", "CreateProcess"),  # Windows, where multiprocessing calls it too
)
"""What Python's own modules start programs with, by module and name, and raise no auditing event for."""

_EVENTS = frozenset({"os.system", "os.posix_spawn", "os.exec", "os.spawn", "os.startfile"})
"""Auditing events of programs that are started, by whatever name the function is called."""

_EXEC = "os.exec"
_LOOKED_UP = frozenset({"ctypes.dlsym", "ctypes.dlsym/handle"})
_C_STARTERS = frozenset(
    """
    clone clone3 daemon execl execle execlp execv execve execvp execvpe fexecve fork forkpty popen posix_spawn
    posix_spawnp system vfork
    """.split()  # noqa: SIM905 - many names in quotes would hide the names
)
"""Functions of C that make a process; called through `ctypes` they are neither forks nor events of Python."""

_PAGE_BYTES = 4096
_SLOT = struct.Struct("i")
_SLOTS = _PAGE_BYTES // _SLOT.size - 1


class _Process:
    """What this process notices of programs; its hooks are there once a test asks for its children."""

    def __init__(self) -> None:
        self.watching: list[StartedPrograms] = []
        self.looked_up = ""
        self._is_hooked = False

    def hook(self) -> None:
        """Hear of programs and forks; an auditing hook stays until the process ends."""
        if self._is_hooked:
            return
        self._is_hooked = True
        self.looked_up = next((name for name in _looked_up_before() if name in _C_STARTERS), "")
        sys.addaudithook(self._hear)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._note_fork)

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in _EVENTS:
            for programs in self.watching:
                programs.note(event)
        elif event in _LOOKED_UP and str(arguments[-1]) in _C_STARTERS:
            self.looked_up = str(arguments[-1])

    def _note_fork(self) -> None:
        for programs in self.watching:
            programs.note_fork()


def _looked_up_before() -> Iterator[str]:
    """Yield the names of C functions that `ctypes` has looked up."""
    function = getattr(sys.modules.get("_ctypes"), "CFuncPtr", None)
    if function is not None:
        for found in gc.get_objects():
            if issubclass(type(found), function):
                yield str(getattr(found, "__name__", ""))


_process = _Process()


def listen() -> None:
    """Hear of programs and forks from now on; objects that are frozen later show what they have looked up."""
    _process.hook()


class StartedPrograms:
    """Notices programs and forks between `watch` and `end`; forks tell of theirs in a shared page."""

    def __init__(self) -> None:
        self._process = getpid()
        self._started: list[object] = []
        self._page = mmap.mmap(-1, _PAGE_BYTES)  # first what forks start, then the ids of the forks
        self._replaced: list[tuple[ModuleType, str, object, object]] = []

    def watch(self) -> None:
        """Begin; what a fixture has replaced starts nothing, and stays as it is."""
        _process.hook()
        _process.watching.append(self)
        for module_name, name in _STARTERS:
            module = sys.modules.get(module_name)
            real = getattr(module, name, None)
            if module is not None and isinstance(real, BuiltinFunctionType):
                noting = self._noting(real)
                self._replaced.append((module, name, real, noting))
                setattr(module, name, noting)

    def end(self) -> None:
        """Put everything back, but for what was replaced since."""
        if self in _process.watching:
            _process.watching.remove(self)
        while self._replaced:
            module, name, real, noting = self._replaced.pop()
            if getattr(module, name) is noting:
                setattr(module, name, real)

    def any(self) -> bool:
        """Say whether a program was started that may do the test's work."""
        return self._page[0] > 0 or any(process != tracker_id() for process in self._started)

    @property
    def looked_up(self) -> str:
        """The function of C that this process may start programs by, unseen; empty without one."""
        return _process.looked_up

    def forked(self) -> Iterator[int]:
        """Yield the process ids of forks, and of their forks; of very many some are missing."""
        for slot in range(1, _SLOTS + 1):
            (process,) = _SLOT.unpack_from(self._page, slot * _SLOT.size)
            if process:
                yield process

    def note(self, event: str) -> None:
        """Note an auditing event; a program that takes the place of this process does not come back."""
        if getpid() != self._process:
            self._page[0] = 1
        elif event != _EXEC:
            self._started.append(event)

    def note_fork(self) -> None:
        """Note the fork that this runs in."""
        process = getpid()
        _SLOT.pack_into(self._page, (1 + process % _SLOTS) * _SLOT.size, process)

    def _noting(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(real)
        def start(*arguments: Any, **named: Any) -> Any:
            if getpid() != self._process:
                self._page[0] = 1
                return real(*arguments, **named)
            process = real(*arguments, **named)
            self._started.append(process)
            return process

        return start


def tracker_id() -> int | None:
    """Return the process that multiprocessing keeps its books in, which does no work for a test."""
    module = sys.modules.get("multiprocessing.resource_tracker")
    return getattr(getattr(module, "_resource_tracker", None), "_pid", None)
