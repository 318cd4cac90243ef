"""What the guards of tests took: rows of their own in the table of `--durations`."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

_LEAST_SECONDS = 0.005
"""Less is shown as nothing."""


class GuardTimes:
    """The seconds that all runs of each guarded test took together, where there was more than one.

    The report of a test has the time of one run, as without memguard.
    """

    def __init__(self) -> None:
        self._rows: list[SimpleNamespace] = []

    def take(self, report: pytest.TestReport) -> None:
        """Keep what a report carries, wherever its test ran."""
        seconds = getattr(report, "memguard_seconds", 0.0)
        if seconds - report.duration >= _LEAST_SECONDS:
            self._rows.append(SimpleNamespace(nodeid=report.nodeid, when="guard", duration=seconds))

    def put_into(self, reporter: pytest.TerminalReporter) -> None:
        """Add the rows to what pytest looks through for its slowest durations; it counts none of them."""
        reporter.stats.setdefault("", []).extend(self._rows)
