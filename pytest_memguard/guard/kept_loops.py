"""Keeps the event loop of a test while its other fixtures are renewed: the loop stands for the program's own.

A program has one loop as long as it lives. A task that waits forever, or a timer that is never cancelled,
stays in it; only the loop that a plugin makes for each test ends them when it is closed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from pytest_memguard.core.real_types import is_a
from pytest_memguard.guard.ends_of_fixtures import ended_by

if TYPE_CHECKING:
    import asyncio

    from _pytest.fixtures import FixtureDef


class KeptLoops:
    """The loops of an item's function-scoped fixtures; anyio keeps its own for them.

    What its other fixtures started in a loop of a fixture ends with them. Made while the item is set up.
    """

    def __init__(self, item: Any) -> None:
        self._item = item
        self._ends: list[Callable[[], object]] = []
        self._lease = ExitStack()
        self._of_fixtures = WeakSet(_tasks(self._finalizers()))

    def tear_down(self, tear_down: Callable[[], None]) -> None:
        """Tear the item down by `tear_down`, except for its loops."""
        finalizers = self._finalizers()
        self._ends = [end for end in finalizers if _loop(ended_by(end))]
        finalizers[:] = [end for end in finalizers if end not in self._ends]
        anyio: Any = sys.modules.get("anyio.pytest_plugin")
        if getattr(anyio, "_current_runner", None) is not None:
            self._lease.enter_context(anyio.get_runner("", {}))  # of the one that there is
        try:
            tear_down()
        finally:
            for definition in filter(None, map(ended_by, self._ends)):
                own = [end for end in definition._finalizers if ended_by(end) is None]  # noqa: SLF001 - the others are of fixtures that are torn down
                definition._finalizers[:] = own  # noqa: SLF001 - as above
        self._end_tasks()

    def set_up(self, set_up: Callable[[], None]) -> None:
        """Set the item up by `set_up` with the loops that it had."""
        before = _tasks(self._ends)
        try:
            set_up()
        except BaseException:
            while self._ends:
                self._ends.pop()()
            raise
        finally:
            self._lease.close()
        finalizers = self._finalizers()
        finalizers[1:1] = self._ends  # they are called in reverse order, and that of the item itself last
        self._ends = []
        self._of_fixtures = WeakSet(_tasks(finalizers) - before)

    def _finalizers(self) -> list[Callable[[], object]]:
        finalizers: list[Callable[[], object]] = self._item.session._setupstate.stack[self._item][0]  # noqa: SLF001 - pytest offers no other way to end fixtures but one
        return finalizers

    def _end_tasks(self) -> None:
        """End what fixtures started and left to the loop, and let the loop finish what they ended."""
        for loop in _loops(self._ends):
            left = [task for task in self._of_fixtures if not task.done() and task.get_loop() is loop]
            for task in left:
                task.cancel()
            loop.run_until_complete(_all_of(left))


async def _all_of(tasks: Iterable[asyncio.Task[Any]]) -> None:
    import asyncio  # noqa: PLC0415 - loaded by who made the loop; the cost of loading it is a test's own

    await asyncio.gather(asyncio.sleep(0), *tasks, return_exceptions=True)


def _tasks(finalizers: Iterable[Callable[[], object]]) -> set[asyncio.Task[Any]]:
    """Return the tasks in all loops that the finalizers close."""
    return {task for loop in _loops(finalizers) for task in sys.modules["asyncio"].all_tasks(loop)}


def _loops(finalizers: Iterable[Callable[[], object]]) -> Iterator[asyncio.AbstractEventLoop]:
    return filter(None, (_loop(ended_by(end)) for end in finalizers))


def _loop(definition: FixtureDef[Any] | None) -> asyncio.AbstractEventLoop | None:
    """Return the open loop of a fixture that is one, or that runs one as `asyncio.Runner` does."""
    asyncio = sys.modules.get("asyncio")
    result = definition and definition.cached_result
    if asyncio is None or not result:
        return None
    value: Any = result[0]
    if hasattr(type(value), "get_loop") and hasattr(type(value), "run"):
        value = getattr(value, "_loop", None)  # that of a runner that has run nothing yet is not made here
    return value if is_a(value, asyncio.AbstractEventLoop) and not value.is_closed() else None
