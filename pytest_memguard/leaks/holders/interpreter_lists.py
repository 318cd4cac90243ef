"""Names the lists that only the interpreter refers to, such as that of what is called after a fork."""

from __future__ import annotations

import atexit
import os
from encodings import search_function
from itertools import chain, islice

from pytest_memguard.core.real_types import is_a
from pytest_memguard.leaks.holders.object_names import Step, kind_of

_LOOKED_THROUGH = 4096


def _in_each_list() -> None:
    """Stand in the lists of what is called around a fork and at exit: they are known by it."""


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_in_each_list, after_in_parent=_in_each_list, after_in_child=_in_each_list)
atexit.register(_in_each_list)


def interpreter_list(one: object) -> Step | None:
    """Return the step for a list of the interpreter, named by what adds to it; None for any other object."""
    if not is_a(one, list):
        return None
    ends = list.__iter__(one), list.__reversed__(one)  # that of exits gets longer at its start
    for item in chain.from_iterable(islice(end, _LOOKED_THROUGH) for end in ends):
        if item is _in_each_list:
            return Step("os.register_at_fork", kind_of(one), named=True)
        if item is search_function:
            return Step("codecs.register", kind_of(one), named=True)
        if type(item) is tuple and item and item[0] is _in_each_list:  # from CPython 3.14 on
            return Step("atexit", kind_of(one), named=True)
    return None
