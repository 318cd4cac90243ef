"""Where the tasks of one loop waited at once: each of them is followed from one suspension to the next."""

from __future__ import annotations

import types
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

MOST_WAITS = 20_000
"""The most suspensions of all tasks that are looked at in one run, to limit the cost."""

_Place = tuple[int, int]
"""A code object, by its identity, and the line that it waits at."""


@dataclass(frozen=True, slots=True)
class Waited:
    """The largest number of tasks that waited at one line of a function at once."""

    tasks: int
    code: CodeType
    line: int


class WaitingTasks:
    """Follows tasks, and knows where they wait, in files for which `is_own` is true."""

    __slots__ = ("_codes", "_is_own", "_left", "_most", "_now")

    def __init__(self, is_own: Callable[[str], bool]) -> None:
        self._is_own = is_own
        self._left = MOST_WAITS
        self._codes: dict[int, CodeType] = {}  # held, or another one could have the same identity
        self._now: Counter[_Place] = Counter()
        self._most: dict[_Place, int] = {}

    @types.coroutine
    def follow(self, coroutine: Coroutine[Any, Any, object]) -> Generator[Any, Any, object]:
        """Run a coroutine, and look where it waits each time that it does.

        The coroutine sees what it would see alone. No value or error that is passed on is kept meanwhile.
        """
        sent: Any = None
        thrown: BaseException | None = None
        wanted: Any = None
        try:
            while True:
                try:
                    if thrown is None:
                        given, sent = [sent], None
                        wanted = coroutine.send(given.pop())
                    else:
                        errors, thrown = [thrown], None
                        wanted = coroutine.throw(errors.pop())
                except StopIteration as end:
                    return end.value
                place = self._waits(coroutine)
                try:
                    sent = yield wanted
                except GeneratorExit:
                    raise
                except BaseException as error:  # noqa: BLE001 - it is passed on, whatever it is
                    thrown = error
                finally:
                    wanted = None
                    self._goes_on(place)
        finally:
            coroutine.close()

    def _waits(self, coroutine: object) -> _Place | None:
        if not self._left:
            return None
        self._left -= 1
        innermost: _Place | None = None
        for frame in _frames_of(coroutine):
            if self._is_own(frame.f_code.co_filename):
                innermost = (id(frame.f_code), frame.f_lineno)
                self._codes[id(frame.f_code)] = frame.f_code
        if innermost is not None:
            self._now[innermost] += 1
            self._most[innermost] = max(self._most.get(innermost, 0), self._now[innermost])
        return innermost

    def _goes_on(self, place: _Place | None) -> None:
        if place is not None:
            self._now[place] -= 1

    def most(self, closeness: Callable[[CodeType, int], int]) -> Waited | None:
        """Return where most tasks waited at once, of the closest places at which several did."""
        several = [
            Waited(tasks, self._codes[code_id], line)
            for (code_id, line), tasks in self._most.items()
            if tasks > 1
        ]
        return max(several, key=lambda one: (closeness(one.code, one.line), one.tasks), default=None)


def _frames_of(waiting: Any) -> Iterator[types.FrameType]:
    """Yield the frames of a coroutine that waits, and of what it waits for, if they are of Python."""
    while waiting is not None:
        for frame_name, inner_name in _INNER:
            frame = getattr(waiting, frame_name, None)
            if frame is not None:
                yield frame
                waiting = getattr(waiting, inner_name)
                break
        else:
            return


_INNER = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))
