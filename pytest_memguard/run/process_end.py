"""Catches calls that would end this process without pytest noticing, such as `os._exit`."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import update_wrapper
from os import _exit, getpid  # bound: a test may patch them
from typing import Any

import pytest

from pytest_memguard.core.real_types import names_of

_EXIT = "_exit"
_REPLACING = ("execv", "execve")
REPLACING = tuple(f"os.{name}" for name in _REPLACING)
"""Functions that put another program in place of this one; the others of this kind call them."""


def stop_capturing(config: pytest.Config) -> None:
    """Have what is written from now on reach the user: pytest will not show what it has captured."""
    capture = config.pluginmanager.get_plugin("capturemanager")
    if capture is not None:
        capture.suspend(in_=True)


class _Asking:
    """A function of `os` that asks first in the process of pytest; in a child it does what it always does.

    It can be pickled by its name, as in `Process(target=os._exit)` with spawn. Threads ask one at a time:
    the first to ask ends the process, and must not be overtaken while it writes the results.
    """

    _lock = threading.RLock()

    def __init__(self, real: Callable[..., Any], code_of: Callable[[int, str], int]) -> None:
        update_wrapper(self, real)
        self.__module__ = "os"
        self.real = real
        self._name = real.__name__
        self._code_of = code_of
        self._process = getpid()

    def __call__(self, *args: Any, **options: Any) -> Any:
        if getpid() == self._process:
            asked_for = 0 if self._name in _REPLACING else next(iter([*args, *options.values()]), 0)
            with self._lock:
                code = self._code_of(asked_for, f"os.{self._name}")
                if code != asked_for:
                    _exit(code)
        return self.real(*args, **options)

    def __reduce__(self) -> str:
        return self._name


@contextmanager
def asking_first(code_of: Callable[[int, str], int]) -> Iterator[None]:
    """Let `code_of` decide with which code this process ends, while the block runs.

    It gets the code that was asked for, 0 where another program is to take this one's place, and the
    name of the function, as in `os.execv`. If it returns another code, the process ends with that.
    """
    real = {name: getattr(os, name) for name in (_EXIT, *_REPLACING)}
    asking = {name: _Asking(function, code_of) for name, function in real.items()}
    places = [*_holders(real)]
    for names, name in places:
        names[name] = asking[name]
    try:
        yield
    finally:
        for names, name in places:
            if names.get(name) is asking[name]:
                names[name] = real[name]


def _holders(functions: Mapping[str, object]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the names of each module that holds one of the functions under its own name, with that name."""
    for module in [*sys.modules.values()]:
        names = names_of(module)
        yield from ((names, name) for name in functions if names.get(name) is functions[name])
