"""Flame graphs of captures: memray's own, and the difference between two."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from pytest_memguard.core.flames import FlameNode
from pytest_memguard.meters.memray_captures import open_capture, require_whole
from pytest_memguard.meters.memray_tracker import AllocationRecord, FileReader, flame_graph_reporter
from pytest_memguard.meters.site_namer import SiteNamer
from pytest_memguard.meters.stacks import Frame

MOST_FRAMES = 200
"""Deeper stacks are cut: a page cannot show more, and a recursion repeats itself."""


def memray_flame_graph(capture: Path, *, of_end: bool) -> str:
    """Return memray's own page, with all that it needs in it; raises `MeterError`.

    `of_end` shows what was still alive at the end, otherwise what was at the peak.
    """
    require_whole(capture)
    with open_capture(capture) as reader:
        reporter = flame_graph_reporter().from_snapshot(
            _records(reader, of_end=of_end),
            memory_records=tuple(reader.get_memory_snapshots()),
            native_traces=reader.metadata.has_native_traces,
        )
        written = io.StringIO()
        reporter.render(
            outfile=written,
            metadata=reader.metadata,
            show_memory_leaks=of_end,
            merge_threads=True,
            inverted=False,
            no_web=True,
        )
    return written.getvalue()


def difference(before: Path, after: Path, namer: SiteNamer, *, of_end: bool) -> FlameNode:
    """Return the tree of both captures, without what pytest and its plugins hold; raises `MeterError`."""
    root = FlameNode("the test", "")
    for capture, is_after in ((before, False), (after, True)):
        require_whole(capture)
        with open_capture(capture) as reader:
            for record in _records(reader, of_end=of_end):
                frames: list[Frame] = record.stack_trace()
                if namer.belongs_to_test(frames):
                    _add(root, _own_part(frames, namer), record.size, is_after=is_after)
    return root


def _records(reader: FileReader, *, of_end: bool) -> Iterable[AllocationRecord]:
    if of_end:
        return reader.get_leaked_allocation_records(merge_threads=True)
    return reader.get_high_watermark_allocation_records(merge_threads=True)


def _own_part(frames: list[Frame], namer: SiteNamer) -> list[tuple[str, str]]:
    """Return function and file of each frame from the test on, outermost first."""
    named = [(frame[0], namer.name_of(frame[1]), namer.left_out_by([frame])) for frame in reversed(frames)]
    own = [number for number, (_, file, _) in enumerate(named) if file.startswith("pytest_memguard/")]
    start = own[-1] + 1 if own else 0
    while start < len(named) and named[start][2] is not None:
        start += 1
    return [(function, file) for function, file, _ in named[start : start + MOST_FRAMES]]


def _add(root: FlameNode, path: Iterable[tuple[str, str]], size_bytes: int, *, is_after: bool) -> None:
    node = root
    _count(node, size_bytes, is_after=is_after)
    for function, file in path:
        node = node.child(function, file)
        _count(node, size_bytes, is_after=is_after)


def _count(node: FlameNode, size_bytes: int, *, is_after: bool) -> None:
    if is_after:
        node.after_bytes += size_bytes
    else:
        node.before_bytes += size_bytes
