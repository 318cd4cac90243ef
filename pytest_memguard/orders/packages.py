"""Tells where a program enters another package: which package a file is of, and who has called it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import FrameType

OWN = 0
"""The project."""

NONE = 1
"""No package: code without a file of its own, and the files of memguard."""

_STDLIB = 2
_OTHER = 3
_FIRST = 4

_INSTALLED = ("site-packages", "dist-packages")
_MEMGUARD = f"{Path(__file__).resolve().parents[1]}{os.sep}"
_STDLIB_FOLDER = f"{Path(os.__file__).parent}{os.sep}"


class Packages(dict[str, int]):
    """The package of each file, as a number; a dictionary, since every call of a followed thread asks.

    The project is `OWN`. The standard library is one package, and so are all files of unknown packages.
    """

    def __init__(self, is_own: Callable[[str], bool]) -> None:
        super().__init__()
        self._is_own = is_own
        self._numbers: dict[str, int] = {}

    def __missing__(self, file: str) -> int:
        self[file] = number = self._number(file)
        return number

    def _number(self, file: str) -> int:
        if self._is_own(file):
            return OWN
        if file.startswith(("<", _MEMGUARD)):
            return NONE
        parts = file.replace("\\", "/").split("/")
        for folder in _INSTALLED:
            if folder in parts[:-1]:
                name = parts[len(parts) - parts[::-1].index(folder)]
                return self._numbers.setdefault(name, _FIRST + len(self._numbers))
        return _STDLIB if file.startswith(_STDLIB_FOLDER) else _OTHER

    def caller_into(self, package: int, caller: FrameType | None) -> FrameType | None:
        """Return the frame of the project below a call into a package from outside of it, if there is one.

        `caller` is the frame that calls a function of the package. Calls within a package do not count.
        """
        if package == NONE or caller is None:
            return None
        calling = self[caller.f_code.co_filename]
        if calling in (package, NONE):
            return None
        while calling != OWN:
            caller = caller.f_back
            if caller is None:
                return None
            calling = self[caller.f_code.co_filename]
        return caller
