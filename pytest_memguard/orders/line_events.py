"""Calls back where a thread comes to a place in the project's code at which its turn may pass.

Those are its lines, the returns of its functions, the steps of a line, and its calls of other packages.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import CodeType, TracebackType
from typing import Protocol

IsDue = Callable[[CodeType, int], bool]
"""Called at every place, in the thread itself; returns whether to call back."""

OnLine = Callable[[CodeType, int], None]
"""Called in the thread itself, with the code object and the number of the place."""


class Followed(AbstractContextManager[None], Protocol):
    """A context in which the lines of the thread that enters it are called back."""

    def stop(self) -> None:
        """Release what was needed to follow the thread, which has ended inside the context."""


class LineEvents(Protocol):
    """A source of line events, for as long as its context is open."""

    def __enter__(self) -> LineEvents:  # noqa: PYI034 - a protocol of its own: what is entered is a LineEvents
        """Get ready."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the process as it was."""

    def following(self, is_due: IsDue, on_line: OnLine) -> Followed:
        """Return a context in which the lines of the thread that enters it are called back."""

    def take_over(self, followed: Followed) -> None:
        """Go on following a thread that another source followed before."""
