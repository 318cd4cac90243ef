"""The memray meter: Python allocators traced, aggregated captures, read back at once."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import final

import memray

from pytest_memguard.meters.collection import clear_type_caches, only_new_garbage
from pytest_memguard.meters.contract import MeterError
from pytest_memguard.meters.sites import Frame, SiteNamer
from pytest_memguard.meters.tally import Tally
from pytest_memguard.model import Sample

Survivor = tuple[int, int, tuple[Frame, ...]]
"""Bytes, number of blocks, and the stack that allocated them, innermost first."""

_SNAPSHOT_INTERVAL_MS = 10


class MemrayMeter:
    """Measures what Python's allocators and the C heap hand out, to the byte."""

    name = "memray"
    label = "memray (python allocators traced)"

    def __init__(self, namer: SiteNamer) -> None:
        self._namer = namer
        self._folder = Path(tempfile.mkdtemp(prefix="memguard-"))
        self._capture = self._folder / "capture.bin"

    def recording(self, *, native: bool = False, children: bool = False) -> MemrayRecording:
        """Prepare one sample; the one before is overwritten."""
        for left in self._folder.glob("capture.bin*"):
            left.unlink()
        return MemrayRecording(self._capture, self._namer, native=native, children=children)

    def made_with(self) -> Mapping[str, str]:
        """Return memray's version."""
        return {"memray": version("memray")}

    def keep_last(self, destination: str) -> bool:
        """Copy the last capture, for `memray flamegraph` and the like."""
        if not self._capture.exists():
            return False
        shutil.copyfile(self._capture, destination)
        return True

    def close(self) -> None:
        """Remove the captures."""
        shutil.rmtree(self._folder, ignore_errors=True)


@final
class MemrayRecording:
    """One sample by memray."""

    def __init__(self, capture: Path, namer: SiteNamer, *, native: bool, children: bool) -> None:
        self._path = capture
        self._namer = namer
        self._children = children
        self._tracker = _tracker(capture, native=native, children=children)

    def __enter__(self) -> MemrayRecording:
        """Start the tracker; another active one is a reason not to measure."""
        clear_type_caches()
        _enter(self._tracker)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Collect what the sample left behind, then stop."""
        gc.collect()
        clear_type_caches()
        self._tracker.__exit__(kind, error, trace)

    def sample(self) -> Sample:
        """Read the capture; the memory of harness and plugins is left out by site."""
        tally = Tally(self._namer)
        allocations = _read(self._path, tally)
        if self._children:
            for path in sorted(self._path.parent.glob(f"{self._path.name}.*")):
                allocations += _read(path, tally)
        return tally.sample(allocations)


def _tracker(path: Path, *, native: bool, children: bool) -> memray.Tracker:
    try:
        return memray.Tracker(
            destination=memray.FileDestination(path, overwrite=True, compress_on_exit=False),
            native_traces=native,
            follow_fork=children,
            trace_python_allocators=True,
            memory_interval_ms=_SNAPSHOT_INTERVAL_MS,
            file_format=memray.FileFormat.AGGREGATED_ALLOCATIONS,
        )
    except (OSError, RuntimeError) as error:
        raise MeterError(f"memray could not start: {error}") from error


def _enter(tracker: memray.Tracker) -> None:
    try:
        tracker.__enter__()
    except RuntimeError as error:
        raise MeterError(
            f"memray could not start ({error}); only one tracker can be active, so run without the other one."
        ) from error


def _read(path: Path, tally: Tally) -> int:
    """Add one capture to a tally and return its number of allocations."""
    try:
        _drop_padding(path)
        with closing(memray.FileReader(path)) as reader:
            for record in reader.get_high_watermark_allocation_records(merge_threads=True):
                tally.add_peak(record.size, _stack(record.stack_trace))
            for record in reader.get_leaked_allocation_records(merge_threads=True):
                tally.add_retained(record.size, _stack(record.stack_trace))
            return int(reader.metadata.total_allocations)
    except (OSError, RuntimeError, ValueError) as error:
        raise MeterError(f"the capture of memray cannot be read: {error}") from error


def _stack(stack_trace: Callable[[int], list[Frame]]) -> Iterable[Frame]:
    """Give the innermost frames first and the rest only where they are asked for."""
    nearest = stack_trace(_NEAREST_FRAMES)
    yield from nearest
    if len(nearest) == _NEAREST_FRAMES:
        yield from stack_trace(sys.maxsize)[_NEAREST_FRAMES:]


_NEAREST_FRAMES = 24


def _drop_padding(path: Path) -> None:
    """Cut the zeros that memray maps ahead; its reader would walk them backwards byte by byte, each time."""
    with path.open("r+b") as capture:
        size = capture.seek(0, os.SEEK_END)
        while size:
            start = max(0, size - 65536)
            capture.seek(start)
            kept = capture.read(size - start).rstrip(b"\0")
            if kept:
                capture.truncate(start + len(kept))
                return
            size = start


def traced_survivors(body: Callable[[], None], *, native: bool) -> list[Survivor]:
    """Run `body` once under memray and return what it allocated that outlived it.

    Garbage is collected first. With `native`, stacks include frames of extensions. Raises
    `MeterError` where memray cannot start or its capture cannot be read.
    """
    folder = tempfile.mkdtemp(prefix="memguard-")
    path = Path(folder) / "capture.bin"
    try:
        tracker = _tracker(path, native=native, children=False)
        with only_new_garbage():
            clear_type_caches()
            _enter(tracker)
            try:
                body()
            finally:
                gc.collect()
                clear_type_caches()
                tracker.__exit__(None, None, None)
        return _survivors(path, native=native)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _survivors(path: Path, *, native: bool) -> list[Survivor]:
    try:
        _drop_padding(path)
        with closing(memray.FileReader(path)) as reader:
            return [
                (
                    record.size,
                    record.n_allocations,
                    tuple(record.hybrid_stack_trace() if native else record.stack_trace()),
                )
                for record in reader.get_leaked_allocation_records(merge_threads=True)
            ]
    except (OSError, RuntimeError, ValueError) as error:
        raise MeterError(f"the capture of memray cannot be read: {error}") from error
