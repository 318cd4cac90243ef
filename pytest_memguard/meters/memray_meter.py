"""The memray meter: traces Python's allocators and reads the aggregated capture back at once."""

from __future__ import annotations

import gc
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import final

from pytest_memguard.core.sample import Sample
from pytest_memguard.meters import tracemalloc_meter
from pytest_memguard.meters.background import Background
from pytest_memguard.meters.ending_threads import RunningThreads, others_run
from pytest_memguard.meters.garbage import clear_type_caches, only_new_garbage
from pytest_memguard.meters.high_files import LowNumbersOccupied
from pytest_memguard.meters.lost_frames import StackMark
from pytest_memguard.meters.memray_captures import (
    held_by_others,
    lost_frames,
    number_of_records,
    open_capture,
    peak_of_thread,
    read_aggregated,
    read_every_record,
    read_survivors,
)
from pytest_memguard.meters.memray_tracker import (
    FileDestination,
    FileFormat,
    FileReader,
    Tracker,
    set_log_level,
    start,
)
from pytest_memguard.meters.own_thread import UnnoticedThread
from pytest_memguard.meters.protocol import PLAIN, MeterError, SampleOptions
from pytest_memguard.meters.site_namer import SiteNamer
from pytest_memguard.meters.stacks import Survivor
from pytest_memguard.meters.tally import Tally

_SNAPSHOT_INTERVAL_MS = 10


class MemrayMeter:
    """Measures what Python's allocators and the C heap hand out, to the byte."""

    name = "memray"
    label = "memray (python allocators traced)"
    counts_allocations = True
    follows_forks = True
    names_peaks = True
    sees_heap = True

    def __init__(self, namer: SiteNamer) -> None:
        self.namer = namer
        self._folder = Path(tempfile.mkdtemp(prefix="memguard-"))
        self._capture = self._folder / "capture.bin"
        self._survivors = self._folder / "survivors.bin"
        self._followed = False
        self._is_warm = False
        self._version = version("memray")
        self._background = Background()

    def recording(self, options: SampleOptions = PLAIN) -> MemrayRecording:
        """Prepare one sample; the one before is overwritten."""
        if self._followed:
            for left in self._folder.glob("capture.bin.*"):
                left.unlink()
        self._followed = options.children
        self._survivors.unlink(missing_ok=True)
        self._warm_up()
        return MemrayRecording(self._capture, self.namer, options, self._background)

    def _warm_up(self) -> None:
        """Make the first tracker of a process and drop it: memray imports modules for it.

        They leave 1,600 tuples in the interpreter's free lists, and the test that takes them would
        seem to need 80 KiB less than it does in any other order. On some builds of Python memray warns, when
        it first starts, that it corrects symbols: that is not output of the test.
        """
        if not self._is_warm:
            self._is_warm = True
            set_log_level(logging.ERROR)
            with suppress(MeterError):  # whatever it is, the sample's own tracker says so
                _tracker(self._capture, PLAIN)

    def made_with(self) -> Mapping[str, str]:
        """Return memray's version."""
        return {"memray": self._version}

    def survivors(self, body: Callable[[], None], *, native: bool = False) -> list[Survivor]:
        """Run `body` once and return what it allocated that outlived it.

        By tracemalloc where memray cannot trace it, or lost frames of its stacks.
        """
        self._survivors.unlink(missing_ok=True)
        try:
            mark = _trace(body, self._survivors, native=native)
            with open_capture(self._survivors) as reader:
                if not lost_frames(reader, mark):
                    return read_survivors(reader, native=native)
        except MeterError:
            pass
        return tracemalloc_meter.survivors(body)

    def keep_last(self, destination: str, *, survivors: bool = False) -> bool:
        """Copy the last capture, for `memray flamegraph` and the like."""
        capture = self._survivors if survivors else self._capture
        if not capture.exists():
            return False
        shutil.copyfile(capture, destination)
        return True

    def close(self) -> None:
        """Remove the captures, and let memray warn again."""
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._is_warm:
            set_log_level(logging.WARNING)


@final
class MemrayRecording:
    """One sample by memray."""

    def __init__(self, path: Path, namer: SiteNamer, options: SampleOptions, background: Background) -> None:
        self._path = path
        self._namer = namer
        self._options = options
        self._background = background
        self._seconds = 0.0
        self._held: dict[int, dict[str, int]] | None = None
        self._held_bytes: dict[int, int] = {}
        self._unknown: tuple[int, ...] = ()
        self._threads = RunningThreads()  # here, or what it allocates and frees would show in the sample
        self._thread = UnnoticedThread()
        self._has_ended = True
        self._stop: Callable[[], None] | None = None
        self._mark: StackMark | None = None

    def __enter__(self) -> MemrayRecording:
        """Start the tracker; another active one is a reason not to measure."""
        tracker = _tracker(self._path, self._options)
        self._thread.begin()
        clear_type_caches()
        self._mark = StackMark()
        self._seconds = -time.monotonic()  # here, or it would take the place of a float that the test freed
        try:
            self._stop = start(tracker)
        except BaseException:
            self._thread.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Collect what the sample left behind, then stop."""
        if self._stop is None:
            return
        self._has_ended = self._threads.let_later_ones_end()
        gc.collect()
        clear_type_caches()
        if self._mark is not None:
            self._mark.leave()
        self._stop()
        self._stop = None
        self._seconds += time.monotonic()
        self._thread.end()
        if self._mark is not None:
            self._mark.drop()

    def look_beside(self) -> None:
        """Find out which threads beside the test allocate all the same, unless some of its own still run."""
        self._held_by_others()
        if self._unknown and self._has_ended and others_run():
            self._background.look(
                self._unknown,
                partial(self._peaks_while_idle, self._unknown),
                sample_seconds=self._seconds,
            )

    def sample(self) -> Sample:
        """Read the capture; the memory of harness and plugins is left out by site."""
        held = self._held_by_others()
        background = self._background.within(self._held_bytes)
        children = sorted(self._path.parent.glob(f"{self._path.name}.*")) if self._options.children else []
        with open_capture(self._path) as own:
            has_lost_frames = self._mark is not None and lost_frames(own, self._mark)
            tally = Tally(self._namer, has_lost_frames=has_lost_frames, background=background)
            is_exact = self._options.counted and self._are_few(own, children)
            read = read_every_record if is_exact else read_aggregated
            read(own, tally, native=self._options.native)
        tally.is_of_ended_process = True
        for child in children:
            with open_capture(child) as reader:
                read(reader, tally, native=self._options.native)
        places = {place for thread in background & held.keys() for place in held[thread]}
        return replace(tally.sample(), background=tuple(sorted(places)))

    def _held_by_others(self) -> dict[int, dict[str, int]]:
        """Return what threads beside the test's held at the peak, by thread and place; it is read once."""
        if self._held is None:
            mark = self._mark if others_run() else None
            self._held = {} if mark is None else held_by_others(self._path, mark, Tally(self._namer))
            self._held_bytes = {thread: sum(places.values()) for thread, places in self._held.items()}
            self._unknown = self._background.unknown(self._held_bytes)
        return self._held

    def _peaks_while_idle(self, threads: tuple[int, ...], seconds: float) -> dict[int, int]:
        path = self._path.with_name("idle.bin")
        stop = start(_tracker(path, SampleOptions(counted=True)))
        try:
            time.sleep(seconds)
        finally:
            stop()
        return {thread: peak_of_thread(path, thread, Tally(self._namer)) for thread in threads}

    def _are_few(self, own: FileReader, children: list[Path]) -> bool:
        at_most = self._options.at_most
        if at_most is None:
            return True
        records = number_of_records(own)
        for child in children:
            with open_capture(child) as reader:
                records += number_of_records(reader)
        return records <= at_most


def _tracker(path: Path, options: SampleOptions) -> Tracker:
    try:
        with LowNumbersOccupied():
            return Tracker(
                destination=FileDestination(path, overwrite=True, compress_on_exit=False),
                native_traces=options.native,
                follow_fork=options.children,
                trace_python_allocators=True,
                memory_interval_ms=_SNAPSHOT_INTERVAL_MS,
                # an aggregated capture is written at the end, which a fork that calls `os._exit` has not
                file_format=FileFormat.ALL_ALLOCATIONS
                if options.counted or options.children
                else FileFormat.AGGREGATED_ALLOCATIONS,
            )
    except (OSError, RuntimeError) as error:
        where = "Make the temporary folder (TMPDIR) writable, with room on its disk, then run again."
        raise MeterError(f"memray could not create its capture ({error}). {where}") from error


def _trace(body: Callable[[], None], path: Path, *, native: bool) -> StackMark:
    """Run `body` under memray, with its garbage collected before the end."""
    tracker = _tracker(path, SampleOptions(native=native))
    with only_new_garbage():
        clear_type_caches()
        mark = StackMark()
        stop = start(tracker)
        try:
            body()
        finally:
            gc.collect()
            clear_type_caches()
            mark.leave()
            stop()
            mark.drop()
    return mark
