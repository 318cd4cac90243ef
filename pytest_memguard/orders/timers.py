"""Timers of an asyncio loop that end in an order which does not depend on the speed of the machine."""

from __future__ import annotations

import asyncio
import heapq
from contextvars import Context
from typing import Any

_MOST_PASSES = 1_000
"""After so many passes with something to do, timers end by the clock: a task may look for what one does."""

_Timers = list[asyncio.TimerHandle]


class _Group:
    """Timers of one delay that were set before the loop next had nothing to do: they end together."""

    __slots__ = ("due", "timers")

    def __init__(self, due: float) -> None:
        self.due = due
        """When they end in the loop's decided time, in seconds."""
        self.timers: _Timers = []

    def drop_cancelled(self) -> None:
        """Forget the timers that never end."""
        self.timers = [timer for timer in self.timers if not timer.cancelled()]


class TimersInOrder:
    """Lets the timers of a loop end group by group, in the order of what they are set to.

    By the clock, it is chance whether two tasks that sleep for a millisecond go on in the same pass of the
    loop, and which of 2 and 3 ms is over first on a busy machine. Here the timers that are set to one delay
    until the loop has nothing to do end in one pass, the last one's time after they were set, and no others
    do. What they cause is done before the next group ends. No timer ends before its time.

    Decided time is that of the group that has ended last. It never runs ahead of the clock, and is set to the
    clock where something from outside wakes the loop. Timers that are set to a moment, as time limits are,
    stay the loop's. A loop that is not asyncio's own keeps its timers.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop: Any = loop
        self._is_decided = _is_plain(loop)
        self._start = loop.time()
        self._now = 0.0
        self._groups: dict[float, _Group] = {}  # by delay, those set since the loop had nothing to do
        self._waiting: list[_Group] = []
        self._passes = 0
        self._set_by_loop: Any = loop.call_later
        self._selector: Any = getattr(loop, "_selector", None)
        self._select: Any = getattr(self._selector, "select", None)

    def __enter__(self) -> None:
        """Take over the timers that are set from now on."""
        if self._is_decided:
            self._loop.call_later = self._call_later
            self._selector.select = self._next_events

    def __exit__(self, *_: object) -> None:
        """Give the loop its timers back, with those that have not ended yet."""
        if self._is_decided:
            vars(self._loop).pop("call_later", None)  # the body may have taken it away
            vars(self._selector).pop("select", None)
            for group in self._waiting:
                group.drop_cancelled()  # the loop counts those among its own
                for timer in group.timers:
                    timer._scheduled = True  # type: ignore[attr-defined]  # what the loop itself sets
                    heapq.heappush(self._loop._scheduled, timer)

    def _call_later(
        self, delay: Any, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        if not isinstance(delay, int | float) or delay <= 0 or self._loop.get_debug():
            timer: asyncio.TimerHandle = self._set_by_loop(delay, callback, *args, context=context)
            return timer
        group = self._groups.get(delay)
        if group is None:
            group = self._groups[delay] = _Group(self._now + delay)
            self._waiting.append(group)
        timer = asyncio.TimerHandle(self._loop.time() + delay, callback, args, self._loop, context)
        group.timers.append(timer)
        return timer

    def _next_events(self, timeout: float | None) -> Any:
        """Wait as the loop does; where it has nothing to do, let the next group end."""
        is_busy = timeout is not None and timeout <= 0
        self._passes = self._passes + 1 if is_busy else 0
        if is_busy and self._passes < _MOST_PASSES:
            return self._select(timeout)
        group = self._next_group()
        if group is None:
            return self._select(timeout)
        until = group.timers[-1].when()
        seconds = max(0.0, until - self._loop.time())
        if timeout is not None and timeout < seconds:
            return self._select(timeout)
        events = self._select(seconds)
        if events:
            self._now = max(self._now, self._loop.time() - self._start)
        elif until <= self._loop.time() + self._loop._clock_resolution:
            self._now = max(self._now, group.due)
            self._waiting.remove(group)
            self._loop._ready.extend(group.timers)
        return events

    def _next_group(self) -> _Group | None:
        self._groups.clear()
        for group in self._waiting:
            group.drop_cancelled()
        self._waiting = [group for group in self._waiting if group.timers]
        return min(self._waiting, key=lambda one: one.due, default=None)


def _is_plain(loop: Any) -> bool:
    """Say whether a loop waits and keeps its timers as asyncio itself does."""
    kind = type(loop)
    own = asyncio.BaseEventLoop
    return (
        isinstance(loop, asyncio.SelectorEventLoop)
        and (kind.time, kind.call_later, kind.call_at) == (own.time, own.call_later, own.call_at)
        and not {"call_later", "call_at", "time"} & vars(loop).keys()
    )
