"""Says on a terminal what a test that takes long is doing, and how long the rest may take."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import pytest

from pytest_memguard.core.policy import Policy
from pytest_memguard.reports.untrusted import printable

_SAVE, _RESTORE_AND_ERASE = "\x1b7", "\x1b8\x1b[K"
"""Save the cursor; restore it and erase what follows it. Every terminal since the VT100 knows these."""

_LEAST_ROOM = 20
_ENOUGH_CHECKS = 3
_SECONDS_A_MINUTE = 60


class ProgressLine:
    """Writes behind pytest's own progress while a leak check runs, and takes it away again.

    Only a terminal sees any of it: not a file, not a log of CI, not a worker of pytest-xdist, and nobody
    with `-s`, where tests write to the terminal themselves.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._budgets: dict[str, float] = {}
        self._seconds: list[float] = []
        self._started = 0.0
        self._shown: pytest.TerminalReporter | None = None

    def plan(self, policies: Mapping[str, Policy]) -> None:
        """Remember which checks are to come, by the tests' ids."""
        self._budgets = {
            test_id: policy.leak_budget_seconds for test_id, policy in policies.items() if policy.leaks
        }

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Show what a test is going to do, after what pytest writes when it starts."""
        if nodeid not in self._budgets:
            return
        self._started = time.monotonic()
        self._shown = self._terminal()
        if self._shown is not None:
            self._write(self._shown, self._text(nodeid))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take it away before pytest writes how the test ended."""
        if report.nodeid not in self._budgets or (report.when == "setup" and report.passed):
            return
        if report.when == "call":
            self._seconds.append(time.monotonic() - self._started)
        if self._shown is not None:
            _put(self._shown, _RESTORE_AND_ERASE)
            self._shown = None

    def _terminal(self) -> pytest.TerminalReporter | None:
        terminal: pytest.TerminalReporter | None = self._config.pluginmanager.get_plugin("terminalreporter")
        wanted = (
            self._config.getoption("capture", default="no") != "no"
            and self._config.get_verbosity() >= 0
            and os.environ.get("TERM", "dumb") != "dumb"
        )
        return terminal if wanted and terminal is not None and terminal.isatty else None

    def _text(self, test_id: str) -> str:
        done, number = len(self._seconds), len(self._budgets)
        name = printable(test_id.partition("::")[2] or test_id)
        left = seconds_left(list(self._budgets.values())[done:], self._seconds)
        return f"  leak check {min(done + 1, number):,} of {number:,}, about {duration_text(left)}: {name}"

    def _write(self, terminal: pytest.TerminalReporter, text: str) -> None:
        """Write what has room on the line; a line that wraps could not be taken away again."""
        writer = terminal._tw  # noqa: SLF001 - pytest has no public name for it
        room = writer.fullwidth - writer.width_of_current_line - 1
        _put(terminal, _SAVE if room < _LEAST_ROOM else f"{_SAVE}{text[:room]}")


def seconds_left(budgets: list[float], seconds: list[float]) -> float:
    """Return what the checks to come may take: by those that are over or, at first, by their budgets.

    >>> seconds_left([1.0, 1.0], []), seconds_left([1.0, 1.0], [3.0, 3.0, 3.0])
    (2.0, 6.0)
    """
    if len(seconds) < _ENOUGH_CHECKS:
        return sum(budgets)
    return len(budgets) * sum(seconds) / len(seconds)


def duration_text(seconds: float) -> str:
    """Write a duration as people say it.

    >>> duration_text(0.4), duration_text(75), duration_text(600)
    ('1 s', '75 s', '10 min')
    """
    if seconds <= 2 * _SECONDS_A_MINUTE:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / _SECONDS_A_MINUTE)} min"


def _put(terminal: pytest.TerminalReporter, text: str) -> None:
    file = terminal._tw._file  # noqa: SLF001 - past the writer, which would take it for a part of its line
    file.write(text)
    file.flush()
