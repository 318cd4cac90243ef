"""Checks that each planned test left exactly one result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

_FINAL = ("passed", "failed", "skipped")
"""Outcomes of a report that ends its test; plugins that run a test again report others before."""


class PlannedTests:
    """Counts the results of each planned test, in the process that reports to the user."""

    def __init__(self) -> None:
        self.running = ""
        self._planned: set[str] = set()
        self._finished: set[str] = set()
        self._delivered: Counter[str] = Counter()
        self.unjudged: set[str] = set()
        """The tests whose own end left nothing to judge."""
        self._crashed: dict[str, str] = {}

    def add(self, test_ids: Iterable[str]) -> None:
        """Note tests that are going to run; workers of pytest-xdist all name the same ones."""
        self._planned.update(test_ids)

    def finished(self, test_id: str) -> None:
        """Note that pytest is done with a test."""
        self._finished.add(test_id)

    def delivered(self, report: pytest.TestReport) -> bool:
        """Note that a report brought a result; say whether an earlier one had ended its test already."""
        if report.outcome not in _FINAL:
            return False
        self._delivered[report.nodeid] += 1
        if not getattr(report, "memguard_judged", True):
            self.unjudged.add(report.nodeid)
        return self._delivered[report.nodeid] > 1

    def crashed(self, report: pytest.TestReport) -> None:
        """Note a test whose process ended under it."""
        self._crashed[report.nodeid] = str(report.longrepr)

    def crashes(self) -> dict[str, str]:
        """Return what ended the process of each planned test that crashed, and has no result for it."""
        return {
            test_id: said
            for test_id, said in self._crashed.items()
            if test_id in self._planned and not self._delivered[test_id]
        }

    @property
    def place(self) -> str:
        """What is running: a test, or a hook between tests."""
        return self.running or "a hook"

    @property
    def is_going_on(self) -> bool:
        """Whether a test is running, or a planned one is still to run."""
        return bool(self.running or not self._planned or self.never_run())

    def lost(self, *, stopped: bool) -> tuple[str, ...]:
        """Return the planned tests without a result; of a run that stopped early, those that had run."""
        due = self._planned & self._finished if stopped else self._planned
        return tuple(sorted(due - set(self._delivered) - set(self._crashed)))

    def never_run(self) -> tuple[str, ...]:
        """Return the planned tests that pytest did not end; only a run that was stopped has any."""
        return tuple(sorted(self._planned - self._finished - set(self._delivered) - set(self._crashed)))

    def doubled(self) -> tuple[str, ...]:
        """Return the planned tests that ended more than once."""
        return tuple(sorted(test_id for test_id, count in self._delivered.items() if count > 1))
