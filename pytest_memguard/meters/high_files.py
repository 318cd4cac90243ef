"""Gives the files of a meter high numbers, where a test that closes low ones does not meet them.

A test may close its standard streams, or every file in a range, as a daemon does. memray's own thread ends
the process if it cannot read one of its files. A capture in the place of a closed stderr is written over.
"""

from __future__ import annotations

import os
from os import close, dup  # bound: a test may patch them while it runs
from os import open as os_open
from resource import RLIMIT_NOFILE, getrlimit

_LOWEST = 100


def occupy_low_numbers() -> list[int]:
    """Open files until the next one has a high number; return their numbers.

    Where few files can be open there are none: the meter needs some, and the test the others.
    """
    held: list[int] = []
    if 0 <= getrlimit(RLIMIT_NOFILE)[0] < 2 * _LOWEST:
        return held
    try:
        held.append(os_open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        while held[-1] < _LOWEST:
            held.append(dup(held[0]))
    except OSError:  # nearly all numbers are in use, and the meter needs the rest
        let_go(held)
        return []
    return held


def let_go(held: list[int]) -> None:
    """Close them."""
    for number in held:
        close(number)
