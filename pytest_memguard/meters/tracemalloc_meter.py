"""The tracemalloc meter of the standard library, which sees Python's allocators only."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import final

from pytest_memguard.core.metrics import PEAK
from pytest_memguard.core.sample import Sample
from pytest_memguard.meters.ending_threads import RunningThreads
from pytest_memguard.meters.garbage import clear_type_caches, only_new_garbage
from pytest_memguard.meters.peak_watch import PeakWatch
from pytest_memguard.meters.protocol import PLAIN, MeterError, SampleOptions
from pytest_memguard.meters.site_namer import SiteNamer
from pytest_memguard.meters.stacks import Frame, Survivor
from pytest_memguard.meters.tally import Tally

_FRAMES = 32


class TracemallocMeter:
    """Measures Python's allocators; C memory that bypasses them is not seen."""

    name = "tracemalloc"
    label = "tracemalloc (python allocators only)"
    counts_allocations = False
    follows_forks = False
    names_peaks = False
    sees_heap = False

    def __init__(self, namer: SiteNamer) -> None:
        self.namer = namer

    def recording(self, options: SampleOptions = PLAIN) -> TracemallocRecording:
        """Prepare one sample; tracemalloc has means for `near_bytes` alone."""
        near_bytes = options.near_bytes
        watch = None if near_bytes is None else PeakWatch(self.namer.is_written_here, near_bytes)
        return TracemallocRecording(self.namer, watch)

    def made_with(self) -> Mapping[str, str]:
        """Return nothing beyond the interpreter: tracemalloc is part of it."""
        return {}

    def survivors(
        self,
        body: Callable[[], None],
        *,
        native: bool = False,  # noqa: ARG002 - tracemalloc sees no frames of extensions
    ) -> list[Survivor]:
        """Run `body` and return what outlived it."""
        return survivors(body)

    def keep_last(self, destination: str, *, survivors: bool = False) -> bool:  # noqa: ARG002 - the contract's arguments
        """Return False: there is no capture."""
        return False

    def close(self) -> None:
        """Leave nothing behind: there is nothing on disk."""


def survivors(body: Callable[[], None]) -> list[Survivor]:
    """Run `body` under tracemalloc, which may be on already; what was traced before it is left out."""
    ours = not tracemalloc.is_tracing()
    if ours:
        tracemalloc.start(_FRAMES)
    try:
        with only_new_garbage():
            gc.collect()
            clear_type_caches()
            before = tracemalloc.take_snapshot()
            body()
            gc.collect()
            clear_type_caches()
            after = tracemalloc.take_snapshot()
    finally:
        if ours:
            tracemalloc.stop()
    return [
        (difference.size_diff, difference.count_diff, tuple(_frames(difference.traceback)))
        for difference in after.compare_to(before, "traceback")
        if difference.size_diff > 0
    ]


@final
class TracemallocRecording:
    """One sample by tracemalloc; its sites are those of what was retained, and of a peak that is watched."""

    def __init__(self, namer: SiteNamer, watch: PeakWatch | None = None) -> None:
        self._namer = namer
        self._watch = watch
        self._peak_bytes = 0
        self._threads = RunningThreads()  # here, or what it allocates and frees would show in the sample
        self._snapshot: tracemalloc.Snapshot | None = None

    def __enter__(self) -> TracemallocRecording:
        """Start tracing; tracing that is on already belongs to somebody else."""
        if tracemalloc.is_tracing():
            raise MeterError(
                "tracemalloc is tracing already (PYTHONTRACEMALLOC or the test itself started it). "
                "Run without it, or use another meter."
            )
        clear_type_caches()
        tracemalloc.start(_FRAMES)
        if self._watch is not None:
            try:
                self._watch.start()
            except MeterError:
                tracemalloc.stop()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Collect what the sample left behind, then stop."""
        if self._watch is not None:
            self._watch.stop()
        if not tracemalloc.is_tracing():
            return
        self._threads.let_later_ones_end()
        gc.collect()
        clear_type_caches()
        self._peak_bytes = tracemalloc.get_traced_memory()[1]
        self._snapshot = tracemalloc.take_snapshot()
        tracemalloc.stop()

    def look_beside(self) -> None:
        """Do nothing: tracemalloc does not know threads."""

    def sample(self) -> Sample:
        """Return the peak as tracemalloc saw it and what was retained, without the harness."""
        if self._snapshot is None:
            raise MeterError(
                "the test stopped tracemalloc while memguard measured with it. Use another meter for it."
            )
        tally = Tally(self._namer)
        for statistic in self._snapshot.statistics("traceback"):
            tally.add_retained(statistic.size, tally.charge(_frames(statistic.traceback)))
        if self._watch is not None and self._watch.snapshot is not None:
            for statistic in self._watch.snapshot.statistics("traceback"):
                tally.add_peak(statistic.size, tally.charge(_frames(statistic.traceback)))
            tally.add_peak(self._watch.passing_bytes, tally.charge([self._watch.line]))
        counted = tally.sample()
        metrics = {**counted.metrics, PEAK: self._peak_bytes}
        return Sample(metrics=metrics, sites=counted.sites)


def _frames(traceback: tracemalloc.Traceback) -> Iterable[Frame]:
    """Turn a traceback, outermost first and without functions, into frames."""
    return [("", frame.filename, frame.lineno) for frame in reversed(list(traceback))]
