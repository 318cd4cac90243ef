"""`tasks=N`: an async test as several tasks of its loop, in the same order every time."""

from __future__ import annotations

import pytest

from tests.guarded_project import GuardedProject

STAMPEDE = """
    import anyio

    CACHE = {}

    async def load():
        await anyio.sleep(0)
        value = bytearray(300_000)
        await anyio.sleep(0)
        return value

    async def get():
        if "key" not in CACHE:
            CACHE["key"] = await load()
        return CACHE["key"]

    async def get_once(lock):
        async with lock:
            return await get()
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tasks_that_all_miss_load_once_each(project: GuardedProject, backend: str) -> None:
    project.write(
        conftest=f"import pytest\n@pytest.fixture\ndef anyio_backend():\n    return {backend!r}\n",
        cache=STAMPEDE,
        test_it="""
            import anyio, pytest, cache

            pytestmark = pytest.mark.anyio

            @pytest.fixture(autouse=True)
            def empty():
                cache.CACHE.clear()

            @pytest.fixture
            def lock():
                return anyio.Lock()

            @pytest.mark.memguard(tasks=8, max_peak="1 MiB")
            async def test_stampede():
                assert len(await cache.get()) == 300_000

            @pytest.mark.memguard(tasks=8, max_peak="1 MiB")
            async def test_one_flight(lock):
                assert len(await cache.get_once(lock)) == 300_000
        """,
    )
    run = project.run("-p", "anyio")
    assert run.outcomes() == {"test_stampede": "over-limit", "test_one_flight": "no-baseline"}
    assert 2_400_000 <= run.measured("test_stampede") < 2_600_000
    assert 300_000 <= run.measured("test_one_flight") < 500_000
    site = run.results()["test_stampede"]["sites"][0]
    met, line = site["met"], site["line"]
    assert (met["threads"], met["are_tasks"]) == (8, True)
    assert (met["after"]["function"], met["after"]["line"]) == ("load", line + 1)
    assert f"8 tasks waited at cache.py:{line + 1} in load at once" in run.text


def test_tasks_of_pytest_trio_miss_together_and_its_fixtures_are_shared(project: GuardedProject) -> None:
    project.write(
        cache=STAMPEDE,
        test_it="""
            import pytest, trio, cache

            @pytest.fixture
            async def lock():
                cache.CACHE.clear()
                await trio.sleep(0)
                yield trio.Lock()

            @pytest.mark.trio
            @pytest.mark.memguard(tasks=8, max_peak="1 MiB")
            async def test_stampede(lock, nursery):
                assert len(await cache.get()) == 300_000

            class TestOnce:
                @pytest.mark.trio
                @pytest.mark.memguard(tasks=8, max_peak="1 MiB")
                async def test_one_flight(self, lock):
                    assert len(await cache.get_once(lock)) == 300_000
        """,
    )
    run = project.run("-p", "pytest_trio.plugin")
    assert run.outcomes() == {"test_stampede": "over-limit", "TestOnce::test_one_flight": "no-baseline"}
    assert 2_400_000 <= run.measured("test_stampede") < 2_600_000
    assert 300_000 <= run.measured("TestOnce::test_one_flight") < 500_000


def test_an_error_in_one_task_fails_the_test_and_a_leak_counts_each_task(project: GuardedProject) -> None:
    project.write(
        conftest="import pytest\n@pytest.fixture(params=['asyncio', 'trio'])\ndef anyio_backend(request):\n"
        "    return request.param\n",
        test_it="""
            import itertools, anyio, pytest

            pytestmark = pytest.mark.anyio
            NUMBERS = itertools.count()
            KEPT = []

            @pytest.mark.memguard(tasks=4)
            async def test_fails():
                await anyio.sleep(0)
                if next(NUMBERS) % 4 == 2:
                    raise KeyError("third task")

            @pytest.mark.memguard(tasks=4, leaks=True, leak_budget=0.3)
            async def test_leaks():
                await anyio.sleep(0)
                KEPT.append(bytes(2_000))
        """,
    )
    run = project.run("-p", "anyio")
    assert run.counted() == {"failed": 4}
    assert run.text.count("KeyError: 'third task'") >= 2
    for name in ("test_leaks[asyncio]", "test_leaks[trio]"):
        assert run.outcomes()[name] == "leaked"
        assert 1_900 < run.results()[name]["leak"]["bytes_per_call"] < 2_200


def test_tasks_that_sleep_need_the_same_on_a_machine_of_any_speed(project: GuardedProject) -> None:
    """By the clock, tasks that sleep for 2 and 3 ms go on together where each takes some ms to get there."""
    project.write(
        test_it="""
            import asyncio, itertools, os, time, pytest
            NUMBERS = itertools.count()
            SLOW_SECONDS = float(os.environ.get("SLOW_SECONDS", 0))

            @pytest.mark.asyncio
            @pytest.mark.memguard(tasks=8)
            async def test_sleeps():
                number = next(NUMBERS) % 8
                for at in range(3):
                    time.sleep(SLOW_SECONDS)
                    await asyncio.sleep(0.001 * (1 + (number + at) % 4))
                    held = bytearray(100_000)
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
                    del held
        """,
    )
    peaks = []
    for slow_seconds in (0.0, 0.002):
        project.let(SLOW_SECONDS=slow_seconds)
        plugins = ("pytest_asyncio.plugin",)
        run = project.spawn("-W", "ignore::pytest.PytestDeprecationWarning", plugins=plugins)
        peaks.append(run.measured("test_sleeps"))
    assert max(peaks) - min(peaks) < 1_024  # a frame or a number more, where CPython keeps them for reuse


def test_what_cannot_be_tasks_names_threads(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest

            @pytest.mark.memguard(tasks=4)
            def test_plain():
                pass

            @pytest.mark.memguard(tasks=4, threads=4)
            def test_both():
                pass
        """,
    )
    run = project.run()
    assert run.counted() == {"passed": 2}
    assert set(run.outcomes().values()) == {"not-measured"}
    assert "for this one write threads=4" in run.reason("test_plain")
    assert "keep one of them" in run.reason("test_both")
