"""Notices that a tracker lost frames of the stack, so that it no longer says who allocated."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from types import FrameType

from pytest_memguard.meters.stacks import Frame

_MARK_BYTES = 67
_LEVELS = 2


class StackMark:
    """A block that is left behind at a known depth of the stack, made where a tracker starts.

    CPython 3.11 tells profilers of the return of a coroutine that was resumed by an exception, and not of
    its call: memray then takes one frame too many off its stack, each time a cancellation is swallowed.
    memray's stacks begin in the frame that starts the tracker, and do not hold the frames around it.
    """

    def __init__(self) -> None:
        self._start = _depth()
        self._levels = 0
        self._expected = 0
        self._block: bytes | None = None

    def leave(self) -> None:
        """Allocate the block, which is to live until the tracker has stopped."""
        deeper = _depth() - self._start
        self._levels = _LEVELS + max(0, -deeper)
        self._expected = deeper + self._levels + 2  # this frame, and `_mark` once more than its levels
        self._block = _mark(self._levels)

    def drop(self) -> None:
        """Let go of the block."""
        self._block = None

    @staticmethod
    def is_in(stack: Sequence[Frame]) -> bool:
        """Say whether a stack is that of a mark."""
        return bool(stack) and stack[0][:2] == _MARK

    def is_missed(self, stacks: Iterable[Sequence[Frame]]) -> bool:
        """Say whether a capture has the block at a lesser depth than it was left at, or not at all."""
        depths = [len(stack) for stack in stacks if self.is_in(stack)]
        return max(depths, default=0) < self._expected


def _depth() -> int:
    """Return how many frames there are from the caller's caller outwards."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - there is no other way to the frames alone
    number = 0
    while frame is not None:
        frame = frame.f_back
        number += 1
    return number


def _mark(levels: int) -> bytes:
    return _mark(levels - 1) if levels else bytes(_MARK_BYTES)


_MARK = (_mark.__name__, _mark.__code__.co_filename)
