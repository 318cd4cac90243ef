"""A stack that lost frames is noticed, and whose memory nobody knows counts as the test's."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pytest_memguard.core.sample import Sample
from pytest_memguard.meters import Meter, SampleOptions, SiteNamer, choose_meter, stack_room
from pytest_memguard.meters.tally import Tally
from tests.guarded_project import GuardedProject

LOSES_FRAMES = sys.version_info[:2] == (3, 11)
POLLING = """
    import asyncio, pytest

    async def poll():
        task = asyncio.current_task()
        asyncio.get_running_loop().call_soon(task.cancel)
        try: await asyncio.sleep(10)
        except asyncio.CancelledError: pass

    async def serve(times):
        for _ in range(times): await poll()

    @pytest.mark.memguard(max_peak="2 MiB")
    @pytest.mark.parametrize("times", [0, 2, 10, 30])
    def test_it(times):
        asyncio.run(serve(times))
        assert len(bytearray(5_000_000))
"""


@pytest.fixture(scope="module")
def memray() -> Iterator[Meter]:
    """Return the memray meter."""
    pytest.importorskip("memray")
    meter = choose_meter(SiteNamer(Path(__file__).parent), "memray").meter
    yield meter
    meter.close()


def test_memory_after_swallowed_cancellations_is_the_tests(project: GuardedProject) -> None:
    pytest.importorskip("memray")
    project.write(test_it=POLLING)
    run = project.run()
    assert set(run.outcomes().values()) == {"over-limit"}
    said = {
        name: "lost frames" in str(result["measurement"].get("notes"))
        for name, result in run.results().items()
    }
    assert said.pop("test_it[0]") is False
    assert set(said.values()) == {LOSES_FRAMES}


async def poll() -> None:
    """Swallow a cancellation."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().call_soon(task.cancel)
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(10)


async def serve() -> None:
    """Go on after a call in which a cancellation was swallowed."""
    await poll()


@contextmanager
def deeper() -> Iterator[None]:
    """Enter and leave in frames of their own."""
    yield


async def nothing() -> None:
    """Await and return."""
    await asyncio.sleep(0)


def nested() -> None:
    """Enter a block and recurse in it."""
    with deeper():
        _ = [sorted([3, 1, 2], key=lambda number: -number) for _ in range(10)]


@pytest.mark.parametrize("body", [nested, lambda: asyncio.run(nothing()), lambda: exec("x = [1]")])
@pytest.mark.parametrize("counted", [False, True])
def test_nothing_is_lost_where_every_call_is_seen(
    memray: Meter, body: Callable[[], object], counted: bool
) -> None:
    assert not sampled(memray, body, counted=counted).has_lost_frames


def test_what_is_lost_in_one_sample_is_not_missed_in_the_next(memray: Meter) -> None:
    assert sampled(memray, lambda: asyncio.run(serve())).has_lost_frames is LOSES_FRAMES
    assert not sampled(memray, nested).has_lost_frames


@pytest.mark.parametrize("levels", [0, 5])
def test_where_a_sample_ends_is_of_no_account(memray: Meter, levels: int) -> None:
    recording = memray.recording()

    def enter(level: int) -> None:
        if level:
            enter(level - 1)
        else:
            recording.__enter__()

    def leave(level: int) -> None:
        if level:
            leave(level - 1)
        else:
            recording.__exit__(None, None, None)

    enter(levels)
    leave(5 - levels)
    assert not recording.sample().has_lost_frames


@pytest.mark.parametrize("lost", [False, True])
def test_where_frames_were_lost_the_frames_that_call_the_test_leave_nothing_out(lost: bool) -> None:
    tally = Tally(SiteNamer(Path(__file__).parent), has_lost_frames=lost)
    assert tally.owns([("roomy", "<string>", 2), ("with_room", stack_room.__file__, 48)]) is lost


def sampled(meter: Meter, body: Callable[[], object], *, counted: bool = False) -> Sample:
    """Take a sample of a body."""
    with meter.recording(SampleOptions(counted=counted)) as recording:
        body()
    return recording.sample()
