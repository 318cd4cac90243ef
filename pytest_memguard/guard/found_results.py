"""What a guarded run has found so far: a result for each test, and for each entry without one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pytest_memguard.core.known_leaks import KnownLeak
from pytest_memguard.core.node_ids import without_case, without_region
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.renames import new_names
from pytest_memguard.core.run_results import RunProblem, RunResults, TestResult
from pytest_memguard.gate.judge import WITHOUT_GUARD, WITHOUT_TEST
from pytest_memguard.gate.known_leaks import unused
from pytest_memguard.gate.wording import OTHER_CASES, renamed_texts
from pytest_memguard.guard.session import GuardSession, today
from pytest_memguard.storage.accepting import entry_from


class FoundResults:
    """The results of one run, of all its processes."""

    def __init__(self, session: GuardSession) -> None:
        self._session = session
        self._results: dict[str, TestResult] = {}
        self.left_out: set[str] = set()
        """Ids of entries that the run met and need not judge."""
        self.lines: dict[str, int] = {}
        """Where tests stand in their files."""

    def add(self, result: TestResult) -> None:
        """Keep a result; a later one of the same test, from a rerun, takes its place."""
        self._results[result.id] = result

    def is_failing(self, test_id: str) -> bool:
        """Say whether a test has a result that fails it."""
        return test_id in self._results and self._results[test_id].fails

    def add_stale(self, test_ids: Iterable[str]) -> None:
        """Keep a result for each entry whose test is gone."""
        for test_id in test_ids:
            self.add(self._session.result(test_id, WITHOUT_TEST))

    def add_unguarded(self, test_ids: Iterable[str]) -> None:
        """Keep a result for each entry whose test is not guarded any more."""
        for test_id in test_ids:
            self.add(self._session.result(test_id, WITHOUT_GUARD))

    def look_for_renames(self) -> None:
        """Say of entries without a test which new test may be theirs, or that it has new cases."""
        entries = {test_id: self._session.baseline.entry(test_id) for test_id in self._of(Outcome.STALE)}
        gone = {test_id: entry for test_id, entry in entries.items() if entry is not None}
        came = {
            test_id: entry_from(measurement)
            for test_id in self._of(Outcome.NEW, Outcome.NO_BASELINE)
            if (measurement := self._results[test_id].measurement) is not None
        }
        names, tests = new_names(gone, came), set(map(without_case, came))
        for old_id in gone:
            if old_id in names:
                reason, *hints = renamed_texts(old_id, names[old_id])
            elif without_case(old_id) in tests:
                reason, *hints = (OTHER_CASES,)
            else:
                continue
            verdict = replace(WITHOUT_TEST, reason=reason)
            self.add(replace(self._session.result(old_id, verdict), hints=tuple(hints)))

    def _of(self, *outcomes: Outcome) -> list[str]:
        return [test_id for test_id, result in self._results.items() if result.outcome in outcomes]

    def unused_known_leaks(self) -> tuple[KnownLeak, ...]:
        """Return those that took nothing out of any finding, where tests were checked for leaks."""
        leaks = [result.leak for result in self._results.values() if result.leak is not None]
        return unused(self._session.settings.known_leaks, leaks, today()) if leaks else ()

    def judged(self, problems: tuple[RunProblem, ...] = ()) -> RunResults:
        """Return everything this run has found, in the order of the tests' ids."""
        return RunResults(
            environment=self._session.environment,
            tests=tuple(self._with_line(self._results[test_id]) for test_id in sorted(self._results)),
            meter=self._session.chosen_meter().meter.label,
            made_with=self._session.made_with(),
            problems=problems,
            advisory=self._session.settings.advisory,
            baseline_dir=self._session.settings.baseline_dir,
            left_out=tuple(sorted(self.left_out)),
        )

    def _with_line(self, result: TestResult) -> TestResult:
        """Add where its test stands, if that is known."""
        line = self.lines.get(result.id) or self.lines.get(without_region(result.id), 0)
        return replace(result, line=line) if line else result
