"""A project on disk with results and a baseline, and the command line run on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_memguard.cli import main
from pytest_memguard.core.entries import Entry
from pytest_memguard.core.environment import environment_key
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.paths import RESULTS_PATH
from pytest_memguard.core.policy import Policy
from pytest_memguard.core.run_results import RunResults, TestResult
from pytest_memguard.core.sites import Site, SiteBytes
from pytest_memguard.core.verdict import Verdict
from pytest_memguard.gate.judge import judge
from pytest_memguard.storage.baseline import BaselineStore
from pytest_memguard.storage.results import write_results

KIB = 1024
HERE = environment_key()


@dataclass
class Output:
    """What one command wrote, and the code that it ended with."""

    code: int
    lines: list[str]
    error: str


@dataclass
class CommandProject:
    """A folder with a `pyproject.toml`, a baseline and results."""

    root: Path
    capsys: pytest.CaptureFixture[str]

    def memguard(self, *arguments: str) -> Output:
        """Run the command line in this process, from the project's folder."""
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        captured = self.capsys.readouterr()
        code = ended.value.code
        return Output(code if isinstance(code, int) else -1, captured.out.splitlines(), captured.err)

    def store(self, environment: str = HERE) -> BaselineStore:
        """Return the baseline of an environment."""
        return BaselineStore(self.root / ".memguard" / "baseline", environment)

    def entries(self, *test_ids: str) -> dict[str, Entry]:
        """Return what is accepted in the modules of these tests."""
        return self.store().entries_of(test_ids)

    def accepted(self, **peaks: int) -> None:
        """Put entries into `tests/test_x.py`, by name and peak."""
        self.store().update(
            {f"tests/test_x.py::{name}": Entry({"peak": peak}) for name, peak in peaks.items()}
        )

    def run(self, *tests: TestResult, path: Path = Path(RESULTS_PATH), environment: str = HERE) -> Path:
        """Write the results of a run."""
        written = self.root / path
        write_results(
            written,
            RunResults(
                environment, tests, meter="memray", made_with={"memray": "1.20.0", "python": "3.11.7"}
            ),
        )
        return written


def measured(name: str, peak: int, entry: Entry | None = None) -> TestResult:
    """Make the result of a test of `tests/test_x.py`, judged as a run judges it."""
    measurement = Measurement(
        "memray", 1, {"peak": peak}, sites=(SiteBytes(Site("shop/cache.py", 41, "put"), peak),)
    )
    return TestResult(f"tests/test_x.py::{name}", judge(measurement, entry, Policy()), measurement)


def unmeasured(name: str, outcome: Outcome, reason: str = "because") -> TestResult:
    """Make the result of a test that was not measured."""
    return TestResult(f"tests/test_x.py::{name}", Verdict(outcome, reason))
