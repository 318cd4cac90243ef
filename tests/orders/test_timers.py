"""Timers of a loop end in the order of their delays, on a machine of any speed, and never too early."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pytest_memguard.orders.timers import TimersInOrder

Body = Callable[[list[str]], Awaitable[object]]


def seen_by(body: Body) -> list[str]:
    """Run a body with timers in order; a hang is an error."""
    seen: list[str] = []

    async def run() -> None:
        with TimersInOrder(asyncio.get_running_loop()):
            await asyncio.wait_for(body(seen), 20)

    asyncio.run(run())
    return seen


@pytest.mark.parametrize("slow_seconds", [0, 0.004])
def test_timers_end_in_the_order_of_their_delays_and_equal_ones_in_one_pass(slow_seconds: float) -> None:
    """Where each task takes longer to begin than the others sleep, the clock has all of them end at once."""

    async def sleeps(seen: list[str], name: str, delays: list[float]) -> None:
        for delay in delays:
            time.sleep(slow_seconds)  # noqa: ASYNC251 - the machine is slow
            await asyncio.sleep(delay)
            seen.append(f"{name} {delay}")
            await asyncio.sleep(0)
            seen.append(f"{name} again")

    async def body(seen: list[str]) -> None:
        plans = {"a": [0.003, 0.001], "b": [0.001, 0.001, 0.0015], "c": [0.001]}
        await asyncio.gather(*(sleeps(seen, *plan) for plan in plans.items()))

    assert seen_by(body) == [
        *("b 0.001", "c 0.001", "b again", "c again", "b 0.001", "b again"),
        *("a 0.003", "a again", "b 0.0015", "b again", "a 0.001", "a again"),
    ]


def test_no_timer_ends_before_its_time() -> None:
    async def sleeps(delay: float) -> float:
        start = time.monotonic()
        time.sleep(0.002)  # noqa: ASYNC251 - as above
        await asyncio.sleep(delay)
        return time.monotonic() - start - delay

    async def body(seen: list[str]) -> None:
        over = await asyncio.gather(*(sleeps(delay) for delay in (0.005, 0.001, 0.005, 0.02)))
        assert min(over) >= 0
        seen.append("all")

    assert seen_by(body) == ["all"]


def test_a_task_that_looks_for_what_a_timer_does_sees_it() -> None:
    async def body(seen: list[str]) -> None:
        asyncio.get_running_loop().call_later(0.001, seen.append, "set")
        while not seen:  # noqa: ASYNC110 - as programs do
            await asyncio.sleep(0)

    assert seen_by(body) == ["set"]


def test_what_wakes_the_loop_from_outside_and_time_limits_come_when_they_do() -> None:
    async def body(seen: list[str]) -> None:
        slow = asyncio.ensure_future(asyncio.sleep(0.2))
        await asyncio.to_thread(time.sleep, 0.02)
        seen.append("thread")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.sleep(10), 0.01)
        seen.append("limit")
        assert not slow.done()
        await slow
        seen.append("slow")

    assert seen_by(body) == ["thread", "limit", "slow"]


def test_a_timer_that_is_cancelled_never_ends_and_one_that_is_left_ends_by_the_loop() -> None:
    async def run() -> list[str]:
        seen: list[str] = []
        loop = asyncio.get_running_loop()
        with TimersInOrder(loop):
            loop.call_later(0.001, seen.append, "cancelled").cancel()
            loop.call_later(0.02, seen.append, "left")
            await asyncio.sleep(0.001)
        assert not seen
        await asyncio.sleep(0.03)
        return seen

    assert asyncio.run(run()) == ["left"]


def test_cancelled_timers_that_are_left_do_not_keep_the_loop_from_dropping_its_own() -> None:
    async def run() -> int:
        loop: Any = asyncio.get_running_loop()
        for _ in range(200):
            with TimersInOrder(loop):
                loop.call_later(0.001, int).cancel()
        await asyncio.sleep(0.01)
        loop.call_later(1800, int)  # those behind it are dropped for their number alone
        for _ in range(200):
            loop.call_later(3600, int).cancel()
        await asyncio.sleep(0)
        return len(loop._scheduled)

    assert asyncio.run(run()) == 1


def test_a_loop_is_as_it_was_whatever_the_body_has_done_to_it() -> None:
    async def run() -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        with TimersInOrder(loop):
            del loop.call_later
        return loop

    assert "call_later" not in vars(asyncio.run(run()))


def test_a_loop_with_a_clock_of_its_own_keeps_its_timers() -> None:
    class Jumping(asyncio.SelectorEventLoop):
        def time(self) -> float:
            return super().time() + 1

    loop = Jumping()
    with TimersInOrder(loop):
        assert "call_later" not in vars(loop)
    loop.close()
