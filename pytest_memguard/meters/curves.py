"""Makes curves: what a sample held over time, in as many points as a reader can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pytest_memguard.core.sample import CURVE_POINTS, RECORDS, TIME, Curve

_FEWEST_SNAPSHOTS = 4


class Snapshot(Protocol):
    """What memray notes every few milliseconds: the time in them, and the bytes that are traced."""

    @property
    def time(self) -> int:
        """Milliseconds since the epoch."""

    @property
    def heap(self) -> int:
        """Bytes alive that the tracker saw allocated."""


class CurveOfRecords:
    """Keeps the largest of every few values, and of twice as many each time there are too many points.

    No clock is in it: the same test has the same curve on every machine.
    """

    def __init__(self) -> None:
        self._tops: list[int] = []
        self._stride = 1
        self._seen = 0
        self._top = 0
        self._length = 0

    def add(self, held_bytes: Sequence[int]) -> None:
        """Take what was held after each of the next allocations and frees.

        Many at once cost a tenth of what they cost one by one.
        """
        done = 0
        while done < len(held_bytes):
            part = held_bytes[done : done + self._stride - self._seen]
            top = max(part)
            self._top = max(self._top, top) if self._seen else top
            self._seen += len(part)
            done += len(part)
            if self._seen == self._stride:
                self._close()

    def _close(self) -> None:
        self._tops.append(self._top)
        self._length += self._seen
        self._seen = 0
        if len(self._tops) == CURVE_POINTS:
            self._tops = [max(pair) for pair in zip(self._tops[::2], self._tops[1::2], strict=True)]
            self._stride *= 2

    def curve(self) -> Curve | None:
        """Return the curve; None where nothing was allocated."""
        if self._seen:
            self._close()
        return Curve(RECORDS, self._length, tuple(self._tops)) if self._tops else None


def curve_of_snapshots(snapshots: Sequence[Snapshot]) -> Curve | None:
    """Return what was alive over time; None where there are too few snapshots to see anything.

    A part of the time without a snapshot has the value of the one before.
    """
    if len(snapshots) < _FEWEST_SNAPSHOTS:
        return None
    start, length = snapshots[0].time, snapshots[-1].time - snapshots[0].time
    parts = min(CURVE_POINTS, len(snapshots))
    held: list[int | None] = [None] * parts
    for snapshot in snapshots:
        part = min(parts - 1, max(0, (snapshot.time - start) * parts // max(1, length)))
        known = held[part]
        held[part] = snapshot.heap if known is None else max(known, snapshot.heap)
    filled: list[int] = []
    for value in held:
        filled.append(value if value is not None else filled[-1])
    return Curve(TIME, max(0, length), tuple(filled))
