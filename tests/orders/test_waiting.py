"""Where the tasks of a loop waited at once; a coroutine that is followed runs as it would alone."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from pytest_memguard.orders.waiting import WaitingTasks


def waiting_tasks() -> WaitingTasks:
    return WaitingTasks(lambda file: file == __file__)


async def pause() -> None:
    await asyncio.sleep(0)


async def asks() -> int:
    await pause()
    number = 1
    await pause()
    return number


def test_the_innermost_line_where_most_tasks_waited_is_told() -> None:
    waiting = waiting_tasks()

    async def all_at_once() -> list[object]:
        return await asyncio.gather(*(waiting.follow(asks()) for _ in range(3)))

    assert asyncio.run(all_at_once()) == [1, 1, 1]
    waited = waiting.most(lambda _code, _line: 0)
    assert waited is not None
    assert (waited.tasks, waited.code.co_name) == (3, "pause")
    close = waiting.most(lambda code, _line: code.co_name == "asks")
    assert close == waited  # what waits is the innermost function
    assert waiting_tasks().most(lambda _code, _line: 0) is None


def test_a_coroutine_sees_what_is_thrown_and_what_it_raises_comes_out() -> None:
    seen: list[str] = []

    async def catches() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise KeyError("out") from None

    async def body() -> None:
        task = asyncio.ensure_future(waiting_tasks().follow(catches()))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(KeyError, match="out"):
        asyncio.run(body())
    assert seen == ["cancelled"]


def test_what_a_coroutine_waited_for_is_not_kept() -> None:
    class Value:
        pass

    alive: list[object] = []

    async def waits() -> None:
        future = asyncio.get_running_loop().create_future()
        future.set_result(Value())
        seen = weakref.ref(future.result())
        asyncio.get_running_loop().call_soon(lambda: None)
        await asyncio.shield(future)
        del future
        await asyncio.sleep(0)
        gc.collect()
        alive.append(seen())

    async def body() -> None:
        await waiting_tasks().follow(waits())

    asyncio.run(body())
    assert alive == [None]
