"""Names the lists that only the interpreter refers to, such as that of what is called after a fork."""

from __future__ import annotations

import os
from encodings import search_function
from itertools import islice

from pytest_memguard.leaks.holders.object_names import Step, is_a, kind_of

_LOOKED_THROUGH = 4096


def _in_each_list() -> None:
    """Stand in the lists of what is called around a fork: they are known by it."""


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_in_each_list, after_in_parent=_in_each_list, after_in_child=_in_each_list)

_KNOWN_BY = ((_in_each_list, "os.register_at_fork"), (search_function, "codecs.register"))
"""A function that is early in a list, and the function of the standard library that adds to the list."""


def interpreter_list(one: object) -> Step | None:
    """Return the step for a list of the interpreter, named by what adds to it; None for any other object."""
    if not is_a(one, list):
        return None
    for item in islice(list.__iter__(one), _LOOKED_THROUGH):
        for known, name in _KNOWN_BY:
            if item is known:
                return Step(name, kind_of(one), named=True)
    return None
