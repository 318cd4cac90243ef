"""The end of a guarded run: its problems, its results file, what it accepts, and its summary."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_memguard.accepting import plan_acceptance
from pytest_memguard.errors import MemguardError
from pytest_memguard.model import Outcome
from pytest_memguard.reports.text import summary_lines
from pytest_memguard.reports.untrusted import printable
from pytest_memguard.run_results import RunProblem, RunResults, TestResult
from pytest_memguard.storage.baseline import write_gitignore
from pytest_memguard.storage.results import write_results

if TYPE_CHECKING:
    from pytest_memguard.guarded_run import GuardedRun

_OUTSIDE = ("the test was skipped", "the test failed", "the test is expected to fail")


@dataclass(slots=True)
class Ending:
    """What the end of a run found, for its summary to tell."""

    results: RunResults | None = None
    differences: set[str] = field(default_factory=set)
    accepted: tuple[str, ...] = ()
    error: str = ""


def finish(run: GuardedRun, session: pytest.Session) -> None:
    """Write the results, accept them where asked to, and fail the run where a problem does."""
    ending = run.ending
    ending.differences.update(run.session.differences())
    ending.results = run.session.results(problems(run))
    try:
        write_gitignore(run.options.root / ".memguard")
        _write(run.options.results_paths, ending.results)
        run.old_results.drop()
        if run.options.accept:
            ending.accepted = _accept(run, ending.results)
    except MemguardError as error:
        ending.error = f"memguard: {error}"
        session.exitstatus = pytest.ExitCode.USAGE_ERROR
        return
    if _failed(ending.results) and session.exitstatus in (
        pytest.ExitCode.OK,
        pytest.ExitCode.NO_TESTS_COLLECTED,
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _write(paths: Sequence[Path], results: RunResults) -> None:
    """Write the results wherever that is possible; raises what kept one of them from being written."""
    with ExitStack() as stack:  # which goes on after an error, and raises it at its end
        for path in paths:
            stack.callback(write_results, path, results)


def _accept(run: GuardedRun, results: RunResults) -> tuple[str, ...]:
    """Write what changed into the baseline and return a line for each entry."""
    store = run.session.store
    with store.locked():
        entries = store.entries_of(test.id for test in results.tests)
        changes = plan_acceptance(results, entries)
        store.update(
            {change.test_id: change.new for change in changes},
            meter=results.meter,
            made_with=results.made_with,
        )
    return tuple(printable(change.description) for change in changes)


def problems(run: GuardedRun) -> tuple[RunProblem, ...]:
    """Say what is wrong with the run as a whole; in CI it fails, elsewhere it warns."""
    fails = run.options.in_ci and not run.options.accept and not run.session.settings.advisory
    tests = [test for test in run.results() if test.outcome is not Outcome.STALE]
    found = []
    if not tests:
        sentence = (
            "this run guarded no test, so it proves nothing about memory. Mark tests with "
            "@pytest.mark.memguard, or run with --memguard-all."
        )
        found.append(RunProblem("no-tests", sentence, fails))
    elif all(test.outcome is Outcome.NOT_MEASURED for test in tests):
        broken = any(not test.verdict.reason.startswith(_OUTSIDE) for test in tests)
        sentence = (
            "no guarded test was measured, so this run proves nothing about memory. Its reasons are above."
        )
        found.append(RunProblem("nothing-measured", sentence, fails and broken))
    uncompared = [test for test in tests if test.outcome is Outcome.NO_BASELINE]
    if tests and not run.options.accept and (uncompared or not run.session.has_baseline):
        sentence = _other_meter(uncompared) if run.session.has_baseline else _no_baseline(run)
        found.append(RunProblem("no-baseline", sentence, fails))
    return tuple(found)


def _other_meter(uncompared: Sequence[TestResult]) -> str:
    test, *more = uncompared
    others = f", nor {len(more)} more for the same reason" if more else ""
    return (
        f"{test.id} was not compared: {test.verdict.reason}{others}. Run with the meter of the baseline, "
        "or accept this run's numbers with: memguard accept"
    )


def _no_baseline(run: GuardedRun) -> str:
    others = [name for name in run.session.store.environments() if name != run.session.environment]
    there = f" There are baselines for {', '.join(others)}." if others else ""
    return (
        f"nothing is accepted for {run.session.environment} in {run.session.settings.baseline_dir}, "
        f"so nothing was compared.{there} Accept this run's numbers with: memguard accept"
    )


def tell(run: GuardedRun, terminal: pytest.TerminalReporter) -> None:
    """Write the summary into pytest's terminal report."""
    ending = run.ending
    if ending.results is None and not ending.error:
        return
    failed = bool(ending.error) or _failed(ending.results)
    terminal.write_sep("=", "memguard", red=failed, green=not failed)
    if ending.error:
        terminal.write_line(f"ERROR: {ending.error}", red=True)
    if ending.results is None:
        return
    if failed:
        for difference in sorted(ending.differences):
            terminal.write_line(f"note: {difference}; that is the likeliest innocent cause of a change")
    verbose = terminal.config.get_verbosity() > 0
    width = terminal._tw.fullwidth  # noqa: SLF001 - pytest's reporter has no public name for it
    for line in summary_lines(ending.results, width=width, verbose=verbose, accepting=run.options.accept):
        terminal.write_line(line)
    for line in ending.accepted:
        terminal.write_line(f"accepted  {line}")
    if run.options.accept:
        number = len(ending.accepted)
        entries = "1 entry" if number == 1 else f"{number} entries"
        terminal.write_line(f"accepted {entries} into {run.session.settings.baseline_dir}")


def _failed(results: RunResults | None) -> bool:
    return results is not None and (
        any(test.fails for test in results.tests) or any(problem.fails for problem in results.problems)
    )
