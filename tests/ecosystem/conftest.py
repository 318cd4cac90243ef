"""A trial for each neighbour, and the table of what they came to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ecosystem.compatibility import StageReport, write_table
from tests.ecosystem.neighbour import Neighbour
from tests.ecosystem.neighbours import SHARED
from tests.ecosystem.trial import Trial

TABLE = "MEMGUARD_ECOSYSTEM_TABLE"
"""The variable that names the page to write anew."""

TrialOf = Callable[[Neighbour], Trial]


@pytest.fixture(scope="session")
def trial_of(tmp_path_factory: pytest.TempPathFactory) -> TrialOf:
    """Return the one trial of a neighbour in this process."""
    trials: dict[str, Trial] = {}

    def trial(neighbour: Neighbour) -> Trial:
        if neighbour.name not in trials:
            requirements = frozenset(neighbour.requirements) if neighbour.is_alone else SHARED
            trials[neighbour.name] = Trial(neighbour, tmp_path_factory.mktemp(neighbour.slug), requirements)
        return trials[neighbour.name]

    return trial


class Table:
    """Collects the reports of the stages, those of workers too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reports: list[StageReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep how a stage ended."""
        if report.when == "call":
            kept = dict(report.user_properties)
            self._reports.append(
                StageReport(**{name: str(value) for name, value in kept.items()}, passed=report.passed)
            )

    def pytest_sessionfinish(self) -> None:
        """Write the table."""
        write_table(self._path, self._reports)


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get(TABLE) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Table(Path(os.environ[TABLE])))
