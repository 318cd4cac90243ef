"""Notes whether the call of an item runs its function.

A plugin that runs tests at another time, such as side by side on one event loop, lets the call only tell how
its test ended.
"""

from __future__ import annotations

from typing import Any

import pytest
from _pytest.unittest import TestCaseFunction

RAN_ELSEWHERE = (
    "a plugin ran it at another time, and its call only tells how it ended, so its memory is not known; run "
    "the test without that plugin"
)

_CALLED = pytest.StashKey[bool]()


def note_call(item: pytest.Item) -> None:
    """Note that pytest calls the function of an item."""
    item.stash[_CALLED] = True


class CalledFunction:
    """Knows whether an item's function is called, where a plugin has replaced its run."""

    def __init__(self, item: pytest.Item) -> None:
        self._item: Any = item
        is_function = isinstance(item, pytest.Function) and not isinstance(item, TestCaseFunction)
        self._is_doubtful = is_function and "runtest" in vars(item)
        item.stash[_CALLED] = False  # the key is there, so that noting the call allocates nothing

    @property
    def is_missing(self) -> bool:
        """Say whether the call was none of the function."""
        return self._is_doubtful and not self._item.stash[_CALLED]
