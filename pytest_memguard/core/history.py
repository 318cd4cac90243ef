"""What is known of the accepted numbers over time: plain data, for every output that shows it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.policy import CreepLimit


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as people name it; `seconds` is when it was committed, since the epoch."""

    id: str
    seconds: int
    author: str
    subject: str

    @property
    def short(self) -> str:
        """The beginning of the id, as people write it."""
        return self.id[:10]

    @property
    def day(self) -> dt.date:
        """The day in UTC."""
        return dt.datetime.fromtimestamp(self.seconds, dt.timezone.utc).date()


class Evidence(str, Enum):
    """What shows that an entry is an earlier one with a new name."""

    FILE = "file"
    NAME = "name"
    NUMBERS = "numbers"


@dataclass(frozen=True, slots=True)
class Renaming:
    """The name that an entry had before, and how that is known."""

    old_id: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """What one commit did to the entry of one test.

    `was` is absent where there was none before, `now` where it was removed. `perhaps` are entries of
    about the same size that the same commit removed: a new one may be any of them under another name.
    """

    commit: Commit
    test_id: str
    was: Entry | None
    now: Entry | None
    renaming: Renaming | None = None
    perhaps: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """The note that came with this step; empty if an earlier step has it already."""
        note = self.now.note if self.now else ""
        return "" if self.was is not None and self.was.note == note else note


@dataclass(frozen=True, slots=True)
class TestHistory:
    """The steps of one test, the oldest first, under every name that it had; `id` is the last one."""

    __test__ = False

    id: str
    steps: tuple[HistoryStep, ...]

    @property
    def entry(self) -> Entry | None:
        """What is accepted now; nothing where the entry is gone."""
        return self.steps[-1].now

    def series(self, metric: str) -> list[tuple[Commit, int]]:
        """Return the accepted values of a metric, one for each commit that wrote the entry."""
        return [
            (step.commit, step.now.metrics[metric])
            for step in self.steps
            if step.now is not None and metric in step.now.metrics
        ]


@dataclass(frozen=True, slots=True)
class Past:
    """What was accepted of a test on the day `since`, and each step from then on, the oldest first.

    `perhaps` are entries that were removed when it was new: what they had accepted before may belong to it.
    A note that came with it, or since then, says that somebody has looked at it.
    """

    since: dt.date
    entry: Entry
    steps: tuple[HistoryStep, ...] = ()
    perhaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """The accepted numbers of one environment over the commits of a repository.

    `is_shallow` says that the clone lacks older commits, `unread` names files of commits that
    cannot be read, each as `commit:path`, so that what they did is not known.
    """

    environment: str
    tests: Mapping[str, TestHistory]
    is_shallow: bool = False
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pasts:
    """What was accepted of each test at the start of a window of days; all are by its number of days.

    `missing` says why that is not known; it is empty where it is known.
    """

    histories: Mapping[int, History]
    begun_on: Mapping[int, dt.date]
    missing: str = ""

    def of(self, test_id: str, limit: CreepLimit) -> Past | None:
        """Return what was accepted when the window began or, for a later entry, what was accepted first.

        Returns None where no commit of the window changed the entry, or nothing is known.
        """
        history = self.histories.get(limit.days)
        found = history.tests.get(test_id) if history is not None else None
        if found is None:
            return None
        first, *rest = _of_one_meter(found.steps)
        if first.was is not None:
            return Past(self.begun_on[limit.days], first.was, (first, *rest))
        if first.now is not None:
            is_explained = any(step.note for step in found.steps)
            return Past(first.commit.day, first.now, tuple(rest), () if is_explained else first.perhaps)
        return None


def _of_one_meter(steps: Sequence[HistoryStep]) -> Sequence[HistoryStep]:
    """Return the steps since the meter last changed, since only their figures compare; the first is new."""
    for at in range(len(steps) - 1, -1, -1):
        was, now = steps[at].was, steps[at].now
        if was is not None and now is not None and not (was.is_of(now.meter) or now.is_of(was.meter)):
            return (replace(steps[at], was=None), *steps[at + 1 :])
    return steps


ReadPasts = Callable[[Path, Path, str, Iterable[int]], Pasts]
"""Reads what was accepted before: by project, baseline, environment, and the lengths of windows in days."""
