"""Both meters under one contract: known bytes, known sites, and a reason where nothing can be measured."""

from __future__ import annotations

import asyncio
import cProfile
import gc
import os
import resource
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import memray
import pytest
from memray._thread_name_interceptor import ThreadNameInterceptor

from pytest_memguard.core.meters import METERS
from pytest_memguard.core.sample import Sample
from pytest_memguard.meters import (
    Meter,
    MeterError,
    MeterUnavailableError,
    SampleOptions,
    SiteNamer,
    choose_meter,
)
from pytest_memguard.meters.garbage import only_new_garbage
from pytest_memguard.meters.stack_room import fill_free_frames, with_room

ROOT = Path(__file__).resolve().parents[2]
HELD: list[object] = []


@pytest.fixture(params=["memray", "tracemalloc"])
def meter(request: pytest.FixtureRequest) -> Iterator[Meter]:
    """Return each meter in turn."""
    yield from _meter(request.param)


@pytest.fixture
def memray_meter() -> Iterator[Meter]:
    """Return the memray meter."""
    yield from _meter("memray")


def _meter(name: str) -> Iterator[Meter]:
    chosen = choose_meter(SiteNamer(ROOT), name).meter
    yield chosen
    chosen.close()
    HELD.clear()


def measure(meter: Meter, body: Callable[[], object]) -> Sample:
    """Take one sample of a body."""
    recording = meter.recording()
    with recording:
        body()
    return recording.sample()


@pytest.mark.skipif(sys.platform != "linux", reason="there is no such folder elsewhere")
def test_files_of_a_tracker_have_high_numbers(memray_meter: Meter) -> None:
    """A test that closes low ones would end the process with it, or have its output in the capture."""
    folder, recording = Path("/proc/self/fd"), memray_meter.recording()
    before = {*folder.iterdir()}
    with recording:
        opened = [int(file.name) for file in {*folder.iterdir()} - before if file.exists()]
    assert opened
    assert min(opened) >= 100


def build() -> int:
    rows = bytearray(600_000)
    return len(rows) + pass_by()


def pass_by() -> int:
    return len("x" * 400_000)


def test_the_lines_behind_a_peak_are_named_by_another_look(meter: Meter) -> None:
    recording = meter.recording(SampleOptions(near_bytes=measure(meter, build).peak_bytes))
    with recording:
        build()
    peaks = {one.site.function: one.peak_bytes for one in recording.sample().sites if one.peak_bytes > 50_000}
    assert peaks == {"build": pytest.approx(600_000, abs=1000), "pass_by": pytest.approx(400_000, abs=1000)}


def test_a_peak_is_not_watched_where_another_tool_traces_the_lines() -> None:
    before = sys.gettrace()
    sys.settrace(lambda *_: None)
    try:
        for portable in _meter("tracemalloc"):
            with pytest.raises(MeterError, match="traces the lines already"):
                portable.recording(SampleOptions(near_bytes=1)).__enter__()
            assert not tracemalloc.is_tracing()
    finally:
        sys.settrace(before)


def keep() -> None:
    HELD.append(bytes(500_000))


def spend() -> None:
    held = bytearray(1_000_000)
    del held


def cycle() -> None:
    rows: list[object] = [bytes(300_000)]
    rows.append(rows)


@pytest.mark.parametrize(
    ("body", "peak_bytes", "retained_bytes"),
    [(spend, 1_000_000, 0), (keep, 500_000, 500_000), (cycle, 300_000, 0)],
)
def test_peak_and_retained(
    meter: Meter, body: Callable[[], object], peak_bytes: int, retained_bytes: int
) -> None:
    measure(meter, body)  # the first call pays for line tables
    HELD.clear()
    sample = measure(meter, body)
    assert 0 <= sample.peak_bytes - peak_bytes < 8192
    assert 0 <= sample.retained_bytes - retained_bytes < 2048


def test_memray_is_the_same_to_the_byte_every_time(memray_meter: Meter) -> None:
    measure(memray_meter, spend)
    samples = [measure(memray_meter, spend) for _ in range(3)]
    assert len({(sample.peak_bytes, sample.retained_bytes) for sample in samples}) == 1
    assert samples[0].retained_bytes < 512  # what it takes to leave the block


def test_the_site_of_what_was_kept_is_named(meter: Meter) -> None:
    sample = measure(meter, keep)
    site = max(sample.sites, key=lambda one: one.retained_bytes)
    assert site.site.file == "tests/meters/test_meters.py"
    assert site.site.line == keep.__code__.co_firstlineno + 1
    assert site.retained_bytes >= 500_000


def test_what_a_body_raises_goes_on_up_and_stops_the_meter(meter: Meter) -> None:
    recording = meter.recording()

    def fail() -> None:
        with recording:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert measure(meter, spend).peak_bytes >= 1_000_000


def test_memory_of_threads_is_counted(meter: Meter) -> None:
    def body() -> None:
        thread = threading.Thread(target=keep)
        thread.start()
        thread.join()

    assert measure(meter, body).retained_bytes >= 500_000


def test_a_thread_on_its_way_out_is_waited_for_and_one_that_stays_is_not(meter: Meter) -> None:
    ended = threading.Event()

    def held_until(done: Callable[[], object]) -> None:
        held = bytearray(1_000_000)
        done()
        del held

    def leave(done: Callable[[], object]) -> None:
        threading.Thread(target=held_until, args=(done,)).start()

    leaving = measure(meter, lambda: leave(lambda: time.sleep(0.05)))
    assert leaving.peak_bytes > 1_000_000
    assert leaving.retained_bytes < 100_000
    started = time.monotonic()
    try:
        staying = measure(meter, lambda: leave(ended.wait))
        assert time.monotonic() - started < 5
        assert staying.retained_bytes > 1_000_000
    finally:
        ended.set()


def test_an_older_thread_that_ends_meanwhile_does_not_stand_for_a_newer_one(meter: Meter) -> None:
    ended = threading.Event()
    older = threading.Thread(target=ended.wait)
    older.start()

    def hold() -> None:
        held = bytearray(1_000_000)
        time.sleep(0.05)
        del held

    def body() -> None:
        ended.set()
        older.join()
        threading.Thread(target=hold).start()

    sample = measure(meter, body)
    assert sample.peak_bytes > 1_000_000
    assert sample.retained_bytes < 100_000


def test_memory_of_the_c_heap_is_seen_by_memray(memray_meter: Meter) -> None:
    numpy = pytest.importorskip("numpy")
    sample = measure(memray_meter, lambda: numpy.ones(1_000_000).sum())
    assert 8_000_000 <= sample.peak_bytes < 8_100_000


def test_two_trackers_are_a_reason_and_leave_the_first_alone(memray_meter: Meter, tmp_path: Path) -> None:
    with memray.Tracker(tmp_path / "own.bin"), pytest.raises(MeterError, match="only one tracker"):
        measure(memray_meter, spend)
    assert measure(memray_meter, spend).peak_bytes >= 1_000_000


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="a profiler is no longer in memray's way")
def test_a_profiler_is_a_reason_and_leaves_nothing_behind(memray_meter: Meter) -> None:
    before = dict(threading.Thread.__dict__)
    with cProfile.Profile(), pytest.raises(MeterError, match="a profiler is active"):
        measure(memray_meter, spend)
    assert dict(threading.Thread.__dict__) == before
    assert measure(memray_meter, spend).peak_bytes >= 1_000_000


def test_where_the_system_refuses_memray_it_is_a_reason_once(memray_meter: Meter) -> None:
    before = dict(threading.Thread.__dict__)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as opened:
        opened.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 100), hard))
        with suppress(OSError):
            while True:
                opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        with pytest.raises(MeterError, match="Too many open files") as raised:
            measure(memray_meter, spend)
    assert "tracker" not in str(raised.value)
    assert dict(threading.Thread.__dict__) == before
    assert measure(memray_meter, spend).peak_bytes >= 1_000_000


def test_what_a_half_started_tracker_left_is_a_reason_once(memray_meter: Meter) -> None:
    left = ThreadNameInterceptor("_name", lambda _ident, _name: None)
    threading.Thread._name = left  # type: ignore[attr-defined]  # as memray does it
    with pytest.raises(MeterError, match="a tracker that never stopped"):
        measure(memray_meter, spend)
    assert "_name" not in threading.Thread.__dict__
    assert measure(memray_meter, spend).peak_bytes >= 1_000_000


def test_a_users_own_attribute_on_threads_stays(memray_meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "_ident", None, raising=False)
    with pytest.raises(MeterError, match="AssertionError"):
        measure(memray_meter, spend)
    assert threading.Thread.__dict__["_ident"] is None


def test_a_method_that_memray_wraps_is_put_back(memray_meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    def named(_thread: threading.Thread) -> None:
        pass

    monkeypatch.setattr(threading.Thread, "_set_os_name", named, raising=False)
    measure(memray_meter, spend)
    assert threading.Thread.__dict__["_set_os_name"] is named


def test_tracemalloc_that_is_on_belongs_to_somebody_else() -> None:
    meter = choose_meter(SiteNamer(ROOT), "tracemalloc").meter
    tracemalloc.start()
    try:
        with pytest.raises(MeterError, match="tracing already"):
            measure(meter, spend)
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


def test_a_test_that_stops_tracemalloc_is_not_measured() -> None:
    meter = choose_meter(SiteNamer(ROOT), "tracemalloc").meter
    with pytest.raises(MeterError, match="stopped tracemalloc"):
        measure(meter, tracemalloc.stop)


def test_collections_look_at_new_garbage_only_and_give_the_rest_back() -> None:
    gc.collect()
    frozen = gc.get_freeze_count()
    with only_new_garbage():
        assert gc.get_freeze_count() > frozen
        with only_new_garbage():
            pass
        assert gc.get_freeze_count() > frozen
    assert gc.get_freeze_count() <= frozen


def test_no_file_is_left_behind(memray_meter: Meter, tmp_path: Path) -> None:
    assert not memray_meter.keep_last(str(tmp_path / "none.bin"))
    measure(memray_meter, spend)
    assert memray_meter.keep_last(str(tmp_path / "capture.bin"))
    with memray.FileReader(tmp_path / "capture.bin") as reader:
        assert reader.metadata.total_allocations > 0
    memray_meter.close()
    assert not memray_meter.keep_last(str(tmp_path / "gone.bin"))


@pytest.mark.parametrize("name", METERS)
def test_every_meter_traces_what_outlives_a_body(name: str) -> None:
    try:
        meter = choose_meter(SiteNamer(ROOT), name).meter
    except MeterUnavailableError as error:
        pytest.skip(str(error))
    kept: list[bytes] = []

    def body() -> None:
        kept.append(bytes(12_345))
        len(bytes(50_000))

    ((size_bytes, place),) = (
        (size, stack[0][1:]) for size, _blocks, stack in meter.survivors(body) if size > 12_000
    )
    meter.close()
    assert place == (__file__, body.__code__.co_firstlineno + 1)
    assert 0 <= size_bytes - bytes(12_345).__sizeof__() <= 100  # tracemalloc adds up what a line made


def test_survivors_are_traced_where_memray_loses_frames(tmp_path: Path) -> None:
    meter = choose_meter(SiteNamer(ROOT)).meter
    kept: list[bytes] = []

    async def poll() -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_soon(task.cancel)
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(10)

    async def serve() -> None:
        for _ in range(3):
            await poll()

    def body() -> None:
        asyncio.run(serve())
        kept.append(bytes(12_345))

    lines = [stack[0][1:] for size, _blocks, stack in meter.survivors(body) if size > 12_000]
    assert lines == [(__file__, body.__code__.co_firstlineno + 2)]
    if meter.name == "memray":
        with meter.recording():
            pass
        assert not meter.keep_last(str(tmp_path / "of another test.bin"), survivors=True)
    meter.close()


def test_the_depth_of_the_stack_changes_no_peak(memray_meter: Meter) -> None:
    def nested(depth: int) -> int:
        return nested(depth - 1) if depth else measured()

    def measured() -> int:
        return with_room(lambda: measure(memray_meter, lambda: climb(20))).highest_peak_bytes

    def climb(depth: int) -> None:
        held = bytearray(100)
        if depth:
            climb(depth - 1)
        assert held

    nested(0)
    peaks = {nested(depth) for depth in range(0, 150, 10)}
    assert max(peaks) - min(peaks) < 8_192  # a chunk of the interpreter's stack has twice that


@pytest.mark.skipif(sys.version_info >= (3, 11), reason="frames are objects before CPython 3.11 only")
def test_frames_are_not_counted_where_there_are_free_ones(memray_meter: Meter) -> None:
    def climb(depth: int) -> None:
        if depth:
            climb(depth - 1)

    gc.collect()  # it releases those that are free
    counted = measure(memray_meter, lambda: climb(50)).peak_bytes
    gc.collect()
    fill_free_frames()
    assert measure(memray_meter, lambda: climb(50)).peak_bytes < counted / 4
