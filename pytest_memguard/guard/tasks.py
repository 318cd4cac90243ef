"""`tasks=N`: an async test's body as several tasks of its own loop; says which tests cannot run that way."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from dataclasses import replace
from itertools import cycle
from types import CodeType
from typing import TYPE_CHECKING, Any

from pytest_memguard.core.policy import Policy
from pytest_memguard.core.sample import Sample
from pytest_memguard.core.sites import Meeting, SiteBytes
from pytest_memguard.guard.meetings import with_named_sites
from pytest_memguard.meters.site_namer import SiteNamer

if TYPE_CHECKING:
    from pytest_memguard.orders.waiting import WaitingTasks

_Call = Callable[[], Coroutine[Any, Any, object]]
_Follow = Callable[[Coroutine[Any, Any, object]], Awaitable[object]]


def tasks_refused(item: Any, policy: Policy) -> str:
    """Say why an item cannot be run as several tasks; empty where it can, or is not asked to."""
    if policy.tasks == 1:
        return ""
    if policy.threads > 1:
        return f"tasks={policy.tasks} and threads={policy.threads} are for different tests; keep one of them"
    function = _before_trio(item)
    if not inspect.iscoroutinefunction(function) or hasattr(function, "hypothesis"):
        return (
            f"tasks={policy.tasks} is for tests that are coroutines, whose tasks share a loop; "
            f"for this one write threads={policy.tasks}"
        )
    return ""


def _before_trio(item: Any) -> Any:
    """Return what an item calls, without what pytest-trio has put around it: that is no coroutine."""
    function = getattr(item, "obj", None)
    return item._getobj() if _is_run_by_trio(function) else function


def _is_run_by_trio(function: object) -> bool:
    return getattr(function, "_trio_test_runner_wrapped", False)


def _as_trio_runs_it(item: Any) -> None:
    """Have pytest-trio put around the function of an item what it does at the start of a call."""
    call = sys.modules["pytest_trio.plugin"].pytest_runtest_call(item)
    next(call)
    call.close()


def as_tasks(
    item: Any, runtest: Callable[[], None], policy: Policy, namer: SiteNamer, *, orders: Sequence[int]
) -> Callable[[], None]:
    """Return one run of an item: as pytest runs it, with its coroutine in several tasks where asked for."""
    if policy.tasks == 1 or tasks_refused(item, policy):
        return runtest
    return TaskedRun(item, runtest, policy, namer, orders=orders)


class TaskedRun:
    """One run of an item whose coroutine runs as several tasks.

    They take turns at their awaits. In order 0 each runs to its first await before the first one goes on,
    so that as many as possible overlap. In order 1 each starts one turn behind the one before it, and in
    any other they start at turns that are drawn. With several orders, each call has the next one.
    """

    def __init__(
        self,
        item: Any,
        runtest: Callable[[], None],
        policy: Policy,
        namer: SiteNamer,
        *,
        orders: Sequence[int],
    ) -> None:
        from pytest_memguard.orders.order import delays_of  # noqa: PLC0415 - only tests with tasks pay for it
        from pytest_memguard.orders.waiting import WaitingTasks  # noqa: PLC0415 - only tests with tasks pay for it

        self._item = item
        self._runtest = runtest
        self._delays = cycle([delays_of(order, policy.tasks) for order in orders])
        self._namer = namer
        self._waiting_tasks = WaitingTasks
        self._last: WaitingTasks | None = None

    def __call__(self) -> None:
        """Run it."""
        alone = self._item.obj
        self._last = self._waiting_tasks(self._namer.is_of_project)
        self._item.obj = _several(_before_trio(self._item), next(self._delays), self._last.follow)
        try:
            if _is_run_by_trio(alone):
                _as_trio_runs_it(self._item)
            self._runtest()
        finally:
            self._item.obj = alone

    def with_meetings(self, sample: Sample) -> Sample:
        """Say in a sample of the last run where most tasks waited at once."""
        waiting, self._last = self._last, None
        if waiting is None:
            return sample
        return with_named_sites(sample, lambda held: self._waited(held, waiting))

    def _waited(self, held: SiteBytes, waiting: WaitingTasks) -> SiteBytes:
        def closeness(code: CodeType, line: int) -> int:
            """Prefer the function that had made it, and there what came after."""
            is_in = self._namer.site_in(code, line).at == held.site.at
            return is_in + (is_in and line > held.site.line)

        waited = waiting.most(closeness)
        if waited is None:
            return held
        at = self._namer.site_in(waited.code, waited.line)
        return replace(held, met=Meeting(waited.tasks, 0, at, 0, are_tasks=True))


def _several(
    function: Callable[..., Coroutine[Any, Any, object]], delays: Sequence[int], follow: _Follow
) -> Callable[..., Awaitable[None]]:
    @functools.wraps(function)
    async def several(*args: object, **kwargs: object) -> None:
        trio = sys.modules.get("trio")
        is_trio = trio is not None and _is_running_in(trio)
        one_turn = trio.lowlevel.checkpoint if trio is not None and is_trio else _one_turn

        async def call(delay: int) -> object:
            for _ in range(delay):
                await one_turn()
            return await follow(function(*args, **kwargs))

        calls: Sequence[_Call] = [functools.partial(call, delay) for delay in delays]
        if is_trio:
            await _in_nursery(trio, calls)
        else:
            await _in_loop(calls)

    return several


@types.coroutine
def _one_turn() -> Generator[None, None, None]:
    """Let the other tasks of a loop of asyncio run once, also where `asyncio.sleep` is patched."""
    yield


async def _in_loop(calls: Sequence[_Call]) -> None:
    """Run all in the loop of asyncio; raises the first error, once the others have ended."""
    import asyncio  # noqa: PLC0415 - only tests of asyncio pay for it

    from pytest_memguard.orders.timers import TimersInOrder  # noqa: PLC0415 - as above

    with TimersInOrder(asyncio.get_running_loop()):
        tasks = [asyncio.ensure_future(call()) for call in calls]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            failed = next((task for task in tasks if task.done() and task.exception() is not None), None)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
    if failed is not None:
        await failed


def _is_running_in(trio: Any) -> bool:
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    return True


async def _in_nursery(trio: Any, calls: Sequence[_Call]) -> None:
    """Run all in trio, which shuffles the tasks that are ready unless it is told not to."""
    runner: Any = sys.modules["trio._core._run"]
    shuffles, runner._ALLOW_DETERMINISTIC_SCHEDULING = runner._ALLOW_DETERMINISTIC_SCHEDULING, True
    state = runner._r.getstate()
    runner._r.seed(0)
    try:
        async with trio.open_nursery() as nursery:
            for call in calls:
                nursery.start_soon(call)
    except BaseException as error:
        first = _innermost(error)
        if first is error:
            raise
        raise first from None
    finally:
        runner._ALLOW_DETERMINISTIC_SCHEDULING = shuffles
        runner._r.setstate(state)


def _innermost(error: BaseException) -> BaseException:
    """Return the first error of a group: one of the tasks, as it would have ended alone."""
    while isinstance(exceptions := getattr(error, "exceptions", None), tuple) and exceptions:
        error = exceptions[0]
    return error
